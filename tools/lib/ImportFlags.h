// The options of the command line that say how to read a checkpoint, the same in every tool that takes one.
#ifndef VITYA_TOOLS_LIB_IMPORTFLAGS_H
#define VITYA_TOOLS_LIB_IMPORTFLAGS_H

#include "frontend/import/Import.h"
#include "llvm/Support/CommandLine.h"

namespace vitya {

/// --layout, --key and --set.
class ImportFlags {
public:
  /// Registers them in `category` of --help.
  explicit ImportFlags(llvm::cl::OptionCategory &category);

  /// What the command line said, once it is parsed.
  const ImportOptions &get() const { return options; }

private:
  ImportOptions options;
  llvm::cl::opt<std::string, true> layout, key;
  llvm::cl::list<std::string, std::vector<std::string>> settings;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_IMPORTFLAGS_H
