// The `bench` command: measures latency and throughput, and compares them with the peak rate of the machine.
#include "runtime/main/Commands.h"
#include "runtime/processor/PeakRate.h"
#include "runtime/threads/Processors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

namespace vitya {
namespace {

constexpr int64_t kMinRuns = 10, kMaxRuns = 1000;
/// Durations in seconds: of all runs together unless --runs is given, of the warm-up, of one measurement of the peak
/// rate.
constexpr double kRunSeconds = 3.0, kWarmUpSeconds = 0.2, kPeakSeconds = 0.2;

/// Pseudorandom images, the same in every run, from a linear congruential generator (Knuth's MMIX).
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

/// Statistics of the latency of one batch, in milliseconds.
struct Statistics {
  double min, mean, std, p50, p90, p99;
};

int compare(const void *a, const void *b) {
  double x = *static_cast<const double *>(a), y = *static_cast<const double *>(b);
  return (x > y) - (x < y);
}

/// Computes the statistics of `times`, which it sorts. A quantile is the smallest time that at least this share of the
/// runs did not exceed.
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

/// Returns the sum of the peak rates of `threads` threads that run at the same time, in 10^9 operations per second.
double measurePeak(MultiplyAdd kind, int threads) {
  struct Peak {
    static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
      for (int64_t i = begin; i < end; ++i)
        static_cast<double *>(captures[0])[i] = peakRate(*static_cast<MultiplyAdd *>(captures[1]), kPeakSeconds);
    }
  };
  auto *rates = static_cast<double *>(calloc(threads, sizeof(double)));
  Pool *pool = createPool(threads);
  if (!rates || !pool)
    fail("expected memory and threads for --threads=%d, found too little", threads);
  void *captures[] = {rates, &kind};
  runOnPool(pool, threads, Peak::body, captures);
  double sum = 0;
  for (int i = 0; i < threads; ++i)
    sum += rates[i];
  destroyPool(pool);
  free(rates);
  return sum;
}

constexpr int kKinds = 6; ///< of MultiplyAdd

/// The multiply-adds of one image by kind.
struct Work {
  double counts[kKinds];

  explicit Work(const vitya_model &model)
      : counts{double(model.multiply_adds - model.integer_multiply_adds), double(model.integer_multiply_adds)} {
    double *integers = counts + int(MultiplyAdd::i8), *sums = counts + int(MultiplyAdd::shortSums1);
    for (int i = 0; i < 4; ++i) {
      sums[i] = model.short_sum_multiply_adds[i];
      *integers -= sums[i];
    }
  }
};

/// The peak rates of this machine by kind, in 10^9 operations per second; 0 if unknown. Those of integers are only
/// measured if the model has multiply-adds of that kind.
struct Peaks {
  double rates[kKinds] = {};

  /// Measures the rates once more and keeps the higher ones.
  void measure(const vitya_model &model, int threads) {
    Work work(model);
    for (int i = 0; i < kKinds; ++i)
      if (MultiplyAdd(i) == MultiplyAdd::f32 || work.counts[i] > 0)
        rates[i] = fmax(rates[i], measurePeak(MultiplyAdd(i), threads));
  }

  /// Returns the time of one image at the peak rates, in seconds; 0 if they are unknown.
  double limit(const vitya_model &model) const {
    Work work(model);
    double seconds = 0;
    for (int i = 0; i < kKinds; ++i)
      if (rates[i] > 0)
        seconds += 2e-9 * work.counts[i] / rates[i];
    return seconds;
  }

  double f32() const { return rates[int(MultiplyAdd::f32)]; }

  /// The peak rate of all integer multiply-adds of the model together; 0 if it has none.
  double integers(const vitya_model &model) const {
    double f32Seconds = f32() > 0 ? 2e-9 * Work(model).counts[int(MultiplyAdd::f32)] / f32() : 0;
    double seconds = limit(model) - f32Seconds;
    return model.integer_multiply_adds > 0 && seconds > 0 ? 2e-9 * model.integer_multiply_adds / seconds : 0;
  }
};

/// The results of a benchmark.
struct Result {
  int64_t batch, runs;
  int threads;
  Statistics latency;
  Peaks peaks;

  /// Images per second in the fastest run.
  double rate() const { return batch / (latency.min * 1e-3); }
  double gflops(const vitya_model &model) const { return 2e-9 * model.multiply_adds * rate(); }
  double shareOfPeak(const vitya_model &model) const { return peaks.limit(model) * rate(); }
};

void printJson(const vitya_model &model, const Result &result) {
  const Statistics &latency = result.latency;
  printf("{\"batch\": %lld, \"threads\": %d, \"runs\": %lld, \"latency_ms\": {\"min\": %.6f, \"mean\": %.6f, "
         "\"std\": %.6f, \"p50\": %.6f, \"p90\": %.6f, \"p99\": %.6f}, \"images_per_second\": %.3f, ",
         static_cast<long long>(result.batch), result.threads, static_cast<long long>(result.runs), latency.min,
         latency.mean, latency.std, latency.p50, latency.p90, latency.p99, result.rate());
  printf("\"multiply_adds\": %lld, \"integer_multiply_adds\": %lld, \"gflops\": %.3f, \"peak_gflops\": %.3f, "
         "\"integer_peak_gflops\": %.3f, \"share_of_peak\": %.4f}\n",
         static_cast<long long>(model.multiply_adds), static_cast<long long>(model.integer_multiply_adds),
         result.gflops(model), result.peaks.f32(), result.peaks.integers(model), result.shareOfPeak(model));
}

void printText(const vitya_model &model, const Result &result) {
  const Statistics &latency = result.latency;
  printf("batch %lld, %d threads, %lld runs\n", static_cast<long long>(result.batch), result.threads,
         static_cast<long long>(result.runs));
  printf("latency      %.3f ms min, %.3f mean, %.3f std, %.3f p50, %.3f p90, %.3f p99\n", latency.min, latency.mean,
         latency.std, latency.p50, latency.p90, latency.p99);
  printf("throughput   %.1f images/s (best run)\n", result.rate());
  printf("arithmetic   %.1f million multiply-adds an image, %.1f GFLOP/s", model.multiply_adds * 1e-6,
         result.gflops(model));
  if (result.peaks.f32() > 0)
    printf(", %.1f %% of the register-only peak of %.1f", 100 * result.shareOfPeak(model), result.peaks.f32());
  if (result.peaks.integers(model) > 0)
    printf(", %.1f with integers", result.peaks.integers(model));
  putchar('\n');
}

/// Prints the time of each layer, slowest first; clears `profile`.
void printProfile(const vitya_model &model, const Profile &profile, int64_t images) {
  int64_t total = 0;
  for (int64_t i = 0; i < model.layer_count; ++i)
    total += profile.nanoseconds[i];
  printf("\n%-36s %12s %8s\n", "layer", "us an image", "share");
  // Selection sort: a model has about a hundred layers.
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

/// Runs one batch of synthetic images again and again.
class Benchmark {
public:
  Benchmark(const vitya_model &model, const Options &options)
      : model(model), session(openSession(model, options)), batch(options.batch),
        logits(allocateFloats(batch * model.classes)), images{model.channels * model.height * model.width},
        profile{static_cast<int64_t *>(calloc(model.layer_count, sizeof(int64_t)))}, isProfiled(options.profile) {}
  ~Benchmark() {
    free(profile.nanoseconds);
    free(logits);
    destroySession(session);
  }
  Benchmark(const Benchmark &) = delete;
  Benchmark &operator=(const Benchmark &) = delete;

  /// Warms up, then measures `runs` runs, or as many as fill kRunSeconds if it is 0.
  Result measure(int64_t runs) {
    double warm = warmUp();
    if (!runs)
      runs = static_cast<int64_t>(fmin(fmax(kRunSeconds / warm, kMinRuns), kMaxRuns));
    auto *times = static_cast<double *>(malloc(runs * sizeof(double)));
    if (!times)
      fail("expected memory for --runs=%lld, found too little", static_cast<long long>(runs));
    Result result{batch, runs, sessionThreads(session), {}, {}};
    // Threads that share a processor share its peak rate.
    int processors = availableProcessors(), peakThreads = result.threads < processors ? result.threads : processors;
    result.peaks.measure(model, peakThreads);
    for (int64_t i = 0; i < runs; ++i)
      times[i] = 1e3 * run();
    result.peaks.measure(model, peakThreads);
    result.latency = summarize(times, runs);
    free(times);
    return result;
  }

  /// Returns the number of images of the last run that have a logit that is infinite or NaN.
  int64_t notFinite() const {
    int64_t images = 0;
    for (int64_t i = 0; i < batch; ++i)
      images += !allFinite(logits + i * model.classes, model.classes);
    return images;
  }

  /// The time spent in each layer in the measured runs.
  const Profile &layerTimes() const { return profile; }

private:
  /// Runs the batch and returns the seconds it took.
  double run() {
    double start = now();
    runBatch(session, SyntheticImages::read, &images, 0, batch, logits, isProfiled ? &profile : nullptr);
    return now() - start;
  }

  /// Runs until caches and clock frequency have settled, resets the profile, and returns the seconds of the last run.
  double warmUp() {
    double last = run();
    for (double start = now(); now() - start < kWarmUpSeconds;)
      last = run();
    for (int64_t i = 0; i < model.layer_count; ++i)
      profile.nanoseconds[i] = 0;
    return last;
  }

  const vitya_model &model;
  Session *session;
  int64_t batch;
  float *logits;
  SyntheticImages images;
  Profile profile;
  bool isProfiled;
};

} // namespace

void runBench(const vitya_model &model, const Options &options) {
  Benchmark benchmark(model, options);
  Result result = benchmark.measure(options.runs);
  if (options.json)
    printJson(model, result);
  else
    printText(model, result);
  if (options.profile && !options.json)
    printProfile(model, benchmark.layerTimes(), result.runs * result.batch);
  finishOutput();
  checkImages(benchmark.notFinite(), /*unreadable=*/0, result.batch);
}

} // namespace vitya
