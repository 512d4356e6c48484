// The op interfaces of the dialect.

#ifndef VITYA_INTERFACES
#define VITYA_INTERFACES

include "mlir/IR/OpBase.td"

def Vitya_RowwiseOpInterface : OpInterface<"RowwiseOpInterface"> {
  let cppNamespace = "::vitya";
  let description = [{
    Row n of the only result depends on row n of some operands, which have as many rows as the result, and on all rows
    of the other operands. Hence rows of the result can be computed from rows of those operands:
    `op(x, w)[rows] = op(x[rows], w)`.
  }];
  let methods = [
    InterfaceMethod<"The indices of the operands of which row n of the result reads row n alone.",
                    "::llvm::SmallVector<unsigned>", "getRowwiseOperands", (ins), "", "return {0};">
  ];
}

def Vitya_LayerOpInterface : OpInterface<"LayerOpInterface"> {
  let cppNamespace = "::vitya";
  let description = [{
    An op that computes a layer of the trained model, or one factor or part of a layer. Passes use this interface to
    name the layer in reports and traces, to count its work, and to find the operands that quantization stores in 8 bits.
  }];
  let methods = [
    InterfaceMethod<"The name of the layer.", "::llvm::StringRef", "getLayer", (ins), [{ return $_op.getLayer(); }]>,
    InterfaceMethod<"Renames the layer.", "void", "setLayer", (ins "::llvm::StringRef":$name),
                    [{ $_op.setLayer(name); }]>,
    InterfaceMethod<"The number of multiply-adds in the matrix products of the layer; 0 if it has no matrix product.",
                    "int64_t", "getMultiplyAdds", (ins), "", "return 0;">,
    InterfaceMethod<"The operands that quantization stores in 8 bits, in order; weights are not among them.",
                    "::llvm::SmallVector<::vitya::QuantizableOperand>", "getQuantizableOperands", (ins), "",
                    "return {};">,
    InterfaceMethod<"The number format of the matrix products.", "::vitya::LayerFormat", "getFormat", (ins), "",
                    "return ::vitya::LayerFormat::f32();">,
    InterfaceMethod<"Whether the matrix products multiply integers.", "bool", "isQuantized", (ins), "",
                    "return $_op.getFormat().isInteger();">,
    InterfaceMethod<"Whether the matrix products multiply f32, which is what compression starts from.", "bool", "isF32",
                    (ins), "", "return $_op.getFormat().isF32();">
  ];
  let verify = [{ return ::vitya::verifyLayer(::llvm::cast<::vitya::LayerOpInterface>($_op)); }];
}

#endif // VITYA_INTERFACES
