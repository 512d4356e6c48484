// The settings of a model that neither the names nor the shapes of its tensors determine: heads, eps, preprocessing,
// class names.
#ifndef VITYA_FRONTEND_LAYOUT_SETTINGS_H
#define VITYA_FRONTEND_LAYOUT_SETTINGS_H

#include "dialect/VityaDialect.h"
#include "frontend/layout/Layout.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

namespace vitya {

/// Parses the name of a way of pooling in layout files, such as "class".
std::optional<Pool> symbolizePool(llvm::StringRef name);
llvm::StringRef stringifyPool(Pool pool);

/// LayerNorm, or RMSNorm (arXiv 1910.07467), which subtracts no mean and has no bias.
enum class NormKind { layer, rms };

/// The name of a kind of norm in layout files, such as "rms".
llvm::StringRef stringifyNormKind(NormKind kind);

/// A value and where it comes from. It is a guess until a source gives it.
template <typename T>
struct Sourced {
  T value = {};
  SettingSource source = SettingSource::guess;
};

/// The size to which pictures are resized before the image is cut out of their middle. By default it is that of the
/// image.
struct Resize {
  std::vector<int64_t> size;          ///< of the shorter side, or height and width; or empty
  std::optional<double> cropFraction; ///< or the side of the image, which is a square, divided by the shorter side
};

class Settings {
public:
  /// Merges the sources. `assignments` ("key=value", from the command line) override `file` (the `vitya` entry of a
  /// checkpoint), which overrides `config` (of a model folder), which overrides `defaults` (of a layout). The value of
  /// an assignment is JSON, a plain text, or a list separated by commas. Fails for unknown keys and for values of the
  /// wrong kind.
  static llvm::Expected<Settings> merge(const llvm::json::Object &defaults, const llvm::json::Object &file,
                                        llvm::ArrayRef<std::string> assignments, const llvm::json::Object &config = {});

  /// Returns the number of heads of an attention of this width. Fails if no source gives it or if it does not divide
  /// the width. `layer` is for the error.
  llvm::Expected<Sourced<int64_t>> heads(int64_t width, llvm::StringRef layer) const;

  /// Returns the eps of every norm. Fails if no source gives it.
  llvm::Expected<Sourced<double>> eps() const;

  std::optional<std::string> name;
  /// One value for each channel, for pixels in [0, 1]; empty if no source gives them.
  Sourced<std::vector<float>> mean, std;
  std::vector<std::string> classes;    ///< in the order of the logits; empty if no source gives them
  Sourced<std::vector<int64_t>> image; ///< height and width in pixels; empty if no source gives them
  // How pictures of another size become the image.
  Sourced<bool> antialias = {true, SettingSource::guess};
  Sourced<PictureFilter> interpolation = {PictureFilter::bilinear, SettingSource::guess};
  Sourced<Resize> resize;
  Sourced<CropRounding> cropRounding = {CropRounding::half_even, SettingSource::guess};
  Sourced<Activation> activation = {Activation::gelu, SettingSource::guess};
  Sourced<GeluForm> gelu = {GeluForm::erf, SettingSource::guess};
  Sourced<NormKind> norm = {NormKind::layer, SettingSource::guess};
  Sourced<Pool> pool = {Pool::automatic, SettingSource::guess};

private:
  struct Setting;
  static const Setting kSettings[];
  static llvm::Expected<const Setting *> find(llvm::StringRef key, llvm::StringRef where);
  /// `where` names the source in errors.
  llvm::Error assign(llvm::StringRef key, const llvm::json::Value &value, SettingSource source, llvm::StringRef where);

  // Each assigns a value and its source, or returns false if the value is of the wrong kind.
  bool assignActivation(const llvm::json::Value &value, SettingSource source);
  bool assignAntialias(const llvm::json::Value &value, SettingSource source);
  bool assignClasses(const llvm::json::Value &value, SettingSource source);
  bool assignCropRounding(const llvm::json::Value &value, SettingSource source);
  bool assignEps(const llvm::json::Value &value, SettingSource source);
  bool assignGelu(const llvm::json::Value &value, SettingSource source);
  bool assignHeads(const llvm::json::Value &value, SettingSource source);
  bool assignImage(const llvm::json::Value &value, SettingSource source);
  bool assignInterpolation(const llvm::json::Value &value, SettingSource source);
  bool assignMean(const llvm::json::Value &value, SettingSource source);
  bool assignName(const llvm::json::Value &value, SettingSource source);
  bool assignNorm(const llvm::json::Value &value, SettingSource source);
  bool assignPool(const llvm::json::Value &value, SettingSource source);
  bool assignResize(const llvm::json::Value &value, SettingSource source);
  bool assignStd(const llvm::json::Value &value, SettingSource source);

  /// The number of heads of each width, from a layout that knows its family, or of all widths.
  struct Heads {
    std::vector<std::pair<int64_t, int64_t>> ofWidths; ///< (width, heads)
    std::optional<int64_t> ofAll;
  };
  Sourced<Heads> headCounts;
  Sourced<std::optional<double>> epsilon;
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_SETTINGS_H
