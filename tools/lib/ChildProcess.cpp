// LLVM removes temporary files before it calls the function for interrupts.
#include "tools/lib/ChildProcess.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include <atomic>
#include <csignal>

using namespace llvm;

/// The program that this one waits for, or 0.
static std::atomic<sys::procid_t> running = 0;
/// Whether a program starts whose number is not yet known, and whether a signal came.
static std::atomic<bool> starting = false, interrupted = false;

/// Ends the running program and this one.
static void endBoth() {
  interrupted = true;
  if (starting)
    return;
  if (sys::procid_t program = running)
    kill(program, SIGTERM);
  (void)std::raise(SIGTERM);
}

int vitya::executeAndWait(StringRef path, ArrayRef<StringRef> command, ArrayRef<std::optional<StringRef>> redirects,
                          std::string &message) {
  starting = true;
  sys::SetInterruptFunction(endBoth);
  sys::ProcessInfo process =
      sys::ExecuteNoWait(path, command, /*Env=*/std::nullopt, redirects, /*MemoryLimit=*/0, &message);
  running = process.Pid;
  starting = false;
  if (interrupted)
    endBoth();
  int status = process.Pid == sys::ProcessInfo::InvalidPid
                   ? -1
                   : sys::Wait(process, /*SecondsToWait=*/std::nullopt, &message).ReturnCode;
  running = 0;
  sys::SetInterruptFunction(nullptr);
  return status;
}
