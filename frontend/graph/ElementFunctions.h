// Operators that compute each element of their result from one element of each operand.
#ifndef VITYA_FRONTEND_GRAPH_ELEMENTFUNCTIONS_H
#define VITYA_FRONTEND_GRAPH_ELEMENTFUNCTIONS_H

#include "llvm/ADT/StringRef.h"

namespace vitya {

using UnaryFunction = double (*)(double);
using BinaryFunction = double (*)(double, double);

/// GELU as its approximation by tanh.
double geluByTanh(double x);

/// Return the function that operator `name` applies to each element, or null. Truth values are 0 and 1.
UnaryFunction findUnaryFunction(llvm::StringRef name);
BinaryFunction findBinaryFunction(llvm::StringRef name);

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_ELEMENTFUNCTIONS_H
