// Errors of JSON files that name file, line, column and key.
#ifndef VITYA_FRONTEND_LAYOUT_JSONERRORS_H
#define VITYA_FRONTEND_LAYOUT_JSONERRORS_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <string>

namespace vitya {

/// A JSON file. The text is kept because llvm::json values have no positions.
class JsonFile {
public:
  /// Parses `text`, the contents of file `name`; both outlive the result.
  static llvm::Expected<JsonFile> parse(llvm::StringRef name, llvm::StringRef text);

  const llvm::json::Value &value() const { return root; }

  /// Returns "FILE:LINE:COLUMN: key 'steps[2].norm'" for the value at `path`, given as ".steps[2].norm". A path that
  /// does not exist has the position of the innermost value on the way to it.
  std::string locate(llvm::StringRef path) const;

  /// Calls `fromJSON(value, result, path)` and turns the error that it reports into "LOCATION: MESSAGE, found VALUE".
  /// `value` is that of the file, or one of the same structure.
  template <typename T>
  llvm::Expected<T> map(const llvm::json::Value &value) const {
    llvm::json::Path::Root path(kRootName);
    T result;
    if (fromJSON(value, result, path))
      return std::move(result);
    return error(path);
  }

private:
  /// What json::Path puts before a path in its message: "expected string at $.name".
  static constexpr llvm::StringLiteral kRootName = "$";

  JsonFile(llvm::StringRef name, llvm::StringRef text, llvm::json::Value root)
      : name(name), text(text), root(std::move(root)) {}
  llvm::Error error(const llvm::json::Path::Root &path) const;

  llvm::StringRef name, text;
  llvm::json::Value root;
};

/// Reports the first member of the object `value` whose key is not in `known`. `message` lists the keys.
bool checkKeys(const llvm::json::Value &value, llvm::ArrayRef<llvm::StringLiteral> known, llvm::StringLiteral message,
               llvm::json::Path path);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_JSONERRORS_H
