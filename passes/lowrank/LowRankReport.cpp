// Numbers that are known before the rewrite are on the layers; nothing here looks at the module.
#include "passes/lowrank/LowRankReport.h"
#include "passes/analysis/WriteFile.h"
#include "llvm/Support/JSON.h"

using namespace Eigen;

namespace vitya {
namespace {

/// Adds the attributes of a spectrum that was cut at `rank`.
void writeCut(llvm::json::OStream &json, const VectorXd &spectrum, int64_t rank, std::optional<double> measured) {
  double total = spectrum.squaredNorm(), lost = spectrum.tail(spectrum.size() - rank).squaredNorm();
  json.attributeArray("spectrum", [&] {
    for (double value : spectrum)
      json.value(value);
  });
  json.attribute("energy_kept", total > 0 ? 1 - lost / total : 1.0);
  json.attribute("predicted_error", lost);
  if (measured)
    json.attribute("measured_error", *measured);
}

void writeLayer(llvm::json::OStream &json, const LowRankLayer &layer) {
  json.object([&] {
    json.attribute("name", layer.name);
    json.attribute("in", layer.in());
    json.attribute("out", layer.out());
    if (layer.rank)
      json.attribute("rank", layer.rank);
    else
      json.attribute("rank", nullptr);
    json.attribute("reason", layer.reason);
    json.attribute("parameters", layer.left);
    if (layer.spectrum.size() && layer.rank)
      writeCut(json, layer.spectrum, layer.rank, layer.measuredError);
  });
}

void writeProduct(llvm::json::OStream &json, llvm::StringRef name, const VectorXd &spectrum, int64_t width) {
  json.attributeObject(name, [&] {
    json.attribute("width", width ? width : spectrum.size());
    json.attribute("full_width", spectrum.size());
    if (width)
      writeCut(json, spectrum, width, std::nullopt);
  });
}

} // namespace

llvm::StringRef nameOf(LowRankMethod method) {
  switch (method) {
  case LowRankMethod::plain:
    return "plain";
  case LowRankMethod::asvd:
    return "asvd";
  case LowRankMethod::whitened:
    return "whitened";
  case LowRankMethod::anchored:
    return "anchored";
  case LowRankMethod::joint:
    return "joint";
  }
  llvm_unreachable("every method has a name");
}

llvm::Error writeReport(LowRankMethod method, llvm::StringRef fingerprint, llvm::ArrayRef<LowRankLayer> layers,
                        llvm::ArrayRef<LowRankAttention> attentions, llvm::StringRef path) {
  return writeFile(path, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/1);
    json.object([&] {
      json.attribute("method", nameOf(method));
      json.attribute("fingerprint", fingerprint);
      int64_t before = 0, after = 0;
      for (const LowRankLayer &layer : layers) {
        before += layer.elements();
        after += layer.left;
      }
      json.attributeObject("parameters", [&] {
        json.attribute("before", before);
        json.attribute("after", after);
      });
      json.attributeArray("layers", [&] {
        for (const LowRankLayer &layer : layers)
          writeLayer(json, layer);
      });
      json.attributeArray("attentions", [&] {
        for (const LowRankAttention &attention : attentions) {
          if (!attention.queryKeySpectrum.size() && !attention.valueSpectrum.size())
            continue;
          json.object([&] {
            json.attribute("name", attention.name);
            json.attribute("heads", attention.heads);
            writeProduct(json, "query_key", attention.queryKeySpectrum, attention.widths.queryKey);
            writeProduct(json, "value_output", attention.valueSpectrum, attention.widths.value);
            if (attention.measuredError)
              json.attribute("measured_error", *attention.measuredError);
          });
        }
      });
    });
    os << '\n';
  });
}

} // namespace vitya
