// The pass that writes the singular values of linear layers. A layer that computes queries, keys and values of an
// attention together appears once for each of them.
#include "dialect/support/Json.h"
#include "dialect/support/WriteOutput.h"
#include "mlir/IR/Threading.h"
#include "passes/analysis/AttentionMaps.h"
#include "passes/analysis/Passes.h"
#include "passes/analysis/Statistics.h"

using namespace mlir;
using namespace vitya::numerics;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace vitya {
#define GEN_PASS_DEF_REPORTSPECTRUMPASS
#include "passes/analysis/Passes.h.inc"

namespace {

/// The singular values of a layer, or of the rows of its weight that compute queries, keys or values.
struct LayerSpectrum {
  LayerSpectrum(LinearOp op, StringRef part, MatrixXd weight) : op(op), part(part), weight(std::move(weight)) {}

  LinearOp op;
  std::string part; ///< "Q", "K", "V", or empty for the whole layer
  MatrixXd weight;
  VectorXd plain, whitened; ///< `whitened` is empty unless the moments of the input are known
};

struct ReportSpectrum : impl::ReportSpectrumPassBase<ReportSpectrum> {
  using ReportSpectrumPassBase::ReportSpectrumPassBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(report(getOperation())))
      signalPassFailure();
  }

private:
  FailureOr<std::vector<LayerSpectrum>> selectLayers(ModuleOp module);
  FailureOr<Statistics> readMoments(ModuleOp module, ArrayRef<LayerSpectrum> spectra);
  LogicalResult report(ModuleOp module);
};

/// The projections of all attentions of `entry` that are surrounded by linear layers, by layer.
llvm::DenseMap<Operation *, SmallVector<std::pair<StringRef, Projection>>> projectionsOf(func::FuncOp entry) {
  llvm::DenseMap<Operation *, SmallVector<std::pair<StringRef, Projection>>> projections;
  for (auto attention : entry.getOps<AttentionOp>()) {
    llvm::Expected<AttentionMaps> maps = AttentionMaps::match(attention);
    if (!maps) {
      llvm::consumeError(maps.takeError()); // its layers appear as a whole
      continue;
    }
    for (auto [name, projection] : maps->projections())
      projections[projection.linear].push_back({name, projection});
  }
  return projections;
}

FailureOr<std::vector<LayerSpectrum>> ReportSpectrum::selectLayers(ModuleOp module) {
  FailureOr<SmallVector<LinearOp>> ops = selectLinears(module, layers);
  if (failed(ops))
    return failure();
  auto projections = projectionsOf(*entryOf(module));
  std::vector<LayerSpectrum> selected;
  for (LinearOp op : *ops) {
    FailureOr<MatrixXd> weight = weightOf(op);
    if (failed(weight))
      return failure();
    if (projections[op].size() > 1)
      for (auto [name, projection] : projections[op])
        selected.emplace_back(op, name, weight->middleRows(projection.column, projection.width));
    else
      selected.emplace_back(op, "", std::move(*weight));
  }
  return selected;
}

/// The moments of the layers' inputs; empty if neither a file nor images are given.
FailureOr<Statistics> ReportSpectrum::readMoments(ModuleOp module, ArrayRef<LayerSpectrum> spectra) {
  SmallVector<LinearOp> ops = llvm::map_to_vector(spectra, [](const LayerSpectrum &spectrum) { return spectrum.op; });
  if (!statistics.empty())
    return readOrCollectStatistics(module, ops, statistics, /*images=*/nullptr);
  if (images.empty())
    return Statistics();
  FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
  if (failed(imageSet))
    return failure();
  return collectStatistics(module, ops, *imageSet);
}

void writeSpectrum(llvm::json::OStream &json, const LayerSpectrum &spectrum) {
  auto writeValues = [&](StringRef name, const VectorXd &values) {
    json.attributeArray(name, [&] {
      for (double value : values)
        json.value(toJson(value));
    });
  };
  json.object([&] {
    json.attribute("layer", LinearOp(spectrum.op).getLayer());
    if (!spectrum.part.empty())
      json.attribute("part", spectrum.part);
    json.attribute("in", spectrum.weight.cols());
    json.attribute("out", spectrum.weight.rows());
    writeValues("plain", spectrum.plain);
    if (spectrum.whitened.size())
      writeValues("whitened", spectrum.whitened);
  });
}

LogicalResult ReportSpectrum::report(ModuleOp module) {
  if (to.empty())
    return module.emitError("expected to=FILE to write, found none");
  FailureOr<std::vector<LayerSpectrum>> spectra = selectLayers(module);
  if (failed(spectra))
    return failure();
  FailureOr<Statistics> moments = readMoments(module, *spectra);
  if (failed(moments))
    return failure();
  parallelForEach(&getContext(), *spectra, [&](LayerSpectrum &spectrum) {
    spectrum.plain = Factorization::plain(spectrum.weight).singularValues();
    if (std::shared_ptr<const Moments> input = moments->lookup(spectrum.op.getLayer()))
      spectrum.whitened = Factorization::whitened(spectrum.weight, *input).singularValues();
  });
  llvm::Error error = writeOutput(to, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/1);
    json.array([&] {
      for (const LayerSpectrum &spectrum : *spectra)
        writeSpectrum(json, spectrum);
    });
    os << '\n';
    return llvm::Error::success();
  });
  if (error)
    return module.emitError() << llvm::toString(std::move(error));
  return success();
}

} // namespace
} // namespace vitya
