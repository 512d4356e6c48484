// Enumerations, attributes and type constraints of the dialect.

#ifndef VITYA_TYPES
#define VITYA_TYPES

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "dialect/VityaDialect.td"

//===----------------------------------------------------------------------===//
// Type constraints
//===----------------------------------------------------------------------===//

class Vitya_StaticTensor<int rank, string shape, string elements, string predicate>
    : Type<And<[CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">,
                CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).hasStaticShape()">,
                CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == " # rank>,
                CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getNumElements() > 0">,
                SubstLeaves<"$_self", "::llvm::cast<::mlir::RankedTensorType>($_self).getElementType()",
                            CPred<predicate>>]>,
           "static " # elements # " tensor of positive sizes " # shape, "::mlir::RankedTensorType">;

class Vitya_F32<int rank, string shape> : Vitya_StaticTensor<rank, shape, "f32", "$_self.isF32()">;

def Vitya_Image : Vitya_F32<3, "[channels, height, width]">;
def Vitya_Tokens : Vitya_F32<2, "[tokens, width]">;
def Vitya_Vector : Vitya_F32<1, "[width]">;
def Vitya_Params : Vitya_F32<2, "[tokens, 2]">;

// Operands that compression may quantize: the verifiers of their ops say to which types. See dialect/QuantTypes.h.
class Vitya_F32OrQuantized<string shape>
    : Vitya_StaticTensor<2, shape, "f32 or quantized", "$_self.isF32() || ::vitya::isQuantized($_self)">;

def Vitya_AnyTokens : Vitya_F32OrQuantized<"[tokens, width]">;
def Vitya_Matrix : Vitya_F32OrQuantized<"[out, in]">;

// What `vitya-lower-quantization` makes of quantized types: their storage, or the same integers in 16 bits, for processors that
// multiply those.
def Vitya_IntegerTokens : Vitya_StaticTensor<2, "[tokens, width]", "i8 or i16",
                                             "$_self.isSignlessInteger(8) || $_self.isSignlessInteger(16)">;
def Vitya_ByteMatrix : Vitya_StaticTensor<2, "[out, in]", "i8", "$_self.isSignlessInteger(8)">;
def Vitya_QuantizedTokens
    : Vitya_StaticTensor<2, "[tokens, width]", "!quant.any<u8:f32>, i8 or i16",
                         "$_self.isSignlessInteger(8) || $_self.isSignlessInteger(16) || ::vitya::isDynamicU8($_self)">;
def Vitya_IntVector : Vitya_StaticTensor<1, "[width]", "i32", "$_self.isSignlessInteger(32)">;

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

/// How the pixels of one patch are laid out in a row of `vitya.patchify`'s result.
def Vitya_PatchOrder : I32EnumAttr<"PatchOrder", "order of the pixels inside a patch", [
    I32EnumAttrCase<"channel_row_column", 0>,
    I32EnumAttrCase<"row_column_channel", 1>]> {
  let cppNamespace = "::vitya";
}

/// Which form of GELU, as PyTorch's `approximate` argument names them.
def Vitya_GeluForm : I32EnumAttr<"GeluForm", "form of the GELU function", [
    I32EnumAttrCase<"erf", 0>,
    I32EnumAttrCase<"tanh", 1>]> {
  let cppNamespace = "::vitya";
}

/// What shares one scale and zero point of a tensor that is quantized at run time.
def Vitya_Granularity : I32EnumAttr<"Granularity", "what shares a scale and a zero point", [
    I32EnumAttrCase<"token", 0>,
    I32EnumAttrCase<"tensor", 1>]> {
  let cppNamespace = "::vitya";
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def Vitya_PatchSize
    : ConfinedAttr<DenseI64ArrayAttr,
                   [AttrConstraint<CPred<"::llvm::cast<::mlir::DenseI64ArrayAttr>($_self).size() == 2 && "
                                         "::llvm::all_of(::llvm::cast<::mlir::DenseI64ArrayAttr>($_self).asArrayRef(), "
                                         "[](int64_t size) { return size > 0; })">,
                                   "with two positive sizes (height, width)">]>;

class Vitya_Attr<string attrName, string attrMnemonic> : AttrDef<Vitya_Dialect, attrName> {
  let mnemonic = attrMnemonic;
}

def Vitya_ModelAttr : Vitya_Attr<"Model", "model"> {
  let summary = "what the model is: its name, the image it takes and the classes it tells apart";
  let description = [{
    Stands on the module as `vitya.model`, is written by the importer and survives every phase.

    * (C1) the image has three positive sizes.
    * (C2) there is a class.
    * (C3) it stands on a module whose `@main`, as long as it works on tensors, maps one image of this size to one logit
      for each class.
    * (C4) the constants of that module have as many bytes as their type needs, or, where only the structure of a model
      is looked at, none.

    ```mlir
    module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "dog"]>} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the model">:$name,
    ArrayRefParameter<"int64_t", "channels, height and width of the image">:$image,
    ArrayRefParameter<"::mlir::StringAttr", "names of the classes, in the order of the logits">:$classes);
  let assemblyFormat = "`<` `name` `=` $name `,` `image` `=` `[` $image `]` `,` `classes` `=` `[` $classes `]` `>`";
  let genVerifyDecl = 1;
}

def Vitya_LinearInfoAttr : Vitya_Attr<"LinearInfo", "linear_info"> {
  let summary = "what became of one linear layer of the imported model";
  let description = [{
    Stands on a `vitya.linear` that compression has looked at, and an array of these on the module as `vitya.linears`
    from the end of the `compress` phase on. `in` and `out` are those of the trained layer. `rank` is the width between
    the factors of a factorised layer, or the columns left of a layer whose heads were narrowed, and absent where the
    layer is dense; `format` is `f32` or an integer format; `reason` says why.

    * (C1) `in`, `out` and, where it is there, `rank` are positive.

    ```mlir
    module attributes {vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "f32",
                                                           reason = "no compression asked for">]} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the layer">:$name,
    "int64_t":$in,
    "int64_t":$out,
    StringRefParameter<"storage format of weights and activations">:$format,
    StringRefParameter<"why the layer has this form">:$reason,
    OptionalParameter<"std::optional<int64_t>">:$rank);
  let assemblyFormat = [{
    `<` $name `,` `in` `=` $in `,` `out` `=` $out `,` `format` `=` $format `,` `reason` `=` $reason
    (`,` `rank` `=` $rank^)? `>`
  }];
  let genVerifyDecl = 1;
}

def Vitya_AttentionInfoAttr : Vitya_Attr<"AttentionInfo", "attention_info"> {
  let summary = "what became of the two products of one attention";
  let description = [{
    Stands as `vitya.attention_info` on a `vitya.attention` that quantization has looked at, and an array of these on the
    module as `vitya.attentions` from the end of the `compress` phase on. `scores` and `values` are the formats of the
    product of queries and keys and of that of weights and values; `reason` says why.

    ```mlir
    module attributes {vitya.attentions = [#vitya.attention_info<"blocks.0.attn", heads = 3, scores = "f32", values = "f32",
                                                                 reason = "no compression asked for">]} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the layer">:$name,
    "int64_t":$heads,
    StringRefParameter<"format of queries and keys">:$scores,
    StringRefParameter<"format of weights and values">:$values,
    StringRefParameter<"why they have this form">:$reason);
  let assemblyFormat = [{
    `<` $name `,` `heads` `=` $heads `,` `scores` `=` $scores `,` `values` `=` $values `,` `reason` `=` $reason `>`
  }];
}

def Vitya_ObservedRangeAttr : Vitya_Attr<"ObservedRange", "observed"> {
  let summary = "the range that one observer proposes for an operand, and what quantization to it loses";
  let description = [{
    `vitya-calibrate` writes one for each observer and each operand that can be quantized. `clipped` is the share of numbers
    more than half a step outside the range, `noise` the mean squared error over the mean square.

    * (C1) the range is finite and includes zero.
    * (C2) `clipped` and `noise` are finite and not negative.

    ```mlir
    %0 = vitya.linear "fc" %x, %w {vitya.ranges = [[#vitya.observed<"minmax", min = -1.5, max = 2.25, clipped = 0.0, noise = 1.0e-4>]]}
       : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the observer">:$observer,
    APFloatParameter<"least number">:$min,
    APFloatParameter<"greatest number">:$max,
    APFloatParameter<"share of numbers outside">:$clipped,
    APFloatParameter<"relative mean squared error">:$noise);
  let builders = [
    AttrBuilder<(ins "::llvm::StringRef":$observer, "double":$min, "double":$max, "double":$clipped, "double":$noise),
                [{ return $_get($_ctxt, observer, ::llvm::APFloat(min), ::llvm::APFloat(max), ::llvm::APFloat(clipped),
                                ::llvm::APFloat(noise)); }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // VITYA_TYPES
