// The functions in f64, in which exported programs with numbers are close to what they mean.
#include "frontend/graph/ElementFunctions.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

namespace vitya {

namespace {

template <typename Function>
struct Named {
  llvm::StringLiteral name;
  Function function;
};

} // namespace

double geluByTanh(double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

template <typename Function>
static Function findNamed(llvm::ArrayRef<Named<Function>> table, llvm::StringRef name) {
  const auto *found = llvm::find_if(table, [&](const Named<Function> &each) { return each.name == name; });
  return found == table.end() ? nullptr : found->function;
}

UnaryFunction findUnaryFunction(llvm::StringRef name) {
  static constexpr Named<UnaryFunction> table[] = {
      {"abs", [](double x) { return std::abs(x); }},
      {"bitwise_not", [](double x) { return x == 0 ? 1.0 : 0.0; }},
      {"ceil", [](double x) { return std::ceil(x); }},
      {"cos", [](double x) { return std::cos(x); }},
      {"erf", [](double x) { return std::erf(x); }},
      {"exp", [](double x) { return std::exp(x); }},
      {"floor", [](double x) { return std::floor(x); }},
      {"gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"log", [](double x) { return std::log(x); }},
      {"logical_not", [](double x) { return x == 0 ? 1.0 : 0.0; }},
      {"neg", [](double x) { return -x; }},
      {"reciprocal", [](double x) { return 1 / x; }},
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"round", [](double x) { return std::nearbyint(x); }},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
      {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"silu", [](double x) { return x / (1 + std::exp(-x)); }},
      {"sin", [](double x) { return std::sin(x); }},
      {"sqrt", [](double x) { return std::sqrt(x); }},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"trunc", [](double x) { return std::trunc(x); }},
  };
  return findNamed<UnaryFunction>(table, name);
}

BinaryFunction findBinaryFunction(llvm::StringRef name) {
  static constexpr Named<BinaryFunction> table[] = {
      {"bitwise_and", [](double x, double y) { return x != 0 && y != 0 ? 1.0 : 0.0; }},
      {"bitwise_or", [](double x, double y) { return x != 0 || y != 0 ? 1.0 : 0.0; }},
      {"eq", [](double x, double y) { return x == y ? 1.0 : 0.0; }},
      {"floor_divide", [](double x, double y) { return std::floor(x / y); }},
      {"ge", [](double x, double y) { return x >= y ? 1.0 : 0.0; }},
      {"gt", [](double x, double y) { return x > y ? 1.0 : 0.0; }},
      {"le", [](double x, double y) { return x <= y ? 1.0 : 0.0; }},
      {"logical_and", [](double x, double y) { return x != 0 && y != 0 ? 1.0 : 0.0; }},
      {"logical_or", [](double x, double y) { return x != 0 || y != 0 ? 1.0 : 0.0; }},
      {"lt", [](double x, double y) { return x < y ? 1.0 : 0.0; }},
      {"maximum", [](double x, double y) { return std::max(x, y); }},
      {"minimum", [](double x, double y) { return std::min(x, y); }},
      {"ne", [](double x, double y) { return x != y ? 1.0 : 0.0; }},
      {"pow", [](double x, double y) { return std::pow(x, y); }},
      {"remainder", [](double x, double y) { return x - y * std::floor(x / y); }},
  };
  return findNamed<BinaryFunction>(table, name);
}

} // namespace vitya
