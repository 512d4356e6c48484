// The options for reading a checkpoint.
#include "tools/lib/ImportFlags.h"

namespace cl = llvm::cl;

vitya::ImportFlags::ImportFlags(cl::OptionCategory &category)
    : layout("layout", cl::location(options.layout), cl::init("auto"), cl::cat(category),
             cl::value_desc("auto|NAME|FILE"),
             cl::desc("How the tensors of the checkpoint are connected (default: auto)")),
      prefix("prefix", cl::location(options.prefix), cl::cat(category), cl::value_desc("text"),
             cl::desc("What the names of the model's tensors begin with, before the names that the layout has, such as "
                      "'model.'; other tensors are left out")),
      key("key", cl::location(options.key), cl::cat(category), cl::value_desc("key.key"),
          cl::desc("The state dict to read, in a checkpoint with several")),
      settings(
          "set", cl::location(options.settings), cl::cat(category), cl::value_desc("key=value"),
          cl::desc("A setting that the checkpoint lacks: heads, eps, mean, std, classes, image, name, gelu, pool")) {}
