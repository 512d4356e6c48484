// The structs mirror the JSON; llvm::json reports members that are missing or of another type.
#include "tools/lib/report/ReadResults.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya::report {

//===----------------------------------------------------------------------===//
// Documents
//===----------------------------------------------------------------------===//

// Not in the unnamed namespace, where llvm::json would not find it.
static bool fromJSON(const json::Value &value, ShortSumsBound &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("group", result.group) && map.map("largest", result.largest);
}

namespace {

struct DenseModel {
  int64_t parameters = 0, weightBytes = 0;
};

struct CascadeInfo {
  double margin = 0;
  std::optional<double> agreementBound;
  DenseModel dense;
};

/// What `eval` finds out about a cascade.
struct Deferral {
  int64_t images = 0, unreadable = 0, deferred = 0;
};

struct InfoLayer {
  std::string name, reason;
  std::string format;         ///< of linear layers
  std::string scores, values; ///< formats of attentions
  int64_t in = 0, out = 0, heads = 0;
  std::optional<int64_t> rank;
  std::optional<ShortSumsBound> shortSums;
};

struct Compiler {
  std::string version, options;
};

struct Info {
  Facts facts;
  std::optional<CascadeInfo> cascade;
  Compiler compiler;
  std::vector<InfoLayer> linears, attentions;
};

/// What was chosen by the singular values of a matrix.
struct Truncation {
  std::vector<double> spectrum;
  std::optional<double> energyKept;
  std::optional<int64_t> width; ///< of a head
};

struct LowRankLayer {
  std::string name;
  std::optional<int64_t> rank;
  std::optional<double> outputNoise;
  Truncation truncation;
  std::optional<Truncation> queryKey, valueOutput; ///< of attentions
};

struct Operand {
  std::optional<double> clipped, signalToNoise;
};

struct QuantizedLayer {
  std::string name, layer;
  std::optional<double> outputNoise, weightSignalToNoise;
  std::optional<Operand> input, query, key, value;
};

struct Quantization {
  std::vector<QuantizedLayer> linears, attentions;
};

struct Compression {
  std::string method;
  std::vector<LowRankLayer> layers, attentions;
  std::optional<Quantization> quantization;
};

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

bool fromJSON(const json::Value &value, DenseModel &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("parameters", result.parameters) && map.map("weight_bytes", result.weightBytes);
}

bool fromJSON(const json::Value &value, CascadeInfo &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("margin", result.margin) && map.map("agreement_bound", result.agreementBound) &&
         map.map("dense", result.dense);
}

bool fromJSON(const json::Value &value, Deferral &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("images", result.images) && map.map("unreadable", result.unreadable) &&
         map.map("deferred", result.deferred);
}

bool fromJSON(const json::Value &value, InfoLayer &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", result.name) && map.map("reason", result.reason) &&
         map.mapOptional("format", result.format) && map.mapOptional("scores", result.scores) &&
         map.mapOptional("values", result.values) && map.mapOptional("in", result.in) &&
         map.mapOptional("out", result.out) && map.mapOptional("heads", result.heads) && map.map("rank", result.rank) &&
         map.map("short_sums", result.shortSums);
}

bool fromJSON(const json::Value &value, Compiler &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("version", result.version) && map.map("options", result.options);
}

bool fromJSON(const json::Value &value, Info &result, json::Path path) {
  json::ObjectMapper map(value, path);
  Facts &facts = result.facts;
  return map && map.map("name", facts.name) && map.map("fingerprint", facts.fingerprint) &&
         map.map("parameters", facts.parameters) && map.map("multiply_adds", facts.multiplyAdds) &&
         map.map("integer_multiply_adds", facts.integerMultiplyAdds) && map.map("weight_bytes", facts.weightBytes) &&
         map.map("image", facts.image) && map.map("classes", facts.classes) && map.map("cpu", facts.cpu) &&
         map.map("compiler", result.compiler) && map.map("cascade", result.cascade) &&
         map.map("linears", result.linears) && map.map("attentions", result.attentions);
}

bool fromJSON(const json::Value &value, Truncation &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.mapOptional("spectrum", result.spectrum) && map.map("energy_kept", result.energyKept) &&
         map.map("width", result.width);
}

bool fromJSON(const json::Value &value, LowRankLayer &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && fromJSON(value, result.truncation, path) && map.map("name", result.name) &&
         map.map("rank", result.rank) && map.map("output_noise", result.outputNoise) &&
         map.map("query_key", result.queryKey) && map.map("value_output", result.valueOutput);
}

bool fromJSON(const json::Value &value, Operand &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("clipped", result.clipped) && map.map("signal_to_noise", result.signalToNoise);
}

bool fromJSON(const json::Value &value, QuantizedLayer &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", result.name) && map.mapOptional("layer", result.layer) &&
         map.map("output_noise", result.outputNoise) && map.map("weight_signal_to_noise", result.weightSignalToNoise) &&
         map.map("input", result.input) && map.map("query", result.query) && map.map("key", result.key) &&
         map.map("value", result.value);
}

bool fromJSON(const json::Value &value, Quantization &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("linears", result.linears) && map.map("attentions", result.attentions);
}

bool fromJSON(const json::Value &value, Compression &result, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.mapOptional("method", result.method) && map.mapOptional("layers", result.layers) &&
         map.mapOptional("attentions", result.attentions) && map.map("quantization", result.quantization);
}

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

/// Parses `text`, which `name` calls in errors.
template <typename Document>
Expected<Document> parseDocument(StringRef text, StringLiteral name) {
  Expected<json::Value> value = parseJson(text);
  if (!value)
    return prefixError("expected JSON of " + name, value.takeError());
  json::Path::Root root(name);
  Document result;
  if (!fromJSON(*value, result, json::Path(root)))
    return root.getError();
  return result;
}

} // namespace

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

namespace {

/// Replaces `total` by the one of the two that `isWorse` prefers.
template <typename Compare>
void keepWorse(std::optional<double> &total, std::optional<double> value, Compare isWorse) {
  if (value && (!total || isWorse(*value, *total)))
    total = value;
}

Layer layerOf(const InfoLayer &info, bool isAttention) {
  Layer layer;
  layer.name = info.name;
  layer.reason = info.reason;
  layer.rank = info.rank;
  layer.bound = info.shortSums;
  if (isAttention) {
    layer.shape = formatv("{0} heads", info.heads);
    layer.format = info.scores == info.values ? info.scores : info.scores + ", " + info.values;
  } else {
    layer.shape = formatv("{0} to {1}", info.in, info.out);
    layer.format = info.format;
  }
  return layer;
}

/// Adds the records of a report to the layers of the same names.
class Merge {
public:
  explicit Merge(Results &results) : results(results) {
    for (Layer &layer : results.layers)
      byName[layer.name] = &layer;
  }

  void add(const LowRankLayer &record) {
    Layer *layer = find(record.name);
    if (layer) {
      layer->energyKept = record.truncation.energyKept;
      layer->outputNoise = record.outputNoise;
    }
    addSpectrum(record.name, record.truncation, record.rank);
    for (auto [part, truncation] : {std::pair(" query key", &record.queryKey), {" value output", &record.valueOutput}})
      if (*truncation) {
        addSpectrum(record.name + part, **truncation, (*truncation)->width);
        if (layer)
          keepWorse(layer->energyKept, (*truncation)->energyKept, std::less<>());
      }
  }

  void add(const QuantizedLayer &record) {
    Layer *layer = find(record.layer.empty() ? record.name : record.layer);
    for (const std::optional<Operand> *operand : {&record.input, &record.query, &record.key, &record.value}) {
      if (!*operand)
        continue;
      if ((*operand)->clipped)
        results.clipped.push_back(*(*operand)->clipped);
      if (!layer)
        continue;
      keepWorse(layer->clipped, (*operand)->clipped, std::greater<>());
      keepWorse(layer->inputSnr, (*operand)->signalToNoise, std::less<>());
    }
    if (!layer)
      return;
    keepWorse(layer->weightSnr, record.weightSignalToNoise, std::less<>());
    keepWorse(layer->outputNoise, record.outputNoise, std::greater<>());
  }

private:
  Layer *find(StringRef name) {
    auto found = byName.find(name.str());
    return found == byName.end() ? nullptr : found->second;
  }

  void addSpectrum(StringRef name, const Truncation &truncation, std::optional<int64_t> kept) {
    auto count = static_cast<int64_t>(truncation.spectrum.size());
    if (count)
      results.spectra.push_back({name.str(), truncation.spectrum, kept.value_or(count)});
  }

  Results &results;
  std::map<std::string, Layer *> byName;
};

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

Error readInfo(StringRef text, Results &results) {
  Expected<Info> info = parseDocument<Info>(text, "info");
  if (!info)
    return info.takeError();
  results.facts = std::move(info->facts);
  if (info->cascade) {
    Cascade &cascade = results.facts.cascade.emplace();
    cascade.margin = info->cascade->margin;
    cascade.agreementBound = info->cascade->agreementBound;
    results.facts.parameters += info->cascade->dense.parameters;
    results.facts.weightBytes += info->cascade->dense.weightBytes;
  }
  results.facts.compiler = "vitya " + info->compiler.version + " " + info->compiler.options;
  for (const InfoLayer &linear : info->linears)
    results.layers.push_back(layerOf(linear, /*isAttention=*/false));
  for (const InfoLayer &attention : info->attentions)
    results.layers.push_back(layerOf(attention, /*isAttention=*/true));
  return Error::success();
}

Error readCompression(StringRef text, Results &results) {
  Expected<Compression> compression = parseDocument<Compression>(text, "report");
  if (!compression)
    return compression.takeError();
  results.lowRankMethod = compression->method;
  Merge merge(results);
  for (const LowRankLayer &layer : concat<const LowRankLayer>(compression->layers, compression->attentions))
    merge.add(layer);
  if (compression->quantization)
    for (const QuantizedLayer &layer :
         concat<const QuantizedLayer>(compression->quantization->linears, compression->quantization->attentions))
      merge.add(layer);
  return Error::success();
}

Error readDeferred(StringRef text, Cascade &cascade) {
  Expected<Deferral> deferral = parseDocument<Deferral>(text, "eval");
  if (!deferral)
    return deferral.takeError();
  cascade.deferred =
      static_cast<double>(deferral->deferred) / static_cast<double>(deferral->images + deferral->unreadable);
  return Error::success();
}

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
