// Options of passes as text: an option that may be absent, and the parsing of all options of a pass into the struct
// that TableGen generates for it.
#ifndef VITYA_PASSES_PASSOPTIONS_H
#define VITYA_PASSES_PASSOPTIONS_H

#include "mlir/Pass/Pass.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>

namespace llvm::cl {

/// An option without a default. MLIR prints an absent one as "None", which is read back as such.
template <typename T>
class parser<std::optional<T>> : public basic_parser<std::optional<T>> {
public:
  parser(Option &option) : basic_parser<std::optional<T>>(option), parserOfValue(option) {}

  bool parse(Option &option, StringRef name, StringRef text, std::optional<T> &result) {
    if (text == "None") {
      result.reset();
      return false;
    }
    return parserOfValue.parse(option, name, text, result.emplace());
  }
  StringRef getValueName() const override { return parserOfValue.getValueName(); }
  void printOptionDiff(const Option &option, const std::optional<T> &, const OptionValue<std::optional<T>> &,
                       size_t width) const {
    this->printOptionNoValue(option, width);
  }

private:
  parser<T> parserOfValue;
};

} // namespace llvm::cl

namespace vitya {

/// Turns `text`, options NAME=VALUE separated by commas or spaces, into what MLIR's parser reads. After a space, NAME
/// alone is an option too. A comma or a space that no option follows belongs to a value. A value with spaces, quotes or
/// braces, such as a path, is enclosed in quotes of a kind that it does not have, or in braces if it has both.
std::string toMlirOptions(llvm::StringRef text);

/// Sets the options of `pass` from `text`, see toMlirOptions(). The error names `flag`, for which `text` was given.
llvm::Error setOptions(mlir::Pass &pass, llvm::StringRef flag, llvm::StringRef text);

/// Parses `text` by the options of `PassT`, whose function `options` returns them as the generated struct.
template <typename PassT>
auto parseOptionsOf(llvm::StringRef flag, llvm::StringRef text)
    -> llvm::Expected<decltype(std::declval<PassT>().options())> {
  PassT pass;
  if (llvm::Error error = setOptions(pass, flag, text))
    return std::move(error);
  return pass.options();
}

} // namespace vitya

#endif // VITYA_PASSES_PASSOPTIONS_H
