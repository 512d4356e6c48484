// The options for reading a checkpoint.
#include "tools/lib/ImportFlags.h"

namespace cl = llvm::cl;

vitya::ImportFlags::ImportFlags(cl::OptionCategory &category)
    : layout("layout", cl::location(options.layout), cl::init("auto"), cl::cat(category),
             cl::value_desc("auto|NAME|FILE"),
             cl::desc("How the tensors of the checkpoint are connected (default: auto)")),
      prefix("prefix", cl::location(options.prefix), cl::cat(category), cl::value_desc("text"),
             cl::desc("Import only the tensors whose names begin with this text, such as 'model.', and remove it from "
                      "their names")),
      key("key", cl::location(options.key), cl::cat(category), cl::value_desc("key.key"),
          cl::desc("The state dict to read if the checkpoint has several")),
      settings(
          "set", cl::location(options.settings), cl::cat(category), cl::value_desc("key=value"),
          cl::desc(
              "A setting of the model, which overrides that of the checkpoint: heads, eps, norm, mean, std, resize, "
              "interpolation, antialias, crop_rounding, activation, gelu, pool, image, classes, name")) {}
