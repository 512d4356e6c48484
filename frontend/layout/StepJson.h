// The mapping from JSON to the steps of a layout.
#ifndef VITYA_FRONTEND_LAYOUT_STEPJSON_H
#define VITYA_FRONTEND_LAYOUT_STEPJSON_H

#include "frontend/layout/Layout.h"

namespace vitya {

/// Reads a step and those in it. Where steps of each kind are allowed is not checked.
bool fromJSON(const llvm::json::Value &value, Step &step, llvm::json::Path path);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_STEPJSON_H
