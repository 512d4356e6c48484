// The choices that a layout leaves to each model.
#ifndef VITYA_FRONTEND_LAYOUT_OPTIONALTENSORS_H
#define VITYA_FRONTEND_LAYOUT_OPTIONALTENSORS_H

#include "frontend/layout/Layout.h"

namespace vitya {

/// The names of the optional tensors and layers of `steps` and the prefixes of its `if` steps without the dot at their
/// end, as they are written, in their order. Registers are not among them: their number says whether there are any.
std::vector<std::string> optionalNames(const Steps &steps);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_OPTIONALTENSORS_H
