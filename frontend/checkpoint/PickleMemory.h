// The memory that a pickle may take.
#ifndef VITYA_FRONTEND_CHECKPOINT_PICKLEMEMORY_H
#define VITYA_FRONTEND_CHECKPOINT_PICKLEMEMORY_H

#include "dialect/support/Errors.h"

namespace vitya {

/// Counts the memory of the values of a pickle and of what is made of them, such as the names of tensors. Values may be
/// shared, so that a small pickle could stand for copies that fill the memory.
class PickleMemory {
public:
  /// Memory of an item of a container, and of a number of a value: vectors and maps grow by doubling.
  static constexpr size_t kItem = 2 * sizeof(void *), kNumber = 4 * sizeof(void *);

  explicit PickleMemory(size_t pickleBytes) : limit(32 * pickleBytes + (4 << 20)) {}

  void use(size_t bytes) { used += bytes; }
  bool isExceeded() const { return used > limit; }

  /// Fails if more than a small multiple of the pickle has been used.
  llvm::Error check() const {
    if (!isExceeded())
      return llvm::Error::success();
    return makeError("expected values that take at most {0} bytes of memory, found more", limit);
  }

private:
  size_t used = 0, limit;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_PICKLEMEMORY_H
