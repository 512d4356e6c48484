// Reads what torch.export.save writes: a zip archive with a graph in JSON and its weights.
#ifndef VITYA_FRONTEND_GRAPH_EXPORTEDPROGRAM_H
#define VITYA_FRONTEND_GRAPH_EXPORTEDPROGRAM_H

#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/graph/Graph.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace vitya {

/// The weights and the graph of an exported model.
class ExportedProgram {
public:
  /// Returns whether a file is a zip archive with an exported graph rather than a checkpoint.
  static bool isExported(llvm::MemoryBufferRef file);

  /// Returns whether a file is a zip archive with the code of a TorchScript model, which another program converts.
  static bool isTorchScript(llvm::MemoryBufferRef file);

  /// Reads the graph, and the names, types and shapes of the weights, which are checked to lie within the file. `file`
  /// outlives the result. Both forms are read: that of PyTorch 2.8 and later, with a record for each storage, and that
  /// of earlier versions, with archives of torch.save in the archive.
  static llvm::Expected<ExportedProgram> read(llvm::MemoryBufferRef file);

  const Graph &graph() const { return program; }

  /// The settings in the file: those of an extra file `vitya`, JSON like the `vitya` entry of a checkpoint.
  const llvm::json::Object &metadata() const { return settings; }

  /// A tensor, and the part of the file that holds it.
  struct StoredTensor {
    const NamedTensor *named;
    const Checkpoint *part;
  };
  /// Returns the tensor `name`, or nothing.
  std::optional<StoredTensor> find(llvm::StringRef name) const;

  /// The tensors, by part of the file.
  llvm::ArrayRef<std::unique_ptr<Checkpoint>> parts() const { return checkpoints; }

private:
  llvm::Error readWeights(llvm::MemoryBufferRef file, llvm::StringRef folder, llvm::StringRef model);
  llvm::Error readNested(std::string bytes, llvm::StringRef name);

  Graph program;
  llvm::json::Object settings;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> nested; ///< archives in the archive
  std::vector<std::unique_ptr<Checkpoint>> checkpoints;
  llvm::StringMap<StoredTensor> tensors;
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_EXPORTEDPROGRAM_H
