// Looks arguments up by name. A call has few of them.
#include "frontend/graph/Graph.h"
#include "llvm/ADT/STLExtras.h"

namespace vitya {

const Argument *GraphNode::find(llvm::StringRef name) const {
  auto found = llvm::find_if(arguments, [&](const NamedArgument &argument) { return argument.name == name; });
  return found == arguments.end() ? nullptr : &found->argument;
}

} // namespace vitya
