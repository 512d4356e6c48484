// vitya-run: executes a model in this process and prints its logits, with the reference interpreter or as compiled
// code.
#include "dialect/VityaOps.h"
#include "dialect/reference/RunImages.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "passes/analysis/ImageSet.h"
#include "runtime/threads/Pool.h"
#include "tools/lib/CompiledModel.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/xxhash.h"
#include <limits>
#include <numeric>

using namespace mlir;
using namespace vitya;

namespace cl = llvm::cl;

enum class Engine { reference, compiled };

// LLVM registers an option of this name in a static constructor that runs before those of this file. Remove it.
[[maybe_unused]] static const bool threadsIsFree = [] {
  if (cl::Option *option = cl::getRegisteredOptions().lookup("threads"))
    option->removeArgument();
  return true;
}();

static cl::OptionCategory category("vitya-run options");
static cl::opt<std::string> inputPath(cl::Positional, cl::desc("MODEL"), cl::Required, cl::cat(category));
static cl::opt<std::string>
    imagesPath("images",
               cl::desc("Images to run the model on: a folder or list of pictures, an .npy array or CIFAR-10 records"),
               cl::value_desc("file"), cl::Required, cl::cat(category));
static cl::opt<Engine> engine(
    "engine", cl::desc("What executes the model (default: reference)"), cl::init(Engine::reference), cl::cat(category),
    cl::values(clEnumValN(Engine::reference, "reference", "the interpreter, for IR of the phases import and compress"),
               clEnumValN(Engine::compiled, "compiled", "machine code compiled in this process, for IR of any phase")));
static cl::opt<std::string> cpuName("cpu",
                                    cl::desc("Processor that the compiled engine compiles for (default: native)"),
                                    cl::init("native"), cl::value_desc("native|NAME"), cl::cat(category));
static cl::opt<int64_t> countOption("count", cl::desc("Use only the first N images (default: all)"),
                                    cl::value_desc("N"), cl::cat(category));
static cl::opt<int64_t>
    threadsOption("threads", cl::desc("Number of threads, each of which runs whole images (default: one per core)"),
                  cl::value_desc("N"), cl::cat(category));
static cl::opt<bool> raw("raw", cl::desc("Write the logits as little-endian f32: [image, class]"), cl::cat(category));
static cl::opt<std::string> outputPath("o", cl::desc("Output file (default: standard output)"), cl::init("-"),
                                       cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string>
    trace("trace",
          cl::desc("Print shape, range, mean and checksum of the results of ops whose layer name "
                   "or op name matches (reference engine)"),
          cl::value_desc("regex"), cl::cat(category));
static ImportFlags importFlags(category);

namespace {

/// The images to run the model on.
struct Images {
  OpenImages data;
  int64_t count = 0;
  int threads = 1;
};

/// The result of an engine: logits [image, class], and the lines of --trace for each image.
struct Results {
  std::vector<float> logits;
  std::vector<std::string> traces;
};

llvm::Expected<Images> openImages() {
  auto checkRange = [](const cl::opt<int64_t> &option, int64_t max) -> llvm::Error {
    if (option.getNumOccurrences() == 0 || (option >= 1 && option <= max))
      return llvm::Error::success();
    return makeError("expected --" + option.ArgStr + " to be a number from 1 to " + llvm::Twine(max) + ", found " +
                     llvm::Twine(option.getValue()));
  };
  if (llvm::Error error = checkRange(threadsOption, kMaxThreads))
    return std::move(error);
  llvm::Expected<OpenImages> data = vitya::openImages(imagesPath, /*count=*/0);
  if (!data)
    return data.takeError();
  if (llvm::Error error = checkRange(countOption, (*data)->count))
    return std::move(error);
  Images images{std::move(*data)};
  if (countOption.getNumOccurrences())
    takeImages(*images.data, countOption);
  images.count = images.data->count;
  images.threads =
      threadsOption.getNumOccurrences() ? threadsOption : llvm::hardware_concurrency().compute_thread_count();
  return images;
}

//===----------------------------------------------------------------------===//
// Engines
//===----------------------------------------------------------------------===//

/// How the trace labels `op`: with the name of its layer, or, for an op that is not a layer, with the name in its
/// location.
StringRef labelOf(Operation *op) {
  if (auto layer = dyn_cast<LayerOpInterface>(op))
    return layer.getLayer();
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    return name.getName().getValue();
  return "";
}

/// Prints one line about a result. Results with equal checksums have equal bits.
void printTrace(int64_t image, Operation *op, const reference::Tensor &tensor, llvm::raw_ostream &os) {
  float min = std::numeric_limits<float>::infinity(), max = -min;
  double sum = 0;
  for (float value : tensor.values()) {
    min = std::isnan(value) ? value : std::min(min, value);
    max = std::isnan(value) ? value : std::max(max, value);
    sum += value;
  }
  os << "image " << image << ": " << op->getName() << " \"" << labelOf(op) << "\" ";
  llvm::interleave(tensor.shape(), os, "x");
  llvm::StringRef bytes(tensor.bytes().data(), tensor.bytes().size());
  os << llvm::format(" min %.6g max %.6g mean %.6g checksum ", min, max, sum / tensor.size())
     << llvm::format_hex_no_prefix(llvm::xxh3_64bits(bytes), 16) << '\n';
}

llvm::Expected<Results> runReference(ModuleOp module, Phase phase, const Images &images) {
  if (cpuName.getNumOccurrences())
    return makeError("expected --cpu with --engine=compiled, found --engine=reference");
  if (phase > Phase::compress)
    return makeError("expected IR of phase import or compress for --engine=reference, found " + stringifyPhase(phase));
  llvm::Regex pattern(trace);
  if (std::string problem; !trace.empty() && !pattern.isValid(problem))
    return makeError("expected --trace to be a regular expression, found '" + trace + "': " + problem);
  RankedTensorType image = imageTypeOf(module);
  if (image && image.getRank() == 3)
    if (llvm::Error error = checkImages(*images.data, imageOf(module, image), imagesPath))
      return std::move(error);

  Results results;
  results.traces.resize(images.count);
  auto source = [&](int64_t index, MutableArrayRef<float> pixels) {
    readImage(*images.data, index, imageOf(module, image), pixels.data());
  };
  auto observe = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> values) {
    if (isa<arith::ConstantOp>(op) || (!pattern.match(labelOf(op)) && !pattern.match(op->getName().getStringRef())))
      return;
    llvm::raw_string_ostream os(results.traces[index]);
    for (const reference::Tensor &value : values)
      printTrace(index, op, value, os);
  };
  FailureOr<std::vector<float>> logits =
      reference::runImages(module, images.count, source,
                           trace.empty() ? reference::ImageObserver(nullptr) : reference::ImageObserver(observe));
  if (failed(logits))
    return reportedError();
  results.logits = std::move(*logits);
  return results;
}

llvm::Expected<Results> runCompiled(ModuleOp module, Phase phase, const Images &images) {
  if (!trace.empty())
    return makeError("expected --trace with --engine=reference, found --engine=compiled");
  llvm::Expected<Target> target = makeTarget(cpuName);
  if (!target)
    return target.takeError();
  llvm::Expected<CompiledModel> compiled = CompiledModel::create(module, phase, *target);
  if (!compiled)
    return compiled.takeError();
  const vitya_model &model = compiled->model();
  if (llvm::Error error = checkImages(*images.data, imageOf(model), imagesPath))
    return std::move(error);
  llvm::Expected<std::vector<float>> logits =
      compiled->run(images.count, images.threads, [&](int64_t index, MutableArrayRef<float> pixels) {
        readImage(*images.data, index, imageOf(model), pixels.data());
      });
  if (!logits)
    return logits.takeError();
  return Results{std::move(*logits), std::vector<std::string>(images.count)};
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

/// Prints logits with four decimals and without negative zeros.
void printLogits(int64_t image, ArrayRef<float> logits, llvm::raw_ostream &os) {
  os << "image " << image << ": logits";
  for (float logit : logits)
    os << llvm::format(" %.4f", std::abs(logit) < 0.00005f ? 0.0f : logit);
  os << '\n';
}

llvm::Error writeResults(const Results &results, int64_t count) {
  ArrayRef<float> logits(results.logits);
  size_t classes = logits.size() / count;
  return writeOutput(outputPath, [&](llvm::raw_ostream &os) {
    for (int64_t i = 0; i < count; ++i) {
      ArrayRef<float> row = logits.slice(i * classes, classes);
      os << results.traces[i];
      if (!raw)
        printLogits(i, row, os);
      else
        for (float logit : row)
          llvm::support::endian::write<float>(os, logit, llvm::endianness::little);
    }
    return llvm::Error::success();
  });
}

/// Fails if a logit of the `count` images is not finite.
llvm::Error checkFinite(ArrayRef<float> logits, int64_t count) {
  const float *found = llvm::find_if(logits, [](float logit) { return !std::isfinite(logit); });
  if (found == logits.end())
    return llvm::Error::success();
  auto classes = static_cast<int64_t>(logits.size()) / count;
  return makeError("expected finite logits, found {0} as logit {1} of image {2}",
                   std::isnan(*found) ? "NaN"
                   : *found > 0       ? "infinity"
                                      : "-infinity",
                   (found - logits.begin()) % classes, (found - logits.begin()) / classes);
}

llvm::Error run() {
  if (raw && !trace.empty())
    return makeError("expected --raw or --trace, found both");
  llvm::Expected<Images> images = openImages();
  if (!images)
    return images.takeError();

  DialectRegistry registry;
  registerAllModelDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(images->threads));
  if (images->threads > 1)
    context.setThreadPool(pool);
  printDiagnosticsAs(context, "vitya-run");
  llvm::Expected<ModelFile> file = ModelFile::read(inputPath);
  if (!file)
    return file.takeError();
  llvm::Expected<OwningOpRef<ModuleOp>> module = loadModel(context, *file, importFlags.get());
  if (!module)
    return module.takeError();
  llvm::Expected<Phase> phase = phaseOf(**module);
  if (!phase)
    return phase.takeError();
  llvm::Expected<Results> results =
      (engine == Engine::reference ? runReference : runCompiled)(**module, *phase, *images);
  if (!results)
    return results.takeError();
  // Logits are written even if they are not finite: the trace shows where the first such value is.
  if (llvm::Error error = writeResults(*results, images->count))
    return error;
  return checkFinite(results->logits, images->count);
}

} // namespace

int main(int argc, char **argv) {
  return runTool(argc, argv, "vitya-run", "Executes a model on images and prints its logits\n", &category, run);
}
