// Options that several passes share.
#ifndef VITYA_PASSES_PASSOPTIONS
#define VITYA_PASSES_PASSOPTIONS

include "mlir/Pass/PassBase.td"

// The images a pass runs the model on.
defvar kImageOptions = [
  Option<"images", "images", "std::string", "\"\"", "Calibration images: a folder or list of pictures, an .npy array or CIFAR-10 records.">,
  Option<"count", "count", "int64_t", "0", "Use only the first `count` images; 0 uses all.">
];

// The file of moments that can replace the images.
defvar kStatisticsOptions = [
  Option<"statistics", "statistics", "std::string", "\"\"", "A file written by vitya-collect-statistics.">
];

// The layers to compress when the default is the blocks of the model.
defvar kBlockLayersOptions = [
  Option<"layers", "layers", "std::string", "\"[.][0-9]+[.]\"",
         "Regular expression that the name of a layer must match; the default matches layers inside numbered modules, "
         "which are the blocks.">
];

// The layers to quantize.
defvar kQuantizedLayersOptions = [
  Option<"layers", "layers", "std::string", "\".\"", "Regular expression that the name of a layer must match.">,
  Option<"except", "except", "std::string", "\"\"", "Regular expression of the names of layers that stay f32.">,
  ListOption<"keepF32", "keep-f32", "std::string", "Names of layers that stay f32 besides those that `except` matches.">
];

#endif // VITYA_PASSES_PASSOPTIONS
