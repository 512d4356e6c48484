// What ops have in common beyond their operands.

#ifndef VITYA_INTERFACES
#define VITYA_INTERFACES

include "mlir/IR/OpBase.td"

def Vitya_RowwiseOpInterface : OpInterface<"RowwiseOpInterface"> {
  let cppNamespace = "::vitya";
  let description = [{
    Row n of the only result depends on row n of some operands, which have as many rows, and on all of the others.
    Hence rows of the result are the result of rows: `op(x, w)[rows] = op(x[rows], w)`.
  }];
  let methods = [
    InterfaceMethod<"Numbers of the operands of which row n of the result depends on row n alone.",
                    "::llvm::SmallVector<unsigned>", "getRowwiseOperands", (ins), "", "return {0};">
  ];
}

#endif // VITYA_INTERFACES
