// vitya-check: compares what executes a model: LibTorch, the reference interpreter and compiled code.
#include "dialect/support/Errors.h"
#include "frontend/data/Random.h"
#include "passes/analysis/ImageSet.h"
#include "tools/lib/CompiledModel.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/LayerDifferences.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Threading.h"

using namespace mlir;
using namespace vitya;

namespace cl = llvm::cl;

static cl::OptionCategory category("vitya-check options");
static cl::opt<std::string> inputPath(cl::Positional, cl::desc("MODEL"), cl::Required, cl::cat(category));
static cl::opt<std::string> imagesPath("images",
                                       cl::desc("Images to run the model on, as for vitya-run "
                                                "(default: 8 images of random pixels)"),
                                       cl::value_desc("file"), cl::cat(category));
static cl::opt<int64_t> countOption("count", cl::desc("Use only the first N images (default: all)"),
                                    cl::value_desc("N"), cl::cat(category));
static cl::opt<int64_t> layerImages("layers", cl::init(4), cl::value_desc("N"), cl::cat(category),
                                    cl::desc("Compare the results of layers on the first N images (default: 4)"));
static cl::opt<std::string> cpuName("cpu", cl::desc("Processor to compile for (default: native)"), cl::init("native"),
                                    cl::value_desc("native|NAME"), cl::cat(category));
static ImportFlags importFlags(category);

namespace {

/// The images that the model runs on: those of a file, or random pixels.
struct Images {
  std::optional<ImageSet> file;
  int64_t count = 8;

  void read(int64_t index, MutableArrayRef<float> pixels) const {
    if (file)
      return file->read(index, pixels);
    Random random(index);
    for (float &pixel : pixels)
      pixel = static_cast<float>(random.uniform());
  }
};

llvm::Expected<Images> openImages(ModuleOp module) {
  Images images;
  if (countOption.getNumOccurrences() && countOption < 1)
    return makeError("expected --count to be at least 1, found {0}", countOption.getValue());
  if (layerImages < 0)
    return makeError("expected --layers to be at least 0, found {0}", layerImages.getValue());
  if (countOption.getNumOccurrences())
    images.count = countOption;
  if (imagesPath.empty())
    return images;
  FailureOr<ImageSet> file = ImageSet::open(module, imagesPath, countOption);
  if (failed(file))
    return reportedError();
  images.count = file->count();
  images.file = std::move(*file);
  return images;
}

void print(ArrayRef<LayerDifference> layers) {
  size_t width = 5;
  for (const LayerDifference &layer : layers)
    width = std::max(width, layer.name.size());
  if (!layers.empty())
    llvm::outs() << llvm::left_justify("layer", width) << "  largest difference  largest value\n";
  for (const LayerDifference &layer : layers)
    llvm::outs() << llvm::left_justify(layer.name, width)
                 << llvm::format("  %18.3g  %13.3g\n", layer.difference, layer.largest);
}

/// Compares logits [image, class] of LibTorch with those of compiled code.
void printAgreement(ArrayRef<float> torch, ArrayRef<float> compiled, int64_t count) {
  size_t classes = compiled.size() / count;
  int64_t same = 0;
  for (int64_t image = 0; image < count; ++image) {
    auto classOf = [&](ArrayRef<float> logits) {
      ArrayRef<float> row = logits.slice(image * classes, classes);
      return std::max_element(row.begin(), row.end()) - row.begin();
    };
    same += classOf(torch) == classOf(compiled);
  }
  LayerDifference difference = differenceOf("", torch, compiled);
  llvm::outs() << llvm::format("LibTorch and compiled code: largest difference of logits %.3g, of values up to %.3g\n",
                               difference.difference, difference.largest)
               << llvm::format("LibTorch and compiled code: same class for %ld of %ld images (%.2f %%)\n", long(same),
                               long(count), 100.0 * double(same) / double(count));
}

llvm::Error run() {
  DialectRegistry registry;
  registerAllModelDialects(registry);
  MLIRContext context(registry);
  printDiagnosticsAs(context, "vitya-check");
  llvm::Expected<Target> target = makeTarget(cpuName);
  if (!target)
    return target.takeError();
  llvm::Expected<ModelFile> file = ModelFile::read(inputPath);
  if (!file)
    return file.takeError();
  llvm::Expected<OwningOpRef<ModuleOp>> module = loadModel(context, *file, importFlags.get());
  if (!module)
    return module.takeError();
  llvm::Expected<Phase> phase = phaseOf(**module);
  if (!phase)
    return phase.takeError();
  if (*phase > Phase::compress)
    return makeError("expected a model of phase import or compress, found '" + inputPath + "' at phase " +
                     stringifyPhase(*phase));
  llvm::Expected<Images> images = openImages(**module);
  if (!images)
    return images.takeError();
  auto source = [&](int64_t index, MutableArrayRef<float> pixels) { images->read(index, pixels); };
  int64_t layerCount = std::min<int64_t>(layerImages, images->count);

  llvm::Expected<ComparedModel> compared = compareLayers(**module, images->count, layerCount, source);
  if (!compared)
    return compared.takeError();
  llvm::Expected<CompiledModel> compiled = CompiledModel::create(**module, *phase, *target);
  if (!compiled)
    return compiled.takeError();
  llvm::Expected<std::vector<float>> logits =
      compiled->run(images->count, int(llvm::hardware_concurrency().compute_thread_count()), source);
  if (!logits)
    return logits.takeError();

  print(compared->layers);
  printAgreement(compared->torch, *logits, images->count);
  ArrayRef<float> reference = compared->reference, found = ArrayRef(*logits).take_front(reference.size());
  if (std::memcmp(reference.data(), found.data(), reference.size() * sizeof(float)) != 0) {
    LayerDifference difference = differenceOf("", reference, found);
    return makeError("expected compiled code to give the bits of the reference interpreter, found a difference of {0}, "
                     "of values up to {1}",
                     difference.difference, difference.largest);
  }
  if (layerCount)
    llvm::outs() << "reference interpreter and compiled code: same bits for " << layerCount << " images\n";
  return llvm::Error::success();
}

} // namespace

int main(int argc, char **argv) {
  return runTool(argc, argv, "vitya-check",
                 "Compares LibTorch, the reference interpreter and compiled code on a model\n", &category, run);
}
