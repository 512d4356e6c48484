// The list of the weights of an archive: for each name the entry that holds its storage, and how the tensor lies in it.
#include "frontend/graph/GraphJson.h"
#include "frontend/graph/JsonMembers.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya {

using json::Path;
using json::Value;

/// The names of element types, in the order of their numbers in the schema.
static constexpr StringLiteral kScalarTypes[] = {"",          "uint8",      "int8",    "int16",   "int32",
                                                 "int64",     "float16",    "float32", "float64", "",
                                                 "complex64", "complex128", "bool",    "bfloat16"};

static const ElementType *findScalarType(int64_t number) {
  return number >= 0 && number < int64_t(std::size(kScalarTypes)) ? findTorchType(kScalarTypes[number]) : nullptr;
}

int64_t scalarTypeNumber(const ElementType &type) {
  return std::distance(std::begin(kScalarTypes), llvm::find(kScalarTypes, type.torchType));
}

static bool readListedTensor(const Member &member, ListedTensor &tensor) {
  std::optional<StringRef> record = member.get("path_name").string();
  if (!record)
    return false;
  tensor.record = record->str();
  Member pickled = member.get("use_pickle"), meta = member.get("tensor_meta"), type = meta.get("dtype");
  if (pickled.value && pickled.value->getAsBoolean().value_or(true))
    return pickled.report("expected false: the tensor is stored as an object of Python");
  std::optional<int64_t> number = type.integer();
  if (!number)
    return false;
  Tensor &result = tensor.named.tensor;
  result.type = findScalarType(*number);
  if (!result.type)
    return type.report("expected number of a known element type");
  Member offset = meta.get("storage_offset");
  auto read = offset.getUnion();
  std::optional<int64_t> first = read ? read->second.integer() : std::nullopt;
  if (!first)
    return false;
  result.offset = *first;
  return readSizes(meta.get("sizes"), result.shape) && readSizes(meta.get("strides"), result.strides);
}

// Found by JsonFile::map.
static bool fromJSON(const Value &value, std::vector<ListedTensor> &tensors, Path path) {
  Member root{&value, path}, config = root.get("config");
  const json::Object *members = config.object();
  if (!members)
    return false;
  for (const auto &[name, description] : *members) {
    tensors.push_back({"", {StringRef(name).str(), {}}});
    if (!readListedTensor({&description, config.path.field(StringRef(name))}, tensors.back()))
      return false;
  }
  llvm::sort(tensors, [](const ListedTensor &a, const ListedTensor &b) { return a.named.name < b.named.name; });
  return true;
}

Expected<std::vector<ListedTensor>> parseWeightList(StringRef name, StringRef text) {
  return parseEntry<std::vector<ListedTensor>>(name, text);
}

} // namespace vitya
