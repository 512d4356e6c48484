// Recognises the format by its first bytes and reduces each format to names, tensors and records.
#include "frontend/checkpoint/Checkpoint.h"
#include "dialect/support/Errors.h"
#include "dialect/support/SafeTensors.h"
#include "frontend/checkpoint/Unpickler.h"
#include "frontend/checkpoint/ZipArchive.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>

using namespace llvm;

namespace vitya {

constexpr StringLiteral kZipMagic = "PK\x03\x04";
/// The first byte of a pickle of protocol 2 or later.
constexpr char kPickleMagic = '\x80';
/// A pickle holds the structure of a model, which takes kilobytes; a larger one would only fill the memory.
constexpr uint64_t kMaxPickleBytes = 64 << 20;

Checkpoint::Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint &&) noexcept = default;
Checkpoint &Checkpoint::operator=(Checkpoint &&) noexcept = default;
Checkpoint::~Checkpoint() = default;

//===----------------------------------------------------------------------===//
// torch.save, torch::save, TorchScript
//===----------------------------------------------------------------------===//

/// Converts a value to JSON. Values that JSON lacks, and values that are nested too deeply, become null or empty.
static json::Value toJson(const PickleValue &value, unsigned depth = 0) {
  constexpr unsigned maxDepth = 8;
  switch (value.kind) {
  case PickleValue::Kind::boolean:
    return value.integer != 0;
  case PickleValue::Kind::integer:
    return value.integer;
  case PickleValue::Kind::real:
    return value.real;
  case PickleValue::Kind::string:
    return json::fixUTF8(value.text);
  case PickleValue::Kind::tuple:
  case PickleValue::Kind::list: {
    json::Array array;
    if (depth < maxDepth)
      for (const PickleValue *item : value.items)
        array.push_back(toJson(*item, depth + 1));
    return array;
  }
  case PickleValue::Kind::dict: {
    json::Object object;
    if (depth < maxDepth)
      for (size_t index = 0; index + 1 < value.items.size(); index += 2)
        if (value.items[index]->is(PickleValue::Kind::string))
          object[json::fixUTF8(value.items[index]->text)] = toJson(*value.items[index + 1], depth + 1);
    return object;
  }
  default:
    return nullptr;
  }
}

static Expected<std::string> readEntry(const ZipArchive &archive, uint64_t number) {
  if (Error error = archive.checkStored(number))
    return std::move(error);
  if (archive.size(number) > kMaxPickleBytes)
    return makeError("expected at most {0} bytes in '{1}', found {2}", kMaxPickleBytes, archive.name(number),
                     archive.size(number));
  std::string bytes(archive.size(number), '\0');
  if (Error error = archive.read(number, 0, MutableArrayRef(bytes.data(), bytes.size())))
    return std::move(error);
  return bytes;
}

Error Checkpoint::readTorch(MemoryBufferRef file, StringRef key) {
  Expected<std::unique_ptr<ZipArchive>> opened = ZipArchive::open(file);
  if (!opened)
    return opened.takeError();
  const ZipArchive &archive = **opened;

  // All entries are in one folder with an arbitrary name. Its data.pkl holds the structure.
  std::string folder;
  std::optional<uint64_t> structure;
  for (uint64_t number = 0; number < archive.count() && !structure; ++number) {
    auto [top, rest] = archive.name(number).split('/');
    if (rest == "data.pkl") {
      folder = (top + "/").str();
      structure = number;
    }
  }
  if (!structure)
    return makeError("expected a zip archive with an entry NAME/data.pkl as PyTorch writes it, found {0} entries "
                     "without it",
                     archive.count());
  if (std::optional<uint64_t> number = archive.find(folder + "byteorder")) {
    Expected<std::string> order = readEntry(archive, *number);
    if (!order)
      return order.takeError();
    if (*order != "little")
      return makeError("expected little-endian tensors, found byteorder '{0}'", *order);
  }
  Expected<std::string> bytes = readEntry(archive, *structure);
  if (!bytes)
    return bytes.takeError();
  Expected<std::unique_ptr<Pickle>> unpickled =
      Pickle::read(*bytes, [&](StringRef storage) { return archive.find((folder + "data/" + storage).str()); });
  if (!unpickled)
    return prefixError(archive.name(*structure), unpickled.takeError());
  pickle = std::move(*unpickled);

  Expected<std::vector<NamedTensor>> found = findStateDict(pickle->root(), key);
  if (!found)
    return found.takeError();
  stateDict = std::move(*found);
  for (const NamedTensor &named : stateDict) {
    if (Error error = archive.checkStored(named.tensor.record))
      return error;
    if (Error error = checkTensor(named.name, named.tensor, archive.size(named.tensor.record)))
      return error;
  }
  if (const PickleValue *metadata = pickle->root().lookup(kMetadataKey);
      metadata && metadata->is(PickleValue::Kind::dict))
    for (size_t index = 0; index + 1 < metadata->items.size(); index += 2)
      if (metadata->items[index]->is(PickleValue::Kind::string))
        settings[json::fixUTF8(metadata->items[index]->text)] = toJson(*metadata->items[index + 1]);
  records = std::move(*opened);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// safetensors
//===----------------------------------------------------------------------===//

namespace {

/// A file that is its own only record.
class FileRecord : public Records {
public:
  explicit FileRecord(StringRef bytes) : bytes(bytes) {}
  uint64_t size(uint64_t) const override { return bytes.size(); }
  Error read(uint64_t, uint64_t offset, MutableArrayRef<char> into) const override {
    if (offset > bytes.size() || into.size() > bytes.size() - offset)
      return makeError("expected {0} bytes at offset {1}, found the end of the file", into.size(), offset);
    std::memcpy(into.data(), bytes.data() + offset, into.size());
    return Error::success();
  }

private:
  StringRef bytes;
};

} // namespace

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

Error Checkpoint::readSafeTensors(StringRef bytes) {
  Expected<SafeTensorsHeader> header = readSafeTensorsHeader(bytes);
  if (!header)
    return header.takeError();
  for (const SafeTensor &entry : header->tensors) {
    Expected<Tensor> tensor = makeTensor(entry);
    if (!tensor)
      return tensor.takeError();
    stateDict.push_back({entry.name, std::move(*tensor)});
  }
  if (Error error = dropWrappers(stateDict))
    return error;
  records = std::make_unique<FileRecord>(bytes);
  // Metadata maps strings to strings, so the settings are JSON in a string.
  if (std::optional<StringRef> text = header->metadata.getString(kMetadataKey)) {
    Expected<json::Value> value = json::parse(*text);
    if (!value)
      return makeError("expected JSON under '{0}' in __metadata__, found {1}", kMetadataKey,
                       toString(value.takeError()));
    const json::Object *object = value->getAsObject();
    if (!object)
      return makeError("expected a JSON object under '{0}' in __metadata__, found {1}", kMetadataKey, *value);
    settings = *object;
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Any format
//===----------------------------------------------------------------------===//

bool looksLikeCheckpoint(StringRef bytes) {
  return bytes.starts_with(kZipMagic) || bytes.starts_with(StringRef(&kPickleMagic, 1)) || isSafeTensors(bytes);
}

Expected<Checkpoint> Checkpoint::read(MemoryBufferRef file, StringRef key) {
  Checkpoint checkpoint;
  StringRef bytes = file.getBuffer();
  Error error = Error::success();
  if (bytes.starts_with(kZipMagic))
    error = checkpoint.readTorch(file, key);
  else if (isSafeTensors(bytes) && !key.empty())
    error = makeError("expected no key for safetensors, which hold one state dict, found '{0}'", key);
  else if (isSafeTensors(bytes))
    error = checkpoint.readSafeTensors(bytes);
  else if (bytes.starts_with(StringRef(&kPickleMagic, 1)))
    error = makeError("expected the zip format of PyTorch 1.6 or later, found a bare pickle: load and save it again "
                      "with a newer PyTorch");
  else
    error = makeError("expected a checkpoint of PyTorch (a zip archive) or safetensors, found {0}",
                      bytes.empty() ? "an empty file" : "something else");
  if (error)
    return std::move(error);
  return checkpoint;
}

Checkpoint Checkpoint::make(std::vector<NamedTensor> tensors, std::unique_ptr<Records> records) {
  Checkpoint checkpoint;
  checkpoint.stateDict = std::move(tensors);
  checkpoint.records = std::move(records);
  return checkpoint;
}

Expected<std::vector<std::string>> Checkpoint::dropPrefix(StringRef prefix) {
  std::vector<NamedTensor> behind = tensorsBehind(prefix, stateDict);
  if (behind.empty())
    return makeError("expected tensors whose names begin with '{0}', found none among {1}", prefix, stateDict.size());
  std::vector<std::string> others;
  for (const NamedTensor &named : stateDict)
    if (!StringRef(named.name).starts_with(prefix))
      others.push_back(named.name);
  stateDict = std::move(behind);
  return others;
}

Error Checkpoint::readFloats(const NamedTensor &named, MutableArrayRef<float> into) const {
  return vitya::readFloats(named.name, named.tensor, *records, into);
}

Expected<QuantizedTensor> Checkpoint::readQuantized(const NamedTensor &named) const {
  return vitya::readQuantized(named.name, named.tensor, *records);
}

} // namespace vitya
