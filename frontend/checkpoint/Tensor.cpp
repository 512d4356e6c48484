// Checks tensors against their records and reads them. Assumes a little-endian processor; the files are little-endian.
#include "frontend/checkpoint/Tensor.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <vector>

using namespace llvm;

namespace vitya {

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

static constexpr ElementType kElementTypes[] = {
    {"f32", ElementKind::floating, 4, "FloatStorage", "float32", "F32"},
    {"f64", ElementKind::floating, 8, "DoubleStorage", "float64", "F64"},
    {"f16", ElementKind::floating, 2, "HalfStorage", "float16", "F16"},
    {"bf16", ElementKind::floating, 2, "BFloat16Storage", "bfloat16", "BF16"},
    {"i8", ElementKind::integer, 1, "CharStorage", "int8", "I8"},
    {"i16", ElementKind::integer, 2, "ShortStorage", "int16", "I16"},
    {"i32", ElementKind::integer, 4, "IntStorage", "int32", "I32"},
    {"i64", ElementKind::integer, 8, "LongStorage", "int64", "I64"},
    {"u8", ElementKind::integer, 1, "ByteStorage", "uint8", "U8"},
    {"u16", ElementKind::integer, 2, "", "uint16", "U16"},
    {"u32", ElementKind::integer, 4, "", "uint32", "U32"},
    {"u64", ElementKind::integer, 8, "", "uint64", "U64"},
    {"bool", ElementKind::boolean, 1, "BoolStorage", "bool", "BOOL"},
    {"complex64", ElementKind::complex, 8, "ComplexFloatStorage", "complex64", "C64"},
    {"complex128", ElementKind::complex, 16, "ComplexDoubleStorage", "complex128", ""},
    {"qint8", ElementKind::quantized, 1, "QInt8Storage", "qint8", ""},
    {"quint8", ElementKind::quantized, 1, "QUInt8Storage", "quint8", ""},
    {"qint32", ElementKind::quantized, 4, "QInt32Storage", "qint32", ""},
};

static const ElementType *find(StringLiteral ElementType::*field, StringRef name) {
  const ElementType *found =
      llvm::find_if(kElementTypes, [&](const ElementType &type) { return !name.empty() && type.*field == name; });
  return found == std::end(kElementTypes) ? nullptr : found;
}

const ElementType *findTorchStorage(StringRef name) { return find(&ElementType::torchStorage, name); }
const ElementType *findTorchType(StringRef name) { return find(&ElementType::torchType, name); }
const ElementType *findSafetensorsType(StringRef name) { return find(&ElementType::safetensors, name); }

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

int64_t Tensor::elements() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

std::string formatShape(ArrayRef<int64_t> shape) {
  return formatv("[{0:$[, ]}]", make_range(shape.begin(), shape.end()));
}

/// Returns the number of storage elements that the tensor needs: one more than the largest index that it reads. Returns
/// nothing if that or the tensor's own number of elements overflows, or if a size or stride is negative.
static std::optional<int64_t> extent(const Tensor &tensor) {
  if (tensor.offset < 0 || tensor.shape.size() != tensor.strides.size())
    return std::nullopt;
  std::optional<int64_t> last = tensor.offset, elements = 1;
  for (auto [size, stride] : zip_equal(tensor.shape, tensor.strides)) {
    if (size < 0 || stride < 0)
      return std::nullopt;
    elements = checkedMul(*elements, size);
    last = size == 0 ? last : checkedMulAdd(size - 1, stride, *last);
    if (!elements || !last)
      return std::nullopt;
  }
  if (*elements == 0)
    return 0;
  return checkedAdd(*last, int64_t(1));
}

Error checkTensor(StringRef name, const Tensor &tensor, uint64_t bytes) {
  std::optional<int64_t> needed = extent(tensor);
  uint64_t available = bytes / tensor.type->bytes;
  if (!needed || static_cast<uint64_t>(*needed) > available)
    return makeError("expected tensor '{0}' to lie within the {1} elements of its record, found offset {2}, "
                     "shape {3}, strides {4}",
                     name, available, tensor.offset, formatShape(tensor.shape), formatShape(tensor.strides));
  uint64_t largest = std::max<uint64_t>(available, kMaxViewElements);
  if (static_cast<uint64_t>(tensor.elements()) > largest)
    return makeError("expected tensor '{0}', a view of a record of {1} elements, to have at most {2} elements, found "
                     "shape {3}, strides {4}",
                     name, available, largest, formatShape(tensor.shape), formatShape(tensor.strides));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Visits the elements in row-major order. `visit` gets the distance in storage from the tensor's first element.
template <typename Visit>
static void forEachElement(const Tensor &tensor, Visit visit) {
  SmallVector<int64_t, 4> index(tensor.shape.size(), 0);
  int64_t position = 0;
  for (int64_t count = tensor.elements(); count > 0; --count) {
    visit(position);
    for (size_t dim = index.size(); dim-- > 0;) {
      position += tensor.strides[dim];
      if (++index[dim] < tensor.shape[dim])
        break;
      position -= tensor.strides[dim] * tensor.shape[dim];
      index[dim] = 0;
    }
  }
}

static bool isContiguous(const Tensor &tensor) {
  int64_t expected = 1;
  for (auto [size, stride] : llvm::reverse(llvm::zip_equal(tensor.shape, tensor.strides))) {
    if (size != 1 && stride != expected)
      return false;
    expected *= size;
  }
  return true;
}

Error readBytes(const Tensor &tensor, const Records &records, MutableArrayRef<char> into) {
  if (into.empty())
    return Error::success();
  unsigned size = tensor.type->bytes;
  uint64_t begin = tensor.recordOffset + tensor.offset * size;
  if (isContiguous(tensor))
    return records.read(tensor.record, begin, into);
  std::vector<char> bytes((*extent(tensor) - tensor.offset) * size);
  if (Error error = records.read(tensor.record, begin, bytes))
    return error;
  char *next = into.data();
  forEachElement(tensor, [&](int64_t position) {
    std::memcpy(next, bytes.data() + position * size, size);
    next += size;
  });
  return Error::success();
}

Error readFloats(StringRef name, const Tensor &tensor, const Records &records, MutableArrayRef<float> into) {
  if (tensor.type->kind != ElementKind::floating)
    return makeError("expected floating-point elements in tensor '{0}', found {1}", name, tensor.type->name);
  if (tensor.type->name == "f32") {
    if (Error error = readBytes(tensor, records,
                                MutableArrayRef(reinterpret_cast<char *>(into.data()), into.size() * sizeof(float))))
      return error;
  } else {
    std::vector<char> bytes(into.size() * tensor.type->bytes);
    if (Error error = readBytes(tensor, records, bytes))
      return error;
    if (tensor.type->name == "f64")
      convertElements<double>(bytes, into);
    else if (tensor.type->name == "f16")
      convertElements<Eigen::half>(bytes, into);
    else
      convertElements<Eigen::bfloat16>(bytes, into);
  }
  if (tensor.isNegated)
    for (float &value : into)
      value = -value;
  const float *wrong = llvm::find_if_not(into, [](float value) { return std::isfinite(value); });
  if (wrong != into.end())
    return makeError("expected finite values in tensor '{0}', found {1} at element {2}", name,
                     std::isnan(*wrong) ? "NaN" : "infinity", wrong - into.begin());
  return Error::success();
}

} // namespace vitya
