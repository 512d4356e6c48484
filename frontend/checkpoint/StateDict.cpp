// A state dict is a dict whose values are tensors, or a module, which keeps its tensors in `_parameters`, `_buffers`
// and `_modules` (Python) or as attributes (LibTorch and TorchScript). Values may contain themselves, so every
// traversal is bounded by a depth that no model reaches.
#include "frontend/checkpoint/StateDict.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace vitya {

using Kind = PickleValue::Kind;

constexpr unsigned kMaxDepth = 64;
/// The largest number of values in a state dict. It bounds modules that share children, whose number can be
/// exponential.
constexpr size_t kMaxTensors = 1 << 20;

/// Returns whether the value is a floating-point tensor, other than a single number such as a metric of a training run.
static bool isWeight(const PickleValue &value) {
  return value.is(Kind::tensor) && !value.tensor->shape.empty() &&
         (value.tensor->type->kind == ElementKind::floating || value.tensor->quantizer);
}

/// Returns the attributes of an object, or null.
static const PickleValue *attributes(const PickleValue &value) {
  if (!value.is(Kind::object) || !value.state)
    return nullptr;
  // The state is (attributes, slots) if the class has slots.
  const PickleValue *state = value.state;
  if (state->is(Kind::tuple) && !state->items.empty())
    state = state->items.front();
  return state->is(Kind::dict) ? state : nullptr;
}

/// Returns whether the value is a module of Python or of LibTorch and TorchScript.
static bool isModule(const PickleValue &value) {
  const PickleValue *state = attributes(value);
  return state && (state->lookup("_parameters") || state->lookup("_modules") || value.text.starts_with("__torch__."));
}

/// Returns the weight and the bias, a tuple, that an object of TorchScript's class LinearPackedParamsBase holds, or
/// null.
static const PickleValue *packedParameters(const PickleValue &value) {
  const PickleValue *state = value.is(Kind::object) && value.text == "torch.ScriptObject" ? value.state : nullptr;
  bool isPacked = state && state->is(Kind::tuple) && state->items.size() == 2 &&
                  state->items[1]->text == "__torch__.torch.classes.quantized.LinearPackedParamsBase";
  return isPacked ? state->items[0] : nullptr;
}

/// Returns whether the value is a tensor of a kind that the reader does not know: sparse, nested, a subclass, an array
/// of NumPy.
static bool isUnreadableTensor(const PickleValue &value) {
  if (!value.is(Kind::object))
    return false;
  StringRef builder = value.text;
  return builder.starts_with("torch._utils._rebuild_") || builder.starts_with("torch._tensor._rebuild_") ||
         (builder.starts_with("numpy.") && builder.ends_with("._reconstruct"));
}

template <typename Visit>
static void forEachItem(const PickleValue &dict, Visit visit) {
  for (size_t index = 0; index + 1 < dict.items.size(); index += 2)
    if (dict.items[index]->is(Kind::string))
      visit(dict.items[index]->text, *dict.items[index + 1]);
}

//===----------------------------------------------------------------------===//
// Flattening
//===----------------------------------------------------------------------===//

namespace {

/// Collects the tensors under a value. If a name occurs twice, the later tensor takes the place of the earlier one, as
/// in Python's dicts.
struct Flattener {
  PickleMemory &memory;
  std::vector<NamedTensor> tensors;
  StringMap<size_t> places;
  size_t visited = 0;

  Error add(const Twine &name, const PickleValue &value, unsigned depth) {
    if (depth > kMaxDepth || ++visited > kMaxTensors)
      return makeError("expected a model of at most {0} levels and {1} values, found a deeper or larger one", kMaxDepth,
                       kMaxTensors);
    if (value.is(Kind::tensor)) {
      std::string text = name.str();
      // The name is copied into maps.
      memory.use(sizeof(NamedTensor) + 4 * text.size() + 2 * value.tensor->shape.size() * PickleMemory::kItem);
      if (Error error = memory.check())
        return error;
      auto [place, inserted] = places.try_emplace(text, tensors.size());
      if (inserted)
        tensors.push_back({text, *value.tensor});
      else
        tensors[place->second].tensor = *value.tensor;
      return Error::success();
    }
    if (isUnreadableTensor(value))
      return makeError("expected a dense tensor of PyTorch under '{0}', found the result of {1}", name.str(),
                       value.text);
    Error error = Error::success();
    auto descend = [&](StringRef key, const PickleValue &child) {
      if (!error)
        error = add(name.isTriviallyEmpty() ? Twine(key) : name + "." + key, child, depth + 1);
    };
    if (const PickleValue *packed = packedParameters(value))
      return add(name, *packed, depth + 1);
    if (const PickleValue *state = attributes(value)) {
      // Quantized layers of Python keep weight and bias in an attribute that is no parameter.
      if (const PickleValue *packed = state->lookup("_packed_params"))
        descend("_packed_params", *packed);
      const PickleValue *parameters = state->lookup("_parameters"), *buffers = state->lookup("_buffers");
      const PickleValue *modules = state->lookup("_modules"), *transient = state->lookup("_non_persistent_buffers_set");
      if (!parameters && !buffers && !modules)
        parameters = state;
      if (parameters)
        forEachItem(*parameters, descend);
      if (buffers)
        forEachItem(*buffers, [&](StringRef key, const PickleValue &child) {
          bool isTransient =
              transient && any_of(transient->items, [&](PickleValue *item) { return item->text == key; });
          if (!isTransient)
            descend(key, child);
        });
      if (modules)
        forEachItem(*modules, descend);
    } else if (value.is(Kind::dict) || value.is(Kind::object)) {
      forEachItem(value, descend);
    } else if (value.is(Kind::tuple) || value.is(Kind::list)) {
      for (auto [index, item] : enumerate(value.items))
        descend(std::to_string(index), *item);
    }
    return error;
  }
};

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

/// A value of a pickle that holds the tensors of a model.
struct Candidate {
  std::string key;
  const PickleValue *value;
};

/// Finds modules, and the innermost dicts that hold weights. Each value is visited once, and down to a
/// depth that no checkpoint reaches, so values may contain themselves.
struct CandidateSearch {
  PickleMemory &memory;
  std::vector<Candidate> candidates;
  DenseSet<const PickleValue *> seen;

  void visit(const Twine &key, const PickleValue &value, unsigned depth) {
    if (depth > kMaxDepth || !seen.insert(&value).second)
      return;
    if (isModule(value)) {
      if (reachesWeight(value, depth))
        add(key, value);
      return;
    }
    size_t before = candidates.size();
    bool holdsWeights = holdsWeight(value);
    forEachItem(attributes(value) ? *attributes(value) : value, [&](StringRef name, const PickleValue &child) {
      holdsWeights |= holdsWeight(child);
      if (child.is(Kind::dict) || child.is(Kind::object))
        visit(key.isTriviallyEmpty() ? Twine(name) : key + "." + name, child, depth + 1);
    });
    if (holdsWeights && candidates.size() == before)
      add(key, value);
  }

private:
  void add(const Twine &key, const PickleValue &value) {
    if (memory.isExceeded())
      return;
    candidates.push_back({key.str(), &value});
    memory.use(sizeof(Candidate) + 2 * candidates.back().key.size());
  }

  /// Returns whether the value is a weight or a sequence with one.
  static bool holdsWeight(const PickleValue &value) {
    bool isSequence = value.is(Kind::tuple) || value.is(Kind::list);
    return isWeight(value) || (isSequence && any_of(value.items, [](PickleValue *item) { return isWeight(*item); }));
  }

  /// Returns whether there is a weight below a module.
  bool reachesWeight(const PickleValue &module, unsigned depth) {
    bool found = false;
    forEachItem(*attributes(module), [&](StringRef, const PickleValue &child) {
      found |= holdsWeight(child);
      if (depth > kMaxDepth || !seen.insert(&child).second)
        return;
      if (attributes(child))
        found |= reachesWeight(child, depth + 1);
      else if (child.is(Kind::dict))
        forEachItem(child, [&](StringRef, const PickleValue &entry) {
          found |= holdsWeight(entry);
          if (attributes(entry) && seen.insert(&entry).second)
            found |= reachesWeight(entry, depth + 1);
        });
    });
    return found;
  }
};

} // namespace

/// Returns the value under `key`, or null. Keys may contain dots, so each one with which `key` begins is tried.
static const PickleValue *resolve(const PickleValue &value, StringRef key, unsigned depth) {
  if (key.empty() || depth > kMaxDepth)
    return key.empty() ? &value : nullptr;
  const PickleValue *dict = attributes(value) ? attributes(value) : &value;
  const PickleValue *found = nullptr;
  forEachItem(*dict, [&](StringRef name, const PickleValue &child) {
    StringRef rest = key;
    if (!found && rest.consume_front(name) && (rest.empty() || rest.consume_front(".")))
      found = resolve(child, rest, depth + 1);
  });
  return found;
}

/// Returns `name` without the components that are names of wrappers, which are added to `found`. The last component is
/// the name of a parameter.
static std::string withoutWrappers(StringRef name, SetVector<StringRef> &found) {
  static constexpr StringLiteral wrappers[] = {"module", "_orig_mod", "_checkpoint_wrapped_module",
                                               "_fsdp_wrapped_module"};
  SmallVector<StringRef> components, kept;
  name.split(components, '.');
  for (StringRef component : ArrayRef(components).drop_back())
    if (const StringLiteral *wrapper = llvm::find(wrappers, component); wrapper != std::end(wrappers))
      found.insert(*wrapper);
    else
      kept.push_back(component);
  kept.push_back(components.back());
  return join(kept, ".");
}

Expected<std::vector<std::string>> dropWrappers(std::vector<NamedTensor> &tensors) {
  bool isAveraged = any_of(tensors, [](const NamedTensor &named) { return named.name == "n_averaged"; }) &&
                    all_of(tensors, [](const NamedTensor &named) {
                      return named.name == "n_averaged" || StringRef(named.name).starts_with("module.");
                    });
  if (isAveraged)
    erase_if(tensors, [](const NamedTensor &named) { return named.name == "n_averaged"; });
  SetVector<StringRef> wrappers;
  StringMap<std::string> originals; // by the new name
  for (NamedTensor &named : tensors) {
    std::string name = withoutWrappers(named.name, wrappers);
    auto [other, isNew] = originals.try_emplace(name, named.name);
    if (!isNew)
      return makeError("expected tensors with different names after the removal of wrappers such as 'module.', found "
                       "'{0}' and '{1}'",
                       other->second, named.name);
    named.name = std::move(name);
  }
  return std::vector<std::string>(wrappers.begin(), wrappers.end());
}

std::vector<NamedTensor> tensorsBehind(StringRef prefix, ArrayRef<NamedTensor> tensors) {
  std::vector<NamedTensor> result;
  for (const auto &[name, tensor] : tensors)
    if (StringRef rest = name; rest.consume_front(prefix) && !rest.empty())
      result.push_back({rest.str(), tensor});
  return result;
}

/// Gives the linear layers of torch's `quantize_dynamic`, whose weight and bias are a tuple under
/// "NAME._packed_params._packed_params", the names of f32 layers. Removes the scale and the zero point of the output,
/// which dynamic layers do not use.
static void unpackLinears(std::vector<NamedTensor> &tensors) {
  constexpr StringLiteral suffixes[][2] = {{"._packed_params._packed_params.0", ".weight"},
                                           {"._packed_params._packed_params.1", ".bias"}};
  StringSet<> unused;
  for (NamedTensor &named : tensors)
    for (auto [packed, plain] : suffixes)
      if (StringRef name = named.name; name.consume_back(packed)) {
        unused.insert((name + ".scale").str());
        unused.insert((name + ".zero_point").str());
        named.name = (name + plain).str();
      }
  erase_if(tensors, [&](const NamedTensor &named) { return unused.contains(named.name); });
}

/// Returns the candidate whose key begins with the name that training scripts give to the weights to evaluate, or null
/// if no or several candidates do. The order is that of timm and of DINO.
static const Candidate *preferred(ArrayRef<Candidate> candidates) {
  static constexpr StringLiteral names[] = {"state_dict_ema", "model_ema",        "ema_state_dict", "ema", "teacher",
                                            "state_dict",     "model_state_dict", "model",          "net", "student"};
  for (StringRef name : names) {
    auto isNamed = [&](const Candidate &candidate) { return StringRef(candidate.key).split('.').first == name; };
    const Candidate *first = find_if(candidates, isNamed);
    if (first != candidates.end())
      return count_if(candidates, isNamed) == 1 ? first : nullptr;
  }
  return nullptr;
}

Expected<StateDict> findStateDict(const PickleValue &root, StringRef key, PickleMemory &memory) {
  CandidateSearch search{memory, {}, {}};
  search.visit("", root, 0);
  if (Error error = memory.check())
    return std::move(error);
  ArrayRef<Candidate> candidates = search.candidates;
  auto list = [&] {
    return join(map_range(candidates, [](const Candidate &candidate) { return "'" + candidate.key + "'"; }), ", ");
  };
  StateDict result;
  result.key = key.str();
  const PickleValue *chosen = nullptr;
  if (!key.empty()) {
    chosen = resolve(root, key, 0);
    if (!chosen)
      return makeError("expected key '{0}', found {1}", key,
                       candidates.empty() ? "no state dict at all" : "state dicts under " + list());
  } else if (const Candidate *candidate = candidates.size() == 1 ? candidates.data() : preferred(candidates)) {
    chosen = candidate->value;
    result.key = candidate->key;
    for (const Candidate &other : candidates)
      if (&other != candidate)
        result.otherKeys.push_back(other.key);
  } else if (candidates.empty()) {
    return makeError("expected a state dict or a module, found {0} without floating-point tensors",
                     describe(root.kind));
  } else {
    return makeError("expected a key that chooses between several state dicts, found none; there are {0}", list());
  }
  Flattener flattener{memory, {}, {}};
  if (Error error = flattener.add("", *chosen, 0))
    return std::move(error);
  if (flattener.tensors.empty())
    return makeError("expected tensors under key '{0}', found {1} without any", key, describe(chosen->kind));
  unpackLinears(flattener.tensors);
  result.tensors = std::move(flattener.tensors);
  return result;
}

} // namespace vitya
