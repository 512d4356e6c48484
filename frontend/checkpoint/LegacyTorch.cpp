// The format of `torch.save` before PyTorch 1.6, which `_use_new_zipfile_serialization=False` still writes: the pickles
// of a magic number, of the protocol's version, of a dict about the machine, of the object, and of the keys of the
// storages; then, for each key, the number of elements as i64 and the bytes.
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/FileRecords.h"
#include "frontend/checkpoint/Readers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Endian.h"

using namespace llvm;

namespace vitya {

using Kind = PickleValue::Kind;

/// The bytes of 0x1950a86a20f9469cfc6c, an integer of ten bytes, in its pickle.
constexpr StringLiteral kMagicNumber = "\x8a\x0al\xfc\x9c"
                                       "F\xf9 j\xa8P\x19.";
constexpr int64_t kProtocolVersion = 1001;

bool isPickle(StringRef bytes) { return bytes.starts_with("\x80"); }

namespace {

class LegacyReader {
public:
  explicit LegacyReader(StringRef bytes) : bytes(bytes) {}

  Expected<CheckpointContents> read(StringRef key) {
    if (Error error = readPreamble())
      return std::move(error);
    CheckpointContents contents;
    if (Error error = readPickle("the object", contents.pickle))
      return std::move(error);
    // The values of the pickle of keys are needed no longer than they are read.
    std::unique_ptr<Pickle> keys;
    if (Error error = readPickle("the keys of the storages", keys))
      return std::move(error);
    if (Error error = readStorages(keys->root()))
      return std::move(error);
    if (Error error = readPickledModel(key, contents))
      return std::move(error);
    for (const NamedTensor &named : contents.tensors)
      if (Error error = checkTensor(named.name, named.tensor, ranges[named.tensor.record].bytes))
        return std::move(error);
    contents.records = std::make_unique<FileRecords>(bytes, std::move(ranges));
    return contents;
  }

private:
  /// Reads the next pickle, which is that of `what`.
  Error readPickle(StringRef what, std::unique_ptr<Pickle> &into) {
    auto number = [&](const StorageId &storage) { return numberOf(storage); };
    Expected<std::unique_ptr<Pickle>> pickle = Pickle::read(bytes.substr(position, kMaxPickleBytes), number);
    if (!pickle)
      return prefixError("the pickle of " + what, pickle.takeError());
    into = std::move(*pickle);
    position += into->bytes();
    return Error::success();
  }

  /// Reads what precedes the object.
  Error readPreamble() {
    std::unique_ptr<Pickle> pickle;
    if (Error error = readPickle("the magic number", pickle))
      return error;
    if (!bytes.take_front(position).ends_with(kMagicNumber))
      return makeError("expected the magic number of PyTorch in the first pickle, found another value: only files of "
                       "torch.save can be read");
    if (Error error = readPickle("the protocol's version", pickle))
      return error;
    if (!pickle->root().is(Kind::integer) || pickle->root().integer != kProtocolVersion)
      return makeError("expected version {0} of the protocol, found another", kProtocolVersion);
    if (Error error = readPickle("the properties of the machine", pickle))
      return error;
    const PickleValue *isLittle = pickle->root().lookup("little_endian");
    if (!isLittle || !isLittle->is(Kind::boolean) || isLittle->integer == 0)
      return makeError("expected little-endian tensors, found others");
    return Error::success();
  }

  /// Returns the number of the record of a storage. Where it is in the file is not known before all pickles are read.
  Expected<uint64_t> numberOf(const StorageId &storage) {
    auto [place, isNew] = numbers.try_emplace(storage.key, storages.size());
    if (isNew)
      storages.push_back({storage.elements, storage.bytes()});
    const Storage &known = storages[place->second];
    if (known.elements != storage.elements || known.bytes != storage.bytes())
      return makeError("expected storage '{0}' to have one size, found {1} bytes and {2} bytes", storage.key,
                       known.bytes, storage.bytes());
    return place->second;
  }

  /// Finds the bytes of all storages after the pickles.
  Error readStorages(const PickleValue &keys) {
    if (!keys.is(Kind::list))
      return makeError("expected a list of the keys of the storages, found {0}", describe(keys.kind));
    ranges.resize(storages.size());
    std::vector<bool> found(storages.size());
    for (const PickleValue *key : keys.items) {
      auto number = key->is(Kind::string) ? numbers.find(key->text) : numbers.end();
      if (number == numbers.end())
        return makeError("expected the keys of storages that the object has, found {0}",
                         key->is(Kind::string) ? "'" + key->text.str() + "'" : describe(key->kind).str());
      if (found[number->second])
        return makeError("expected each key of a storage once, found '{0}' twice", key->text);
      found[number->second] = true;
      if (Error error = readStorage(key->text, storages[number->second], ranges[number->second]))
        return error;
    }
    for (const auto &entry : numbers)
      if (!found[entry.getValue()])
        return makeError("expected a record for storage '{0}', found none", entry.getKey());
    return Error::success();
  }

  struct Storage {
    int64_t elements;
    uint64_t bytes;
  };

  Error readStorage(StringRef key, const Storage &storage, FileRange &range) {
    constexpr uint64_t lengthBytes = sizeof(int64_t);
    if (bytes.size() - position < lengthBytes || bytes.size() - position - lengthBytes < storage.bytes)
      return makeError("expected {0} bytes of storage '{1}' and their number, found the end of the file", storage.bytes,
                       key);
    auto elements = static_cast<int64_t>(support::endian::read64le(bytes.data() + position));
    if (elements != storage.elements)
      return makeError("expected {0} elements in the record of storage '{1}', found {2}", storage.elements, key,
                       elements);
    range = {position + lengthBytes, storage.bytes};
    position = range.begin + range.bytes;
    return Error::success();
  }

  StringRef bytes;
  size_t position = 0;
  StringMap<uint64_t> numbers; ///< of the records, by key
  std::vector<Storage> storages;
  std::vector<FileRange> ranges;
};

} // namespace

Expected<CheckpointContents> readLegacyTorch(StringRef bytes, StringRef key) { return LegacyReader(bytes).read(key); }

} // namespace vitya
