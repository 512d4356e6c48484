// Parses and prints the bits of layers.
#include "passes/quantize/BitsByLayer.h"
#include "dialect/QuantTypes.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Regex.h"

using llvm::StringRef;

namespace vitya {

constexpr unsigned kMostWeightBits = 8;

bool matchesAny(StringRef pattern, llvm::ArrayRef<StringRef> names) {
  llvm::Regex regex(pattern);
  return llvm::any_of(names, [&](StringRef name) { return regex.match(name); });
}

llvm::Expected<BitsByLayer> BitsByLayer::parse(StringRef text) {
  BitsByLayer result;
  llvm::SmallVector<StringRef> elements;
  text.split(elements, ',');
  for (StringRef element : elements) {
    auto [pattern, number] = element.rsplit(':');
    bool isDefault = !element.contains(':');
    unsigned bits = 0;
    if ((isDefault ? element : number).getAsInteger(10, bits))
      return makeError("expected PATTERN:N, or N at the end, found '{0}'", element);
    if (bits < kLeastWeightBits || bits > kMostWeightBits)
      return makeError("expected from {0} to {1} bits, found '{2}'", kLeastWeightBits, kMostWeightBits, element);
    if (isDefault) {
      if (element.end() != text.end())
        return makeError("expected bits without a pattern at the end, found '{0}' before '{1}'", element,
                         StringRef(element.end() + 1, text.end() - element.end() - 1));
      result.otherwise = bits;
      continue;
    }
    if (std::string problem; !llvm::Regex(pattern).isValid(problem))
      return makeError("expected a regular expression before ':', found '{0}': {1}", pattern, problem);
    result.rules.push_back({pattern.str(), bits});
  }
  return result;
}

const BitsByLayer::Rule *BitsByLayer::ruleOf(llvm::ArrayRef<StringRef> names) const {
  for (const Rule &rule : rules)
    if (matchesAny(rule.pattern, names))
      return &rule;
  return nullptr;
}

llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const BitsByLayer &bits) {
  for (const BitsByLayer::Rule &rule : bits.rules)
    os << rule.pattern << ':' << rule.bits << ',';
  return os << bits.otherwise.value_or(8);
}

} // namespace vitya

bool llvm::cl::parser<vitya::BitsByLayer>::parse(Option &option, StringRef, StringRef text,
                                                 vitya::BitsByLayer &result) {
  llvm::Expected<vitya::BitsByLayer> parsed = vitya::BitsByLayer::parse(text);
  if (!parsed)
    return option.error(toString(parsed.takeError()));
  result = std::move(*parsed);
  return false;
}
