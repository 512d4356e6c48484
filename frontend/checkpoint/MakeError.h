// One line of error text from a formatv format.
#ifndef VITYA_FRONTEND_CHECKPOINT_MAKEERROR_H
#define VITYA_FRONTEND_CHECKPOINT_MAKEERROR_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

namespace vitya {

/// `text` with control characters as "\0A": names in a file may hold any bytes, lines and terminals may not.
std::string escapeControls(llvm::StringRef text);

/// An error whose message is `format` filled in as `llvm::formatv` does, in one line.
template <typename... Arguments>
llvm::Error makeError(const char *format, Arguments &&...arguments) {
  return llvm::createStringError(escapeControls(llvm::formatv(format, std::forward<Arguments>(arguments)...).str()));
}

/// `error` with "`prefix`: " before its message.
llvm::Error prefixError(const llvm::Twine &prefix, llvm::Error error);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_MAKEERROR_H
