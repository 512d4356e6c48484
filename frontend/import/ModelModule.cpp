// The type of @main is known only when its body is.
#include "frontend/import/ModelModule.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

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

/// The sizes to which pictures are resized (see PreprocessingAttr) for an image of this height and width.
static Expected<SmallVector<int64_t>> resizedSize(const Resize &resize, ArrayRef<int64_t> image) {
  auto sizes = llvm::to_vector(resize.size);
  if (resize.cropFraction) {
    if (image[0] != image[1])
      return makeError("expected a square image for the 'crop_fraction' of setting 'resize', found {0}x{1}: give the "
                       "size of the shorter side with --set resize=N",
                       image[0], image[1]);
    sizes = {static_cast<int64_t>(std::floor(static_cast<double>(image[0]) / *resize.cropFraction))};
  }
  if (sizes.empty())
    return sizes;
  if (sizes.front() < image[0] || sizes.back() < image[1])
    return makeError("expected setting 'resize' to be at least the image, {0}x{1}, found {2}", image[0], image[1],
                     llvm::join(llvm::map_range(sizes, [](int64_t size) { return std::to_string(size); }), "x"));
  if (ArrayRef(sizes) == image)
    sizes.clear();
  return sizes;
}

static Expected<PreprocessingAttr> readPreprocessing(MLIRContext &context, ArrayRef<int64_t> image,
                                                     const Settings &settings, ModelSettings &used) {
  auto [antialias, antialiasSource] = settings.antialias;
  auto [filter, filterSource] = settings.interpolation;
  if (!antialias && filter != PictureFilter::bilinear)
    return makeError("expected interpolation=bilinear with antialias=false, found interpolation={0}",
                     stringifyPictureFilter(filter));
  ArrayRef<int64_t> size = image.drop_front();
  Expected<SmallVector<int64_t>> resize = resizedSize(settings.resize.value, size);
  if (!resize)
    return resize.takeError();
  used.add("antialias", antialias, antialiasSource);
  used.add("interpolation", stringifyPictureFilter(filter), filterSource);
  if (resize->size() == 1)
    used.add("resize", resize->front(), settings.resize.source);
  else
    used.add("resize", resize->empty() ? size : ArrayRef(*resize), settings.resize.source);
  auto [rounding, roundingSource] = settings.cropRounding;
  if (!resize->empty())
    used.add("crop_rounding", stringifyCropRounding(rounding), roundingSource);
  return PreprocessingAttr::get(&context, filter, antialias, *resize, resize->empty() ? CropRounding() : rounding);
}

static Error checkModule(ModuleOp module) {
  std::string problem;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) { problem = diagnostic.str(); });
  if (failed(verify(module)))
    return makeError("expected a valid model, found: {0}", problem);
  return Error::success();
}

Expected<OwningOpRef<ModuleOp>> buildModule(OpBuilder &builder, StringRef name, ArrayRef<int64_t> image,
                                            const Settings &settings, ModelSettings &used,
                                            llvm::function_ref<Expected<Value>(Value image)> build) {
  Expected<PreprocessingAttr> preprocessing = readPreprocessing(*builder.getContext(), image, settings, used);
  if (!preprocessing)
    return preprocessing.takeError();
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
      *module, ModelAttr::get(builder.getContext(), name, image, *classes, *preprocessing));
  setDiscardable<VityaDialect::PhaseAttrHelper>(*module, builder.getStringAttr("import"));
  if (Error error = checkModule(*module))
    return std::move(error);
  return module;
}

} // namespace vitya
