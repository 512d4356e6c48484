// How the configuration of a model prepares pictures: resize, crop, scale of pixels, mean and standard deviation.
#ifndef VITYA_FRONTEND_IMPORT_PICTURECONFIG_H
#define VITYA_FRONTEND_IMPORT_PICTURECONFIG_H

#include "frontend/import/ConfigJson.h"
#include <string>
#include <vector>

namespace vitya {

struct PictureConfig {
  std::optional<ImageSize> trained; ///< the size of image in config.json
  std::optional<ImageSize> resized; ///< the size to which pictures are resized, whatever their shape is
  std::optional<int64_t> shortEdge; ///< or the size to which their shorter side is resized
  std::optional<ImageSize> crop;    ///< the size of the middle that is cut out
  std::string interpolation;        ///< "bilinear", ...; empty if the files do not say
  std::vector<double> mean, std;    ///< for pixels in [0, 1]
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
  void remarkOthers(const ConfigJson &json);
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_PICTURECONFIG_H
