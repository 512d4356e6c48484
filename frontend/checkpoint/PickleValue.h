// The values of a pickle.
#ifndef VITYA_FRONTEND_CHECKPOINT_PICKLEVALUE_H
#define VITYA_FRONTEND_CHECKPOINT_PICKLEVALUE_H

#include "frontend/checkpoint/Tensor.h"
#include <memory>
#include <vector>

namespace vitya {

/// A value of a pickle. Values may be shared and, in a hostile file, may contain themselves, so every traversal has to
/// bound its depth.
struct PickleValue {
  enum class Kind {
    none,
    boolean, ///< `integer`
    integer, ///< `integer`
    real,    ///< `real`
    string,  ///< `text`; byte strings too
    tuple,   ///< `items`
    list,    ///< `items`; sets too
    dict,    ///< `items`: key, value, key, value, ...; later keys win
    tensor,  ///< `tensor`
    storage, ///< `text`: key, `integer`: elements, `tensor->type`: element type, null where untyped
    global,  ///< `text`: "module.name"
    object,  ///< of a class or function that was not called: `text`: its name, `arguments`, `state`, `items`
  };

  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  llvm::StringRef text;
  std::vector<PickleValue *> items;
  const PickleValue *arguments = nullptr; ///< of the call that created an object
  const PickleValue *state = nullptr;     ///< set by the opcode BUILD
  std::unique_ptr<Tensor> tensor;         ///< for tensors and storages; it is large, and other values are many

  bool is(Kind expected) const { return kind == expected; }

  /// Returns the value of string key `key` of a dict or of an object's items, or null.
  const PickleValue *lookup(llvm::StringRef key) const;
};

/// Returns the kind with its article: "an integer", "a tuple", ...
llvm::StringRef describe(PickleValue::Kind kind);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_PICKLEVALUE_H
