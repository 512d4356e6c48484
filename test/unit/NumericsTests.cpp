// Properties of low-rank factorisation, moments, rank allocation and matrix products.
#include "passes/numerics/AttentionFactorization.h"
#include "passes/numerics/Factorization.h"
#include "passes/numerics/RankAllocation.h"
#include <gtest/gtest.h>
#include <random>

namespace {

using namespace Eigen;
using namespace vitya::numerics;

/// Matrices of normally distributed values, the same in every run.
class Random {
public:
  MatrixXd matrix(int64_t rows, int64_t columns) {
    return MatrixXd::NullaryExpr(rows, columns, [&] { return normal(engine); });
  }

  /// Samples with a mean and with very different energies in different directions.
  RowMajorOf<float> samples(int64_t count, int64_t width) {
    MatrixXd mixed = matrix(count, width);
    for (int64_t i = 0; i < width; ++i)
      mixed.col(i) *= std::pow(0.8, double(i));
    return ((mixed * matrix(width, width)).rowwise() + matrix(1, width).row(0)).cast<float>();
  }

private:
  std::mt19937 engine{7};
  std::normal_distribution<double> normal;
};

double relativeError(const MatrixXd &found, const MatrixXd &expected) {
  return (found - expected).norm() / expected.norm();
}

/// E||D x + d||^2 over the rows x of `samples`, for the differences D and d of two maps and their biases.
double outputError(const RowMajorOf<float> &samples, const MatrixXd &difference, const VectorXd &biasDifference) {
  MatrixXd errors = samples.cast<double>() * difference.transpose();
  errors.rowwise() += biasDifference.transpose();
  return errors.squaredNorm() / double(samples.rows());
}

struct Shape {
  int64_t out, in;
};

class FactorizationTest : public testing::TestWithParam<Shape> {
protected:
  Random random;
  MatrixXd weight = random.matrix(GetParam().out, GetParam().in);
  RowMajorOf<float> samples = random.samples(400, GetParam().in);
  Moments moments = [this] {
    Moments result(GetParam().in);
    result.add(Samples(samples));
    return result;
  }();
  int64_t full = std::min(GetParam().out, GetParam().in);
};

TEST_P(FactorizationTest, FullRankIsTheDenseLayer) {
  Moments cross(GetParam().in);
  cross.add(Samples(samples), Samples(samples));
  for (const Factorization &svd :
       {Factorization::plain(weight), Factorization::activationAware(weight, moments, 0.5),
        Factorization::whitened(weight, moments), Factorization::anchored(weight, moments, cross)}) {
    Factors factors = svd.truncate(full);
    EXPECT_EQ(factors.left.cols(), full);
    EXPECT_LT(relativeError(factors.left * factors.right, weight), 1e-5);
  }
}

// Eckart, Young 1936
TEST_P(FactorizationTest, PlainErrorIsTheTail) {
  Factorization svd = Factorization::plain(weight);
  for (int64_t rank : {int64_t(1), full / 2, full - 1}) {
    Factors factors = svd.truncate(rank);
    double tail = svd.singularValues().tail(full - rank).squaredNorm();
    EXPECT_NEAR((weight - factors.left * factors.right).squaredNorm(), tail, 1e-8 * weight.squaredNorm());
  }
}

TEST_P(FactorizationTest, WhitenedOutputErrorIsTheTail) {
  Factorization svd = Factorization::whitened(weight, moments);
  double all = svd.singularValues().squaredNorm();
  for (int64_t rank : {int64_t(1), full / 2, full - 1}) {
    Factors factors = svd.truncate(rank);
    VectorXd bias = correctedBias(VectorXd::Zero(weight.rows()), weight, moments.mean(), factors, moments.mean());
    double tail = svd.singularValues().tail(full - rank).squaredNorm();
    EXPECT_NEAR(outputError(samples, weight - factors.left * factors.right, -bias), tail, 1e-6 * all);
  }
}

TEST_P(FactorizationTest, WhitenedIsNeverWorseThanPlainOnItsSamples) {
  Factorization plain = Factorization::plain(weight), whitened = Factorization::whitened(weight, moments);
  for (int64_t rank = 1; rank < full; ++rank) {
    double errors[2];
    for (int i = 0; i < 2; ++i) {
      Factors factors = (i ? whitened : plain).truncate(rank);
      VectorXd bias = correctedBias(VectorXd::Zero(weight.rows()), weight, moments.mean(), factors, moments.mean());
      errors[i] = outputError(samples, weight - factors.left * factors.right, -bias);
    }
    EXPECT_LE(errors[1], errors[0] * (1 + 1e-6));
  }
}

TEST_P(FactorizationTest, SingularValuesAreSplitEvenly) {
  Factors factors = Factorization::plain(weight).truncate(full);
  EXPECT_LT(relativeError(factors.left.colwise().norm(), factors.right.rowwise().norm().transpose()), 1e-6);
}

TEST_P(FactorizationTest, AnchoredFitsTheOriginalOutput) {
  // The input in the compressed model is the original one plus noise.
  RowMajorOf<float> disturbed = samples + 0.3f * random.samples(400, GetParam().in);
  Moments compressed(GetParam().in), cross(GetParam().in);
  compressed.add(Samples(disturbed));
  cross.add(Samples(samples), Samples(disturbed));
  Factors anchored = Factorization::anchored(weight, compressed, cross).truncate(full / 2);
  Factors whitened = Factorization::whitened(weight, compressed).truncate(full / 2);
  auto error = [&](const Factors &factors) {
    VectorXd zero = VectorXd::Zero(weight.rows());
    VectorXd bias = correctedBias(zero, weight, moments.mean(), factors, compressed.mean());
    MatrixXd errors = samples.cast<double>() * weight.transpose() -
                      disturbed.cast<double>() * (factors.left * factors.right).transpose();
    errors.rowwise() -= bias.transpose();
    return errors.squaredNorm();
  };
  EXPECT_LT(error(anchored), error(whitened));
  // Fitting the left factor improves any factorisation but the anchored one, which is optimal but for its ridge.
  Factors plain = Factorization::plain(weight).truncate(full / 2);
  EXPECT_LT(error(refit(plain, weight, compressed, cross)), error(plain));
  EXPECT_NEAR(error(refit(anchored, weight, compressed, cross)), error(anchored), kAnchoredRidge * error(anchored));
}

TEST_P(FactorizationTest, AnchoredDoesNotRelyOnDirectionsOfLittleEnergy) {
  // The input in the compressed model has next to nothing of the first of independent columns. A fit without a ridge
  // restores it.
  RowMajorOf<float> independent = random.matrix(400, GetParam().in).cast<float>(), faded = independent;
  faded.col(0) *= 1e-3f;
  Moments compressed(GetParam().in), cross(GetParam().in);
  compressed.add(Samples(faded));
  cross.add(Samples(independent), Samples(faded));
  Factors factors = Factorization::anchored(weight, compressed, cross).truncate(full);
  double expected = weight.col(0).norm();
  EXPECT_GT(regression(weight, compressed, cross).col(0).norm(), 100 * expected);
  EXPECT_LT((factors.left * factors.right).col(0).norm(), 10 * expected);
}

INSTANTIATE_TEST_SUITE_P(Shapes, FactorizationTest, testing::Values(Shape{12, 12}, Shape{24, 8}, Shape{8, 24}),
                         [](const auto &info) {
                           return std::to_string(info.param.out) + "x" + std::to_string(info.param.in);
                         });

TEST(Factorization, ConstantAndSingularInputs) {
  Random random;
  MatrixXd weight = random.matrix(6, 5);
  RowMajorOf<float> constant = RowMajorOf<float>::Constant(50, 5, 2.5f), singular = random.samples(50, 5);
  singular.col(4) = singular.col(3);
  for (const RowMajorOf<float> &samples : {constant, singular}) {
    Moments moments(5);
    moments.add(Samples(samples));
    Factors factors = Factorization::whitened(weight, moments).truncate(5);
    EXPECT_TRUE(factors.left.allFinite());
    EXPECT_TRUE(factors.right.allFinite());
    MatrixXd expected = samples.cast<double>() * weight.transpose();
    VectorXd bias = correctedBias(VectorXd::Zero(6), weight, moments.mean(), factors, moments.mean());
    MatrixXd found = samples.cast<double>() * (factors.left * factors.right).transpose();
    found.rowwise() += bias.transpose();
    EXPECT_LT(relativeError(found, expected), 1e-5);
  }
}

TEST(Moments, SumOfPartsIsTheWhole) {
  Random random;
  RowMajorOf<float> samples = random.samples(60, 7);
  Moments whole(7), parts(7), part(7);
  whole.add(Samples(samples));
  parts.add(Samples(samples.topRows(20)));
  part.add(Samples(samples.bottomRows(40)));
  parts.add(part);
  EXPECT_EQ(parts.count(), 60);
  EXPECT_LT(relativeError(parts.covariance(), whole.covariance()), 1e-12);
  EXPECT_LT(relativeError(parts.mean(), whole.mean()), 1e-12);
}

/// The scores q k^T of one head, centred per query: the softmax ignores what is added to all scores of a query.
MatrixXd centredScores(const QueryKey &maps, const MatrixXd &inputs) {
  MatrixXd queries = (inputs * maps.query.transpose()).rowwise() + maps.queryBias.transpose();
  MatrixXd keys = (inputs * maps.key.transpose()).rowwise() + maps.keyBias.transpose();
  MatrixXd scores = queries * keys.transpose();
  scores.colwise() -= VectorXd(scores.rowwise().mean());
  return scores;
}

TEST(AttentionFactorization, FullWidthIsTheSameAttention) {
  Random random;
  RowMajorOf<float> samples = random.samples(100, 16);
  Moments moments(16);
  moments.add(Samples(samples));
  QueryKey maps{random.matrix(6, 16), random.matrix(6, 16), random.matrix(6, 1), random.matrix(6, 1)};
  MatrixXd inputs = samples.cast<double>();
  EXPECT_LT(relativeError(centredScores(QueryKeyFactorization(maps, moments).truncate(6), inputs),
                          centredScores(maps, inputs)),
            1e-5);

  ValueOutput values{random.matrix(6, 16), random.matrix(20, 6), random.matrix(6, 1)};
  auto result = ValueOutputFactorization(values, moments).truncate(6);
  MatrixXd expected = (inputs * values.value.transpose()).rowwise() + values.valueBias.transpose();
  expected *= values.output.transpose();
  MatrixXd found =
      (inputs * result.value.transpose() * result.output.transpose()).rowwise() + result.outputBias.transpose();
  EXPECT_LT(relativeError(found, expected), 1e-5);
}

TEST(AttentionFactorization, LostEnergyIsTheTail) {
  Random random;
  RowMajorOf<float> samples = random.samples(200, 16);
  Moments moments(16);
  moments.add(Samples(samples));
  MatrixXd inputs = samples.cast<double>();
  QueryKey maps{random.matrix(8, 16), random.matrix(8, 16), random.matrix(8, 1), random.matrix(8, 1)};
  QueryKeyFactorization scores(maps, moments);
  MatrixXd difference = centredScores(scores.truncate(3), inputs) - centredScores(maps, inputs);
  EXPECT_NEAR(difference.squaredNorm() / (200.0 * 200.0), scores.singularValues().tail(5).squaredNorm(),
              1e-6 * scores.singularValues().squaredNorm());
}

TEST(RankAllocation, ChoicesCostLessThanDense) {
  std::vector<Choice> choices = choicesOf(10, 10, std::vector<double>(10, 1.0));
  EXPECT_EQ(choices.front().rank, 0);
  for (size_t i = 1; i < choices.size(); ++i) {
    EXPECT_LT(choices[i].cost, 100);
    EXPECT_DOUBLE_EQ(choices[i].error, 10.0 - double(choices[i].rank));
  }
}

TEST(RankAllocation, BudgetIsMetWithinOneStep) {
  std::mt19937 engine(3);
  std::uniform_real_distribution<double> decay(0.5, 0.95), scale(0.01, 10);
  for (double keep : {0.1, 0.25, 0.5, 0.75}) {
    std::vector<std::vector<Choice>> layers;
    double dense = 0, largestStep = 0;
    for (int64_t size : {16, 32, 48, 32}) {
      std::vector<double> energies;
      double rate = decay(engine), value = scale(engine);
      for (int64_t k = 0; k < std::min<int64_t>(size, 32); ++k)
        energies.push_back(value *= rate);
      layers.push_back(choicesOf(size * 32, size + 32, energies));
      dense += double(size) * 32;
      largestStep = std::max(largestStep, double(size) + 32);
    }
    std::optional<Allocation> allocation = allocate(layers, keep * dense);
    ASSERT_TRUE(allocation.has_value());
    EXPECT_GT(allocation->multiplier, 0);
    double cost = 0;
    for (size_t i = 0; i < layers.size(); ++i)
      cost += layers[i][allocation->chosen[i]].cost;
    EXPECT_LE(cost, keep * dense);
    EXPECT_GT(cost, keep * dense - largestStep);
  }
}

TEST(RankAllocation, ImportantLayersGetMore) {
  std::vector<double> steep, important;
  for (int k = 0; k < 16; ++k) {
    steep.push_back(std::pow(0.3, k));
    important.push_back(100);
  }
  auto layers = std::vector{choicesOf(256, 32, steep), choicesOf(256, 32, important)};
  std::optional<Allocation> allocation = allocate(layers, 256 + 64);
  ASSERT_TRUE(allocation.has_value());
  EXPECT_EQ(layers[1][allocation->chosen[1]].rank, 0);
  EXPECT_GT(layers[0][allocation->chosen[0]].rank, 0);
}

TEST(RankAllocation, NoConstraint) {
  std::optional<Allocation> allocation = allocate({choicesOf(64, 16, std::vector<double>(8, 1.0))}, 64);
  ASSERT_TRUE(allocation.has_value());
  EXPECT_EQ(allocation->multiplier, 0);
}

TEST(RankAllocation, ImpossibleBudget) {
  EXPECT_FALSE(allocate({choicesOf(64, 16, std::vector<double>(8, 1.0))}, 15).has_value());
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

// Sizes that are no multiples of the tiles, and submatrices.
TEST(MatrixProductTest, EqualsThatOfEigen) {
  Random random;
  RowMajorOf<float> a = random.samples(37, 300).middleCols(7, 281), b = random.samples(13, 281);
  MatrixXd expected = a.cast<double>() * b.cast<double>().transpose();
  EXPECT_LT(relativeError(productWithTransposed(a, PackedMatrix(b)), expected), 1e-14);
  RowMajorOf<float> large = random.samples(300, 29);
  DoubleMatrix sum = DoubleMatrix::Ones(11, 29);
  addTransposedProduct(large.middleCols(3, 11), large, sum);
  expected = large.middleCols(3, 11).cast<double>().transpose() * large.cast<double>();
  EXPECT_LT(relativeError(sum, expected + MatrixXd::Ones(11, 29)), 1e-14);
}

TEST(MatrixProductTest, IsSymmetric) {
  RowMajorOf<float> samples = Random().samples(300, 29);
  DoubleMatrix sum = DoubleMatrix::Zero(29, 29);
  addGram(samples, sum);
  EXPECT_EQ(sum, sum.transpose());
  EXPECT_LT(relativeError(sum, samples.cast<double>().transpose() * samples.cast<double>()), 1e-14);
}

} // namespace
