// A value in a JSON file together with the way to it, so that errors name file, line, column and key.
#ifndef VITYA_FRONTEND_LAYOUT_JSONCURSOR_H
#define VITYA_FRONTEND_LAYOUT_JSONCURSOR_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vitya {

class JsonCursor {
public:
  /// The root of `text`, which `value` was parsed from. All three outlive the cursor.
  JsonCursor(llvm::StringRef file, llvm::StringRef text, const llvm::json::Value &value)
      : file(file), text(text), current(&value) {}

  const llvm::json::Value &value() const { return *current; }

  /// Where the value stands: "FILE:LINE:COLUMN: key 'steps[2].norm'", without a key at the root.
  std::string where() const;

  /// "WHERE: expected ..., found ...".
  llvm::Error error(const llvm::Twine &expected) const;

  /// The cursor's value as what it must be.
  llvm::Expected<llvm::StringRef> string() const;
  llvm::Expected<std::vector<JsonCursor>> elements() const;
  /// Fails for keys other than `known`.
  llvm::Error checkObject(llvm::ArrayRef<llvm::StringRef> known) const;

  /// A member of an object, if the value is an object that has it.
  std::optional<JsonCursor> member(llvm::StringRef key) const;
  llvm::Expected<JsonCursor> required(llvm::StringRef key) const;

private:
  /// An object's key or an array's index.
  using PathElement = std::variant<std::string, size_t>;

  JsonCursor descend(PathElement element, const llvm::json::Value &value) const;

  llvm::StringRef file, text;
  const llvm::json::Value *current;
  std::vector<PathElement> path;
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_JSONCURSOR_H
