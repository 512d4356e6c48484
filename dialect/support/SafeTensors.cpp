// Offsets in the header count from its end.
#include "dialect/support/SafeTensors.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace vitya {

static constexpr StringLiteral kMetadataKey = "__metadata__";
static constexpr uint64_t kLengthBytes = sizeof(uint64_t), kAlignment = 8;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

bool isSafeTensors(StringRef file) { return file.size() > kLengthBytes && file[kLengthBytes] == '{'; }

static Error readShape(StringRef name, const json::Array &shape, std::vector<int64_t> &sizes) {
  for (const json::Value &element : shape) {
    std::optional<int64_t> size = element.getAsInteger();
    if (!size || *size < 0)
      return makeError("expected a shape of sizes for tensor '{0}', found {1}", name, json::Value(json::Array(shape)));
    sizes.push_back(*size);
  }
  return Error::success();
}

/// Reads the entry of one tensor of a file whose data is `dataBytes` long and begins at byte `dataBegin`.
static Expected<SafeTensor> readEntry(StringRef name, const json::Object &entry, uint64_t dataBegin,
                                      uint64_t dataBytes) {
  std::optional<StringRef> type = entry.getString("dtype");
  const json::Array *shape = entry.getArray("shape"), *offsets = entry.getArray("data_offsets");
  if (!type || !shape || !offsets || offsets->size() != 2)
    return makeError("expected dtype, shape and two data_offsets for tensor '{0}', found something else", name);
  SafeTensor tensor;
  tensor.name = name.str();
  tensor.type = type->str();
  if (Error error = readShape(name, *shape, tensor.shape))
    return std::move(error);
  std::optional<uint64_t> begin = (*offsets)[0].getAsUINT64(), end = (*offsets)[1].getAsUINT64();
  if (!begin || !end || *begin > *end || *end > dataBytes)
    return makeError("expected tensor '{0}' within {1} bytes of data, found data_offsets {2}", name, dataBytes,
                     json::Value(json::Array(*offsets)));
  tensor.offset = dataBegin + *begin;
  tensor.bytes = *end - *begin;
  return tensor;
}

Expected<SafeTensorsHeader> readSafeTensorsHeader(StringRef file) {
  if (file.size() < kLengthBytes)
    return makeError("expected safetensors, which begin with the {0} bytes of a length, found {1} bytes", kLengthBytes,
                     file.size());
  uint64_t headerBytes = support::endian::read64le(file.data());
  StringRef rest = file.drop_front(kLengthBytes);
  if (headerBytes > rest.size())
    return makeError("expected a safetensors header of {0} bytes, found only {1} bytes in the file", headerBytes,
                     rest.size());
  Expected<json::Value> parsed = parseJson(rest.take_front(headerBytes));
  if (!parsed)
    return makeError("expected a JSON header of safetensors, found one that is malformed: {0}",
                     toString(parsed.takeError()));
  const json::Object *object = parsed->getAsObject();
  if (!object)
    return makeError("expected a JSON object as header of safetensors, found another value");
  SafeTensorsHeader header;
  for (const auto &[key, value] : *object) {
    const json::Object *entry = value.getAsObject();
    if (!entry)
      return makeError("expected an object for '{0}' in the header of safetensors, found another value", key.str());
    if (StringRef(key) == kMetadataKey) {
      header.metadata = *entry;
      continue;
    }
    Expected<SafeTensor> tensor = readEntry(key, *entry, kLengthBytes + headerBytes, rest.size() - headerBytes);
    if (!tensor)
      return tensor.takeError();
    header.tensors.push_back(std::move(*tensor));
  }
  llvm::sort(header.tensors, [](const SafeTensor &left, const SafeTensor &right) {
    return std::tie(left.offset, left.name) < std::tie(right.offset, right.name);
  });
  return header;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void writeSafeTensors(ArrayRef<SafeTensor> tensors, const json::Object &metadata, raw_ostream &os,
                      function_ref<void(size_t, raw_ostream &)> writeData) {
  json::Object header{{kMetadataKey, json::Object(metadata)}};
  uint64_t offset = 0;
  for (const SafeTensor &tensor : tensors) {
    uint64_t end = offset + tensor.bytes;
    header[tensor.name] = json::Object{
        {"dtype", tensor.type}, {"shape", json::Array(tensor.shape)}, {"data_offsets", json::Array{offset, end}}};
    offset = end;
  }
  std::string text;
  raw_string_ostream(text) << json::Value(std::move(header));
  text.resize(alignTo(text.size(), kAlignment), ' ');
  support::endian::write<uint64_t>(os, text.size(), endianness::little);
  os << text;
  for (auto [index, tensor] : enumerate(tensors)) {
    [[maybe_unused]] uint64_t begin = os.tell();
    writeData(index, os);
    assert(os.tell() - begin == tensor.bytes && "expected the data of exactly one tensor");
  }
}

} // namespace vitya
