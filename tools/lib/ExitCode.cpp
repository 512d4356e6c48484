// The one place where tools parse their command line, print an error and choose an exit code.
#include "tools/lib/ExitCode.h"
#include "dialect/support/Errors.h"
#include "dialect/support/ProgramFolder.h"
#include "tools/lib/IgnoredSignals.h"
#include "llvm/Support/InitLLVM.h"
#include <optional>

int vitya::exitCodeOf(llvm::Error error, llvm::StringRef tool) {
  if (!error)
    return 0;
  llvm::handleAllErrors(
      std::move(error), [](const ReportedError &) {},
      [&](const llvm::ErrorInfoBase &other) { llvm::errs() << tool << ": error: " << other.message() << '\n'; });
  return 1;
}

int vitya::runTool(int argc, char **argv, llvm::StringRef tool, llvm::StringRef overview,
                   llvm::ArrayRef<const llvm::cl::OptionCategory *> categories, llvm::function_ref<llvm::Error()> run,
                   llvm::StringRef libraries) {
  std::optional<llvm::InitLLVM> init;
  keepIgnoredSignals([&] { init.emplace(argc, argv); });
  programFolder();
  llvm::cl::HideUnrelatedOptions(categories);
  llvm::cl::SetVersionPrinter([=](llvm::raw_ostream &os) {
    os << "vitya " VITYA_VERSION << (libraries.empty() ? "" : ", ") << libraries << '\n';
  });
  llvm::cl::ParseCommandLineOptions(argc, argv, overview);
  llvm::Error error = run();
  llvm::outs().flush();
  if (std::error_code problem = llvm::outs().error()) { // which its destructor would report without the tool's name
    llvm::outs().clear_error();
    error = llvm::joinErrors(std::move(error),
                             makeError("expected standard output to take all results, found: {0}", problem.message()));
  }
  return exitCodeOf(std::move(error), tool);
}
