// The settings that a model was built with.
#ifndef VITYA_FRONTEND_IMPORT_MODELSETTINGS_H
#define VITYA_FRONTEND_IMPORT_MODELSETTINGS_H

#include "dialect/VityaDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include <string>
#include <vector>

namespace vitya {

/// Collects the settings on which a model depends, each with its source, for `vitya.settings` and for the user.
class ModelSettings {
public:
  explicit ModelSettings(mlir::MLIRContext &context) : context(context) {}

  /// Adds the value of setting `name`. Several layers may add the same one.
  void add(llvm::StringRef name, bool value, SettingSource source);
  void add(llvm::StringRef name, int64_t value, SettingSource source);
  void add(llvm::StringRef name, double value, SettingSource source);
  void add(llvm::StringRef name, llvm::StringRef value, SettingSource source);
  void add(llvm::StringRef name, llvm::ArrayRef<float> value, SettingSource source);
  void add(llvm::StringRef name, llvm::ArrayRef<int64_t> value, SettingSource source);

  /// Adds the reason why a guess may be wrong, in words for the user. Several layers may add the same one.
  void addDoubt(llvm::StringRef reason) {
    if (!llvm::is_contained(doubts, reason))
      doubts.push_back(reason.str());
  }
  bool isInDoubt() const { return !doubts.empty(); }

  /// Returns what neither the file nor the user has said, and the doubts, for example "from layout 'vit': heads 3, eps
  /// 1e-06; guessed: pool class". Returns an empty string if they have said everything.
  std::string describeUnsaid(llvm::StringRef layout) const;

  mlir::ArrayAttr attribute() const { return mlir::Builder(&context).getArrayAttr(settings.getArrayRef()); }

private:
  void addJson(llvm::StringRef name, llvm::StringRef json, SettingSource source);

  mlir::MLIRContext &context;
  llvm::SetVector<mlir::Attribute> settings;
  std::vector<std::string> doubts;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_MODELSETTINGS_H
