// Reads the module's attributes and renders them.
#include "passes/emit/ModelInfo.h"
#include "dialect/Constants.h"
#include "dialect/VityaDialect.h"
#include "passes/lower/Kernel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;

namespace vitya {

llvm::Expected<ModelInfo> readModelInfo(ModuleOp module, StringRef cpu, StringRef options) {
  auto missing = [](StringRef name) {
    return llvm::createStringError("expected a module with attribute '" + name +
                                   "', found none: was it made by an "
                                   "earlier phase of this compiler?");
  };
  ModelInfo info;
  info.cpu = cpu.str();
  info.options = options.str();
  auto model = module->getAttrOfType<ModelAttr>(kModelAttrName);
  if (!model)
    return missing(kModelAttrName);
  info.name = model.getName().str();
  info.image.assign(model.getImage().begin(), model.getImage().end());
  for (StringAttr name : model.getClasses())
    info.classes.push_back(name.str());
  auto fingerprint = module->getAttrOfType<StringAttr>(kFingerprintAttrName);
  if (!fingerprint)
    return missing(kFingerprintAttrName);
  info.fingerprint = fingerprint.str();
  auto layers = module->getAttrOfType<ArrayAttr>(kLayersAttrName);
  if (!layers)
    return missing(kLayersAttrName);
  for (Attribute layer : layers)
    info.layers.push_back(cast<StringAttr>(layer).str());
  auto weights = module->getAttrOfType<DenseResourceElementsAttr>(kWeightsAttrName);
  if (!weights || rawBytes(weights).empty())
    return missing(kWeightsAttrName);
  ArrayRef<char> bytes = rawBytes(weights);
  info.weightBytes = bytes.size();
  auto hash = llvm::SHA256::hash(ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  info.weightsDigest = llvm::toHex(ArrayRef<uint8_t>(hash).take_front(16), /*LowerCase=*/true);
  info.linears = module->getAttrOfType<ArrayAttr>(kLinearsAttrName);
  if (!info.linears)
    return missing(kLinearsAttrName);
  info.attentions = module->getAttrOfType<ArrayAttr>(kAttentionsAttrName);
  for (auto [name, number] : {std::pair(StringRef(kParametersAttrName), &info.parameters),
                              std::pair(StringRef(kMultiplyAddsAttrName), &info.multiplyAdds),
                              std::pair(StringRef(kWorkspaceAttrName), &info.workspaceBytes)}) {
    auto value = module->getAttrOfType<IntegerAttr>(name);
    if (!value)
      return missing(name);
    *number = value.getInt();
  }
  if (auto integers = module->getAttrOfType<IntegerAttr>(kIntegerMultiplyAddsAttrName))
    info.integerMultiplyAdds = integers.getInt();
  return info;
}

std::string ModelInfo::text() const {
  std::string result;
  llvm::raw_string_ostream os(result);
  auto line = [&](StringRef label, const auto &value) { os << llvm::formatv("{0,-16}{1}\n", label, value); };
  line("name", name);
  line("fingerprint", fingerprint);
  line("parameters", parameters);
  line("multiply-adds", multiplyAdds);
  line("of integers", integerMultiplyAdds);
  line("weight bytes", weightBytes);
  line("image", llvm::formatv("{0} x {1} x {2}", image[0], image[1], image[2]).str());
  line("classes", classes.size());
  line("cpu", cpu);
  line("compiler", ("vitya " VITYA_VERSION " " + StringRef(options)).str());
  os << llvm::formatv("\n{0,-32}{1,6}{2,7}{3,7}  {4,-16}{5}\n", "linear", "in", "out", "rank", "format", "reason");
  for (Attribute attribute : linears) {
    auto linear = cast<LinearInfoAttr>(attribute);
    os << llvm::formatv("{0,-32}{1,6}{2,7}{3,7}  {4,-16}{5}\n", linear.getName(), linear.getIn(), linear.getOut(),
                        linear.getRank() ? std::to_string(*linear.getRank()) : "-", linear.getFormat(),
                        linear.getReason());
  }
  if (!attentions)
    return result;
  os << llvm::formatv("\n{0,-32}{1,6}  {2,-16}{3,-16}{4}\n", "attention", "heads", "scores", "values", "reason");
  for (auto attention : attentions.getAsRange<AttentionInfoAttr>())
    os << llvm::formatv("{0,-32}{1,6}  {2,-16}{3,-16}{4}\n", attention.getName(), attention.getHeads(),
                        attention.getScores(), attention.getValues(), attention.getReason());
  return result;
}

std::string ModelInfo::json() const {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("name", name);
    os.attribute("fingerprint", fingerprint);
    os.attribute("parameters", parameters);
    os.attribute("multiply_adds", multiplyAdds);
    os.attribute("integer_multiply_adds", integerMultiplyAdds);
    os.attribute("weight_bytes", weightBytes);
    os.attribute("workspace_bytes", workspaceBytes);
    os.attributeArray("image", [&] {
      for (int64_t size : image)
        os.value(size);
    });
    os.attributeArray("classes", [&] {
      for (const std::string &name : classes)
        os.value(name);
    });
    os.attribute("cpu", cpu);
    os.attributeObject("compiler", [&] {
      os.attribute("version", VITYA_VERSION);
      os.attribute("options", options);
    });
    os.attributeArray("linears", [&] {
      for (Attribute attribute : linears) {
        auto linear = cast<LinearInfoAttr>(attribute);
        os.object([&] {
          os.attribute("name", linear.getName());
          os.attribute("in", linear.getIn());
          os.attribute("out", linear.getOut());
          os.attribute("rank", linear.getRank() ? llvm::json::Value(*linear.getRank()) : llvm::json::Value(nullptr));
          os.attribute("format", linear.getFormat());
          os.attribute("reason", linear.getReason());
        });
      }
    });
    os.attributeArray("attentions", [&] {
      if (!attentions)
        return;
      for (auto attention : attentions.getAsRange<AttentionInfoAttr>())
        os.object([&] {
          os.attribute("name", attention.getName());
          os.attribute("heads", attention.getHeads());
          os.attribute("scores", attention.getScores());
          os.attribute("values", attention.getValues());
          os.attribute("reason", attention.getReason());
        });
    });
  });
  stream << '\n';
  return result;
}

} // namespace vitya
