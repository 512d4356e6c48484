// The tensors that checkpoints of a model store in another form than its constants have.
#ifndef VITYA_FRONTEND_IMPORT_STOREDTENSORS_H
#define VITYA_FRONTEND_IMPORT_STOREDTENSORS_H

#include "dialect/VityaDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace vitya {

/// The array `vitya.stored_tensors` of a module, and which of it a checkpoint has used.
class StoredTensors {
public:
  explicit StoredTensors(mlir::ModuleOp module);

  /// Whether the importer computes the constant with the resource `constant`.
  bool isComputed(llvm::StringRef constant) const { return computed.contains(constant); }

  /// The form in which the constant of `elements` elements is stored; null if that is its own, or if compression has
  /// changed the number of its elements. Counts the constant as stored.
  StoredTensorAttr use(llvm::StringRef constant, int64_t elements);

  /// The tensors of equal elements that are stored beside the constants: all of them, or none if compression has
  /// changed some of these constants, because an optional tensor is in all blocks of a model or in none.
  llvm::ArrayRef<StoredTensorAttr> filled() const;

private:
  llvm::StringMap<StoredTensorAttr> forms;
  llvm::StringSet<> computed, used;
  llvm::SmallVector<StoredTensorAttr> fills;
};

/// The elements of the tensor that `form` stores, for `values` in the order of the constant.
std::vector<float> storedOrder(StoredTensorAttr form, llvm::ArrayRef<float> values);

/// The elements of a tensor with a `fill`.
std::vector<float> filledValues(StoredTensorAttr form);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_STOREDTENSORS_H
