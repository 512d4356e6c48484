#include "frontend/import/StoredTensors.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace vitya {

StoredTensors::StoredTensors(ModuleOp module) {
  auto entries = getDiscardable<VityaDialect::StoredTensorsAttrHelper>(module);
  if (!entries)
    return;
  for (auto entry : entries.getAsRange<StoredTensorAttr>()) {
    if (entry.getName().empty())
      computed.insert(entry.getConstant());
    else if (entry.getFill())
      fills.push_back(entry);
    else
      forms[entry.getConstant()] = entry;
  }
}

StoredTensorAttr StoredTensors::use(StringRef constant, int64_t elements) {
  used.insert(constant);
  StoredTensorAttr form = forms.lookup(constant);
  return form && computeProduct(form.getShape()) == elements ? form : StoredTensorAttr();
}

ArrayRef<StoredTensorAttr> StoredTensors::filled() const {
  bool areAllUsed = llvm::all_of(fills, [&](StoredTensorAttr fill) { return used.contains(fill.getConstant()); });
  return areAllUsed ? ArrayRef(fills) : ArrayRef<StoredTensorAttr>();
}

std::vector<float> storedOrder(StoredTensorAttr form, ArrayRef<float> values) {
  if (form.getOrder().empty())
    return values.vec();
  SmallVector<int64_t> sizes = applyPermutation(form.getShape(), form.getOrder()),
                       strides = applyPermutation(computeStrides(form.getShape()), form.getOrder()),
                       ownStrides = computeStrides(sizes);
  std::vector<float> result(values.size());
  for (auto [index, value] : llvm::enumerate(values))
    result[linearize(delinearize(index, ownStrides), strides)] = value;
  return result;
}

std::vector<float> filledValues(StoredTensorAttr form) {
  return std::vector<float>(computeProduct(form.getShape()), form.getFill().getValueAsDouble());
}

} // namespace vitya
