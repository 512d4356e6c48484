// The command-line options of a new model.
#ifndef VITYA_TOOLS_LIB_NEWMODELFLAGS_H
#define VITYA_TOOLS_LIB_NEWMODELFLAGS_H

#include "frontend/data/Dataset.h"
#include "frontend/import/Import.h"
#include "frontend/layout/NewModel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/CommandLine.h"

namespace vitya {

/// The sizes of a new model and how it begins.
class NewModelFlags {
public:
  /// Registers the options in `category` of --help.
  explicit NewModelFlags(llvm::cl::OptionCategory &category);

  /// The first of the options that was given, without its dashes; empty if there is none.
  llvm::StringRef given() const;

  int64_t imageSide() const { return options.image; }

  /// Makes a new model `name` for `data`, as a checkpoint, which is written to `checkpoint` and imported from there as
  /// any other. `checkpoint` must outlive the result.
  llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> makeModel(mlir::MLIRContext &context, const Dataset &data,
                                                              llvm::StringRef name, ImportOptions how, uint64_t seed,
                                                              llvm::SmallString<0> &checkpoint) const;

private:
  template <typename Value>
  using Stored = llvm::cl::opt<Value, true>; ///< in `options`

  llvm::cl::OptionCategory &category;
  NewModelOptions options;
  Stored<int64_t> image, width, depth, heads, registers;
  llvm::cl::opt<int64_t> patch, hidden;
  llvm::cl::list<int64_t, std::vector<int64_t>> stem;
  llvm::cl::list<std::string, std::vector<std::string>> with, without;
  Stored<double> positionStd;
  llvm::cl::opt<double> layerScale;
  Stored<bool> nearIdentity;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_NEWMODELFLAGS_H
