// The linear layers of a model as compression sees them: named, with constant weights, dense or already a pair of
// factors.
#ifndef VITYA_PASSES_ANALYSIS_LINEARLAYERS_H
#define VITYA_PASSES_ANALYSIS_LINEARLAYERS_H

#include "dialect/VityaOps.h"
#include "passes/numerics/Factorization.h"
#include "llvm/Support/Regex.h"

namespace vitya {

/// @main of `module`; an error at the module unless it has a body.
mlir::FailureOr<mlir::func::FuncOp> entryOf(mlir::ModuleOp module);

/// `pattern`, the value of `option` of a pass; an error at `module` unless it is a regular expression.
mlir::FailureOr<llvm::Regex> patternOf(mlir::ModuleOp module, llvm::StringRef option, llvm::StringRef pattern);

/// The name of the trained layer that `op` is, or is a factor of.
llvm::StringRef layerNameOf(LinearOp op);

/// What compression made of the layer that `op` is or is a part of: its record, or that of a layer nothing was done to.
LinearInfoAttr infoOf(LinearOp op);

/// Whether an earlier pass factorised the layer or narrowed its heads.
bool isFactorized(LinearOp op);

/// The least rank at which a pair of factors is no smaller than an `out` x `in` layer: r >= out in / (out + in).
int64_t breakEvenRank(int64_t out, int64_t in);

/// The weight [out, in] of `op` in double precision; an error at `op` unless it is a finite constant.
mlir::FailureOr<Eigen::MatrixXd> weightOf(LinearOp op);

/// The bias [out] of `op`, zeros where it has none; an error at `op` unless it is a finite constant.
mlir::FailureOr<Eigen::VectorXd> biasOf(LinearOp op);

/// The f32 vector `value`, the `what` of `op`, in double precision; an error at `op` unless it is a finite constant.
mlir::FailureOr<Eigen::VectorXd> vectorOf(mlir::Operation *op, mlir::Value value, llvm::StringRef what);

/// A constant named `name` that holds `matrix` [rows, columns] as f32.
mlir::Value makeConstant(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                         const Eigen::MatrixXd &matrix);
/// A constant named `name` that holds `vector` as f32.
mlir::Value makeConstant(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                         const Eigen::VectorXd &vector);

/// Records on `op`, which stays dense, why.
void recordDense(LinearOp op, const llvm::Twine &reason);

/// Replaces `op` by "NAME.right", x B^T without bias, and "NAME.left", (x B^T) A^T + `bias`, with what became of the
/// layer on both. `bias` may be null. Returns the left factor.
LinearOp replaceByFactors(LinearOp op, const numerics::Factors &factors, mlir::Value bias, const llvm::Twine &reason);

/// What the narrowing of heads makes of `op`: a layer of the same name from `input` with another `weight` and `bias`,
/// of which `rank` columns are left. `op` stays.
LinearOp createNarrowed(LinearOp op, mlir::Value input, const Eigen::MatrixXd &weight, const Eigen::VectorXd &bias,
                        int64_t rank, const llvm::Twine &reason);

/// Gives `op` other weights of the same shapes.
void setWeights(LinearOp op, const numerics::LinearMap &map);

/// Erases constants of `module` that nobody reads, and frees what no constant holds any more.
void dropConstants(mlir::ModuleOp module);

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_LINEARLAYERS_H
