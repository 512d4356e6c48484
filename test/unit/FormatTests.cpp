// The choice of formats for matrices: losses, costs, and the options that express a choice.
#include "tools/lib/FormatChoice.h"
#include "tools/lib/KernelTimes.h"
#include "gtest/gtest.h"

using namespace vitya;

namespace {

/// A layer of 64 outputs and 32 inputs with equal energies, 8 at rank 24 and so on.
MatrixLosses layerOf(std::string name) {
  MatrixLosses layer;
  layer.name = name;
  layer.weights = {name};
  layer.out = 64;
  layer.in = 32;
  layer.tokens = 5;
  layer.ranks = {4, 8, 12, 16, 20};
  layer.energies.assign(32, 1.0);
  layer.truncations = {{16, 0.01}, {24, 0.04}};
  layer.denseRounding = 1e-3;
  layer.factorRounding = 2e-3;
  return layer;
}

MatrixLosses productOf(MatrixKind kind) {
  MatrixLosses product;
  product.kind = kind;
  product.name = "attn";
  product.weights = kind == MatrixKind::queryKey ? std::vector<std::string>{"attn.qkv.q", "attn.qkv.k"}
                                                 : std::vector<std::string>{"attn.qkv.v", "attn.proj"};
  product.in = product.out = 32;
  product.heads = 2;
  product.width = 16;
  product.ranks = {4, 8, 12};
  return product;
}

TEST(MatrixLosses, InterpolatesBetweenMeasurements) {
  MatrixLosses layer = layerOf("fc");
  EXPECT_EQ(layer.loss({0, 32}), 0);
  EXPECT_NEAR(layer.loss({16, 32}), 0.01, 1e-12);
  EXPECT_NEAR(layer.loss({8, 32}), 0.04, 1e-12);
  EXPECT_NEAR(layer.loss({24, 32}), 0.005, 1e-12); // half of the energy of the first measurement
  EXPECT_NEAR(layer.loss({2, 32}), 0.04 * 30 / 24, 1e-12);
  EXPECT_GT(layer.loss({12, 32}), 0.01);
  EXPECT_LT(layer.loss({12, 32}), 0.04);
}

TEST(MatrixLosses, RoundingFollowsTheDistanceOfLevels) {
  MatrixLosses layer = layerOf("fc");
  EXPECT_NEAR(layer.loss({0, 4}), 1e-3, 1e-12);
  EXPECT_NEAR(layer.loss({0, 8}), 1e-3 * 49 / (127.0 * 127), 1e-12);
  EXPECT_NEAR(layer.loss({16, 4}), 0.01 + 2e-3, 1e-12);
}

TEST(FormatChoice, BytesArePaddedAndHaveScales) {
  MatrixLosses layer = layerOf("fc");
  EXPECT_EQ(bytesOf(layer, {0, 32}), 64 * 32 * 4);
  EXPECT_EQ(bytesOf(layer, {0, 8}), 64 * 32 + 64 * 4);
  EXPECT_EQ(bytesOf(layer, {0, 4}), 32 * 32 + 64 * 4);
  EXPECT_EQ(bytesOf(layer, {4, 32}), (16 * 32 + 64 * 16) * 4); // a rank of 4 becomes 16
  EXPECT_EQ(bytesOf(productOf(MatrixKind::queryKey), {8, 32}), 2 * 16 * 32 * 4);
  EXPECT_EQ(bytesOf(productOf(MatrixKind::valueOutput), {8, 32}), 2 * 16 * 32 * 4);
}

/// Formats that lose less the more they cost; those of the second matrix matter more.
std::vector<std::vector<PricedFormat>> someFormats() {
  std::vector<std::vector<PricedFormat>> result;
  for (double weight : {1.0, 10.0}) {
    std::vector<PricedFormat> &formats = result.emplace_back();
    for (int64_t i = 1; i <= 8; ++i)
      for (int64_t j = 1; j <= 4; ++j)
        formats.push_back({{i, unsigned(4 + j)}, weight / double(i * j), double(100 * i), double(j)});
  }
  return result;
}

TEST(FormatChoice, MeetsEachBoundAndBoth) {
  std::vector<std::vector<PricedFormat>> formats = someFormats();
  for (double bytes : {300.0, 900.0, 1600.0, std::numeric_limits<double>::infinity()})
    for (double time : {2.0, 5.0, 8.0, std::numeric_limits<double>::infinity()}) {
      std::optional<FormatChoice> choice = chooseFormats(formats, {bytes, time});
      ASSERT_TRUE(choice.has_value()) << bytes << " " << time;
      PricedFormat total = choice->total();
      EXPECT_LE(total.bytes, bytes);
      EXPECT_LE(total.milliseconds, time);
      // More of everything cannot be had for free.
      EXPECT_EQ(choice->natsPerMillisecond > 0, time < 8) << bytes << " " << time;
      EXPECT_LE(choice->formats[1].loss / 10, choice->formats[0].loss * 1.0001);
    }
  EXPECT_FALSE(chooseFormats(formats, {199, 100}).has_value());
  EXPECT_FALSE(chooseFormats(formats, {1e9, 1.5}).has_value());
}

TEST(FormatChoice, IsExpressedAsOptions) {
  std::vector<MatrixLosses> matrices = {productOf(MatrixKind::queryKey), productOf(MatrixKind::valueOutput),
                                        layerOf("blocks.0.fc"), layerOf("head")};
  CompressText base{"method=joint", "", "dynamic,rounding=gptq", "images", 0};
  CompressText text = textOf(base, matrices, {{{8, 8}, {0, 4}, {12, 4}, {0, 32}}});
  EXPECT_EQ(text.lowRank, "method=joint,ranks=blocks.0.fc:12,attn:8/16");
  EXPECT_EQ(text.quantize, "dynamic,rounding=gptq,bits=^attn\\.qkv\\.v$:4,^attn\\.proj$:4,^blocks\\.0\\.fc$:4,8,"
                           "keep-f32=head");
  llvm::Expected<CompressOptions> options = parseCompressOptions(text, "--");
  ASSERT_TRUE(bool(options)) << llvm::toString(options.takeError());
  const BitsByLayer &bits = std::get<QuantizeDynamicPassOptions>(options->quantize).bits;
  EXPECT_EQ(bits.bitsOf({"attn.qkv.v"}), 4U);
  EXPECT_EQ(bits.bitsOf({"blocks.0.fc.left", "blocks.0.fc"}), 4U);
  EXPECT_EQ(bits.bitsOf({"blocks.00fc"}), 8U);

  std::vector<MatrixFormat> dense(4, MatrixFormat());
  EXPECT_EQ(textOf(base, matrices, dense).lowRank, "");
  EXPECT_EQ(textOf(base, matrices, dense).quantize, "none");
}

TEST(KernelTimes, InterpolatesBetweenRanks) {
  std::vector<MatrixLosses> matrices = {layerOf("a"), layerOf("b"), layerOf("c")};
  std::vector<std::vector<MatrixFormat>> measured = KernelTimes::formatsToMeasure(matrices, 8);
  ASSERT_EQ(measured.size(), 1U); // three layers of one shape have all three formats
  EXPECT_EQ(measured[0][0], (MatrixFormat{0, 8}));
  EXPECT_EQ(measured[0][1], (MatrixFormat{12, 8}));
  EXPECT_EQ(measured[0][2], (MatrixFormat{4, 8}));
  EXPECT_EQ(KernelTimes::formatsToMeasure(llvm::ArrayRef(matrices).take_front(1), 8).size(), 3U);

  ImageTime time;
  time.layers["a"] = 3;
  time.layers["b.right"] = 0.75;
  time.layers["b.left"] = 1.25;
  time.layers["c.right"] = 1;
  time.layers["abc"] = 100; // another layer
  time.total = 110;
  KernelTimes times;
  times.add(matrices, measured[0], time);
  EXPECT_EQ(times.rest(), 104);
  EXPECT_EQ(times.milliseconds(matrices[2], {0, 8}), 3);
  EXPECT_EQ(times.milliseconds(matrices[2], {12, 8}), 2);
  EXPECT_EQ(times.milliseconds(matrices[0], {8, 8}), 1.5);
  EXPECT_EQ(times.milliseconds(matrices[0], {20, 8}), 3);
}

} // namespace
