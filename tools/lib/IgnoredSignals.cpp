// Handlers are replaced after their installation, because LLVM has no option for it.
#include "tools/lib/IgnoredSignals.h"
#include <array>
#include <csignal>

void vitya::keepIgnoredSignals(llvm::function_ref<void()> install) {
  static constexpr int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR2};
  std::array<struct sigaction, std::size(signals)> previous;
  for (size_t index = 0; index < previous.size(); ++index)
    sigaction(signals[index], nullptr, &previous[index]);
  install();
  for (size_t index = 0; index < previous.size(); ++index)
    if (previous[index].sa_handler == SIG_IGN)
      sigaction(signals[index], &previous[index], nullptr);
}
