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
                CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == " # rank>,
                CPred<"::vitya::isCountable(::llvm::cast<::mlir::RankedTensorType>($_self).getShape())">,
                SubstLeaves<"$_self", "::llvm::cast<::mlir::RankedTensorType>($_self).getElementType()",
                            CPred<predicate>>]>,
           "static " # elements # " tensor of positive sizes " # shape # ", less than 2^31 elements", "::mlir::RankedTensorType">;

class Vitya_F32<int rank, string shape> : Vitya_StaticTensor<rank, shape, "f32", "$_self.isF32()">;

def Vitya_Image : Vitya_F32<3, "[channels, height, width]">;
def Vitya_Tokens : Vitya_F32<2, "[tokens, width]">;
def Vitya_Vector : Vitya_F32<1, "[width]">;
def Vitya_Params : Vitya_F32<2, "[tokens, 2]">;
def Vitya_Bias : Vitya_StaticTensor<1, "[width]", "f32 or i32", "$_self.isF32() || $_self.isSignlessInteger(32)">;

// Operands that compression may round to bf16 or quantize. The verifiers of their ops check which quantized types are allowed; see
// dialect/QuantTypes.h.
class Vitya_AnyFormat<string shape>
    : Vitya_StaticTensor<2, shape, "f32, bf16 or quantized",
                         "$_self.isF32() || $_self.isBF16() || ::vitya::isQuantized($_self)">;

def Vitya_AnyTokens : Vitya_AnyFormat<"[tokens, width]">;
def Vitya_Matrix : Vitya_AnyFormat<"[out, in]">;
def Vitya_Bf16Tokens : Vitya_StaticTensor<2, "[tokens, width]", "bf16", "$_self.isBF16()">;

// `vitya-lower-quantization` turns a quantized type into its storage type, or into i16 for processors that multiply 16-bit
// integers.
def Vitya_IntegerTokens : Vitya_StaticTensor<2, "[tokens, width]", "i8 or i16",
                                             "$_self.isSignlessInteger(8) || $_self.isSignlessInteger(16)">;
def Vitya_Bytes : Vitya_StaticTensor<2, "[tokens, width]", "i8", "$_self.isSignlessInteger(8)">;
def Vitya_Positions : Vitya_StaticTensor<1, "[width]", "i8", "$_self.isSignlessInteger(8)">;
def Vitya_IntegerMatrix : Vitya_StaticTensor<2, "[out, in]", "i4 or i8",
                                             "$_self.isSignlessInteger(4) || $_self.isSignlessInteger(8)">;
def Vitya_QuantizedTokens
    : Vitya_StaticTensor<2, "[tokens, width]", "!quant.any<u8:f32>, !quant.any<u8<0:127>:f32>, i8 or i16",
                         "$_self.isSignlessInteger(8) || $_self.isSignlessInteger(16) || ::vitya::isDynamicU8($_self)">;
def Vitya_IntVector : Vitya_StaticTensor<1, "[width]", "i16 or i32",
                                         "$_self.isSignlessInteger(16) || $_self.isSignlessInteger(32)">;

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

/// The order of the pixels of one patch in a row of the result of `vitya.patchify`: the dimension that varies most
/// slowly comes first.
def Vitya_PatchOrder : I32EnumAttr<"PatchOrder", "order of the pixels inside a patch", [
    I32EnumAttrCase<"channel_row_column", 0>,
    I32EnumAttrCase<"row_column_channel", 1>,
    I32EnumAttrCase<"channel_column_row", 2>,
    I32EnumAttrCase<"row_channel_column", 3>,
    I32EnumAttrCase<"column_channel_row", 4>,
    I32EnumAttrCase<"column_row_channel", 5>]> {
  let cppNamespace = "::vitya";
}

/// The form of GELU. The tanh approximation has the name of PyTorch's `approximate` argument, and `quick` is the
/// approximation of the CLIP models.
def Vitya_GeluForm : I32EnumAttr<"GeluForm", "form of the GELU function", [
    I32EnumAttrCase<"erf", 0>,
    I32EnumAttrCase<"tanh", 1>,
    I32EnumAttrCase<"quick", 2>]> {
  let cppNamespace = "::vitya";
}

/// The filter with which pictures are resized.
def Vitya_PictureFilter : I32EnumAttr<"PictureFilter", "filter that resizes pictures", [
    I32EnumAttrCase<"bilinear", 0>,
    I32EnumAttrCase<"bicubic", 1>]> {
  let cppNamespace = "::vitya";
}

/// How the offset of the part that is cut out of a picture is rounded: half to the even number, as by torchvision, or
/// down, as by Transformers.
def Vitya_CropRounding : I32EnumAttr<"CropRounding", "rounding of the offset of a crop", [
    I32EnumAttrCase<"half_even", 0>,
    I32EnumAttrCase<"floor", 1>]> {
  let cppNamespace = "::vitya";
}

/// Where a setting of a model comes from. Each source overrides those before it.
def Vitya_SettingSource : I32EnumAttr<"SettingSource", "source of a setting", [
    I32EnumAttrCase<"guess", 0>,               // follows from the shapes of tensors under an assumption, or is the usual value
    I32EnumAttrCase<"layout", 1>,              // a default of the layout
    I32EnumAttrCase<"config", 2>,              // the config.json or preprocessor_config.json of a model folder
    I32EnumAttrCase<"file", 3>,                // the `vitya` entry of the checkpoint
    I32EnumAttrCase<"option", 4>]> {           // an option of the command line
  let cppNamespace = "::vitya";
}

/// The part of a tensor, quantized at run time, that shares one scale and zero point.
def Vitya_Granularity : I32EnumAttr<"Granularity", "part of a tensor that shares a scale and a zero point", [
    I32EnumAttrCase<"token", 0>,
    I32EnumAttrCase<"tensor", 1>]> {
  let cppNamespace = "::vitya";
}

/// What is multiplied and how products are added: f32 in f32, integers in 32 bits or in short sums of 1, 2, 4 or 8 blocks,
/// bf16 in f32. As VITYA_F32 and so on.
def Vitya_ProductKind : I32EnumAttr<"ProductKind", "kind of multiply-adds", [
    I32EnumAttrCase<"f32", 0>, I32EnumAttrCase<"i8", 1>, I32EnumAttrCase<"shortSums1", 2>,
    I32EnumAttrCase<"shortSums2", 3>, I32EnumAttrCase<"shortSums4", 4>, I32EnumAttrCase<"shortSums8", 5>,
    I32EnumAttrCase<"bf16", 6>]> {
  let cppNamespace = "::vitya";
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// A parameter of an attribute that is a LayerFormat: "f32", "bf16", "mixed", or activations x weights and when the ranges of
/// activations are found, such as "u8 x s6 static". It is printed as a string because most formats are several words.
class Vitya_FormatParameter<string description> : AttrParameter<"::vitya::LayerFormat", description> {
  let parser = "parseLayerFormat($_parser)"; // in VityaDialect.cpp
  let printer = [{ $_printer << '"' << $_self.str() << '"' }];
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def Vitya_PatchSize
    : ConfinedAttr<DenseI64ArrayAttr,
                   [AttrConstraint<CPred<"::llvm::cast<::mlir::DenseI64ArrayAttr>($_self).size() == 2 && "
                                         "::llvm::all_of(::llvm::cast<::mlir::DenseI64ArrayAttr>($_self).asArrayRef(), "
                                         "[](int64_t size) { return size > 0 && size <= 65536; })">,
                                   "with two sizes from 1 to 65536 (height, width)">]>;

def Vitya_Padding
    : ConfinedAttr<DenseI64ArrayAttr,
                   [AttrConstraint<CPred<"::llvm::cast<::mlir::DenseI64ArrayAttr>($_self).size() == 2 && "
                                         "::llvm::all_of(::llvm::cast<::mlir::DenseI64ArrayAttr>($_self).asArrayRef(), "
                                         "[](int64_t size) { return size >= 0 && size <= 65536; })">,
                                   "with two sizes from 0 to 65536 (above and below, left and right)">]>;

class Vitya_Attr<string attrName, string attrMnemonic> : AttrDef<Vitya_Dialect, attrName> {
  let mnemonic = attrMnemonic;
}

def Vitya_PreprocessingAttr : Vitya_Attr<"Preprocessing", "preprocessing"> {
  let summary = "how pictures of another size become the image of a model";
  let description = [{
    A part of `vitya.model`. Pictures are resized with a filter to the size `resize`, which is `[height, width]`, or the
    size of the shorter side alone, or empty for the size of the image. Then the middle is cut out. `antialias` is true
    if they are resized as Pillow does, and false if they are resized bilinearly without antialiasing. A picture of the
    size of the image is neither resized nor cropped.

    * (C1) `resize` has at most two positive sizes.
    * (C2) without antialiasing, the filter is bilinear.

    ```mlir
    module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 224, 224], classes = ["cat", "dog"],
      preprocessing = <bicubic resize [256] crop floor>>} {}
    ```
  }];
  let parameters = (ins
    EnumParameter<Vitya_PictureFilter>:$filter,
    DefaultValuedParameter<"bool", "true", "whether pictures are antialiased when they are shrunk">:$antialias,
    OptionalArrayRefParameter<"int64_t", "size before the middle is cut out">:$resize,
    DefaultValuedParameter<"CropRounding", "CropRounding::half_even", "rounding of the offset">:$crop);
  let builders = [AttrBuilder<(ins "PictureFilter":$filter), [{
    return $_get($_ctxt, filter, /*antialias=*/true, ::llvm::ArrayRef<int64_t>(), CropRounding::half_even);
  }]>];
  let extraClassDeclaration = [{
    /// The height and width to which pictures are resized for an image [channels, height, width]. The width is 0 if the
    /// height is the size of the shorter side.
    std::pair<int64_t, int64_t> resizedSize(::llvm::ArrayRef<int64_t> image) const;
  }];
  let assemblyFormat = [{
    `<` $filter (`antialias` $antialias^)? (`resize` ` ` `[` $resize^ `]`)? (`crop` $crop^)? `>`
  }];
  let genVerifyDecl = 1;
}

def Vitya_ModelAttr : Vitya_Attr<"Model", "model"> {
  let summary = "the name of the model, the image it takes and the classes it distinguishes";
  let description = [{
    The module attribute `vitya.model`. The importer creates it, and every phase keeps it. `preprocessing` is that which
    the model was trained with; by default, pictures are resized bilinearly with antialiasing and are not cropped.

    * (C1) the image has three positive sizes.
    * (C2) there is at least one class.
    * (C3) pictures are resized to at least the size of the image.
    * (C4) it is attached to a module. As long as `@main` of that module works on tensors, it maps one image of this size
      to one logit for each class.
    * (C5) a constant of that module has as many bytes as its type needs, or none if the weights were elided to show the
      structure of the model alone.

    ```mlir
    module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "dog"]>} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the model">:$name,
    ArrayRefParameter<"int64_t", "channels, height and width of the image">:$image,
    ArrayRefParameter<"::mlir::StringAttr", "names of the classes, in the order of the logits">:$classes,
    DefaultValuedParameter<"::vitya::PreprocessingAttr", "PreprocessingAttr::get($_ctxt, PictureFilter::bilinear)",
                           "how pictures become the image">:$preprocessing);
  let assemblyFormat = [{
    `<` `name` `=` $name `,` `image` `=` `[` $image `]` `,` `classes` `=` `[` $classes `]`
    (`,` `preprocessing` `=` $preprocessing^)? `>`
  }];
  let genVerifyDecl = 1;
}

def Vitya_SettingAttr : Vitya_Attr<"Setting", "setting"> {
  let summary = "a property of the model that the shapes of its tensors do not determine, and where it comes from";
  let description = [{
    The importer attaches an array of these to the module as `vitya.settings`, one for each setting of docs/layouts.md on
    which the model depends. They only document the choices of the importer; the ops define what the model computes. `value` is JSON.

    * (C1) `value` is valid JSON.

    ```mlir
    module attributes {vitya.settings = [#vitya.setting<"heads", value = "3", source = file>,
                                         #vitya.setting<"image", value = "[32,32]", source = guess>]} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the setting">:$name,
    StringRefParameter<"its value as JSON">:$value,
    EnumParameter<Vitya_SettingSource>:$source);
  let assemblyFormat = "`<` $name `,` `value` `=` $value `,` `source` `=` $source `>`";
  let genVerifyDecl = 1;
}

def Vitya_ShortSumsAttr : Vitya_Attr<"ShortSums", "short_sums"> {
  let summary = "the proof that sums of products of a quantized linear layer fit 16 bits";
  let description = [{
    The attribute `vitya.short_sums` of a quantized `vitya.linear`. The columns of a packed weight form blocks of four. A short
    sum adds, in 16 bits, the products with columns 0 and 1 of `group` adjacent blocks, or those with columns 2 and 3. Its
    largest magnitude is the largest stored input times the sum of the positive weights or of the negative ones,
    whichever is larger. `largest` is the maximum over all short sums, and `row` and `column` are where the short sum
    that reaches it starts.

    `group` is the largest of 1, 2, 4 and 8 for which no short sum exceeds 32,767. It is 0 if the short sum of one block may
    exceed this; then `largest` is the largest sum of one block. Four times the group divides the columns, rounded up to a multiple
    of 16.

    `ordered` says that this holds only after the columns of each window of 16 are permuted, in the same way for all rows; then
    `column` is a column in that order. Columns are ordered only if their number is a multiple of 16, for groups of up to 4
    blocks. `vitya-prove-short-sums` attaches the attribute, and `vitya-verify-phase` checks it against the weight.

    * (C1) `group` is 0, 1, 2, 4 or 8.
    * (C2) `largest` is at most 32,767 if and only if `group` is not 0.
    * (C3) `group` is not 0 if `ordered`.

    ```mlir
    module attributes {vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "u8 x s6 static"
                                                               short_sums = <group = 2, largest = 31620, row = 7, column = 16>,
                                                               reason = "mse">]} {}
    ```
  }];
  let parameters = (ins
    "int64_t":$group,
    "int64_t":$largest,
    "int64_t":$row,
    "int64_t":$column,
    DefaultValuedParameter<"bool", "false">:$ordered);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Vitya_LinearInfoAttr : Vitya_Attr<"LinearInfo", "linear_info"> {
  let summary = "how one linear layer of the imported model was compressed";
  let description = [{
    The `info` of a `vitya.linear` that a compression pass has considered. From the end of the `compress` phase on, the
    module attribute `vitya.linears` is an array of these. `in` and `out` are the widths of the trained layer. `rank` is the
    width between the factors of a factorised layer, or the remaining columns of a layer whose heads were narrowed; it
    is absent if the layer is dense. `format` is the format of its products, and `reason` explains the decision. In
    `vitya.linears`, `short_sums` are those of the layer, or of the factor or part with the smallest group.

    * (C1) `in`, `out` and, if present, `rank` are positive.

    ```mlir
    module attributes {vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "f32",
                                                           reason = "no compression requested">]} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the layer">:$name,
    "int64_t":$in,
    "int64_t":$out,
    Vitya_FormatParameter<"format of the product of activations and weights">:$format,
    StringRefParameter<"why the layer has this rank and format">:$reason,
    OptionalParameter<"std::optional<int64_t>">:$rank,
    OptionalParameter<"::vitya::ShortSumsAttr">:$short_sums);
  let builders = [
    // The record of a layer whose short sums are not known yet.
    AttrBuilder<(ins "::llvm::StringRef":$name, "int64_t":$in, "int64_t":$out, "::vitya::LayerFormat":$format,
                     "::llvm::StringRef":$reason, "std::optional<int64_t>":$rank),
                [{ return $_get($_ctxt, name, in, out, format, reason, rank, ::vitya::ShortSumsAttr()); }]>
  ];
  let assemblyFormat = [{
    `<` $name `,` `in` `=` $in `,` `out` `=` $out `,` `format` `=` $format (`short_sums` `=` $short_sums^)? `,`
    `reason` `=` $reason (`,` `rank` `=` $rank^)? `>`
  }];
  let genVerifyDecl = 1;
}

def Vitya_AttentionInfoAttr : Vitya_Attr<"AttentionInfo", "attention_info"> {
  let summary = "how the two matrix products of one attention were compressed";
  let description = [{
    The attribute `vitya.attention_info` of a `vitya.attention` that a quantization pass has considered. From the end of the
    `compress` phase on, the module attribute `vitya.attentions` is an array of these. `scores` is the format of the
    product of queries and keys, `values` is the format of the product of weights and values, and `reason` explains the
    decision.

    ```mlir
    module attributes {vitya.attentions = [#vitya.attention_info<"blocks.0.attn", heads = 3, scores = "f32", values = "f32",
                                                                 reason = "no compression requested">]} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the layer">:$name,
    "int64_t":$heads,
    Vitya_FormatParameter<"format of the product of queries and keys">:$scores,
    Vitya_FormatParameter<"format of the product of weights and values">:$values,
    StringRefParameter<"why the products have these formats">:$reason);
  let assemblyFormat = [{
    `<` $name `,` `heads` `=` $heads `,` `scores` `=` $scores `,` `values` `=` $values `,` `reason` `=` $reason `>`
  }];
}

def Vitya_ObservedRangeAttr : Vitya_Attr<"ObservedRange", "observed"> {
  let summary = "the range that one observer proposes for an operand, and the loss of quantizing to it";
  let description = [{
    `vitya-calibrate` writes one for each observer and each quantizable operand. `clipped` is the share of elements more
    than half a step outside the range, and `noise` is the mean squared error over the mean square.

    * (C1) the range is finite and includes zero.
    * (C2) `clipped` and `noise` are finite and not negative.

    ```mlir
    %0 = vitya.linear "fc" %x, %w {vitya.ranges = [[#vitya.observed<"minmax", min = -1.5, max = 2.25, clipped = 0.0, noise = 1.0e-4>]]}
       : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the observer">:$observer,
    APFloatParameter<"lower end of the range">:$min,
    APFloatParameter<"upper end of the range">:$max,
    APFloatParameter<"share of elements outside">:$clipped,
    APFloatParameter<"relative mean squared error">:$noise);
  let builders = [
    AttrBuilder<(ins "::llvm::StringRef":$observer, "double":$min, "double":$max, "double":$clipped, "double":$noise),
                [{ return $_get($_ctxt, observer, ::llvm::APFloat(min), ::llvm::APFloat(max), ::llvm::APFloat(clipped),
                                ::llvm::APFloat(noise)); }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Vitya_RoundedWeightAttr : Vitya_Attr<"RoundedWeight", "rounded"> {
  let summary = "the integers to which quantization will round a weight, and their scales";
  let description = [{
    The attribute `vitya.rounded` of an f32 `vitya.linear`. `vitya-fit-weights` writes it, and a quantization pass with
    `rounding=gptq` takes the integers and their type from it instead of rounding the weight to nearest. `reason` says how
    the integers were found. A pass that changes the weight removes the attribute.

    * (C1) the type is that of a quantized weight of the sizes of the integers, and the integers are stored as it says.
    * (C2) it is attached to an f32 `vitya.linear` whose weight has the sizes of the integers.

    ```mlir
    %0 = vitya.linear "fc" %x, %w {vitya.rounded = #vitya.rounded<dense<[[127, 0, 1]]> : tensor<1x3xi8>,
                                   type = !quant.uniform<i8<-127:127>:f32, 0.25>, reason = "GPTQ, damping 0.01">}
       : tensor<65x3xf32>, tensor<1x3xf32> -> tensor<65x1xf32>
    ```
  }];
  let parameters = (ins
    "::mlir::ElementsAttr":$integers,
    "::mlir::quant::QuantizedType":$type,
    StringRefParameter<"how the integers were found">:$reason);
  let assemblyFormat = "`<` $integers `,` `type` `=` $type `,` `reason` `=` $reason `>`";
  let genVerifyDecl = 1;
}

def Vitya_CascadeAttr : Vitya_Attr<"Cascade", "cascade"> {
  let summary = "when the dense model of a cascade runs";
  let description = [{
    The attribute `vitya.cascade` of a module that contains two models, the first one and the dense one. The logits of
    an image are those of the first model, unless its two largest logits differ by less than `margin`, as f32 numbers, or
    one of them is NaN or infinite: then they are those of the dense model, to which the image is deferred. Pipelines run
    on each of the two models.

    `images`, `deferred` and `disagreements` are counts on held-out images: the number of images, how many of them are
    deferred, and how many of the others get a class that differs from the dense model's. They are 0 if there were no held-out
    images.

    * (C1) the margin is an f32 that is finite and not negative.
    * (C2) the counts are not negative, and those of deferred images and of disagreements together are at most all images.
    * (C3) it is attached to a module of two modules with the same `vitya.model`, which has at least two classes.

    ```mlir
    module attributes {vitya.cascade = #vitya.cascade<margin = 1.000000e-01 : f32, images = 5000, deferred = 48, disagreements = 20>} {
      module @compressed attributes {vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "dog"]>} {}
      module @dense attributes {vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "dog"]>} {}
    }
    ```
  }];
  let parameters = (ins "::mlir::FloatAttr":$margin, DefaultValuedParameter<"int64_t", "0">:$images,
                        DefaultValuedParameter<"int64_t", "0">:$deferred,
                        DefaultValuedParameter<"int64_t", "0">:$disagreements);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Vitya_WorkAttr : Vitya_Attr<"Work", "work"> {
  let summary = "the name of a kernel and the work of one call";
  let description = [{
    The attribute `vitya.work` of a kernel, and later of its loops. `bytes` counts all operands and the result. A profile
    compares both numbers with the peak rates of the processor.

    ```mlir
    func.func private @gelu_4x16(tensor<4x16xf32>) -> tensor<4x16xf32>
        attributes {vitya.work = #vitya.work<"gelu_4x16", multiply_adds = 0, products = f32, bytes = 512>}
    ```
  }];
  let parameters = (ins StringRefParameter<"name of the kernel">:$kernel, "int64_t":$multiply_adds,
                        EnumParameter<Vitya_ProductKind>:$products, "int64_t":$bytes);
  let assemblyFormat = "`<` $kernel `,` `multiply_adds` `=` $multiply_adds `,` `products` `=` $products `,` `bytes` `=` $bytes `>`";
}

#endif // VITYA_TYPES
