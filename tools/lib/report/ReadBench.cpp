// Times: `bench` with and without --profile.
#include "tools/lib/report/ParseDocument.h"
#include "tools/lib/report/ReadResults.h"

using namespace llvm;

namespace vitya::report {

namespace {

struct Statistics {
  double min = 0, p50 = 0;
};

struct BenchKernel {
  std::string name;
  double microseconds = 0, share = 0;
  std::optional<double> shareOfLimit;
};

struct Bench {
  int64_t batch = 0, threads = 0;
  Statistics latency;
  std::optional<Statistics> deferred; ///< of both models of a cascade
  double peak = 0, integerPeak = 0;
  std::vector<BenchKernel> kernels;
};

bool fromJSON(const json::Value &value, Statistics &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("min", result.min) && map.map("p50", result.p50);
}

bool fromJSON(const json::Value &value, BenchKernel &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", result.name) && map.map("microseconds", result.microseconds) &&
         map.map("share", result.share) && map.map("share_of_limit", result.shareOfLimit);
}

bool fromJSON(const json::Value &value, Bench &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("batch", result.batch) && map.map("threads", result.threads) &&
         map.map("latency_ms", result.latency) && map.map("deferred_latency_ms", result.deferred) &&
         map.map("peak_gflops", result.peak) && map.map("integer_peak_gflops", result.integerPeak) &&
         map.mapOptional("kernels", result.kernels);
}

/// The kind of a kernel, by the op whose name it begins with.
WorkKind kindOf(StringRef kernel) {
  struct Prefix {
    StringLiteral text;
    WorkKind kind;
  };
  constexpr Prefix kPrefixes[] = {{"linear", WorkKind::linear},
                                  {"integer_linear", WorkKind::linear},
                                  {"attention", WorkKind::attention},
                                  {"integer_attention", WorkKind::attention},
                                  {"layer_norm", WorkKind::norm},
                                  {"rms_norm", WorkKind::norm},
                                  {"quantize", WorkKind::quantization},
                                  {"choose_qparams", WorkKind::quantization},
                                  {"order_columns", WorkKind::quantization}};
  for (auto [prefix, kind] : kPrefixes)
    if (kernel.starts_with(prefix))
      return kind;
  return WorkKind::other;
}

} // namespace

Expected<BenchRun> readBench(StringRef text, double deferred) {
  Expected<Bench> bench = parseDocument<Bench>(text, "bench");
  if (!bench)
    return bench.takeError();
  Statistics both = bench->deferred.value_or(bench->latency);
  auto expect = [&](double first, double all) { return first + deferred * (all - first); };
  return BenchRun{bench->batch, bench->threads, expect(bench->latency.min, both.min),
                  expect(bench->latency.p50, both.p50)};
}

Expected<Profile> readProfile(StringRef text) {
  Expected<Bench> bench = parseDocument<Bench>(text, "bench");
  if (!bench)
    return bench.takeError();
  Profile profile;
  profile.milliseconds = bench->latency.min / static_cast<double>(bench->batch);
  profile.peak = bench->peak;
  profile.integerPeak = bench->integerPeak;
  double outside = 1e3 * profile.milliseconds;
  for (const BenchKernel &kernel : bench->kernels) {
    profile.kernels.push_back({kernel.name, kindOf(kernel.name), kernel.microseconds, kernel.shareOfLimit});
    outside -= kernel.microseconds;
  }
  profile.kernels.push_back({"outside of loops", WorkKind::outside, std::max(outside, 0.0), std::nullopt});
  return profile;
}

} // namespace vitya::report
