// Runs both models on the same images, a few at a time, and compares outputs of the same name.
#include "tools/lib/OutputNoise.h"
#include "dialect/support/Errors.h"
#include "mlir/Pass/PassManager.h"
#include "passes/analysis/ImageSet.h"
#include "passes/analysis/LinearLayers.h"
#include "tools/lib/ModelInput.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace vitya {
namespace {

/// The images that are compared, and how many of them at a time: the outputs of all layers are kept for these.
constexpr int64_t kImages = 32, kImagesAtATime = 4;

/// The name of the layer whose output `op` computes: that of a left factor, or of a part of it, is the name without
/// ".left". Empty for right factors and for ops that are no layers.
std::string outputNameOf(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attention.getLayer().str();
  auto linear = dyn_cast<LinearOp>(op);
  if (!linear)
    return "";
  StringRef name = linear.getLayer(), layer = layerNameOf(linear), rest = name;
  if (!isFactorized(linear) || !rest.consume_front(layer))
    return name.str();
  if (rest.starts_with(".right"))
    return "";
  rest.consume_front(".left");
  return (layer + rest).str();
}

/// Whether an attention reads `value` as its values.
bool isValueOfAttention(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (auto attention = dyn_cast<AttentionOp>(user))
      return attention.getValue() == value;
    return isa<tensor::ExtractSliceOp, quant::QuantizeCastOp>(user) && isValueOfAttention(user->getResult(0));
  });
}

/// Whether smoothing may have scaled the columns that `op` computes: those of an attention and of its values.
bool mayBeSmoothed(Operation *op) { return isa<AttentionOp>(op) || isValueOfAttention(op->getResult(0)); }

/// The outputs of layers by name, one tensor for each image.
using Outputs = llvm::StringMap<std::vector<reference::Tensor>>;

/// Creates an entry for every output of `module`.
Outputs makeOutputs(ModuleOp module) {
  Outputs outputs;
  module.walk([&](Operation *op) {
    if (std::string name = outputNameOf(op); !name.empty())
      outputs[name].resize(kImagesAtATime);
  });
  return outputs;
}

/// Runs `module` on `count` images from `first` on and stores what its layers compute.
LogicalResult fill(Outputs &outputs, ModuleOp module, const ImageSet &images, int64_t first, int64_t count) {
  auto read = [&](int64_t index, MutableArrayRef<float> image) { images.read(first + index, image); };
  auto observe = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
    if (auto found = outputs.find(outputNameOf(op)); found != outputs.end())
      found->second[index] = results.front();
  };
  return LogicalResult(reference::runImages(module, count, read, observe));
}

/// The sums of one output.
struct Sums {
  double noise = 0, squares = 0;
  Eigen::VectorXd sum;
  int64_t rows = 0;

  void add(const reference::Tensor &before, const reference::Tensor &after) {
    Eigen::MatrixXd y = before.matrix().cast<double>();
    noise += (after.matrix().cast<double>() - y).squaredNorm();
    squares += y.squaredNorm();
    if (rows == 0)
      sum = Eigen::VectorXd::Zero(y.cols());
    sum += y.colwise().sum().transpose();
    rows += y.rows();
  }
  /// The noise relative to the variance; nothing if there is no variance.
  std::optional<double> ratio() const {
    double variance = squares - sum.squaredNorm() / double(rows);
    return variance > 0 ? std::optional(noise / variance) : std::nullopt;
  }
};

} // namespace

llvm::Error measureOutputNoise(ModuleOp compressed, const DialectRegistry &registry,
                               const CompressionSearch::Loader &load, const CompressOptions &options, StringRef images,
                               ModelReport &report) {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, "vitya-compile");
  llvm::Expected<OwningOpRef<ModuleOp>> original = load(*context);
  if (!original)
    return original.takeError();
  // The same layers are split, and the same rows dropped, as in the compressed model.
  CompressOptions structure;
  if (options.smooth || options.quantizes())
    structure.quantize = QuantizeDynamicPassOptions();
  PassManager pm(context.get());
  buildPreparePipeline(pm, structure);
  buildDescribePipeline(pm);
  FailureOr<ImageSet> set = ImageSet::open(compressed, images, /*count=*/0);
  if (failed(pm.run(**original)) || failed(set))
    return reportedError();

  Outputs before = makeOutputs(**original), after = makeOutputs(compressed);
  if (options.smooth)
    compressed.walk([&](LayerOpInterface op) {
      if (mayBeSmoothed(op))
        before.erase(outputNameOf(op));
    });
  llvm::StringMap<Sums> sums;
  int64_t total = std::min(set->count(), kImages);
  for (int64_t first = 0; first < total; first += kImagesAtATime) {
    int64_t count = std::min(kImagesAtATime, total - first);
    if (failed(fill(before, **original, *set, first, count)) || failed(fill(after, compressed, *set, first, count)))
      return reportedError();
    for (const auto &output : after)
      if (auto found = before.find(output.getKey()); found != before.end())
        for (int64_t i = 0; i < count; ++i)
          if (found->second[i].shape() == output.second[i].shape())
            sums[output.getKey()].add(found->second[i], output.second[i]);
  }
  auto noiseOf = [&](StringRef name) {
    auto found = sums.find(name);
    return found == sums.end() ? std::nullopt : found->second.ratio();
  };
  compressed.walk([&](LinearOp op) {
    for (LinearReport &layer : report.linears)
      for (LinearOpReport &record : layer.ops)
        if (record.name == op.getLayer() && (op.isQuantized() || isFactorized(op)))
          record.outputNoise = noiseOf(outputNameOf(op));
  });
  for (AttentionReport &attention : report.attentions)
    if (attention.quantized || attention.lowRank)
      attention.outputNoise = noiseOf(attention.name);
  return llvm::Error::success();
}

} // namespace vitya
