// Preprocessing of the image processors of Transformers and of timm's transforms for evaluation.
#include "frontend/import/PictureConfig.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace vitya {

/// Pillow's filters, in the order of their numbers.
static constexpr StringLiteral kFilters[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};

static std::string formatSize(ImageSize size) { return formatv("{0}x{1}", size.height, size.width).str(); }

//===----------------------------------------------------------------------===//
// timm
//===----------------------------------------------------------------------===//

Error PictureConfig::readTimm(const ConfigJson &json, const std::string &base) {
  file = json.name().str();
  std::optional<std::vector<double>> means, deviations;
  std::optional<StringRef> filter, mode;
  std::optional<double> fraction;
  if (Error error = json.read(base + ".mean", means))
    return error;
  if (Error error = json.read(base + ".std", deviations))
    return error;
  if (Error error = json.read(base + ".interpolation", filter))
    return error;
  if (Error error = json.read(base + ".crop_pct", fraction))
    return error;
  if (Error error = json.read(base + ".crop_mode", mode))
    return error;
  mean = means.value_or(std::vector<double>());
  std = deviations.value_or(std::vector<double>());
  if (fraction && !(*fraction > 0 && *fraction <= 1))
    return json.error(base + ".crop_pct", "a fraction above 0 and up to 1");
  // What timm takes if the entries are absent.
  constexpr double defaultFraction = 0.875;
  if (!filter || filter->empty())
    filter = "bicubic";
  setFilter(*filter);
  double kept = fraction.value_or(defaultFraction);
  if (trained && mode && *mode == "squash") {
    auto scaled = [&](int64_t size) { return static_cast<int64_t>(std::floor(static_cast<double>(size) / kept)); };
    resize = json::Array{scaled(trained->height), scaled(trained->width)};
  } else if (!trained || trained->height == trained->width) {
    resize = json::Object{{"crop_fraction", kept}};
  } else {
    remarks.push_back(formatv("pictures are resized to the image, while {0} says a crop to {1}, which is not a square",
                              file, formatSize(*trained)));
  }
  rounding = CropRounding::half_even;
  if (mode && *mode != "center" && *mode != "squash")
    remarks.push_back(
        formatv("pictures are resized and cropped as with the crop mode 'center', while {0} says '{1}'", file, *mode));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Transformers
//===----------------------------------------------------------------------===//

/// Reads mean and standard deviation, and changes them to those of pixels in [0, 1].
Error PictureConfig::readScale(const ConfigJson &json) {
  constexpr double maxPixel = 255;
  std::optional<bool> rescales, normalizes;
  std::optional<double> factor;
  std::optional<std::vector<double>> means, deviations;
  if (Error error = json.read(".do_rescale", rescales))
    return error;
  if (Error error = json.read(".rescale_factor", factor))
    return error;
  if (Error error = json.read(".do_normalize", normalizes))
    return error;
  if (Error error = json.read(".image_mean", means))
    return error;
  if (Error error = json.read(".image_std", deviations))
    return error;
  if (factor && !(*factor > 0))
    return json.error(".rescale_factor", "a positive number");
  // What the model reads is (scale * pixel - mean) / std for pixels in [0, 1].
  double scale = rescales.value_or(true) ? maxPixel * factor.value_or(1 / maxPixel) : maxPixel;
  constexpr double rounding = 1e-9; // of 1/255 in decimal digits
  if (std::abs(scale - 1) < rounding)
    scale = 1;
  if (!normalizes.value_or(true)) {
    constexpr size_t channels = 3;
    means = std::vector<double>(means ? means->size() : channels, 0);
    deviations = std::vector<double>(means->size(), 1);
  }
  if (means)
    mean = std::move(*means);
  if (deviations)
    std = std::move(*deviations);
  for (std::vector<double> *values : {&mean, &std})
    for (double &value : *values)
      value /= scale;
  return Error::success();
}

Error PictureConfig::readResize(const ConfigJson &json) {
  std::optional<bool> resizes, crops;
  std::optional<ImageSize> exact, cut;
  std::optional<int64_t> shortEdge;
  if (Error error = json.read(".do_resize", resizes))
    return error;
  if (Error error = json.read(".do_center_crop", crops))
    return error;
  if (Error error = json.read(".crop_size", cut))
    return error;
  constexpr StringLiteral edgePath = ".size.shortest_edge";
  if (Error error = json.read(edgePath, shortEdge))
    return error;
  if (!shortEdge)
    if (Error error = json.read(".size", exact))
      return error;
  // One number is a square for most processors, but the shorter side for those of CLIP and of BiT.
  std::optional<StringRef> type;
  for (StringRef path : {".feature_extractor_type", ".image_processor_type"})
    if (Error error = json.read(path, type))
      return error;
  bool isEdge = type && (type->starts_with("CLIP") || type->starts_with("Bit"));
  if (exact && isEdge && json.find(".size")->getAsInteger()) {
    shortEdge = exact->height;
    exact.reset();
  }
  bool isCropped = cut && crops.value_or(true);
  image = isCropped ? cut : exact;
  if (shortEdge)
    resize = *shortEdge;
  else if (exact)
    resize = json::Array{exact->height, exact->width};
  rounding = CropRounding::floor;
  if (shortEdge && !isCropped)
    remarks.push_back("the middle of pictures is cut out, although " + file + " does not crop pictures");
  if (!resizes.value_or(true))
    remarks.push_back("pictures of another size than the image are resized, although " + file +
                      " does not resize pictures");
  return Error::success();
}

/// Reports steps that are switched on and that preprocessing lacks.
void PictureConfig::remarkOthers(const ConfigJson &json) {
  constexpr StringLiteral known[] = {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"};
  auto isLacking = [&](StringRef key, const json::Value &value) {
    // The share of a picture that ConvNextImageProcessor crops to.
    if (key == "crop_pct")
      return value.getAsNumber().value_or(1) != 1;
    return key.starts_with("do_") && value.getAsBoolean().value_or(false) && !is_contained(known, key);
  };
  for (const auto &[key, value] : json.object())
    if (isLacking(key, value))
      remarks.push_back("pictures are prepared without '" + key.str() + "' of " + file);
}

Error PictureConfig::readTransformers(const ConfigJson &json) {
  file = json.name().str();
  if (Error error = readScale(json))
    return error;
  if (Error error = readResize(json))
    return error;
  remarkOthers(json);
  const json::Value *filter = json.find(".resample");
  if (!filter)
    return Error::success();
  std::optional<int64_t> number = filter->getAsInteger();
  if (!number || *number < 0 || *number >= static_cast<int64_t>(std::size(kFilters)))
    return json.error(".resample", "the number of one of Pillow's filters, from 0 to 5");
  setFilter(kFilters[*number]);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Settings
//===----------------------------------------------------------------------===//

void PictureConfig::setFilter(StringRef name) {
  filter = symbolizePictureFilter(name);
  if (!filter)
    remarks.push_back(formatv("pictures are not resized with the filter '{0}' of {1}, but with one of 'bilinear' and "
                              "'bicubic', which --set interpolation chooses",
                              name, file));
}

void PictureConfig::addTo(json::Object &settings, std::vector<std::string> &allRemarks) const {
  if (!mean.empty())
    settings["mean"] = json::Array(mean);
  if (!std.empty())
    settings["std"] = json::Array(std);
  std::optional<ImageSize> size = image ? image : trained;
  if (size)
    settings["image"] = json::Array{size->height, size->width};
  if (filter)
    settings["interpolation"] = stringifyPictureFilter(*filter);
  // Both libraries resize as Pillow does.
  if (!file.empty())
    settings["antialias"] = true;
  if (resize)
    settings["resize"] = *resize;
  if (rounding)
    settings["crop_rounding"] = stringifyCropRounding(*rounding);
  append_range(allRemarks, remarks);
  if (size && trained && *size != *trained)
    allRemarks.push_back("images have the size " + formatSize(*size) + " of " + file + ", not the " +
                         formatSize(*trained) + " of config.json");
}

} // namespace vitya
