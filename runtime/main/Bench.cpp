// The `bench` command: measures latency and throughput, and compares them with the peak rate of the machine.
#include "runtime/main/BenchReport.h"
#include "runtime/main/Commands.h"
#include "runtime/main/TraceFile.h"
#include "runtime/threads/Processors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

namespace vitya {
namespace {

constexpr int64_t kMinRuns = 10, kMaxRuns = 1000;
/// Durations in seconds: of all runs together unless --runs is given, and of the warm-up.
constexpr double kRunSeconds = 3.0, kWarmUpSeconds = 0.2;
/// The largest batch of a sweep.
constexpr int64_t kLargestBatch = 128;

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

/// Runs batches of synthetic images again and again.
class Benchmark {
public:
  /// Batches have at most `maxBatch` images.
  Benchmark(const vitya_model &model, const Options &options, int64_t maxBatch)
      : model(model), session(openSession(model, options)), logits(allocateFloats(maxBatch * model.classes)),
        images{model.channels * model.height * model.width}, profile(model), fastest(model),
        isProfiled(options.profile), hasPeaks(!options.noPeaks) {
    if (!profile.layers || !fastest.layers)
      fail("expected memory for a profile, found too little");
    measurePeaks();
  }
  ~Benchmark() {
    free(logits);
    destroySession(session);
  }
  Benchmark(const Benchmark &) = delete;
  Benchmark &operator=(const Benchmark &) = delete;

  /// Warms up, then measures `runs` runs of `batch` images, or as many as fill kRunSeconds if it is 0. Of a cascade,
  /// measures its first model, and then as often both models.
  Result measure(int64_t batch, int64_t runs) {
    Result result{batch, runs, sessionThreads(session), {}, {}, {}};
    measureRuns(result, Deferral::none, result.latency);
    measurePeaks();
    result.peaks = peaks;
    if (model.cascade)
      measureRuns(result, Deferral::all, result.deferred);
    return result;
  }

  /// Writes what each thread does in one run of `batch` images to `path`. Exits on failure.
  void trace(int64_t batch, const char *path) {
    Trace trace(sessionThreads(session));
    if (trace.tracks)
      runBatch(session, SyntheticImages::read, &images, 0, batch, logits, {nullptr, &trace, Deferral::none});
    char error[1024];
    if (!writeTrace(model, trace, path, error, sizeof(error)))
      fail("%s", error);
  }

  /// Exits with 1 if the last run, of `batch` images, had a logit that is infinite or NaN.
  void checkLogits(int64_t batch) const {
    int64_t notFinite = 0;
    for (int64_t i = 0; i < batch; ++i)
      notFinite += !allFinite(logits + i * model.classes, model.classes);
    checkImages(notFinite, /*unreadable=*/0, batch);
  }

  /// The times of the fastest measured run; null unless runs are profiled.
  const Profile *times() const { return isProfiled ? &fastest : nullptr; }

private:
  /// Measures the runs of `result`, whose number it sets if it is 0. Afterwards `fastest` has the times of the fastest
  /// one if images are not deferred.
  void measureRuns(Result &result, Deferral deferral, Statistics &statistics) {
    double warm = warmUp(result.batch, deferral);
    if (!result.runs)
      result.runs = static_cast<int64_t>(fmin(fmax(kRunSeconds / warm, kMinRuns), kMaxRuns));
    auto *times = static_cast<double *>(malloc(result.runs * sizeof(double)));
    if (!times)
      fail("expected memory for --runs=%lld, found too little", static_cast<long long>(result.runs));
    double best = INFINITY;
    for (int64_t i = 0; i < result.runs; ++i)
      if ((times[i] = 1e3 * run(result.batch, deferral)) < best) {
        best = times[i];
        if (deferral == Deferral::none)
          fastest.copy(profile);
      }
    statistics = summarize(times, result.runs);
    free(times);
  }

  /// Runs a batch and returns the seconds it took. Afterwards `profile` has the times of this run, of the first model.
  double run(int64_t batch, Deferral deferral) {
    profile.clear();
    double start = now();
    runBatch(session, SyntheticImages::read, &images, 0, batch, logits,
             {isProfiled ? &profile : nullptr, nullptr, deferral});
    return now() - start;
  }

  /// Runs until caches and clock frequency have settled, and returns the seconds of the last run.
  double warmUp(int64_t batch, Deferral deferral) {
    double last = run(batch, deferral);
    for (double start = now(); now() - start < kWarmUpSeconds;)
      last = run(batch, deferral);
    return last;
  }

  void measurePeaks() {
    if (!hasPeaks)
      return;
    // Threads that share a processor share its peak rate.
    int processors = availableProcessors(), threads = sessionThreads(session);
    peaks.measure(model, sessionPool(session), threads < processors ? threads : processors, isProfiled);
  }

  const vitya_model &model;
  Session *session;
  float *logits;
  SyntheticImages images;
  Profile profile, fastest; ///< of the last run and of the fastest one
  Peaks peaks;              ///< the highest ones so far
  bool isProfiled, hasPeaks;
};

/// Measures batches of all powers of two up to kLargestBatch.
void runSweep(const vitya_model &model, const Options &options) {
  Benchmark benchmark(model, options, kLargestBatch);
  if (options.json)
    putchar('[');
  else
    printSweepHead(model);
  for (int64_t batch = 1; batch <= kLargestBatch; batch *= 2) {
    Result result = benchmark.measure(batch, options.runs);
    if (options.json) {
      fputs(batch > 1 ? ",\n " : "", stdout);
      printJson(model, result, nullptr);
    } else {
      printSweepLine(model, result);
    }
  }
  if (options.json)
    puts("]");
  finishOutput();
  benchmark.checkLogits(kLargestBatch);
}

} // namespace

void runBench(const vitya_model &model, const Options &options) {
  if (options.sweep)
    return runSweep(model, options);
  Benchmark benchmark(model, options, options.batch);
  Result result = benchmark.measure(options.batch, options.runs);
  if (options.trace)
    benchmark.trace(options.batch, options.trace);
  if (options.json) {
    printJson(model, result, benchmark.times());
    putchar('\n');
  } else {
    printText(model, result);
    if (options.profile)
      printProfile(model, result, *benchmark.times());
  }
  finishOutput();
  benchmark.checkLogits(options.batch);
}

} // namespace vitya
