// Splits the text of options and hands it to MLIR's parser.
#include "passes/PassOptions.h"
#include "dialect/support/Errors.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace vitya {

/// The length of `text` up to the brace that closes the one at its start; npos if there is none.
static size_t bracedLength(StringRef text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth == 0)
      return i + 1;
  }
  return StringRef::npos;
}

/// Whether the comma or space at the start of `text` separates two options. A comma may belong to a list of names,
/// which options without a value look like.
static bool isSeparator(StringRef text) {
  return llvm::Regex(text.starts_with(",") ? "^.[a-z0-9-]+=" : "^.[a-z0-9-]+(=|[, ]|$)").match(text);
}

/// The option at the start of `text`, up to a separator.
static StringRef firstOption(StringRef text) {
  size_t value = text.find('='), end = 0;
  if (value != StringRef::npos && text.drop_front(value + 1).starts_with("{"))
    if (size_t braced = bracedLength(text.drop_front(value + 1)); braced != StringRef::npos)
      end = value + 1 + braced;
  end = text.find_first_of(", ", end);
  while (end != StringRef::npos && !isSeparator(text.drop_front(end)))
    end = text.find_first_of(", ", end + 1);
  return text.take_front(end);
}

/// `value`, enclosed if MLIR's parser would split it.
static std::string enclosed(StringRef value) {
  if (value.find_first_of(" '\"{}") == StringRef::npos || bracedLength(value) == value.size())
    return value.str();
  for (StringRef quote : {"\"", "'"})
    if (!value.contains(quote))
      return (quote + value + quote).str();
  return ("{" + value + "}").str();
}

std::string toMlirOptions(StringRef text) {
  std::string result;
  for (StringRef option; !text.empty(); text = text.drop_front(std::min(option.size() + 1, text.size()))) {
    option = firstOption(text);
    auto [name, value] = option.split('=');
    result += (result.empty() ? "" : " ") + name.str() + (option.contains('=') ? "=" + enclosed(value) : "");
  }
  return result;
}

llvm::Error setOptions(Pass &pass, StringRef flag, StringRef text) {
  std::string problem;
  auto report = [&](const Twine &message) {
    problem = message.str();
    return failure();
  };
  if (succeeded(pass.initializeOptions(toMlirOptions(text), report)))
    return llvm::Error::success();
  return makeError("expected " + flag + " to be options of vitya-opt's --" + pass.getArgument() + ", found '" + text +
                   "'" + (problem.empty() ? "" : ": " + problem));
}

} // namespace vitya
