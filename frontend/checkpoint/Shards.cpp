// Checkpoints in several files, as Hugging Face's libraries write them: NAME.index.json maps the name of each tensor to
// the name of a file, a shard, in the same folder.
#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/checkpoint/Readers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include <set>

using namespace llvm;

namespace vitya {

constexpr StringLiteral kIndexSuffix = ".index.json", kMapKey = "weight_map";

bool isShardIndex(StringRef path) { return path.ends_with(kIndexSuffix); }

namespace {

/// The records of all shards, numbered through. Owns the shards.
class ShardRecords : public Records {
public:
  /// Adds the contents of a shard, which are in `file`, and returns the number of its first record.
  uint64_t add(std::unique_ptr<MemoryBuffer> file, CheckpointContents contents) {
    uint64_t begin = count();
    shards.push_back({begin, std::move(file), std::move(contents)});
    return begin;
  }

  uint64_t count() const override {
    return shards.empty() ? 0 : shards.back().begin + shards.back().contents.records->count();
  }
  uint64_t size(uint64_t number) const override {
    const Shard &shard = find(number);
    return shard.contents.records->size(number - shard.begin);
  }
  Error read(uint64_t number, uint64_t offset, MutableArrayRef<char> into) const override {
    const Shard &shard = find(number);
    if (Error error = shard.contents.records->read(number - shard.begin, offset, into))
      return prefixError(shard.file->getBufferIdentifier(), std::move(error));
    return Error::success();
  }

private:
  struct Shard {
    uint64_t begin; ///< the number of its first record
    std::unique_ptr<MemoryBuffer> file;
    CheckpointContents contents;
  };

  const Shard &find(uint64_t number) const {
    return *std::prev(
        llvm::upper_bound(shards, number, [](uint64_t number, const Shard &shard) { return number < shard.begin; }));
  }

  std::vector<Shard> shards;
};

} // namespace

/// Returns the weight map of an index: the name of the shard of each tensor. Shards are in the folder of the index.
static Expected<StringMap<std::string>> readWeightMap(StringRef text) {
  Expected<json::Value> parsed = parseJson(text);
  if (!parsed)
    return makeError("expected JSON, found: {0}", toString(parsed.takeError()));
  const json::Object *root = parsed->getAsObject(), *map = root ? root->getObject(kMapKey) : nullptr;
  if (!map || map->empty())
    return makeError("expected an index with the files of tensors under '{0}', found none", kMapKey);
  StringMap<std::string> result;
  for (const auto &[name, value] : *map) {
    std::optional<StringRef> shard = value.getAsString();
    if (!shard)
      return makeError("expected the name of a file for tensor '{0}', found {1}", name.str(), value);
    bool isInFolder = !shard->empty() && *shard != "." && *shard != ".." &&
                      shard->find_first_of(StringRef("/\\\0", 3)) == StringRef::npos;
    if (!isInFolder)
      return makeError("expected the name of a file in the folder of the index for tensor '{0}', found '{1}'",
                       name.str(), *shard);
    if (isShardIndex(*shard))
      return makeError("expected a file that is no index for tensor '{0}', found '{1}'", name.str(), *shard);
    result[name] = shard->str();
  }
  return result;
}

/// Fails unless the tensors of `shard` are those that `map` has in it.
static Error checkShard(StringRef shard, ArrayRef<NamedTensor> tensors, const StringMap<std::string> &map) {
  StringSet<> present;
  for (const NamedTensor &named : tensors) {
    present.insert(named.name);
    auto expected = map.find(named.name);
    if (expected == map.end())
      return makeError("expected tensors that the index names in '{0}', found '{1}'", shard, named.name);
    if (expected->second != shard)
      return makeError("expected tensor '{0}' in '{1}', as the index says, found it in '{2}' too", named.name,
                       expected->second, shard);
  }
  // Names are sorted, so that the error does not depend on hashes.
  std::vector<StringRef> missing;
  for (const auto &entry : map)
    if (entry.getValue() == shard && !present.contains(entry.getKey()))
      missing.push_back(entry.getKey());
  if (missing.empty())
    return Error::success();
  return makeError("expected tensor '{0}' in '{1}', as the index says, found none", *llvm::min_element(missing), shard);
}

Expected<CheckpointContents> readShards(MemoryBufferRef index) {
  Expected<StringMap<std::string>> map = readWeightMap(index.getBuffer());
  if (!map)
    return map.takeError();
  std::set<std::string> shards;
  for (const auto &entry : *map)
    shards.insert(entry.getValue());
  auto records = std::make_unique<ShardRecords>();
  CheckpointContents all;
  for (const std::string &shard : shards) {
    SmallString<128> path(sys::path::parent_path(index.getBufferIdentifier()));
    sys::path::append(path, shard);
    ErrorOr<std::unique_ptr<MemoryBuffer>> file = readInput(path);
    if (!file)
      return makeError("expected shard '{0}' in the folder of the index, found: {1}", shard, file.getError().message());
    Expected<CheckpointContents> contents = readContents(**file, /*key=*/"");
    if (!contents)
      return prefixError(shard, contents.takeError());
    if (Error error = checkShard(shard, contents->tensors, *map))
      return std::move(error);
    if (!contents->settings.empty())
      all.settings = std::move(contents->settings);
    std::vector<NamedTensor> tensors = std::move(contents->tensors);
    uint64_t begin = records->add(std::move(*file), std::move(*contents));
    for (NamedTensor &named : tensors) {
      // The tensors of a quantizer have the numbers of records too.
      if (named.tensor.quantizer)
        return makeError("expected no quantized tensors in a checkpoint in several files, found '{0}' in '{1}'",
                         named.name, shard);
      named.tensor.record += begin;
      all.tensors.push_back(std::move(named));
    }
  }
  all.records = std::move(records);
  return all;
}

} // namespace vitya
