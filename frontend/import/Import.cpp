// Reads the file, chooses the layout, merges the settings, and builds the ops.
#include "frontend/import/Import.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/import/ModelBuilder.h"
#include "frontend/layout/Match.h"
#include "frontend/layout/Settings.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

/// The name of a layout in a checkpoint's `vitya` entry, beside the settings.
constexpr StringLiteral kLayoutKey = "layout";

static Expected<OwningOpRef<ModuleOp>> importCheckpoint(MLIRContext &context, const Checkpoint &checkpoint,
                                                        ArrayRef<Layout> layouts, StringRef name,
                                                        ArrayRef<std::string> assignments) {
  Expected<std::pair<size_t, Match>> choice = chooseLayout(layouts, checkpoint.tensors());
  if (!choice)
    return choice.takeError();
  const auto &[index, match] = *choice;
  llvm::json::Object fileSettings = checkpoint.metadata();
  fileSettings.erase(kLayoutKey);
  Expected<CompressionRecord> record = CompressionRecord::take(context, fileSettings);
  if (!record)
    return record.takeError();
  Expected<Settings> settings = Settings::merge(layouts[index].defaults, fileSettings, assignments);
  if (!settings)
    return settings.takeError();
  if (!match.overruled.empty())
    emitRemark(NameLoc::get(StringAttr::get(&context, match.overruled.front())))
        << match.overruled.size() << " layers, '" << match.overruled.front()
        << "' first, have factors and dense weights: the factors are used";
  ModelBuilder builder(context, checkpoint, *settings, *record);
  return builder.build(match.steps, settings->name.value_or(name.str()));
}

Expected<OwningOpRef<ModuleOp>> importModel(MLIRContext &context, StringRef path, const ImportOptions &options) {
  Expected<Checkpoint> checkpoint = Checkpoint::open(path, options.key);
  if (!checkpoint)
    return checkpoint.takeError();
  StringRef layoutName = options.layout;
  if (std::optional<StringRef> named = checkpoint->metadata().getString(kLayoutKey); named && layoutName == "auto")
    layoutName = *named;
  Expected<std::vector<Layout>> layouts =
      loadLayouts(layoutName, options.layoutFolder.empty() ? defaultLayoutFolder() : options.layoutFolder);
  if (!layouts)
    return layouts.takeError();
  context.loadDialect<VityaDialect, arith::ArithDialect, tensor::TensorDialect, func::FuncDialect>();
  // A file name may hold any bytes; the name of a model is UTF-8.
  std::string name = llvm::json::fixUTF8(llvm::sys::path::stem(path));
  auto module = importCheckpoint(context, *checkpoint, *layouts, name, options.settings);
  if (!module)
    return prefixError(path, module.takeError());
  return module;
}

Error listTensors(StringRef path, StringRef key, llvm::raw_ostream &os) {
  Expected<Checkpoint> checkpoint = Checkpoint::open(path, key);
  if (!checkpoint)
    return checkpoint.takeError();
  size_t width = 0;
  for (const NamedTensor &named : checkpoint->tensors())
    width = std::max(width, named.name.size());
  for (const auto &[name, tensor] : checkpoint->tensors())
    os << llvm::left_justify(escapeControls(name), width) << "  " << llvm::left_justify(tensor.type->name, 8) << "  "
       << llvm::left_justify(formatShape(tensor.shape), 20) << "  " << tensor.elements() * tensor.type->bytes << '\n';
  return Error::success();
}

} // namespace vitya
