// LLVM finds the program through /proc or, if that is not mounted, through the address of one of its objects.
#include "dialect/support/ProgramFolder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

const std::string &vitya::programFolder() {
  static const std::string folder = [] {
    static int anchor;
    return llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(nullptr, &anchor)).str();
  }();
  return folder;
}
