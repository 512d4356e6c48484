// Values of a JSON file by path, with errors that name file, line, column and key.
#ifndef VITYA_FRONTEND_IMPORT_CONFIGJSON_H
#define VITYA_FRONTEND_IMPORT_CONFIGJSON_H

#include "frontend/layout/JsonErrors.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <optional>

namespace vitya {

/// A height and a width.
struct ImageSize {
  int64_t height = 0, width = 0;

  bool operator==(ImageSize other) const { return height == other.height && width == other.width; }
  bool operator!=(ImageSize other) const { return !(*this == other); }
};

/// An object that is the root of a file. Paths are keys, each after a dot. A value of null is as good as absent, as
/// these files use it.
class ConfigJson {
public:
  /// Parses `file`, which outlives the result.
  static llvm::Expected<ConfigJson> parse(llvm::MemoryBufferRef file);

  llvm::StringRef name() const { return fileName; }

  const llvm::json::Object &object() const { return *file.value().getAsObject(); }

  /// Returns the value at `path`, or null.
  const llvm::json::Value *find(llvm::StringRef path) const;

  /// Each reads the value at `path` into `into` if there is one, and fails if it is of another kind.
  llvm::Error read(llvm::StringRef path, std::optional<bool> &into) const;
  llvm::Error read(llvm::StringRef path, std::optional<int64_t> &into) const; ///< a positive number
  llvm::Error read(llvm::StringRef path, std::optional<double> &into) const;
  llvm::Error read(llvm::StringRef path, std::optional<llvm::StringRef> &into) const;
  /// One number for each channel, or one for all.
  llvm::Error read(llvm::StringRef path, std::optional<std::vector<double>> &into) const;
  /// N, [HEIGHT, WIDTH] or {"height": HEIGHT, "width": WIDTH}.
  llvm::Error read(llvm::StringRef path, std::optional<ImageSize> &into) const;

  /// "FILE:LINE:COLUMN: key 'PATH'", for the value at `path`.
  std::string locate(llvm::StringRef path) const { return file.locate(path); }

  /// An error about the value at `path`, which exists: "FILE:LINE:COLUMN: key 'PATH': expected ..., found VALUE".
  llvm::Error error(llvm::StringRef path, const llvm::Twine &expected) const;

private:
  ConfigJson(llvm::StringRef name, JsonFile file) : fileName(name), file(std::move(file)) {}

  llvm::StringRef fileName;
  JsonFile file;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_CONFIGJSON_H
