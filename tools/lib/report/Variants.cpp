// Parses variants and lists the usual ones.
#include "tools/lib/report/Variants.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/StringSaver.h"

using namespace llvm;

namespace vitya::report {
namespace {

/// The options of vitya-compile that a variant can have: those that choose a compression, of which the first one looks
/// at no images and the last one alone has nothing to report, then others.
constexpr StringLiteral kCompressions[] = {"precision",   "low-rank", "quantize", "max-bytes",
                                           "max-latency", "max-kl",   "max-drop", "smooth"};
constexpr StringLiteral kOthers[] = {"cascade", "validate", "cpu"};

constexpr StringRef kWithoutImages[] = {
    "low rank 1/2=--low-rank=keep=0.5",         "low rank 1/4=--low-rank=keep=0.25",
    "dynamic 8 bits=--quantize=dynamic",        "dynamic 6 bits=--quantize=dynamic,bits=6",
    "dynamic 4 bits=--quantize=dynamic,bits=4",
};

constexpr StringRef kWithImages[] = {
    "low rank 1/2=--low-rank=keep=0.5,method=joint",
    "low rank 1/4=--low-rank=keep=0.25,method=joint",
    "dynamic 8 bits=--quantize=dynamic",
    "dynamic 6 bits=--quantize=dynamic,bits=6",
    "dynamic 4 bits=--quantize=dynamic,bits=4",
    "static 8 bits=--quantize=static",
    "static 6 bits=--quantize=static,bits=6",
    "static 4 bits=--quantize=static,bits=4",
    "low rank 1/2, static 8 bits=--low-rank=keep=0.5,method=joint --quantize=static",
    "low rank 1/4, static 8 bits=--low-rank=keep=0.25,method=joint --quantize=static",
};

/// The name of the option `text`, --NAME=VALUE; empty if it has another form.
StringRef nameOfOption(StringRef text) {
  return text.consume_front("--") && text.contains('=') ? text.split('=').first : StringRef();
}

Expected<Variant> parseVariant(StringRef text) {
  auto [name, options] = text.split('=');
  Variant variant;
  variant.name = name.trim().str();
  if (variant.name.empty() || !text.contains('='))
    return makeError("expected --variant to be NAME=OPTIONS, found '{0}'", text);
  if (!json::isUTF8(variant.name) || escapeControls(variant.name) != variant.name)
    return makeError("expected the name of a variant to be UTF-8 without control characters, found '{0}'",
                     variant.name);
  BumpPtrAllocator allocator;
  StringSaver saver(allocator);
  SmallVector<const char *> tokens;
  cl::TokenizeGNUCommandLine(options, saver, tokens);
  for (StringRef token : tokens) {
    StringRef option = nameOfOption(token);
    if (!is_contained(kCompressions, option) && !is_contained(kOthers, option))
      return makeError("expected the options of variant '{0}' to be among --{1}=, --{2}=, found '{3}'", variant.name,
                       join(ArrayRef(kCompressions), "=, --"), join(ArrayRef(kOthers), "=, --"), token);
    variant.options.push_back(token.str());
  }
  return variant;
}

} // namespace

Expected<std::vector<Variant>> makeVariants(ArrayRef<std::string> texts, bool hasCalibration) {
  std::vector<Variant> variants(1);
  variants.front().name = kOriginalName.str();
  auto add = [&](StringRef text) -> Error {
    Expected<Variant> variant = parseVariant(text);
    if (!variant)
      return variant.takeError();
    if (any_of(variants, [&](const Variant &other) { return other.name == variant->name; }))
      return makeError("expected variants of different names{0}, found two named '{1}'",
                       variant->name == kOriginalName ? ", of which the first one is that of the model as it is" : "",
                       variant->name);
    variants.push_back(std::move(*variant));
    return Error::success();
  };
  for (const std::string &text : texts)
    if (Error error = add(text))
      return std::move(error);
  if (texts.empty())
    for (StringRef text : hasCalibration ? ArrayRef(kWithImages) : ArrayRef(kWithoutImages))
      cantFail(add(text));
  return variants;
}

static bool hasOption(const Variant &variant, ArrayRef<StringLiteral> names) {
  return any_of(variant.options, [&](StringRef option) { return is_contained(names, nameOfOption(option)); });
}

bool looksAtImages(const Variant &variant) { return hasOption(variant, ArrayRef(kCompressions).drop_front()); }
bool isReported(const Variant &variant) { return hasOption(variant, ArrayRef(kCompressions).drop_back()); }

} // namespace vitya::report
