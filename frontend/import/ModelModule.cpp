// The type of @main is known only when its body is.
#include "frontend/import/ModelModule.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

/// The names of the classes: their numbers unless a setting names them.
static Expected<SmallVector<StringAttr>> classNames(OpBuilder &builder, int64_t count, const Settings &settings) {
  SmallVector<StringAttr> classes;
  for (const std::string &className : settings.classes)
    classes.push_back(builder.getStringAttr(className));
  if (classes.empty())
    for (int64_t index = 0; index < count; ++index)
      classes.push_back(builder.getStringAttr(llvm::Twine(index)));
  if (static_cast<int64_t>(classes.size()) != count)
    return makeError("expected a name for each of {0} classes, found {1} names", count, classes.size());
  return classes;
}

static Error checkModule(ModuleOp module) {
  std::string problem;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) { problem = diagnostic.str(); });
  if (failed(verify(module)))
    return makeError("expected a valid model, found: {0}", problem);
  return Error::success();
}

Expected<OwningOpRef<ModuleOp>> buildModule(OpBuilder &builder, StringRef name, ArrayRef<int64_t> image,
                                            const Settings &settings,
                                            llvm::function_ref<Expected<Value>(Value image)> build) {
  Location loc = NameLoc::get(builder.getStringAttr(name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  auto imageType = RankedTensorType::get(image, builder.getF32Type());
  auto entry = func::FuncOp::create(builder, loc, kEntryName, builder.getFunctionType(imageType, TypeRange()));
  Block *body = entry.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Expected<Value> logits = build(body->getArgument(0));
  if (!logits)
    return logits.takeError();
  func::ReturnOp::create(builder, loc, *logits);
  entry.setFunctionType(builder.getFunctionType(imageType, logits->getType()));
  Expected<SmallVector<StringAttr>> classes =
      classNames(builder, cast<RankedTensorType>(logits->getType()).getDimSize(1), settings);
  if (!classes)
    return classes.takeError();
  setDiscardable<VityaDialect::ModelAttrHelper>(
      *module, ModelAttr::get(builder.getContext(), name, image, *classes, settings.antialias.value));
  setDiscardable<VityaDialect::PhaseAttrHelper>(*module, builder.getStringAttr("import"));
  if (Error error = checkModule(*module))
    return std::move(error);
  return module;
}

} // namespace vitya
