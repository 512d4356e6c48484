// Each reader reports the first value that is not of the expected kind.
#include "frontend/graph/JsonMembers.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya {

/// `result`, which is reported if there is none.
template <typename T>
static T require(T result, const Member &member, StringLiteral message) {
  if (!result)
    member.report(message);
  return result;
}

const json::Array *Member::array() const {
  return require(value ? value->getAsArray() : nullptr, *this, "expected array");
}

const json::Object *Member::object() const {
  return require(value ? value->getAsObject() : nullptr, *this, "expected object");
}

std::optional<StringRef> Member::string() const {
  return require(value ? value->getAsString() : std::nullopt, *this, "expected string");
}

std::optional<int64_t> Member::integer() const {
  return require(value ? value->getAsInteger() : std::nullopt, *this, "expected integer");
}

std::optional<std::pair<StringRef, Member>> Member::getUnion() const {
  const json::Object *members = value ? value->getAsObject() : nullptr;
  if (!members || members->size() != 1) {
    report("expected object with one key, the kind of the value");
    return std::nullopt;
  }
  StringRef kind = members->begin()->first;
  return std::make_pair(kind, Member{&members->begin()->second, path.field(kind)});
}

bool readSizes(const Member &member, SmallVectorImpl<int64_t> &sizes) {
  const json::Array *array = member.array();
  if (!array)
    return false;
  for (auto [index, item] : llvm::enumerate(*array)) {
    Member description{&item, member.path.index(index)};
    auto size = description.getUnion();
    if (!size)
      return false;
    if (size->first != "as_int") {
      sizes.push_back(kSymbolicSize);
      continue;
    }
    std::optional<int64_t> number = size->second.integer();
    if (number && *number < 0)
      size->second.report("expected number that is not negative");
    if (number.value_or(-1) < 0)
      return false;
    sizes.push_back(*number);
  }
  return true;
}

} // namespace vitya
