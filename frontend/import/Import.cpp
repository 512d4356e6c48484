// Reads the file, chooses the layout, merges the settings, and builds the ops.
#include "frontend/import/Import.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/import/GraphImport.h"
#include "frontend/import/ModelBuilder.h"
#include "frontend/import/ModelConfig.h"
#include "frontend/layout/LayoutChoice.h"
#include "frontend/layout/Settings.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

/// The name of a layout in a checkpoint's `vitya` entry, beside the settings.
constexpr StringLiteral kLayoutKey = "layout";
/// The name that leaves the choice of a layout to the importer.
constexpr StringLiteral kAuto = "auto";

/// Says once what the importer has taken from the layout or guessed. If `reliesOnLayout`, only doubts are worth a
/// remark.
static void remarkUnsaid(ModuleOp module, const ModelSettings &used, StringRef layout, bool reliesOnLayout,
                         ArrayRef<std::string> remarks) {
  std::string unsaid = used.describeUnsaid(layout);
  if (unsaid.empty() || (reliesOnLayout && !used.isInDoubt()))
    return;
  InFlightDiagnostic remark = emitRemark(module.getLoc()) << "settings that the file does not contain: " << unsaid;
  for (StringRef each : remarks)
    remark << "; " << each;
  remark << "; --set changes them";
}

static void remark(MLIRContext &context, StringRef name, const llvm::Twine &text) {
  emitRemark(NameLoc::get(StringAttr::get(&context, name))) << escapeControls(text.str());
}

/// Returns whether the last step is a linear layer, which computes logits, in every branch.
static bool hasHead(const Steps &steps) {
  if (steps.empty())
    return false;
  if (const auto *average = std::get_if<AverageStep>(&steps.back().step))
    return llvm::all_of(average->branches, hasHead);
  return std::holds_alternative<LinearStep>(steps.back().step);
}

/// `layoutSource` says who has chosen `layouts`, and `otherwise` what the user can do if none fits.
static Expected<OwningOpRef<ModuleOp>> importCheckpoint(MLIRContext &context, const Checkpoint &checkpoint,
                                                        ModelConfig config, ArrayRef<Layout> layouts,
                                                        SettingSource layoutSource, StringRef name,
                                                        ArrayRef<std::string> assignments, StringRef otherwise) {
  llvm::json::Object fileSettings = checkpoint.metadata();
  fileSettings.erase(kLayoutKey);
  Expected<CompressionRecord> record = CompressionRecord::take(context, fileSettings);
  if (!record)
    return record.takeError();
  llvm::StringSet<> withoutBias;
  for (const auto &entry : record->quantized)
    if (!entry.getValue().hasBias)
      withoutBias.insert(entry.getKey());
  Expected<std::pair<size_t, Match>> choice = chooseLayout(layouts, checkpoint.tensors(), withoutBias);
  if (!choice)
    return makeError("{0}{1}", llvm::toString(choice.takeError()), otherwise);
  const auto &[index, match] = *choice;
  if (Error error = config.checkSizes(match.steps, checkpoint.tensors()))
    return std::move(error);
  for (const std::string &text : config.remarks)
    remark(context, name, text);
  Expected<Settings> settings = Settings::merge(match.defaults, fileSettings, assignments, config.settings);
  if (!settings)
    return settings.takeError();
  if (!hasHead(match.steps))
    remark(context, name, "the file has no linear layer at the end: the model returns features, not logits of classes");
  if (!match.overruled.empty())
    emitRemark(NameLoc::get(StringAttr::get(&context, match.overruled.front())))
        << match.overruled.size() << " layers, '" << match.overruled.front()
        << "' first, have factors and dense weights: the factors are used";
  ModelSettings used(context);
  ModelBuilder builder(context, checkpoint, *settings, *record, used);
  Expected<OwningOpRef<ModuleOp>> module = builder.build(match.steps, settings->name.value_or(name.str()));
  if (!module)
    return module;
  StringRef layout = layouts[index].name;
  // A file that names its layout relies on it; the files of a folder may leave only what is fixed in a layout.
  bool reliesOnLayout = layoutSource == SettingSource::file || config.isComplete();
  remarkUnsaid(**module, used, layout, reliesOnLayout, match.remarks);
  used.add(kLayoutKey, layout, layoutSource);
  setDiscardable<VityaDialect::SettingsAttrHelper>(**module, used.attribute());
  return module;
}

/// Reads a checkpoint. Errors name the file.
static Expected<Checkpoint> readCheckpoint(llvm::MemoryBufferRef file, StringRef key) {
  Expected<Checkpoint> checkpoint = Checkpoint::read(file, key);
  if (!checkpoint)
    return prefixError(file.getBufferIdentifier(), checkpoint.takeError());
  return checkpoint;
}

/// Keeps the tensors with `prefix`, and reports the others.
static Error dropPrefix(MLIRContext &context, Checkpoint &checkpoint, StringRef prefix, StringRef name) {
  Expected<std::vector<std::string>> others = checkpoint.dropPrefix(prefix);
  if (!others)
    return others.takeError();
  if (!others->empty())
    remark(context, name, "tensors without the prefix '" + prefix + "': " + describeNames(*others, "left out"));
  return Error::success();
}

/// Imports a file with a graph.
static Expected<OwningOpRef<ModuleOp>> importExported(MLIRContext &context, llvm::MemoryBufferRef file, StringRef name,
                                                      const ImportOptions &options) {
  if (options.layout != kAuto || !options.prefix.empty() || !options.key.empty())
    return makeError("expected no layout, prefix and key for an exported graph, which says itself how its tensors are "
                     "connected, found '{0}'",
                     options.layout != kAuto ? options.layout : options.prefix + options.key);
  Expected<ExportedProgram> program = ExportedProgram::read(file);
  if (!program)
    return program.takeError();
  ModelSettings used(context);
  Expected<OwningOpRef<ModuleOp>> module = importGraph(context, *program, name, options.settings, used);
  if (!module)
    return module;
  remarkUnsaid(**module, used, /*layout=*/"", /*reliesOnLayout=*/false, /*remarks=*/{});
  setDiscardable<VityaDialect::SettingsAttrHelper>(**module, used.attribute());
  return module;
}

/// Says how the state dict was found. The key that the user has given and files with settings, which are made for this
/// compiler, need no remark.
static void remarkUnwrapping(MLIRContext &context, const Checkpoint &checkpoint, StringRef key, StringRef name) {
  std::string text = checkpoint.describeUnwrapping();
  if (!text.empty() && key.empty() && checkpoint.metadata().empty())
    remark(context, name, text);
}

Expected<OwningOpRef<ModuleOp>> importModel(MLIRContext &context, const ModelSource &source, StringRef name,
                                            const ImportOptions &options) {
  llvm::MemoryBufferRef file = source.weights;
  context.loadDialect<VityaDialect, arith::ArithDialect, tensor::TensorDialect, func::FuncDialect>();
  // A file name may hold any bytes; the name of a model is UTF-8.
  std::string modelName = llvm::json::fixUTF8(name);
  if (ExportedProgram::isExported(file)) {
    auto module = importExported(context, file, modelName, options);
    return module ? std::move(module) : prefixError(file.getBufferIdentifier(), module.takeError());
  }
  Expected<Checkpoint> checkpoint = readCheckpoint(file, options.key);
  if (!checkpoint)
    return checkpoint.takeError();
  remarkUnwrapping(context, *checkpoint, options.key, name);
  Expected<ModelConfig> config = ModelConfig::read(source.config, source.preprocessor);
  if (!config)
    return config.takeError();
  StringRef layoutName = options.layout, path = file.getBufferIdentifier();
  SettingSource layoutSource = layoutName == kAuto ? SettingSource::guess : SettingSource::option;
  StringRef namedByFile = checkpoint->metadata().getString(kLayoutKey).value_or(kAuto);
  if (layoutName == kAuto && namedByFile != kAuto) {
    layoutName = namedByFile;
    layoutSource = SettingSource::file;
  }
  if (Error error = checkpoint->joinWeights())
    return prefixError(path, std::move(error));
  if (!options.prefix.empty())
    if (Error error = dropPrefix(context, *checkpoint, options.prefix, name))
      return prefixError(path, std::move(error));
  Expected<std::vector<Layout>> layouts =
      loadLayouts(layoutName, options.layoutFolder.empty() ? defaultLayoutFolder() : options.layoutFolder);
  if (!layouts)
    return layouts.takeError();
  StringRef otherwise = ExportedProgram::isTorchScript(file)
                            ? "; vitya-torchscript converts the graph of a TorchScript model, which needs no layout"
                            : "";
  auto module = importCheckpoint(context, *checkpoint, std::move(*config), *layouts, layoutSource, modelName,
                                 options.settings, otherwise);
  if (!module)
    return prefixError(path, module.takeError());
  return module;
}

static void printTensors(ArrayRef<NamedTensor> tensors, llvm::raw_ostream &os) {
  size_t width = 0;
  for (const NamedTensor &named : tensors)
    width = std::max(width, named.name.size());
  for (const auto &[name, tensor] : tensors)
    os << llvm::left_justify(escapeControls(name), width) << "  " << llvm::left_justify(tensor.type->name, 8) << "  "
       << llvm::left_justify(formatShape(tensor.shape), 20) << "  " << tensor.elements() * tensor.type->bytes << '\n';
}

Error listTensors(MLIRContext &context, llvm::MemoryBufferRef file, StringRef key, llvm::raw_ostream &os) {
  if (key.empty() && ExportedProgram::isExported(file)) {
    Expected<ExportedProgram> program = ExportedProgram::read(file);
    if (!program)
      return prefixError(file.getBufferIdentifier(), program.takeError());
    for (const std::unique_ptr<Checkpoint> &part : program->parts())
      printTensors(part->tensors(), os);
    return Error::success();
  }
  Expected<Checkpoint> checkpoint = readCheckpoint(file, key);
  if (!checkpoint)
    return checkpoint.takeError();
  remarkUnwrapping(context, *checkpoint, key, file.getBufferIdentifier());
  printTensors(checkpoint->tensors(), os);
  return Error::success();
}

} // namespace vitya
