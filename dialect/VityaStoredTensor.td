// How checkpoints store what are constants in the IR.

#ifndef VITYA_STORED_TENSOR
#define VITYA_STORED_TENSOR

include "dialect/VityaTypes.td"

def Vitya_StoredTensorAttr : Vitya_Attr<"StoredTensor", "stored_tensor"> {
  let summary = "a tensor that a checkpoint stores in another form than its constant has in the IR";
  let description = [{
    The importer attaches an array of these to the module as `vitya.stored_tensors`, and checkpoints are written in the
    form that it describes. `constant` is the name of a resource.

    * With `name` and `shape`, the constant is stored as this tensor. Its dimensions, in `order`, are those of the constant,
      of which adjacent ones are merged. Without `order` they are in their own.
    * With `fill`, all elements of the tensor are this number, because the importer has multiplied its elements into the
      constant (1), or because they have no effect (0).
    * Without `name`, the importer computes the constant. It is not stored, and it is not trained.

    A constant that is stored as integers or as factors has the form that docs/layouts.md describes instead.

    * (C1) `shape` has positive sizes, and it is absent if and only if `name` is.
    * (C2) `order`, if it is present, is a permutation of the dimensions of `shape`.

    ```mlir
    module attributes {vitya.stored_tensors = [
      #vitya.stored_tensor<"cls_token" as "cls_token" shape [1, 1, 192]>,
      #vitya.stored_tensor<"stem.weight" as "stem.weight" shape [64, 3, 3, 3] order [0, 2, 3, 1]>,
      #vitya.stored_tensor<"fc.weight" as "gamma" shape [192] fill 1.0 : f32>,
      #vitya.stored_tensor<"pos_embedding">]} {}
    ```
  }];
  let parameters = (ins
    StringRefParameter<"name of the resource of the constant">:$constant,
    StringRefParameter<"name of the tensor", "\"\"">:$name,
    OptionalArrayRefParameter<"int64_t", "shape of the tensor">:$shape,
    OptionalArrayRefParameter<"int64_t", "its dimensions in the order of the constant">:$order,
    OptionalParameter<"::mlir::FloatAttr", "the value of all elements">:$fill);
  let assemblyFormat = [{
    `<` $constant (`as` $name^)? (`shape` ` ` `[` $shape^ `]`)? (`order` ` ` `[` $order^ `]`)? (`fill` $fill^)? `>`
  }];
  let genVerifyDecl = 1;
}

#endif // VITYA_STORED_TENSOR
