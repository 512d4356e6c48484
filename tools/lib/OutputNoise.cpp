// Runs both models on the same images, a few at a time, and compares outputs of the same name.
#include "tools/lib/OutputNoise.h"
#include "dialect/reference/Interpreter.h"
#include "dialect/support/Errors.h"
#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"
#include "passes/analysis/ImageSet.h"
#include "passes/analysis/LinearLayers.h"
#include "tools/lib/ModelInput.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace vitya {
namespace {

/// The images that are compared, and how many of them at a time: the outputs of all layers are kept for these.
constexpr int64_t kImages = 32, kImagesAtATime = 4;

/// The name of the output that the op `name` of the linear layer `layer` computes: that of a left factor, or of a part
/// of it, is the name without ".left". Empty for right factors.
std::string outputNameOf(StringRef name, StringRef layer, bool isFactorized) {
  StringRef rest = name;
  if (!isFactorized || !rest.consume_front(layer))
    return name.str();
  if (rest.starts_with(".right"))
    return "";
  rest.consume_front(".left");
  return (layer + rest).str();
}

/// The same for an op. Empty for ops that are no layers.
std::string outputNameOf(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attention.getLayer().str();
  auto linear = dyn_cast<LinearOp>(op);
  return linear ? outputNameOf(linear.getLayer(), layerNameOf(linear), isFactorized(linear)) : "";
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

/// A model and the outputs of its layers for a few images.
class ObservedModel {
public:
  explicit ObservedModel(ModuleOp module) : entry(module.lookupSymbol<func::FuncOp>(kEntryName)) {
    for (Operation &op : entry.getBody().front())
      if (std::string name = outputNameOf(&op); !name.empty())
        outputs[&op] = &(byName[name] = std::vector<reference::Tensor>(kImagesAtATime));
  }

  LogicalResult prepare() {
    FailureOr<reference::Interpreter> created = reference::Interpreter::create(entry);
    if (succeeded(created))
      interpreter = std::move(*created);
    return LogicalResult(created);
  }

  /// Runs the model on `count` images from `first` on.
  void run(const ImageSet &images, int64_t first, int64_t count) {
    auto type = cast<RankedTensorType>(entry.getArgumentTypes().front());
    parallelFor(entry.getContext(), 0, count, [&](int64_t index) {
      reference::Tensor image(type.getShape(), type.getElementType());
      images.read(first + index, image.mutableValues());
      interpreter->run(image, [&](Operation *op, ArrayRef<reference::Tensor> results) {
        if (std::vector<reference::Tensor> *output = outputs.lookup(op))
          (*output)[index] = results.front();
      });
    });
  }

  /// By name, one tensor for each image of the last run.
  llvm::StringMap<std::vector<reference::Tensor>> byName;

private:
  func::FuncOp entry;
  std::optional<reference::Interpreter> interpreter;
  llvm::DenseMap<Operation *, std::vector<reference::Tensor> *> outputs;
};

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

llvm::Error measureOutputNoise(ModuleOp compressed, const DialectRegistry &registry, const ModelLoader &load,
                               const CompressOptions &options, StringRef images, ModelReport &report) {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, "vitya-compile");
  llvm::Expected<OwningOpRef<ModuleOp>> original = load(*context);
  if (!original)
    return original.takeError();
  // The same columns are rotated, layers split and rows dropped as in the compressed model.
  CompressOptions structure;
  if (options.smooth || options.quantizes())
    structure.quantize = QuantizeDynamicPassOptions();
  PassManager pm(context.get());
  buildPreparePipeline(pm, structure);
  buildDescribePipeline(pm);
  FailureOr<ImageSet> set = ImageSet::open(compressed, images, /*count=*/0);
  if (failed(pm.run(**original)) || failed(set))
    return reportedError();

  ObservedModel before(**original), after(compressed);
  if (failed(before.prepare()) || failed(after.prepare()))
    return reportedError();
  llvm::StringSet<> scaled;
  if (options.smooth && options.smooth->inputs != SmoothedInputs::inserted)
    compressed.walk([&](LayerOpInterface op) {
      if (mayBeSmoothed(op))
        scaled.insert(outputNameOf(op));
    });
  llvm::StringMap<Sums> sums;
  int64_t total = std::min(set->count(), kImages);
  for (int64_t first = 0; first < total; first += kImagesAtATime) {
    int64_t count = std::min(kImagesAtATime, total - first);
    before.run(*set, first, count);
    after.run(*set, first, count);
    for (const auto &output : after.byName)
      if (auto found = before.byName.find(output.getKey());
          found != before.byName.end() && !scaled.contains(output.getKey()))
        for (int64_t i = 0; i < count; ++i)
          if (found->second[i].shape() == output.second[i].shape())
            sums[output.getKey()].add(found->second[i], output.second[i]);
  }
  auto noiseOf = [&](StringRef name) {
    auto found = sums.find(name);
    return found == sums.end() ? std::nullopt : found->second.ratio();
  };
  for (LinearReport &layer : report.linears)
    for (LinearOpReport &op : layer.ops)
      if (op.input || layer.rank)
        op.outputNoise = noiseOf(outputNameOf(op.name, layer.name, layer.rank.has_value()));
  for (AttentionReport &attention : report.attentions)
    if (attention.quantized || attention.lowRank)
      attention.outputNoise = noiseOf(attention.name);
  return llvm::Error::success();
}

} // namespace vitya
