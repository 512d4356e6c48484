// Computes and prints the results of the `bench` command.
#include "runtime/main/BenchReport.h"
#include "runtime/main/Commands.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {
namespace {

/// The seconds of one measurement of a peak rate.
constexpr double kPeakSeconds = 0.2;

int compare(const void *a, const void *b) {
  double x = *static_cast<const double *>(a), y = *static_cast<const double *>(b);
  return (x > y) - (x < y);
}

/// Measures a rate on `threads` threads of `pool` at the same time, each by `measure(kind)`, and returns the sum.
double measureOnPool(Pool *pool, int threads, double (*measure)(int kind), int kind) {
  struct Loop {
    double *rates, (*measure)(int);
    int kind;
    static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
      auto *loop = static_cast<Loop *>(captures[0]);
      for (int64_t i = begin; i < end; ++i)
        loop->rates[i] = loop->measure(loop->kind);
    }
  };
  Loop loop{static_cast<double *>(calloc(threads, sizeof(double))), measure, kind};
  if (!loop.rates)
    fail("expected memory for --threads=%d, found too little", threads);
  void *captures[] = {&loop};
  runOnPool(pool, threads, Loop::body, captures);
  double sum = 0;
  for (int i = 0; i < threads; ++i)
    sum += loop.rates[i];
  free(loop.rates);
  return sum;
}

/// The multiply-adds of one image by kind.
struct Work {
  double counts[Peaks::kKinds];

  explicit Work(const vitya_model &model)
      : counts{double(model.multiply_adds - model.integer_multiply_adds - model.bf16_multiply_adds),
               double(model.integer_multiply_adds)} {
    counts[int(MultiplyAdd::bf16)] = model.bf16_multiply_adds;
    double *integers = counts + int(MultiplyAdd::i8), *sums = counts + int(MultiplyAdd::shortSums1);
    for (int i = 0; i < 4; ++i) {
      sums[i] = model.short_sum_multiply_adds[i];
      *integers -= sums[i];
    }
  }
};

/// Whether the model or one of its kernels has multiply-adds of `kind`. A kernel may not make use of proven short sums.
bool hasMultiplyAdds(const vitya_model &model, int kind) {
  bool has = Work(model).counts[kind] > 0;
  for (int64_t i = 0; i < model.kernel_count; ++i)
    has |= model.kernels[i].products == kind && model.kernels[i].multiply_adds > 0;
  return has;
}

/// A line of a profile.
struct Line {
  const char *name;
  int64_t nanoseconds, launches;
  double limit; ///< the seconds that all launches take at the peak rates; 0 if unknown

  static int compareTimes(const void *a, const void *b) {
    int64_t x = static_cast<const Line *>(a)->nanoseconds, y = static_cast<const Line *>(b)->nanoseconds;
    return (x < y) - (x > y);
  }
};

/// The lines of a profile, slowest first.
struct Lines {
  Line *lines;
  int64_t count = 0;

  explicit Lines(int64_t capacity) : lines(static_cast<Line *>(malloc((capacity + 1) * sizeof(Line)))) {
    if (!lines)
      fail("expected memory for --profile, found too little");
  }
  ~Lines() { free(lines); }
  Lines(const Lines &) = delete;
  Lines &operator=(const Lines &) = delete;

  void sort() { qsort(lines, count, sizeof(Line), Line::compareTimes); }
};

/// The loops of one kernel make one line.
void collectKernels(const Profile &profile, const Peaks &peaks, Lines &result) {
  for (int64_t i = 0; i < profile.model.kernel_count; ++i) {
    const vitya_kernel &kernel = profile.model.kernels[i];
    const Profile::Time &time = profile.kernels[i];
    Line *line = result.lines, *end = line + result.count;
    while (line != end && strcmp(line->name, kernel.name) != 0)
      ++line;
    if (line == end) {
      *line = {kernel.name, 0, 0, 0};
      ++result.count;
    }
    line->nanoseconds += time.nanoseconds;
    line->launches += time.launches;
    line->limit += time.launches * peaks.limit(kernel);
  }
  result.sort();
}

void collectLayers(const Profile &profile, Lines &result) {
  for (int64_t i = 0; i < profile.model.layer_count; ++i)
    result.lines[result.count++] = {profile.model.layer_names[i], profile.layers[i].nanoseconds,
                                    profile.layers[i].launches, 0};
  result.sort();
}

void printLines(const char *head, const Lines &lines, const Result &result, bool withLimits) {
  int64_t images = result.batch;
  double total = 1e-3 * result.latency.min;
  printf("\n%-44s %8s %12s %8s%s\n", head, "loops", "us an image", "share", withLimits ? "  share of the limit" : "");
  auto print = [&](const char *name, double seconds) {
    printf("%-44s %8s %12.2f %7.2f%%\n", name, "", 1e6 * seconds / images, 100 * seconds / total);
  };
  double sum = 0;
  for (int64_t i = 0; i < lines.count; ++i) {
    const Line &line = lines.lines[i];
    double seconds = 1e-9 * line.nanoseconds;
    sum += seconds;
    printf("%-44s %8lld %12.2f %7.2f%%", line.name, static_cast<long long>(line.launches / images),
           1e6 * seconds / images, 100 * seconds / total);
    if (line.limit > 0 && seconds > 0)
      printf(" %17.1f %%", 100 * line.limit / seconds);
    putchar('\n');
  }
  if (withLimits)
    print("outside of loops", total - sum);
}

void printJsonLines(const char *name, const Lines &lines, const Result &result) {
  int64_t images = result.batch;
  double total = 1e-3 * result.latency.min;
  printf(", \"%s\": [", name);
  for (int64_t i = 0; i < lines.count; ++i) {
    const Line &line = lines.lines[i];
    double seconds = 1e-9 * line.nanoseconds;
    fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
    printJsonString(line.name);
    printf(", \"loops\": %lld, \"microseconds\": %.3f, \"share\": %.6f", static_cast<long long>(line.launches / images),
           1e6 * seconds / images, seconds / total);
    if (line.limit > 0 && seconds > 0)
      printf(", \"share_of_limit\": %.4f", line.limit / seconds);
    putchar('}');
  }
  putchar(']');
}

void printStatistics(const char *name, const Statistics &latency) {
  printf("%-12s %.3f ms min, %.3f mean, %.3f std, %.3f p50, %.3f p90, %.3f p99\n", name, latency.min, latency.mean,
         latency.std, latency.p50, latency.p90, latency.p99);
}

void printJsonStatistics(const char *name, const Statistics &latency) {
  printf("\"%s\": {\"min\": %.6f, \"mean\": %.6f, \"std\": %.6f, \"p50\": %.6f, \"p90\": %.6f, \"p99\": %.6f}, ", name,
         latency.min, latency.mean, latency.std, latency.p50, latency.p90, latency.p99);
}

} // namespace

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

void Peaks::measure(const vitya_model &model, Pool *pool, int threads, bool withCopies) {
  auto peak = [](int kind) { return peakRate(MultiplyAdd(kind), kPeakSeconds); };
  for (int i = 0; i < kKinds; ++i)
    if (MultiplyAdd(i) == MultiplyAdd::f32 || hasMultiplyAdds(model, i))
      rates[i] = fmax(rates[i], measureOnPool(pool, threads, peak, i));
  if (withCopies)
    copies = fmax(copies, measureOnPool(pool, threads, [](int) { return copyRate(kPeakSeconds); }, 0));
}

/// Returns the seconds of the multiply-adds of `kind` of one image at the peak rates.
static double secondsOf(const Peaks &peaks, const vitya_model &model, int kind) {
  return peaks.rates[kind] > 0 ? 2e-9 * Work(model).counts[kind] / peaks.rates[kind] : 0;
}

double Peaks::limit(const vitya_model &model) const {
  double seconds = 0;
  for (int i = 0; i < kKinds; ++i)
    seconds += secondsOf(*this, model, i);
  return seconds;
}

double Peaks::limit(const vitya_kernel &kernel) const {
  double rate = rates[kernel.products];
  if (kernel.multiply_adds > 0 && rate == 0)
    return 0;
  double products = kernel.multiply_adds > 0 ? 2e-9 * kernel.multiply_adds / rate : 0;
  return fmax(products, copies > 0 ? 1e-9 * kernel.bytes / copies : 0);
}

double Peaks::integers(const vitya_model &model) const {
  double seconds =
      limit(model) - secondsOf(*this, model, int(MultiplyAdd::f32)) - secondsOf(*this, model, int(MultiplyAdd::bf16));
  return model.integer_multiply_adds > 0 && seconds > 0 ? 2e-9 * model.integer_multiply_adds / seconds : 0;
}

/// The shortest time of a batch of a cascade, in milliseconds, if as many images are deferred as of the held-out ones.
/// NaN if the compiler ran none.
static double expectedLatency(const vitya_model &model, const Result &result) {
  const vitya_cascade &cascade = *model.cascade;
  if (cascade.images == 0)
    return NAN;
  double share = static_cast<double>(cascade.deferrals) / cascade.images;
  return result.latency.min + share * (result.deferred.min - result.latency.min);
}

void printText(const vitya_model &model, const Result &result) {
  printf("batch %lld, %d threads, %lld runs, code for %s\n", static_cast<long long>(result.batch), result.threads,
         static_cast<long long>(result.runs), model.cpu);
  printStatistics("latency", result.latency);
  printf("throughput   %.1f images/s (best run)\n", result.rate());
  printf("arithmetic   %.1f million multiply-adds an image, %.1f GFLOP/s", model.multiply_adds * 1e-6,
         result.gflops(model));
  if (result.peaks.f32() > 0)
    printf(", %.1f %% of the register-only peak of %.1f", 100 * result.shareOfPeak(model), result.peaks.f32());
  if (result.peaks.integers(model) > 0)
    printf(", %.1f with integers", result.peaks.integers(model));
  if (result.peaks.bf16() > 0)
    printf(", %.1f with bf16", result.peaks.bf16());
  putchar('\n');
  if (!model.cascade)
    return;
  puts("The above is the first model of the cascade. If it defers all images to the dense one, both take:");
  printStatistics("deferred", result.deferred);
  const vitya_cascade &cascade = *model.cascade;
  if (cascade.images > 0)
    printf("expected     %.3f ms min, as %.2f %% of images are deferred (%lld of %lld held-out images)\n",
           expectedLatency(model, result), 100.0 * cascade.deferrals / cascade.images,
           static_cast<long long>(cascade.deferrals), static_cast<long long>(cascade.images));
}

void printJson(const vitya_model &model, const Result &result, const Profile *profile) {
  printf("{\"cpu\": \"%s\", ", model.cpu);
  printf("\"batch\": %lld, \"threads\": %d, \"runs\": %lld, ", static_cast<long long>(result.batch), result.threads,
         static_cast<long long>(result.runs));
  printJsonStatistics("latency_ms", result.latency);
  printf("\"images_per_second\": %.3f, ", result.rate());
  if (model.cascade) {
    printJsonStatistics("deferred_latency_ms", result.deferred);
    if (model.cascade->images > 0)
      printf("\"expected_latency_ms\": %.6f, ", expectedLatency(model, result));
  }
  printf("\"multiply_adds\": %lld, \"integer_multiply_adds\": %lld, \"gflops\": %.3f, \"peak_gflops\": %.3f, "
         "\"integer_peak_gflops\": %.3f, \"bf16_multiply_adds\": %lld, \"bf16_peak_gflops\": %.3f, \"share_of_peak\": "
         "%.4f",
         static_cast<long long>(model.multiply_adds), static_cast<long long>(model.integer_multiply_adds),
         result.gflops(model), result.peaks.f32(), result.peaks.integers(model),
         static_cast<long long>(model.bf16_multiply_adds), result.peaks.bf16(), result.shareOfPeak(model));
  if (profile) {
    Lines kernels(model.kernel_count), layers(model.layer_count);
    collectKernels(*profile, result.peaks, kernels);
    collectLayers(*profile, layers);
    printf(", \"copy_gigabytes_per_second\": %.3f", result.peaks.copies);
    printJsonLines("kernels", kernels, result);
    printJsonLines("layers", layers, result);
  }
  putchar('}');
}

void printProfile(const vitya_model &model, const Result &result, const Profile &profile) {
  Lines kernels(model.kernel_count), layers(model.layer_count);
  collectKernels(profile, result.peaks, kernels);
  collectLayers(profile, layers);
  printLines("kernel", kernels, result, /*withLimits=*/true);
  printLines("layer", layers, result, /*withLimits=*/false);
}

void printSweepHead(const vitya_model &model) {
  printf("%6s %12s %12s %20s%s\n", "batch", "ms (best)", "images/s", "share of the limit",
         model.cascade ? "  ms if all are deferred" : "");
}

void printSweepLine(const vitya_model &model, const Result &result) {
  printf("%6lld %12.3f %12.1f", static_cast<long long>(result.batch), result.latency.min, result.rate());
  if (result.peaks.f32() > 0)
    printf(" %18.1f %%", 100 * result.shareOfPeak(model));
  else if (model.cascade)
    printf(" %20s", "-");
  if (model.cascade)
    printf(" %23.3f", result.deferred.min);
  putchar('\n');
  fflush(stdout);
}

} // namespace vitya
