// How much compression a model's predictions bear.
#ifndef VITYA_TOOLS_LIB_RECIPESEARCH_H
#define VITYA_TOOLS_LIB_RECIPESEARCH_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tools/lib/Recipe.h"
#include "llvm/Support/JSON.h"
#include <functional>
#include <optional>

namespace vitya {

/// What is asked of predictions.
struct SearchGoal {
  std::optional<double> divergence; ///< at most this mean KL from the f32 model, in nats
  std::optional<double> drop;       ///< at most this loss of accuracy, in points of a hundred
  bool sensitivities = false;       ///< whether to measure what each layer does alone
  std::string images;               ///< labelled images to measure on

  bool isBound() const { return divergence || drop; }
  bool asksAnything() const { return isBound() || sensitivities; }
};

/// The least change of a recipe that meets a goal. Each trial compresses the model anew, in a context of its own, and
/// runs it by the reference interpreter.
class RecipeSearch {
public:
  using Loader = std::function<llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>(mlir::MLIRContext &)>;

  /// `load` gives the model at the end of phase `import`; `registry` has what its IR may hold. `tool` is the name under
  /// which errors and progress are told.
  RecipeSearch(const mlir::DialectRegistry &registry, Loader load, SearchGoal goal, llvm::StringRef tool)
      : registry(registry), load(std::move(load)), goal(std::move(goal)), tool(tool) {}

  /// `recipe` as it is if it meets the goal. Else first with a larger `keep` or `rank`, the least of a few between the
  /// one asked for and all, until low rank alone meets the goal, or half of it if quantization follows; then with
  /// layers restored to f32, the most sensitive first, as few as do. Fails where nothing helps.
  llvm::Expected<Recipe> settle(Recipe recipe);

  /// What was tried, and sensitivities: sections of a report.
  llvm::json::Object report() const;

private:
  /// Of a compressed model, against the f32 one.
  struct Quality {
    double divergence = 0, drop = 0;
  };
  struct Layer {
    std::string name;
    double divergence = 0; ///< when it alone is quantized
  };
  /// A model at the end of preparation, as bytecode.
  struct Snapshot {
    std::unique_ptr<llvm::MemoryBuffer> bytecode;
    std::vector<float> logits;
    Quality quality;                 ///< of low rank alone
    std::vector<std::string> layers; ///< names of what quantization may take
  };

  llvm::Error measureOriginal();
  /// The outputs of `module` for the first `images` images.
  llvm::Expected<std::vector<float>> logitsOf(mlir::ModuleOp module, int64_t images) const;
  Quality compare(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found) const;
  /// Prepares the loaded model by `recipe`.
  llvm::Expected<Snapshot> prepare(const Recipe &recipe) const;
  /// The quality of `snapshot`, once it is quantized by `recipe`, against `expected` logits on the first `images`
  /// images.
  llvm::Expected<Quality> quantized(const Snapshot &snapshot, const Recipe &recipe, llvm::ArrayRef<float> expected,
                                    int64_t images) const;
  llvm::Expected<Snapshot> settleLowRank(Recipe &recipe);
  llvm::Error settleQuantization(const Snapshot &snapshot, Recipe &recipe);
  llvm::Error measureLayers(const Snapshot &snapshot, const Recipe &recipe);
  /// Notes a trial, and whether it is within `share` of the goal.
  bool holds(const Recipe &recipe, const Quality &quality, double share, llvm::StringRef stage);
  llvm::Error unreachable(const Quality &best, llvm::StringRef how) const;
  std::unique_ptr<mlir::MLIRContext> makeContext() const;

  const mlir::DialectRegistry &registry;
  Loader load;
  SearchGoal goal;
  std::string tool;
  std::vector<float> original; ///< logits of the f32 model, one image behind the other
  std::vector<int64_t> labels; ///< of the images
  int64_t count = 0;           ///< images
  std::vector<Layer> layers;   ///< the most sensitive first
  llvm::json::Array path;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_RECIPESEARCH_H
