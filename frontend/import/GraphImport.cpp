// What a graph does not say is how pictures become its input.
#include "frontend/import/GraphImport.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "frontend/graph/Converter.h"
#include "frontend/import/ModelModule.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

/// Settings that a graph determines.
static constexpr StringLiteral kOfGraph[] = {"activation", "eps", "gelu", "heads", "image", "norm", "pool"};

static Error checkKey(StringRef key, StringRef where) {
  if (!llvm::is_contained(kOfGraph, key))
    return Error::success();
  return makeError("expected no setting '{0}', which the exported graph determines, found one ({1})", key, where);
}

Expected<OwningOpRef<ModuleOp>> importGraph(MLIRContext &context, const ExportedProgram &program, StringRef name,
                                            ArrayRef<std::string> assignments, ModelSettings &used) {
  for (StringRef assignment : assignments)
    if (Error error = checkKey(assignment.split('=').first, "--set " + assignment.str()))
      return std::move(error);
  for (const auto &[key, value] : program.metadata())
    if (Error error = checkKey(StringRef(key), "the file's extra file 'vitya'"))
      return std::move(error);
  Expected<Settings> settings = Settings::merge(/*defaults=*/{}, program.metadata(), assignments);
  if (!settings)
    return settings.takeError();
  Expected<SmallVector<int64_t>> image = Converter::imageShape(program.graph());
  if (!image)
    return image.takeError();
  ArrayRef<float> mean = settings->mean.value, deviation = settings->std.value;
  auto channels = static_cast<size_t>(image->front());
  if (mean.size() != channels || deviation.size() != channels)
    return makeError(
        "expected one mean and one std for each of {0} channels, found {1} and {2}: a graph does not contain "
        "them; give them with --set mean=R,G,B --set std=R,G,B (0,0,0 and 1,1,1 for pixels in [0, 1])",
        channels, mean.size(), deviation.size());
  used.add("image", ArrayRef<int64_t>(*image).drop_front(), SettingSource::file);
  used.add("mean", mean, settings->mean.source);
  used.add("std", deviation, settings->std.source);
  OpBuilder builder(&context);
  auto build = [&](Value input) -> Expected<Value> {
    Value pixels =
        NormalizeOp::create(builder, NameLoc::get(builder.getStringAttr("normalize")), input, mean, deviation);
    return Converter(builder, program).convert(pixels);
  };
  return buildModule(builder, settings->name.value_or(name.str()), *image, *settings, used, build);
}

} // namespace vitya
