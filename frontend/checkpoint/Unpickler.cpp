// A stack machine for the opcodes of Python's pickletools: protocols 1 to 5, and the opcodes of protocol 0 that need no
// quoting. The machine only builds values. A class or function that it does not know becomes an opaque object, so a
// hostile pickle cannot run anything. The memory that values take is bounded, and no step recurses.
#include "frontend/checkpoint/Unpickler.h"
#include "frontend/checkpoint/PickleStack.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace llvm;

namespace vitya {

class Unpickler : private PickleBytes, private PickleStack {
public:
  Unpickler(StringRef bytes, Pickle &pickle, RecordNumber recordNumber)
      : PickleBytes(bytes), PickleStack(pickle.values, pickle.memory), pickle(pickle), recordNumber(recordNumber) {}

  Error run() {
    while (!pickle.rootValue) {
      opcodeAt = offset();
      Error error = step();
      if (!error)
        error = memory.check();
      if (error)
        return makeError("{0}, at byte {1} of the pickle", toString(std::move(error)), opcodeAt);
    }
    return Error::success();
  }

private:
  using Kind = PickleValue::Kind;

  Error pushText(Kind kind, const Twine &text) {
    PickleValue &value = push(kind);
    value.text = pickle.strings.save(text);
    memory.use(value.text.size());
    return Error::success();
  }

  Error pushGlobal(StringRef module, StringRef name) { return pushText(Kind::global, module + "." + name); }

  Error memoize(uint64_t index) {
    PickleValue *value;
    if (Error error = top(value))
      return error;
    memo[index] = value;
    memory.use(PickleMemory::kNumber);
    return Error::success();
  }

  /// Appends items to the list, dict or object at the top of the stack.
  Error append(ArrayRef<PickleValue *> items, Kind kind) {
    PickleValue *target;
    if (Error error = top(target))
      return error;
    if (!target->is(kind) && !target->is(Kind::object))
      return makeError("expected {0} to add to, found {1}", describe(kind), describe(target->kind));
    if (kind == Kind::dict && items.size() % 2 != 0)
      return makeError("expected keys with values, found {0} items", items.size());
    addItems(*target, items);
    return Error::success();
  }

  //===--------------------------------------------------------------------===//
  // Opcodes
  //===--------------------------------------------------------------------===//

  struct Opcode;
  static const Opcode kOpcodes[];
  /// Executes the next opcode.
  Error step();

  /// Skips the argument of an opcode that says nothing about values.
  template <uint64_t Count>
  Error skip() {
    StringRef ignored;
    return take(Count, ignored);
  }

  Error stop() {
    PickleValue *value;
    if (Error error = pop(value))
      return error;
    pickle.rootValue = value;
    pickle.byteCount = offset();
    return Error::success();
  }

  template <PickleValue::Kind kind>
  Error pushEmpty() {
    push(kind);
    return Error::success();
  }

  /// None, True, False and (), which are many and all the same.
  template <PickleValue::Kind kind, bool value = false>
  Error pushShared() {
    auto [shared, isNew] = sharedValues.try_emplace({kind, value}, nullptr);
    if (isNew)
      (shared->second = &make(kind))->integer = value;
    push(shared->second);
    return Error::success();
  }

  template <typename Integer>
  Error pushInteger() {
    Integer value;
    if (Error error = takeInteger(value))
      return error;
    push(Kind::integer).integer = value;
    return Error::success();
  }

  /// An integer of any length in two's complement; one that 64 bits cannot hold becomes an object.
  template <typename Length>
  Error pushLong() {
    StringRef raw;
    if (Error error = takeCounted<Length>(raw))
      return error;
    if (raw.size() > sizeof(int64_t)) {
      push(Kind::object).text = "int";
      return Error::success();
    }
    uint64_t value = !raw.empty() && (raw.back() & 0x80) ? ~uint64_t(0) : 0;
    for (char byte : llvm::reverse(raw))
      value = value << 8 | static_cast<uint8_t>(byte);
    push(Kind::integer).integer = static_cast<int64_t>(value);
    return Error::success();
  }

  Error pushReal() {
    StringRef raw;
    if (Error error = take(sizeof(double), raw))
      return error;
    push(Kind::real).real = bit_cast<double>(support::endian::read64be(raw.data()));
    return Error::success();
  }

  template <typename Length>
  Error pushString() {
    StringRef text;
    if (Error error = takeCounted<Length>(text))
      return error;
    return pushText(Kind::string, text);
  }

  Error pushMark() {
    mark();
    return Error::success();
  }

  Error discard() {
    PickleValue *ignored;
    return pop(ignored);
  }

  Error discardMarked() {
    SmallVector<PickleValue *> ignored;
    return popMark(ignored);
  }

  Error duplicate() {
    PickleValue *value;
    if (Error error = top(value))
      return error;
    push(value);
    return Error::success();
  }

  template <typename Index>
  Error memoizeAt() {
    Index index;
    if (Error error = takeInteger(index))
      return error;
    return memoize(index);
  }

  Error memoizeNext() { return memoize(memo.size()); }

  template <typename Index>
  Error recall() {
    Index index;
    if (Error error = takeInteger(index))
      return error;
    auto found = memo.find(index);
    if (found == memo.end())
      return makeError("expected a memoized value, found none of number {0}", uint64_t(index));
    push(found->second);
    return Error::success();
  }

  /// A tuple of the last `Count` values.
  template <size_t Count>
  Error pushTuple() {
    SmallVector<PickleValue *, 3> items(Count);
    for (PickleValue *&item : llvm::reverse(items))
      if (Error error = pop(item))
        return error;
    addItems(push(Kind::tuple), items);
    return Error::success();
  }

  /// A container of the values above the last mark.
  template <PickleValue::Kind kind>
  Error pushMarked() {
    SmallVector<PickleValue *> items;
    if (Error error = popMark(items))
      return error;
    if (kind == Kind::dict && items.size() % 2 != 0)
      return makeError("expected keys with values, found {0} items", items.size());
    addItems(push(kind), items);
    return Error::success();
  }

  /// Appends the values above the last mark to the container below it.
  template <PickleValue::Kind kind>
  Error appendMarked() {
    SmallVector<PickleValue *> items;
    if (Error error = popMark(items))
      return error;
    return append(items, kind);
  }

  /// Appends the last `Count` values to the container below them.
  template <size_t Count, PickleValue::Kind kind>
  Error appendLast() {
    SmallVector<PickleValue *, 2> items(Count);
    for (PickleValue *&item : llvm::reverse(items))
      if (Error error = pop(item))
        return error;
    return append(items, kind);
  }

  /// A class or function whose names are two lines.
  Error pushGlobal() {
    StringRef module, name;
    if (Error error = takeLine(module))
      return error;
    if (Error error = takeLine(name))
      return error;
    return pushGlobal(module, name);
  }

  /// A class or function whose names are on the stack.
  Error pushStackGlobal() {
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

  /// Calls a class or function with a tuple of arguments, after which there may be a dict of named ones.
  template <bool hasNamedArguments>
  Error call() {
    PickleValue *arguments, *callee;
    if (hasNamedArguments)
      if (Error error = discard())
        return error;
    if (Error error = pop(arguments))
      return error;
    if (Error error = pop(callee))
      return error;
    // The items of a dict and the sizes of a tensor are copied from arguments.
    for (const PickleValue *argument : arguments->items)
      memory.use((1 + 2 * argument->items.size()) * PickleMemory::kItem);
    if (memory.isExceeded())
      return Error::success();
    PickleValue &fresh = make(Kind::object);
    Expected<PickleValue *> result = construct(*callee, *arguments, fresh);
    if (!result)
      return result.takeError();
    if (fresh.tensor)
      memory.use(sizeof(Tensor) + 2 * fresh.tensor->shape.size() * PickleMemory::kItem);
    push(*result);
    return Error::success();
  }

  /// Gives an object its state.
  Error build() {
    PickleValue *state, *target;
    if (Error error = pop(state))
      return error;
    if (Error error = top(target))
      return error;
    target->state = state;
    return Error::success();
  }

  /// The storage or class that a persistent id refers to.
  Error pushPersistent() {
    PickleValue *id;
    if (Error error = pop(id))
      return error;
    PickleValue &result = push(Kind::none);
    memory.use(sizeof(Tensor));
    return constructPersistent(*id, recordNumber, result);
  }

  Pickle &pickle;
  RecordNumber recordNumber;
  size_t opcodeAt = 0; ///< the first byte of the opcode, for errors
  DenseMap<uint64_t, PickleValue *> memo;
  std::map<std::pair<Kind, bool>, PickleValue *> sharedValues;
};

struct Unpickler::Opcode {
  char letter;
  Error (Unpickler::*execute)();
};

/// The opcodes that PyTorch and LibTorch write, with the names that pickletools gives them.
const Unpickler::Opcode Unpickler::kOpcodes[] = {
    {'\x80', &Unpickler::skip<1>}, // PROTO
    {'\x95', &Unpickler::skip<8>}, // FRAME
    {'.', &Unpickler::stop},       // STOP

    // Plain values.
    {'N', &Unpickler::pushShared<Kind::none>},             // NONE
    {'\x88', &Unpickler::pushShared<Kind::boolean, true>}, // NEWTRUE
    {'\x89', &Unpickler::pushShared<Kind::boolean>},       // NEWFALSE
    {'J', &Unpickler::pushInteger<int32_t>},               // BININT
    {'K', &Unpickler::pushInteger<uint8_t>},               // BININT1
    {'M', &Unpickler::pushInteger<uint16_t>},              // BININT2
    {'\x8a', &Unpickler::pushLong<uint8_t>},               // LONG1
    {'\x8b', &Unpickler::pushLong<uint32_t>},              // LONG4
    {'G', &Unpickler::pushReal},                           // BINFLOAT
    {'X', &Unpickler::pushString<uint32_t>},               // BINUNICODE
    {'T', &Unpickler::pushString<uint32_t>},               // BINSTRING
    {'B', &Unpickler::pushString<uint32_t>},               // BINBYTES
    {'\x8c', &Unpickler::pushString<uint8_t>},             // SHORT_BINUNICODE
    {'U', &Unpickler::pushString<uint8_t>},                // SHORT_BINSTRING
    {'C', &Unpickler::pushString<uint8_t>},                // SHORT_BINBYTES
    {'\x8d', &Unpickler::pushString<uint64_t>},            // BINUNICODE8
    {'\x8e', &Unpickler::pushString<uint64_t>},            // BINBYTES8
    {'\x96', &Unpickler::pushString<uint64_t>},            // BYTEARRAY8

    // The stack and the memo.
    {'(', &Unpickler::pushMark},            // MARK
    {'0', &Unpickler::discard},             // POP
    {'1', &Unpickler::discardMarked},       // POP_MARK
    {'2', &Unpickler::duplicate},           // DUP
    {'q', &Unpickler::memoizeAt<uint8_t>},  // BINPUT
    {'r', &Unpickler::memoizeAt<uint32_t>}, // LONG_BINPUT
    {'\x94', &Unpickler::memoizeNext},      // MEMOIZE
    {'h', &Unpickler::recall<uint8_t>},     // BINGET
    {'j', &Unpickler::recall<uint32_t>},    // LONG_BINGET

    // Containers.
    {')', &Unpickler::pushShared<Kind::tuple>},     // EMPTY_TUPLE
    {'\x85', &Unpickler::pushTuple<1>},             // TUPLE1
    {'\x86', &Unpickler::pushTuple<2>},             // TUPLE2
    {'\x87', &Unpickler::pushTuple<3>},             // TUPLE3
    {'t', &Unpickler::pushMarked<Kind::tuple>},     // TUPLE
    {']', &Unpickler::pushEmpty<Kind::list>},       // EMPTY_LIST
    {'\x8f', &Unpickler::pushEmpty<Kind::list>},    // EMPTY_SET
    {'l', &Unpickler::pushMarked<Kind::list>},      // LIST
    {'\x91', &Unpickler::pushMarked<Kind::list>},   // FROZENSET
    {'}', &Unpickler::pushEmpty<Kind::dict>},       // EMPTY_DICT
    {'d', &Unpickler::pushMarked<Kind::dict>},      // DICT
    {'a', &Unpickler::appendLast<1, Kind::list>},   // APPEND
    {'e', &Unpickler::appendMarked<Kind::list>},    // APPENDS
    {'\x90', &Unpickler::appendMarked<Kind::list>}, // ADDITEMS
    {'s', &Unpickler::appendLast<2, Kind::dict>},   // SETITEM
    {'u', &Unpickler::appendMarked<Kind::dict>},    // SETITEMS

    // Classes, objects and storages.
    {'c', &Unpickler::pushGlobal},         // GLOBAL
    {'\x93', &Unpickler::pushStackGlobal}, // STACK_GLOBAL
    {'R', &Unpickler::call<false>},        // REDUCE
    {'\x81', &Unpickler::call<false>},     // NEWOBJ
    {'\x92', &Unpickler::call<true>},      // NEWOBJ_EX
    {'b', &Unpickler::build},              // BUILD
    {'Q', &Unpickler::pushPersistent},     // BINPERSID
};

Error Unpickler::step() {
  StringRef letter;
  if (Error error = take(1, letter))
    return error;
  const Opcode *opcode = llvm::find_if(kOpcodes, [&](const Opcode &each) { return each.letter == letter.front(); });
  if (opcode == std::end(kOpcodes))
    return makeError("expected an opcode that PyTorch writes, found {0:x}", static_cast<uint8_t>(letter.front()));
  return (this->*opcode->execute)();
}

Expected<std::unique_ptr<Pickle>> Pickle::read(StringRef bytes, RecordNumber recordNumber) {
  auto pickle = std::make_unique<Pickle>(bytes.size());
  if (Error error = Unpickler(bytes, *pickle, recordNumber).run())
    return std::move(error);
  return pickle;
}

} // namespace vitya
