// The module around the ops of a model.
#ifndef VITYA_FRONTEND_IMPORT_MODELMODULE_H
#define VITYA_FRONTEND_IMPORT_MODELMODULE_H

#include "frontend/import/ModelSettings.h"
#include "frontend/layout/Settings.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace vitya {

/// Builds the module of a model called `name`: @main, which maps an image of shape [channels, height, width] to logits.
/// `build` builds its body at the insertion point of `builder` and returns the logits, `tensor<1xC>`. The settings that
/// say how pictures become the image are added to `used`. Fails if `build` fails, if the settings name another number
/// of classes or contradict each other, and if the ops are not valid.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
buildModule(mlir::OpBuilder &builder, llvm::StringRef name, llvm::ArrayRef<int64_t> image, const Settings &settings,
            ModelSettings &used, llvm::function_ref<llvm::Expected<mlir::Value>(mlir::Value image)> build);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_MODELMODULE_H
