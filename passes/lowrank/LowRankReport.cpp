// Copies the outcome of low-rank factorisation into the records of a report.
#include "passes/lowrank/LowRankReport.h"

namespace vitya {
namespace {

SpectrumReport spectrumOf(const Eigen::VectorXd &values, int64_t kept, std::optional<double> measuredError) {
  return {std::vector<double>(values.begin(), values.end()), kept, measuredError};
}

LowRankLayerReport layerReport(const LayerOutcome &layer) {
  LowRankLayerReport result;
  result.reason = layer.reason;
  result.parameters = layer.parameters;
  if (layer.rank)
    result.rank = layer.rank;
  if (layer.rank && layer.spectrum.size())
    result.spectrum = spectrumOf(layer.spectrum, layer.rank, layer.measuredError);
  return result;
}

HeadWidthReport widthReport(const Eigen::VectorXd &spectrum, int64_t width) {
  HeadWidthReport result;
  result.fullWidth = spectrum.size();
  if (width)
    result.spectrum = spectrumOf(spectrum, width, /*measuredError=*/std::nullopt);
  return result;
}

} // namespace

void addToReport(const LowRankOutcome &outcome, LowRankMethod method, llvm::StringRef fingerprint,
                 ModelReport &report) {
  LowRankSummary &summary = report.lowRank.emplace();
  summary.method = stringifyLowRankMethod(method).str();
  summary.fingerprint = fingerprint.str();
  for (const LayerOutcome &layer : outcome.layers) {
    summary.parametersBefore += layer.in * layer.out;
    summary.parametersAfter += layer.parameters;
    LinearReport &record = report.linear(layer.name);
    record.in = layer.in;
    record.out = layer.out;
    record.lowRank = layerReport(layer);
  }
  for (const AttentionOutcome &attention : outcome.attentions) {
    AttentionReport &record = report.attention(attention.name);
    record.heads = attention.heads;
    record.lowRank =
        LowRankAttentionReport{widthReport(attention.queryKeySpectrum, attention.widths.queryKey),
                               widthReport(attention.valueSpectrum, attention.widths.value), attention.measuredError};
  }
}

} // namespace vitya
