// The reference functions against formulas written down a second time, and against laws they must keep.
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/reference/Ops.h"
#include "dialect/reference/RunImages.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ThreadPool.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <mutex>
#include <random>

using namespace vitya;
using namespace vitya::reference;

namespace {

class Reference : public testing::Test {
protected:
  Reference() {
    context
        .loadDialect<VityaDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::tensor::TensorDialect>();
  }

  Tensor make(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) {
    Tensor result(shape, mlir::Float32Type::get(&context));
    llvm::copy(values, result.mutableValues().begin());
    return result;
  }
  Tensor random(llvm::ArrayRef<int64_t> shape, float scale = 1) {
    Tensor result(shape, mlir::Float32Type::get(&context));
    std::normal_distribution<float> normal(0, scale);
    for (float &value : result.mutableValues())
      value = normal(generator);
    return result;
  }
  /// The rows [begin, end) of `tokens`.
  Tensor rows(const Tensor &tokens, int64_t begin, int64_t end) {
    return extractSlice(tokens, {{begin, 0}, {end - begin, tokens.dim(1)}, {1, 1}});
  }

  mlir::MLIRContext context;
  std::mt19937 generator{1234};
};

float at(const Tensor &tensor, int64_t row, int64_t column) { return tensor.values()[row * tensor.dim(1) + column]; }

void expectNear(const Tensor &a, const Tensor &b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  for (auto [left, right] : llvm::zip_equal(a.values(), b.values()))
    ASSERT_NEAR(left, right, tolerance);
}

//===----------------------------------------------------------------------===//
// Windows of pixels
//===----------------------------------------------------------------------===//

// A grid of 2 x 3 pixels of two channels, and windows of 2 x 2 pixels with one pixel of padding at each side.
TEST_F(Reference, UnfoldPadsWithZeros) {
  Tensor pixels = make({6, 2}, {1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6});
  Tensor result = unfold(pixels, {{2, 3}, {2, 2}, {2, 2}, {1, 1}, {2, 2}});
  EXPECT_EQ(result.shape(), llvm::ArrayRef<int64_t>({4, 8}));
  EXPECT_EQ(result.values(), llvm::ArrayRef<float>({0, 0, 0, 0,  0, 0, 1, -1, 0, 0,  0, 0,  2, -2, 3, -3, //
                                                    0, 0, 4, -4, 0, 0, 0, 0,  5, -5, 6, -6, 0, 0,  0, 0}));
}

TEST_F(Reference, MaxPoolIgnoresPaddingAndKeepsNaN) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor pixels = make({6, 2}, {-1, -1, 2, -2, 3, -3, 4, -4, 5, nan, 6, -6});
  Tensor result = maxPool(pixels, {{2, 3}, {2, 2}, {2, 2}, {1, 1}, {2, 2}});
  EXPECT_EQ(result.shape(), llvm::ArrayRef<int64_t>({4, 2}));
  EXPECT_EQ(result.values().drop_back(2), llvm::ArrayRef<float>({-1, -1, 3, -2, 4, -4}));
  EXPECT_EQ(result.values()[6], 6);
  EXPECT_TRUE(std::isnan(result.values()[7]));
}

//===----------------------------------------------------------------------===//
// From image to tokens
//===----------------------------------------------------------------------===//

TEST_F(Reference, NormalizeWorksChannelByChannel) {
  Tensor image = make({2, 1, 2}, {0.5f, 0.75f, 0.25f, 1.0f});
  Tensor result = normalize(image, {0.5f, 0.25f}, {0.25f, 0.5f});
  EXPECT_EQ(result.values(), llvm::ArrayRef<float>({0.0f, 1.0f, 0.0f, 1.5f}));
}

// An image of two channels, 2 x 4 pixels, whose pixel is 100 channel + 10 row + column.
TEST_F(Reference, PatchifyOrders) {
  Tensor image = make({2, 2, 4}, {0, 1, 2, 3, 10, 11, 12, 13, 100, 101, 102, 103, 110, 111, 112, 113});
  Tensor channelFirst = patchify(image, 2, 2, PatchOrder::channel_row_column);
  EXPECT_EQ(channelFirst.shape(), llvm::ArrayRef<int64_t>({2, 8}));
  EXPECT_EQ(channelFirst.values(),
            llvm::ArrayRef<float>({0, 1, 10, 11, 100, 101, 110, 111, 2, 3, 12, 13, 102, 103, 112, 113}));
  Tensor channelLast = patchify(image, 2, 2, PatchOrder::row_column_channel);
  EXPECT_EQ(channelLast.values(),
            llvm::ArrayRef<float>({0, 100, 1, 101, 10, 110, 11, 111, 2, 102, 3, 103, 12, 112, 13, 113}));
  std::pair<PatchOrder, std::array<float, 8>> others[] = {
      {PatchOrder::channel_column_row, {0, 10, 1, 11, 100, 110, 101, 111}},
      {PatchOrder::row_channel_column, {0, 1, 100, 101, 10, 11, 110, 111}},
      {PatchOrder::column_channel_row, {0, 10, 100, 110, 1, 11, 101, 111}},
      {PatchOrder::column_row_channel, {0, 100, 10, 110, 1, 101, 11, 111}}};
  for (const auto &[order, first] : others)
    EXPECT_EQ(patchify(image, 2, 2, order).values().take_front(8), llvm::ArrayRef<float>(first))
        << stringifyPatchOrder(order).str();
}

TEST_F(Reference, PatchesNeedNotBeSquare) {
  Tensor image = make({1, 2, 4}, {0, 1, 2, 3, 10, 11, 12, 13});
  EXPECT_EQ(patchify(image, 1, 4, PatchOrder::channel_row_column).values(), image.values());
  EXPECT_EQ(patchify(image, 2, 1, PatchOrder::channel_row_column).values(),
            llvm::ArrayRef<float>({0, 10, 1, 11, 2, 12, 3, 13}));
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

TEST_F(Reference, LinearIsTheNaiveSum) {
  Tensor x = random({5, 37}), w = random({11, 37}), b = random({11});
  Tensor result = linear(x, packed(w), &b), withoutBias = linear(x, packed(w), nullptr);
  ASSERT_EQ(result.shape(), llvm::ArrayRef<int64_t>({5, 11}));
  for (int64_t n = 0; n < 5; ++n)
    for (int64_t o = 0; o < 11; ++o) {
      long double sum = 0;
      for (int64_t i = 0; i < 37; ++i)
        sum += static_cast<long double>(at(x, n, i)) * at(w, o, i);
      EXPECT_NEAR(at(withoutBias, n, o), static_cast<double>(sum), 5e-6);
      EXPECT_EQ(at(result, n, o), at(withoutBias, n, o) + b.values()[o]);
    }
}

// (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last term a rounded product would lack. In another order 1 would survive
// 10^8.
TEST_F(Reference, LinearIsAChainOfFusedMultiplyAdds) {
  constexpr float e = 1.0f / 4096;
  Tensor x = make({1, 2}, {1, 1 + e}), w = make({1, 2}, {-(1 + 2 * e), 1 + e});
  EXPECT_EQ(linear(x, packed(w), nullptr).values().front(), e * e);
  Tensor large = make({1, 3}, {1, 1e8f, -1e8f}), ones = make({1, 3}, {1, 1, 1});
  EXPECT_EQ(linear(large, packed(ones), nullptr).values().front(), 0);
}

TEST_F(Reference, LayerNormHasMeanZeroAndVarianceOne) {
  constexpr int64_t width = 64;
  Tensor x = random({7, width}, 3);
  for (float &value : x.mutableValues())
    value += 100;
  Tensor ones = make({width}, std::vector<float>(width, 1)), zeros = make({width}, std::vector<float>(width, 0));
  Tensor result = layerNorm(x, ones, zeros, 0);
  for (int64_t n = 0; n < 7; ++n) {
    double sum = 0, squares = 0;
    for (int64_t d = 0; d < width; ++d) {
      sum += at(result, n, d);
      squares += double(at(result, n, d)) * at(result, n, d);
    }
    EXPECT_NEAR(sum / width, 0, 5e-6);
    EXPECT_NEAR(squares / width, 1, 5e-6);
  }
}

// Row (1, 3): mean 2, variance 1; with eps 3 the deviation is 2.
TEST_F(Reference, LayerNormScalesShiftsAndAddsEps) {
  Tensor result = layerNorm(make({1, 2}, {1, 3}), make({2}, {10, 20}), make({2}, {0.5f, 0.25f}), 3);
  EXPECT_FLOAT_EQ(at(result, 0, 0), -0.5f * 10 + 0.5f);
  EXPECT_FLOAT_EQ(at(result, 0, 1), 0.5f * 20 + 0.25f);
}

// Row (1, 7): the mean of the squares is 25; with eps 11 the root is 6.
TEST_F(Reference, RmsNormScalesAndAddsEps) {
  Tensor result = rmsNorm(make({1, 2}, {1, 7}), make({2}, {12, 24}), 11);
  EXPECT_FLOAT_EQ(at(result, 0, 0), 2);
  EXPECT_FLOAT_EQ(at(result, 0, 1), 28);
}

TEST_F(Reference, RotaryEmbeddingRotatesPairsHalfAHeadApart) {
  // Token 0 is rotated by 0 and 90 degrees, token 1 by 180 degrees and by an angle of cosine 0.6.
  Tensor cos = make({2, 2}, {1, 0, -1, 0.6F}), sin = make({2, 2}, {0, 1, 0, 0.8F});
  Tensor x = make({2, 8}, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  Tensor result = rotaryEmbedding(x, cos, sin, 2, /*interleaved=*/false);
  const float expected[] = {1, -4, 3, 2, 5, -8, 7, 6, -1, -2, -3, 4, -5, -2.8F, -7, 9.6F};
  for (int64_t i = 0; i < 16; ++i)
    EXPECT_NEAR(result.values()[i], expected[i], 1e-6) << i;
}

TEST_F(Reference, RotaryEmbeddingRotatesNeighbouringColumns) {
  // Each of the two heads has angles of its own.
  Tensor cos = make({1, 4}, {1, 0, -1, 0.6F}), sin = make({1, 4}, {0, 1, 0, 0.8F});
  Tensor result = rotaryEmbedding(make({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8}), cos, sin, 2, /*interleaved=*/true);
  const float expected[] = {1, 2, -4, 3, -5, -6, -2.2F, 10.4F};
  for (int64_t i = 0; i < 8; ++i)
    EXPECT_NEAR(result.values()[i], expected[i], 1e-6) << i;
}

TEST_F(Reference, MeanPoolIsTheMeanOfRows) {
  Tensor result = meanPool(make({3, 2}, {1, 10, 2, 20, 6, 60}));
  EXPECT_EQ(result.shape(), llvm::ArrayRef<int64_t>({1, 2}));
  EXPECT_EQ(result.values(), llvm::ArrayRef<float>({3, 30}));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// One output of one head, straight from the definition, without any trick against overflow.
double attend(const Tensor &q, const Tensor &k, const Tensor &v, int64_t head, int64_t heads, double scale, int64_t n,
              int64_t column) {
  int64_t width = q.dim(1) / heads, valueWidth = v.dim(1) / heads;
  long double sum = 0, mixed = 0;
  for (int64_t m = 0; m < k.dim(0); ++m) {
    long double score = 0;
    for (int64_t i = 0; i < width; ++i)
      score += static_cast<long double>(at(q, n, head * width + i)) * at(k, m, head * width + i);
    long double weight = std::exp(scale * score);
    sum += weight;
    mixed += weight * at(v, m, head * valueWidth + column);
  }
  return mixed / sum;
}

// Heads of value wider than those of query and key; fewer queries than keys.
TEST_F(Reference, AttentionIsItsDefinition) {
  constexpr int64_t heads = 3;
  Tensor q = random({4, 6}), k = random({9, 6}), v = random({9, 15});
  Tensor result = attention(q, k, v, heads, 0.7);
  ASSERT_EQ(result.shape(), llvm::ArrayRef<int64_t>({4, 15}));
  for (int64_t n = 0; n < 4; ++n)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t column = 0; column < 5; ++column)
        EXPECT_NEAR(at(result, n, head * 5 + column), attend(q, k, v, head, heads, 0.7, n, column), 2e-6);
}

// The exponential of a bias is a factor of a weight. Columns beyond the keys are not read.
TEST_F(Reference, BiasOfAttentionIsAddedToScores) {
  Tensor q = random({2, 4}), k = make({3, 4}, std::vector<float>(12, 0)), v = make({3, 2}, {1, 0, 2, 0, 6, 1});
  float ln2 = std::log(2.0f), ln5 = std::log(5.0f);
  Tensor bias = make({2, 8}, {0, ln2, ln5, 99, 0, 0, 0, 99, 0, 0, -200, 99, 0, 0, ln2, 99});
  expectNear(attention(q, k, v, 2, 1, &bias), make({2, 2}, {35.0f / 8, 1.0f / 3, 1.5f, 0.5f}), 1e-6);
}

TEST_F(Reference, WeightsOfAttentionSumToOne) {
  Tensor q = random({5, 8}, 4), k = random({7, 8}, 4), ones = make({7, 2}, std::vector<float>(14, 1));
  expectNear(attention(q, k, ones, 2, 1), make({5, 2}, std::vector<float>(10, 1)), 1e-6);
}

// With the identity as values, the result is the matrix of weights: one head, rows that sum to one, all positive.
TEST_F(Reference, AttentionOverTheIdentityShowsTheWeights) {
  Tensor q = random({3, 4}), k = random({2, 4}), identity = make({2, 2}, {1, 0, 0, 1});
  Tensor weights = attention(q, k, identity, 1, 0.5);
  for (int64_t n = 0; n < 3; ++n) {
    EXPECT_GT(at(weights, n, 0), 0);
    EXPECT_GT(at(weights, n, 1), 0);
    EXPECT_FLOAT_EQ(at(weights, n, 0) + at(weights, n, 1), 1);
  }
}

TEST_F(Reference, AttentionWithoutScaleIsTheMean) {
  Tensor q = random({2, 4}), k = random({3, 4}), v = make({3, 1}, {1, 2, 6});
  expectNear(attention(q, k, v, 1, 0), make({2, 1}, {3, 3}), 1e-6);
}

TEST_F(Reference, AttentionDoesNotOverflow) {
  Tensor q = make({1, 1}, {1000}), k = make({2, 1}, {1000, -1000}), v = make({2, 1}, {3, 5});
  EXPECT_EQ(attention(q, k, v, 1, 1).values().front(), 3);
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

constexpr float infinity = std::numeric_limits<float>::infinity();
const float nan = std::nanf("");

/// Returns e^x for each x of `points`.
std::vector<float> exponentialsOf(std::vector<float> points) {
  numerics::exponentials({points.data(), static_cast<Eigen::Index>(points.size())});
  return points;
}

// To two units in the last place, from the least normal number to the largest.
TEST_F(Reference, ExponentialsAreThoseOfTheLibrary) {
  std::vector<float> points;
  for (float x = -87.3f; x < 88.7f; x += 0.0137f)
    points.push_back(x);
  for (auto [x, value] : llvm::zip_equal(points, exponentialsOf(points)))
    ASSERT_NEAR(value / std::exp(static_cast<double>(x)), 1, 2.4e-7) << x;
  EXPECT_EQ(exponentialsOf({0, -infinity, std::numeric_limits<float>::lowest(), -88, 89, infinity}),
            (std::vector<float>{1, 0, 0, 0, infinity, infinity}));
  EXPECT_TRUE(std::isnan(exponentialsOf({nan}).front()));
}

TEST_F(Reference, ErrorFunctionsAndTangentsAreThoseOfTheLibrary) {
  numerics::FloatArithmetic a;
  for (float x = -9; x < 9; x += 0.00137f) {
    float tolerance = 4e-7f * std::min(1.0f, std::abs(x) + 1e-3f);
    ASSERT_NEAR(a.erf(x), std::erf(static_cast<double>(x)), tolerance) << x;
    ASSERT_NEAR(a.tanh(x), std::tanh(static_cast<double>(x)), tolerance) << x;
  }
  EXPECT_EQ(a.erf(nan), 1);
  EXPECT_EQ(a.tanh(nan), 1);
}

numerics::ConstFloatArray arrayOf(const std::vector<float> &row) {
  return {row.data(), static_cast<Eigen::Index>(row.size())};
}

float sumOf(const std::vector<float> &row) { return numerics::sumOfRow(arrayOf(row)); }

// Lane 0 has 10^8, 1 and -10^8: lane by lane, 1 is lost; it would not be in order.
TEST_F(Reference, RowsAreSummedUpInLanes) {
  EXPECT_EQ(sumOf({1e8f, 0, 1, 0, -1e8f, 0}), 0);
  EXPECT_EQ(sumOf({1e8f, 0, -1e8f, 0, 1, 0}), 1);
  EXPECT_EQ(sumOf({1e8f, 1, -1e8f, 0}), 1);
}

// 10^8 and -10^8 are in the lanes 0 and 2 of the first 16 elements, and the rest has 1 and 0 in its two lanes.
TEST_F(Reference, TheRestOfARowIsAddedToItsWholeBlocks) {
  std::vector<float> row(18, 0);
  row[0] = 1e8f;
  row[2] = -1e8f;
  row[16] = 1;
  EXPECT_EQ(sumOf(row), 1);
  EXPECT_EQ(numerics::sumOfPaddedRow(arrayOf(row)), 0); // 1 is in lane 0, too, where it is lost
  row[2] = 0;
  row[17] = -1;
  EXPECT_EQ(sumOf(row), 1e8f);
  EXPECT_EQ(numerics::sumOfSquares(arrayOf({0, 2, 0, -3})), 13);
}

TEST_F(Reference, ColumnsAreScaledByTheirFactors) {
  Tensor scaled = scaleColumns(make({2, 3}, {1, 2, 3, -4, 5, infinity}), make({3}, {0.5f, -2, 4}));
  EXPECT_EQ(scaled.values(), llvm::ArrayRef<float>({0.5f, -4, 12, -2, -10, infinity}));
}

TEST_F(Reference, GeluIsXTimesTheNormalDistribution) {
  Tensor x = make({1, 7}, {-6, -1, -0.25f, 0, 0.5f, 2, 8});
  Tensor erfForm = gelu(x, GeluForm::erf), tanhForm = gelu(x, GeluForm::tanh), quickForm = gelu(x, GeluForm::quick);
  for (int64_t i = 0; i < 7; ++i) {
    double value = x.values()[i];
    // Phi(x) = erfc(-x / sqrt(2)) / 2 keeps its digits where erf is near -1.
    EXPECT_NEAR(at(erfForm, 0, i), value * std::erfc(-value / std::sqrt(2.0)) / 2, 3e-7 * std::abs(value));
    EXPECT_NEAR(at(tanhForm, 0, i), at(erfForm, 0, i), 5e-4); // how far the approximation is off, arXiv 1606.08415
    EXPECT_NEAR(at(quickForm, 0, i), value / (1 + std::exp(-1.702 * value)), 3e-7 * std::abs(value));
  }
  // torch.nn.functional.gelu(torch.tensor([1.]), approximate='tanh') and without
  EXPECT_FLOAT_EQ(gelu(make({1, 1}, {1}), GeluForm::tanh).values().front(), 0.841192f);
  EXPECT_FLOAT_EQ(gelu(make({1, 1}, {1}), GeluForm::erf).values().front(), 0.8413447f);
  for (GeluForm form : {GeluForm::erf, GeluForm::tanh, GeluForm::quick})
    EXPECT_TRUE(std::isnan(gelu(make({1, 1}, {nan}), form).values().front()));
  // The logistic function is zero, not NaN, where its exponential is infinite.
  Tensor ends = gelu(make({1, 3}, {-1000, 1000, infinity}), GeluForm::quick);
  EXPECT_EQ(ends.values(), llvm::ArrayRef<float>({0, 1000, infinity}));
}

TEST_F(Reference, SiluIsXTimesTheLogisticFunction) {
  Tensor x = make({1, 5}, {-6, -1, 0, 0.5f, 8}), result = silu(x);
  for (int64_t i = 0; i < 5; ++i) {
    double value = x.values()[i];
    EXPECT_NEAR(at(result, 0, i), value / (1 + std::exp(-value)), 3e-7 * std::abs(value));
  }
  EXPECT_EQ(silu(make({1, 3}, {-1000, 1000, infinity})).values(), llvm::ArrayRef<float>({0, 1000, infinity}));
  EXPECT_TRUE(std::isnan(silu(make({1, 1}, {nan})).values().front()));
}

TEST_F(Reference, ReluReplacesNegativeValues) {
  EXPECT_EQ(relu(make({1, 4}, {-infinity, -1, 2, infinity})).values(), llvm::ArrayRef<float>({0, 0, 2, infinity}));
  EXPECT_TRUE(std::isnan(relu(make({1, 1}, {nan})).values().front()));
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

// NaN and infinite elements make the scale NaN and the zero point 0. So does nothing else: the third row is zero, the
// largest element of the fourth is a denormal number.
TEST_F(Reference, QuantizationParametersAreDefinedForEveryInput) {
  constexpr float least = std::numeric_limits<float>::min();
  Tensor x = make({7, 3}, {-1,  0,  254, -1e-36f,   0, 1e-37f, 0, -0.0f, 0,       -1e-40f, 0, 1e-40f, //
                           nan, -1, 254, -infinity, 0, 1,      0, 0,     infinity});
  Tensor params = chooseQParams(x, Granularity::token, 255);
  EXPECT_EQ(params.values().take_front(8), llvm::ArrayRef<float>({1, 1, least, 85, least, 0, least, 0}));
  for (int64_t row : {4, 5, 6}) {
    EXPECT_TRUE(std::isnan(at(params, row, 0)));
    EXPECT_EQ(at(params, row, 1), 0);
  }
  EXPECT_TRUE(std::isnan(chooseQParams(x, Granularity::tensor, 255).values().front()));
  // A range that is too large for f32 has an infinite scale, and results that are computed with it are not finite.
  Tensor wide = chooseQParams(make({1, 2}, {-3e38f, 3e38f}), Granularity::token, 255);
  EXPECT_EQ(wide.values(), llvm::ArrayRef<float>({infinity, 0}));
}

// NaN is quantized to the lowest level, and so is an infinite element whose scale is infinite: inf * (1 / inf) is NaN.
TEST_F(Reference, QuantizationIsDefinedForEveryInput) {
  Tensor x = make({2, 4}, {nan, -infinity, infinity, 3.5f, nan, infinity, 1, -1});
  Tensor params = make({2, 2}, {0.5f, 10, infinity, 7});
  mlir::Type i8 = mlir::IntegerType::get(&context, 8);
  Tensor isUnsigned = quantize(x, params, numerics::kUnsignedLevels, i8);
  EXPECT_EQ(isUnsigned.values<uint8_t>(), llvm::ArrayRef<uint8_t>({0, 0, 255, 17, 0, 0, 7, 7}));
  Tensor isSigned = quantize(x, params, numerics::kSignedLevels, i8);
  EXPECT_EQ(isSigned.values<int8_t>(), llvm::ArrayRef<int8_t>({-127, -127, 127, 17, -127, -127, 7, 7}));
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

TEST_F(Reference, SlicesAndConcatenationsAreInverse) {
  Tensor x = random({5, 6, 2});
  Tensor first = extractSlice(x, {{0, 0, 0}, {5, 2, 2}, {1, 1, 1}});
  Tensor second = extractSlice(x, {{0, 2, 0}, {5, 4, 2}, {1, 1, 1}});
  EXPECT_EQ(concat({first, second}, 1).values(), x.values());
  EXPECT_EQ(insertSlice(second, random({5, 6, 2}), {{0, 2, 0}, {5, 4, 2}, {1, 1, 1}}).values().take_back(8),
            x.values().take_back(8));
}

TEST_F(Reference, SlicesHaveStrides) {
  Tensor x = make({2, 5}, {0, 1, 2, 3, 4, 10, 11, 12, 13, 14});
  EXPECT_EQ(extractSlice(x, {{1, 1}, {1, 2}, {1, 3}}).values(), llvm::ArrayRef<float>({11, 14}));
  EXPECT_EQ(insertSlice(make({1, 2}, {7, 8}), x, {{0, 0}, {1, 2}, {1, 4}}).values(),
            llvm::ArrayRef<float>({7, 1, 2, 3, 8, 10, 11, 12, 13, 14}));
}

TEST_F(Reference, ShapesHoldForEveryElementType) {
  Tensor bytes({2, 2}, mlir::IntegerType::get(&context, 8));
  llvm::copy(std::vector<int8_t>{1, 2, 3, 4}, bytes.mutableValues<int8_t>().begin());
  Tensor column = extractSlice(bytes, {{0, 1}, {2, 1}, {1, 1}});
  EXPECT_EQ(column.values<int8_t>(), llvm::ArrayRef<int8_t>({2, 4}));
  EXPECT_EQ(concat({bytes, column}, 1).values<int8_t>(), llvm::ArrayRef<int8_t>({1, 2, 2, 3, 4, 4}));
}

//===----------------------------------------------------------------------===//
// Laws
//===----------------------------------------------------------------------===//

// op(x, w)[rows] = op(x[rows], w), which canonicalization relies on.
TEST_F(Reference, RowsAreIndependent) {
  Tensor x = random({9, 16}), w = random({6, 16}), b = random({6}), scale = random({16}), shift = random({16});
  expectNear(rows(linear(x, packed(w), &b), 2, 5), linear(rows(x, 2, 5), packed(w), &b), 0);
  expectNear(rows(layerNorm(x, scale, shift, 1e-5), 2, 5), layerNorm(rows(x, 2, 5), scale, shift, 1e-5), 0);
  expectNear(rows(gelu(x, GeluForm::erf), 2, 5), gelu(rows(x, 2, 5), GeluForm::erf), 0);
  Tensor k = random({7, 16}), v = random({7, 8});
  expectNear(rows(attention(x, k, v, 4, 0.5), 2, 5), attention(rows(x, 2, 5), k, v, 4, 0.5), 0);
}

//===----------------------------------------------------------------------===//
// The interpreter
//===----------------------------------------------------------------------===//

constexpr char kModel[] = R"(
func.func private @twice(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %0 = arith.addf %x, %x : tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}
func.func @main(%image: tensor<3x2x2xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[1.0, -2.0, 0.5], [0.25, 1.0, 3.0]]> : tensor<2x3xf32>
  %b = arith.constant dense_resource<bias> : tensor<2xf32>
  %unused = arith.constant dense<1.0> : tensor<100x100xf32>
  %0 = vitya.patchify %image [1, 1] channel_row_column : tensor<3x2x2xf32> -> tensor<4x3xf32>
  %1 = call @twice(%0) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %2 = call @twice(%1) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %3 = vitya.mean_pool %2 : tensor<4x3xf32> -> tensor<1x3xf32>
  %4 = vitya.linear "head" %3, %w bias %b : tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<1x2xf32>
  return %4 : tensor<1x2xf32>
}
{-# dialect_resources: { builtin: { bias: "0x040000000000003F0000803F" } } #-}
)";

void wave(int64_t index, llvm::MutableArrayRef<float> image) {
  for (auto [i, pixel] : llvm::enumerate(image))
    pixel = std::sin(static_cast<float>(index * 100 + i));
}

TEST_F(Reference, ExecutesCallsAndConstants) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kModel, &context);
  ASSERT_TRUE(module);
  mlir::FailureOr<std::vector<float>> logits = runImages(*module, 1, wave);
  ASSERT_TRUE(succeeded(logits));
  float image[12], mean[3];
  wave(0, image);
  for (int c = 0; c < 3; ++c)
    mean[c] = image[4 * c] + image[4 * c + 1] + image[4 * c + 2] + image[4 * c + 3];
  ASSERT_EQ(logits->size(), 2u);
  EXPECT_NEAR((*logits)[0], mean[0] - 2 * mean[1] + 0.5 * mean[2] + 0.5, 1e-5);
  EXPECT_NEAR((*logits)[1], 0.25 * mean[0] + mean[1] + 3 * mean[2] + 1, 1e-5);
}

// An image alone gives the bits it gives in a set, on any number of threads.
TEST_F(Reference, ImagesDoNotDependOnNeighboursOrThreads) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kModel, &context);
  context.disableMultithreading();
  mlir::FailureOr<std::vector<float>> set = runImages(*module, 20, wave);
  ASSERT_TRUE(succeeded(set));
  for (int threads : {2, 5, 50}) {
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
    context.setThreadPool(pool);
    ASSERT_EQ(context.getNumThreads(), static_cast<unsigned>(threads));
    mlir::FailureOr<std::vector<float>> again = runImages(*module, 20, wave);
    context.disableMultithreading();
    ASSERT_TRUE(succeeded(again));
    EXPECT_EQ(*set, *again) << threads << " threads";
  }
  auto last = [](int64_t, llvm::MutableArrayRef<float> image) { wave(19, image); };
  mlir::FailureOr<std::vector<float>> alone = runImages(*module, 1, last);
  ASSERT_TRUE(succeeded(alone));
  EXPECT_EQ(llvm::ArrayRef(*alone), llvm::ArrayRef(*set).take_back(2));
}

TEST_F(Reference, ObserverSeesEveryResultOnceForEachImage) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kModel, &context);
  std::mutex mutex;
  std::map<int64_t, std::vector<std::string>> seen;
  auto observe = [&](int64_t image, mlir::Operation *op, llvm::ArrayRef<Tensor> results) {
    std::lock_guard<std::mutex> lock(mutex);
    seen[image].push_back(op->getName().getStringRef().str());
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results.front().shape(), mlir::cast<mlir::RankedTensorType>(op->getResult(0).getType()).getShape());
  };
  ASSERT_TRUE(succeeded(runImages(*module, 3, wave, observe)));
  ASSERT_EQ(seen.size(), 3u);
  for (auto &[image, ops] : seen)
    EXPECT_EQ(ops, (std::vector<std::string>{"arith.constant", "arith.constant", "arith.constant", "vitya.patchify",
                                             "arith.addf", "func.call", "arith.addf", "func.call", "vitya.mean_pool",
                                             "vitya.linear"}))
        << "image " << image;
}

/// The diagnostics of preparing `text`, which must fail.
std::string problemOf(mlir::MLIRContext &context, const char *text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  std::string problem;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { problem += (problem.empty() ? "" : "; ") + diagnostic.str(); });
  EXPECT_TRUE(failed(runImages(*module, 1, wave)));
  return problem;
}

TEST_F(Reference, UnknownOpsAreNamed) {
  context.allowUnregisteredDialects();
  EXPECT_EQ(problemOf(context, R"(
    func.func @main(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
      %0 = arith.maximumf %x, %x : tensor<1x1x2xf32>
      return %0 : tensor<1x1x2xf32>
    })"),
            "expected an op that the reference interpreter executes, found 'arith.maximumf'");
  EXPECT_EQ(problemOf(context, R"(
    func.func @main(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
      "other.op"() : () -> ()
      return %x : tensor<1x1x2xf32>
    })"),
            "expected an op that the reference interpreter executes, found 'other.op'");
}

TEST_F(Reference, RecursionIsRefused) {
  EXPECT_EQ(problemOf(context, R"(
    func.func @main(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
      %0 = call @main(%x) : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
      return %0 : tensor<1x1x2xf32>
    })"),
            "'func.call' op expected a function that does not call itself, found @main");
}

TEST_F(Reference, SlicesAreStatic) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @main(%x: tensor<4x2xf32>, %row: index) -> tensor<1x2xf32> {
      %0 = tensor.extract_slice %x[%row, 0] [1, 2] [1, 1] : tensor<4x2xf32> to tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    })",
                                                        &context);
  std::string problem;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { problem = diagnostic.str(); });
  EXPECT_TRUE(failed(Interpreter::create(module->lookupSymbol<mlir::func::FuncOp>("main"))));
  EXPECT_EQ(problem, "'tensor.extract_slice' op expected static offsets, sizes and strides, found others");
}

TEST_F(Reference, ConstantsNeedAllTheirBytes) {
  EXPECT_EQ(problemOf(context, R"(
    func.func @main(%x: tensor<1x1x2xf32>) -> tensor<2xf32> {
      %0 = arith.constant dense_resource<absent> : tensor<2xf32>
      return %0 : tensor<2xf32>
    })"),
            "'arith.constant' op expected a constant tensor of f32, bf16, i4, i8 or i32 with all its elements, found 0 "
            "of 8 bytes");
}

TEST_F(Reference, EntryMapsOneImage) {
  EXPECT_EQ(problemOf(context, "func.func @other() { return }"), "expected a function @main, found none");
  EXPECT_EQ(problemOf(context, "func.func @main() { return }"),
            "expected @main to map one f32 image [channels, height, width] to one f32 tensor, found '() -> ()'");
  EXPECT_EQ(problemOf(context, "func.func private @main(tensor<1x1x2xf32>) -> tensor<2xf32>"),
            "'func.func' op expected a function of one block, found 0");
}

} // namespace
