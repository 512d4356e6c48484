// Error messages of one line.
#include "dialect/support/Errors.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace vitya {

std::string escapeControls(StringRef text) {
  std::string result;
  for (char letter : text) {
    auto code = static_cast<unsigned char>(letter);
    constexpr unsigned char space = 0x20, del = 0x7f;
    if (code >= space && code != del)
      result += letter;
    else
      result += {'\\', hexdigit(code >> 4), hexdigit(code & 15)};
  }
  return result;
}

Error makeError(const Twine &message) { return createStringError(escapeControls(message.str())); }

Error prefixError(const Twine &prefix, Error error) {
  if (error.isA<ReportedError>())
    return error;
  return createStringError(prefix + ": " + toString(std::move(error)));
}

char ReportedError::ID = 0;

void ReportedError::log(raw_ostream &os) const { os << "an error that diagnostics have reported"; }

std::error_code ReportedError::convertToErrorCode() const { return inconvertibleErrorCode(); }

} // namespace vitya
