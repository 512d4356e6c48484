// The plain values that a pickle is read into.
#ifndef VITYA_FRONTEND_CHECKPOINT_PICKLEVALUE_H
#define VITYA_FRONTEND_CHECKPOINT_PICKLEVALUE_H

#include "frontend/checkpoint/Tensor.h"
#include <vector>

namespace vitya {

/// A value of a pickle. Values may be shared and, in a hostile or odd file, may contain themselves: whoever walks them
/// bounds the depth.
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
    storage, ///< `text`: key, `integer`: elements, `tensor.type`: element type, null where untyped
    global,  ///< `text`: "module.name"
    object,  ///< what a class or function made that was not called: `text`: its name, `arguments`, `state`, `items`
  };

  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  llvm::StringRef text;
  std::vector<PickleValue *> items;
  const PickleValue *arguments = nullptr; // of the call that made an object
  const PickleValue *state = nullptr;     // what BUILD gave it
  Tensor tensor;

  bool is(Kind expected) const { return kind == expected; }

  /// The value of string key `key` of a dict or of an object's items, or null.
  const PickleValue *lookup(llvm::StringRef key) const;
};

/// "an integer", "a tuple", ...
llvm::StringRef describe(PickleValue::Kind kind);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_PICKLEVALUE_H
