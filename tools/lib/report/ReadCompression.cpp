// What the compiler did to each layer: the file of --report.
#include "tools/lib/report/ParseDocument.h"
#include "tools/lib/report/ReadResults.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace llvm;

namespace vitya::report {

namespace {

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

/// Replaces `total` by the one of the two that `isWorse` prefers.
template <typename Compare>
void keepWorse(std::optional<double> &total, std::optional<double> value, Compare isWorse) {
  if (value && (!total || isWorse(*value, *total)))
    total = value;
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

} // namespace

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

} // namespace vitya::report
