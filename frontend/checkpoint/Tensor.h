// Tensors of a checkpoint: a type, a shape and strides over a range of a record.
#ifndef VITYA_FRONTEND_CHECKPOINT_TENSOR_H
#define VITYA_FRONTEND_CHECKPOINT_TENSOR_H

#include "frontend/checkpoint/Records.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstring>
#include <memory>
#include <string>

namespace vitya {

enum class ElementKind { floating, integer, boolean, complex, quantized };

/// An element type and its names in different formats; a name is empty if the format lacks the type.
struct ElementType {
  llvm::StringLiteral name;
  ElementKind kind;
  unsigned bytes;
  llvm::StringLiteral torchStorage; ///< "FloatStorage"
  llvm::StringLiteral torchType;    ///< "float32"
  llvm::StringLiteral safetensors;  ///< "F32"
};

/// Return the element type with this name, or null.
const ElementType *findTorchStorage(llvm::StringRef name);
const ElementType *findTorchType(llvm::StringRef name);
const ElementType *findSafetensorsType(llvm::StringRef name);

struct PickleValue;
struct IntegerWeight;

/// A tensor whose bytes have not been read yet.
struct Tensor {
  const ElementType *type = nullptr;
  uint64_t record = 0;       ///< number of the record
  uint64_t recordOffset = 0; ///< first byte of the storage within the record
  int64_t offset = 0;        ///< of the first element within the storage, in elements
  llvm::SmallVector<int64_t, 4> shape;
  llvm::SmallVector<int64_t, 4> strides; ///< in elements
  /// The scheme, scales and zero points of a quantized tensor, as arguments of torch's quantizer; else null.
  const PickleValue *quantizer = nullptr;
  /// The tensors that store a weight of integers, if this compiler has quantized it; else null. Type and strides are
  /// then those of `weight->integers`, while the shape is that of the weight.
  std::shared_ptr<const IntegerWeight> weight;
  /// The values are the negatives of the stored elements: PyTorch's negative bit. Only for floating-point tensors.
  bool isNegated = false;

  bool isQuantized() const { return quantizer || weight; }

  /// Returns the number of elements. Valid only for tensors that `checkTensor` accepted.
  int64_t elements() const;
};

/// The largest number of elements of a tensor that has more elements than its storage.
inline constexpr int64_t kMaxViewElements = 1 << 26;

/// Returns a shape as text: "[2, 3]".
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// Fails unless offset, shape and strides stay within `bytes` bytes of storage. Strides of 0 and overlapping views may
/// give a tensor more elements than the storage has, but not more than `kMaxViewElements`, so that small files need
/// little memory. `name` is for the error.
llvm::Error checkTensor(llvm::StringRef name, const Tensor &tensor, uint64_t bytes);

/// Reads the elements of a tensor that `checkTensor` accepted, in row-major order and in their stored type. `into` has
/// as many bytes as all elements together.
llvm::Error readBytes(const Tensor &tensor, const Records &records, llvm::MutableArrayRef<char> into);

/// Converts the elements in `bytes`, which need not be aligned, to f32. `into` has one entry for each element.
template <typename Element>
void convertElements(llvm::ArrayRef<char> bytes, llvm::MutableArrayRef<float> into) {
  for (auto [index, value] : llvm::enumerate(into)) {
    Element element;
    std::memcpy(&element, bytes.data() + index * sizeof(Element), sizeof(Element));
    value = static_cast<float>(element);
  }
}

/// Reads the elements of a tensor that `checkTensor` accepted, in row-major order and converted to f32. `into` has one
/// entry for each element. Fails for types that are not floating-point and for values that are not finite.
llvm::Error readFloats(llvm::StringRef name, const Tensor &tensor, const Records &records,
                       llvm::MutableArrayRef<float> into);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_TENSOR_H
