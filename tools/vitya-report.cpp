// vitya-report: compiles a model in several ways, measures them and writes one page about it.
#include "dialect/support/Errors.h"
#include "dialect/support/ProgramFolder.h"
#include "dialect/support/WriteOutput.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/report/Findings.h"
#include "tools/lib/report/Machine.h"
#include "tools/lib/report/Measure.h"
#include "tools/lib/report/Variants.h"
#include "tools/lib/report/WriteReport.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Program.h"
#include <chrono>

using namespace vitya;
using namespace vitya::report;

namespace cl = llvm::cl;

static cl::OptionCategory category("vitya-report options");
static cl::opt<std::string> modelPath(cl::Positional, cl::desc("MODEL"), cl::Required, cl::cat(category));
static cl::opt<std::string> dataPath("data", cl::Required, cl::value_desc("file"), cl::cat(category),
                                     cl::desc("Images with labels on which all variants are measured: a folder or list "
                                              "of pictures, an .npy array or CIFAR-10 records"));
static cl::opt<std::string>
    calibrationPath("calibrate", cl::value_desc("file"), cl::cat(category),
                    cl::desc("Images on which compression runs the model, not those of --data"));
static cl::list<std::string> variantTexts(
    "variant", cl::value_desc("NAME=OPTIONS"), cl::cat(category),
    cl::desc("A variant and its options of vitya-compile: --precision=, --low-rank=, --quantize=, --smooth=, "
             "--max-bytes=, --max-latency=, --max-kl=, --max-drop=, --cascade=, --validate=, --cpu= (default: a usual "
             "choice of low rank and quantization)"));
static cl::opt<std::string> pagePath("o", cl::Required, cl::value_desc("file"), cl::cat(category),
                                     cl::desc("The HTML page, which needs no other file"));
static cl::opt<std::string> jsonPath("json", cl::value_desc("file"), cl::cat(category),
                                     cl::desc("Write all data to this file, too"));
static cl::opt<std::string> markdownPath("markdown", cl::value_desc("file"), cl::cat(category),
                                         cl::desc("Write findings and tables to this file, too"));
static cl::opt<int64_t> count("count", cl::value_desc("N"), cl::cat(category),
                              cl::desc("Use only N of the images of --data (default: all)"));
static cl::opt<int64_t>
    threads("run-threads", cl::value_desc("N"), cl::cat(category),
            cl::desc("Number of threads of executables (default: the processors that the process may use)"));
static cl::opt<int64_t> rounds("rounds", cl::init(3), cl::value_desc("N"), cl::cat(category),
                               cl::desc("How often the latency of all variants is measured (default: 3)"));
static ImportFlags importFlags(category);

namespace {

struct Output {
  std::string path;
  void (*write)(const Report &, llvm::raw_ostream &);
};

/// The files to write. Fails if one cannot be written, is an input, or is named twice.
llvm::Expected<std::vector<Output>> openOutputs() {
  std::vector<Output> outputs = {{pagePath, writePage}};
  if (!jsonPath.empty())
    outputs.push_back({jsonPath, writeJson});
  if (!markdownPath.empty())
    outputs.push_back({markdownPath, writeMarkdown});
  llvm::StringSet<> files;
  for (const Output &output : outputs) {
    if (llvm::Error error = checkWritable(output.path))
      return std::move(error);
    if (std::optional<std::string> file = replacedFile(output.path); file && !files.insert(*file).second)
      return makeError("expected different files for -o, --json and --markdown, found '{0}' twice", output.path);
  }
  return outputs;
}

/// The options with which vitya-compile reads the model as this program was told to.
std::vector<std::string> importOptions() {
  const ImportOptions &options = importFlags.get();
  std::vector<std::string> result;
  for (const auto &[name, value] :
       {std::pair("--layout=", options.layout), {"--prefix=", options.prefix}, {"--key=", options.key}})
    if (!value.empty() && value != "auto")
      result.push_back(name + value);
  for (const std::string &setting : options.settings)
    result.push_back("--set=" + setting);
  return result;
}

llvm::Expected<MeasureOptions> measureOptions() {
  MeasureOptions options;
  constexpr llvm::StringLiteral kCompiler = "vitya-compile";
  llvm::ErrorOr<std::string> compiler = llvm::sys::findProgramByName(kCompiler, {programFolder()});
  if (!compiler)
    return makeError("expected the program {0} in '{1}', found none", kCompiler, programFolder());
  for (const cl::opt<int64_t> *number : {&count, &threads, &rounds})
    if (number->getNumOccurrences() && *number < 1)
      return makeError("expected --{0} to be at least 1, found {1}", number->ArgStr, number->getValue());
  if (!llvm::sys::fs::exists(modelPath))
    return makeError("expected a model at '{0}', which is read once for each variant, found no file or folder",
                     modelPath.getValue());
  options.compiler = *compiler;
  options.model = modelPath;
  options.data = dataPath;
  options.calibration = calibrationPath;
  options.importOptions = importOptions();
  options.count = count;
  options.threads = threads;
  options.rounds = rounds;
  return options;
}

/// Prints the variants without results.
llvm::Error failureOf(const Report &report) {
  std::string failures;
  for (const Variant &variant : report.variants)
    if (!variant.results)
      failures += (failures.empty() ? "'" : "; '") + variant.name + "': " + variant.failure;
  return failures.empty() ? llvm::Error::success()
                          : makeError("the report says of variants why they could not be measured: {0}", failures);
}

llvm::Error run(int argc, char **argv) {
  auto start = std::chrono::steady_clock::now();
  llvm::Expected<std::vector<Variant>> variants = makeVariants(variantTexts, !calibrationPath.empty());
  if (!variants)
    return variants.takeError();
  llvm::Expected<MeasureOptions> options = measureOptions();
  if (!options)
    return options.takeError();
  llvm::Expected<LabelledImages> images = openInputs(*options);
  if (!images)
    return images.takeError();
  llvm::Expected<std::vector<Output>> outputs = openOutputs();
  if (!outputs)
    return outputs.takeError();
  llvm::Expected<Report> report = measure(*options, std::move(*images), std::move(*variants));
  if (!report)
    return report.takeError();

  report->model = llvm::json::fixUTF8(modelPath);
  report->data = llvm::json::fixUTF8(dataPath);
  report->calibration = llvm::json::fixUTF8(calibrationPath);
  report->digest = digestOf(dataPath);
  report->version = VITYA_VERSION;
  report->llvmVersion = LLVM_VERSION_STRING;
  report->date = presentTime();
  report->command = "vitya-report";
  for (llvm::StringRef argument : llvm::ArrayRef(argv, argc).drop_front())
    report->command += " " + shellWord(argument);
  report->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  conclude(*report);
  for (const Output &output : *outputs)
    if (llvm::Error error = writeOutput(output.path, [&](llvm::raw_ostream &os) {
          output.write(*report, os);
          return llvm::Error::success();
        }))
      return error;
  return failureOf(*report);
}

} // namespace

int main(int argc, char **argv) {
  return runTool(argc, argv, "vitya-report", "A report on the variants of a model: accuracy, bytes, latency\n",
                 &category, [&] { return run(argc, argv); });
}
