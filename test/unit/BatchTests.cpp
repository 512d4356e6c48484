// Batches of cascades: which images the dense model runs.
#include "runtime/threads/Batch.h"
#include <gtest/gtest.h>
#include <vector>

using namespace vitya;

namespace {

/// Two models of one pixel and two classes. The first has the pixel as its margin, and the dense one answers -1.
class Cascade : public testing::Test {
protected:
  Cascade() {
    first.channels = first.height = first.width = 1;
    first.classes = 2;
    dense = first;
    first.workspace_bytes = 64;
    dense.workspace_bytes = 128;
    first.forward = [](vitya_context *, const float *image, float *logits, const void *, void *) {
      logits[0] = *image;
      logits[1] = 0;
    };
    dense.forward = [](vitya_context *, const float *, float *logits, const void *, void *) {
      logits[0] = logits[1] = -1;
    };
    first.cascade = &cascade;
  }

  /// Runs images [first, first + count), whose pixels are their indices, and checks which ones the dense model ran.
  void check(int threads, int64_t begin, int64_t count, Deferral deferral, double below) const {
    Session *session = createSession(&first, {&first, &dense}, threads);
    ASSERT_NE(session, nullptr);
    auto read = [](void *, int64_t index, float *image) { *image = static_cast<float>(index); };
    std::vector<float> logits(2 * count);
    int64_t deferred = runBatch(session, read, nullptr, begin, count, logits.data(), {nullptr, nullptr, deferral});
    destroySession(session);
    int64_t expected = 0;
    for (int64_t i = 0; i < count; ++i) {
      bool isDeferred = static_cast<double>(begin + i) < below;
      expected += isDeferred;
      EXPECT_EQ(logits[2 * i], isDeferred ? -1 : static_cast<float>(begin + i));
      EXPECT_EQ(logits[2 * i + 1], isDeferred ? -1 : 0);
    }
    EXPECT_EQ(deferred, expected);
  }

  vitya_model first{}, dense{};
  vitya_cascade cascade{&dense, /*margin=*/700, /*images=*/0, /*deferrals=*/0};
};

TEST_F(Cascade, DefersImagesOfSmallMargins) {
  for (int threads : {1, 3}) {
    check(threads, 0, 1000, Deferral::byMargin, 700); // more than the dense model runs together
    check(threads, 690, 20, Deferral::byMargin, 700);
    check(threads, 699, 1, Deferral::byMargin, 700);
    check(threads, 700, 1, Deferral::byMargin, 700);
    check(threads, 0, 512, Deferral::byMargin, 700);
  }
}

TEST_F(Cascade, DefersNoneOrAllImages) {
  check(2, 0, 30, Deferral::none, 0);
  check(2, 690, 30, Deferral::all, 1e9);
}

} // namespace
