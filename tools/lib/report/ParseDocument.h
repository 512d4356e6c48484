// Parsing a JSON document into a struct that mirrors it.
#ifndef VITYA_TOOLS_LIB_REPORT_PARSEDOCUMENT_H
#define VITYA_TOOLS_LIB_REPORT_PARSEDOCUMENT_H

#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"

namespace vitya::report {

/// Parses `text`, which `name` calls in errors. The function `fromJSON` of `Document` reports members that are missing
/// or of another type.
template <typename Document>
llvm::Expected<Document> parseDocument(llvm::StringRef text, llvm::StringLiteral name) {
  llvm::Expected<llvm::json::Value> value = parseJson(text);
  if (!value)
    return prefixError("expected JSON of " + name, value.takeError());
  llvm::json::Path::Root root(name);
  Document result;
  if (!fromJSON(*value, result, llvm::json::Path(root)))
    return root.getError();
  return result;
}

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_PARSEDOCUMENT_H
