// Computes the results of functions in torch/_utils.py and torch.jit._pickle. Shapes and offsets are only read here;
// `checkTensor` compares them with the record, whose size the pickle does not contain.
#include "frontend/checkpoint/Constructors.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/StringSwitch.h"
#include <limits>

using namespace llvm;

namespace vitya {

using Kind = PickleValue::Kind;

const PickleValue *PickleValue::lookup(StringRef key) const {
  for (size_t index = items.size() / 2; index-- > 0;)
    if (items[2 * index]->is(Kind::string) && items[2 * index]->text == key)
      return items[2 * index + 1];
  return nullptr;
}

StringRef describe(PickleValue::Kind kind) {
  static constexpr StringLiteral names[] = {"None",   "a boolean", "an integer", "a float",   "a string", "a tuple",
                                            "a list", "a dict",    "a tensor",   "a storage", "a global", "an object"};
  return names[static_cast<size_t>(kind)];
}

/// Returns argument `index` of a call, which has to be of `kind`.
static Expected<const PickleValue *> argument(StringRef function, const PickleValue &arguments, size_t index,
                                              Kind kind) {
  if (index >= arguments.items.size())
    return makeError("expected at least {0} arguments of {1}, found {2}", index + 1, function, arguments.items.size());
  const PickleValue *value = arguments.items[index];
  if (!value->is(kind))
    return makeError("expected {0} as argument {1} of {2}, found {3}", describe(kind), index, function,
                     describe(value->kind));
  return value;
}

/// Appends the integers of a tuple to `into`.
static Error readIntegers(StringRef function, const PickleValue &tuple, SmallVectorImpl<int64_t> &into) {
  for (const PickleValue *item : tuple.items) {
    if (!item->is(Kind::integer))
      return makeError("expected integers in shape and strides of {0}, found {1}", function, describe(item->kind));
    into.push_back(item->integer);
  }
  return Error::success();
}

/// Applies the last argument of _rebuild_tensor_v2 and _v3, a dict of the bits of a lazily computed view: 'neg' and
/// 'conj'. The latter concerns complex tensors, whose elements are not read.
static Error applyMetadata(StringRef function, const PickleValue &metadata, Tensor &tensor) {
  if (metadata.is(Kind::none))
    return Error::success();
  if (!metadata.is(Kind::dict))
    return makeError("expected a dict as metadata of {0}, found {1}", function, describe(metadata.kind));
  for (size_t index = 0; index + 1 < metadata.items.size(); index += 2) {
    const PickleValue &key = *metadata.items[index], &value = *metadata.items[index + 1];
    bool isKnown = key.is(Kind::string) && (key.text == "neg" || key.text == "conj") && value.is(Kind::boolean);
    if (!isKnown)
      return makeError("expected only the booleans 'neg' and 'conj' as metadata of {0}, found '{1}'", function,
                       key.is(Kind::string) ? key.text : describe(key.kind));
    if (key.text == "neg")
      tensor.isNegated = value.integer != 0;
  }
  return Error::success();
}

/// _rebuild_tensor(storage, offset, shape, strides). _v2, _v3 and _rebuild_qtensor have these arguments first.
static Error constructTensor(StringRef function, const PickleValue &arguments, PickleValue &result) {
  Expected<const PickleValue *> storage = argument(function, arguments, 0, Kind::storage);
  if (!storage)
    return storage.takeError();
  Expected<const PickleValue *> offset = argument(function, arguments, 1, Kind::integer);
  if (!offset)
    return offset.takeError();
  Expected<const PickleValue *> shape = argument(function, arguments, 2, Kind::tuple);
  if (!shape)
    return shape.takeError();
  Expected<const PickleValue *> strides = argument(function, arguments, 3, Kind::tuple);
  if (!strides)
    return strides.takeError();
  Tensor tensor = *(*storage)->tensor;
  tensor.offset = (*offset)->integer;
  if (Error error = readIntegers(function, **shape, tensor.shape))
    return error;
  if (Error error = readIntegers(function, **strides, tensor.strides))
    return error;
  if (function == "torch._utils._rebuild_tensor_v3") {
    Expected<const PickleValue *> type = argument(function, arguments, 6, Kind::global);
    if (!type)
      return type.takeError();
    StringRef name = (*type)->text;
    name.consume_front("torch.");
    tensor.type = findTorchType(name);
    if (!tensor.type)
      return makeError("expected a known element type, found {0}", (*type)->text);
  }
  if (!tensor.type)
    return makeError("expected a storage with an element type for {0}, found an untyped one", function);
  if (function == "torch._utils._rebuild_qtensor") {
    Expected<const PickleValue *> quantizer = argument(function, arguments, 4, Kind::tuple);
    if (!quantizer)
      return quantizer.takeError();
    tensor.quantizer = *quantizer;
  }
  size_t metadata = function.ends_with("_v2") ? 6 : function.ends_with("_v3") ? 7 : arguments.items.size();
  if (metadata < arguments.items.size())
    if (Error error = applyMetadata(function, *arguments.items[metadata], tensor))
      return error;
  result.kind = Kind::tensor;
  result.tensor = std::make_unique<Tensor>(std::move(tensor));
  return Error::success();
}

/// Constructs a dict from a list of pairs, from another dict, or from nothing, as OrderedDict does.
static Error constructDict(StringRef function, const PickleValue &arguments, PickleValue &result) {
  result.kind = Kind::dict;
  for (const PickleValue *argument : arguments.items) {
    if (argument->is(Kind::dict)) {
      result.items.insert(result.items.end(), argument->items.begin(), argument->items.end());
      continue;
    }
    if (!argument->is(Kind::list))
      continue; // defaultdict's factory
    for (const PickleValue *pair : argument->items) {
      if (pair->items.size() != 2)
        return makeError("expected pairs as items of {0}, found {1}", function, describe(pair->kind));
      result.items.insert(result.items.end(), pair->items.begin(), pair->items.end());
    }
  }
  return Error::success();
}

Expected<PickleValue *> construct(const PickleValue &callee, const PickleValue &arguments, PickleValue &fresh) {
  enum class Constructor { object, tensor, first, dict, apply };
  StringRef name = callee.text;
  Constructor constructor =
      StringSwitch<Constructor>(name)
          .Cases({"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
                  "torch._utils._rebuild_qtensor"},
                 Constructor::tensor)
          .Cases({"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
                  "torch.jit._pickle.restore_type_tag", "torch.jit._pickle.build_intlist",
                  "torch.jit._pickle.build_tensorlist", "torch.jit._pickle.build_doublelist",
                  "torch.jit._pickle.build_boollist"},
                 Constructor::first)
          .Cases({"torch.Size", "builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset"},
                 Constructor::first)
          .Cases({"collections.OrderedDict", "collections.defaultdict"}, Constructor::dict)
          .Case("torch._tensor._rebuild_from_type_v2", Constructor::apply)
          .Default(Constructor::object);
  if (!callee.is(Kind::global) || !arguments.is(Kind::tuple))
    constructor = Constructor::object;
  auto filled = [&](Error error) -> Expected<PickleValue *> {
    if (error)
      return std::move(error);
    return &fresh;
  };
  switch (constructor) {
  case Constructor::tensor:
    return filled(constructTensor(name, arguments, fresh));
  case Constructor::first:
    if (arguments.items.empty())
      return makeError("expected an argument of {0}, found none", name);
    return arguments.items.front();
  case Constructor::dict:
    return filled(constructDict(name, arguments, fresh));
  case Constructor::apply: // of (function, type, arguments, state): the function returns the tensor
    if (arguments.items.size() < 3)
      return makeError("expected at least 3 arguments of {0}, found {1}", name, arguments.items.size());
    if (arguments.items[0]->text == name)
      return makeError("expected {0} to apply another function, found itself", name);
    return construct(*arguments.items[0], *arguments.items[2], fresh);
  case Constructor::object:
    fresh.kind = Kind::object;
    fresh.text = name;
    fresh.arguments = &arguments;
    return &fresh;
  }
  llvm_unreachable("a constructor without a case");
}

/// Fills `result` with the storage of ('storage', type, key, device, elements). Files before PyTorch 1.6 add the part
/// of another storage that it is; PyTorch 0.4 and later have no such parts and write None.
static Error constructStorage(StringRef function, const PickleValue &id, RecordNumber recordNumber,
                              PickleValue &result) {
  Expected<const PickleValue *> type = argument(function, id, 1, Kind::global);
  if (!type)
    return type.takeError();
  Expected<const PickleValue *> key = argument(function, id, 2, Kind::string);
  if (!key)
    return key.takeError();
  Expected<const PickleValue *> elements = argument(function, id, 4, Kind::integer);
  if (!elements)
    return elements.takeError();
  StringRef name = (*type)->text.rsplit('.').second;
  Tensor tensor;
  tensor.type = findTorchStorage(name);
  if (!tensor.type && name != "UntypedStorage")
    return makeError("expected a storage of a known element type, found {0}", (*type)->text);
  StorageId storage = {(*key)->text, (*elements)->integer, tensor.type ? tensor.type->bytes : 1};
  if (storage.elements < 0 || storage.elements > std::numeric_limits<int64_t>::max() / storage.elementBytes)
    return makeError("expected a number of elements of storage '{0}', found {1}", storage.key, storage.elements);
  if (id.items.size() > 5 && !id.items[5]->is(Kind::none))
    return makeError("expected storages that are not parts of others, found part '{0}': load and save the file again "
                     "with PyTorch 0.4 or later",
                     storage.key);
  Expected<uint64_t> record = recordNumber(storage);
  if (!record)
    return record.takeError();
  result.kind = Kind::storage;
  tensor.record = *record;
  result.tensor = std::make_unique<Tensor>(std::move(tensor));
  result.text = (*key)->text;
  result.integer = (*elements)->integer;
  return Error::success();
}

Error constructPersistent(const PickleValue &id, RecordNumber recordNumber, PickleValue &result) {
  constexpr StringLiteral function = "a persistent id";
  Expected<const PickleValue *> tag = argument(function, id, 0, Kind::string);
  if (!tag)
    return tag.takeError();
  if ((*tag)->text == "storage")
    return constructStorage(function, id, recordNumber, result);
  if ((*tag)->text != "module")
    return makeError("expected a persistent id of a storage or of the class of a module, found '{0}'", (*tag)->text);
  Expected<const PickleValue *> module = argument(function, id, 1, Kind::global);
  if (!module)
    return module.takeError();
  result.kind = Kind::global;
  result.text = (*module)->text;
  return Error::success();
}

} // namespace vitya
