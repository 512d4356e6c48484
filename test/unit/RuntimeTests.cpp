// The image pipeline and the thread pool.
#include "runtime/image/Resize.h"
#include "runtime/threads/Pool.h"
#include <atomic>
#include <gtest/gtest.h>
#include <vector>

namespace {

TEST(Resize, SameSizeOnlyScales) {
  const uint8_t plane[] = {0, 51, 102, 255};
  float result[4];
  vitya::resizeBilinear({plane, 2, 2, 1}, 2, 2, result);
  EXPECT_EQ(result[0], 0.0f);
  EXPECT_FLOAT_EQ(result[1], 0.2f);
  EXPECT_FLOAT_EQ(result[2], 0.4f);
  EXPECT_EQ(result[3], 1.0f);
}

// torch.nn.functional.interpolate(torch.tensor([[[[0., 1.]]]]), (1, 4), mode='bilinear', align_corners=False)
TEST(Resize, HalfPixelCentresAndClampedEdges) {
  const uint8_t plane[] = {0, 255};
  float result[4];
  vitya::resizeBilinear({plane, 1, 2, 1}, 1, 4, result);
  EXPECT_FLOAT_EQ(result[0], 0.0f);
  EXPECT_FLOAT_EQ(result[1], 0.25f);
  EXPECT_FLOAT_EQ(result[2], 0.75f);
  EXPECT_FLOAT_EQ(result[3], 1.0f);
}

// Law: resizing keeps constants and the range.
TEST(Resize, ConstantStaysConstant) {
  std::vector<uint8_t> plane(32 * 32, 77);
  std::vector<float> result(224 * 224);
  vitya::resizeBilinear({plane.data(), 32, 32, 1}, 224, 224, result.data());
  for (float value : result)
    EXPECT_FLOAT_EQ(value, 77.0f / 255.0f);
}

struct Count {
  std::vector<std::atomic<int>> visits;
  static void body(void **captures, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      static_cast<Count *>(captures[0])->visits[i].fetch_add(1);
  }
};

TEST(Pool, EveryIterationOnceWhateverTheThreads) {
  for (int threads : {1, 2, 5}) {
    vitya::Pool *pool = vitya::createPool(threads);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(vitya::poolThreads(pool), threads);
    for (int64_t count : {0, 1, 2, 63, 64, 65, 1000})
      for (int repeat = 0; repeat < 2000; ++repeat) {
        Count counter{std::vector<std::atomic<int>>(count)};
        void *captures[] = {&counter};
        vitya::runOnPool(pool, count, Count::body, captures);
        for (int64_t i = 0; i < count; ++i)
          ASSERT_EQ(counter.visits[i].load(), 1) << "iteration " << i << " of " << count;
      }
    vitya::destroyPool(pool);
  }
}

} // namespace
