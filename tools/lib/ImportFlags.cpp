// The options that say how to read a checkpoint.
#include "tools/lib/ImportFlags.h"

namespace cl = llvm::cl;

vitya::ImportFlags::ImportFlags(cl::OptionCategory &category)
    : layout("layout", cl::location(options.layout), cl::init("auto"), cl::cat(category),
             cl::value_desc("auto|NAME|FILE"), cl::desc("How the tensors of the checkpoint are wired (default: auto)")),
      key("key", cl::location(options.key), cl::cat(category), cl::value_desc("key.key"),
          cl::desc("Which state dict of a checkpoint with several")),
      settings("set", cl::location(options.settings), cl::cat(category), cl::value_desc("key=value"),
               cl::desc("What the checkpoint does not say: heads, eps, mean, std, classes, image, name, gelu, pool")) {}
