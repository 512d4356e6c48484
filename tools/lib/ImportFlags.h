// The command-line options for reading a checkpoint, which every tool that reads one has.
#ifndef VITYA_TOOLS_LIB_IMPORTFLAGS_H
#define VITYA_TOOLS_LIB_IMPORTFLAGS_H

#include "frontend/import/Import.h"
#include "llvm/Support/CommandLine.h"

namespace vitya {

/// --layout, --prefix, --key and --set.
class ImportFlags {
public:
  /// Registers them in `category` of --help.
  explicit ImportFlags(llvm::cl::OptionCategory &category);

  /// Returns the options. Valid after the command line has been parsed.
  const ImportOptions &get() const { return options; }

private:
  ImportOptions options;
  llvm::cl::opt<std::string, true> layout, prefix, key;
  llvm::cl::list<std::string, std::vector<std::string>> settings;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_IMPORTFLAGS_H
