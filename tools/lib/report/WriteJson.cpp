// The data of a report as JSON.
#include "dialect/support/Json.h"
#include "tools/lib/report/Findings.h"
#include "tools/lib/report/WriteReport.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya::report {
namespace {

class Writer {
public:
  Writer(const Report &report, raw_ostream &stream) : report(report), os(stream, /*IndentSize=*/1) {}

  void write() {
    os.object([&] {
      os.attribute("model", report.model);
      os.attribute("data", report.data);
      os.attribute("data_xxh3_128", report.digest);
      os.attribute("images", report.images);
      os.attribute("calibration", report.calibration);
      os.attribute("command", report.command);
      os.attribute("date", report.date);
      os.attribute("seconds", toJson(report.seconds));
      os.attributeObject("compiler", [&] {
        os.attribute("version", report.version);
        os.attribute("llvm", report.llvmVersion);
      });
      os.attributeObject("machine", [&] { write(report.machine); });
      os.attribute("rounds", report.rounds);
      list("findings", report.findings);
      list("classes", report.classes());
      list("confusion", report.confusion);
      os.attributeArray("variants", [&] {
        for (const Variant &variant : report.variants)
          os.object([&] { write(variant); });
      });
    });
  }

private:
  template <typename Element>
  void list(StringRef name, const std::vector<Element> &elements) {
    os.attributeArray(name, [&] {
      for (const Element &element : elements)
        os.value(element);
    });
  }

  /// Adds a member unless there is no value.
  template <typename Value>
  void optional(StringRef name, const std::optional<Value> &value) {
    if (value)
      os.attribute(name, toJson(value));
  }

  void write(const Machine &machine) {
    os.attribute("processor", machine.processor);
    os.attribute("system", machine.system);
    os.attribute("processors", machine.processors);
    os.attribute("threads", machine.threads);
    os.attribute("load", toJson(machine.load));
  }

  void write(StringRef name, const Estimate &estimate) {
    os.attributeObject(name, [&] {
      os.attribute("value", toJson(estimate.value));
      os.attribute("low", toJson(estimate.interval.low));
      os.attribute("high", toJson(estimate.interval.high));
    });
  }

  void write(const Variant &variant) {
    os.attribute("name", variant.name);
    list("options", variant.options);
    os.attribute("command", variant.command);
    if (variant.results)
      write(*variant.results);
    else
      os.attribute("failure", variant.failure);
  }

  void write(const Results &results) {
    os.attribute("fingerprint", results.facts.fingerprint);
    os.attribute("cpu", results.facts.cpu);
    os.attribute("parameters", results.facts.parameters);
    os.attribute("multiply_adds", results.facts.multiplyAdds);
    os.attribute("integer_multiply_adds", results.facts.integerMultiplyAdds);
    os.attribute("weight_bytes", results.facts.weightBytes);
    if (const std::optional<Cascade> &cascade = results.facts.cascade)
      os.attributeObject("cascade", [&] {
        os.attribute("margin", toJson(cascade->margin));
        os.attribute("deferred", toJson(cascade->deferred));
        os.attribute("agreement_bound", toJson(cascade->agreementBound));
      });
    os.attribute("executable_bytes", results.executableBytes);
    os.attribute("compile_seconds", toJson(results.compileSeconds));
    list("remarks", results.remarks);
    os.attribute("pareto_bytes", results.isSmallest);
    os.attribute("pareto_latency", results.isFastest);
    write(results.score);
    os.attributeArray("latency_ms", [&] {
      for (const Latency &latency : results.latencies)
        os.object([&] {
          os.attribute("batch", latency.batch);
          os.attribute("best", toJson(latency.best));
          os.attribute("median", toJson(latency.median));
          os.attribute("best_of_slowest_round", toJson(latency.worst));
        });
    });
    os.attributeObject("profile", [&] { write(results.profile); });
    os.attributeArray("layers", [&] {
      for (const Layer &layer : results.layers)
        os.object([&] { write(layer); });
    });
    os.attributeArray("spectra", [&] {
      for (const Spectrum &spectrum : results.spectra)
        os.object([&] {
          os.attribute("layer", spectrum.layer);
          os.attribute("kept", spectrum.kept);
          list("values", spectrum.values);
        });
    });
    list("clipped", results.clipped);
  }

  void write(const Score &score) {
    os.attribute("correct", score.correct);
    write("accuracy", score.accuracy);
    write("loss", score.loss);
    write("difference", score.difference);
    os.attribute("gained", score.gained);
    os.attribute("lost", score.lost);
    os.attribute("divergence", toJson(score.divergence));
    os.attributeArray("changed", [&] {
      for (const ChangedImage &changed : score.changed)
        os.object([&] {
          os.attribute("image", changed.image);
          os.attribute("label", changed.label);
          os.attribute("before", changed.before);
          os.attribute("after", changed.after);
          os.attribute("margin", toJson(changed.margin));
        });
    });
  }

  void write(const Profile &profile) {
    os.attribute("milliseconds", toJson(profile.milliseconds));
    os.attribute("peak_gflops", toJson(profile.peak));
    os.attribute("integer_peak_gflops", toJson(profile.integerPeak));
    os.attributeArray("kernels", [&] {
      for (const KernelTime &kernel : profile.kernels)
        os.object([&] {
          os.attribute("name", kernel.name);
          os.attribute("kind", nameOf(kernel.kind));
          os.attribute("microseconds", toJson(kernel.microseconds));
          optional("share_of_limit", kernel.shareOfLimit);
        });
    });
  }

  void write(const Layer &layer) {
    os.attribute("name", layer.name);
    os.attribute("shape", layer.shape);
    os.attribute("format", layer.format);
    os.attribute("reason", layer.reason);
    optional("rank", layer.rank);
    optional("energy_kept", layer.energyKept);
    optional("weight_signal_to_noise", layer.weightSnr);
    optional("input_signal_to_noise", layer.inputSnr);
    optional("clipped", layer.clipped);
    optional("output_noise", layer.outputNoise);
    if (layer.bound)
      os.attributeObject("short_sums", [&] {
        os.attribute("group", layer.bound->group);
        os.attribute("largest", layer.bound->largest);
      });
  }

  const Report &report;
  json::OStream os;
};

} // namespace

void writeJson(const Report &report, raw_ostream &os) {
  Writer(report, os).write();
  os << '\n';
}

} // namespace vitya::report
