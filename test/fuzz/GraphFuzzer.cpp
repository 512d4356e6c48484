// Reads an exported graph, either its JSON alone or the whole archive, and converts it. An archive of which a reader
// would only see damage is thus mutated less often than the graph in it.
#include "dialect/VityaDialect.h"
#include "dialect/VityaOps.h"
#include "frontend/graph/ExportedProgram.h"
#include "frontend/graph/GraphJson.h"
#include "frontend/import/Import.h"
#include "mlir/IR/Diagnostics.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  llvm::MemoryBufferRef file(bytes, "fuzz");
  if (!vitya::ExportedProgram::isExported(file)) {
    if (llvm::Expected<vitya::Graph> graph = vitya::parseGraph("fuzz", bytes); !graph)
      llvm::consumeError(graph.takeError());
    return 0;
  }
  mlir::MLIRContext context;
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  vitya::ImportOptions options;
  options.settings = {"mean=0,0,0", "std=1,1,1"};
  vitya::ModelSource source;
  source.weights = file;
  if (auto module = vitya::importModel(context, source, "fuzz", options); !module)
    llvm::consumeError(module.takeError());
  return 0;
}
