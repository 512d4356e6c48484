// Reads the affinity mask (sched_getaffinity) and the CPU quota of control groups: cpu.max of version 2
// (docs.kernel.org/admin-guide/cgroup-v2.html), cpu.cfs_quota_us and cpu.cfs_period_us of version 1
// (docs.kernel.org/scheduler/sched-bwc.html).
#include "runtime/threads/Processors.h"
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace vitya {
namespace {

/// A quota of CPU time per period, in microseconds.
struct Quota {
  long long time = -1, period = -1;

  /// Returns the number of processors rounded up, or 0 if there is no limit.
  int processors() const {
    if (time <= 0 || period <= 0)
      return 0;
    long long count = (time - 1) / period + 1;
    return count < INT_MAX ? static_cast<int>(count) : 0;
  }
};

/// Parses up to `count` numbers at the beginning of the file `folder`/`name`. Returns how many were parsed.
int readNumbers(const char *folder, const char *name, long long *numbers, int count) {
  char path[2 * PATH_MAX], text[64];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  FILE *file = fopen(path, "re");
  if (!file)
    return 0;
  int parsed = 0;
  if (fgets(text, sizeof(text), file))
    for (char *at = text, *end; parsed < count; at = end, ++parsed) {
      numbers[parsed] = strtoll(at, &end, 10);
      if (end == at)
        break;
    }
  fclose(file);
  return parsed;
}

/// Reads the quota of one control group. In version 2, a group without a quota has "max" instead of its first number.
Quota readQuota(const char *folder, bool isVersion2) {
  Quota quota;
  long long numbers[2];
  if (isVersion2) {
    if (readNumbers(folder, "cpu.max", numbers, 2) == 2)
      quota = {numbers[0], numbers[1]};
  } else if (readNumbers(folder, "cpu.cfs_quota_us", numbers, 1) &&
             readNumbers(folder, "cpu.cfs_period_us", numbers + 1, 1)) {
    quota = {numbers[0], numbers[1]};
  }
  return quota;
}

/// Returns whether `list`, which is separated by commas, contains "cpu".
bool listsCpu(const char *list) {
  for (const char *at = list;; ++at) {
    size_t length = strcspn(at, ",");
    if (length == 3 && strncmp(at, "cpu", 3) == 0)
      return true;
    at += length;
    if (!*at)
      return false;
  }
}

/// Returns the smallest quota of the control group `group` below `root` and of its ancestors, or 0 if there is none. In
/// a container, `group` may be a path outside that does not exist here; its ancestors include `root` itself.
int smallestQuota(const char *root, const char *group, bool isVersion2) {
  char folder[PATH_MAX];
  int length = snprintf(folder, sizeof(folder), "%s%s", root, group);
  if (length >= static_cast<int>(sizeof(folder)))
    return 0;
  int smallest = 0;
  for (size_t end = length; end >= strlen(root); --end) {
    if (folder[end] != 0 && folder[end] != '/')
      continue;
    folder[end] = 0;
    int processors = readQuota(folder, isVersion2).processors();
    if (processors && (!smallest || processors < smallest))
      smallest = processors;
  }
  return smallest;
}

int affinityProcessors() {
  // Room for 65536 processors: a mask of cpu_set_t is too small for the largest machines, and the call would fail.
  cpu_set_t masks[64];
  memset(masks, 0, sizeof(masks));
  if (sched_getaffinity(0, sizeof(masks), masks) == 0)
    return CPU_COUNT_S(sizeof(masks), masks);
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

} // namespace

int quotaProcessors(const char *membership, const char *mount) {
  FILE *file = fopen(membership, "re");
  if (!file)
    return 0;
  int smallest = 0;
  char line[PATH_MAX];
  // A line is HIERARCHY:CONTROLLERS:GROUP; the hierarchy of version 2 is 0 and has no controllers.
  while (fgets(line, sizeof(line), file)) {
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!group)
      continue;
    *group++ = 0;
    ++controllers;
    bool isVersion2 = !*controllers;
    if (!isVersion2 && !listsCpu(controllers))
      continue;
    char root[PATH_MAX];
    if (snprintf(root, sizeof(root), "%s%s", mount, isVersion2 ? "" : "/cpu") >= static_cast<int>(sizeof(root)))
      continue;
    int processors = smallestQuota(root, group, isVersion2);
    if (processors && (!smallest || processors < smallest))
      smallest = processors;
  }
  fclose(file);
  return smallest;
}

int availableProcessors() {
  int processors = affinityProcessors(), quota = quotaProcessors("/proc/self/cgroup", "/sys/fs/cgroup");
  if (quota && quota < processors)
    processors = quota;
  return processors < 1 ? 1 : processors;
}

} // namespace vitya
