// What neither names nor shapes of tensors say about a model: heads, eps, preprocessing, class names.
#ifndef VITYA_FRONTEND_LAYOUT_SETTINGS_H
#define VITYA_FRONTEND_LAYOUT_SETTINGS_H

#include "dialect/VityaDialect.h"
#include "frontend/layout/Layout.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

namespace vitya {

/// "auto", "class", "mean".
std::optional<Pool> symbolizePool(llvm::StringRef name);

/// The names of all settings.
llvm::ArrayRef<llvm::StringRef> settingNames();

/// Settings by name, each from the source that has the last word.
class Settings {
public:
  /// `assignments` ("key=value", from the command line) go before `file` (a checkpoint's `vitya` entry), which goes
  /// before `defaults` (a layout's). Values of assignments are JSON, or plain text, or numbers or texts with commas
  /// between. Fails for unknown keys and for values of the wrong kind.
  static llvm::Expected<Settings> merge(const llvm::json::Object &defaults, const llvm::json::Object &file,
                                        llvm::ArrayRef<std::string> assignments);

  /// Number of heads of an attention of this width. Fails where nothing says it and where it does not divide.
  llvm::Expected<int64_t> heads(int64_t width, llvm::StringRef layer) const;
  llvm::Expected<double> eps() const;

  std::optional<std::string> name;
  std::vector<float> mean, std;     ///< one a channel; empty where nothing says them
  std::vector<std::string> classes; ///< in the order of the logits; empty where nothing says them
  std::vector<int64_t> image;       ///< height and width, or empty
  GeluForm gelu = GeluForm::erf;
  Pool pool = Pool::automatic;

private:
  llvm::Error assign(llvm::StringRef key, const llvm::json::Value &value, llvm::StringRef source);

  std::vector<std::pair<int64_t, int64_t>> headsOfWidths; ///< (width, heads), of a layout that knows its family
  std::optional<int64_t> headsOfAll;
  std::optional<double> epsilon;
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_SETTINGS_H
