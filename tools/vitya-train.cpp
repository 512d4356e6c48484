// vitya-train: trains a model from scratch, fine-tunes a compressed one, or trains a quantized one.
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/layout/NewModel.h"
#include "frontend/training/Trainer.h"
#include "mlir/Pass/PassManager.h"
#include "passes/analysis/ImageSet.h"
#include "tools/lib/CompressionFlags.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace vitya;

namespace cl = llvm::cl;

enum class Mode { train, finetune, qat };

static cl::OptionCategory modelCategory("Options of the model");
static cl::OptionCategory newCategory("Options of a new model (train)");
static cl::OptionCategory dataCategory("Options of the data and its augmentation");
static cl::OptionCategory courseCategory("Options of the course of training");

// LLVM registers an option of this name in a static constructor that runs before those of this file. Remove it.
[[maybe_unused]] static const bool threadsIsFree = [] {
  if (cl::Option *option = cl::getRegisteredOptions().lookup("threads"))
    option->removeArgument();
  return true;
}();

template <typename Type>
using Option = cl::opt<Type>;

static Option<std::string> command(cl::Positional, cl::Required, cl::cat(modelCategory),
                                   cl::desc("train|finetune|qat"));
static Option<std::string> modelPath(cl::Positional, cl::desc("[MODEL]"), cl::cat(modelCategory));
static Option<std::string>
    output("o", cl::Required, cl::value_desc("file"), cl::cat(modelCategory),
           cl::desc("Checkpoint of the best model; the last model, the state to resume from, the "
                    "log (CSV) and its curves (SVG) are written beside it"));
static Option<std::string> teacherPath("teacher", cl::value_desc("file"), cl::cat(modelCategory),
                                       cl::desc("Model whose logits are taught (distillation)"));
static ImportFlags importFlags(modelCategory);
static CompressionFlags compressionFlags(modelCategory);

static Option<int64_t> image("image", cl::init(32), cl::cat(newCategory),
                             cl::desc("Height and width of images (default: 32)"));
static Option<int64_t> patch("patch", cl::cat(newCategory), cl::desc("Height and width of patches (default: 4)"));
static Option<int64_t> width("width", cl::init(192), cl::cat(newCategory), cl::desc("Width of tokens (default: 192)"));
static Option<int64_t> depth("depth", cl::init(9), cl::cat(newCategory), cl::desc("Number of blocks (default: 9)"));
static Option<int64_t> heads("heads", cl::init(3), cl::cat(newCategory), cl::desc("Heads of attention (default: 3)"));
static Option<int64_t> hidden("hidden", cl::cat(newCategory),
                              cl::desc("Width inside of an MLP (default: four times the width)"));
static Option<int64_t> registers("registers", cl::cat(newCategory), cl::desc("Number of registers (default: 0)"));
static cl::list<int64_t> stem("stem", cl::CommaSeparated, cl::cat(newCategory),
                              cl::desc("Output channels of the convolutions of a layout that has some"));
static cl::list<std::string> with("with", cl::CommaSeparated, cl::cat(newCategory),
                                  cl::desc("Optional tensors that the model has besides those of the layout"));
static cl::list<std::string> without("without", cl::CommaSeparated, cl::cat(newCategory),
                                     cl::desc("Optional tensors that the model does not have"));
static Option<double> positionStd("position-std", cl::init(0.02), cl::cat(newCategory),
                                  cl::desc("Standard deviation of position embeddings and tokens (default: 0.02)"));
static Option<double> layerScale("layer-scale", cl::cat(newCategory), cl::desc("Value of LayerScale (default: 1e-5)"));
static Option<bool> nearIdentity("near-identity-attention", cl::cat(newCategory),
                                 cl::desc("Begin with attention near the identity (arXiv 2305.09828)"));

static Option<std::string>
    dataPath("data", cl::Required, cl::value_desc("path"), cl::cat(dataCategory),
             cl::desc("Training images: a folder of data_batch_*.bin, a file in CIFAR-10's layout, or a "
                      "folder with a subfolder of pictures for each class"));
static Option<int64_t> heldOut("held-out", cl::init(5000), cl::cat(dataCategory),
                               cl::desc("Training images held out to choose the best model (default: 5000)"));
static Option<AugmentPolicy> policy("augment", cl::init(AugmentPolicy::none), cl::cat(dataCategory),
                                    cl::desc("Augmentation besides crop and flip (default: none)"),
                                    cl::values(clEnumValN(AugmentPolicy::none, "none", ""),
                                               clEnumValN(AugmentPolicy::trivial, "trivial", "TrivialAugment"),
                                               clEnumValN(AugmentPolicy::rand, "rand", "RandAugment")));
static Option<int64_t> randOperations("rand-operations", cl::init(2), cl::cat(dataCategory),
                                      cl::desc("Operations of RandAugment (default: 2)"));
static Option<int64_t> randMagnitude("rand-magnitude", cl::init(9), cl::cat(dataCategory),
                                     cl::desc("Magnitude of RandAugment, 0 to 30 (default: 9)"));
static Option<int64_t> crop("crop", cl::init(4), cl::cat(dataCategory),
                            cl::desc("Pixels by which a crop may move (default: 4)"));
static Option<bool> flip("flip", cl::init(true), cl::cat(dataCategory),
                         cl::desc("Mirror half of the images (default: true)"));
static Option<double> erase("erase", cl::init(0), cl::cat(dataCategory),
                            cl::desc("Probability of random erasing (default: 0)"));
static Option<double> mixup("mixup", cl::init(0), cl::cat(dataCategory),
                            cl::desc("Parameter of mixup (default: 0, none)"));
static Option<double> cutmix("cutmix", cl::init(0), cl::cat(dataCategory),
                             cl::desc("Parameter of CutMix (default: 0, none)"));
static Option<double> mixProbability("mix-probability", cl::init(1), cl::cat(dataCategory),
                                     cl::desc("Share of the batches that mixup or CutMix mixes (default: 1)"));
static Option<int64_t> repeats("repeats", cl::init(1), cl::cat(dataCategory),
                               cl::desc("Copies of an image in a batch, each augmented on its own (default: 1)"));
static Option<int64_t> workers("workers", cl::init(0), cl::cat(dataCategory),
                               cl::desc("Threads that augment images (default: one per core)"));

static Option<int64_t> epochs("epochs", cl::init(100), cl::cat(courseCategory),
                              cl::desc("Number of epochs (default: 100)"));
static Option<std::string>
    timeBudget("time-budget", cl::value_desc("time"), cl::cat(courseCategory),
               cl::desc("Train for this time instead, such as 45s, 150m or 2h: the schedule follows the time"));
static Option<bool> resume("resume", cl::cat(courseCategory), cl::desc("Go on from the state beside the output"));
static Option<int64_t> batchSize("batch", cl::init(128), cl::cat(courseCategory),
                                 cl::desc("Images in a batch (default: 128)"));
static Option<double> rate("lr", cl::init(0), cl::cat(courseCategory),
                           cl::desc("Learning rate after warm-up (default: 1e-3, finetune 3e-4, qat 1e-4)"));
static Option<double> finalRate("final-lr", cl::init(1e-5), cl::cat(courseCategory),
                                cl::desc("Learning rate at the end (default: 1e-5)"));
static Option<double> warmup("warmup", cl::init(0.05), cl::cat(courseCategory),
                             cl::desc("Share of the training with a rising rate (default: 0.05)"));
static Option<double> weightDecay("weight-decay", cl::init(0.05), cl::cat(courseCategory),
                                  cl::desc("Weight decay of matrices (default: 0.05)"));
static Option<double> clip("clip", cl::init(1), cl::cat(courseCategory),
                           cl::desc("Largest norm of the gradient; 0: any (default: 1)"));
static Option<double> averageDecay(
    "average-decay", cl::init(0.9998), cl::cat(courseCategory),
    cl::desc("Decay of the moving average of the weights, which is what is saved; 0: none (default: 0.9998)"));
static Option<double> smoothing("smoothing", cl::init(0.1), cl::cat(courseCategory),
                                cl::desc("Label smoothing (default: 0.1)"));
static Option<double> dropPath("drop-path", cl::init(0), cl::cat(courseCategory),
                               cl::desc("Stochastic depth of the last block (default: 0)"));
static Option<double> distillation("distillation", cl::init(0.5), cl::cat(courseCategory),
                                   cl::desc("Share of the teacher in the loss (default: 0.5)"));
static Option<double> temperature("temperature", cl::init(1), cl::cat(courseCategory),
                                  cl::desc("Temperature of the distillation (default: 1)"));
static Option<uint64_t> seed("seed", cl::init(0), cl::cat(courseCategory),
                             cl::desc("Seed of all randomness (default: 0)"));
static Option<double> saveInterval("save-interval", cl::init(60), cl::cat(courseCategory),
                                   cl::desc("Seconds between writes of the files (default: 60)"));
static Option<int64_t> threads("threads", cl::init(0), cl::cat(courseCategory),
                               cl::desc("Threads of LibTorch (default: one per core)"));
static Option<Device> device("device", cl::init(Device::cpu), cl::cat(courseCategory),
                             cl::desc("Where to train (default: cpu)"),
                             cl::values(clEnumValN(Device::cpu, "cpu", ""),
                                        clEnumValN(Device::cuda, "cuda", "with a LibTorch that has CUDA")));
static Option<bool> bfloat16("bf16", cl::cat(courseCategory), cl::desc("Compute matrix products in bfloat16"));
static Option<bool> deterministic("deterministic", cl::cat(courseCategory),
                                  cl::desc("Use deterministic algorithms only"));

namespace {

constexpr llvm::StringLiteral kTool = "vitya-train";
Mode mode; ///< which `command` names
std::atomic<bool> isInterrupted = false;

/// Parses a time such as 45s, 150m or 2h.
llvm::Expected<double> parseTime(StringRef text) {
  double number = 0;
  double unit = llvm::StringSwitch<double>(text.take_back()).Case("s", 1).Case("m", 60).Case("h", 3600).Default(0);
  if (unit == 0 || text.drop_back().getAsDouble(number) || !(number > 0))
    return makeError("expected --time-budget to be a positive number followed by s, m or h, found '{0}'", text);
  return number * unit;
}

llvm::Error checkNumber(StringRef name, double value, double low, double high) {
  if (value >= low && value <= high)
    return llvm::Error::success();
  return makeError("expected --{0} to be from {1} to {2}, found {3}", name, llvm::json::Value(low),
                   llvm::json::Value(high), llvm::json::Value(value));
}

llvm::Error chooseMode() {
  for (auto [name, value] : {std::pair("train", Mode::train), {"finetune", Mode::finetune}, {"qat", Mode::qat}})
    if (command == name) {
      mode = value;
      return llvm::Error::success();
    }
  return makeError("expected the command train, finetune or qat, found '" + command + "'");
}

llvm::Error checkNumbers() {
  const double kLarge = 1e30;
  struct {
    StringRef name;
    double value, low, high;
  } numbers[] = {{"epochs", double(epochs), 1, kLarge},
                 {"batch", double(batchSize), 1, kLarge},
                 {"held-out", double(heldOut), 0, kLarge},
                 {"workers", double(workers), 0, 1024},
                 {"threads", double(threads), 0, 1024},
                 {"lr", rate, 0, kLarge},
                 {"final-lr", finalRate, 0, kLarge},
                 {"warmup", warmup, 0, 1},
                 {"weight-decay", weightDecay, 0, kLarge},
                 {"clip", clip, 0, kLarge},
                 {"average-decay", averageDecay, 0, 1},
                 {"smoothing", smoothing, 0, 1},
                 {"mixup", mixup, 0, kLarge},
                 {"cutmix", cutmix, 0, kLarge},
                 {"mix-probability", mixProbability, 0, 1},
                 {"drop-path", dropPath, 0, 0.99},
                 {"distillation", distillation, 0, 1},
                 {"temperature", temperature, 1e-3, kLarge},
                 {"save-interval", saveInterval, 0, kLarge}};
  for (const auto &[name, value, low, high] : numbers)
    if (llvm::Error error = checkNumber(name, value, low, high))
      return error;
  if (mode == Mode::train && !modelPath.empty())
    return makeError("expected no MODEL with train, which makes a new one, found '" + modelPath + "'");
  if (mode != Mode::train && modelPath.empty())
    return makeError("expected a MODEL after the command, found none");
  if (mode == Mode::train && !compressionFlags.requested().empty())
    return makeError("expected " + compressionFlags.requested() + " with finetune or qat, found it with train");
  cl::Option *const ofNewModels[] = {&image,
                                     &patch,
                                     &width,
                                     &depth,
                                     &heads,
                                     &hidden,
                                     &registers,
                                     std::addressof(stem),
                                     std::addressof(with),
                                     std::addressof(without),
                                     &positionStd,
                                     &layerScale,
                                     &nearIdentity};
  for (cl::Option *each : ofNewModels)
    if (mode != Mode::train && each->getNumOccurrences())
      return makeError("expected --" + each->ArgStr +
                       " with train only, which makes a new model, found it with a MODEL");
  return llvm::Error::success();
}

double rateOrDefault() {
  if (rate.getNumOccurrences())
    return rate;
  return mode == Mode::train ? 1e-3 : mode == Mode::finetune ? 3e-4 : 1e-4;
}

/// The options on which the course of training depends.
llvm::json::Object identity() {
  llvm::json::Object result{{"lr", rateOrDefault()},
                            {"final-lr", finalRate.getValue()},
                            {"warmup", warmup.getValue()},
                            {"weight-decay", weightDecay.getValue()},
                            {"clip", clip.getValue()},
                            {"average-decay", averageDecay.getValue()},
                            {"smoothing", smoothing.getValue()},
                            {"mixup", mixup.getValue()},
                            {"cutmix", cutmix.getValue()},
                            {"mix-probability", mixProbability.getValue()},
                            {"drop-path", dropPath.getValue()},
                            {"batch", batchSize.getValue()},
                            {"held-out", heldOut.getValue()},
                            {"augment", static_cast<int64_t>(policy.getValue())},
                            {"rand-operations", randOperations.getValue()},
                            {"rand-magnitude", randMagnitude.getValue()},
                            {"crop", crop.getValue()},
                            {"flip", flip.getValue()},
                            {"erase", erase.getValue()},
                            {"repeats", repeats.getValue()},
                            {"seed", static_cast<int64_t>(seed.getValue())},
                            {"bf16", bfloat16.getValue()}};
  if (timeBudget.empty())
    result["epochs"] = epochs.getValue();
  else
    result["time-budget"] = timeBudget.getValue();
  if (!teacherPath.empty()) {
    result["distillation"] = distillation.getValue();
    result["temperature"] = temperature.getValue();
  }
  return result;
}

llvm::Expected<TrainerOptions> trainerOptions() {
  TrainerOptions result;
  int cores = llvm::hardware_concurrency().compute_thread_count();
  LearnerOptions &learner = result.learner;
  learner.device = device;
  learner.threads = threads ? int(threads) : cores;
  learner.isBfloat16 = bfloat16;
  learner.isDeterministic = deterministic;
  learner.weightDecay = weightDecay;
  learner.clipNorm = clip;
  learner.averageDecay = averageDecay;
  learner.smoothing = smoothing;
  learner.mixup = mixup;
  learner.cutmix = cutmix;
  learner.mixProbability = mixProbability;
  learner.distillation = distillation;
  learner.temperature = temperature;
  result.batches.augment.cropPadding = crop;
  result.batches.augment.flip = flip;
  result.batches.augment.policy = policy;
  result.batches.augment.randOperations = randOperations;
  result.batches.augment.randMagnitude = randMagnitude;
  result.batches.augment.erase = erase;
  result.batches.batchSize = batchSize;
  result.batches.repeats = repeats;
  result.batches.seed = seed;
  result.schedule = {rateOrDefault(), finalRate, warmup};
  result.epochs = epochs;
  if (!timeBudget.empty()) {
    llvm::Expected<double> seconds = parseTime(timeBudget);
    if (!seconds)
      return seconds.takeError();
    result.timeBudget = *seconds;
  }
  result.dropPath = dropPath;
  result.loaderThreads = workers ? int(workers) : cores;
  result.saveInterval = saveInterval;
  result.output = output;
  result.isResumed = resume;
  result.identity = identity();
  return result;
}

/// A setting "KEY=[...]" of one number for each channel.
std::string channelSetting(StringRef key, ArrayRef<double> values) {
  std::string text = key.str() + "=[";
  for (auto [index, value] : llvm::enumerate(values))
    text += llvm::formatv("{0}{1:f4}", index ? "," : "", value).str();
  return text + "]";
}

/// The settings `mean` and `std` of the training images.
std::vector<std::string> statisticsOf(const Dataset &data) {
  SmallVector<double> mean(data.channels), deviation(data.channels);
  int64_t plane = data.height * data.width;
  for (int64_t channel = 0; channel < data.channels; ++channel) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < data.count; ++i)
      for (uint8_t pixel : data.image(i).slice(channel * plane, plane)) {
        sum += pixel;
        squares += double(pixel) * pixel;
      }
    double count = double(data.count) * plane;
    mean[channel] = sum / count / 255;
    deviation[channel] =
        std::max(std::sqrt(std::max(squares / count - (sum / count) * (sum / count), 0.0)) / 255, 1e-3);
  }
  return {channelSetting("mean", mean), channelSetting("std", deviation)};
}

/// One run of the trainer: the model, the data, the course.
class Training {
public:
  Training() {
    registerAllModelDialects(registry);
    context.appendDialectRegistry(registry);
    printDiagnosticsAs(context, kTool);
  }

  llvm::Error run() {
    for (auto check : {chooseMode, checkNumbers})
      if (llvm::Error error = check())
        return error;
    llvm::Expected<TrainerOptions> options = trainerOptions();
    if (!options)
      return options.takeError();
    for (const std::string &path : {options->output, TrainingFiles::of(output).last})
      if (llvm::Error error = checkOutput(path))
        return error;
    for (auto step : {&Training::loadModel, &Training::readData, &Training::makeModel, &Training::compress})
      if (llvm::Error error = (this->*step)())
        return error;
    if (llvm::Error error = checkOptions(options->batches, data.training))
      return error;
    llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(*module, std::move(*options));
    if (!trainer)
      return trainer.takeError();
    if (llvm::Error error = setTeacher(**trainer))
      return error;
    llvm::outs() << llvm::formatv("{0} weights, {1} images, {2} held out\n", (*trainer)->weightCount(),
                                  data.training.count, data.validation.count);
    llvm::outs().flush();
    llvm::sys::SetInterruptFunction([] { isInterrupted = true; });
    return (*trainer)->run(data, isInterrupted);
  }

private:
  /// Loads MODEL, if there is one.
  llvm::Error loadModel() {
    if (mode == Mode::train)
      return llvm::Error::success();
    return loadInto(module, file, modelPath);
  }

  llvm::Error loadInto(OwningOpRef<ModuleOp> &into, std::optional<ModelFile> &from, StringRef path) {
    llvm::Expected<ModelFile> read = ModelFile::read(path);
    if (!read)
      return read.takeError();
    from = std::move(*read);
    llvm::Expected<OwningOpRef<ModuleOp>> loaded = vitya::loadModel(context, *from, importFlags.get());
    if (!loaded)
      return loaded.takeError();
    into = std::move(*loaded);
    llvm::Expected<Phase> phase = phaseOf(*into);
    if (!phase)
      return phase.takeError();
    if (*phase > Phase::compress)
      return makeError("expected a model of phase import or compress to train, found '{0}' at phase {1}", path,
                       stringifyPhase(*phase));
    return llvm::Error::success();
  }

  llvm::Error readData() {
    DatasetOptions options;
    options.height = options.width = image;
    if (module) {
      auto model = getDiscardable<VityaDialect::ModelAttrHelper>(*module);
      if (!model)
        return makeError("expected a model, found a module that is not one in '{0}'", modelPath.getValue());
      ArrayRef<int64_t> shape = model.getImage();
      ModelImage how = imageOf(*module, RankedTensorType::get(shape, Float32Type::get(&context)));
      options.channels = shape[0];
      options.height = shape[1];
      options.width = shape[2];
      options.preprocessing = how.preprocessing;
      options.classes = model.getClasses().size();
    }
    protectInput(dataPath);
    llvm::Expected<Dataset> read = readDataset(dataPath, options);
    if (!read)
      return read.takeError();
    if (module && read->classes != options.classes)
      return makeError("expected data with the {0} classes of the model, found {1}", options.classes, read->classes);
    classNames = read->classNames;
    llvm::Expected<SplitDataset> parts = split(std::move(*read), heldOut, seed);
    if (!parts)
      return prefixError("--held-out", parts.takeError());
    data = std::move(*parts);
    return llvm::Error::success();
  }

  /// Makes a new model: a checkpoint in memory, which is imported as any other.
  llvm::Error makeModel() {
    if (mode != Mode::train)
      return llvm::Error::success();
    ImportOptions options = importFlags.get();
    StringRef name = options.layout == "auto" ? "timm-vit" : StringRef(options.layout);
    llvm::Expected<std::vector<Layout>> layouts =
        loadLayouts(name, options.layoutFolder.empty() ? defaultLayoutFolder() : options.layoutFolder);
    if (!layouts)
      return layouts.takeError();
    options.layout = name.str();
    llvm::Expected<std::vector<TensorToWrite>> tensors = createModel(layouts->front(), newModelOptions(), seed);
    if (!tensors)
      return prefixError("layout '" + name + "'", tensors.takeError());
    checkpoint.clear();
    llvm::raw_svector_ostream os(checkpoint);
    if (llvm::Error error = writeCheckpoint(*tensors, {}, CheckpointFormat::safetensors, os))
      return error;
    auto isSet = [&](StringRef key) {
      return llvm::any_of(options.settings, [&](StringRef setting) { return setting.split('=').first == key; });
    };
    std::vector<std::string> settings = statisticsOf(data.training);
    settings.push_back("heads=" + std::to_string(heads));
    settings.push_back("image=" + std::to_string(image));
    if (!classNames.empty())
      settings.push_back("classes=" + llvm::join(classNames, ","));
    for (const std::string &setting : settings)
      if (!isSet(StringRef(setting).split('=').first))
        options.settings.push_back(setting);
    llvm::Expected<OwningOpRef<ModuleOp>> imported =
        importModel(context, {llvm::MemoryBufferRef(checkpoint, "new model")}, llvm::sys::path::stem(output), options);
    if (!imported)
      return imported.takeError();
    module = std::move(*imported);
    return llvm::Error::success();
  }

  NewModelOptions newModelOptions() const {
    NewModelOptions result;
    result.image = image;
    result.channels = data.training.channels;
    if (patch.getNumOccurrences())
      result.patch = patch;
    result.width = width;
    result.depth = depth;
    result.heads = heads;
    if (hidden.getNumOccurrences())
      result.hidden = hidden;
    result.classes = data.training.classes;
    result.registers = registers;
    result.stem.assign(stem.begin(), stem.end());
    result.with.assign(with.begin(), with.end());
    result.without.assign(without.begin(), without.end());
    result.positionStd = positionStd;
    if (layerScale.getNumOccurrences())
      result.layerScale = layerScale;
    result.nearIdentityAttention = nearIdentity;
    return result;
  }

  /// Compresses MODEL as the flags say.
  llvm::Error compress() {
    llvm::Expected<CompressOptions> options = compressionFlags.parse();
    if (!options)
      return options.takeError();
    if (!compressionFlags.goal().isEmpty() && compressionFlags.goal().isBounded())
      return makeError("expected no --max-kl or --max-drop, which vitya-compile has, found one");
    if (!compressionFlags.requested().empty()) {
      llvm::Expected<Phase> phase = phaseOf(*module);
      if (!phase)
        return phase.takeError();
      if (*phase != Phase::import)
        return makeError("expected a model of phase import for {0}, found one that is compressed",
                         compressionFlags.requested());
      PassManager pm(&context);
      buildPreparePipeline(pm, *options, nullptr);
      buildQuantizePipeline(pm, *options);
      if (failed(pm.run(*module)))
        return reportedError();
    }
    bool isQuantized = false;
    module->walk([&](LayerOpInterface layer) { isQuantized |= layer.isQuantized(); });
    if (isQuantized != (mode == Mode::qat))
      return mode == Mode::qat ? makeError("expected a quantized MODEL or --quantize for qat, found neither")
                               : makeError("expected the command qat for a quantized model, found another");
    return llvm::Error::success();
  }

  llvm::Error setTeacher(Trainer &trainer) {
    if (teacherPath.empty())
      return llvm::Error::success();
    if (llvm::Error error = loadInto(teacher, teacherFile, teacherPath))
      return error;
    return trainer.setTeacher(*teacher);
  }

  DialectRegistry registry;
  MLIRContext context;
  std::optional<ModelFile> file, teacherFile;
  llvm::SmallString<0> checkpoint; ///< of a new model
  OwningOpRef<ModuleOp> module, teacher;
  SplitDataset data;
  std::vector<std::string> classNames;
};

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions({&modelCategory, &newCategory, &dataCategory, &courseCategory});
  cl::SetVersionPrinter(
      [](llvm::raw_ostream &os) { os << "vitya " VITYA_VERSION ", LibTorch " << libTorchVersion() << "\n"; });
  cl::ParseCommandLineOptions(argc, argv,
                              "Trains Vision Transformers\n\n"
                              "  train      a new model\n"
                              "  finetune   the f32 weights of MODEL as they are, factors too\n"
                              "  qat        the weights of MODEL under its quantization\n");
  return exitCodeOf(Training().run(), kTool);
}
