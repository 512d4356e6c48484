// vitya-compile: compiles a checkpoint, or IR of any phase, to IR of a later phase, assembly, an object, a library or
// an executable.
#include "dialect/Constants.h"
#include "dialect/Fingerprint.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/import/Export.h"
#include "mlir/Pass/PassManager.h"
#include "passes/emit/onnx/Onnx.h"
#include "tools/lib/BudgetSearch.h"
#include "tools/lib/Cascade.h"
#include "tools/lib/CheckProgram.h"
#include "tools/lib/CompressionFlags.h"
#include "tools/lib/DefaultOutput.h"
#include "tools/lib/EmitGoal.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/LinkedOutput.h"
#include "tools/lib/ModelCard.h"
#include "tools/lib/ModelInput.h"
#include "tools/lib/OutputNoise.h"
#include "tools/lib/Stages.h"
#include "tools/lib/StepTimer.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"
#include <malloc.h>

using namespace mlir;
using namespace vitya;

namespace cl = llvm::cl;

static cl::OptionCategory category("vitya-compile options");
static cl::opt<std::string> inputPath(cl::Positional, cl::desc("MODEL"), cl::Required, cl::cat(category));
static cl::opt<std::string> outputPath("o",
                                       cl::desc("Output file, which must not be an input; \"-\" is standard output "
                                                "(default: the model's name with the usual suffix for --emit, which "
                                                "never replaces a file that another program wrote)"),
                                       cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string>
    emitName("emit", cl::desc("What to emit (default: exe):"), cl::init("exe"),
             cl::value_desc("import|compress|checkpoint|onnx|linalg|loops|llvm|asm|obj|lib|exe"), cl::cat(category));
static cl::opt<std::string>
    cpuName("cpu",
            cl::desc("Processor to compile for, by LLVM's name, or all-x86-64 for code of several "
                     "levels, of which the fastest runs (default: native)"),
            cl::init("native"), cl::value_desc("native|all-x86-64|NAME"), cl::cat(category));
static cl::opt<std::string> targetName("target",
                                       cl::desc("System to compile for: aarch64-linux-gnu, for which --cpu is generic "
                                                "by default (default: the system of this machine)"),
                                       cl::value_desc("triple"), cl::cat(category));
static cl::opt<std::string> stagesFolder("dump-stages",
                                         cl::desc("Write the module after each phase to this folder: .mlir to read, "
                                                  "without weights, and .mlirbc to run"),
                                         cl::value_desc("folder"), cl::cat(category));
static cl::opt<bool> verbose("v", cl::desc("Print the time and memory of each phase"), cl::cat(category));
static cl::opt<std::string> weightsName("weights",
                                        cl::desc("Embed the weights in the executable or library, or write them "
                                                 "to a file beside it (default: embed)"),
                                        cl::init("embed"), cl::value_desc("embed|file"), cl::cat(category));
static cl::opt<bool>
    check("check", cl::cat(category),
          cl::desc("First run vitya-check, which compares compiled code with LibTorch, on the images of "
                   "--validate or --calibrate, or on random pixels"));
static cl::opt<std::string> cardPath("card",
                                     cl::desc("Write a page about the executable or library to this file, as Markdown: "
                                              "source, data, options, layers, and with --validate its accuracy"),
                                     cl::value_desc("file"), cl::cat(category));
static ImportFlags importFlags(category);
static CompressionFlags compressionFlags(category);
static CascadeFlag cascadeFlag(category);

namespace {

/// Returns the output file, after its links so that companions are written beside it. Fails if the output is an input,
/// or has a default name under which another program has written a file.
llvm::Expected<std::string> chooseOutput(StringRef suffix) {
  if (llvm::Error error = compressionFlags.checkFiles())
    return std::move(error);
  if (!cardPath.empty())
    if (llvm::Error error = checkOutput(cardPath))
      return std::move(error);
  bool isDerived = outputPath.getNumOccurrences() == 0;
  std::string output = isDerived ? defaultModelName(inputPath) + suffix.str() : outputPath;
  if (llvm::Error error = checkOutput(output))
    return std::move(error);
  if (isDerived)
    if (llvm::Error error = checkDerivedOutput(output))
      return std::move(error);
  std::string file = replacedFile(output).value_or(output);
  if (!cardPath.empty() && replacedFile(cardPath) == file)
    return makeError("expected --card to be another file than the output, found '" + cardPath + "' for both");
  return file;
}

/// One run of the compiler: load, choose the compression, run the phases, emit.
class Compilation {
public:
  Compilation(ModelFile file, EmitGoal goal, std::vector<Target> targets, std::string output)
      : file(std::move(file)), goal(goal), targets(std::move(targets)), output(std::move(output)),
        stages(stagesFolder) {
    registerAllModelDialects(registry);
    context.appendDialectRegistry(registry);
    printDiagnosticsAs(context, "vitya-compile");
  }

  /// `arguments` are those of the program.
  llvm::Error run(ArrayRef<const char *> arguments) {
    card.arguments.assign(arguments.begin(), arguments.end());
    for (auto step : {&Compilation::load, &Compilation::chooseCompression, &Compilation::lower, &Compilation::emit})
      if (llvm::Error error = (this->*step)())
        return error;
    return llvm::Error::success();
  }

private:
  /// Reads the model, which must not be beyond the goal.
  llvm::Error load() {
    llvm::Expected<OwningOpRef<ModuleOp>> loaded = loadModel(context, file, importFlags.get());
    if (!loaded)
      return loaded.takeError();
    module = std::move(*loaded);
    llvm::Expected<Phase> phase = phaseOf(*module);
    if (!phase)
      return phase.takeError();
    reached = *phase;
    if (reached > goal.phase)
      return makeError("expected a model at most at phase " + stringifyPhase(goal.phase) + " for --emit=" + emitName +
                       ", found '" + inputPath + "' at phase " + stringifyPhase(reached));
    if ((targets.size() > 1 || check) && reached > Phase::compress)
      return makeError("expected a model of phase import or compress for " + (check ? "--check" : "--cpu=" + cpuName) +
                       ", found '" + inputPath + "' at phase " + stringifyPhase(reached));
    if (modelsOf(*module).size() > 1 && !goal.holdsCascades())
      return makeError("expected a single model for --emit=" + emitName + ", found a cascade in '" + inputPath + "'");
    return llvm::Error::success();
  }

  /// Whether the compress phase is among the phases to run.
  bool compresses() const { return reached < Phase::compress && goal.phase >= Phase::compress; }

  /// Parses the options of compression, and changes them if predictions are to stay within a bound.
  llvm::Error chooseCompression() {
    llvm::Expected<CompressOptions> parsed = compressionFlags.parse(*module, !cardPath.empty() || cascadeFlag);
    if (!parsed)
      return parsed.takeError();
    compression = std::move(*parsed);
    if (llvm::Error error = cascadeFlag.parse(compressionFlags).moveInto(cascade))
      return error;
    if (!compressionFlags.requested().empty() && !compresses())
      return makeError("expected a model at phase import and --emit=compress or later for " +
                       compressionFlags.requested() + ", found a model at phase " + stringifyPhase(reached) +
                       " and --emit=" + emitName);
    if (!compressionFlags.heldOut().empty() && !compresses())
      return makeError("expected a model at phase import with --validate, found one at phase " +
                       stringifyPhase(reached));
    if (cascade)
      dense = cloneWithResources(*module);
    timer.finish("load");
    if (!cardPath.empty())
      card.sourceFingerprint = fingerprint(*module);
    SearchGoal wanted = compressionFlags.goal();
    if (!compresses() || wanted.isEmpty())
      return llvm::Error::success();
    auto use = [&](const auto &search, llvm::Expected<CompressOptions> found) -> llvm::Error {
      if (!found)
        return found.takeError();
      compression = std::move(*found);
      search.addToReport(report);
      timer.finish("search");
      return llvm::Error::success();
    };
    if (compressionFlags.choosesFormats()) {
      BudgetSearch search(registry, loader(), std::move(wanted), compressionFlags.base(), compressionFlags.heldOut(),
                          "vitya-compile");
      return use(search, search.run());
    }
    CompressionSearch search(registry, loader(), std::move(wanted), "vitya-compile");
    return use(search, search.run(compression));
  }

  /// Builds the passes that lead to `phase`. The phase that the input has reached is only checked.
  void buildPhase(OpPassManager &pm, Phase phase, const Target &target) {
    if (phase == reached)
      return buildContractPipeline(pm, phase);
    if (phase != Phase::compress)
      return buildPhasePipeline(pm, phase, target.info());
    buildPreparePipeline(pm, compression, compressionFlags.wantsReport() ? &report : nullptr);
    buildQuantizePipeline(pm, compression);
    if (goal.product != Product::checkpoint) // a checkpoint is exported before canonicalization
      buildDescribePipeline(pm);
  }

  /// Loads the model again, into another context.
  ModelLoader loader() const {
    return [this](MLIRContext &fresh) { return loadModel(fresh, file, importFlags.get()); };
  }

  /// Adds to the report what the compressed model shows.
  llvm::Error describeCompression() {
    describeModel(*module, report);
    if (std::string images = compressionFlags.goal().images; !images.empty())
      if (llvm::Error error = measureOutputNoise(*module, registry, loader(), compression, images, report))
        return error;
    timer.finish("report");
    return llvm::Error::success();
  }

  /// Replaces the compressed model by the cascade of it and the dense one.
  llvm::Error addDense() {
    if (llvm::Error error =
            makeCascade(std::move(module), std::move(dense), *cascade, compressionFlags.heldOut()).moveInto(module))
      return error;
    report.cascade = CascadeReport(getDiscardable<VityaDialect::CascadeAttrHelper>(*module));
    timer.finish("cascade");
    return llvm::Error::success();
  }

  /// What follows the compression of the model, in phase `compress`.
  llvm::Error finishCompression() {
    if (compressionFlags.wantsReport())
      if (llvm::Error error = describeCompression())
        return error;
    if (cascade)
      if (llvm::Error error = addDense())
        return error;
    if (compressionFlags.wantsReport())
      if (llvm::Error error = compressionFlags.writeReport(report, compression))
        return error;
    if (cardPath.empty() || compressionFlags.heldOut().empty())
      return llvm::Error::success();
    llvm::Expected<MeasuredLossOnImages> loss =
        measureLossOn(*module, registry, loader(), "vitya-compile", compressionFlags.heldOut());
    if (!loss)
      return loss.takeError();
    card.loss = std::move(*loss);
    timer.finish("card");
    return llvm::Error::success();
  }

  /// Runs the phases that depend on the processor, or those that do not. The names of stages end with `suffix`.
  llvm::Error runPhases(ModuleOp model, const Target &target, bool dependsOnProcessor, StringRef suffix = "") {
    for (const PhaseInfo &info : kPhases) {
      if (info.phase < reached || info.phase > goal.phase || (info.phase > Phase::compress) != dependsOnProcessor)
        continue;
      PassManager pm(&context);
      buildPhase(nestOnModels(pm, model), info.phase, target);
      if (failed(pm.run(model)))
        return reportedError();
      std::string stage = info.name.str() + suffix.str();
      timer.finish(stage);
      if (info.phase == Phase::compress && info.phase != reached) {
        if (llvm::Error error = finishCompression())
          return error;
        model = *module;
      }
      if (check && info.phase == std::min(goal.phase, Phase::compress))
        for (ModuleOp each : modelsOf(model))
          if (llvm::Error error = checkWithLibTorch(each, cpuName, target.triple(), compressionFlags.goal().images))
            return error;
      if (llvm::Error error = stages.write(model, stage))
        return error;
    }
    return llvm::Error::success();
  }

  /// Compresses the model once, then lowers a copy of it for each target, for the last one the model itself.
  llvm::Error lower() {
    if (llvm::Error error = runPhases(*module, targets.front(), /*dependsOnProcessor=*/false))
      return error;
    for (const Target &target : targets) {
      bool isLast = &target == &targets.back();
      lowered.push_back(isLast ? std::move(module) : cloneWithResources(*module));
      levels.push_back({*lowered.back(), target});
      std::string suffix = targets.size() > 1 ? "-" + target.cpu().str() : "";
      if (llvm::Error error = runPhases(*lowered.back(), target, /*dependsOnProcessor=*/true, suffix))
        return error;
    }
    return llvm::Error::success();
  }

  /// Writes the product of --emit, and the assembly among the stages of --dump-stages.
  llvm::Error emit() {
    EmitOptions options{(targetName.empty() ? "" : "--target=" + targetName + " ") + "--cpu=" + cpuName,
                        weightsName == "file" ? llvm::sys::path::filename(output).str() + ".weights" : ""};
    auto assembly = [&](llvm::raw_ostream &os) { return emitAssembly(levels, options, os); };
    if (!stagesFolder.empty() && goal.product >= Product::assembly)
      if (llvm::Error error = stages.write("asm", ".s", assembly))
        return error;
    switch (goal.product) {
    case Product::ir:
      return writeModule(*lowered.front(), output);
    case Product::checkpoint:
      return writeOutput(output, [&](llvm::raw_ostream &os) {
        return exportCheckpoint(*lowered.front(), checkpointFormatOf(output), os);
      });
    case Product::onnx:
      return writeOutput(output, [&](llvm::raw_ostream &os) { return emitOnnx(*lowered.front(), os); });
    case Product::assembly:
      return writeOutput(output, assembly);
    case Product::object:
      return writeOutput(output, [&](llvm::raw_ostream &os) { return emitObject(levels, options, os); });
    case Product::library:
    case Product::executable:
      return link(options);
    }
    llvm_unreachable("every product is handled");
  }

  /// Writes an executable or a library, and its card.
  llvm::Error link(const EmitOptions &options) {
    card.source = inputPath;
    card.calibration = compressionFlags.calibration();
    card.output = output;
    card.isLibrary = goal.product == Product::library;
    auto emitLinked = [&]() -> llvm::Error {
      if (llvm::Error error = vitya::emitLinked(levels, options, card.isLibrary, output, timer))
        return error;
      timer.finish(emitName);
      return llvm::Error::success();
    };
    return cardPath.empty() ? emitLinked() : writeCard(cardPath, levels, card, emitLinked);
  }

  ModelFile file;
  EmitGoal goal;
  std::vector<Target> targets; ///< at least one
  std::string output;
  DialectRegistry registry;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;               ///< null after the phases that all targets share
  OwningOpRef<ModuleOp> dense;                ///< the model before compression, until it is part of a cascade
  std::vector<OwningOpRef<ModuleOp>> lowered; ///< one for each target
  std::vector<Level> levels;                  ///< the same
  Phase reached = Phase::import;
  CompressOptions compression;
  std::optional<CascadeGoal> cascade;
  ModelReport report;
  CardFacts card;
  StepTimer timer{verbose};
  Stages stages;
};

llvm::Error compile(ArrayRef<const char *> arguments) {
  llvm::Expected<EmitGoal> goal = parseEmitGoal(emitName);
  if (!goal)
    return goal.takeError();
  if (weightsName != "embed" && weightsName != "file")
    return makeError("expected --weights to be embed or file, found '" + weightsName + "'");
  llvm::Expected<llvm::Triple> triple = parseTriple(targetName);
  if (!triple)
    return triple.takeError();
  llvm::Expected<std::vector<Target>> targets = makeTargets(cpuName, *triple);
  if (!targets)
    return targets.takeError();
  if (goal->phase <= Phase::compress) // the same for all processors
    targets->erase(targets->begin() + 1, targets->end());
  if (cascadeFlag && !goal->holdsCascades())
    return makeError("expected --emit=compress or a later phase or product for --cascade, which no checkpoint and no "
                     "ONNX file can express, found --emit=" +
                     emitName);
  if (goal->product < Product::library && (!cardPath.empty() || weightsName == "file"))
    return makeError(Twine("expected ") + (cardPath.empty() ? "--weights=file" : "--card") +
                     " with --emit=exe or --emit=lib, found --emit=" + emitName);
  if (targets->size() > 1 && (goal->product == Product::ir || check))
    return makeError("expected one processor for " + (check ? "--check" : "--emit=" + emitName) +
                     ", found --cpu=" + cpuName);
  if (compressionFlags.goal().latency && (cpuName != "native" || !targetName.empty()))
    return makeError("expected no --cpu and no --target with --max-latency, which is measured on this machine, found " +
                     (targetName.empty() ? "--cpu=" + cpuName : "--target=" + targetName));
  llvm::Expected<ModelFile> file = ModelFile::read(inputPath);
  if (!file)
    return file.takeError();
  llvm::Expected<std::string> output = chooseOutput(goal->suffix);
  if (!output)
    return output.takeError();
  Compilation compilation(std::move(*file), *goal, std::move(*targets), std::move(*output));
  return compilation.run(arguments);
}

} // namespace

int main(int argc, char **argv) {
  // Weights are freed one by one. By default glibc would keep the memory of those that are smaller than 32 MB.
  constexpr int leastMapped = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, leastMapped);
  return runTool(argc, argv, "vitya-compile", "Vision Transformers to native code\n", &category,
                 [&] { return compile({argv + 1, size_t(argc - 1)}); });
}
