// The zip archives of PyTorch: the structure is the pickle NAME/data.pkl, and the storages are entries NAME/data/KEY.
// TorchScript adds source code, which is not read.
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/checkpoint/Readers.h"
#include "frontend/checkpoint/ZipArchive.h"

using namespace llvm;

namespace vitya {

/// Converts a value to JSON. Values that JSON lacks, and values that are nested too deeply or exceed `memory`, become
/// null or empty.
static json::Value toJson(const PickleValue &value, PickleMemory &memory, unsigned depth = 0) {
  constexpr unsigned maxDepth = 9;
  memory.use(sizeof(json::Value) + value.text.size());
  if (memory.isExceeded())
    return nullptr;
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
        array.push_back(toJson(*item, memory, depth + 1));
    return array;
  }
  case PickleValue::Kind::dict: {
    json::Object object;
    if (depth < maxDepth)
      for (size_t index = 0; index + 1 < value.items.size(); index += 2)
        if (const PickleValue &key = *value.items[index]; key.is(PickleValue::Kind::string)) {
          memory.use(sizeof(json::Object::value_type) + key.text.size());
          object[json::fixUTF8(key.text)] = toJson(*value.items[index + 1], memory, depth + 1);
        }
    return object;
  }
  default:
    return nullptr;
  }
}

Error readPickledModel(StringRef key, CheckpointContents &into) {
  const PickleValue &root = into.pickle->root();
  PickleMemory &memory = into.pickle->memory;
  Expected<StateDict> found = findStateDict(root, key, memory);
  if (!found)
    return found.takeError();
  into.tensors = std::move(found->tensors);
  into.key = std::move(found->key);
  into.otherKeys = std::move(found->otherKeys);
  json::Value settings = json::Object();
  if (const PickleValue *metadata = root.lookup(kMetadataKey); metadata && metadata->is(PickleValue::Kind::dict))
    settings = toJson(*metadata, memory);
  if (Error error = memory.check())
    return error;
  into.settings = std::move(*settings.getAsObject());
  return Error::success();
}

/// Returns the number of the entry that holds a storage, whose size has to be that of the storage.
static Expected<uint64_t> findStorage(const ZipArchive &archive, StringRef folder, const StorageId &storage) {
  std::optional<uint64_t> number = archive.find((folder + "data/" + storage.key).str());
  if (!number)
    return makeError("expected a record for storage '{0}', found none", storage.key);
  if (archive.size(*number) != storage.bytes())
    return makeError("expected '{0}' to have the {1} bytes of its storage of {2} elements, found {3} bytes",
                     archive.name(*number), storage.bytes(), storage.elements, archive.size(*number));
  return *number;
}

Expected<CheckpointContents> readTorchArchive(MemoryBufferRef file, StringRef key) {
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
    Expected<std::string> order = archive.readWhole(*number, kMaxPickleBytes);
    if (!order)
      return order.takeError();
    if (*order != "little")
      return makeError("expected little-endian tensors, found byteorder '{0}'", *order);
  }
  Expected<std::string> bytes = archive.readWhole(*structure, kMaxPickleBytes);
  if (!bytes)
    return bytes.takeError();
  CheckpointContents contents;
  Expected<std::unique_ptr<Pickle>> unpickled =
      Pickle::read(*bytes, [&](const StorageId &storage) { return findStorage(archive, folder, storage); });
  if (!unpickled)
    return prefixError(archive.name(*structure), unpickled.takeError());
  contents.pickle = std::move(*unpickled);
  if (Error error = readPickledModel(key, contents))
    return std::move(error);
  for (const NamedTensor &named : contents.tensors) {
    if (Error error = archive.checkStored(named.tensor.record))
      return std::move(error);
    if (Error error = checkTensor(named.name, named.tensor, archive.size(named.tensor.record)))
      return std::move(error);
  }
  contents.records = std::move(*opened);
  return contents;
}

} // namespace vitya
