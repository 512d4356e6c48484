// The results of the `bench` command: what a run took, compared with the least time that the processor needs for it.
#ifndef VITYA_RUNTIME_MAIN_BENCHREPORT_H
#define VITYA_RUNTIME_MAIN_BENCHREPORT_H

#include "runtime/Abi.h"
#include "runtime/processor/PeakRate.h"
#include "runtime/threads/Pool.h"
#include <stdint.h>

namespace vitya {

/// Statistics of the latency of one batch, in milliseconds.
struct Statistics {
  double min, mean, std, p50, p90, p99;
};

/// Computes the statistics of `times`, which it sorts. A quantile is the smallest time that at least this share of the
/// runs did not exceed.
Statistics summarize(double *times, int64_t runs);

/// The peak rates of this machine, those of all threads added up; 0 if unknown.
struct Peaks {
  static constexpr int kKinds = 7; ///< of MultiplyAdd

  /// In 10^9 operations per second, by kind. Those but f32 are only measured if the model has multiply-adds of that
  /// kind.
  double rates[kKinds] = {};
  double copies = 0; ///< of copying within the L1 cache, in 10^9 bytes per second

  /// Measures the rates of `threads` threads of `pool` once more and keeps the higher ones; those of copies only
  /// `withCopies`.
  void measure(const vitya_model &model, Pool *pool, int threads, bool withCopies);

  /// Returns the time of one image at the peak rates, in seconds; 0 if they are unknown.
  double limit(const vitya_model &model) const;
  /// Returns the time of one launch of `kernel` at the peak rates, in seconds: of its multiply-adds, or of reading and
  /// writing its operands in the L1 cache if that takes longer. 0 if they are unknown.
  double limit(const vitya_kernel &kernel) const;

  double f32() const { return rates[int(MultiplyAdd::f32)]; }
  /// 0 if the model has none.
  double bf16() const { return rates[int(MultiplyAdd::bf16)]; }
  /// The peak rate of all integer multiply-adds of the model together; 0 if it has none.
  double integers(const vitya_model &model) const;
};

/// The results for batches of one size.
struct Result {
  int64_t batch, runs;
  int threads;
  Statistics latency; ///< of a cascade that of its first model
  Peaks peaks;
  Statistics deferred; ///< of a cascade that of both models, if all images are deferred to the dense one

  /// Images per second in the fastest run.
  double rate() const { return batch / (latency.min * 1e-3); }
  double gflops(const vitya_model &model) const { return 2e-9 * model.multiply_adds * rate(); }
  double shareOfPeak(const vitya_model &model) const { return peaks.limit(model) * rate(); }
};

void printText(const vitya_model &model, const Result &result);
/// Prints one JSON object without a newline; with the time of kernels and layers if `profile`, that of the fastest run,
/// is not null.
void printJson(const vitya_model &model, const Result &result, const Profile *profile);

/// Prints the time of each kernel and of each layer, slowest first. `profile` is that of the fastest run.
void printProfile(const vitya_model &model, const Result &result, const Profile &profile);

/// Prints the head of the table of a sweep over sizes of batches, and one line of it.
void printSweepHead(const vitya_model &model);
void printSweepLine(const vitya_model &model, const Result &result);

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_BENCHREPORT_H
