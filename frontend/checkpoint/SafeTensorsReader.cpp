// safetensors: the file is its only record, and each tensor begins at an offset within it.
#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"
#include "dialect/support/SafeTensors.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/checkpoint/FileRecords.h"
#include "frontend/checkpoint/Readers.h"

using namespace llvm;

namespace vitya {

/// The tensor of record 0, the whole file, that `entry` describes.
static Expected<Tensor> makeTensor(const SafeTensor &entry) {
  Tensor tensor;
  tensor.type = findSafetensorsType(entry.type);
  if (!tensor.type)
    return makeError("expected a known element type for tensor '{0}', found '{1}'", entry.name, entry.type);
  tensor.recordOffset = entry.offset;
  tensor.shape.assign(entry.shape.begin(), entry.shape.end());
  // The strides of a huge shape overflow here; checkTensor refuses such a shape because of its number of elements.
  uint64_t stride = 1;
  tensor.strides.resize(tensor.shape.size());
  for (size_t dim = tensor.shape.size(); dim-- > 0; stride *= tensor.shape[dim])
    tensor.strides[dim] = static_cast<int64_t>(stride);
  if (Error error = checkTensor(entry.name, tensor, entry.bytes))
    return std::move(error);
  return tensor;
}

Expected<CheckpointContents> readSafeTensors(StringRef bytes) {
  Expected<SafeTensorsHeader> header = readSafeTensorsHeader(bytes);
  if (!header)
    return header.takeError();
  CheckpointContents contents;
  for (const SafeTensor &entry : header->tensors) {
    Expected<Tensor> tensor = makeTensor(entry);
    if (!tensor)
      return tensor.takeError();
    contents.tensors.push_back({entry.name, std::move(*tensor)});
  }
  contents.records = std::make_unique<FileRecords>(bytes, std::vector<FileRange>{{0, bytes.size()}});
  // Metadata maps strings to strings, so the settings are JSON in a string.
  if (std::optional<StringRef> text = header->metadata.getString(kMetadataKey)) {
    Expected<json::Value> value = parseJson(*text);
    if (!value)
      return makeError("expected JSON under '{0}' in __metadata__, found {1}", kMetadataKey,
                       toString(value.takeError()));
    const json::Object *object = value->getAsObject();
    if (!object)
      return makeError("expected a JSON object under '{0}' in __metadata__, found {1}", kMetadataKey, *value);
    contents.settings = *object;
  }
  return contents;
}

} // namespace vitya
