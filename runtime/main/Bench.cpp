// bench: latency, throughput, and how far from the machine's limit they are.
#include "runtime/main/Commands.h"
#include "runtime/processor/Processor.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

namespace vitya {
namespace {

constexpr int64_t kDefaultBatch = 32, kLeastRuns = 10, kMostRuns = 1000;
constexpr double kSeconds = 3.0, kPeakSeconds = 0.2;

/// Images that differ from each other but not from run to run: a linear congruential generator (Knuth's MMIX).
struct SyntheticImages {
  int64_t pixels;
  static void read(void *data, int64_t index, float *image) {
    uint64_t state = index * 0x9E3779B97F4A7C15u + 1;
    for (int64_t i = 0, n = static_cast<SyntheticImages *>(data)->pixels; i < n; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      image[i] = static_cast<float>(state >> 40) * 0x1p-24f;
    }
  }
};

struct Statistics {
  double min, mean, std, p50, p90, p99;
};

int compare(const void *a, const void *b) {
  double x = *static_cast<const double *>(a), y = *static_cast<const double *>(b);
  return (x > y) - (x < y);
}

/// Of `times`, which are sorted on return. Quantiles are the smallest time that so many runs did not exceed.
Statistics summarize(double *times, int64_t runs) {
  qsort(times, runs, sizeof(double), compare);
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < runs; ++i)
    sum += times[i];
  double mean = sum / runs;
  for (int64_t i = 0; i < runs; ++i)
    squares += (times[i] - mean) * (times[i] - mean);
  auto quantile = [&](double share) {
    int64_t index = static_cast<int64_t>(ceil(share * runs)) - 1;
    return times[index < 0 ? 0 : index];
  };
  return {times[0], mean, runs > 1 ? sqrt(squares / (runs - 1)) : 0, quantile(0.5), quantile(0.9), quantile(0.99)};
}

/// What registers alone reach: the sum over the pool's threads, all of them busy.
double measurePeak(Numbers numbers, int threads) {
  struct Peak {
    static void body(void **captures, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        static_cast<double *>(captures[0])[i] = peakRate(*static_cast<Numbers *>(captures[1]), kPeakSeconds);
    }
  };
  auto *rates = static_cast<double *>(calloc(threads, sizeof(double)));
  Pool *pool = createPool(threads);
  if (!rates || !pool)
    fail("expected memory and threads for --threads=%d, found too little", threads);
  void *captures[] = {rates, &numbers};
  runOnPool(pool, threads, Peak::body, captures);
  double sum = 0;
  for (int i = 0; i < threads; ++i)
    sum += rates[i];
  destroyPool(pool);
  free(rates);
  return sum;
}

/// The limits of this machine, in 10^9 operations a second; none of bytes where `model` has no products of integers.
struct Peaks {
  double floats = 0, bytes = 0;

  void measure(const vitya_model &model, int threads) {
    floats = fmax(floats, measurePeak(Numbers::floats, threads));
    if (model.integer_multiply_adds > 0)
      bytes = fmax(bytes, measurePeak(Numbers::bytes, threads));
  }

  /// The share of the limit that `seconds` for one image are; 0 where the limit is unknown.
  double share(const vitya_model &model, double seconds) const {
    double least = 0;
    if (floats > 0)
      least += 2e-9 * (model.multiply_adds - model.integer_multiply_adds) / floats;
    if (bytes > 0)
      least += 2e-9 * model.integer_multiply_adds / bytes;
    return least / seconds;
  }
};

void printProfile(const vitya_model &model, const Profile &profile, int64_t images) {
  // Selection by repeated maximum: there are a hundred layers or so.
  int64_t total = 0;
  for (int64_t i = 0; i < model.layer_count; ++i)
    total += profile.nanoseconds[i];
  printf("\n%-36s %12s %8s\n", "layer", "us an image", "share");
  for (int64_t n = 0; n < model.layer_count; ++n) {
    int64_t slowest = 0;
    for (int64_t i = 1; i < model.layer_count; ++i)
      if (profile.nanoseconds[i] > profile.nanoseconds[slowest])
        slowest = i;
    printf("%-36s %12.2f %7.2f%%\n", model.layer_names[slowest], profile.nanoseconds[slowest] * 1e-3 / images,
           100.0 * profile.nanoseconds[slowest] / total);
    profile.nanoseconds[slowest] = -1;
  }
}

} // namespace

void runBench(const vitya_model &model, const Options &options) {
  Session *session = openSession(model, options);
  int threads = sessionThreads(session);
  int64_t batch = options.batch ? options.batch : kDefaultBatch;
  float *logits = allocateFloats(batch * model.classes);
  SyntheticImages images{model.channels * model.height * model.width};
  Profile profile{static_cast<int64_t *>(calloc(model.layer_count, sizeof(int64_t)))};
  Profile *profiled = options.profile ? &profile : nullptr;
  auto run = [&] {
    double start = now();
    runBatch(session, SyntheticImages::read, &images, 0, batch, logits, profiled);
    return now() - start;
  };

  double warm = run();
  for (double start = now(); now() - start < 0.2;)
    warm = run();
  int64_t runs = options.runs;
  if (!runs) {
    double wanted = kSeconds / warm;
    runs = wanted < kLeastRuns ? kLeastRuns : wanted > kMostRuns ? kMostRuns : static_cast<int64_t>(wanted);
  }
  for (int64_t i = 0; i < model.layer_count; ++i)
    profile.nanoseconds[i] = 0;
  auto *times = static_cast<double *>(malloc(runs * sizeof(double)));
  if (!times)
    fail("expected memory for --runs=%lld, found too little", static_cast<long long>(runs));
  Peaks peaks;
  peaks.measure(model, threads);
  for (int64_t i = 0; i < runs; ++i)
    times[i] = 1e3 * run();
  peaks.measure(model, threads);
  Statistics latency = summarize(times, runs);
  double rate = batch / (latency.min * 1e-3), gflops = 2e-9 * model.multiply_adds * rate,
         share = peaks.share(model, 1 / rate);
  if (options.json) {
    printf("{\"batch\": %lld, \"threads\": %d, \"runs\": %lld, \"latency_ms\": {\"min\": %.6f, \"mean\": %.6f, "
           "\"std\": %.6f, \"p50\": %.6f, \"p90\": %.6f, \"p99\": %.6f}, \"images_per_second\": %.3f, "
           "\"multiply_adds\": %lld, \"integer_multiply_adds\": %lld, \"gflops\": %.3f, \"peak_gflops\": %.3f, "
           "\"integer_peak_gflops\": %.3f, \"share_of_peak\": %.4f}\n",
           static_cast<long long>(batch), threads, static_cast<long long>(runs), latency.min, latency.mean, latency.std,
           latency.p50, latency.p90, latency.p99, rate, static_cast<long long>(model.multiply_adds),
           static_cast<long long>(model.integer_multiply_adds), gflops, peaks.floats, peaks.bytes, share);
  } else {
    printf("batch %lld, %d threads, %lld runs\n", static_cast<long long>(batch), threads, static_cast<long long>(runs));
    printf("latency      %.3f ms min, %.3f mean, %.3f std, %.3f p50, %.3f p90, %.3f p99\n", latency.min, latency.mean,
           latency.std, latency.p50, latency.p90, latency.p99);
    printf("throughput   %.1f images/s (best run)\n", rate);
    printf("arithmetic   %.1f million multiply-adds an image, %.1f GFLOP/s", model.multiply_adds * 1e-6, gflops);
    if (peaks.floats > 0)
      printf(", %.1f %% of what registers alone reach: %.1f", 100 * share, peaks.floats);
    if (peaks.bytes > 0)
      printf(", %.1f with integers", peaks.bytes);
    putchar('\n');
    if (options.profile)
      printProfile(model, profile, runs * batch);
  }
  free(times);
  free(profile.nanoseconds);
  free(logits);
  destroySession(session);
}

} // namespace vitya
