// Where this program was installed.
#ifndef VITYA_DIALECT_SUPPORT_PROGRAMFOLDER_H
#define VITYA_DIALECT_SUPPORT_PROGRAMFOLDER_H

#include <string>

namespace vitya {

/// The folder of this program's file, as the first call found it. `runTool` is the first to call, so that a program
/// finds the files beside it even if a new version replaces it while it runs.
const std::string &programFolder();

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_PROGRAMFOLDER_H
