// Renders the card from the attributes of the compiled module and from what the tool knows.
#include "tools/lib/ModelCard.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "passes/analysis/ImageSet.h"
#include "passes/emit/ModelInfo.h"
#include "runtime/threads/Processors.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"
#include <map>

using namespace mlir;

namespace vitya {
namespace {

/// `text` as a cell of a table or in a sentence: one line of UTF-8 in which nothing is markup.
std::string plain(StringRef text) {
  std::string result;
  for (char each : llvm::json::fixUTF8(escapeControls(text))) {
    if (StringRef("\\`*_{}[]<>|#").contains(each))
      result += '\\';
    result += each;
  }
  return result;
}

std::string quantity(int64_t number) { return llvm::formatv("{0:n}", number); }

/// How many layers have each format, such as "12 of u8 x s4 dynamic, 2 of f32".
std::string formatsOf(const ModelReport &report) {
  std::map<std::string, int> counts;
  for (const LinearReport &linear : report.linears)
    ++counts[linear.format.str()];
  std::string result;
  for (const auto &[format, count] : counts)
    result += llvm::formatv("{0}{1} of {2}", result.empty() ? "" : ", ", count, format).str();
  return result;
}

void printFacts(const ModelInfo &info, const CardFacts &facts, uint64_t outputBytes, llvm::raw_ostream &os) {
  auto row = [&](StringRef name, const Twine &value) { os << "| " << name << " | " << value << " |\n"; };
  int64_t reduced =
      llvm::count_if(info.report.linears, [](const LinearReport &linear) { return linear.rank.has_value(); });
  std::vector<std::string> classes;
  classes.reserve(info.classes.size());
  for (StringRef name : info.classes)
    classes.push_back(plain(name));
  os << "| | |\n|---|---|\n";
  row("source", plain(facts.source));
  row("fingerprint of the source", facts.sourceFingerprint);
  row("fingerprint", info.fingerprint);
  row("image", llvm::formatv("{0} x {1} x {2}", info.image[0], info.image[1], info.image[2]).str());
  row("classes", quantity(int64_t(classes.size())) + (classes.size() > 20 ? "" : ": " + llvm::join(classes, ", ")));
  row("parameters", quantity(info.report.parameters));
  row("multiply-adds of an image",
      quantity(info.report.multiplyAdds) + ", " + quantity(info.report.integerMultiplyAdds) + " of them of integers");
  row("linear layers", formatsOf(info.report) + ", " + quantity(reduced) + " of reduced rank");
  row("bytes of weights", quantity(info.weightBytes));
  if (info.dense) {
    row("cascade", info.report.cascade->rule());
    row("cascade on held-out images", info.report.cascade->outcome());
    row("bytes of weights of the dense model", quantity(info.dense->weightBytes));
  }
  row(facts.isLibrary ? "bytes of the library" : "bytes of the executable", quantity(int64_t(outputBytes)));
  row("processor", plain(llvm::join(info.levels, ", ")));
  row("compiled on", plain(llvm::sys::getHostCPUName()) + ", " + quantity(availableProcessors()) + " processors");
  row("versions", "vitya " VITYA_VERSION ", LLVM " LLVM_VERSION_STRING);
}

void printLoss(const MeasuredLossOnImages &loss, llvm::raw_ostream &os) {
  os << llvm::formatv(
      "Measured on the {0} images of {1}, which were held out:\n\n| | f32 | this model |\n|---|---|---|\n",
      quantity(loss.count), plain(loss.images));
  if (loss.accuracyBefore)
    os << llvm::formatv("| accuracy | {0:f2} % | {1:f2} % |\n", *loss.accuracyBefore, *loss.accuracyAfter);
  os << llvm::formatv("| mean KL divergence from f32, in nats | 0 | {0:e2} |\n", loss.quality.divergence);
}

void printLayers(const ModelReport &report, llvm::raw_ostream &os) {
  os << "| linear layer | in | out | rank | format | reason |\n|---|---|---|---|---|---|\n";
  for (const LinearReport &linear : report.linears)
    os << llvm::formatv("| {0} | {1} | {2} | {3} | {4} | {5} |\n", plain(linear.name), linear.in, linear.out,
                        linear.rank ? std::to_string(*linear.rank) : "", linear.format.str(), plain(linear.reason));
  if (report.attentions.empty())
    return;
  os << "\n| attention | heads | scores | values | reason |\n|---|---|---|---|---|\n";
  for (const AttentionReport &attention : report.attentions)
    os << llvm::formatv("| {0} | {1} | {2} | {3} | {4} |\n", plain(attention.name), attention.heads,
                        attention.scores.str(), attention.values.str(), plain(attention.reason));
}

void print(const ModelInfo &info, const CardFacts &facts, uint64_t outputBytes, llvm::raw_ostream &os) {
  os << "# " << plain(info.name) << "\n\nA Vision Transformer, compiled to "
     << (facts.isLibrary ? "a shared library" : "an executable") << " by ViTyaQua.\n\n";
  printFacts(info, facts, outputBytes, os);
  os << "\n## How it was made\n\n";
  for (StringRef argument : facts.arguments)
    os << "    " << llvm::json::fixUTF8(escapeControls(argument)) << "\n";
  os << "\n## Data\n\n"
     << (facts.calibration.empty() ? "Compression looked at no images."
                                   : "Compression looked at the images of " + plain(facts.calibration) + ".")
     << " What the model was trained on is not recorded.\n\n";
  if (facts.loss)
    printLoss(*facts.loss, os);
  else
    os << "Its predictions were not measured.\n";
  os << "\n## Layers\n\n";
  printLayers(info.report, os);
}

} // namespace

llvm::Expected<MeasuredLossOnImages> measureLossOn(ModuleOp compressed, const DialectRegistry &registry,
                                                   const ModelLoader &load, StringRef tool, StringRef images) {
  llvm::Expected<Validation> validation = Validation::create(registry, load, tool, images, Validation::Labels::ifAny);
  if (!validation)
    return validation.takeError();
  llvm::Expected<std::vector<float>> logits = validation->run(compressed, validation->count());
  if (!logits)
    return logits.takeError();
  MeasuredLossOnImages result{images.str(), validation->count(), validation->compare(validation->logits(), *logits),
                              validation->accuracy(validation->logits()), validation->accuracy(*logits)};
  return result;
}

llvm::Error writeCard(StringRef path, ArrayRef<Level> levels, const CardFacts &facts,
                      llvm::function_ref<llvm::Error()> emit) {
  // The last level is the fastest.
  llvm::Expected<ModelInfo> info = readModelInfo(levels.back().module, levels.back().target.cpu(), /*options=*/"");
  if (!info)
    return info.takeError();
  for (const Level &level : levels)
    info->levels.push_back(level.target.cpu().str());
  llvm::FileRemover partial;
  // The file of the card exists before the output, so that a folder that cannot be written is found first.
  llvm::Error error = writeOutput(path, [&](llvm::raw_ostream &os) -> llvm::Error {
    if (llvm::Error failure = emit())
      return failure;
    partial.setFile(facts.output);
    uint64_t bytes = 0;
    if (std::error_code problem = llvm::sys::fs::file_size(facts.output, bytes))
      return makeError("expected a file at '" + facts.output + "', found: " + problem.message());
    print(*info, facts, bytes, os);
    return llvm::Error::success();
  });
  if (!error)
    partial.releaseFile();
  return error;
}

} // namespace vitya
