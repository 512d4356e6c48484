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

/// Parses "auto", "class" or "mean".
std::optional<Pool> symbolizePool(llvm::StringRef name);

class Settings {
public:
  /// Merges three sources. `assignments` ("key=value", from the command line) override `file` (the `vitya` entry of a
  /// checkpoint), which overrides `defaults` (of a layout). The value of an assignment is JSON, a plain text, or a list
  /// separated by commas. Fails for unknown keys and for values of the wrong kind.
  static llvm::Expected<Settings> merge(const llvm::json::Object &defaults, const llvm::json::Object &file,
                                        llvm::ArrayRef<std::string> assignments);

  /// Returns the number of heads of an attention of this width. Fails if no source gives it or if it does not divide
  /// the width. `layer` is for the error.
  llvm::Expected<int64_t> heads(int64_t width, llvm::StringRef layer) const;

  /// Returns the eps of every LayerNorm. Fails if no source gives it.
  llvm::Expected<double> eps() const;

  std::optional<std::string> name;
  std::vector<float> mean, std;     ///< one value for each channel; empty if no source gives them
  std::vector<std::string> classes; ///< in the order of the logits; empty if no source gives them
  std::vector<int64_t> image;       ///< height and width; empty if no source gives them
  bool antialias = true;            ///< whether pictures are antialiased when they are shrunk
  GeluForm gelu = GeluForm::erf;
  Pool pool = Pool::automatic;

private:
  struct Setting;
  static const Setting kSettings[];
  static llvm::Expected<const Setting *> find(llvm::StringRef key, llvm::StringRef source);
  llvm::Error assign(llvm::StringRef key, const llvm::json::Value &value, llvm::StringRef source);

  // Each assigns a value, or returns false if it is of the wrong kind.
  bool assignAntialias(const llvm::json::Value &value);
  bool assignClasses(const llvm::json::Value &value);
  bool assignEps(const llvm::json::Value &value);
  bool assignGelu(const llvm::json::Value &value);
  bool assignHeads(const llvm::json::Value &value);
  bool assignImage(const llvm::json::Value &value);
  bool assignMean(const llvm::json::Value &value);
  bool assignName(const llvm::json::Value &value);
  bool assignPool(const llvm::json::Value &value);
  bool assignStd(const llvm::json::Value &value);

  std::vector<std::pair<int64_t, int64_t>> headsOfWidths; ///< (width, heads), from a layout that knows its family
  std::optional<int64_t> headsOfAll;
  std::optional<double> epsilon;
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_SETTINGS_H
