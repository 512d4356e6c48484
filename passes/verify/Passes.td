// The passes of passes/verify/, which check the contracts between phases. Each description shows one example before and
// after the pass, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_VERIFY_PASSES
#define VITYA_PASSES_VERIFY_PASSES

include "mlir/Pass/PassBase.td"

def VerifyPhasePass : Pass<"vitya-verify-phase", "::mlir::ModuleOp"> {
  let summary = "verify the contract of a phase, and record the phase in the module";
  let description = [{
    Before: a module at the end of the phase `phase`. After: the same module with the attribute `vitya.phase`. An op or a
    type that the phase does not allow is an error. In the phases on tensors (`import`, `compress`, `linalg`), `@main`
    must map one image to one row of logits, every shape must be static, and the module must have no other functions
    except kernels. The attribute `vitya.short_sums` of a layer must agree with its weight.

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
                        "The phase: import, compress, linalg, loops or llvm.">];
  let dependentDialects = ["::vitya::VityaDialect"];
}

#endif // VITYA_PASSES_VERIFY_PASSES
