// Tests of the thread pool and the detection of processor features.
#include "runtime/processor/Features.h"
#include "runtime/processor/Levels.h"
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

struct Count {
  std::vector<std::atomic<int>> visits;
  static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
    for (int64_t i = begin; i < end; ++i)
      static_cast<Count *>(captures[0])->visits[i].fetch_add(1);
  }
};

TEST(Pool, RunsEveryIterationOnce) {
  for (int threads : {1, 2, 5}) {
    vitya::Pool *pool = vitya::createPool(threads);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(vitya::poolThreads(pool), threads);
    for (int64_t count : {0, 1, 2, 64, 1000, 1024, 1025})
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

TEST(Pool, PassesEachThreadItsWorkspace) {
  static char workspaces[3 * 64];
  struct Check {
    static void body(void **captures, int64_t begin, int64_t end, void *workspace) {
      bool isOwn = workspace == workspaces + 64 * vitya::currentThread();
      static_cast<std::atomic<int64_t> *>(captures[0])->fetch_add(isOwn ? end - begin : 0);
    }
  };
  vitya::Pool *pool = vitya::createPool(3, workspaces, 64);
  ASSERT_NE(pool, nullptr);
  std::atomic<int64_t> iterations{0};
  void *captures[] = {&iterations};
  for (int repeat = 0; repeat < 2000; ++repeat)
    vitya::runOnPool(pool, 64, Check::body, captures);
  EXPECT_EQ(iterations.load(), 2000 * 64);
  vitya::destroyPool(pool);
}

TEST(Pool, SplitsALoopOfAsManyIterationsAsThreads) {
  struct Check {
    static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
      static_cast<std::atomic<int64_t> *>(captures[0])->fetch_add(end - begin == 1);
    }
  };
  vitya::Pool *pool = vitya::createPool(100);
  ASSERT_NE(pool, nullptr);
  std::atomic<int64_t> single{0};
  void *captures[] = {&single};
  vitya::runOnPool(pool, 100, Check::body, captures);
  EXPECT_EQ(single.load(), 100);
  vitya::destroyPool(pool);
}

// The submitting thread sleeps until a worker has completed the last chunk.
TEST(Pool, WaitsForSlowIterations) {
  struct Slow {
    static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
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

TEST(Trace, MergesEventsOfOneLaunch) {
  vitya::Trace trace(2);
  ASSERT_NE(trace.tracks, nullptr);
  trace.add(1, {0, 3, Count::body, /*launch=*/10, 12, 14});
  trace.add(1, {0, 3, Count::body, /*launch=*/10, 15, 17});
  trace.add(0, {0, 3, Count::body, /*launch=*/10, 11, 16});
  trace.add(1, {0, 3, Count::body, /*launch=*/20, 21, 22});
  ASSERT_EQ(trace.tracks[0].count, 1);
  ASSERT_EQ(trace.tracks[1].count, 2);
  EXPECT_EQ(trace.tracks[1].events[0].begin, 12);
  EXPECT_EQ(trace.tracks[1].events[0].end, 17);
  EXPECT_EQ(trace.tracks[1].events[1].begin, 21);
  for (int i = 0; i < 5000; ++i)
    trace.add(0, {i, 0, Count::body, /*launch=*/100 + i, 100 + i, 101 + i});
  EXPECT_EQ(trace.tracks[0].count, 5001);
  EXPECT_EQ(trace.tracks[0].events[5000].image, 4999);
  EXPECT_FALSE(trace.tracks[0].isIncomplete);
}

TEST(Profile, AddsTimesOfLayersAndKernels) {
  vitya_body other = [](void **, int64_t, int64_t, void *) {};
  vitya_kernel kernels[] = {{"count", Count::body, VITYA_F32, 0, 0}};
  vitya_model model{};
  model.layer_count = 2;
  model.kernel_count = 1;
  model.kernels = kernels;
  vitya::Profile profile(model);
  ASSERT_NE(profile.layers, nullptr);
  profile.add(1, Count::body, 5);
  profile.add(0, Count::body, 7);
  profile.add(1, other, 11);
  EXPECT_EQ(profile.layers[0].nanoseconds, 7);
  EXPECT_EQ(profile.layers[1].nanoseconds, 16);
  EXPECT_EQ(profile.layers[1].launches, 2);
  EXPECT_EQ(profile.kernels[0].nanoseconds, 12);
  EXPECT_EQ(profile.kernels[0].launches, 2);
  profile.clear();
  EXPECT_EQ(profile.layers[1].nanoseconds + profile.kernels[0].launches, 0);
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

TEST(CopyRate, IsMeasured) { EXPECT_GT(vitya::copyRate(1e-3), 0); }

/// Levels that need what each processor has, nothing, or what none has.
class Levels : public testing::Test {
protected:
  Levels() {
    unsetenv("VITYA_LEVEL");
    any.cpu = "any";
    any.required_features = "";
    best.cpu = "best";
    best.required_features = "";
    later.cpu = "later";
    later.required_features = "no-such";
  }
  ~Levels() override { unsetenv("VITYA_LEVEL"); }

  vitya_model any{}, best{}, later{};
  char error[128] = "unchanged";
};

TEST_F(Levels, LastOneThatFitsIsChosen) {
  const vitya_model *const levels[] = {&any, &best, &later, nullptr}, *const none[] = {&later, nullptr};
  EXPECT_EQ(vitya::chooseLevel(levels, error, sizeof(error)), &best);
  EXPECT_EQ(vitya::chooseLevel(none, error, sizeof(error)), &later);
}

TEST_F(Levels, EnvironmentChooses) {
  const vitya_model *const levels[] = {&any, &best, &later, nullptr};
  setenv("VITYA_LEVEL", "any", 1);
  EXPECT_EQ(vitya::chooseLevel(levels, error, sizeof(error)), &any);
  setenv("VITYA_LEVEL", "later", 1);
  EXPECT_EQ(vitya::chooseLevel(levels, error, sizeof(error)), &later);
  setenv("VITYA_LEVEL", "abacus", 1);
  EXPECT_EQ(vitya::chooseLevel(levels, error, sizeof(error)), nullptr);
  EXPECT_STREQ(error, "expected VITYA_LEVEL to be one of any, best, later, found 'abacus'");
}

#if defined(__x86_64__)
TEST(PeakRate, IsMeasuredForAllKinds) {
  for (vitya::MultiplyAdd kind :
       {vitya::MultiplyAdd::f32, vitya::MultiplyAdd::i8, vitya::MultiplyAdd::shortSums1, vitya::MultiplyAdd::shortSums2,
        vitya::MultiplyAdd::shortSums4, vitya::MultiplyAdd::shortSums8, vitya::MultiplyAdd::bf16})
    EXPECT_GT(vitya::peakRate(kind, 1e-3), 0);
}
#endif

} // namespace
