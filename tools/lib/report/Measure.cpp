// Each variant is compiled by vitya-compile in a process of its own and measured as users run it, by its executable.
#include "tools/lib/report/Measure.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "dialect/support/WriteOutput.h"
#include "tools/lib/report/Machine.h"
#include "tools/lib/report/Programs.h"
#include "tools/lib/report/ReadResults.h"
#include "tools/lib/report/Variants.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include <cmath>

using namespace llvm;

namespace vitya::report {
namespace {

/// The seconds that one call of `bench` measures, and the numbers of runs between which it stays.
constexpr double kBenchSeconds = 0.5;
constexpr int64_t kLeastRuns = 3, kMostRuns = 1000;

/// The pictures that the page shows of each variant.
constexpr size_t kPictures = 8;

double medianOf(std::vector<double> values) {
  llvm::sort(values);
  return values[values.size() / 2];
}

/// A variant, its executable and what is known while it is measured.
struct Subject {
  Variant variant;
  std::unique_ptr<TemporaryFile> executable;
  double secondsOfImage = 0;                     ///< in the run on all images
  std::map<int64_t, std::vector<BenchRun>> runs; ///< by batch
};

class Measurement {
public:
  Measurement(const MeasureOptions &options, LabelledImages images) : options(options), images(std::move(images)) {}

  Expected<Report> run(std::vector<Variant> variants) {
    report.machine.load = loadAverage();
    for (auto [index, variant] : enumerate(variants)) {
      show("compiling and evaluating", variant.name, index, variants.size());
      Subject subject;
      subject.variant = std::move(variant);
      subject.variant.command = commandOf(subject.variant);
      if (Error error = settle(subject, compileAndScore(subject)))
        return std::move(error);
      subjects.push_back(std::move(subject));
    }
    for (int64_t round = 0; round < options.rounds; ++round)
      if (Error error = forEachResult("measuring latency of", [&](Subject &subject) { return bench(subject); }))
        return std::move(error);
    if (Error error = forEachResult("profiling", [&](Subject &subject) { return profile(subject); }))
      return std::move(error);
    return finish();
  }

private:
  void show(StringRef task, StringRef name, size_t index, size_t count) {
    line.show(formatv("{0} '{1}' ({2}/{3})", task, name, index + 1, count).str());
  }

  /// Makes `error` the failure of a variant. That of the original model is returned.
  Error settle(Subject &subject, Error error) {
    if (!error)
      return Error::success();
    subject.variant.results.reset();
    if (subjects.empty() || &subject == &subjects.front())
      return error;
    subject.variant.failure = toString(std::move(error));
    return Error::success();
  }

  Error forEachResult(StringRef task, function_ref<Error(Subject &)> measure) {
    for (auto [index, subject] : enumerate(subjects)) {
      if (!subject.variant.results)
        continue;
      show(task, subject.variant.name, index, subjects.size());
      if (Error error = settle(subject, measure(subject)))
        return error;
    }
    return Error::success();
  }

  std::vector<std::string> compilerArguments(const Variant &variant) const {
    std::vector<std::string> result = options.importOptions;
    append_range(result, variant.options);
    if (looksAtImages(variant) && !options.calibration.empty())
      result.push_back("--calibrate=" + options.calibration);
    return result;
  }

  /// The command that compiles a variant, as a user types it.
  std::string commandOf(const Variant &variant) const {
    std::string text;
    raw_string_ostream os(text);
    os << "vitya-compile " << shellWord(options.model);
    for (const std::string &argument : compilerArguments(variant))
      os << ' ' << shellWord(argument);
    os << " -o vit";
    return text;
  }

  /// Compiles the variant, reads what its executable and the compiler say about it, and scores its predictions.
  Error compileAndScore(Subject &subject) {
    Expected<std::unique_ptr<TemporaryFile>> executable = TemporaryFile::create(""),
                                             layers = TemporaryFile::create("json");
    if (Error error = joinErrors(executable.takeError(), layers.takeError()))
      return error;
    subject.executable = std::move(*executable);
    std::vector<std::string> arguments = compilerArguments(subject.variant);
    bool hasReport = isReported(subject.variant);
    if (hasReport)
      arguments.push_back("--report=" + (*layers)->path().str());
    for (StringRef each : {"-o", subject.executable->path().data(), "--", options.model.c_str()})
      arguments.push_back(each.str());
    Expected<ProgramOutput> compiled = runProgram(options.compiler, arguments);
    if (!compiled)
      return compiled.takeError();
    Results &results = subject.variant.results.emplace();
    results.compileSeconds = compiled->seconds;
    results.remarks = std::move(compiled->remarks);
    uint64_t bytes = 0;
    if (std::error_code error = sys::fs::file_size(subject.executable->path(), bytes))
      return errorCodeToError(error);
    results.executableBytes = static_cast<int64_t>(bytes);
    Expected<ProgramOutput> info = runProgram(subject.executable->path(), {"info", "--json"});
    if (!info)
      return info.takeError();
    if (Error error = readInfo(info->output->getBuffer(), results))
      return error;
    if (hasReport) {
      auto text = (*layers)->read();
      if (!text)
        return text.takeError();
      if (Error error = readCompression((*text)->getBuffer(), results))
        return error;
    }
    if (Error error = score(subject))
      return error;
    return results.facts.cascade ? measureDeferred(subject) : Error::success();
  }

  std::vector<std::string> executableArguments(std::vector<std::string> arguments) const {
    if (options.threads)
      arguments.push_back("--threads=" + std::to_string(options.threads));
    return arguments;
  }

  /// The arguments of `command` on the images of the report.
  std::vector<std::string> dataArguments(StringRef command) const {
    std::vector<std::string> arguments = executableArguments({command.str(), options.data});
    if (options.count)
      arguments.push_back("--count=" + std::to_string(options.count));
    return arguments;
  }

  /// Counts the images for which the dense model of a cascade runs.
  Error measureDeferred(Subject &subject) const {
    std::vector<std::string> arguments = dataArguments("eval");
    arguments.push_back("--json");
    Expected<ProgramOutput> run = runProgram(subject.executable->path(), arguments);
    return run ? readDeferred(run->output->getBuffer(), *subject.variant.results->facts.cascade) : run.takeError();
  }

  Error score(Subject &subject) {
    Results &results = *subject.variant.results;
    if (!original)
      if (Error error = images.findLabels(results.facts.classes))
        return error;
    Expected<ProgramOutput> run = runProgram(subject.executable->path(), dataArguments("logits"));
    if (!run)
      return run.takeError();
    subject.secondsOfImage = run->seconds / static_cast<double>(images.count());
    auto classes = static_cast<int64_t>(results.facts.classes.size());
    Expected<LogitsView> logits = LogitsView::read(run->output->getBuffer(), images.count(), classes);
    if (!logits)
      return logits.takeError();
    if (!original) {
      original.emplace(std::move(*logits));
      report.confusion = confusionOf(*original, images, classes);
      results.score = scoreOf(*original, *original, images);
      return Error::success();
    }
    results.score = scoreOf(*original, *logits, images);
    for (const ChangedImage &changed : ArrayRef(results.score.changed).take_front(kPictures))
      if (std::string &picture = report.pictures[changed.image]; picture.empty())
        picture = images.picture(changed.image, results.facts.image);
    return Error::success();
  }

  std::vector<std::string> benchArguments(const Subject &subject, int64_t batch) const {
    double wanted = kBenchSeconds / (subject.secondsOfImage * static_cast<double>(batch));
    auto runs = static_cast<int64_t>(std::clamp<double>(wanted, kLeastRuns, kMostRuns));
    return executableArguments(
        {"bench", "--json", "--batch=" + std::to_string(batch), "--runs=" + std::to_string(runs)});
  }

  /// Measures one round of each batch.
  Error bench(Subject &subject) {
    for (int64_t batch : kBatches) {
      std::vector<std::string> arguments = benchArguments(subject, batch);
      arguments.push_back("--no-peaks");
      Expected<ProgramOutput> run = runProgram(subject.executable->path(), arguments);
      if (!run)
        return run.takeError();
      const std::optional<Cascade> &cascade = subject.variant.results->facts.cascade;
      Expected<BenchRun> read = readBench(run->output->getBuffer(), cascade ? cascade->deferred : 0);
      if (!read)
        return read.takeError();
      report.machine.threads = read->threads;
      subject.runs[batch].push_back(*read);
    }
    return Error::success();
  }

  Error profile(Subject &subject) {
    std::vector<std::string> arguments = benchArguments(subject, /*batch=*/1);
    arguments.push_back("--profile");
    Expected<ProgramOutput> run = runProgram(subject.executable->path(), arguments);
    if (!run)
      return run.takeError();
    Expected<Profile> read = readProfile(run->output->getBuffer());
    if (!read)
      return read.takeError();
    subject.variant.results->profile = std::move(*read);
    return Error::success();
  }

  Report finish() {
    for (Subject &subject : subjects) {
      if (subject.variant.results)
        for (const auto &[batch, runs] : subject.runs) {
          Latency latency{batch, INFINITY, 0, 0};
          std::vector<double> medians;
          for (const BenchRun &run : runs) {
            latency.best = std::min(latency.best, run.best);
            latency.worst = std::max(latency.worst, run.best);
            medians.push_back(run.median);
          }
          latency.median = medianOf(std::move(medians));
          subject.variant.results->latencies.push_back(latency);
        }
      report.variants.push_back(std::move(subject.variant));
    }
    report.images = images.count();
    report.areClassesInOrder = images.areClassesInOrder();
    report.rounds = options.rounds;
    describeMachine(report.machine);
    line.clear();
    return std::move(report);
  }

  const MeasureOptions &options;
  Report report;
  LabelledImages images;
  std::vector<Subject> subjects;
  std::optional<LogitsView> original; ///< once they have been computed
  ProgressLine line;
};

} // namespace

Expected<LabelledImages> openInputs(const MeasureOptions &options) {
  protectInput(options.model);
  std::error_code ignored;
  for (sys::fs::directory_iterator file(options.model, ignored), end; file != end; file.increment(ignored))
    protectInput(file->path());
  Expected<LabelledImages> images = LabelledImages::open(options.data, options.count);
  if (!images || options.calibration.empty())
    return images;
  if (Expected<OpenImages> calibration = openImages(options.calibration, /*count=*/0); !calibration)
    return calibration.takeError();
  if (sys::fs::equivalent(options.data, options.calibration))
    return makeError("expected --calibrate to have other images than --data, so that accuracy is that on new images, "
                     "found '{0}' for both",
                     options.data);
  return images;
}

Expected<Report> measure(const MeasureOptions &options, LabelledImages images, std::vector<Variant> variants) {
  return Measurement(options, std::move(images)).run(std::move(variants));
}

} // namespace vitya::report
