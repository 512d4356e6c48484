// Collects the canonicalization patterns of whole dialects, as the canonicalizer pass does for all of them.
#include "passes/lower/kernels/Canonicalization.h"
#include "mlir/IR/Dialect.h"

using namespace mlir;

void vitya::populateCanonicalizationPatterns(RewritePatternSet &patterns, ArrayRef<StringRef> dialects) {
  MLIRContext *context = patterns.getContext();
  for (StringRef name : dialects)
    if (Dialect *dialect = context->getLoadedDialect(name))
      dialect->getCanonicalizationPatterns(patterns);
  for (RegisteredOperationName op : context->getRegisteredOperations())
    if (llvm::is_contained(dialects, op.getDialectNamespace()))
      op.getCanonicalizationPatterns(patterns, context);
}
