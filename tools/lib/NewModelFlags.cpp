// Declares the options, and imports the checkpoint of a new model.
#include "tools/lib/NewModelFlags.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/CheckpointWriter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace cl = llvm::cl;

namespace vitya {

NewModelFlags::NewModelFlags(cl::OptionCategory &category)
    : category(category), image("image", cl::location(options.image), cl::cat(category),
                                cl::desc("Height and width of images (default: 32)")),
      width("width", cl::location(options.width), cl::cat(category), cl::desc("Width of tokens (default: 192)")),
      depth("depth", cl::location(options.depth), cl::cat(category), cl::desc("Number of blocks (default: 9)")),
      heads("heads", cl::location(options.heads), cl::cat(category),
            cl::desc("Number of attention heads (default: 3)")),
      registers("registers", cl::location(options.registers), cl::cat(category),
                cl::desc("Number of registers (default: 0)")),
      patch("patch", cl::cat(category), cl::desc("Height and width of patches (default: 4)")),
      hidden("hidden", cl::cat(category), cl::desc("Hidden width of an MLP (default: four times the width)")),
      stem("stem", cl::location(options.stem), cl::CommaSeparated, cl::cat(category),
           cl::desc("Output channels of the convolutions of the stem, if the layout has any")),
      with("with", cl::location(options.with), cl::CommaSeparated, cl::cat(category),
           cl::desc("Optional tensors that the model has in addition to those of the layout")),
      without("without", cl::location(options.without), cl::CommaSeparated, cl::cat(category),
              cl::desc("Optional tensors that the model does not have")),
      positionStd("position-std", cl::location(options.positionStd), cl::cat(category),
                  cl::desc("Standard deviation of position embeddings and tokens (default: 0.02)")),
      layerScale("layer-scale", cl::cat(category), cl::desc("Value of LayerScale (default: 1e-5)")),
      nearIdentity("near-identity-attention", cl::location(options.nearIdentityAttention), cl::cat(category),
                   cl::desc("Begin with attention near the identity (arXiv 2305.09828)")) {}

StringRef NewModelFlags::given() const {
  for (const auto &[name, option] : cl::getRegisteredOptions())
    if (llvm::is_contained(option->Categories, &category) && option->getNumOccurrences())
      return option->ArgStr;
  return "";
}

/// A setting "KEY=[...]" with a share of 255, at least `least`, for each channel.
static std::string channelSetting(StringRef key, ArrayRef<double> pixels, double least) {
  std::string text = key.str() + "=[";
  for (auto [index, value] : llvm::enumerate(pixels))
    text += llvm::formatv("{0}{1:f4}", index ? "," : "", std::max(value / 255, least)).str();
  return text + "]";
}

llvm::Expected<OwningOpRef<ModuleOp>> NewModelFlags::makeModel(MLIRContext &context, const Dataset &data,
                                                               StringRef name, ImportOptions how, uint64_t seed,
                                                               llvm::SmallString<0> &checkpoint) const {
  if (how.layout == "auto")
    how.layout = "timm-vit";
  llvm::Expected<std::vector<Layout>> layouts =
      loadLayouts(how.layout, how.layoutFolder.empty() ? defaultLayoutFolder() : how.layoutFolder);
  if (!layouts)
    return layouts.takeError();
  NewModelOptions model = options;
  model.channels = data.channels;
  model.classes = data.classes;
  if (patch.getNumOccurrences())
    model.patch = patch;
  if (hidden.getNumOccurrences())
    model.hidden = hidden;
  if (layerScale.getNumOccurrences())
    model.layerScale = layerScale;
  llvm::Expected<std::vector<TensorToWrite>> tensors = createModel(layouts->front(), model, seed);
  if (!tensors)
    return prefixError("layout '" + how.layout + "'", tensors.takeError());
  checkpoint.clear();
  llvm::raw_svector_ostream os(checkpoint);
  if (llvm::Error error = writeCheckpoint(*tensors, {}, CheckpointFormat::safetensors, os))
    return error;

  auto key = [](StringRef setting) { return setting.split('=').first; };
  auto isSet = [&](StringRef name) {
    return llvm::any_of(how.settings, [&](StringRef setting) { return key(setting) == name; });
  };
  for (StringRef name : {"heads", "image"})
    if (isSet(name))
      return makeError("expected --{0} for a new model, found --set {0}", name);
  std::vector<std::string> settings = {"heads=" + std::to_string(model.heads), "image=" + std::to_string(model.image)};
  if (!data.classNames.empty())
    settings.push_back("classes=" + llvm::join(data.classNames, ","));
  if (!isSet("mean") || !isSet("std")) {
    ChannelStatistics pixels = channelStatistics(data);
    settings.push_back(channelSetting("mean", pixels.mean, 0));
    settings.push_back(channelSetting("std", pixels.deviation, 1e-3));
  }
  for (const std::string &setting : settings)
    if (!isSet(key(setting)))
      how.settings.push_back(setting);
  return importModel(context, {llvm::MemoryBufferRef(checkpoint, "new model")}, name, how);
}

} // namespace vitya
