// A stack machine over the opcodes of Python's pickletools (protocols 1 to 5; of protocol 0 those without quoting).
// The machine only ever builds values: a class or function that it does not know becomes an opaque object, so there is
// nothing that a hostile pickle could run. Every byte yields at most one value, and no step recurses.
#include "frontend/checkpoint/Unpickler.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Constructors.h"
#include "llvm/Support/Endian.h"

using namespace llvm;

namespace vitya {

class Unpickler {
public:
  Unpickler(StringRef bytes, Pickle &pickle, function_ref<std::optional<uint64_t>(StringRef)> recordNumber)
      : bytes(bytes), pickle(pickle), recordNumber(recordNumber) {}

  Error run() {
    while (!pickle.rootValue) {
      opcodeAt = position;
      if (Error error = step())
        return joinPosition(std::move(error));
    }
    return Error::success();
  }

private:
  using Kind = PickleValue::Kind;

  //===--------------------------------------------------------------------===//
  // Reading bytes
  //===--------------------------------------------------------------------===//

  Error joinPosition(Error error) {
    return makeError("{0}, at byte {1} of the pickle", toString(std::move(error)), opcodeAt);
  }

  Error take(uint64_t count, StringRef &into) {
    if (count > bytes.size() - position)
      return makeError("expected {0} more bytes, found {1}", count, bytes.size() - position);
    into = bytes.substr(position, count);
    position += count;
    return Error::success();
  }

  template <typename Integer>
  Error takeInteger(Integer &into) {
    StringRef raw;
    if (Error error = take(sizeof(Integer), raw))
      return error;
    into = support::endian::read<Integer, endianness::little>(raw.data());
    return Error::success();
  }

  Error takeLine(StringRef &into) {
    size_t end = bytes.find('\n', position);
    if (end == StringRef::npos)
      return makeError("expected a line, found the end");
    into = bytes.slice(position, end);
    position = end + 1;
    return Error::success();
  }

  /// Bytes whose count stands before them as a `Length`.
  template <typename Length>
  Error takeCounted(StringRef &into) {
    Length length;
    if (Error error = takeInteger(length))
      return error;
    return take(length, into);
  }

  //===--------------------------------------------------------------------===//
  // The stack
  //===--------------------------------------------------------------------===//

  PickleValue &make(Kind kind) {
    PickleValue &value = pickle.values.emplace_back();
    value.kind = kind;
    return value;
  }

  PickleValue &push(Kind kind) {
    PickleValue &value = make(kind);
    stack.push_back(&value);
    return value;
  }

  Error pushInteger(int64_t value) {
    push(Kind::integer).integer = value;
    return Error::success();
  }

  Error pushString(StringRef text) {
    push(Kind::string).text = pickle.strings.save(text);
    return Error::success();
  }

  Error pushGlobal(StringRef module, StringRef name) {
    push(Kind::global).text = pickle.strings.save(module + "." + name);
    return Error::success();
  }

  /// Values above the last mark, or above the bottom where there is none, belong to the current frame.
  Error pop(PickleValue *&into) {
    if (stack.size() <= (marks.empty() ? 0 : marks.back()))
      return makeError("expected a value on the stack, found none");
    into = stack.pop_back_val();
    return Error::success();
  }

  Error popMark(SmallVectorImpl<PickleValue *> &into) {
    if (marks.empty())
      return makeError("expected a mark on the stack, found none");
    into.assign(stack.begin() + marks.back(), stack.end());
    stack.truncate(marks.pop_back_val());
    return Error::success();
  }

  Error top(PickleValue *&into) {
    if (Error error = pop(into))
      return error;
    stack.push_back(into);
    return Error::success();
  }

  Error memoize(uint64_t index) {
    PickleValue *value;
    if (Error error = top(value))
      return error;
    memo[index] = value;
    return Error::success();
  }

  Error recall(uint64_t index) {
    auto found = memo.find(index);
    if (found == memo.end())
      return makeError("expected a memoized value, found none of number {0}", index);
    stack.push_back(found->second);
    return Error::success();
  }

  template <typename Index, typename Action>
  Error withIndex(Action action) {
    Index index;
    if (Error error = takeInteger(index))
      return error;
    return (this->*action)(index);
  }

  //===--------------------------------------------------------------------===//
  // Building values
  //===--------------------------------------------------------------------===//

  /// A tuple of the last `count` values.
  Error pushTuple(size_t count) {
    SmallVector<PickleValue *, 3> items(count);
    for (PickleValue *&item : llvm::reverse(items))
      if (Error error = pop(item))
        return error;
    push(Kind::tuple).items.assign(items.begin(), items.end());
    return Error::success();
  }

  Error pushMarked(Kind kind) {
    SmallVector<PickleValue *> items;
    if (Error error = popMark(items))
      return error;
    if (kind == Kind::dict && items.size() % 2 != 0)
      return makeError("expected keys with values, found {0} items", items.size());
    push(kind).items.assign(items.begin(), items.end());
    return Error::success();
  }

  /// Adds items to the list, dict or object at the top.
  Error append(ArrayRef<PickleValue *> items, Kind kind) {
    PickleValue *target;
    if (Error error = top(target))
      return error;
    if (!target->is(kind) && !target->is(Kind::object))
      return makeError("expected {0} to add to, found {1}", describe(kind), describe(target->kind));
    if (kind == Kind::dict && items.size() % 2 != 0)
      return makeError("expected keys with values, found {0} items", items.size());
    target->items.insert(target->items.end(), items.begin(), items.end());
    return Error::success();
  }

  Error appendMarked(Kind kind) {
    SmallVector<PickleValue *> items;
    if (Error error = popMark(items))
      return error;
    return append(items, kind);
  }

  Error appendLast(size_t count, Kind kind) {
    SmallVector<PickleValue *, 2> items(count);
    for (PickleValue *&item : llvm::reverse(items))
      if (Error error = pop(item))
        return error;
    return append(items, kind);
  }

  /// Integers of any length; one that 64 bits cannot hold becomes an object.
  Error pushLong(StringRef raw) {
    if (raw.size() > sizeof(int64_t)) {
      push(Kind::object).text = "int";
      return Error::success();
    }
    uint64_t value = !raw.empty() && (raw.back() & 0x80) ? ~uint64_t(0) : 0;
    for (char byte : llvm::reverse(raw))
      value = value << 8 | static_cast<uint8_t>(byte);
    return pushInteger(static_cast<int64_t>(value));
  }

  Error call(bool keywords) {
    PickleValue *named = nullptr, *arguments, *callee;
    if (keywords)
      if (Error error = pop(named))
        return error;
    if (Error error = pop(arguments))
      return error;
    if (Error error = pop(callee))
      return error;
    PickleValue &fresh = make(Kind::object);
    Expected<PickleValue *> result = construct(*callee, *arguments, fresh);
    if (!result)
      return result.takeError();
    // A dict made of another copies its items; doing so over and over is how a small file would fill the memory.
    copied += fresh.items.size();
    if (copied > bytes.size())
      return makeError("expected fewer than {0} items copied from one container to another, found more", bytes.size());
    stack.push_back(*result);
    return Error::success();
  }

  Error build() {
    PickleValue *state, *target;
    if (Error error = pop(state))
      return error;
    if (Error error = top(target))
      return error;
    target->state = state;
    return Error::success();
  }

  Error pushStorage() {
    PickleValue *id;
    if (Error error = pop(id))
      return error;
    PickleValue &result = push(Kind::storage);
    return constructStorage(*id, recordNumber, result);
  }

  Error step();

  StringRef bytes;
  Pickle &pickle;
  function_ref<std::optional<uint64_t>(StringRef)> recordNumber;
  size_t position = 0, opcodeAt = 0, copied = 0;
  SmallVector<PickleValue *> stack;
  SmallVector<size_t> marks;
  DenseMap<uint64_t, PickleValue *> memo;
};

/// Executes one opcode; the letters are those of pickletools.
Error Unpickler::step() {
  StringRef opcode, text;
  if (Error error = take(1, opcode))
    return error;
  auto stringOf = [&](Error error) { return error ? std::move(error) : pushString(text); };
  auto longOf = [&](Error error) { return error ? std::move(error) : pushLong(text); };
  switch (opcode.front()) {
  case '\x80': // PROTO
    return take(1, text);
  case '\x95': // FRAME
    return take(8, text);
  case '.': { // STOP
    PickleValue *value;
    if (Error error = pop(value))
      return error;
    pickle.rootValue = value;
    return Error::success();
  }

  // Plain values.
  case 'N': // NONE
    push(Kind::none);
    return Error::success();
  case '\x88': // NEWTRUE
  case '\x89': // NEWFALSE
    push(Kind::boolean).integer = opcode.front() == '\x88';
    return Error::success();
  case 'J': { // BININT
    int32_t value;
    if (Error error = takeInteger(value))
      return error;
    return pushInteger(value);
  }
  case 'K': { // BININT1
    uint8_t value;
    if (Error error = takeInteger(value))
      return error;
    return pushInteger(value);
  }
  case 'M': { // BININT2
    uint16_t value;
    if (Error error = takeInteger(value))
      return error;
    return pushInteger(value);
  }
  case '\x8a': // LONG1
    return longOf(takeCounted<uint8_t>(text));
  case '\x8b': // LONG4
    return longOf(takeCounted<uint32_t>(text));
  case 'G': { // BINFLOAT
    if (Error error = take(8, text))
      return error;
    push(Kind::real).real = bit_cast<double>(support::endian::read<uint64_t, endianness::big>(text.data()));
    return Error::success();
  }
  case 'X': // BINUNICODE
  case 'T': // BINSTRING
  case 'B': // BINBYTES
    return stringOf(takeCounted<uint32_t>(text));
  case '\x8c': // SHORT_BINUNICODE
  case 'U':    // SHORT_BINSTRING
  case 'C':    // SHORT_BINBYTES
    return stringOf(takeCounted<uint8_t>(text));
  case '\x8d': // BINUNICODE8
  case '\x8e': // BINBYTES8
  case '\x96': // BYTEARRAY8
    return stringOf(takeCounted<uint64_t>(text));

  // The stack and the memo.
  case '(': // MARK
    marks.push_back(stack.size());
    return Error::success();
  case '0': { // POP
    PickleValue *value;
    return pop(value);
  }
  case '1': { // POP_MARK
    SmallVector<PickleValue *> values;
    return popMark(values);
  }
  case '2': { // DUP
    PickleValue *value;
    if (Error error = top(value))
      return error;
    stack.push_back(value);
    return Error::success();
  }
  case 'q': // BINPUT
    return withIndex<uint8_t>(&Unpickler::memoize);
  case 'r': // LONG_BINPUT
    return withIndex<uint32_t>(&Unpickler::memoize);
  case '\x94': // MEMOIZE
    return memoize(memo.size());
  case 'h': // BINGET
    return withIndex<uint8_t>(&Unpickler::recall);
  case 'j': // LONG_BINGET
    return withIndex<uint32_t>(&Unpickler::recall);

  // Containers.
  case ')': // EMPTY_TUPLE
    return pushTuple(0);
  case '\x85': // TUPLE1
    return pushTuple(1);
  case '\x86': // TUPLE2
    return pushTuple(2);
  case '\x87': // TUPLE3
    return pushTuple(3);
  case 't': // TUPLE
    return pushMarked(Kind::tuple);
  case ']':    // EMPTY_LIST
  case '\x8f': // EMPTY_SET
    push(Kind::list);
    return Error::success();
  case 'l':    // LIST
  case '\x91': // FROZENSET
    return pushMarked(Kind::list);
  case '}': // EMPTY_DICT
    push(Kind::dict);
    return Error::success();
  case 'd': // DICT
    return pushMarked(Kind::dict);
  case 'a': // APPEND
    return appendLast(1, Kind::list);
  case 'e':    // APPENDS
  case '\x90': // ADDITEMS
    return appendMarked(Kind::list);
  case 's': // SETITEM
    return appendLast(2, Kind::dict);
  case 'u': // SETITEMS
    return appendMarked(Kind::dict);

  // Classes, objects and storages.
  case 'c': { // GLOBAL
    StringRef name;
    if (Error error = takeLine(text))
      return error;
    if (Error error = takeLine(name))
      return error;
    return pushGlobal(text, name);
  }
  case '\x93': { // STACK_GLOBAL
    PickleValue *module, *name;
    if (Error error = pop(name))
      return error;
    if (Error error = pop(module))
      return error;
    if (!module->is(Kind::string) || !name->is(Kind::string))
      return makeError("expected the names of a global, found {0} and {1}", describe(module->kind),
                       describe(name->kind));
    return pushGlobal(module->text, name->text);
  }
  case 'R':    // REDUCE
  case '\x81': // NEWOBJ
    return call(/*keywords=*/false);
  case '\x92': // NEWOBJ_EX
    return call(/*keywords=*/true);
  case 'b': // BUILD
    return build();
  case 'Q': // BINPERSID
    return pushStorage();
  default:
    return makeError("expected an opcode that PyTorch writes, found {0:x}", static_cast<uint8_t>(opcode.front()));
  }
}

Expected<std::unique_ptr<Pickle>> Pickle::read(StringRef bytes,
                                               function_ref<std::optional<uint64_t>(StringRef)> recordNumber) {
  auto pickle = std::make_unique<Pickle>();
  if (Error error = Unpickler(bytes, *pickle, recordNumber).run())
    return std::move(error);
  return pickle;
}

} // namespace vitya
