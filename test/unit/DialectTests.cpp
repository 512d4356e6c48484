// The C++ interface of the dialect: builders that infer types, the op interfaces, constants, fingerprints, float
// literals.
#include "dialect/Bytecode.h"
#include "dialect/Constants.h"
#include "dialect/Fingerprint.h"
#include "dialect/ShortFloat.h"
#include "dialect/VityaOps.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace vitya;

namespace {

class Dialect : public testing::Test {
protected:
  Dialect() : builder(&context) {
    context.loadDialect<VityaDialect, arith::ArithDialect, func::FuncDialect, tensor::TensorDialect>();
    module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToStart(module->getBody());
  }

  TypedValue<RankedTensorType> value(ArrayRef<int64_t> shape) {
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    return cast<TypedValue<RankedTensorType>>(
        tensor::EmptyOp::create(builder, builder.getUnknownLoc(), type, ValueRange()).getResult());
  }
  template <typename Op, typename... Args>
  Op make(Args &&...args) {
    return Op::create(builder, builder.getUnknownLoc(), std::forward<Args>(args)...);
  }
  OwningOpRef<ModuleOp> parse(StringRef text) { return parseSourceString<ModuleOp>(text, &context); }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
};

ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

TEST_F(Dialect, BuildersInferShapes) {
  using Shape = ArrayRef<int64_t>;
  int64_t patch[] = {4, 8};
  EXPECT_EQ(shapeOf(make<PatchifyOp>(value({3, 32, 16}), patch, PatchOrder::row_column_channel)), Shape({16, 96}));
  EXPECT_EQ(shapeOf(make<LinearOp>("fc", value({65, 192}), value({10, 192}), value({10}), LinearInfoAttr())),
            Shape({65, 10}));
  EXPECT_EQ(shapeOf(make<LinearOp>("fc", value({65, 192}), value({10, 192}), Value(), LinearInfoAttr())),
            Shape({65, 10}));
  EXPECT_EQ(shapeOf(make<LayerNormOp>("norm", value({65, 192}), value({192}), value({192}), APFloat(1e-6))),
            Shape({65, 192}));
  EXPECT_EQ(shapeOf(make<RmsNormOp>("norm", value({65, 192}), value({192}), APFloat(1e-6))), Shape({65, 192}));
  EXPECT_EQ(
      shapeOf(make<AttentionOp>("attn", value({2, 12}), value({65, 12}), value({65, 30}), Value(), 3, APFloat(0.5))),
      Shape({2, 30}));
  EXPECT_EQ(shapeOf(make<GeluOp>(GeluForm::erf, value({65, 192}))), Shape({65, 192}));
  int64_t grid[] = {4, 8}, window[] = {3, 3}, stride[] = {2, 2}, padding[] = {1, 1};
  EXPECT_EQ(shapeOf(make<UnfoldOp>(value({32, 16}), grid, window, stride, padding)), Shape({8, 144}));
  EXPECT_EQ(shapeOf(make<MaxPoolOp>(value({32, 16}), grid, window, stride, padding)), Shape({8, 16}));
  EXPECT_EQ(shapeOf(make<ReluOp>(value({65, 192}))), Shape({65, 192}));
  EXPECT_EQ(shapeOf(make<SiluOp>(value({65, 192}))), Shape({65, 192}));
  EXPECT_EQ(shapeOf(make<MeanPoolOp>(value({65, 192}))), Shape({1, 192}));
}

// The parser of arrays refuses this already.
TEST_F(Dialect, ModelsHaveClasses) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  auto preprocessing = PreprocessingAttr::get(&context, PictureFilter::bilinear);
  auto emitError = [&] { return mlir::emitError(builder.getUnknownLoc()); };
  int64_t image[] = {3, 4, 4};
  EXPECT_TRUE(failed(ModelAttr::verify(emitError, "vit", image, ArrayRef<StringAttr>(), preprocessing)));
  EXPECT_EQ(message, "expected at least one class, found none"); // model_c2
}

TEST_F(Dialect, RowwiseOpsNameTheirOperand) {
  auto linear = make<LinearOp>("fc", value({65, 192}), value({10, 192}), Value(), LinearInfoAttr());
  ASSERT_TRUE(isa<RowwiseOpInterface>(linear.getOperation()));
  EXPECT_EQ(cast<RowwiseOpInterface>(linear.getOperation()).getRowwiseOperands(), SmallVector<unsigned>{0});
  EXPECT_FALSE(isa<RowwiseOpInterface>(make<MeanPoolOp>(value({65, 192})).getOperation()));
}

TEST_F(Dialect, ConstantsAreReadWhateverTheirForm) {
  auto type = RankedTensorType::get({2}, builder.getF32Type());
  float values[] = {1.5f, -2.0f};
  auto bytes = ArrayRef(reinterpret_cast<const char *>(values), sizeof(values));
  EXPECT_EQ(*readFloats(DenseElementsAttr::get(type, ArrayRef<float>(values))), (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(*readFloats(DenseElementsAttr::get(type, 3.0f)), (std::vector<float>{3.0f, 3.0f}));
  DenseResourceElementsAttr resource = makeResource(type, "weights", bytes);
  EXPECT_EQ(*readFloats(resource), (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rawBytes(resource).data()) % 64, 0u);
  EXPECT_TRUE(failed(readFloats(makeResource(type, "short", bytes.drop_back(4)))));
  EXPECT_TRUE(failed(readFloats(DenseElementsAttr::get(RankedTensorType::get({1}, builder.getI32Type()), 7))));
  releaseResource(resource);
  EXPECT_TRUE(rawBytes(resource).empty());
  EXPECT_TRUE(failed(readFloats(resource)));
}

constexpr char kModel[] = R"(
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %0 = vitya.linear "head" %x, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
})";

TEST_F(Dialect, LayersNameTheirOperandsAndCountTheirWork) {
  auto linear = make<LinearOp>("fc", value({65, 192}), value({10, 192}), Value(), LinearInfoAttr());
  LayerOpInterface layer = linear;
  EXPECT_EQ(layer.getLayer(), "fc");
  EXPECT_EQ(layer.getMultiplyAdds(), 65 * 192 * 10);
  EXPECT_FALSE(layer.isQuantized());
  ASSERT_EQ(layer.getQuantizableOperands().size(), 1u);
  EXPECT_EQ(layer.getQuantizableOperands()[0].value(), linear.getInput());
  layer.setLayer("renamed");
  EXPECT_EQ(linear.getLayer(), "renamed");
  auto attention =
      make<AttentionOp>("attn", value({2, 12}), value({65, 12}), value({65, 30}), Value(), 3, APFloat(0.5));
  layer = attention;
  EXPECT_EQ(layer.getMultiplyAdds(), 2 * 65 * (12 + 30));
  ASSERT_EQ(layer.getQuantizableOperands().size(), 3u);
  EXPECT_FALSE(layer.getQuantizableOperands()[0].isSigned);
  EXPECT_TRUE(layer.getQuantizableOperands()[1].isSigned);
  layer = make<LayerNormOp>("norm", value({65, 192}), value({192}), value({192}), APFloat(1e-6));
  EXPECT_EQ(layer.getMultiplyAdds(), 0);
  EXPECT_TRUE(layer.getQuantizableOperands().empty());
  EXPECT_FALSE(isa<LayerOpInterface>(make<GeluOp>(GeluForm::erf, value({65, 192})).getOperation()));
}

TEST(ShortFloat, IsTheShortestLiteralOfTheValue) {
  EXPECT_EQ(shortFloat(1e-6), "1.0e-6");
  EXPECT_EQ(shortFloat(0.125), "0.125");
  EXPECT_EQ(shortFloat(-0.0), "-0.0");
  EXPECT_EQ(shortFloat(1.25e20), "1.25e20");
  EXPECT_EQ(shortFloat(0.1f), "0.1");
  EXPECT_EQ(shortFloat(0.1), "0.1");
  EXPECT_EQ(shortFloat(static_cast<double>(0.1f)), "0.10000000149011612");
  EXPECT_EQ(shortFloat(std::numeric_limits<float>::denorm_min()), "1.0e-45");
  EXPECT_EQ(std::stod(shortFloat(0.1 + 0.2)), 0.1 + 0.2);
}

TEST(Bias, CountsStepsUnlessTheSumMightOverflow) {
  std::optional<llvm::SmallVector<int32_t>> steps = biasInSteps({2.1f, -3.4f}, {0.25f, 1.0f}, 4);
  ASSERT_TRUE(steps);
  EXPECT_EQ(*steps, (llvm::SmallVector<int32_t>{8, -3}));
  EXPECT_FALSE(biasInSteps({2.0f, 3.0e+9f}, {0.25f, 1.0f}, 4));
  EXPECT_FALSE(biasInSteps({std::nanf("")}, {1.0f}, 4));
  // 65,536 products leave 2^31 - 1 - 255 * 128 * 65536 = 8,388,607 steps.
  EXPECT_TRUE(biasInSteps({8388607.0f}, {1.0f}, kMaxProducts));
  EXPECT_FALSE(biasInSteps({8388608.0f}, {1.0f}, kMaxProducts));
}

TEST_F(Dialect, FingerprintsTellModelsApart) {
  std::string text = kModel, original = fingerprint(*parse(text));
  EXPECT_EQ(original.size(), 32u);
  auto copyWith = [&](StringRef from, StringRef to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return parse(copy);
  };
  auto changed = [&](StringRef from, StringRef to) { return fingerprint(*copyWith(from, to)); };
  EXPECT_NE(original, changed("4.0", "4.5"));
  EXPECT_NE(original, changed("head", "tail"));
  EXPECT_NE(original, changed("%x, %w :", "%x, %w {a} :"));
  // Other weights are another model of the same structure.
  std::string structure = structureFingerprint(*parse(text));
  EXPECT_EQ(structure, structureFingerprint(*copyWith("4.0", "4.5")));
  EXPECT_NE(structure, structureFingerprint(*copyWith("head", "tail")));
  // The same weights as a resource are the same model.
  std::string resource = text + "\n{-# dialect_resources: { builtin: { w: "
                                "\"0x040000000000803F000000400000404000008040\" } } #-}";
  size_t begin = resource.find("dense<"), end = resource.find(" : tensor<2x2xf32>");
  resource.replace(begin, end - begin, "dense_resource<w>");
  EXPECT_EQ(original, fingerprint(*parse(resource)));
}

TEST_F(Dialect, BytecodeOfANewerVersionIsRefused) {
  OwningOpRef<ModuleOp> model =
      parse("%0 = tensor.empty() : tensor<1x2xf32>\n%1 = vitya.gelu erf %0 : tensor<1x2xf32>");
  std::vector<std::string> errors;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &error) { errors.push_back(error.str()); });
  auto readAgain = [&](uint64_t version) {
    std::string bytes;
    llvm::raw_string_ostream os(bytes);
    BytecodeWriterConfig config;
    config.setDialectVersion<VityaDialect>(std::make_unique<BytecodeVersion>(version));
    EXPECT_TRUE(succeeded(writeBytecodeToFile(*model, os, config)));
    return parse(bytes);
  };
  EXPECT_TRUE(readAgain(BytecodeVersion::kCurrent));
  EXPECT_TRUE(errors.empty());
  EXPECT_FALSE(readAgain(BytecodeVersion::kCurrent + 1));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors.front().find("up to version 1, found version 2, which a newer compiler has written"),
            std::string::npos)
      << errors.front();
}

} // namespace
