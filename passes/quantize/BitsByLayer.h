// How many bits the weights of each layer have.
#ifndef VITYA_PASSES_QUANTIZE_BITSBYLAYER_H
#define VITYA_PASSES_QUANTIZE_BITSBYLAYER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <string>
#include <vector>

namespace vitya {

/// The number of bits of the weights of each layer, 4 to 8: that of the first rule whose pattern matches the name of
/// the layer, or a default, 8 unless it is given. As text: rules PATTERN:N, separated by commas, and perhaps the
/// default at the end, such as "head:8,.*mlp.*:4,6".
class BitsByLayer {
public:
  struct Rule {
    std::string pattern; ///< a regular expression
    unsigned bits;
  };

  /// Parses the text; an error says what is wrong with it.
  static llvm::Expected<BitsByLayer> parse(llvm::StringRef text);

  /// The first rule that matches one of `names`, those of a layer; null if none does.
  const Rule *ruleOf(llvm::ArrayRef<llvm::StringRef> names) const;
  /// The bits of the layer that has one of `names`.
  unsigned bitsOf(llvm::ArrayRef<llvm::StringRef> names) const {
    const Rule *rule = ruleOf(names);
    return rule ? rule->bits : otherwise.value_or(8);
  }
  /// Whether nothing was given.
  bool isEmpty() const { return rules.empty() && !otherwise; }
  llvm::ArrayRef<Rule> getRules() const { return rules; }

  friend llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const BitsByLayer &bits);

private:
  std::vector<Rule> rules;
  std::optional<unsigned> otherwise;
};

/// Whether the regular expression `pattern` matches one of `names`.
bool matchesAny(llvm::StringRef pattern, llvm::ArrayRef<llvm::StringRef> names);

} // namespace vitya

namespace llvm::cl {

/// Makes BitsByLayer the type of an option of a pass.
template <>
class parser<vitya::BitsByLayer> : public basic_parser<vitya::BitsByLayer> {
public:
  using basic_parser::basic_parser;
  bool parse(Option &option, StringRef name, StringRef text, vitya::BitsByLayer &result);
  StringRef getValueName() const override { return "[PATTERN:N,...][N]"; }
  void printOptionDiff(const Option &option, const vitya::BitsByLayer &, const OptionValue<vitya::BitsByLayer> &,
                       size_t width) const {
    this->printOptionNoValue(option, width);
  }
};

} // namespace llvm::cl

#endif // VITYA_PASSES_QUANTIZE_BITSBYLAYER_H
