// The time of the kernels of this machine for each format of a matrix, from measurements of whole models.
#ifndef VITYA_TOOLS_LIB_KERNELTIMES_H
#define VITYA_TOOLS_LIB_KERNELTIMES_H

#include "passes/lowrank/MatrixLosses.h"
#include "tools/lib/CompiledModel.h"
#include <map>

namespace vitya {

/// Times of matrices by kind and shape, bits and rank. Matrices of the same shape share kernels, and their times.
class KernelTimes {
public:
  /// The formats of all `matrices` in each of a few models that together have every matrix dense and at two ranks, with
  /// these bits. Of matrices with the same shape, each has another one of the three.
  static std::vector<std::vector<MatrixFormat>> formatsToMeasure(llvm::ArrayRef<MatrixLosses> matrices, unsigned bits);

  /// Adds the times of a model whose `matrices` have `formats`.
  void add(llvm::ArrayRef<MatrixLosses> matrices, llvm::ArrayRef<MatrixFormat> formats, const ImageTime &time);

  /// The time of a matrix whose bits have been measured, in milliseconds, interpolated between ranks.
  double milliseconds(const MatrixLosses &matrix, MatrixFormat format) const;
  /// The time of everything else in the fastest model.
  double rest() const { return leastRest; }

private:
  struct Mean {
    double sum = 0;
    int64_t count = 0;
  };
  using ByRank = std::map<int64_t, Mean>;

  /// Keys are texts that name kind, shape and bits.
  std::map<std::string, ByRank> times;
  double leastRest = std::numeric_limits<double>::infinity();
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_KERNELTIMES_H
