// Reading of JSON that PyTorch's serializer writes. Unions are objects with one member, whose key is the kind:
// {"as_int": 3}.
#ifndef VITYA_FRONTEND_GRAPH_JSONMEMBERS_H
#define VITYA_FRONTEND_GRAPH_JSONMEMBERS_H

#include "frontend/graph/Graph.h"
#include "frontend/layout/JsonErrors.h"
#include <optional>

namespace vitya {

/// A member of an object, or null if the object lacks it, and the path to it. Paths refer to their parents, so the
/// object that a member comes from must outlive it.
struct Member {
  const llvm::json::Value *value;
  llvm::json::Path path;

  Member get(llvm::StringRef key) const {
    const llvm::json::Object *members = value ? value->getAsObject() : nullptr;
    return {members ? members->get(key) : nullptr, path.field(key)};
  }

  /// Reports an error of this member. Returns false.
  bool report(llvm::StringLiteral message) const {
    llvm::json::Path reported = path;
    reported.report(message);
    return false;
  }

  // Each of these reports another kind of value as an error.
  const llvm::json::Array *array() const;
  const llvm::json::Object *object() const;
  std::optional<llvm::StringRef> string() const;
  std::optional<int64_t> integer() const;
  /// The kind and the value of a union.
  std::optional<std::pair<llvm::StringRef, Member>> getUnion() const;
};

/// Reads an array of sizes or strides; `kSymbolicSize` stands for expressions.
bool readSizes(const Member &member, llvm::SmallVectorImpl<int64_t> &sizes);

/// Parses `text`, the contents of entry `name`, as a T, with the `fromJSON` that is found for it.
template <typename T>
llvm::Expected<T> parseEntry(llvm::StringRef name, llvm::StringRef text) {
  llvm::Expected<JsonFile> file = JsonFile::parse(name, text);
  if (!file)
    return file.takeError();
  return file->map<T>(file->value());
}

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_JSONMEMBERS_H
