// Imports models whose files hold a graph. They need no layout.
#ifndef VITYA_FRONTEND_IMPORT_GRAPHIMPORT_H
#define VITYA_FRONTEND_IMPORT_GRAPHIMPORT_H

#include "frontend/graph/ExportedProgram.h"
#include "frontend/import/ModelSettings.h"
#include "mlir/IR/OwningOpRef.h"

namespace vitya {

/// Builds the module of an exported model, called `name` unless a setting names it. `assignments` ("key=value")
/// override the settings in the file. The settings on which the model depends are added to `used`. Settings that the
/// graph itself determines are refused.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> importGraph(mlir::MLIRContext &context,
                                                              const ExportedProgram &program, llvm::StringRef name,
                                                              llvm::ArrayRef<std::string> assignments,
                                                              ModelSettings &used);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_GRAPHIMPORT_H
