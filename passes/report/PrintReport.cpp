// The printers of a report.
#include "dialect/support/Json.h"
#include "passes/numerics/Quantization.h"
#include "passes/report/ModelReport.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
namespace json = llvm::json;

namespace vitya {
namespace {

/// Relative noise as a signal-to-noise ratio in decibels; null without noise.
json::Value decibels(double relativeNoise) { return toJson(numerics::signalToNoise(relativeNoise)); }

void printShortSums(ShortSumsAttr sums, json::OStream &os) {
  os.attributeObject("short_sums", [&] {
    os.attribute("group", sums.getGroup());
    os.attribute("largest", sums.getLargest());
    os.attribute("row", sums.getRow());
    os.attribute("column", sums.getColumn());
    os.attribute("ordered", sums.getOrdered());
  });
}

/// The group and the largest of the short sums of a layer, as `info` shows them.
std::string textOf(ShortSumsAttr sums) {
  return sums ? llvm::formatv("{0} ({1}{2})", sums.getGroup(), sums.getLargest(), sums.getOrdered() ? ", ordered" : "")
                    .str()
              : "-";
}

/// Prints the sections of a report as members of one object.
class JsonPrinter {
public:
  JsonPrinter(const ModelReport &report, llvm::raw_ostream &os) : report(report), os(os, /*IndentSize=*/1) {}

  void print(bool withQuantization) {
    os.object([&] {
      if (report.lowRank)
        printLowRank();
      if (withQuantization)
        os.attributeObject("quantization", [&] { printQuantization(); });
      if (report.bound)
        os.attributeObject("bound", [&] { print(*report.bound); });
      if (report.choice)
        os.attributeObject("choice", [&] { print(*report.choice); });
      if (report.sensitivities)
        os.attributeArray("sensitivities", [&] { print(*report.sensitivities); });
      if (report.cascade)
        os.attributeObject("cascade", [&] { report.cascade->printMembers(os); });
    });
  }

private:
  void printLowRank() {
    os.attribute("method", report.lowRank->method);
    os.attribute("fingerprint", report.lowRank->fingerprint);
    os.attributeObject("parameters", [&] {
      os.attribute("before", report.lowRank->parametersBefore);
      os.attribute("after", report.lowRank->parametersAfter);
    });
    os.attributeArray("layers", [&] {
      for (const LinearReport &linear : report.linears)
        if (linear.lowRank)
          os.object([&] { printLowRank(linear, *linear.lowRank); });
    });
    os.attributeArray("attentions", [&] {
      for (const AttentionReport &attention : report.attentions)
        if (attention.lowRank)
          os.object([&] { printLowRank(attention, *attention.lowRank); });
    });
  }

  void printLowRank(const LinearReport &linear, const LowRankLayerReport &lowRank) {
    os.attribute("name", linear.name);
    os.attribute("in", linear.in);
    os.attribute("out", linear.out);
    os.attribute("rank", toJson(lowRank.rank));
    os.attribute("reason", lowRank.reason);
    os.attribute("parameters", lowRank.parameters);
    if (!linear.ops.empty())
      printNoise(linear.ops.back().outputNoise);
    if (lowRank.spectrum)
      print(*lowRank.spectrum);
  }

  void printNoise(std::optional<double> noise) {
    if (noise)
      os.attribute("output_noise", *noise);
  }

  void printLowRank(const AttentionReport &attention, const LowRankAttentionReport &lowRank) {
    os.attribute("name", attention.name);
    os.attribute("heads", attention.heads);
    os.attributeObject("query_key", [&] { print(lowRank.queryKey); });
    os.attributeObject("value_output", [&] { print(lowRank.valueOutput); });
    if (lowRank.measuredError)
      os.attribute("measured_error", toJson(*lowRank.measuredError));
  }

  void print(const HeadWidthReport &width) {
    os.attribute("width", width.spectrum ? width.spectrum->kept : width.fullWidth);
    os.attribute("full_width", width.fullWidth);
    if (width.spectrum)
      print(*width.spectrum);
  }

  void print(const SpectrumReport &spectrum) {
    os.attributeArray("spectrum", [&] {
      for (double value : spectrum.values)
        os.value(toJson(value));
    });
    os.attribute("energy_kept", toJson(spectrum.energyKept()));
    os.attribute("predicted_error", toJson(spectrum.predictedError()));
    if (spectrum.measuredError)
      os.attribute("measured_error", toJson(*spectrum.measuredError));
  }

  void printQuantization() {
    os.attribute("int8_share",
                 report.multiplyAdds > 0 ? double(report.integerMultiplyAdds) / double(report.multiplyAdds) : 0.0);
    os.attributeArray("linears", [&] {
      for (const LinearReport &linear : report.linears)
        for (const LinearOpReport &op : linear.ops)
          os.object([&] { printQuantized(linear, op); });
    });
    os.attributeArray("attentions", [&] {
      for (const AttentionReport &attention : report.attentions)
        os.object([&] { printQuantized(attention); });
    });
  }

  void printQuantized(const LinearReport &linear, const LinearOpReport &op) {
    os.attribute("name", op.name);
    os.attribute("layer", linear.name);
    os.attribute("format", op.format.str());
    os.attribute("reason", op.reason);
    printNoise(op.outputNoise);
    if (!op.input)
      return;
    os.attributeObject("input", [&] { print(*op.input); });
    os.attributeArray("weight_scales", [&] {
      for (double scale : op.weightScales)
        os.value(toJson(scale));
    });
    if (op.weightNoise)
      os.attribute("weight_signal_to_noise", decibels(*op.weightNoise));
    if (op.shortSums)
      printShortSums(op.shortSums, os);
  }

  void printQuantized(const AttentionReport &attention) {
    os.attribute("name", attention.name);
    os.attribute("format", attention.scores.str());
    os.attribute("reason", attention.reason);
    printNoise(attention.outputNoise);
    if (!attention.quantized)
      return;
    os.attributeObject("query", [&] { print(attention.quantized->query); });
    os.attributeObject("key", [&] { print(attention.quantized->key); });
    os.attributeObject("value", [&] { print(attention.quantized->value); });
    os.attributeObject("weights", [&] { print(attention.quantized->weights); });
  }

  void print(const OperandReport &operand) {
    if (operand.scale)
      os.attribute("scale", toJson(*operand.scale));
    if (operand.zeroPoint)
      os.attribute("zero_point", *operand.zeroPoint);
    if (operand.granularity)
      os.attribute("granularity", stringifyGranularity(*operand.granularity));
    if (!operand.range)
      return;
    os.attribute("observer", operand.range.getObserver());
    os.attribute("min", toJson(operand.range.getMin().convertToDouble()));
    os.attribute("max", toJson(operand.range.getMax().convertToDouble()));
    os.attribute("clipped", toJson(operand.range.getClipped().convertToDouble()));
    os.attribute("signal_to_noise", decibels(operand.range.getNoise().convertToDouble()));
  }

  void print(const BoundReport &bound) {
    os.attribute("images", bound.images);
    os.attribute("max_kl", toJson(bound.maxKl));
    os.attribute("max_drop", toJson(bound.maxDrop));
    os.attributeArray("path", [&] {
      for (const TrialReport &trial : bound.trials)
        os.object([&] { print(trial); });
    });
  }

  void print(const TrialReport &trial) {
    os.attribute("stage", trial.stage);
    os.attribute("low_rank", trial.budget);
    os.attributeArray("restored", [&] {
      for (const std::string &name : trial.restored)
        os.value(name);
    });
    os.attribute("divergence", toJson(trial.divergence));
    os.attribute("drop", toJson(trial.drop));
    os.attribute("holds", trial.holds);
  }

  void print(const ChoiceReport &choice) {
    os.attribute("max_bytes", toJson(choice.maxBytes));
    os.attribute("max_ms", toJson(choice.maxMilliseconds));
    os.attribute("max_kl", toJson(choice.maxKl));
    os.attribute("max_drop", toJson(choice.maxDrop));
    os.attribute("images", choice.images);
    os.attribute("low_rank", choice.lowRank);
    os.attribute("quantize", choice.quantize);
    os.attribute("nats_per_byte", toJson(choice.natsPerByte));
    os.attribute("nats_per_ms", toJson(choice.natsPerMillisecond));
    os.attributeArray("matrices", [&] {
      for (const ChosenMatrixReport &matrix : choice.matrices)
        os.object([&] { print(matrix); });
    });
    os.attributeArray("trials", [&] {
      for (const ChoiceTrialReport &trial : choice.trials)
        os.object([&] { print(trial); });
    });
  }

  void print(const ChosenMatrixReport &matrix) {
    os.attribute("name", matrix.name);
    os.attribute("part", matrix.part);
    os.attribute("rank", toJson(matrix.rank));
    os.attribute("bits", matrix.bits);
    os.attribute("predicted_divergence", toJson(matrix.predictedDivergence));
    os.attribute("bytes", matrix.bytes);
    if (matrix.milliseconds)
      os.attribute("ms", toJson(*matrix.milliseconds));
  }

  void print(const ChoiceTrialReport &trial) {
    os.attribute("bytes", trial.bytes);
    os.attribute("ms", toJson(trial.milliseconds));
    os.attribute("predicted_divergence", toJson(trial.predictedDivergence));
    os.attribute("divergence", toJson(trial.divergence));
    os.attribute("drop", toJson(trial.drop));
    os.attribute("holds", trial.holds);
  }

  void print(llvm::ArrayRef<SensitivityReport> sensitivities) {
    for (const SensitivityReport &each : sensitivities)
      os.object([&] {
        os.attribute("name", each.layer);
        os.attribute("divergence", toJson(each.divergence));
      });
  }

  const ModelReport &report;
  json::OStream os;
};

} // namespace

void printJson(const ModelReport &report, bool withQuantization, llvm::raw_ostream &os) {
  JsonPrinter(report, os).print(withQuantization);
  os << '\n';
}

void printLayers(const ModelReport &report, json::OStream &os) {
  os.attributeArray("linears", [&] {
    for (const LinearReport &linear : report.linears)
      os.object([&] {
        os.attribute("name", linear.name);
        os.attribute("in", linear.in);
        os.attribute("out", linear.out);
        os.attribute("rank", toJson(linear.rank));
        os.attribute("format", linear.format.str());
        os.attribute("reason", linear.reason);
        if (linear.shortSums)
          printShortSums(linear.shortSums, os);
      });
  });
  os.attributeArray("attentions", [&] {
    for (const AttentionReport &attention : report.attentions)
      os.object([&] {
        os.attribute("name", attention.name);
        os.attribute("heads", attention.heads);
        os.attribute("scores", attention.scores.str());
        os.attribute("values", attention.values.str());
        os.attribute("reason", attention.reason);
      });
  });
}

void printTables(const ModelReport &report, llvm::raw_ostream &os) {
  bool hasSums = llvm::any_of(report.linears, [](const LinearReport &linear) { return bool(linear.shortSums); });
  auto row = [&](auto... columns) { os << llvm::formatv("{0,-32}{1,6}{2,7}{3,7}  {4,-16}{5}{6}\n", columns...); };
  auto sums = [&](StringRef text) { return hasSums ? llvm::formatv("{0,-21}", text).str() : std::string(); };
  os << '\n';
  row("linear", "in", "out", "rank", "format", sums("short sums"), "reason");
  for (const LinearReport &linear : report.linears)
    row(linear.name, linear.in, linear.out, linear.rank ? std::to_string(*linear.rank) : "-", linear.format.str(),
        sums(textOf(linear.shortSums)), linear.reason);
  if (report.attentions.empty())
    return;
  os << llvm::formatv("\n{0,-32}{1,6}  {2,-16}{3,-16}{4}\n", "attention", "heads", "scores", "values", "reason");
  for (const AttentionReport &attention : report.attentions)
    os << llvm::formatv("{0,-32}{1,6}  {2,-16}{3,-16}{4}\n", attention.name, attention.heads, attention.scores.str(),
                        attention.values.str(), attention.reason);
}

} // namespace vitya
