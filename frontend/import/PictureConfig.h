// How the configuration of a model prepares pictures: resize, crop, scale of pixels, mean and standard deviation.
#ifndef VITYA_FRONTEND_IMPORT_PICTURECONFIG_H
#define VITYA_FRONTEND_IMPORT_PICTURECONFIG_H

#include "dialect/VityaDialect.h"
#include "frontend/import/ConfigJson.h"
#include <string>
#include <vector>

namespace vitya {

struct PictureConfig {
  std::optional<ImageSize> trained;        ///< the size of image in config.json
  std::optional<ImageSize> image;          ///< the size to which pictures are cropped or resized
  std::optional<PictureFilter> filter;     ///< the filter that resizes them
  std::optional<llvm::json::Value> resize; ///< the setting `resize`
  std::optional<CropRounding> rounding;    ///< how the offset of a crop is rounded
  std::vector<double> mean, std;           ///< for pixels in [0, 1]
  std::vector<std::string> remarks;
  std::string file; ///< for remarks

  /// Reads timm's entries, which begin with `base`, of config.json.
  llvm::Error readTimm(const ConfigJson &json, const std::string &base);

  /// Reads preprocessor_config.json of Transformers.
  llvm::Error readTransformers(const ConfigJson &json);

  /// Adds the settings that follow, and says what preprocessing lacks.
  void addTo(llvm::json::Object &settings, std::vector<std::string> &allRemarks) const;

private:
  llvm::Error readScale(const ConfigJson &json);
  llvm::Error readResize(const ConfigJson &json);
  void setFilter(llvm::StringRef name);
  void remarkOthers(const ConfigJson &json);
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_PICTURECONFIG_H
