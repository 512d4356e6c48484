// New models: the tensors that the libraries' own code makes, models that can be imported, and the values with which
// training begins.
#include "dialect/Fingerprint.h"
#include "dialect/VityaDialect.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/import/Export.h"
#include "frontend/import/Import.h"
#include "frontend/layout/InitialValues.h"
#include "frontend/layout/NewModel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <Eigen/Core>
#include <cstring>
#include <gtest/gtest.h>
#include <map>

using namespace vitya;
using llvm::StringRef;

namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

template <typename T>
std::string errorOf(llvm::Expected<T> result) {
  return result ? "no error" : llvm::toString(result.takeError());
}

/// The sizes of test/frontend/Inputs/families.py.
NewModelOptions smallOptions() {
  NewModelOptions options;
  options.patch = 8;
  options.width = 48;
  options.depth = 2;
  options.hidden = 96;
  return options;
}

Layout shipped(const std::string &name) {
  auto layouts = loadLayouts(name, VITYA_SOURCE "/frontend/layouts");
  if (layouts)
    return std::move(layouts->front());
  ADD_FAILURE() << llvm::toString(layouts.takeError());
  return {};
}

Layout parseLayout(const std::string &steps, const std::string &more = "") {
  auto layout = Layout::parse("own.json", R"({"name": "own", )" + more + R"("steps": [)" + steps + "]}");
  if (layout)
    return std::move(*layout);
  ADD_FAILURE() << llvm::toString(layout.takeError());
  return {};
}

std::vector<TensorToWrite> create(const Layout &layout, const NewModelOptions &options, uint64_t seed = 1) {
  auto tensors = createModel(layout, options, seed);
  if (tensors)
    return std::move(*tensors);
  ADD_FAILURE() << layout.name << ": " << llvm::toString(tensors.takeError());
  return {};
}

Shapes shapesOf(llvm::ArrayRef<TensorToWrite> tensors) {
  Shapes shapes;
  for (const TensorToWrite &tensor : tensors)
    shapes[tensor.name] = tensor.shape;
  EXPECT_EQ(shapes.size(), tensors.size());
  return shapes;
}

std::vector<float> valuesOf(llvm::ArrayRef<TensorToWrite> tensors, StringRef name) {
  for (const TensorToWrite &tensor : tensors)
    if (tensor.name == name) {
      std::vector<float> values(tensor.bytes.size() / sizeof(float));
      std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
      return values;
    }
  ADD_FAILURE() << "no tensor " << name.str();
  return {};
}

/// Reads the shapes of a state dict that the library's own code made, without tensors that inference does not use.
Shapes readFamily(const std::string &name) {
  auto file = llvm::MemoryBuffer::getFile(VITYA_SOURCE "/test/frontend/Inputs/families/" + name + ".json");
  if (!file) {
    ADD_FAILURE() << name << ": " << file.getError().message();
    return {};
  }
  llvm::json::Value content = llvm::cantFail(llvm::json::parse((*file)->getBuffer()));
  Shapes shapes;
  for (const auto &[key, shape] : *content.getAsObject()->getObject("tensors"))
    if (!StringRef(key).ends_with("mask_token") && !StringRef(key).starts_with("vision_model.head."))
      for (const llvm::json::Value &size : *shape.getAsArray())
        shapes[key.str()].push_back(*size.getAsInteger());
  return shapes;
}

/// A model of a library and how to make it. `names` is the number of a list of names of the layout.
struct Family {
  const char *name, *layout;
  size_t names = 0;
  std::vector<std::string> with = {}, without = {};
  void (*change)(NewModelOptions &) = nullptr;
};
const Family kFamilies[] = {
    {"timm-qk-norm", "timm-vit", 0, {"attn.q_norm", "attn.k_norm"}},
    {"timm-registers", "timm-vit", 0, {"ls1.gamma", "ls2.gamma"}, {}, [](auto &options) { options.registers = 3; }},
    {"timm-distilled", "timm-vit", 0, {"dist_token", "head_dist"}},
    {"timm-average", "timm-vit", 0, {"fc_norm"}, {"cls_token", "norm"}},
    {"timm-fc-norm", "timm-vit", 0, {"fc_norm"}, {"norm"}},
    {"timm-interpolated", "timm-vit", 0, {}, {}, [](auto &options) { options.image = 56; }},
    {"timm-attention-pool", "timm-vit", 0, {"attn_pool"}, {"cls_token"}},
    {"huggingface-siglip-classifier", "huggingface-siglip", 1},
    {"timm-dinov3", "timm-dinov3", 0, {}, {}, [](auto &options) { options.registers = 4; }},
    {"huggingface-vit", "huggingface-vit", 1},
    {"huggingface-deit", "huggingface-deit", 1},
    {"huggingface-deit-teacher", "huggingface-deit", 1, {"distillation_classifier"}},
    {"huggingface-dinov2", "huggingface-dinov2", 1, {}, {}, [](auto &options) { options.image = 56; }},
    {"huggingface-dinov2-registers", "huggingface-dinov2", 3, {}, {}, [](auto &options) { options.registers = 3; }},
    {"huggingface-dinov2-swiglu", "huggingface-dinov2", 1, {}, {"mlp.fc1"}, [](auto &options) { options.hidden = 64; }},
    {"lucidrains-vit", "lucidrains-vit"},
    {"lucidrains-simple-vit", "lucidrains-simple-vit"},
    {"open-clip", "open-clip"},
    {"cct", "cct", 0, {}, {}, [](auto &options) {
       options.patch.reset();
       options.stem = {64, 48};
     }}};

NewModelOptions optionsOf(const Family &family) {
  NewModelOptions options = smallOptions();
  options.with = family.with;
  options.without = family.without;
  if (family.change)
    family.change(options);
  return options;
}

std::vector<TensorToWrite> createFamily(const Family &family, const NewModelOptions &options) {
  Layout layout = shipped(family.layout);
  return create(family.names ? layout.others[family.names - 1] : layout, options);
}

TEST(NewModel, HasTheTensorsOfTheLibraries) {
  for (const Family &family : kFamilies)
    EXPECT_EQ(shapesOf(createFamily(family, optionsOf(family))), readFamily(family.name)) << family.name;
}

TEST(NewModel, HasTheTensorsOfTheModelThatShips) {
  auto file = llvm::MemoryBuffer::getFile(VITYA_SOURCE "/tools/demo/vit_cifar10.pth");
  ASSERT_TRUE(static_cast<bool>(file));
  auto checkpoint = Checkpoint::read(**file, "");
  ASSERT_TRUE(static_cast<bool>(checkpoint));
  Shapes expected;
  for (const auto &[name, tensor] : checkpoint->tensors())
    expected[name].assign(tensor.shape.begin(), tensor.shape.end());
  NewModelOptions options;
  options.depth = 6;
  EXPECT_EQ(shapesOf(create(shipped("timm-vit"), options)), expected);
}

/// The layout that docs/layouts.md develops and one of a stem, in which all else is required too.
constexpr const char *kOwn = R"({"patchify": "row_column_channel"}, {"norm": "embed.0"}, {"linear": "embed.1"},
  {"tokens": {"registers": "registers", "position": "positions"}},
  {"repeat": "layers.{i}", "steps": [{"residual": [{"norm": "norm1"},
    {"attention": "sa", "qkv": {"name": "sa.in", "transposed": true}, "out": {"name": "sa.out", "scale": "scale"}}]},
    {"residual": [{"linear": "a"}, "swiglu", {"linear": "b"}]}]},
  {"pool": "mean"}, {"linear": "head.0"}, "gelu", {"linear": "head.2"})";
constexpr const char *kStem = R"({"patchify": "channel_row_column"},
  {"convolution": {"name": "s.0", "bias": null}, "kernel": [3, 5], "stride": 2, "padding": 1, "batch_norm": "s.1"}, "relu",
  {"convolution": "s.3", "kernel": 1}, {"tokens": {"position": "positions"}},
  {"repeat": "layers.{i}", "steps": [{"norm": "norm1"}, {"attention": "sa", "query": "q", "key": "k", "value": "v", "out": "o"}]},
  {"pool": "sequence", "weights": "pool"}, {"linear": "head"})";

TEST(NewModel, OwnLayouts) {
  NewModelOptions options = smallOptions();
  options.registers = 2;
  Shapes shapes = shapesOf(create(parseLayout(kOwn, R"("new": {"ranks": {"registers": 2}}, )"), options));
  EXPECT_EQ(shapes["embed.1.weight"], (std::vector<int64_t>{48, 192})); // a matrix, because a norm is before it
  EXPECT_EQ(shapes["registers"], (std::vector<int64_t>{2, 48}));
  EXPECT_EQ(shapes["positions"], (std::vector<int64_t>{1, 18, 48}));
  EXPECT_EQ(shapes["layers.1.sa.in.weight"], (std::vector<int64_t>{48, 144}));
  EXPECT_EQ(shapes["layers.1.a.weight"], (std::vector<int64_t>{192, 48}));
  EXPECT_EQ(shapes["layers.1.b.weight"], (std::vector<int64_t>{48, 96}));
  EXPECT_EQ(shapes["head.0.weight"], (std::vector<int64_t>{48, 48}));
  EXPECT_EQ(shapes["head.2.weight"], (std::vector<int64_t>{10, 48}));

  options = smallOptions();
  options.patch.reset();
  options.hidden.reset();
  options.stem = {8, 48};
  shapes = shapesOf(create(parseLayout(kStem), options));
  EXPECT_EQ(shapes["s.0.weight"], (std::vector<int64_t>{8, 3, 3, 5}));
  EXPECT_EQ(shapes["s.0.bias"], std::vector<int64_t>{8}); // that of the batch norm
  EXPECT_EQ(shapes["s.3.weight"], (std::vector<int64_t>{48, 8, 1, 1}));
  EXPECT_EQ(shapes["positions"], (std::vector<int64_t>{1, 16 * 15, 48}));
  EXPECT_EQ(shapes["pool.bias"], std::vector<int64_t>{1});
  EXPECT_FALSE(shapes.count("s.1.weight"));
}

/// A checkpoint and the model that it is imported as, which is null if that failed.
struct Imported {
  std::string file;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;

  Imported(const std::string &layout, int64_t image, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write) {
    llvm::raw_string_ostream os(file);
    if (llvm::Error error = write(os)) {
      ADD_FAILURE() << layout << ": " << llvm::toString(std::move(error));
      return;
    }
    ImportOptions options;
    options.layout = layout;
    options.layoutFolder = VITYA_SOURCE "/frontend/layouts";
    options.settings = {"heads=3", "image=" + std::to_string(image), "mean=0.5,0.5,0.5", "std=0.5,0.5,0.5"};
    mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) { return mlir::success(); });
    auto result = importModel(context, {llvm::MemoryBufferRef(file, "new.pth")}, "new", options);
    if (result)
      module = std::move(*result);
    else
      ADD_FAILURE() << layout << ": " << llvm::toString(result.takeError());
  }
};

/// Imports the tensors as a checkpoint and returns the number of elements of all constants, or 0 if that fails.
int64_t countImported(llvm::ArrayRef<TensorToWrite> tensors, const std::string &layout) {
  Imported imported(layout, 32, [&](auto &os) { return writeCheckpoint(tensors, {}, CheckpointFormat::torch, os); });
  if (!imported.module)
    return 0;
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*imported.module)));
  int64_t elements = 0;
  imported.module->walk([&](mlir::arith::ConstantOp op) {
    if (auto type = llvm::dyn_cast<mlir::ShapedType>(op.getType()))
      elements += type.getNumElements();
  });
  return elements;
}

/// Expects the model of `layout` with these tensors to be written with their names and shapes, and to stay the same.
void expectSameForm(llvm::ArrayRef<TensorToWrite> tensors, const std::string &layout, int64_t image) {
  for (CheckpointFormat format : {CheckpointFormat::torch, CheckpointFormat::safetensors}) {
    Imported first(layout, image, [&](auto &os) { return writeCheckpoint(tensors, {}, format, os); });
    ASSERT_TRUE(first.module) << layout;
    Imported second(layout, image, [&](auto &os) { return exportCheckpoint(*first.module, format, os); });
    ASSERT_TRUE(second.module) << layout;
    auto checkpoint = Checkpoint::read(llvm::MemoryBufferRef(second.file, "again.pth"), "");
    ASSERT_TRUE(static_cast<bool>(checkpoint));
    Shapes shapes;
    for (const auto &[name, tensor] : checkpoint->tensors())
      shapes[name].assign(tensor.shape.begin(), tensor.shape.end());
    EXPECT_EQ(shapes, shapesOf(tensors)) << layout;
    EXPECT_EQ(fingerprint(*first.module), fingerprint(*second.module)) << layout;
  }
}

TEST(NewModel, IsWrittenInTheFormOfItsLibrary) {
  for (const Family &family : kFamilies) {
    NewModelOptions options = optionsOf(family);
    expectSameForm(createFamily(family, options), family.layout, options.image);
  }
  for (StringRef name : {"reference", "torchvision-vit", "huggingface-siglip"})
    expectSameForm(create(shipped(name.str()), smallOptions()), name.str(), smallOptions().image);
}

int64_t countElements(llvm::ArrayRef<TensorToWrite> tensors) {
  int64_t bytes = 0;
  for (const TensorToWrite &tensor : tensors)
    bytes += tensor.bytes.size();
  return bytes / sizeof(float);
}

TEST(NewModel, EveryLayoutThatShipsCanBeImported) {
  for (StringRef name :
       {"cct", "huggingface-deit", "huggingface-dinov2", "huggingface-siglip", "huggingface-vit",
        "lucidrains-simple-vit", "lucidrains-vit", "open-clip", "reference", "timm-vit", "torchvision-vit"}) {
    NewModelOptions options = smallOptions();
    if (name == "cct") {
      options.patch.reset();
      options.stem = {64, 48};
    }
    auto tensors = create(shipped(name.str()), options);
    int64_t expected = countElements(tensors);
    if (name == "cct")
      expected -= 1; // the bias of the sequence pool has no effect
    if (name == "huggingface-dinov2")
      expected -= 4 * 48; // LayerScale is multiplied into weights
    if (name == "lucidrains-simple-vit")
      expected += 16 * 48; // positions are computed
    EXPECT_EQ(countImported(tensors, name.str()), expected) << name.str();
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments momentsOf(llvm::ArrayRef<float> values) {
  Moments moments;
  for (float value : values) {
    moments.mean += value / values.size();
    moments.largest = std::max<double>(moments.largest, std::abs(value));
  }
  for (float value : values)
    moments.deviation += (value - moments.mean) * (value - moments.mean) / values.size();
  moments.deviation = std::sqrt(moments.deviation);
  return moments;
}

void expectTruncatedNormal(llvm::ArrayRef<float> values, double deviation) {
  Moments moments = momentsOf(values);
  double error = 4 / std::sqrt(static_cast<double>(values.size()));
  EXPECT_NEAR(moments.mean, 0, error * deviation);
  EXPECT_NEAR(moments.deviation, deviation, error * deviation);
  EXPECT_LE(moments.largest, 2.28 * deviation);
  EXPECT_GT(moments.largest, 2.2 * deviation);
}

TEST(NewModel, InitialValues) {
  NewModelOptions options;
  options.depth = 1;
  options.with = {"ls1.gamma"};
  auto tensors = create(shipped("timm-vit"), options);
  expectTruncatedNormal(valuesOf(tensors, "patch_embed.proj.weight"), 1 / std::sqrt(48.0));
  expectTruncatedNormal(valuesOf(tensors, "pos_embed"), 0.02);
  expectTruncatedNormal(valuesOf(tensors, "blocks.0.attn.qkv.weight"), 0.02);
  expectTruncatedNormal(valuesOf(tensors, "blocks.0.mlp.fc2.weight"), 0.02);
  EXPECT_EQ(valuesOf(tensors, "blocks.0.norm1.weight"), std::vector<float>(192, 1));
  EXPECT_EQ(valuesOf(tensors, "blocks.0.norm1.bias"), std::vector<float>(192, 0));
  EXPECT_EQ(valuesOf(tensors, "blocks.0.attn.qkv.bias"), std::vector<float>(576, 0));
  EXPECT_EQ(valuesOf(tensors, "blocks.0.ls1.gamma"), std::vector<float>(192, 1e-5f));
  EXPECT_LT(momentsOf(valuesOf(tensors, "cls_token")).largest, 0.046);

  options.with = {"ls2.gamma"};
  options.positionStd = 1;
  options.layerScale = 0.1;
  auto changed = create(shipped("timm-vit"), options);
  expectTruncatedNormal(valuesOf(changed, "pos_embed"), 1);
  EXPECT_EQ(valuesOf(changed, "blocks.0.ls2.gamma"), std::vector<float>(192, 0.1f));
  // One tensor more or less does not change the others; another seed does.
  EXPECT_EQ(valuesOf(changed, "head.weight"), valuesOf(tensors, "head.weight"));
  EXPECT_NE(valuesOf(create(shipped("timm-vit"), options, 2), "head.weight"), valuesOf(tensors, "head.weight"));

  options = NewModelOptions();
  options.stem = {64, 192};
  auto stem = create(shipped("cct"), options);
  expectTruncatedNormal(valuesOf(stem, "tokenizer.conv_layers.1.0.weight"), std::sqrt(2.0 / (64 * 9)));
}

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix matrixOf(const std::vector<float> &values, int64_t rows) {
  return Eigen::Map<const Matrix>(values.data(), rows, values.size() / rows);
}

TEST(NewModel, AttentionNearTheIdentity) {
  NewModelOptions options;
  options.depth = 1;
  options.nearIdentityAttention = true;
  auto tensors = create(shipped("timm-vit"), options);
  Matrix stacked = matrixOf(valuesOf(tensors, "blocks.0.attn.qkv.weight"), 576),
         out = matrixOf(valuesOf(tensors, "blocks.0.attn.proj.weight"), 192);
  // The product of all heads together is that of full rank: 0.4 Z - 0.4 I.
  Matrix product = out * stacked.bottomRows(192);
  EXPECT_NEAR(product.diagonal().mean(), -0.4, 0.01);
  product.diagonal().array() += 0.4f;
  EXPECT_NEAR(product.norm() / std::sqrt(192.0), 0.4, 0.01);
  for (int64_t head = 0; head < 3; ++head) {
    Matrix query = stacked.middleRows(64 * head, 64), key = stacked.middleRows(192 + 64 * head, 64);
    // A third of the directions, those with the largest singular values, keep more than a third of the trace.
    EXPECT_GT((query.transpose() * key).trace(), 0.7 * 192 / 3);
    EXPECT_NEAR(query.norm(), key.norm(), 1e-3 * key.norm()); // balanced
  }

  // Without a residual around it, attention passes tokens on.
  NewModelOptions narrow = options;
  auto reference = create(shipped("reference"), narrow);
  product = matrixOf(valuesOf(reference, "blocks.0.sa.Out.weight"), 192) *
            matrixOf(valuesOf(reference, "blocks.0.sa.V.weight"), 192);
  EXPECT_NEAR(product.diagonal().mean(), 0.4, 0.01);
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

/// The error for a layout whose options `change` has changed.
std::string errorFor(const Layout &layout, void (*change)(NewModelOptions &)) {
  NewModelOptions options;
  options.depth = 1;
  change(options);
  return errorOf(createModel(layout, options, 1));
}

TEST(NewModel, Errors) {
  Layout timm = shipped("timm-vit"), cct = shipped("cct"), torchvision = shipped("torchvision-vit");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.width = 200; }),
            "expected heads that divide the width of a new model, found 3 heads and width 200");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.image = 30; }),
            "expected an image that patches of 4x4 divide, found 30x30");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.depth = 0; }),
            "expected a new model with a 'depth' from 1 to 1048576, found 0");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.registers = -1; }),
            "expected a new model with a 'registers' from 0 to 1048576, found -1");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.positionStd = -1; }),
            "expected a finite 'positionStd' that is not negative, found -1.00");
  EXPECT_EQ(
      errorFor(timm, [](auto &options) { options.layerScale = 1; }),
      "expected no 'layerScale' for a new model of layout 'timm-vit', which has no LayerScale (an optional tensor "
      "may have to be chosen)");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.stem = {8}; }),
            "expected no 'stem' for a new model of layout 'timm-vit', which has no convolutions");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.without = {"head"}; }),
            "expected a new model of layout 'timm-vit' to end with a linear layer after a 'pool' step, found none (an "
            "optional tensor may have to be chosen)");
  EXPECT_EQ(errorFor(timm, [](auto &options) { options.with = {"blocks.0.ls1.gamma"}; }),
            "expected optional tensors of layout 'timm-vit' ('patch_embed.proj.bias', 'cls_token', 'dist_token', "
            "'pos_embed', 'norm_pre', 'attn.qkv.bias', 'attn.q_norm', 'attn.k_norm', 'ls1.gamma', 'ls2.gamma', 'norm', "
            "'head', 'head_dist', 'attn_pool', 'attn_pool.q_norm', 'attn_pool.k_norm', 'fc_norm'), found "
            "'blocks.0.ls1.gamma'");
  EXPECT_EQ(errorFor(torchvision, [](auto &options) { options.without = {"class_token"}; }),
            "expected optional tensors of layout 'torchvision-vit' (it has none), found 'class_token'");
  EXPECT_EQ(errorFor(torchvision, [](auto &options) { options.registers = 4; }),
            "expected no 'registers' for a new model of layout 'torchvision-vit', which has no registers");
  EXPECT_EQ(errorFor(torchvision,
                     [](auto &options) {
                       options.width = 3 << 14;
                       options.image = 4;
                       options.channels = 1;
                       options.hidden = 4;
                     }),
            "expected a new model of at most 2147483648 parameters, found more: tensor "
            "'encoder.layers.encoder_layer_0.self_attention.in_proj_weight' has shape [147456, 49152]");

  EXPECT_EQ(errorFor(cct, [](auto &) {}), "expected the output channels of convolution 'tokenizer.conv_layers.0.0' and "
                                          "all others of layout 'cct' as 'stem', found 0");
  EXPECT_EQ(errorFor(cct, [](auto &options) { options.stem = {64, 128}; }),
            "expected step 'tokens' to read tokens of the width 192 of the new model, found 128 from the last "
            "convolution of the stem");
  EXPECT_EQ(errorFor(cct,
                     [](auto &options) {
                       options.stem = {192};
                       options.patch = 4;
                     }),
            "expected no 'patch' for a new model of layout 'cct', which has no patches: it begins with a convolution");
  EXPECT_EQ(errorFor(cct, [](auto &options) { options.stem = {-1}; }),
            "expected a 'stem' of numbers of channels from 1 to 1048576, found -1");

  Layout own = parseLayout(kOwn), stem = parseLayout(kStem);
  EXPECT_EQ(errorFor(own, [](auto &) {}),
            "expected a number of registers 'registers' for a new model of layout 'own', found 0");
  EXPECT_EQ(errorFor(stem, [](auto &options) { options.stem = {8, 16, 192}; }),
            "expected step 'tokens' to read tokens of the width 192 of the new model, found 16 from the last "
            "convolution of the stem");
  EXPECT_EQ(errorFor(stem, [](auto &options) { options.stem = {8}; }),
            "expected the output channels of convolution 's.3' and all others of layout 'own' as 'stem', found 1");
  EXPECT_EQ(errorFor(stem,
                     [](auto &options) {
                       options.stem = {8, 192};
                       options.hidden = 8;
                     }),
            "expected no 'hidden' for a new model of layout 'own', which has no MLP");
  EXPECT_EQ(errorFor(stem,
                     [](auto &options) {
                       options.stem = {8, 192};
                       options.image = 2;
                     }),
            "expected an image that is large enough for all windows of the stem, found 2x2, of which 1x2 are left for "
            "a window of 's.0' of 3x5");
  Layout noKernel =
      parseLayout(R"({"patchify": "channel_row_column"}, {"convolution": "a"}, {"pool": "mean"}, {"linear": "b"})");
  EXPECT_EQ(errorFor(noKernel, [](auto &options) { options.stem = {8}; }),
            "expected the key 'kernel' of convolution 'a' in layout 'own' for a new model, found none");
}

TEST(Layout, ErrorsOfNewModels) {
  auto check = [](StringRef text) {
    return errorOf(Layout::parse(
        "f", (R"({"name": "a", "steps": [{"patchify": "channel_row_column"}, {"tokens": {"class": "c?"}}], "new": )" +
              text + "}")
                 .str()));
  };
  EXPECT_EQ(check(R"({"tensors": ["d"]})"),
            "f:1:111: key 'new.tensors[0]': expected optional names of the steps ('c'), found \"d\"");
  EXPECT_EQ(check(R"({"ranks": {"d": 2}})"),
            "f:1:114: key 'new.ranks.d': expected ranks from 1 to 3 of tokens and positions ('c'), found 2");
  EXPECT_EQ(check(R"({"ranks": {"c": 4}})"),
            "f:1:114: key 'new.ranks.c': expected ranks from 1 to 3 of tokens and positions ('c'), found 4");
  EXPECT_EQ(check(R"({"position_covers": "some"})"),
            "f:1:118: key 'new.position_covers': expected 'none', 'class' or 'all', found \"some\"");
  EXPECT_EQ(check(R"({"tensor": []})"),
            "f:1:109: key 'new.tensor': expected one of the keys 'tensors', 'ranks', 'position_covers', found []");
}

} // namespace
