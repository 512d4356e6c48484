// The passes of passes/verify/: contracts between phases. Each description shows one example before and after, which
// test/passes/examples.test runs.
#ifndef VITYA_PASSES_VERIFY_PASSES
#define VITYA_PASSES_VERIFY_PASSES

include "mlir/Pass/PassBase.td"

def VerifyPhasePass : Pass<"vitya-verify-phase", "::mlir::ModuleOp"> {
  let summary = "check that the module keeps the contract of a phase, and name the phase";
  let description = [{
    Before: a module that a pipeline has brought to the end of `phase`. After: the same with `vitya.phase` set; a module
    that holds ops or types that the phase does not allow is an error at the first of them. As long as values are
    tensors (`import`, `compress`, `linalg`), `@main` maps one image to one row of logits, every shape is static,
    and no function stands beside it but its kernels.

    Before:

    ```mlir
    func.func @main(%image: tensor<1x2x4xf32>) -> tensor<1x4xf32> {
      %0 = tensor.extract_slice %image[0, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x2x4xf32> to tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
    }
    ```

    After:

    ```mlir
    module attributes {vitya.phase = "import"} {
      func.func @main(%image: tensor<1x2x4xf32>) -> tensor<1x4xf32> {
        %0 = tensor.extract_slice %image[0, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x2x4xf32> to tensor<1x4xf32>
        return %0 : tensor<1x4xf32>
      }
    }
    ```
  }];
  let options = [Option<"phase", "phase", "std::string", "\"import\"",
                        "import, compress, linalg, loops or llvm.">];
}

#endif // VITYA_PASSES_VERIFY_PASSES
