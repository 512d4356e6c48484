// Caches values that depend only on a constant tensor, such as the packed form of a weight.
#ifndef VITYA_DIALECT_REFERENCE_CACHED_H
#define VITYA_DIALECT_REFERENCE_CACHED_H

#include "dialect/reference/Tensor.h"
#include <memory>
#include <mutex>

namespace vitya::reference {

/// Caches function(tensor) while the argument stays the same tensor, which it always does if it is a constant. Copies
/// share the cache. It may be called from several threads.
template <typename Result>
class Cached {
public:
  explicit Cached(Result (*function)(const Tensor &)) : state(std::make_shared<State>()), function(function) {}

  std::shared_ptr<const Result> operator()(const Tensor &tensor) const {
    std::lock_guard<std::mutex> lock(state->mutex);
    if (!state->result || state->tensor.bytes().data() != tensor.bytes().data()) {
      state->result = std::make_shared<const Result>(function(tensor));
      state->tensor = tensor;
    }
    return state->result;
  }

private:
  struct State {
    std::mutex mutex;
    Tensor tensor; ///< keeps its bytes alive, so that no other tensor has the same address
    std::shared_ptr<const Result> result;
  };
  std::shared_ptr<State> state;
  Result (*function)(const Tensor &);
};

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_CACHED_H
