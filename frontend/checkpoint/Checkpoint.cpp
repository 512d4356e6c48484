// Recognises the format of a checkpoint, and prepares the names that its reader returns.
#include "frontend/checkpoint/Checkpoint.h"
#include "dialect/support/Errors.h"
#include "dialect/support/SafeTensors.h"
#include "frontend/checkpoint/Readers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace vitya {

constexpr StringLiteral kZipMagic = "PK\x03\x04";

bool looksLikeCheckpoint(StringRef bytes) {
  return bytes.starts_with(kZipMagic) || isPickle(bytes) || isSafeTensors(bytes);
}

Expected<CheckpointContents> readContents(MemoryBufferRef file, StringRef key) {
  StringRef bytes = file.getBuffer();
  if (bytes.starts_with(kZipMagic))
    return readTorchArchive(file, key);
  // The first byte of safetensors, of their length, may be that of a pickle.
  bool isIndex = isShardIndex(file.getBufferIdentifier()), isSafe = isSafeTensors(bytes);
  if (isPickle(bytes) && !isSafe)
    return readLegacyTorch(bytes, key);
  if ((isIndex || isSafe) && !key.empty())
    return makeError("expected no key for {0}, which hold{1} one state dict, found '{2}'",
                     isIndex ? "the index of a checkpoint in several files" : "safetensors", isIndex ? "s" : "", key);
  if (isIndex)
    return readShards(file);
  if (isSafe)
    return readSafeTensors(bytes);
  return makeError("expected a checkpoint of PyTorch or safetensors, found {0}",
                   bytes.empty() ? "an empty file" : "something else");
}

Checkpoint::Checkpoint(CheckpointContents contents)
    : contents(std::make_unique<CheckpointContents>(std::move(contents))) {}
Checkpoint::Checkpoint(Checkpoint &&) noexcept = default;
Checkpoint &Checkpoint::operator=(Checkpoint &&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Expected<Checkpoint> Checkpoint::read(MemoryBufferRef file, StringRef key) {
  Expected<CheckpointContents> contents = readContents(file, key);
  if (!contents)
    return contents.takeError();
  Checkpoint checkpoint(std::move(*contents));
  Expected<std::vector<std::string>> wrappers = dropWrappers(checkpoint.contents->tensors);
  if (!wrappers)
    return wrappers.takeError();
  checkpoint.wrappers = std::move(*wrappers);
  return checkpoint;
}

Checkpoint Checkpoint::make(std::vector<NamedTensor> tensors, std::unique_ptr<Records> records) {
  CheckpointContents contents;
  contents.tensors = std::move(tensors);
  contents.records = std::move(records);
  return Checkpoint(std::move(contents));
}

ArrayRef<NamedTensor> Checkpoint::tensors() const { return contents->tensors; }

const json::Object &Checkpoint::metadata() const { return contents->settings; }

std::string Checkpoint::describeUnwrapping() const {
  auto list = [](ArrayRef<std::string> names) {
    return join(map_range(names, [](const std::string &name) { return "'" + name + "'"; }), ", ");
  };
  std::string text;
  if (!contents->key.empty())
    text = "the state dict under '" + contents->key + "' is read";
  if (!contents->otherKeys.empty())
    text += ", not those under " + list(contents->otherKeys) + " (--key chooses another)";
  if (!wrappers.empty())
    text += (text.empty() ? "" : "; ") + ("names are read without the components " + list(wrappers));
  return text;
}

Error Checkpoint::joinWeights() { return vitya::joinWeights(contents->settings, contents->tensors); }

Expected<std::vector<std::string>> Checkpoint::dropPrefix(StringRef prefix) {
  std::vector<NamedTensor> &tensors = contents->tensors, behind = tensorsBehind(prefix, tensors);
  if (behind.empty())
    return makeError("expected tensors whose names begin with '{0}', found none among {1}", prefix, tensors.size());
  std::vector<std::string> others;
  for (const NamedTensor &named : tensors)
    if (!StringRef(named.name).starts_with(prefix))
      others.push_back(named.name);
  tensors = std::move(behind);
  return others;
}

Error Checkpoint::readFloats(const NamedTensor &named, MutableArrayRef<float> into) const {
  return vitya::readFloats(named.name, named.tensor, *contents->records, into);
}

Error Checkpoint::readBytes(const NamedTensor &named, MutableArrayRef<char> into) const {
  return vitya::readBytes(named.tensor, *contents->records, into);
}

Expected<QuantizedTensor> Checkpoint::readQuantized(const NamedTensor &named) const {
  return vitya::readQuantized(named.name, named.tensor, *contents->records);
}

} // namespace vitya
