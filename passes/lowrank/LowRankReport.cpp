// Prints the records of LowRankOutcome.h; nothing here looks at the module.
#include "passes/lowrank/LowRankReport.h"
#include "dialect/support/WriteOutput.h"
#include "llvm/Support/JSON.h"

using namespace Eigen;

namespace vitya {
namespace {

/// Writes the attributes of a spectrum that was truncated at `rank`.
void writeSpectrum(llvm::json::OStream &json, const VectorXd &spectrum, int64_t rank) {
  double total = spectrum.squaredNorm(), lost = spectrum.tail(spectrum.size() - rank).squaredNorm();
  json.attributeArray("spectrum", [&] {
    for (double value : spectrum)
      json.value(value);
  });
  json.attribute("energy_kept", total > 0 ? 1 - lost / total : 1.0);
  json.attribute("predicted_error", lost);
}

void writeLayer(llvm::json::OStream &json, const LayerOutcome &layer) {
  json.object([&] {
    json.attribute("name", layer.name);
    json.attribute("in", layer.in);
    json.attribute("out", layer.out);
    if (layer.rank)
      json.attribute("rank", layer.rank);
    else
      json.attribute("rank", nullptr);
    json.attribute("reason", layer.reason);
    json.attribute("parameters", layer.parameters);
    if (layer.spectrum.size()) {
      writeSpectrum(json, layer.spectrum, layer.rank);
      if (layer.measuredError)
        json.attribute("measured_error", *layer.measuredError);
    }
  });
}

void writeProduct(llvm::json::OStream &json, llvm::StringRef name, const VectorXd &spectrum, int64_t width) {
  json.attributeObject(name, [&] {
    json.attribute("width", width ? width : spectrum.size());
    json.attribute("full_width", spectrum.size());
    if (width)
      writeSpectrum(json, spectrum, width);
  });
}

void writeAttention(llvm::json::OStream &json, const AttentionOutcome &attention) {
  json.object([&] {
    json.attribute("name", attention.name);
    json.attribute("heads", attention.heads);
    writeProduct(json, "query_key", attention.queryKeySpectrum, attention.widths.queryKey);
    writeProduct(json, "value_output", attention.valueSpectrum, attention.widths.value);
    json.attribute("measured_error", attention.measuredError);
  });
}

} // namespace

llvm::Error writeReport(const LowRankOutcome &outcome, LowRankMethod method, llvm::StringRef fingerprint,
                        llvm::StringRef path) {
  return writeOutput(path, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/1);
    json.object([&] {
      json.attribute("method", stringifyLowRankMethod(method));
      json.attribute("fingerprint", fingerprint);
      int64_t before = 0, after = 0;
      for (const LayerOutcome &layer : outcome.layers) {
        before += layer.in * layer.out;
        after += layer.parameters;
      }
      json.attributeObject("parameters", [&] {
        json.attribute("before", before);
        json.attribute("after", after);
      });
      json.attributeArray("layers", [&] {
        for (const LayerOutcome &layer : outcome.layers)
          writeLayer(json, layer);
      });
      json.attributeArray("attentions", [&] {
        for (const AttentionOutcome &attention : outcome.attentions)
          writeAttention(json, attention);
      });
    });
    os << '\n';
    return llvm::Error::success();
  });
}

} // namespace vitya
