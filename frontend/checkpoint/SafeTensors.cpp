// Reads the header of https://github.com/huggingface/safetensors (format): u64 length, JSON, data. Offsets count from
// the end of the header.
#include "frontend/checkpoint/SafeTensors.h"
#include "frontend/checkpoint/MakeError.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"

using namespace llvm;

namespace vitya {

bool isSafeTensors(StringRef file) { return file.size() > sizeof(uint64_t) && file[sizeof(uint64_t)] == '{'; }

static Expected<Tensor> readEntry(StringRef name, const json::Object &entry, uint64_t dataBegin, uint64_t dataBytes) {
  std::optional<StringRef> typeName = entry.getString("dtype");
  const json::Array *shape = entry.getArray("shape"), *offsets = entry.getArray("data_offsets");
  if (!typeName || !shape || !offsets || offsets->size() != 2)
    return makeError("expected dtype, shape and two data_offsets for tensor '{0}', found something else", name);
  Tensor tensor;
  tensor.type = findSafetensorsType(*typeName);
  if (!tensor.type)
    return makeError("expected a known element type for tensor '{0}', found '{1}'", name, *typeName);
  for (const json::Value &size : *shape) {
    std::optional<int64_t> number = size.getAsInteger();
    if (!number || *number < 0)
      return makeError("expected a shape of sizes for tensor '{0}', found {1}", name, json::Value(json::Array(*shape)));
    tensor.shape.push_back(*number);
  }
  std::optional<uint64_t> begin = (*offsets)[0].getAsUINT64(), end = (*offsets)[1].getAsUINT64();
  if (!begin || !end || *begin > *end || *end > dataBytes)
    return makeError("expected tensor '{0}' within {1} bytes of data, found data_offsets {2}", name, dataBytes,
                     json::Value(json::Array(*offsets)));
  tensor.recordOffset = dataBegin + *begin;
  // Strides of absurd shapes wrap around here; checkTensor refuses such shapes by their number of elements.
  uint64_t stride = 1;
  tensor.strides.resize(tensor.shape.size());
  for (size_t dim = tensor.shape.size(); dim-- > 0; stride *= tensor.shape[dim])
    tensor.strides[dim] = static_cast<int64_t>(stride);
  if (Error error = checkTensor(name, tensor, *end - *begin))
    return std::move(error);
  return tensor;
}

Expected<std::vector<NamedTensor>> readSafeTensors(StringRef file, json::Object &metadata) {
  uint64_t headerBytes = support::endian::read<uint64_t, endianness::little>(file.data());
  StringRef rest = file.drop_front(sizeof(uint64_t));
  if (headerBytes > rest.size())
    return makeError("expected a safetensors header of {0} bytes, found only {1} bytes in the file", headerBytes,
                     rest.size());
  Expected<json::Value> header = json::parse(rest.take_front(headerBytes));
  if (!header)
    return makeError("expected a JSON header of safetensors, found one that is malformed: {0}",
                     toString(header.takeError()));
  const json::Object *object = header->getAsObject();
  if (!object)
    return makeError("expected a JSON object as header of safetensors, found another value");
  std::vector<NamedTensor> tensors;
  for (const auto &[key, value] : *object) {
    const json::Object *entry = value.getAsObject();
    if (!entry)
      return makeError("expected an object for '{0}' in the header of safetensors, found another value", key.str());
    if (key == "__metadata__") {
      metadata = *entry;
      continue;
    }
    Expected<Tensor> tensor = readEntry(key, *entry, sizeof(uint64_t) + headerBytes, rest.size() - headerBytes);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back({key.str(), std::move(*tensor)});
  }
  llvm::sort(tensors, [](const NamedTensor &left, const NamedTensor &right) {
    return std::tie(left.tensor.recordOffset, left.name) < std::tie(right.tensor.recordOffset, right.name);
  });
  return tensors;
}

} // namespace vitya
