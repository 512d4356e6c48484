// One table declares the options, checks their ranges, and says what a run that is resumed must have in common with its
// beginning. The values are stored where the trainer reads them.
#include "tools/lib/TrainingFlags.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Threading.h"

namespace cl = llvm::cl;

namespace vitya {
namespace {

constexpr double kAny = 1e30;

std::string formatNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", number);
  return text;
}

/// Parses a time such as 45s, 150m or 2h.
llvm::Expected<double> parseTime(llvm::StringRef text) {
  double number = 0;
  double unit = llvm::StringSwitch<double>(text.take_back()).Case("s", 1).Case("m", 60).Case("h", 3600).Default(0);
  if (unit == 0 || text.drop_back().getAsDouble(number) || !(number > 0 && number <= kAny))
    return makeError("expected --time-budget to be a positive number followed by s, m or h, found '{0}'", text);
  return number * unit;
}

llvm::StringRef nameOf(AugmentPolicy policy) {
  switch (policy) {
  case AugmentPolicy::none:
    return "none";
  case AugmentPolicy::trivial:
    return "trivial";
  case AugmentPolicy::rand:
    return "rand";
  }
  llvm_unreachable("a policy");
}

llvm::StringRef nameOf(Optimizer optimizer) {
  switch (optimizer) {
  case Optimizer::adamw:
    return "adamw";
  case Optimizer::muon:
    return "muon";
  }
  llvm_unreachable("an optimizer");
}

} // namespace

TrainingFlags::TrainingFlags(cl::OptionCategory &dataCategory, cl::OptionCategory &courseCategory)
    : dataFlag("data", cl::location(dataPath), cl::Required, cl::value_desc("path"), cl::cat(dataCategory),
               cl::desc("Training images: a folder of data_batch_*.bin, a file in CIFAR-10's layout, or a "
                        "folder with a subfolder of pictures for each class")),
      timeBudgetFlag(
          "time-budget", cl::location(timeBudget), cl::value_desc("time"), cl::cat(courseCategory),
          cl::desc("Train for this time instead of --epochs, such as 45s, 150m or 2h; the schedule follows the clock")),
      policyFlag("augment", cl::location(options.batches.augment.policy), cl::cat(dataCategory),
                 cl::desc("Augmentation besides crop and flip (default: none)"),
                 cl::values(clEnumValN(AugmentPolicy::none, "none", ""),
                            clEnumValN(AugmentPolicy::trivial, "trivial", "TrivialAugment"),
                            clEnumValN(AugmentPolicy::rand, "rand", "RandAugment"))),
      deviceFlag("device", cl::location(options.learner.device), cl::cat(courseCategory),
                 cl::desc("Where to train (default: cpu)"),
                 cl::values(clEnumValN(Device::cpu, "cpu", ""),
                            clEnumValN(Device::cuda, "cuda", "with a LibTorch that has CUDA"))),
      optimizerFlag("optimizer", cl::location(options.learner.optimizer), cl::cat(courseCategory),
                    cl::desc("What makes a step of a gradient (default: adamw)"),
                    cl::values(clEnumValN(Optimizer::adamw, "adamw", "AdamW"),
                               clEnumValN(Optimizer::muon, "muon", "Muon for the weights of linear layers"))),
      resumeFlag("resume", cl::location(options.isResumed), cl::cat(courseCategory),
                 cl::desc("Continue the run whose state is beside the output")) {
  LearnerOptions &learner = options.learner;
  BatchOptions &batches = options.batches;
  AugmentOptions &augment = batches.augment;
  learner.smoothing = 0.1;
  learner.distillation = 0.5;
  learner.threads = options.loaderThreads = 0; // one per core
  add({{"held-out", "Training images held out to choose the best model", &heldOutCount, 0, kAny, true},
       {"rand-operations", "Operations of RandAugment", &augment.randOperations, 0, kAny, true},
       {"rand-magnitude", "Magnitude of RandAugment, 0 to 30", &augment.randMagnitude, 0, kAny, true},
       {"crop", "Largest shift of a random crop, in pixels", &augment.cropPadding, 0, kAny, true},
       {"flip", "Mirror half of the images", &augment.flip, 0, 1, true},
       {"erase", "Probability of random erasing", &augment.erase, 0, 1, true},
       {"mixup", "Parameter of mixup; 0: none", &learner.mixup, 0, kAny, true},
       {"cutmix", "Parameter of CutMix; 0: none", &learner.cutmix, 0, kAny, true},
       {"mix-probability", "Share of the batches that mixup or CutMix mixes", &learner.mixProbability, 0, 1, true},
       {"repeats", "Copies of an image in a batch, each augmented on its own", &batches.repeats, 0, kAny, true},
       {"workers", "Threads that augment images; 0: one per core", &options.loaderThreads, 0, 1024, false}},
      dataCategory);
  add({{"epochs", "Number of epochs", &options.epochs, 1, kAny, true},
       {"batch", "Images in a batch", &batches.batchSize, 1, kAny, true},
       {"lr", "Learning rate after warm-up (default: 1e-3, finetune 3e-4, qat 1e-4)", &options.schedule.rate, 0, kAny,
        true},
       {"final-lr", "Learning rate at the end", &options.schedule.finalRate, 0, kAny, true},
       {"warmup", "Share of the training in which the learning rate rises", &options.schedule.warmup, 0, 1, true},
       {"weight-decay", "Weight decay of the weights of linear layers", &learner.weightDecay, 0, kAny, true},
       {"clip", "Norm to which larger gradients are clipped; 0: no clipping", &learner.clipNorm, 0, kAny, true},
       {"average-decay", "Decay of the moving average of the weights, which is saved; 0: no average",
        &learner.averageDecay, 0, 1, true},
       {"smoothing", "Label smoothing", &learner.smoothing, 0, 1, true},
       {"learn-scales", "Train the scales of static quantization too (qat)", &options.learnsScales, 0, 1, true},
       {"drop-path", "Probability that stochastic depth drops the last block", &options.dropPath, 0, 0.99, true},
       {"patch-dropout", "Share of the patches that each image leaves out, at random", &options.patchDropout, 0, 0.99,
        true},
       {"distillation", "Share of the loss that is the divergence from the teacher", &learner.distillation, 0, 1, true},
       {"temperature", "Temperature of the distillation", &learner.temperature, 1e-3, kAny, true},
       {"distill-features", "Weight of the squared difference between the residual streams of model and teacher",
        &learner.features, 0, kAny, true},
       {"distill-features-until", "Share of the training after which features are not taught any more",
        &options.featuresUntil, 0, 1, true},
       {"seed", "Seed of all randomness", &batches.seed, 0, kAny, true},
       {"save-interval", "Seconds between writes of the files", &options.saveInterval, 0, kAny, false},
       {"threads", "Threads that share the images of a batch on the CPU; 0: one per core", &learner.threads, 0, 1024,
        false},
       {"bf16", "Compute matrix products in bfloat16", &learner.isBfloat16, 0, 1, true},
       {"deterministic", "Use deterministic algorithms only", &learner.isDeterministic, 0, 1, false}},
      courseCategory);
}

void TrainingFlags::add(llvm::ArrayRef<Setting> added, cl::OptionCategory &category) {
  for (const Setting &setting : added) {
    settings.push_back(setting);
    std::visit(
        [&](auto *value) {
          using Value = std::remove_pointer_t<decltype(value)>;
          std::string &text = descriptions.emplace_back(setting.description);
          constexpr bool isSwitch = std::is_same_v<Value, bool>;
          if (isSwitch ? *value != Value(0) : !setting.description.contains("(default:"))
            text += " (default: " + (isSwitch ? "true" : formatNumber(*value)) + ")";
          flags.push_back(std::make_unique<cl::opt<Value, true>>(llvm::StringRef(setting.name), cl::location(*value),
                                                                 cl::desc(text), cl::cat(category)));
        },
        setting.value);
  }
}

llvm::Error TrainingFlags::checkRanges() const {
  for (const Setting &setting : settings) {
    double value = std::visit([](auto *number) { return static_cast<double>(*number); }, setting.value);
    if (!(value >= setting.low && value <= setting.high))
      return makeError("expected --{0} to be from {1} to {2}, found {3}", setting.name, formatNumber(setting.low),
                       formatNumber(setting.high), formatNumber(value));
  }
  return llvm::Error::success();
}

static bool isGiven(llvm::StringRef name) { return cl::getRegisteredOptions().lookup(name)->getNumOccurrences() > 0; }

/// Refuses options that have no effect without another one.
llvm::Error TrainingFlags::checkUse(bool hasTeacher) const {
  bool isRand = options.batches.augment.policy == AugmentPolicy::rand;
  const struct {
    llvm::StringLiteral name, needed;
    bool isUsed;
  } uses[] = {{"distillation", "--teacher", hasTeacher},
              {"temperature", "--teacher", hasTeacher},
              {"rand-operations", "--augment=rand", isRand},
              {"rand-magnitude", "--augment=rand", isRand},
              {"mix-probability", "--mixup or --cutmix", options.learner.mixup > 0 || options.learner.cutmix > 0}};
  for (const auto &[name, needed, isUsed] : uses)
    if (isGiven(name) && !isUsed)
      return makeError("expected {0} with --{1}, found none", needed, name);
  if (isGiven("epochs") && isGiven("time-budget"))
    return makeError("expected --epochs or --time-budget, found both");
  return llvm::Error::success();
}

llvm::json::Object TrainingFlags::identity() const {
  llvm::json::Object result{{"augment", nameOf(options.batches.augment.policy)},
                            {"optimizer", nameOf(options.learner.optimizer)}};
  for (const Setting &setting : settings)
    if (setting.isOfCourse)
      std::visit([&](auto *value) { result[setting.name] = *value; }, setting.value);
  if (!timeBudget.empty()) {
    result.erase("epochs");
    result["time-budget"] = timeBudget;
  }
  return result;
}

llvm::Expected<TrainerOptions> TrainingFlags::get(TrainingCommand command, bool hasTeacher) {
  if (!isGiven("lr"))
    options.schedule.rate = command == TrainingCommand::train      ? 1e-3
                            : command == TrainingCommand::finetune ? 3e-4
                                                                   : 1e-4;
  if (llvm::Error error = checkRanges())
    return std::move(error);
  if (llvm::Error error = checkUse(hasTeacher))
    return std::move(error);
  if (options.learnsScales && command != TrainingCommand::qat)
    return makeError("expected --learn-scales with qat only, whose models have scales, found it with another command");
  if (!timeBudget.empty()) {
    llvm::Expected<double> seconds = parseTime(timeBudget);
    if (!seconds)
      return seconds.takeError();
    options.timeBudget = *seconds;
  }
  options.identity = identity();
  TrainerOptions result = options;
  for (int64_t *threads : {&result.learner.threads, &result.loaderThreads})
    if (*threads == 0)
      *threads = llvm::hardware_concurrency().compute_thread_count();
  return result;
}

} // namespace vitya
