// The number of processors that this process may use.
#ifndef VITYA_RUNTIME_THREADS_PROCESSORS_H
#define VITYA_RUNTIME_THREADS_PROCESSORS_H

namespace vitya {

/// Returns the number of processors in the affinity mask of the calling thread, at most the CPU quota of its control
/// groups rounded up; at least 1.
int availableProcessors();

/// Returns the smallest CPU quota, in processors rounded up, of the control groups listed in `membership`, a file in
/// the format of /proc/self/cgroup, and of their ancestors. `mount` is the folder where control groups are mounted, of
/// version 2 or, with the folder "cpu", of version 1. Returns 0 if there is no quota.
int quotaProcessors(const char *membership, const char *mount);

} // namespace vitya

#endif // VITYA_RUNTIME_THREADS_PROCESSORS_H
