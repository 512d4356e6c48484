// Since 2.8: NAME/models/model.json, NAME/data/weights/model_weights_config.json, NAME/data/constants/..., and one
// entry for each storage. 2.8 wrote a torch.save archive NAME/data/weights/model.pt instead. Before:
// serialized_exported_program.json, serialized_state_dict.pt, serialized_constants.pt.
#include "frontend/graph/ExportedProgram.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/ZipArchive.h"
#include "frontend/graph/GraphJson.h"
#include "frontend/graph/JsonMembers.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya {

constexpr StringLiteral kOldGraph = "serialized_exported_program.json";
/// A graph takes some kilobytes for each operator; a larger one would only fill the memory.
constexpr uint64_t kMaxGraphBytes = 256 << 20;

/// The entries that hold graphs.
static std::vector<uint64_t> findGraphs(const ZipArchive &archive) {
  std::vector<uint64_t> graphs;
  for (uint64_t number = 0; number < archive.count(); ++number) {
    StringRef name = archive.name(number), rest = name.split('/').second;
    if (name == kOldGraph || (rest.consume_front("models/") && rest.ends_with(".json")))
      graphs.push_back(number);
  }
  return graphs;
}

/// Whether a file is a zip archive that `test` accepts.
static bool isArchive(MemoryBufferRef file, function_ref<bool(const ZipArchive &)> test) {
  if (!file.getBuffer().starts_with("PK\x03\x04"))
    return false;
  Expected<std::unique_ptr<ZipArchive>> archive = ZipArchive::open(file);
  if (archive)
    return test(**archive);
  consumeError(archive.takeError());
  return false;
}

bool ExportedProgram::isExported(MemoryBufferRef file) {
  return isArchive(file, [](const ZipArchive &archive) { return !findGraphs(archive).empty(); });
}

bool ExportedProgram::isTorchScript(MemoryBufferRef file) {
  return isArchive(file, [](const ZipArchive &archive) {
    return llvm::any_of(llvm::seq<uint64_t>(0, archive.count()), [&](uint64_t number) {
      return archive.name(number).split('/').second.starts_with("code/__torch__/");
    });
  });
}

static Error noEntry(StringRef name) { return makeError("expected an entry '{0}' of the archive, found none", name); }

/// Reads an archive of torch.save within the archive.
Error ExportedProgram::readNested(std::string bytes, StringRef name) {
  nested.push_back(MemoryBuffer::getMemBufferCopy(bytes, name));
  Expected<Checkpoint> checkpoint = Checkpoint::read(*nested.back(), "");
  if (!checkpoint)
    return prefixError(name, checkpoint.takeError());
  checkpoints.push_back(std::make_unique<Checkpoint>(std::move(*checkpoint)));
  return Error::success();
}

/// Reads the list of tensors in an archive of 2.8 or later. `folder` holds their records.
static Error readList(const ZipArchive &archive, const std::string &folder, StringRef list,
                      std::vector<NamedTensor> &tensors) {
  std::optional<uint64_t> number = archive.find(folder + list.str());
  if (!number)
    return noEntry(folder + list.str());
  Expected<std::string> text = archive.readWhole(*number, kMaxGraphBytes);
  if (!text)
    return text.takeError();
  Expected<std::vector<ListedTensor>> listed = parseWeightList(archive.name(*number), *text);
  if (!listed)
    return listed.takeError();
  for (ListedTensor &each : *listed) {
    std::optional<uint64_t> record = archive.find(folder + each.record);
    if (!record)
      return makeError("expected an entry '{0}' of the archive for tensor '{1}', found none", folder + each.record,
                       each.named.name);
    if (Error error = archive.checkStored(*record))
      return error;
    if (Error error = checkTensor(each.named.name, each.named.tensor, archive.size(*record)))
      return error;
    each.named.tensor.record = *record;
    tensors.push_back(std::move(each.named));
  }
  return Error::success();
}

Error ExportedProgram::readWeights(MemoryBufferRef file, StringRef folder, StringRef model) {
  Expected<std::unique_ptr<ZipArchive>> archive = ZipArchive::open(file);
  if (!archive)
    return archive.takeError();
  std::vector<NamedTensor> listed;
  bool isOld = folder.empty();
  for (StringRef kind : {"weights", "constants"}) {
    std::string data = (folder + "data/" + kind + "/").str();
    std::string whole =
        isOld ? kind == "weights" ? "serialized_state_dict.pt" : "serialized_constants.pt" : data + model.str() + ".pt";
    std::optional<uint64_t> number = (*archive)->find(whole);
    if (!number && !isOld) {
      if (Error error = readList(**archive, data, (model + "_" + kind + "_config.json").str(), listed))
        return error;
      continue;
    }
    if (!number)
      return noEntry(whole);
    Expected<std::string> bytes = (*archive)->readWhole(*number, file.getBufferSize());
    if (!bytes)
      return bytes.takeError();
    // A model without constants stores an empty dict.
    Error error = readNested(std::move(*bytes), whole);
    if (error && kind == "weights")
      return error;
    consumeError(std::move(error));
  }
  if (!listed.empty())
    checkpoints.push_back(std::make_unique<Checkpoint>(Checkpoint::make(std::move(listed), std::move(*archive))));
  return Error::success();
}

Expected<ExportedProgram> ExportedProgram::read(MemoryBufferRef file) {
  Expected<std::unique_ptr<ZipArchive>> archive = ZipArchive::open(file);
  if (!archive)
    return archive.takeError();
  std::vector<uint64_t> graphs = findGraphs(**archive);
  if (graphs.size() != 1)
    return makeError("expected one exported graph in the archive, found {0}", graphs.size());
  StringRef name = (*archive)->name(graphs.front());
  Expected<std::string> text = (*archive)->readWhole(graphs.front(), kMaxGraphBytes);
  if (!text)
    return text.takeError();
  Expected<Graph> graph = parseGraph(name, *text);
  if (!graph)
    return graph.takeError();
  ExportedProgram result;
  result.program = std::move(*graph);
  bool isOld = name == kOldGraph;
  std::string folder = isOld ? "" : (name.split('/').first + "/").str();
  if (std::optional<uint64_t> order = (*archive)->find(folder + "byteorder")) {
    Expected<std::string> bytes = (*archive)->readWhole(*order, kMaxGraphBytes);
    if (!bytes)
      return bytes.takeError();
    if (*bytes != "little")
      return makeError("expected little-endian tensors, found byteorder '{0}'", *bytes);
  }
  if (std::optional<uint64_t> extra =
          (*archive)->find(folder + (isOld ? "extra_files/" : "extra/") + kMetadataKey.str())) {
    Expected<std::string> bytes = (*archive)->readWhole(*extra, kMaxGraphBytes);
    if (!bytes)
      return bytes.takeError();
    StringRef extraName = (*archive)->name(*extra);
    Expected<JsonFile> entry = JsonFile::parse(extraName, *bytes);
    if (!entry)
      return entry.takeError();
    const json::Object *object = entry->value().getAsObject();
    if (!object)
      return makeError("{0}: expected a JSON object, found {1}", extraName, entry->value());
    result.settings = *object;
  }
  StringRef model = name.rsplit('/').second;
  model.consume_back(".json");
  if (Error error = result.readWeights(file, folder, model))
    return std::move(error);
  for (const std::unique_ptr<Checkpoint> &part : result.checkpoints)
    for (const NamedTensor &named : part->tensors())
      result.tensors.try_emplace(named.name, StoredTensor{&named, part.get()});
  return result;
}

std::optional<ExportedProgram::StoredTensor> ExportedProgram::find(StringRef name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? std::nullopt : std::optional(found->second);
}

} // namespace vitya
