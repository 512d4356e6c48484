// What the pickle machine works on: the bytes of the pickle and the stack of values.
#ifndef VITYA_FRONTEND_CHECKPOINT_PICKLESTACK_H
#define VITYA_FRONTEND_CHECKPOINT_PICKLESTACK_H

#include "frontend/checkpoint/PickleMemory.h"
#include "frontend/checkpoint/PickleValue.h"
#include "llvm/Support/Endian.h"
#include <deque>

namespace vitya {

/// Takes the arguments of opcodes from a pickle. Everything fails at the end of the bytes.
class PickleBytes {
public:
  explicit PickleBytes(llvm::StringRef bytes) : bytes(bytes) {}

  /// Bytes of the whole pickle.
  size_t size() const { return bytes.size(); }
  /// The next byte.
  size_t offset() const { return position; }

  llvm::Error take(uint64_t count, llvm::StringRef &into) {
    if (count > bytes.size() - position)
      return makeError("expected {0} more bytes, found {1}", count, bytes.size() - position);
    into = bytes.substr(position, count);
    position += count;
    return llvm::Error::success();
  }

  template <typename Integer>
  llvm::Error takeInteger(Integer &into) {
    llvm::StringRef raw;
    if (llvm::Error error = take(sizeof(Integer), raw))
      return error;
    into = llvm::support::endian::read<Integer, llvm::endianness::little>(raw.data());
    return llvm::Error::success();
  }

  /// Takes the bytes up to the next newline, which is dropped.
  llvm::Error takeLine(llvm::StringRef &into) {
    size_t end = bytes.find('\n', position);
    if (end == llvm::StringRef::npos)
      return makeError("expected a line, found the end");
    into = bytes.slice(position, end);
    position = end + 1;
    return llvm::Error::success();
  }

  /// Takes bytes that follow their count, which is a `Length`.
  template <typename Length>
  llvm::Error takeCounted(llvm::StringRef &into) {
    Length length;
    if (llvm::Error error = takeInteger(length))
      return error;
    return take(length, into);
  }

private:
  llvm::StringRef bytes;
  size_t position = 0;
};

/// A stack whose marks separate the values of unfinished containers. Values live in a deque, which keeps their
/// addresses.
class PickleStack {
public:
  PickleStack(std::deque<PickleValue> &values, PickleMemory &memory) : memory(memory), values(values) {}

  /// Creates a value that is not on the stack.
  PickleValue &make(PickleValue::Kind kind) {
    PickleValue &value = values.emplace_back();
    value.kind = kind;
    memory.use(sizeof(PickleValue));
    return value;
  }

  PickleValue &push(PickleValue::Kind kind) {
    PickleValue &value = make(kind);
    push(&value);
    return value;
  }

  /// Pops a value. Values below the last mark cannot be popped.
  llvm::Error pop(PickleValue *&into) {
    if (stack.size() <= (marks.empty() ? 0 : marks.back()))
      return makeError("expected a value on the stack, found none");
    into = stack.pop_back_val();
    return llvm::Error::success();
  }

  /// Pops all values above the last mark, and the mark.
  llvm::Error popMark(llvm::SmallVectorImpl<PickleValue *> &into) {
    if (marks.empty())
      return makeError("expected a mark on the stack, found none");
    into.assign(stack.begin() + marks.back(), stack.end());
    stack.truncate(marks.pop_back_val());
    return llvm::Error::success();
  }

  /// Gives the value at the top, which stays.
  llvm::Error top(PickleValue *&into) {
    if (llvm::Error error = pop(into))
      return error;
    stack.push_back(into);
    return llvm::Error::success();
  }

  /// Appends items to a container.
  void addItems(PickleValue &container, llvm::ArrayRef<PickleValue *> items) {
    container.items.insert(container.items.end(), items.begin(), items.end());
    memory.use(items.size() * PickleMemory::kItem);
  }

  void push(PickleValue *value) {
    stack.push_back(value);
    memory.use(PickleMemory::kItem);
  }
  void mark() {
    marks.push_back(stack.size());
    memory.use(PickleMemory::kItem);
  }

protected:
  PickleMemory &memory;

private:
  std::deque<PickleValue> &values;
  llvm::SmallVector<PickleValue *> stack;
  llvm::SmallVector<size_t> marks;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_PICKLESTACK_H
