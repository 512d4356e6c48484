// The errors of code without MLIR, and how an error that a diagnostic already reported is passed on.
#ifndef VITYA_DIALECT_SUPPORT_ERRORS_H
#define VITYA_DIALECT_SUPPORT_ERRORS_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

namespace vitya {

/// Returns `text` with each control character written as a hexadecimal escape such as "\0A". Names in a file may hold
/// any bytes; an error message is one line.
std::string escapeControls(llvm::StringRef text);

/// Returns an error with this message, in which control characters are escaped. All messages have the form "expected X,
/// found Y".
llvm::Error makeError(const llvm::Twine &message);

/// The same for a message that is `format`, filled in as `llvm::formatv` does.
template <typename... Arguments>
llvm::Error makeError(const char *format, Arguments &&...arguments) {
  return makeError(llvm::Twine(llvm::formatv(format, std::forward<Arguments>(arguments)...)));
}

/// Returns `error` with "`prefix`: " before its message. A `ReportedError` is returned unchanged.
llvm::Error prefixError(const llvm::Twine &prefix, llvm::Error error);

/// The error of an operation whose MLIR diagnostics have reported the reason. Whoever handles it prints nothing more.
class ReportedError : public llvm::ErrorInfo<ReportedError> {
public:
  static char ID;

  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;
};

inline llvm::Error reportedError() { return llvm::make_error<ReportedError>(); }

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_ERRORS_H
