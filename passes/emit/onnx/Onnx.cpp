// The model around the graph: its input and output, and what is known about it beyond its ops.
#include "passes/emit/onnx/Onnx.h"
#include "dialect/support/Errors.h"
#include "passes/emit/ModelInfo.h"
#include "passes/emit/onnx/Translator.h"
#include "llvm/Support/JSON.h"
#include <limits>

using namespace mlir;

namespace vitya {

/// The version of the file format with which kOnnxOperators were introduced.
static constexpr int64_t kOnnxFormat = 10;

static constexpr StringLiteral kInput = "image", kOutput = "logits";

static void addMetadata(onnx::ModelProto &to, StringRef key, const std::string &value) {
  onnx::StringStringEntryProto &entry = *to.add_metadata_props();
  entry.set_key(key.str());
  entry.set_value(value);
}

/// Describes the image in the terms of ONNX's MetadataProps.md.
static void describeImage(ArrayRef<int64_t> image, onnx::TypeProto &type, onnx::ModelProto &to) {
  type.set_denotation("IMAGE");
  auto &shape = *type.mutable_tensor_type()->mutable_shape();
  constexpr StringLiteral denotations[] = {"DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE"};
  for (auto [index, denotation] : llvm::enumerate(denotations))
    shape.mutable_dim(index)->set_denotation(denotation.str());
  addMetadata(to, "Image.NominalPixelRange", "Normalized_0_1");
  if (image[0] == 1)
    addMetadata(to, "Image.BitmapPixelFormat", "Gray8");
  if (image[0] == 3)
    addMetadata(to, "Image.BitmapPixelFormat", "Rgb8");
  if (image[0] == 4)
    addMetadata(to, "Image.BitmapPixelFormat", "Rgba8");
}

/// JSON that `write` writes.
static std::string jsonOf(llvm::function_ref<void(llvm::json::OStream &)> write) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream os(stream);
  write(os);
  return text;
}

/// Describes what is not part of the graph.
static void describeModel(ModelAttr model, StringRef fingerprint, onnx::ModelProto &to) {
  to.set_ir_version(kOnnxFormat);
  to.set_producer_name("vitya");
  to.set_producer_version(VITYA_VERSION);
  to.add_opset_import()->set_version(kOnnxOperators);
  to.mutable_graph()->set_name(model.getName().str());
  addMetadata(to, "fingerprint", fingerprint.str());
  addMetadata(to, "classes", jsonOf([&](llvm::json::OStream &os) {
                os.array([&] {
                  for (StringAttr name : model.getClasses())
                    os.value(name.getValue());
                });
              }));
  addMetadata(to, "preprocessing", jsonOf([&](llvm::json::OStream &os) {
                os.object([&] { printPreprocessing(model.getPreprocessing(), model.getImage(), os); });
              }));
}

llvm::Error emitOnnx(ModuleOp module, llvm::raw_ostream &os) {
  auto model = getDiscardable<VityaDialect::ModelAttrHelper>(module);
  auto fingerprint = getDiscardable<VityaDialect::FingerprintAttrHelper>(module);
  if (!model || !fingerprint)
    return makeError("expected a module with the attributes '{0}' and '{1}', found one without",
                     VityaDialect::ModelAttrHelper::getNameStr(), VityaDialect::FingerprintAttrHelper::getNameStr());
  onnx::ModelProto result;
  describeModel(model, fingerprint, result);
  OnnxGraph graph(*result.mutable_graph());
  describeImage(model.getImage(), graph.addInput(kInput, model.getImage()), result);
  graph.addOutput(kOutput, {static_cast<int64_t>(model.getClasses().size())});
  if (failed(OnnxTranslator(graph, kInput, kOutput).run(module.lookupSymbol<func::FuncOp>(kEntryName))))
    return reportedError();
  constexpr size_t limit = std::numeric_limits<int32_t>::max();
  if (result.ByteSizeLong() > limit)
    return makeError("expected a model of at most {0} bytes for ONNX, found {1}", limit, result.ByteSizeLong());
  os << result.SerializeAsString();
  return llvm::Error::success();
}

} // namespace vitya
