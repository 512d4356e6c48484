// Prints floating-point values with std::to_chars, whose result is the shortest that identifies the value.
#include "dialect/ShortFloat.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>
#include <cstdlib>

using namespace mlir;

namespace vitya {

/// Rewrites `text`, such as 1e-06, to a float literal of the textual IR, which has a decimal point.
static std::string asLiteral(StringRef text) {
  auto [mantissa, exponent] = text.split('e');
  std::string literal = mantissa.str();
  if (!mantissa.contains('.'))
    literal += ".0";
  if (exponent.empty())
    return literal;
  bool isNegative = exponent.consume_front("-");
  exponent.consume_front("+");
  return literal + (isNegative ? "e-" : "e") + exponent.ltrim('0').str();
}

std::string shortFloat(double value) {
  char buffer[32];
  return asLiteral(StringRef(buffer, std::to_chars(buffer, std::end(buffer), value).ptr - buffer));
}

std::string shortFloat(float value) {
  char buffer[32];
  std::string text = asLiteral(StringRef(buffer, std::to_chars(buffer, std::end(buffer), value).ptr - buffer));
  // The parser rounds to f64 first. If rounding twice gives another f32, the digits of the exact f64 are needed.
  bool roundTrips = static_cast<float>(std::strtod(text.c_str(), nullptr)) == value;
  return roundTrips ? text : shortFloat(static_cast<double>(value));
}

void printShortFloat(AsmPrinter &printer, const llvm::APFloat &value) {
  if (!value.isFinite())
    return printer.printFloat(value);
  if (&value.getSemantics() == &llvm::APFloat::IEEEsingle())
    printer << shortFloat(value.convertToFloat());
  else
    printer << shortFloat(value.convertToDouble());
}

ParseResult parseShortFloat(AsmParser &parser, llvm::APFloat &value) {
  return parser.parseFloat(llvm::APFloat::IEEEdouble(), value);
}

void printShortFloat(OpAsmPrinter &printer, Operation *, FloatAttr value) {
  printShortFloat(printer, value.getValue());
}

ParseResult parseShortFloat(OpAsmParser &parser, FloatAttr &value) {
  llvm::APFloat parsed(0.0);
  if (parseShortFloat(parser, parsed))
    return failure();
  value = FloatAttr::get(parser.getBuilder().getF64Type(), parsed);
  return success();
}

void printShortFloats(OpAsmPrinter &printer, Operation *, DenseF32ArrayAttr values) {
  printer << '[';
  llvm::interleaveComma(values.asArrayRef(), printer.getStream(),
                        [&](float value) { printShortFloat(printer, llvm::APFloat(value)); });
  printer << ']';
}

ParseResult parseShortFloats(OpAsmParser &parser, DenseF32ArrayAttr &values) {
  SmallVector<float> parsed;
  auto parseOne = [&]() -> ParseResult {
    llvm::APFloat value(0.0f);
    if (parser.parseFloat(llvm::APFloat::IEEEsingle(), value))
      return failure();
    parsed.push_back(value.convertToFloat());
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOne))
    return failure();
  values = DenseF32ArrayAttr::get(parser.getContext(), parsed);
  return success();
}

} // namespace vitya
