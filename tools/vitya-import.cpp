// vitya-import: a checkpoint becomes IR of phase `import`, or a list of its tensors.
#include "dialect/support/WriteOutput.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

using namespace llvm;

static Error run(StringRef model, StringRef output, bool list, const vitya::ImportOptions &options) {
  if (list)
    return vitya::writeOutput(output, [&](raw_ostream &os) { return vitya::listTensors(model, options.key, os); });
  mlir::MLIRContext context;
  vitya::printDiagnosticsAs(context, "vitya-import");
  Expected<mlir::OwningOpRef<mlir::ModuleOp>> module = vitya::importModel(context, model, options);
  return module ? vitya::writeModule(**module, output) : module.takeError();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::OptionCategory category("Options of vitya-import");
  cl::opt<std::string> model(cl::Positional, cl::Required, cl::desc("MODEL"), cl::cat(category));
  cl::opt<std::string> output("o", cl::init("-"), cl::value_desc("file"), cl::cat(category),
                              cl::desc("Where to write; bytecode where the name ends in .mlirbc (default: stdout)"));
  cl::opt<bool> list("list", cl::cat(category),
                     cl::desc("Print name, element type, shape and bytes of each tensor of the file"));
  vitya::ImportFlags flags(category);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Turns a trained checkpoint into IR\n");
  return vitya::exitCodeOf(run(model, output, list, flags.get()), "vitya-import");
}
