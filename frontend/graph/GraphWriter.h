// Writes a graph and its weights in the form of torch.export.save that ExportedProgram reads.
#ifndef VITYA_FRONTEND_GRAPH_GRAPHWRITER_H
#define VITYA_FRONTEND_GRAPH_GRAPHWRITER_H

#include "frontend/checkpoint/Tensor.h"
#include "frontend/graph/Graph.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// A tensor whose elements are in row-major order. The bytes belong to someone else.
struct GraphTensor {
  std::string name;
  const ElementType *type;
  std::vector<int64_t> shape;
  llvm::StringRef bytes;
};

/// Writes a zip archive of stored entries with `graph`, `tensors`, which are its weights, and `settings`, JSON for the
/// extra file `vitya`, unless it is empty. Equal contents give equal bytes.
llvm::Error writeProgram(const Graph &graph, llvm::ArrayRef<GraphTensor> tensors, llvm::StringRef settings,
                         llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_GRAPHWRITER_H
