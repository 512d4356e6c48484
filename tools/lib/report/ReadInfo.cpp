// What executables say of themselves: `info`, and `eval` of a cascade.
#include "tools/lib/report/ParseDocument.h"
#include "tools/lib/report/ReadResults.h"

using namespace llvm;

namespace vitya::report {

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

Error readDeferred(StringRef text, Cascade &cascade) {
  Expected<Deferral> deferral = parseDocument<Deferral>(text, "eval");
  if (!deferral)
    return deferral.takeError();
  cascade.deferred =
      static_cast<double>(deferral->deferred) / static_cast<double>(deferral->images + deferral->unreadable);
  return Error::success();
}

} // namespace vitya::report
