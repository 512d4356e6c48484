// Position embeddings that are computed or interpolated.
#ifndef VITYA_FRONTEND_IMPORT_POSITIONEMBEDDING_H
#define VITYA_FRONTEND_IMPORT_POSITIONEMBEDDING_H

#include "frontend/import/Geometry.h"
#include "llvm/ADT/ArrayRef.h"

namespace vitya {

/// Interpolates `values`, which hold `columns` numbers for each patch of grid `from`, to grid `to`. The arithmetic is
/// in f64 and rounded once.
std::vector<float> interpolatePositions(llvm::ArrayRef<float> values, int64_t columns, Grid from, Grid to,
                                        Interpolation method);

/// Whether a position embedding of this form has rows for the tokens before the patches too.
bool coversAllTokens(SinusoidalForm form);

/// Computes a position embedding of `columns` numbers for each patch of `grid`, after `before` rows of other tokens if
/// the form covers them. `columns` is a multiple of `sinusoidalGranularity(form)`.
std::vector<float> computePositions(SinusoidalForm form, Grid grid, int64_t before, int64_t columns);

/// Returns the number that divides the columns of position embeddings of this form.
int64_t sinusoidalGranularity(SinusoidalForm form);

/// Cosines and sines of the angles of tokens, `pairs` for each.
struct RotaryTable {
  std::vector<float> cos, sin;
};

/// Computes the angles of the patches of `grid`, after those of `before` other tokens, which are 0. `pairs` is a
/// multiple of `rotaryGranularity(form)`.
RotaryTable computeRotaryTable(RotaryForm form, Grid grid, int64_t before, int64_t pairs);

/// Returns the base whose negative powers are the frequencies of the angles (`rope_theta`).
double rotaryBase(RotaryForm form);

/// Returns the number that divides the pairs of a head.
int64_t rotaryGranularity(RotaryForm form);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_POSITIONEMBEDDING_H
