// Training: the executor in LibTorch computes what the reference interpreter computes, and the learner learns.
#include "dialect/Bf16Layers.h"
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/RunImages.h"
#include "dialect/torch/Ops.h"
#include "frontend/training/Trainer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace vitya;

namespace {

constexpr int64_t kSide = 8, kClasses = 4;

/// Images whose label is the brightest quarter.
Dataset makeData(int64_t count, uint64_t seed) {
  Dataset data;
  data.count = count;
  data.channels = 3;
  data.height = data.width = kSide;
  data.classes = kClasses;
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {
    int64_t label = i % kClasses;
    data.labels.push_back(label);
    for (int64_t channel = 0; channel < 3; ++channel)
      for (int64_t y = 0; y < kSide; ++y)
        for (int64_t x = 0; x < kSide; ++x) {
          bool isBright = (y / 4) * 2 + x / 4 == label;
          data.pixels.push_back(random.below(128) + (isBright ? 100 : 0));
        }
  }
  return data;
}

/// A constant of random numbers.
std::string constant(llvm::StringRef name, llvm::StringRef shape, uint64_t seed, double scale = 0.3) {
  Random random(seed);
  SmallVector<int64_t> sizes;
  SmallVector<StringRef> parts;
  shape.split(parts, 'x');
  int64_t count = 1;
  for (StringRef part : parts)
    count *= std::stoll(part.str());
  std::string bytes;
  for (int64_t i = 0; i < count; ++i) {
    float value = scale * (double(random.below(20001)) / 10000 - 1);
    for (size_t byte = 0; byte < sizeof(value); ++byte)
      bytes += llvm::formatv("{0:X-2}", uint32_t(reinterpret_cast<unsigned char *>(&value)[byte])).str();
  }
  return llvm::formatv("  %{0} = arith.constant dense<\"0x{1}\"> : tensor<{2}xf32>\n", name, bytes, shape).str();
}

class TrainingTests : public testing::Test {
protected:
  TrainingTests() {
    context.loadDialect<VityaDialect, arith::ArithDialect, tensor::TensorDialect, quant::QuantDialect,
                        func::FuncDialect>();
  }

  /// A model of four classes, or of as many as there are names, whose function has this body.
  OwningOpRef<ModuleOp> parse(const std::string &body, ArrayRef<const char *> classes = {"a", "b", "c", "d"}) {
    std::string names =
        llvm::join(llvm::map_range(classes, [](StringRef name) { return ("\"" + name + "\"").str(); }), ", ");
    std::string text =
        llvm::formatv(
            "module attributes {{vitya.model = #vitya.model<name = \"m\", image = [3, 8, 8], classes = [{0}]>} "
            "{{\nfunc.func @main(%image: tensor<3x8x8xf32>) -> tensor<1x{1}xf32> {{\n",
            names, classes.size())
            .str() +
        body + "}\n}\n";
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    // Checkpoints have resources.
    module->walk([&](arith::ConstantOp op) {
      if (auto literal = dyn_cast<DenseElementsAttr>(op.getValue());
          literal && literal.getElementType().isF32() && !literal.isSplat())
        op.setValueAttr(makeResource(literal.getType(), "tensor", literal.getRawData()));
    });
    return module;
  }

  /// A block with attention and an MLP on four patches and a class token.
  OwningOpRef<ModuleOp> makeVit() {
    return parse(constant("w", "16x48", 1) + constant("b", "16", 2) + constant("cls", "1x16", 3) +
                 constant("pos", "5x16", 4) + constant("g", "16", 5, 1) + constant("h", "16", 6) +
                 constant("qkv", "48x16", 7) + constant("up", "32x16", 8) + constant("down", "16x32", 9) +
                 constant("head", "4x16", 10) + R"(
  %n = vitya.normalize %image mean [0.5, 0.4, 0.3] std [0.2, 0.3, 0.4] : tensor<3x8x8xf32>
  %p = vitya.patchify %n [4, 4] column_row_channel : tensor<3x8x8xf32> -> tensor<4x48xf32>
  %t = vitya.linear "embed" %p, %w bias %b : tensor<4x48xf32>, tensor<16x48xf32>, tensor<16xf32> -> tensor<4x16xf32>
  %c = tensor.concat dim(0) %cls, %t : (tensor<1x16xf32>, tensor<4x16xf32>) -> tensor<5x16xf32>
  %x = arith.addf %c, %pos : tensor<5x16xf32>
  %l = vitya.layer_norm "norm" %x, %g, %h eps 1.0e-6 : tensor<5x16xf32>, tensor<16xf32>, tensor<16xf32> -> tensor<5x16xf32>
  %a = vitya.linear "qkv" %l, %qkv : tensor<5x16xf32>, tensor<48x16xf32> -> tensor<5x48xf32>
  %q = tensor.extract_slice %a[0, 0] [5, 16] [1, 1] : tensor<5x48xf32> to tensor<5x16xf32>
  %k = tensor.extract_slice %a[0, 16] [5, 16] [1, 1] : tensor<5x48xf32> to tensor<5x16xf32>
  %v = tensor.extract_slice %a[0, 32] [5, 16] [1, 1] : tensor<5x48xf32> to tensor<5x16xf32>
  %s = vitya.attention "attn" %q, %k, %v heads 2 scale 0.35 : tensor<5x16xf32>, tensor<5x16xf32>, tensor<5x16xf32> -> tensor<5x16xf32>
  %r = arith.addf %x, %s : tensor<5x16xf32>
  %u = vitya.linear "up" %r, %up : tensor<5x16xf32>, tensor<32x16xf32> -> tensor<5x32xf32>
  %e = vitya.gelu erf %u : tensor<5x32xf32>
  %d = vitya.linear "down" %e, %down : tensor<5x32xf32>, tensor<16x32xf32> -> tensor<5x16xf32>
  %y = arith.addf %r, %d : tensor<5x16xf32>
  %z = tensor.extract_slice %y[0, 0] [1, 16] [1, 1] : tensor<5x16xf32> to tensor<1x16xf32>
  %o = vitya.linear "head" %z, %head : tensor<1x16xf32>, tensor<4x16xf32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)");
  }

  /// A quantized linear layer on the pixels.
  OwningOpRef<ModuleOp> makeQuantized() {
    return parse(R"(
  %w = arith.constant dense<"0x)" +
                 [] {
                   std::string bytes;
                   Random random(5);
                   for (int64_t i = 0; i < 4 * 192; ++i)
                     bytes += llvm::formatv("{0:X-2}", uint32_t(uint8_t(int8_t(random.below(255)) - 127))).str();
                   return bytes;
                 }() +
                 R"("> : tensor<4x192xi8>
  %b = arith.constant dense<[100, -200, 300, 5]> : tensor<4xi32>
  %p = vitya.patchify %image [8, 8] channel_row_column : tensor<3x8x8xf32> -> tensor<1x192xf32>
  %q = quant.qcast %p : tensor<1x192xf32> to tensor<1x192x!quant.uniform<u8:f32, 0.0037:3>>
  %s = quant.scast %w : tensor<4x192xi8> to tensor<4x192x!quant.uniform<i8<-127:127>:f32:0, {0.01, 0.02, 0.03, 0.01}>>
  %o = vitya.linear "head" %q, %s bias %b : tensor<1x192x!quant.uniform<u8:f32, 0.0037:3>>, tensor<4x192x!quant.uniform<i8<-127:127>:f32:0, {0.01, 0.02, 0.03, 0.01}>>, tensor<4xi32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)");
  }

  static TrainerOptions options() {
    TrainerOptions result;
    result.learner.averageDecay = 0;
    result.batches.augment.flip = false;
    result.batches.augment.cropPadding = 0;
    result.batches.batchSize = 16;
    result.schedule = {1e-2, 1e-4, 0.1};
    result.epochs = 20;
    llvm::SmallString<128> path;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("vitya-training", path));
    llvm::sys::path::append(path, "model.pth");
    result.output = std::string(path);
    return result;
  }

  std::unique_ptr<Trainer> create(ModuleOp module, const TrainerOptions &options) {
    llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(module, options);
    EXPECT_TRUE(bool(trainer)) << (trainer ? "" : llvm::toString(trainer.takeError()));
    return std::move(*trainer);
  }

  /// Expects a model that is trained as `how` says to know the classes of images that it has not seen.
  void expectLearns(const TrainerOptions &how) {
    OwningOpRef<ModuleOp> module = makeVit();
    std::unique_ptr<Trainer> trainer = create(*module, how);
    SplitDataset data{makeData(128, 2), makeData(32, 3)};
    run(*trainer, data, false);
    llvm::Expected<Metrics> metrics = trainer->evaluate(data.validation);
    ASSERT_TRUE(bool(metrics));
    EXPECT_GE(metrics->correct, 30);
  }

  /// Expects both executors to agree to `tolerance` of the largest logit.
  void expectEqualLogits(ModuleOp module, double tolerance) {
    Dataset data = makeData(6, 1);
    FailureOr<std::vector<float>> expected =
        reference::runImages(module, data.count, [&](int64_t index, MutableArrayRef<float> pixels) {
          llvm::transform(data.image(index), pixels.begin(), [](uint8_t pixel) { return pixel / 255.0f; });
        });
    ASSERT_TRUE(succeeded(expected));
    llvm::Expected<std::vector<float>> found = create(module, options())->logits(data);
    ASSERT_TRUE(bool(found)) << llvm::toString(found.takeError());
    double largest = 0, difference = 0;
    ASSERT_EQ(found->size(), expected->size());
    for (auto [a, b] : llvm::zip_equal(*expected, *found)) {
      largest = std::max(largest, std::abs(double(a)));
      difference = std::max(difference, std::abs(double(a) - b));
    }
    EXPECT_GT(largest, 0);
    EXPECT_LE(difference, tolerance * largest);
  }

  void run(Trainer &trainer, const SplitDataset &data, const std::atomic<bool> &stop) {
    llvm::Error error = trainer.run(data, stop);
    EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
  }

  /// The state that a run with these options on a model of `makeVit` has saved.
  TrainingState stateOf(const TrainerOptions &how) {
    constexpr int64_t kWeights = 48 * 16 + 16 + 16 + 80 + 32 + 768 + 512 + 512 + 64;
    llvm::Expected<TrainingState> state = readTrainingState(TrainingFiles::of(how.output).state, kWeights, {});
    EXPECT_TRUE(bool(state)) << (state ? "" : llvm::toString(state.takeError()));
    return std::move(*state);
  }

  /// The error of training that leaves out patches.
  std::string errorOfPatchDropout(ModuleOp module) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
    TrainerOptions how = options();
    how.patchDropout = 0.5;
    llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(module, how);
    EXPECT_FALSE(bool(trainer));
    llvm::consumeError(trainer.takeError());
    return message;
  }

  MLIRContext context;
};

TEST_F(TrainingTests, VitAsReference) { expectEqualLogits(*makeVit(), 1e-5); }

TEST_F(TrainingTests, ConvolutionsAsReference) {
  // A convolution, windows that something else reads, pooling, other activations and a product.
  expectEqualLogits(*parse(constant("w", "8x27", 1) + constant("b", "8", 2) + constant("v", "4x72", 3) +
                           constant("f", "4", 4) + constant("g", "8", 5, 1) + R"(
  %p = vitya.patchify %image [1, 1] row_column_channel : tensor<3x8x8xf32> -> tensor<64x3xf32>
  %u = vitya.unfold %p grid [8, 8] window [3, 3] stride [1, 1] padding [1, 1] : tensor<64x3xf32> -> tensor<64x27xf32>
  %c = vitya.linear "conv" %u, %w bias %b : tensor<64x27xf32>, tensor<8x27xf32>, tensor<8xf32> -> tensor<64x8xf32>
  %n = vitya.rms_norm "norm" %c, %g eps 1.0e-6 : tensor<64x8xf32>, tensor<8xf32> -> tensor<64x8xf32>
  %r = vitya.relu %n : tensor<64x8xf32>
  %m = vitya.max_pool %r grid [8, 8] window [3, 3] stride [2, 2] padding [1, 1] : tensor<64x8xf32> -> tensor<16x8xf32>
  %x = vitya.unfold %m grid [4, 4] window [3, 3] stride [2, 2] padding [1, 1] : tensor<16x8xf32> -> tensor<4x72xf32>
  %s = vitya.silu %x : tensor<4x72xf32>
  %q = vitya.gelu quick %x : tensor<4x72xf32>
  %t = vitya.gelu tanh %q : tensor<4x72xf32>
  %y = arith.mulf %s, %t : tensor<4x72xf32>
  %h = vitya.linear "head" %y, %v : tensor<4x72xf32>, tensor<4x72xf32> -> tensor<4x4xf32>
  %k = vitya.scale_columns %h by %f : tensor<4x4xf32>, tensor<4xf32> -> tensor<4x4xf32>
  %o = vitya.mean_pool %k : tensor<4x4xf32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)"),
                    1e-5);
}

TEST_F(TrainingTests, RotaryEmbeddingsAsReference) {
  // Angles of all heads and of each, with both kinds of pairs.
  expectEqualLogits(*parse(constant("w", "8x48", 1) + constant("c", "4x2", 2) + constant("s", "4x2", 3) +
                           constant("d", "4x4", 4) + constant("e", "4x4", 5) + constant("h", "4x8", 6) + R"(
  %p = vitya.patchify %image [4, 4] channel_row_column : tensor<3x8x8xf32> -> tensor<4x48xf32>
  %t = vitya.linear "embed" %p, %w : tensor<4x48xf32>, tensor<8x48xf32> -> tensor<4x8xf32>
  %q = vitya.rotary_embedding %t, %c, %s heads 2 : tensor<4x8xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  %k = vitya.rotary_embedding %t, %d, %e heads 2 interleaved : tensor<4x8xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  %a = vitya.attention "attn" %q, %k, %t heads 2 scale 0.5 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %m = vitya.mean_pool %a : tensor<4x8xf32> -> tensor<1x8xf32>
  %o = vitya.linear "head" %m, %h : tensor<1x8xf32>, tensor<4x8xf32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)"),
                    1e-5);
}

TEST_F(TrainingTests, BiasOfAttentionAsReference) {
  // One as wide as the keys are many, and one that is wider.
  expectEqualLogits(*parse(constant("w", "8x48", 1) + constant("b", "4x8", 2) + constant("c", "4x32", 3) +
                           constant("h", "4x8", 4) + R"(
  %p = vitya.patchify %image [4, 4] channel_row_column : tensor<3x8x8xf32> -> tensor<4x48xf32>
  %t = vitya.linear "embed" %p, %w : tensor<4x48xf32>, tensor<8x48xf32> -> tensor<4x8xf32>
  %a = vitya.attention "one" %t, %t, %t bias %b heads 2 scale 0.5 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %d = vitya.attention "two" %a, %a, %a bias %c heads 2 scale 0.5 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x32xf32> -> tensor<4x8xf32>
  %m = vitya.mean_pool %d : tensor<4x8xf32> -> tensor<1x8xf32>
  %o = vitya.linear "head" %m, %h : tensor<1x8xf32>, tensor<4x8xf32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)"),
                    1e-5);
}

TEST_F(TrainingTests, QuantizedAsReference) {
  // Rounding differs only where a value lies in the middle of two.
  expectEqualLogits(*makeQuantized(), 1e-3);
}

TEST_F(TrainingTests, Bf16AsReference) {
  OwningOpRef<ModuleOp> module = makeVit();
  Bf16Layers layers;
  module->walk([&](LinearOp op) { EXPECT_TRUE(succeeded(layers.convert(op))); });
  expectEqualLogits(*module, 1e-2); // as for quantized models
}

TEST_F(TrainingTests, Learns) {
  TrainerOptions how = options();
  how.epochs = 40;
  expectLearns(how);
  for (const std::string &file : {TrainingFiles::of(how.output).log, TrainingFiles::of(how.output).curves, how.output})
    EXPECT_TRUE(llvm::sys::fs::exists(file)) << file;
}

TEST_F(TrainingTests, LearnsWithMuon) {
  TrainerOptions how = options();
  how.learner.optimizer = Optimizer::muon;
  expectLearns(how);
}

TEST_F(TrainingTests, LearnsScales) {
  OwningOpRef<ModuleOp> module = makeQuantized();
  auto lossOf = [](llvm::Expected<Metrics> metrics) {
    EXPECT_TRUE(bool(metrics));
    return metrics->loss;
  };
  TrainerOptions how = options();
  how.learnsScales = true;
  std::unique_ptr<Trainer> trainer = create(*module, how);
  EXPECT_EQ(trainer->trainedCount(), 4 * 192 + 4 + 4 + 1);
  SplitDataset data{makeData(128, 2), makeData(32, 3)};
  double before = lossOf(trainer->evaluate(data.validation));
  run(*trainer, data, false);
  double after = lossOf(trainer->evaluate(data.validation));
  EXPECT_LT(after, 0.5 * before);
  // The types have other scales, and executors that read these compute what was trained.
  module->walk([](quant::QuantizeCastOp op) {
    auto type = cast<quant::UniformQuantizedType>(op.getQuantizedType());
    EXPECT_NE(type.getScale(), 0.0037);
    EXPECT_EQ(type.getZeroPoint(), 3);
  });
  module->walk([](quant::StorageCastOp op) {
    auto type = cast<quant::UniformQuantizedPerAxisType>(op.getQuantizedType());
    EXPECT_NE(type.getScales()[0], type.getScales()[3]);
  });
  EXPECT_TRUE(succeeded(verify(*module)));
  EXPECT_NEAR(lossOf(create(*module, options())->evaluate(data.validation)), after, 1e-3 * after);
  expectEqualLogits(*module, 1e-3);
}

TEST_F(TrainingTests, HasNoScales) {
  OwningOpRef<ModuleOp> module = makeVit();
  TrainerOptions how = options();
  how.learnsScales = true;
  llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(*module, how);
  ASSERT_FALSE(bool(trainer));
  EXPECT_EQ(llvm::toString(trainer.takeError()),
            "expected static quantization to learn its scales, found a model that is not quantized");
}

TEST_F(TrainingTests, KeepsWhatTheImporterComputes) {
  OwningOpRef<ModuleOp> module = makeVit();
  SmallVector<arith::ConstantOp> constants(module->lookupSymbol<func::FuncOp>("main").getOps<arith::ConstantOp>());
  auto bytes = [&](size_t index) { return *readFloats(cast<ElementsAttr>(constants[index].getValue())); };
  StringRef computed = resourceNameOf(cast<ElementsAttr>(constants[3].getValue())); // the positions
  setDiscardable<VityaDialect::StoredTensorsAttrHelper>(
      *module, ArrayAttr::get(&context, {StoredTensorAttr::get(&context, computed, "", {}, {}, FloatAttr())}));
  std::vector<float> positions = bytes(3), token = bytes(2);
  TrainerOptions how = options();
  how.epochs = 1;
  run(*create(*module, how), {makeData(32, 2), {}}, false);
  EXPECT_EQ(bytes(3), positions);
  EXPECT_NE(bytes(2), token);
}

TEST_F(TrainingTests, ResumedRunGoesOnExactly) {
  SplitDataset data{makeData(256, 2), makeData(32, 3)};
  auto finalState = [&](bool isInterrupted, int64_t threads) {
    OwningOpRef<ModuleOp> module = makeVit();
    TrainerOptions how = options();
    how.dropPath = 0.2;
    how.patchDropout = 0.5;
    how.learner.threads = threads;
    how.learner.mixup = 0.5;
    how.batches.batchSize = 80; // computed in parts
    how.batches.augment.flip = true;
    if (isInterrupted) {
      how.stopAfter = 4; // in the middle of an epoch
      run(*create(*module, how), data, false);
      how.stopAfter.reset();
      how.isResumed = true;
      module = makeVit();
    }
    run(*create(*module, how), data, false);
    return stateOf(how);
  };
  TrainingState whole = finalState(false, 1), shared = finalState(false, 3), resumed = finalState(true, 2);
  for (const TrainingState *other : {&shared, &resumed}) {
    EXPECT_EQ(whole.learner.weights, other->learner.weights);
    EXPECT_EQ(whole.learner.secondMoments, other->learner.secondMoments);
    EXPECT_EQ(whole.rows.size(), other->rows.size());
    EXPECT_EQ(whole.rows.back().training.loss, other->rows.back().training.loss);
  }
}

TEST_F(TrainingTests, GradientIsMeanOfImages) {
  OwningOpRef<ModuleOp> module = makeVit();
  FailureOr<autograd::Program> program = autograd::Program::create(module->lookupSymbol<func::FuncOp>("main"));
  ASSERT_TRUE(succeeded(program));
  std::vector<WeightShape> shapes;
  SmallVector<ArrayRef<float>> values;
  for (const autograd::Parameter &parameter : program->parameters()) {
    shapes.push_back({parameter.shape, parameter.isMatrix, true});
    values.push_back(parameter.values);
  }
  Dataset data = makeData(75, 2);
  auto gradientOf = [&](int64_t begin, int64_t size) {
    LearnerOptions how;
    how.threads = 2;
    how.clipNorm = 0;
    std::unique_ptr<Learner> learner = llvm::cantFail(Learner::create(shapes, kClasses, how));
    learner->start(values);
    LabelledImages images{data.pixels, data.labels, 3, kSide, kSide};
    images.pixels = images.pixels.slice(begin * 3 * kSide * kSide, size * 3 * kSide * kSide);
    images.labels = images.labels.slice(begin, size);
    auto forward = [&](const autograd::Tensor &input, ArrayRef<autograd::Tensor> weights) {
      return Prediction{program->run(input, weights, {}), {}};
    };
    llvm::cantFail(learner->step(images, 1e-3, 1, forward, nullptr));
    return learner->state().firstMoments;
  };
  std::vector<float> whole = gradientOf(0, data.count); // computed in parts
  std::vector<double> mean(whole.size());
  for (int64_t image = 0; image < data.count; ++image)
    for (auto [sum, moment] : llvm::zip_equal(mean, gradientOf(image, 1)))
      sum += double(moment) / data.count;
  double largest = *llvm::max_element(mean);
  EXPECT_GT(largest, 0);
  for (auto [a, b] : llvm::zip_equal(whole, mean))
    EXPECT_NEAR(a, b, 1e-5 * largest);
}

TEST_F(TrainingTests, StopsAtLossThatIsNotFinite) {
  OwningOpRef<ModuleOp> module = makeVit();
  TrainerOptions how = options();
  how.schedule.rate = 1e30;
  how.learner.clipNorm = 0;
  llvm::Error error = create(*module, how)->run({makeData(128, 2), {}}, false);
  EXPECT_NE(llvm::toString(std::move(error)).find("expected a finite loss, found one that is not in step "),
            std::string::npos);
}

TEST_F(TrainingTests, StateOfOtherOptions) {
  OwningOpRef<ModuleOp> module = makeVit();
  TrainerOptions how = options();
  how.identity["lr"] = 0.5;
  how.epochs = 1;
  run(*create(*module, how), {makeData(32, 2), {}}, false);
  how.isResumed = true;
  how.identity["lr"] = 0.25;
  llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(*module, how);
  ASSERT_FALSE(bool(trainer));
  EXPECT_NE(llvm::toString(trainer.takeError()).find("expected --lr as in the run that is resumed, 0.5, found 0.25"),
            std::string::npos);
}

TEST_F(TrainingTests, TeachesFeatures) {
  SplitDataset data{makeData(16, 2), {}};
  OwningOpRef<ModuleOp> other = makeVit();
  other->walk([](AttentionOp op) { op.setScale(APFloat(0.1f)); });
  // The losses of two epochs of one step, which change nothing.
  auto lossesOf = [&](ModuleOp teacher, double weight, double until = 1) {
    OwningOpRef<ModuleOp> module = makeVit();
    TrainerOptions how = options();
    how.epochs = 2;
    how.schedule = {0, 0, 0};
    how.learner.features = weight;
    how.featuresUntil = until;
    std::unique_ptr<Trainer> trainer = create(*module, how);
    EXPECT_FALSE(bool(trainer->setTeacher(teacher)));
    run(*trainer, data, false);
    std::vector<LogRow> rows = stateOf(how).rows;
    return std::pair(rows.front().training.loss, rows.back().training.loss);
  };
  // The features of the same model differ by nothing, those of another one by something, times the weight.
  OwningOpRef<ModuleOp> same = makeVit();
  EXPECT_EQ(lossesOf(*same, 0), lossesOf(*same, 10));
  auto [none, second] = lossesOf(*other, 0);
  double once = lossesOf(*other, 1).first, twice = lossesOf(*other, 2).first;
  EXPECT_GT(once, none);
  EXPECT_NEAR(twice - none, 2 * (once - none), 1e-3 * (twice - none));
  // They are taught in the first epoch only.
  EXPECT_EQ(lossesOf(*other, 1, 0.5), std::pair(once, second));
}

TEST_F(TrainingTests, TeacherOfOtherClasses) {
  OwningOpRef<ModuleOp> module = makeVit(), teacher = parse(constant("w", "3x192", 1) + R"(
  %p = vitya.patchify %image [8, 8] channel_row_column : tensor<3x8x8xf32> -> tensor<1x192xf32>
  %o = vitya.linear "head" %p, %w : tensor<1x192xf32>, tensor<3x192xf32> -> tensor<1x3xf32>
  return %o : tensor<1x3xf32>
)",
                                                            {"a", "b", "c"});
  llvm::Error error = create(*module, options())->setTeacher(*teacher);
  EXPECT_EQ(llvm::toString(std::move(error)),
            "expected a teacher with the images and the classes of the model, (tensor<3x8x8xf32>) -> tensor<1x4xf32>, "
            "found (tensor<3x8x8xf32>) -> tensor<1x3xf32>");
}

TEST_F(TrainingTests, LeavesOutPatches) {
  OwningOpRef<ModuleOp> module = makeVit();
  FailureOr<autograd::Program> program = autograd::Program::create(module->lookupSymbol<func::FuncOp>("main"));
  ASSERT_TRUE(succeeded(program) && succeeded(program->findTokens()));
  std::vector<autograd::Tensor> weights;
  for (const autograd::Parameter &parameter : program->parameters())
    weights.push_back(autograd::makeTensor(parameter.shape, parameter.values));
  std::vector<float> pixels(2 * 3 * kSide * kSide);
  for (auto [index, pixel] : llvm::enumerate(pixels))
    pixel = index % 17 / 16.0f;
  autograd::Tensor images = autograd::makeTensor({2, 3, kSide, kSide}, pixels);
  std::vector<float> all, embedded, sequence, mlp;
  auto observe = [&](Operation *op, const autograd::Tensor &result) {
    if (isa<tensor::ConcatOp>(op))
      embedded = autograd::elementsOf(result);
    if (isa<LayerNormOp>(op))
      sequence = autograd::elementsOf(result);
    if (isa<GeluOp>(op))
      mlp = autograd::elementsOf(result);
  };
  std::vector<float> logits = autograd::elementsOf(program->run(images, weights, {0, 0.5}, observe));
  EXPECT_EQ(logits.size(), size_t(2 * kClasses));
  // The class token and two of the four patches are left after the positions have been added.
  EXPECT_EQ(embedded.size(), size_t(2 * 5 * 16));
  EXPECT_EQ(sequence.size(), size_t(2 * 3 * 16));
  EXPECT_EQ(mlp.size(), size_t(2 * 3 * 32));
  // Each token is one of the sequence without dropout, and the first is the class token.
  std::vector<float> few = sequence;
  (void)program->run(images, weights, {}, observe);
  EXPECT_EQ(sequence.size(), size_t(2 * 5 * 16));
  for (int64_t image = 0; image < 2; ++image)
    for (int64_t token = 0; token < 3; ++token) {
      ArrayRef<float> found = ArrayRef(few).slice((image * 3 + token) * 16, 16);
      int64_t position = 0;
      while (position < 5 && ArrayRef(sequence).slice((image * 5 + position) * 16, 16) != found)
        ++position;
      EXPECT_TRUE(token == 0 ? position == 0 : position >= 1 && position <= 4) << position;
    }
}

TEST_F(TrainingTests, NeedsAllPatches) {
  // A product with a value for each position behind the first attention.
  OwningOpRef<ModuleOp> module = parse(constant("w", "4x48", 1) + constant("c", "4x4", 2) + R"(
  %p = vitya.patchify %image [4, 4] channel_row_column : tensor<3x8x8xf32> -> tensor<4x48xf32>
  %t = vitya.linear "embed" %p, %w : tensor<4x48xf32>, tensor<4x48xf32> -> tensor<4x4xf32>
  %s = vitya.attention "attn" %t, %t, %t heads 2 scale 0.35 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %m = arith.mulf %s, %c : tensor<4x4xf32>
  %o = vitya.mean_pool %m : tensor<4x4xf32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)");
  std::string message = errorOfPatchDropout(*module);
  EXPECT_NE(message.find("expected a model whose tokens are computed in the same way from fewer patches, found "
                         "'arith.mulf' on all tokens"),
            std::string::npos)
      << message;
}

TEST_F(TrainingTests, NeedsPatchesOfAllPositions) {
  OwningOpRef<ModuleOp> module = parse(constant("w", "4x48", 1) + constant("c", "4x1", 2) + R"(
  %p = vitya.patchify %image [4, 4] channel_row_column : tensor<3x8x8xf32> -> tensor<4x48xf32>
  %t = vitya.linear "embed" %p, %w : tensor<4x48xf32>, tensor<4x48xf32> -> tensor<4x4xf32>
  %r = vitya.rotary_embedding %t, %c, %c heads 2 : tensor<4x4xf32>, tensor<4x1xf32>, tensor<4x1xf32>
  %s = vitya.attention "attn" %r, %r, %t heads 2 scale 0.35 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %o = vitya.mean_pool %s : tensor<4x4xf32> -> tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)");
  std::string message = errorOfPatchDropout(*module);
  EXPECT_NE(message.find("'vitya.rotary_embedding', whose angles are those of all patches"), std::string::npos)
      << message;
}

TEST_F(TrainingTests, UnknownOp) {
  OwningOpRef<ModuleOp> module = parse(R"(
  %c = arith.constant dense<1.0> : tensor<1x4xf32>
  %p = vitya.patchify %image [8, 8] channel_row_column : tensor<3x8x8xf32> -> tensor<1x192xf32>
  %s = tensor.extract_slice %p[0, 0] [1, 4] [1, 1] : tensor<1x192xf32> to tensor<1x4xf32>
  %o = arith.maximumf %s, %c : tensor<1x4xf32>
  return %o : tensor<1x4xf32>
)");
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(*module, options());
  ASSERT_FALSE(bool(trainer));
  llvm::consumeError(trainer.takeError());
  EXPECT_NE(message.find("expected an op that can be trained, found 'arith.maximumf'"), std::string::npos) << message;
}

TEST_F(TrainingTests, Schedule) {
  vitya::Schedule schedule{1, 0.1, 0.2};
  EXPECT_EQ(schedule.at(0), 0);
  EXPECT_DOUBLE_EQ(schedule.at(0.1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.at(0.2), 1);
  EXPECT_NEAR(schedule.at(0.6), 0.55, 1e-12);
  EXPECT_NEAR(schedule.at(1), 0.1, 1e-12);
}

} // namespace
