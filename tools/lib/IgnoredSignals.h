// Signals that a program was started to ignore.
#ifndef VITYA_TOOLS_LIB_IGNOREDSIGNALS_H
#define VITYA_TOOLS_LIB_IGNOREDSIGNALS_H

#include "llvm/ADT/STLFunctionalExtras.h"

namespace vitya {

/// Calls `install`, which installs handlers of signals. Signals that end a program and that this one ignores, as under
/// `nohup` or in the background of a script, stay ignored. LLVM's handlers would remove files that are being written,
/// and the program would go on without them.
void keepIgnoredSignals(llvm::function_ref<void()> install);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_IGNOREDSIGNALS_H
