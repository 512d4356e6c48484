// The JSON form of a graph, torch/_export/serde/schema.py of PyTorch.
#ifndef VITYA_FRONTEND_GRAPH_GRAPHJSON_H
#define VITYA_FRONTEND_GRAPH_GRAPHJSON_H

#include "frontend/checkpoint/StateDict.h"
#include "frontend/graph/Graph.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Parses `text`, the exported program in entry `name` of an archive. Errors name line, column and key.
llvm::Expected<Graph> parseGraph(llvm::StringRef name, llvm::StringRef text);

/// A tensor as the list of the weights of an archive describes it.
struct ListedTensor {
  std::string record; ///< name of the entry within the folder of the weights
  NamedTensor named;  ///< without the number of the record
};

/// Parses `text`, the list of weights in entry `name` of an archive.
llvm::Expected<std::vector<ListedTensor>> parseWeightList(llvm::StringRef name, llvm::StringRef text);

/// Returns the number of an element type in the schema. It is one of PyTorch's.
int64_t scalarTypeNumber(const ElementType &type);

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_GRAPHJSON_H
