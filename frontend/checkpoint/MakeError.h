// One line of error text from a formatv format.
#ifndef VITYA_FRONTEND_CHECKPOINT_MAKEERROR_H
#define VITYA_FRONTEND_CHECKPOINT_MAKEERROR_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

namespace vitya {

/// An error whose message is `format` filled in as `llvm::formatv` does.
template <typename... Arguments>
llvm::Error makeError(const char *format, Arguments &&...arguments) {
  return llvm::createStringError(llvm::formatv(format, std::forward<Arguments>(arguments)...).str());
}

/// `error` with "`prefix`: " before its message.
inline llvm::Error prefixError(const llvm::Twine &prefix, llvm::Error error) {
  return llvm::createStringError(prefix + ": " + llvm::toString(std::move(error)));
}

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_MAKEERROR_H
