// vitya-torchscript: converts a model that torch.jit.save wrote to the form of torch.export.save, which needs no
// LibTorch.
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/graph/Converter.h"
#include "frontend/graph/torchscript/ScriptedProgram.h"
#include "tools/lib/ExitCode.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;

static Error run(const std::string &model, StringRef output, ArrayRef<int64_t> image) {
  if (image.size() != 3 || llvm::any_of(image, [](int64_t size) { return size <= 0 || size > (1 << 16); }))
    return vitya::makeError("expected --image=CHANNELS,HEIGHT,WIDTH with positive sizes up to {0}, found '{1:$[,]}'",
                            1 << 16, llvm::make_range(image.begin(), image.end()));
  if (ErrorOr<std::unique_ptr<MemoryBuffer>> file = vitya::readInput(model); !file)
    return vitya::makeError("{0}: expected a readable file, found: {1}", model, file.getError().message());
  vitya::ScriptedProgram program;
  vitya::ScriptedOptions options{{image.begin(), image.end()}, vitya::Converter::operatorNames()};
  std::string problem = vitya::readScripted(model, options, program);
  if (!problem.empty())
    return vitya::makeError("{0}: {1}", model, problem);
  return vitya::writeOutput(output, [&](raw_ostream &os) {
    return vitya::writeProgram(program.graph, program.tensors, program.settings, os);
  });
}

int main(int argc, char **argv) {
  cl::OptionCategory category("Options of vitya-torchscript");
  cl::opt<std::string> model(cl::Positional, cl::Required, cl::desc("MODEL"), cl::cat(category));
  cl::opt<std::string> output("o", cl::init("-"), cl::value_desc("file"), cl::cat(category),
                              cl::desc("Output file, usually NAME.pt2 (default: standard output)"));
  cl::list<int64_t> image("image", cl::CommaSeparated, cl::value_desc("channels,height,width"), cl::cat(category),
                          cl::desc("The shape of an image, which TorchScript does not contain"));
  return vitya::runTool(argc, argv, "vitya-torchscript", "Converts a TorchScript model to the form of torch.export\n",
                        &category,
                        [&] { return run(model, output, std::vector<int64_t>(image.begin(), image.end())); });
}
