// The vectors are tensors of a checkpoint, and everything else is in its settings.
#include "frontend/training/TrainingState.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/checkpoint/CheckpointWriter.h"

using llvm::Error;
using llvm::Expected;

namespace vitya {

/// The vectors by the names of their tensors.
template <typename State>
static auto vectorsOf(State &state) {
  return std::array{std::pair("weights", &state.weights), std::pair("average", &state.average),
                    std::pair("first_moments", &state.firstMoments), std::pair("second_moments", &state.secondMoments)};
}

static llvm::json::Value toJson(const Metrics &metrics) {
  return llvm::json::Array{metrics.loss, metrics.correct, metrics.count};
}

static bool fromJSON(const llvm::json::Value &value, Metrics &metrics, llvm::json::Path path) {
  const llvm::json::Array *array = value.getAsArray();
  if (!array || array->size() != 3) {
    path.report("expected [loss, correct, count]");
    return false;
  }
  return llvm::json::fromJSON((*array)[0], metrics.loss, path.index(0)) &&
         llvm::json::fromJSON((*array)[1], metrics.correct, path.index(1)) &&
         llvm::json::fromJSON((*array)[2], metrics.count, path.index(2));
}

static llvm::json::Value toJson(const LogRow &row) {
  return llvm::json::Object{{"epoch", row.epoch},
                            {"steps", row.steps},
                            {"seconds", row.seconds},
                            {"rate", row.rate},
                            {"training", toJson(row.training)},
                            {"validation", toJson(row.validation)},
                            {"images_per_second", row.imagesPerSecond}};
}

static bool fromJSON(const llvm::json::Value &value, LogRow &row, llvm::json::Path path) {
  llvm::json::ObjectMapper map(value, path);
  return map && map.map("epoch", row.epoch) && map.map("steps", row.steps) && map.map("seconds", row.seconds) &&
         map.map("rate", row.rate) && map.map("training", row.training) && map.map("validation", row.validation) &&
         map.map("images_per_second", row.imagesPerSecond);
}

static Error checkOptions(const llvm::json::Object &saved, const llvm::json::Object &given) {
  for (const auto &[key, value] : given) {
    const llvm::json::Value *old = saved.get(key);
    if (!old || *old != value)
      return makeError("expected --{0} as in the run that is resumed, {1}, found {2}", llvm::StringRef(key),
                       old ? *old : llvm::json::Value(nullptr), value);
  }
  return Error::success();
}

Error writeTrainingState(const TrainingState &state, llvm::StringRef path) {
  std::vector<TensorToWrite> tensors;
  for (auto [name, values] : vectorsOf(state.learner)) {
    auto *bytes = reinterpret_cast<const char *>(values->data());
    tensors.push_back({name,
                       findTorchType("float32"),
                       {static_cast<int64_t>(values->size())},
                       std::vector<char>(bytes, bytes + values->size() * sizeof(float))});
  }
  llvm::json::Array rows;
  for (const LogRow &row : state.rows)
    rows.push_back(toJson(row));
  llvm::json::Object settings{{"steps", state.learner.steps},
                              {"rows", std::move(rows)},
                              {"epoch", toJson(state.epoch)},
                              {"seconds", state.seconds},
                              {"best_accuracy", state.bestAccuracy},
                              {"model", state.model},
                              {"options", llvm::json::Object(state.options)}};
  return writeOutput(path, [&](llvm::raw_ostream &os) {
    return writeCheckpoint(tensors, settings, CheckpointFormat::safetensors, os);
  });
}

Expected<TrainingState> readTrainingState(llvm::StringRef path, int64_t count, const llvm::json::Object &options) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return makeError("expected a state of training at '{0}', found: {1}", path, file.getError().message());
  auto failWith = [&](Error error) { return prefixError(llvm::Twine(path), std::move(error)); };
  Expected<Checkpoint> checkpoint = Checkpoint::read((*file)->getMemBufferRef(), /*key=*/"");
  if (!checkpoint)
    return failWith(checkpoint.takeError());
  TrainingState state;
  for (auto [name, values] : vectorsOf(state.learner)) {
    auto found =
        llvm::find_if(checkpoint->tensors(), [name = name](const NamedTensor &each) { return each.name == name; });
    if (found == checkpoint->tensors().end() || found->tensor.elements() != count)
      return failWith(
          makeError("expected a tensor '{0}' of {1} elements, as the model has, found {2}", name, count,
                    found == checkpoint->tensors().end() ? "none" : llvm::Twine(found->tensor.elements()).str()));
    values->resize(count);
    if (Error error = checkpoint->readFloats(*found, *values))
      return failWith(std::move(error));
  }
  llvm::json::Value settings = llvm::json::Object(checkpoint->metadata());
  llvm::json::Path::Root root("state of training");
  llvm::json::ObjectMapper map(settings, root);
  bool isRead = map && map.map("steps", state.learner.steps) && map.map("rows", state.rows) &&
                map.map("epoch", state.epoch) && map.map("seconds", state.seconds) &&
                map.map("best_accuracy", state.bestAccuracy) && map.map("model", state.model);
  const llvm::json::Object *saved = settings.getAsObject() ? settings.getAsObject()->getObject("options") : nullptr;
  if (!isRead)
    return failWith(root.getError());
  if (!saved)
    return failWith(makeError("expected the options of the run, found none"));
  if (Error error = checkOptions(*saved, options))
    return failWith(std::move(error));
  state.options = *saved;
  return state;
}

} // namespace vitya
