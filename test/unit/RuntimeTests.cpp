// Tests of image decoding and resizing, the thread pool, and the detection of processor features.
#include "runtime/image/Decode.h"
#include "runtime/image/Resize.h"
#include "runtime/processor/Features.h"
#include "runtime/processor/PeakRate.h"
#include "runtime/threads/Pool.h"
#include "runtime/threads/Processors.h"
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sched.h>
#include <string>
#include <thread>
#include <vector>

namespace {

TEST(Resize, SameSizeIsConvertedOnly) {
  const uint8_t plane[] = {0, 51, 102, 255};
  float result[4];
  vitya::resizeBilinear({plane, 2, 2, 1}, 2, 2, result);
  EXPECT_EQ(result[0], 0.0f);
  EXPECT_FLOAT_EQ(result[1], 0.2f);
  EXPECT_FLOAT_EQ(result[2], 0.4f);
  EXPECT_EQ(result[3], 1.0f);
}

// The expected values are those of
// torch.nn.functional.interpolate(torch.tensor([[[[0., 1.]]]]), (1, 4), mode='bilinear', align_corners=False).
TEST(Resize, HalfPixelCentresAndClampedEdges) {
  const uint8_t plane[] = {0, 255};
  float result[4];
  vitya::resizeBilinear({plane, 1, 2, 1}, 1, 4, result);
  EXPECT_FLOAT_EQ(result[0], 0.0f);
  EXPECT_FLOAT_EQ(result[1], 0.25f);
  EXPECT_FLOAT_EQ(result[2], 0.75f);
  EXPECT_FLOAT_EQ(result[3], 1.0f);
}

TEST(Resize, ConstantPlaneStaysConstant) {
  std::vector<uint8_t> plane(32 * 32, 77);
  std::vector<float> result(224 * 224);
  vitya::resizeBilinear({plane.data(), 32, 32, 1}, 224, 224, result.data());
  for (float value : result)
    EXPECT_FLOAT_EQ(value, 77.0f / 255.0f);
}

/// Returns the pixels of a PNM file, or the error of decodeImage.
std::string decoded(const std::string &file) {
  vitya::Image image;
  char error[256];
  if (!vitya::decodeImage(reinterpret_cast<const uint8_t *>(file.data()), file.size(), image, error, sizeof(error)))
    return error;
  std::string pixels(reinterpret_cast<char *>(image.pixels), image.height * image.width * 3);
  vitya::freeImage(image);
  return pixels;
}

TEST(Decode, ValidPnm) {
  EXPECT_EQ(decoded("P6 1 2 255 abcdef"), "abcdef");
  EXPECT_EQ(decoded("P5\n# one\n2 # two\n1\n255\nab and more"), "aaabbb");
  EXPECT_EQ(decoded(std::string("P5 2 1 65535 \xff\xff\x80\x00", 17)), "\xff\xff\xff\x80\x80\x80");
  EXPECT_EQ(decoded("P5 3 1 3 \1\3\7"), "UUU\xff\xff\xff\xff\xff\xff");
}

TEST(Decode, InvalidPnm) {
  const std::string cut = "a PNM file that ends within its pixels";
  EXPECT_EQ(decoded("P6 1 2 255 abcde"), cut);
  EXPECT_EQ(decoded("P5 2 1 256 abc"), cut);
  for (const char *file :
       {"P6", "P6 1", "P6 1 1 255", "P6 0 1 255 ", "P6 1 0 255 ", "P6 1 1 0 abc", "P6 -1 1 255 abc", "P6 16385 1 255 a",
        "P6 1 1 65536 abc", "P6 99999999999999999999 1 255 a", "P6 # 1 1 255 abc"})
    EXPECT_NE(decoded(file).find("a PNM header without"), std::string::npos) << file;
}

/// Returns a BMP file with the given header fields, 24 bits a pixel and the bytes `rows` as its pixels.
std::string bmp(int32_t width, int32_t height, const std::string &rows) {
  std::string file = "BM";
  auto put = [&](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      file += static_cast<char>(value >> 8 * i);
  };
  constexpr int kHeaders = 54;
  put(kHeaders + rows.size(), 4);
  put(0, 4);
  put(kHeaders, 4);
  put(40, 4);
  put(width, 4);
  put(height, 4);
  put(1, 2);
  put(24, 2);
  for (int i = 0; i < 6; ++i)
    put(0, 4);
  return file + rows;
}

// Pixels are stored as blue, green, red; a negative height states that the top row is the first one.
TEST(Decode, RowsOfBmp) {
  const std::string top = "cbafed..", bottom = "ihglkj..";
  EXPECT_EQ(decoded(bmp(2, 2, bottom + top)), "abcdefghijkl");
  EXPECT_EQ(decoded(bmp(2, -2, top + bottom)), "abcdefghijkl");
  EXPECT_EQ(decoded(bmp(2, -3, top + bottom)), "a BMP file that ends within its pixels");
  EXPECT_EQ(decoded(bmp(2, 0, top)), "an image without pixels");
  EXPECT_EQ(decoded(bmp(2, INT32_MIN, top)), "an image without pixels");
  EXPECT_EQ(decoded(bmp(2, -16385, top)), "2 x 16385 pixels, more than 16384 a side");
  EXPECT_EQ(decoded(bmp(-2, 2, top + bottom)), "an image without pixels");
}

/// Returns the error of decodeImage for a JPEG file with the given segments after its start marker, or "" if it
/// decodes.
std::string refusal(std::vector<uint8_t> segments) {
  segments.insert(segments.begin(), {0xFF, 0xD8});
  vitya::Image image;
  char error[256];
  if (!vitya::decodeImage(segments.data(), segments.size(), image, error, sizeof(error)))
    return error;
  vitya::freeImage(image);
  return "";
}

std::vector<uint8_t> joined(std::initializer_list<std::vector<uint8_t>> parts) {
  std::vector<uint8_t> result;
  for (const std::vector<uint8_t> &part : parts)
    result.insert(result.end(), part.begin(), part.end());
  return result;
}

// A Huffman table starts with 17 bytes: its index, then the numbers of codes of 1 to 16 bits.
TEST(Decode, JpegTablesWithTooManyCodes) {
  const std::string many = "a JPEG file with a table of more than 256 codes";
  const std::vector<uint8_t> tables = {0xFF, 0xC4, 1, 200, 0}, sixteen(16, 16), seventeen(16, 17);
  EXPECT_EQ(refusal(joined({tables, seventeen, std::vector<uint8_t>(272)})), many);
  EXPECT_NE(refusal(joined({tables, sixteen, std::vector<uint8_t>(256)})), many);
  // The second table of a segment, a segment after padding, and a truncated table.
  EXPECT_EQ(refusal(joined({{0xFF, 0xC4, 1, 200, 0}, {1}, std::vector<uint8_t>(16), {0}, seventeen})), many);
  EXPECT_EQ(refusal(joined({{7, 0xFF, 0xFF, 0xC4, 1, 200, 0}, seventeen})), many);
  EXPECT_EQ(refusal(joined({tables, {255, 255}})), many);
  // The same bytes within another segment, and after the end of the image, are not a table.
  EXPECT_NE(refusal(joined({{0xFF, 0xE1, 0, 30}, tables, seventeen})), many);
  EXPECT_NE(refusal(joined({{0xFF, 0xD9}, tables, seventeen})), many);
}

struct Count {
  std::vector<std::atomic<int>> visits;
  static void body(void **captures, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      static_cast<Count *>(captures[0])->visits[i].fetch_add(1);
  }
};

TEST(Pool, RunsEveryIterationOnce) {
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

TEST(Pool, RunsEveryIterationOnceWithMoreThreadsThanProcessors) {
  // A thread of its own, because the affinity mask is inherited by the pool's workers and never widened again.
  std::thread([] {
    cpu_set_t original, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof(original), &original), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); ++i)
      if (CPU_ISSET(i, &original))
        CPU_SET(i, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(vitya::availableProcessors(), 1);
    vitya::Pool *pool = vitya::createPool(7);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(vitya::poolThreads(pool), 7);
    for (int repeat = 0; repeat < 2000; ++repeat) {
      Count counter{std::vector<std::atomic<int>>(100)};
      void *captures[] = {&counter};
      vitya::runOnPool(pool, 100, Count::body, captures);
      for (std::atomic<int> &visits : counter.visits)
        ASSERT_EQ(visits.load(), 1);
    }
    vitya::destroyPool(pool);
  }).join();
}

// The submitting thread sleeps until a worker has completed the last chunk.
TEST(Pool, WaitsForSlowIterations) {
  struct Slow {
    static void body(void **captures, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(i == 0 ? 1 : 5));
        static_cast<std::atomic<int> *>(captures[0])->fetch_add(1);
      }
    }
  };
  for (int threads : {2, 3, 64}) {
    vitya::Pool *pool = vitya::createPool(threads);
    ASSERT_NE(pool, nullptr);
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::atomic<int> complete{0};
      void *captures[] = {&complete};
      vitya::runOnPool(pool, 3, Slow::body, captures);
      ASSERT_EQ(complete.load(), 3);
    }
    vitya::destroyPool(pool);
  }
}

/// A folder with control groups, which is removed at the end.
class Groups {
public:
  Groups() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitya-groups-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~Groups() { std::filesystem::remove_all(folder); }

  void write(const std::string &name, const std::string &text) const {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }

  int quota(const std::string &membership) const {
    write("membership", membership);
    return vitya::quotaProcessors((folder / "membership").c_str(), folder.c_str());
  }

private:
  std::filesystem::path folder;
};

TEST(Processors, QuotaOfVersion2) {
  Groups groups;
  EXPECT_EQ(groups.quota("0::/\n"), 0);
  groups.write("cpu.max", "max 100000\n");
  EXPECT_EQ(groups.quota("0::/\n"), 0);
  groups.write("cpu.max", "400000 100000\n");
  EXPECT_EQ(groups.quota("0::/\n"), 4);
  // A fraction is rounded up; the smallest quota of a group and its ancestors counts.
  groups.write("a/b/cpu.max", "150000 100000\n");
  EXPECT_EQ(groups.quota("0::/a/b\n"), 2);
  EXPECT_EQ(groups.quota("0::/a\n"), 4);
  groups.write("a/cpu.max", "10000 100000\n");
  EXPECT_EQ(groups.quota("0::/a/b\n"), 1);
  // A group of the host that a container does not see.
  EXPECT_EQ(groups.quota("0::/docker/0123\n"), 4);
  groups.write("cpu.max", "nonsense\n");
  EXPECT_EQ(groups.quota("0::/\n"), 0);
}

TEST(Processors, QuotaOfVersion1) {
  Groups groups;
  groups.write("cpu/cpu.cfs_quota_us", "-1\n");
  groups.write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(groups.quota("5:cpu,cpuacct:/a\n"), 0);
  groups.write("cpu/a/cpu.cfs_quota_us", "250000\n");
  groups.write("cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(groups.quota("7:memory:/\n5:cpu,cpuacct:/a\n0::/\n"), 3);
  EXPECT_EQ(groups.quota("5:cpuacct,cpu:/a\n"), 3);
  EXPECT_EQ(groups.quota("5:cpuset:/a\n"), 0);
  EXPECT_EQ(groups.quota("a line without colons\n"), 0);
}

TEST(Processors, NoControlGroups) {
  EXPECT_EQ(vitya::quotaProcessors("/nonexistent", "/sys/fs/cgroup"), 0);
  EXPECT_GE(vitya::availableProcessors(), 1);
}

TEST(Features, MissingOnesAreListed) {
  char missing[64] = "unchanged";
  EXPECT_FALSE(vitya::missingFeatures("", missing, sizeof(missing)));
  EXPECT_STREQ(missing, "");
  EXPECT_TRUE(vitya::missingFeatures("no-such  another", missing, sizeof(missing)));
  EXPECT_STREQ(missing, "no-such another");
  // Names are truncated if the buffer is too small.
  EXPECT_TRUE(vitya::missingFeatures("no-such another", missing, 6));
  EXPECT_STREQ(missing, "no-su");
#if defined(__x86_64__)
  // Every x86-64 processor has cmov; a prefix of a name is not the name.
  EXPECT_TRUE(vitya::hasFeature("cmov", 4));
  EXPECT_FALSE(vitya::hasFeature("cmov", 3));
  EXPECT_TRUE(vitya::missingFeatures("cmov no-such", missing, sizeof(missing)));
  EXPECT_STREQ(missing, "no-such");
#endif
}

TEST(PeakRate, IsMeasuredIfTheProcessorHasTheInstructions) {
  auto rateIsPositive = [](vitya::ElementType type) { return vitya::peakRate(type, 1e-3) > 0; };
  EXPECT_EQ(rateIsPositive(vitya::ElementType::f32), vitya::hasFeature("fma", 3) || vitya::hasFeature("avx512f", 7));
  EXPECT_EQ(rateIsPositive(vitya::ElementType::i8), vitya::hasFeature("avx2", 4));
}

} // namespace
