// Splits the text of options and hands it to MLIR's parser.
#include "passes/PassOptions.h"
#include "dialect/support/Errors.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace vitya {

std::string spaceSeparated(StringRef text) {
  llvm::Regex option("^[a-z0-9-]+=");
  auto [result, rest] = text.split(',');
  std::string joined = result.str();
  while (!rest.empty()) {
    auto [next, tail] = rest.split(',');
    joined += (option.match(rest) ? " " : ",") + next.str();
    rest = tail;
  }
  return joined;
}

llvm::Error setOptions(Pass &pass, StringRef flag, StringRef text) {
  std::string problem;
  auto report = [&](const Twine &message) {
    problem = message.str();
    return failure();
  };
  if (succeeded(pass.initializeOptions(spaceSeparated(text), report)))
    return llvm::Error::success();
  return makeError("expected " + flag + " to be options of vitya-opt's --" + pass.getArgument() + ", found '" + text +
                   "'" + (problem.empty() ? "" : ": " + problem));
}

} // namespace vitya
