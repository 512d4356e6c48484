// Tensors are named after their layers if possible, because a resource gets a numbered name if two have the same name.
#include "frontend/import/Export.h"
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/CheckpointWriter.h"
#include "frontend/import/CompressionRecord.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {
namespace {

class Exporter {
public:
  explicit Exporter(ModuleOp module) : module(module) {}

  Error run(llvm::raw_ostream &os) {
    auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
    auto model = getDiscardable<VityaDialect::ModelAttrHelper>(module);
    if (!entry || entry.isExternal() || !model)
      return makeError("expected a model with a function @{0} to write as a checkpoint, found none", kEntryName);
    llvm::json::Array classes;
    for (StringAttr each : model.getClasses())
      classes.push_back(each.getValue());
    settings["name"] = model.getName();
    settings["classes"] = std::move(classes);
    settings["image"] = llvm::json::Array{model.getImage()[1], model.getImage()[2]};
    settings["antialias"] = model.getAntialias();
    settings["pool"] = entry.getOps<MeanPoolOp>().empty() ? "class" : "mean";
    for (Operation &op : entry.getBody().front())
      if (Error error = add(&op))
        return error;
    for (auto &[key, value] : record.toJson())
      settings[key] = std::move(value);
    return writeCheckpoint(tensors, settings, os);
  }

private:
  /// Sets a setting that a checkpoint has only once.
  Error set(StringRef key, llvm::json::Value value) {
    if (const llvm::json::Value *old = settings.get(key); old && *old != value)
      return makeError("expected one '{0}' for all layers of a checkpoint, found {1} and {2}", key, *old, value);
    settings[key] = std::move(value);
    return Error::success();
  }

  Error add(Operation *op) {
    if (auto normalize = dyn_cast<NormalizeOp>(op)) {
      auto list = [](ArrayRef<float> values) {
        return llvm::json::Array(llvm::map_range(values, [](float value) { return llvm::json::Value(double(value)); }));
      };
      settings["mean"] = list(normalize.getMean());
      settings["std"] = list(normalize.getStd());
      return Error::success();
    }
    if (auto gelu = dyn_cast<GeluOp>(op))
      return set("gelu", stringifyGeluForm(gelu.getForm()));
    if (auto norm = dyn_cast<LayerNormOp>(op)) {
      if (Error error = set("eps", norm.getEps().convertToDouble()))
        return error;
      return addLayer(norm.getLayer(), norm.getWeight(), norm.getBias());
    }
    if (auto linear = dyn_cast<LinearOp>(op)) {
      if (LinearInfoAttr info = linear.getInfoAttr())
        record.linears[info.getName()] = info;
      bool isFactor = linear.getInfoAttr() && linear.getInfoAttr().getName() != linear.getLayer();
      return addLayer(linear.getLayer(), linear.getWeight(), linear.getBias(), isFactor);
    }
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      int64_t heads = attention.getHeads(), width = attention.getQuery().getType().getDimSize(1),
              valueWidth = attention.getValue().getType().getDimSize(1);
      double scale = attention.getScale().convertToDouble();
      if (width != valueWidth || scale != 1 / std::sqrt(double(width / heads))) // NOLINT: as the importer computes it
        record.attentions[attention.getLayer()] = {scale, valueWidth};
      return set("heads", heads);
    }
    // Constants that belong to no layer, such as a class token or a position embedding.
    for (Value operand : op->getOperands())
      if (operand.getDefiningOp<arith::ConstantOp>())
        if (Error error = addTensor("", operand))
          return error;
    return Error::success();
  }

  /// Adds weight and bias. The bias of a factor may still have the name of the dense layer's bias.
  Error addLayer(StringRef layer, Value weight, Value bias, bool isFactor = false) {
    if (Error error = addTensor((layer + ".weight").str(), weight, isFactor))
      return error;
    return bias ? addTensor((layer + ".bias").str(), bias, isFactor) : Error::success();
  }

  /// Adds a constant. It has the name of its resource, or `ofLayer` if there is no resource or if its name is `ofLayer`
  /// with a number.
  Error addTensor(const std::string &ofLayer, Value value, bool isFactor = false) {
    ElementsAttr elements;
    if (!matchPattern(value, m_Constant(&elements)))
      return makeError("expected a constant as '{0}' of a checkpoint, found one that is computed", ofLayer);
    std::string name = ofLayer;
    if (auto resource = isFactor ? DenseResourceElementsAttr() : dyn_cast<DenseResourceElementsAttr>(elements)) {
      StringRef key = resource.getRawHandle().getKey();
      StringRef number = key;
      if (!(!name.empty() && number.consume_front(name) && llvm::Regex("^(_[0-9]+)?$").match(number)))
        name = key.str();
    }
    if (name.empty())
      return makeError("expected resources as tensors that belong to no layer, with their names, found a constant "
                       "without one");
    FailureOr<std::vector<float>> values = readFloats(elements);
    if (failed(values))
      return makeError("expected f32 weights with all their bytes to write as a checkpoint, found '{0}' of type {1}",
                       name, llvm::formatv("{0}", elements.getType()).str());
    if (names.insert(name).second)
      tensors.push_back({name, elements.getShapedType().getShape().vec(), std::move(*values)});
    return Error::success();
  }

  ModuleOp module;
  llvm::json::Object settings;
  CompressionRecord record;
  std::vector<TensorToWrite> tensors;
  llvm::StringSet<> names;
};

} // namespace

Error exportCheckpoint(ModuleOp module, llvm::raw_ostream &os) { return Exporter(module).run(os); }

} // namespace vitya
