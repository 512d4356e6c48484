// Pass options whose value is an enum. The C++ enum, the spelling of its values and their help texts come from one
// definition: vitya_add_pass_library() generates the enum from the Passes.td of a folder into PassEnums.h.inc.
#ifndef VITYA_PASSES_ENUMOPTION
#define VITYA_PASSES_ENUMOPTION

include "mlir/IR/EnumAttr.td"
include "mlir/Pass/PassBase.td"

// A value of an option: its C++ enumerator, which is also its spelling unless one is given, and its help text.
class OptionValue<string symbol, int value, string helpText, string spelling = symbol>
    : I32EnumCase<symbol, value, spelling> {
  string help = helpText;
}

// The C++ enum vitya::NAME with stringifyNAME() and symbolizeNAME().
class OptionEnum<string name, string summary, list<OptionValue> optionValues>
    : I32Enum<name, summary, optionValues> {
  let cppNamespace = "::vitya";
  string qualifiedName = "::vitya::" # name;
  string commandLineValues = "::llvm::cl::values(" # !interleave(
      !foreach(each, optionValues,
               "clEnumValN(" # qualifiedName # "::" # each.symbol # ", \"" # each.str # "\", \"" # each.help # "\")"),
      ", ") # ")";
}

// The option NAME of a pass with the values of `type`; it is written as `argument`.
class EnumOption<string name, OptionEnum type, OptionValue default, string description, string argument = name>
    : Option<name, argument, type.qualifiedName, type.qualifiedName # "::" # default.symbol, description,
             type.commandLineValues>;

#endif // VITYA_PASSES_ENUMOPTION
