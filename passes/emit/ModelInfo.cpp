// Reads the attributes of a module and renders them as text and as JSON.
#include "passes/emit/ModelInfo.h"
#include "dialect/Constants.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/lower/Kernel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace vitya {

/// Reads the attributes of a single model.
static llvm::Expected<ModelInfo> readSingleInfo(ModuleOp module, StringRef cpu, StringRef options) {
  auto missing = [](StringRef name) {
    return makeError("expected a module with attribute '" + name +
                     "', found none: was it made by an "
                     "earlier phase of this compiler?");
  };
  ModelInfo info;
  info.cpu = cpu.str();
  info.options = options.str();
  auto model = getDiscardable<VityaDialect::ModelAttrHelper>(module);
  if (!model)
    return missing(VityaDialect::ModelAttrHelper::getNameStr());
  info.name = model.getName().str();
  info.image.assign(model.getImage().begin(), model.getImage().end());
  info.preprocessing = model.getPreprocessing();
  for (StringAttr name : model.getClasses())
    info.classes.push_back(name.str());
  if (auto settings = getDiscardable<VityaDialect::SettingsAttrHelper>(module))
    for (Attribute each : settings)
      info.settings.push_back(cast<SettingAttr>(each));
  auto fingerprint = getDiscardable<VityaDialect::FingerprintAttrHelper>(module);
  if (!fingerprint)
    return missing(VityaDialect::FingerprintAttrHelper::getNameStr());
  info.fingerprint = fingerprint.str();
  auto layers = getDiscardable<VityaDialect::LayersAttrHelper>(module);
  if (!layers)
    return missing(VityaDialect::LayersAttrHelper::getNameStr());
  for (Attribute layer : layers)
    info.layers.push_back(cast<StringAttr>(layer).str());
  auto weights = getDiscardable<VityaDialect::WeightsAttrHelper>(module);
  if (!weights || rawBytes(weights).empty())
    return missing(VityaDialect::WeightsAttrHelper::getNameStr());
  ArrayRef<char> bytes = rawBytes(weights);
  info.weightBytes = bytes.size();
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits(ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  llvm::raw_string_ostream(info.weightsDigest)
      << llvm::format_hex_no_prefix(hash.high64, 16) << llvm::format_hex_no_prefix(hash.low64, 16);
  auto workspace = getDiscardable<VityaDialect::WorkspaceBytesAttrHelper>(module);
  if (!workspace)
    return missing(VityaDialect::WorkspaceBytesAttrHelper::getNameStr());
  info.workspaceBytes = workspace.getInt();
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (auto work = getDiscardable<VityaDialect::WorkAttrHelper>(function))
      info.kernels.push_back({function.getName().str(), work});
  llvm::Expected<ModelReport> report = readDescription(module);
  if (!report)
    return report.takeError();
  info.report = std::move(*report);
  return info;
}

llvm::Expected<ModelInfo> readModelInfo(ModuleOp module, StringRef cpu, StringRef options) {
  SmallVector<ModuleOp, 2> models = modelsOf(module);
  llvm::Expected<ModelInfo> info = readSingleInfo(models.front(), cpu, options);
  auto cascade = getDiscardable<VityaDialect::CascadeAttrHelper>(module);
  if (!info || !cascade)
    return info;
  llvm::Expected<ModelInfo> dense = readSingleInfo(models.back(), cpu, options);
  if (!dense)
    return dense.takeError();
  info->report.cascade = CascadeReport(cascade);
  info->dense = std::make_unique<ModelInfo>(std::move(*dense));
  return info;
}

/// For example "bicubic, antialiased, shorter side 256, middle 224 x 224".
static std::string describe(PreprocessingAttr preprocessing, ArrayRef<int64_t> image) {
  std::string result = stringifyPictureFilter(preprocessing.getFilter()).str();
  if (preprocessing.getAntialias())
    result += ", antialiased";
  if (preprocessing.getResize().empty())
    return result;
  auto [height, width] = preprocessing.resizedSize(image);
  result += width == 0 ? llvm::formatv(", shorter side {0}", height).str()
                       : llvm::formatv(", {0} x {1}", height, width).str();
  return result + llvm::formatv(", middle {0} x {1}", image[1], image[2]).str();
}

std::string ModelInfo::text() const {
  std::string result;
  llvm::raw_string_ostream os(result);
  auto line = [&](StringRef label, const auto &value) { os << llvm::formatv("{0,-24}{1}\n", label, value); };
  line("name", name);
  line("fingerprint", fingerprint);
  line("parameters", report.parameters);
  line("multiply-adds", report.multiplyAdds);
  line("integer multiply-adds", report.integerMultiplyAdds);
  for (auto [index, count] : llvm::enumerate(report.shortSumMultiplyAdds))
    if (count != 0)
      line(llvm::formatv("  in short sums of {0}", 1 << index).str(), count);
  if (report.bf16MultiplyAdds != 0)
    line("bf16 multiply-adds", report.bf16MultiplyAdds);
  line("weight bytes", weightBytes);
  line("image", llvm::formatv("{0} x {1} x {2}", image[0], image[1], image[2]).str());
  line("pictures", describe(preprocessing, image));
  line("classes", classes.size());
  if (dense) {
    line("cascade", report.cascade->rule());
    line("  on held-out images", report.cascade->outcome());
    line("  dense parameters", dense->report.parameters);
    line("  dense multiply-adds", dense->report.multiplyAdds);
    line("  dense weight bytes", dense->weightBytes);
  }
  line("cpu", cpu);
  if (levels.size() > 1)
    line("levels", llvm::join(levels, ", "));
  line("compiler", ("vitya " VITYA_VERSION " " + StringRef(options)).str());
  if (!settings.empty())
    os << llvm::formatv("\n{0,-14}{1,-28}{2}\n", "setting", "value", "source");
  for (SettingAttr setting : settings)
    os << llvm::formatv("{0,-14}{1,-28}{2}\n", setting.getName(), setting.getValue().trim('"'),
                        stringifySettingSource(setting.getSource()));
  printTables(report, os);
  return result;
}

void printPreprocessing(PreprocessingAttr preprocessing, ArrayRef<int64_t> image, llvm::json::OStream &os) {
  os.attribute("interpolation", stringifyPictureFilter(preprocessing.getFilter()));
  os.attribute("antialias", preprocessing.getAntialias());
  auto [height, width] = preprocessing.resizedSize(image);
  os.attribute("resize", width == 0 ? llvm::json::Value(height) : llvm::json::Array{height, width});
  os.attribute("crop_rounding", stringifyCropRounding(preprocessing.getCrop()));
}

std::string ModelInfo::json() const {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("name", name);
    os.attribute("fingerprint", fingerprint);
    os.attribute("parameters", report.parameters);
    os.attribute("multiply_adds", report.multiplyAdds);
    os.attribute("integer_multiply_adds", report.integerMultiplyAdds);
    os.attribute("bf16_multiply_adds", report.bf16MultiplyAdds);
    os.attributeObject("short_sum_multiply_adds", [&] {
      for (auto [index, count] : llvm::enumerate(report.shortSumMultiplyAdds))
        os.attribute(std::to_string(1 << index), count);
    });
    os.attribute("weight_bytes", weightBytes);
    os.attribute("workspace_bytes", workspaceBytes);
    os.attributeArray("image", [&] {
      for (int64_t size : image)
        os.value(size);
    });
    os.attributeObject("preprocessing", [&] { printPreprocessing(preprocessing, image, os); });
    os.attributeArray("classes", [&] {
      for (const std::string &name : classes)
        os.value(name);
    });
    os.attributeArray("settings", [&] {
      for (SettingAttr setting : settings)
        os.object([&] {
          os.attribute("name", setting.getName());
          os.attributeBegin("value");
          os.rawValue(setting.getValue());
          os.attributeEnd();
          os.attribute("source", stringifySettingSource(setting.getSource()));
        });
    });
    os.attribute("cpu", cpu);
    os.attributeArray("levels", [&] {
      for (const std::string &level : levels)
        os.value(level);
    });
    if (dense)
      os.attributeObject("cascade", [&] {
        report.cascade->printMembers(os);
        os.attributeObject("dense", [&] {
          os.attribute("fingerprint", dense->fingerprint);
          os.attribute("parameters", dense->report.parameters);
          os.attribute("multiply_adds", dense->report.multiplyAdds);
          os.attribute("weight_bytes", dense->weightBytes);
        });
      });
    os.attributeObject("compiler", [&] {
      os.attribute("version", VITYA_VERSION);
      os.attribute("options", options);
    });
    printLayers(report, os);
  });
  stream << '\n';
  return result;
}

} // namespace vitya
