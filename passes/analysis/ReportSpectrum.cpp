// The pass that shows how fast the singular values of a model's layers fall. Layers that a fused linear holds for an
// attention appear one by one, as queries, keys and values.
#include "dialect/Fingerprint.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Threading.h"
#include "passes/analysis/AttentionMaps.h"
#include "passes/analysis/Passes.h"
#include "passes/analysis/SpectrumPlot.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/WriteFile.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_REPORTSPECTRUMPASS
#include "passes/analysis/Passes.h.inc"

namespace {

/// A layer, or the part of one that makes queries, keys or values.
struct Map {
  LinearOp op;
  std::string part; ///< "Q", "K", "V", or empty: all of it
  MatrixXd weight;
  VectorXd plain, whitened;
};

struct ReportSpectrum : impl::ReportSpectrumPassBase<ReportSpectrum> {
  using ReportSpectrumPassBase::ReportSpectrumPassBase;

  /// A path alone is short for to=PATH.
  LogicalResult initializeOptions(StringRef options, function_ref<LogicalResult(const Twine &)> errorHandler) override {
    std::string text = (options.empty() || options.contains('=') ? "" : "to=") + options.str();
    return ReportSpectrumPassBase::initializeOptions(text, errorHandler);
  }

  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(reportAll(getOperation())))
      signalPassFailure();
  }

private:
  FailureOr<std::vector<Map>> selectMaps(ModuleOp module);
  FailureOr<Statistics> readMoments(ModuleOp module, ArrayRef<Map> maps);
  LogicalResult reportAll(ModuleOp module);
};

FailureOr<std::vector<Map>> ReportSpectrum::selectMaps(ModuleOp module) {
  FailureOr<llvm::Regex> pattern = patternOf(module, "layers", layers);
  if (failed(pattern))
    return failure();
  FailureOr<func::FuncOp> entry = entryOf(module);
  if (failed(entry))
    return failure();
  llvm::DenseMap<Operation *, SmallVector<std::pair<StringRef, Projection>>> parts;
  for (auto attention : entry->getOps<AttentionOp>()) {
    llvm::Expected<AttentionMaps> maps = AttentionMaps::match(attention);
    if (!maps) {
      llvm::consumeError(maps.takeError()); // its layers are shown whole
      continue;
    }
    for (auto [name, projection] : maps->projections())
      parts[projection.linear].push_back({name, projection});
  }
  std::vector<Map> selected;
  for (auto op : entry->getOps<LinearOp>()) {
    if (!pattern->match(op.getLayer()))
      continue;
    FailureOr<MatrixXd> weight = weightOf(op);
    if (failed(weight))
      return failure();
    if (parts[op].size() > 1)
      for (auto [name, projection] : parts[op])
        selected.push_back({op, name.str(), weight->middleRows(projection.column, projection.width), {}, {}});
    else
      selected.push_back({op, "", std::move(*weight), {}, {}});
  }
  if (selected.empty())
    return module.emitError("expected layers to match the name of a linear layer, found '")
           << layers.getValue() << "' to match none";
  return selected;
}

FailureOr<Statistics> ReportSpectrum::readMoments(ModuleOp module, ArrayRef<Map> maps) {
  SmallVector<LinearOp> ops = llvm::map_to_vector(maps, [](const Map &map) { return map.op; });
  if (!statistics.empty())
    return readOrCollectStatistics(module, ops, statistics, /*images=*/nullptr);
  if (images.empty())
    return Statistics();
  FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
  if (failed(imageSet))
    return failure();
  return collectStatistics(module, ops, *imageSet);
}

LogicalResult ReportSpectrum::reportAll(ModuleOp module) {
  if (to.empty())
    return module.emitError("expected to=FILE to write, found none");
  FailureOr<std::vector<Map>> maps = selectMaps(module);
  if (failed(maps))
    return failure();
  FailureOr<Statistics> moments = readMoments(module, *maps);
  if (failed(moments))
    return failure();
  parallelFor(&getContext(), 0, maps->size(), [&](size_t i) {
    Map &map = (*maps)[i];
    map.plain = Factorization::plain(map.weight).singularValues();
    if (!moments->empty())
      map.whitened = Factorization::whitened(map.weight, *moments->lookup(map.op.getLayer())).singularValues();
  });

  llvm::Error error = writeFile(to, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/1);
    auto write = [&](StringRef name, const VectorXd &values) {
      if (values.size())
        json.attributeArray(name, [&] {
          for (double value : values)
            json.value(value);
        });
    };
    json.array([&] {
      for (Map &map : *maps)
        json.object([&] {
          json.attribute("layer", map.op.getLayer());
          if (!map.part.empty())
            json.attribute("part", map.part);
          json.attribute("in", map.weight.cols());
          json.attribute("out", map.weight.rows());
          write("plain", map.plain);
          write("whitened", map.whitened);
        });
    });
    os << '\n';
  });
  if (!error && !plot.empty()) {
    std::vector<SpectrumCurve> curves;
    for (Map &map : *maps)
      curves.push_back({map.op.getLayer().str(), map.part, map.plain, map.whitened});
    error = writeFile(plot, [&](llvm::raw_ostream &os) { plotSpectra(curves, os); });
  }
  if (error)
    return module.emitError() << llvm::toString(std::move(error));
  return success();
}

} // namespace
} // namespace vitya
