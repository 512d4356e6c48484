// Access of the compression passes to linear layers: their names, records and constant weights, and their replacement.
#ifndef VITYA_PASSES_ANALYSIS_LINEARLAYERS_H
#define VITYA_PASSES_ANALYSIS_LINEARLAYERS_H

#include "dialect/VityaOps.h"
#include "passes/numerics/Factorization.h"
#include "llvm/Support/Regex.h"

namespace vitya {

/// @main of `module`. Emits an error at the module if there is none with a body.
mlir::FailureOr<mlir::func::FuncOp> entryOf(mlir::ModuleOp module);

/// Compiles `pattern`, the value of the pass option `option`. Emits an error at `module` if it is no regular
/// expression.
mlir::FailureOr<llvm::Regex> patternOf(mlir::ModuleOp module, llvm::StringRef option, llvm::StringRef pattern);

/// The linear layers of @main whose name, or that of the trained layer that they are a part or factor of, matches the
/// option `layers`. Emits an error at `module` if there are none or if the option is no regular expression.
mlir::FailureOr<llvm::SmallVector<LinearOp>> selectLinears(mlir::ModuleOp module, llvm::StringRef layers);

/// The name of the trained layer that `op` computes, alone or as one of its factors.
llvm::StringRef layerNameOf(LinearOp op);

/// The record of how the layer of `op` was compressed; that of an uncompressed layer if there is none.
LinearInfoAttr infoOf(LinearOp op);

/// Whether a pass has factorised the layer or narrowed the heads that it belongs to.
bool isFactorized(LinearOp op);

/// The smallest rank r at which two factors have at least as many elements as an `out` x `in` weight: r (out + in) >=
/// out in.
int64_t breakEvenRank(int64_t out, int64_t in);

/// The weight [out, in] of `op` in double precision. Emits an error at `op` if it is not a finite constant.
mlir::FailureOr<Eigen::MatrixXd> weightOf(LinearOp op);

/// The bias [out] of `op`, zeros if it has none. Emits an error at `op` if it is not a finite constant.
mlir::FailureOr<Eigen::VectorXd> biasOf(LinearOp op);

/// The elements of the f32 constant `value` in double precision. Emits an error at `op` if it is not a finite constant;
/// `what` names the operand in the message.
mlir::FailureOr<Eigen::VectorXd> vectorOf(mlir::Operation *op, mlir::Value value, llvm::StringRef what);

/// Creates the f32 constant `matrix` [rows, columns]; `name` names its resource.
mlir::Value makeConstant(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                         const Eigen::MatrixXd &matrix);
/// Creates the f32 constant `vector`; `name` names its resource.
mlir::Value makeConstant(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                         const Eigen::VectorXd &vector);

/// Records on `op` that it stays dense because of `reason`.
void recordDense(LinearOp op, const llvm::Twine &reason);

/// Replaces `op` by "NAME.right", z = x B^T without bias, and "NAME.left", z A^T + `bias`, for `factors` A B. Both
/// carry the record of the layer. `bias` may be null. Returns the left factor.
LinearOp replaceByFactors(LinearOp op, const numerics::Factors &factors, mlir::Value bias, const llvm::Twine &reason);

/// Creates the layer that replaces `op` when heads are narrowed: of the same name, from `input`, with another `weight`
/// and `bias`. `rank` is the number of its columns or rows that remain. `op` is not erased.
LinearOp createNarrowed(LinearOp op, mlir::Value input, const Eigen::MatrixXd &weight, const Eigen::VectorXd &bias,
                        int64_t rank, const llvm::Twine &reason);

/// Removes the `vitya.rounded` of `op`, if it has one, and frees its integers.
void dropRounded(LinearOp op);

/// Replaces the weight of `op` by the constant `weight` of the same shape. Its `vitya.rounded` is removed.
void setWeight(LinearOp op, const Eigen::MatrixXd &weight);
/// The same, and replaces the bias of `op` if it has one.
void setWeights(LinearOp op, const numerics::LinearMap &map);

/// Erases the unused constants of `module` and releases the resources to which no constant refers any more.
void dropConstants(mlir::ModuleOp module);

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_LINEARLAYERS_H
