// The functions of MathFunctions.h on arrays, and sums of rows in the order that Lanes.h defines.
#ifndef VITYA_DIALECT_ARITHMETIC_ARRAYFUNCTIONS_H
#define VITYA_DIALECT_ARITHMETIC_ARRAYFUNCTIONS_H

#include <Eigen/Core>

namespace vitya::numerics {

using FloatArray = Eigen::Map<Eigen::ArrayXf>;
using ConstFloatArray = Eigen::Map<const Eigen::ArrayXf>;

/// Each replaces every element of `values` by the function of it.
void exponentials(FloatArray values);
void gelusErf(FloatArray values);
void gelusTanh(FloatArray values);
void gelusQuick(FloatArray values);
void sigmoidLinears(FloatArray values);
void rectify(FloatArray values);

/// The sum of `row`. Never -0.
float sumOfRow(ConstFloatArray row);
/// The sum of the squares of `row` in the same order; each square is fused with the sum of its lane.
float sumOfSquares(ConstFloatArray row);
/// The sum of `row` with zeros appended up to a multiple of kLanes. Never -0.
float sumOfPaddedRow(ConstFloatArray row);

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_ARRAYFUNCTIONS_H
