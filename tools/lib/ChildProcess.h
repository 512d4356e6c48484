// Programs that end with this one.
#ifndef VITYA_TOOLS_LIB_CHILDPROCESS_H
#define VITYA_TOOLS_LIB_CHILDPROCESS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace vitya {

/// Like llvm::sys::ExecuteAndWait without limits, but a signal that ends this program ends the other one too. Otherwise
/// the other one would continue with files that are already removed, and write files that nobody removes. Returns its
/// exit code, or a negative number and the reason in `message`.
int executeAndWait(llvm::StringRef path, llvm::ArrayRef<llvm::StringRef> command,
                   llvm::ArrayRef<std::optional<llvm::StringRef>> redirects, std::string &message);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_CHILDPROCESS_H
