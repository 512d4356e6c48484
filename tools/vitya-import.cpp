// vitya-import: converts a checkpoint to IR of phase `import`, or lists its tensors.
#include "dialect/support/WriteOutput.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;

static Error run(StringRef model, StringRef output, bool list, const vitya::ImportOptions &options) {
  Expected<vitya::ModelFile> file = vitya::ModelFile::read(model);
  if (!file)
    return file.takeError();
  mlir::MLIRContext context;
  vitya::printDiagnosticsAs(context, "vitya-import");
  if (list)
    return vitya::writeOutput(
        output, [&](raw_ostream &os) { return vitya::listTensors(context, *file->buffer, options.key, os); });
  Expected<mlir::OwningOpRef<mlir::ModuleOp>> module =
      vitya::importModel(context, file->source(), vitya::defaultModelName(model), options);
  return module ? vitya::writeModule(**module, output) : module.takeError();
}

int main(int argc, char **argv) {
  cl::OptionCategory category("Options of vitya-import");
  cl::opt<std::string> model(cl::Positional, cl::Required, cl::desc("MODEL"), cl::cat(category));
  cl::opt<std::string> output("o", cl::init("-"), cl::value_desc("file"), cl::cat(category),
                              cl::desc("Output file; bytecode if the name ends in .mlirbc (default: standard output)"));
  cl::opt<bool> list("list", cl::cat(category),
                     cl::desc("List the name, element type, shape and size of each tensor of the checkpoint"));
  vitya::ImportFlags flags(category);
  return vitya::runTool(argc, argv, "vitya-import", "Imports a trained checkpoint as IR\n", &category,
                        [&] { return run(model, output, list, flags.get()); });
}
