// A seccomp filter: a program for the kernel's packet filter machine that decides on each system call by its number and
// its arguments.
#include "runtime/sandbox/Sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vitya {

#if defined(__x86_64__) || defined(__aarch64__)
namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#endif

/// Calls that are allowed with any arguments, the most frequent first.
constexpr unsigned kAllowed[] = {SYS_futex, SYS_read, SYS_write, SYS_clock_gettime,
                                 // Memory. brk and mremap cannot make memory executable.
                                 SYS_munmap, SYS_madvise, SYS_brk, SYS_mremap,
                                 // Files and folders.
                                 SYS_close, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_faccessat2,
                                 SYS_lseek, SYS_pread64, SYS_readv, SYS_writev, SYS_getdents64,
#if defined(__x86_64__)
                                 SYS_access,
#endif
                                 // What the C library calls when threads run for the first time and end, to sort, for
                                 // random numbers, and after a signal that stopped the process. Sanitizers replace the
                                 // signal stack of a thread that ends.
                                 SYS_set_robust_list, SYS_rseq, SYS_sched_getaffinity, SYS_sysinfo, SYS_getrandom,
                                 SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall, SYS_exit,
                                 SYS_exit_group};

/// Calls that are allowed if the bits `mask` of argument `index` are `value`.
struct Condition {
  unsigned call, index, mask, value;
};

constexpr unsigned kAllBits = ~0u;
/// The bits of the flags of openat that create or change a file.
constexpr unsigned kChanges = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
constexpr Condition kConditions[] = {{SYS_mmap, 2, PROT_EXEC, 0},
                                     {SYS_mprotect, 2, PROT_EXEC, 0},
                                     {SYS_openat, 2, kChanges, O_RDONLY},
                                     {SYS_fcntl, 1, kAllBits, F_GETFL},
                                     {SYS_ioctl, 1, kAllBits, TCGETS}};

/// Calls that are also allowed with FileAccess::create.
constexpr unsigned kCreating[] = {
#if defined(__x86_64__)
    SYS_rename, SYS_unlink,   SYS_readlink,
#endif
    SYS_openat, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_readlinkat, SYS_getcwd, SYS_getpid};

/// The instructions of a filter. Each group ends with an answer or continues with the next group.
class Filter {
public:
  explicit Filter(FileAccess files) {
    load(offsetof(seccomp_data, arch));
    answerUnlessEqual(kArchitecture, SECCOMP_RET_ERRNO | EPERM);
    loadCall();
    for (unsigned call : kAllowed)
      allow(call);
    if (files == FileAccess::create)
      for (unsigned call : kCreating)
        allow(call);
    for (const Condition &condition : kConditions)
      allow(condition);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }

  sock_fprog program() { return {size, instructions}; }

private:
  void add(unsigned short code, unsigned value, unsigned char ifTrue = 0, unsigned char ifFalse = 0) {
    instructions[size++] = {code, ifTrue, ifFalse, value};
  }
  void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)); }
  void loadCall() { load(offsetof(seccomp_data, nr)); }
  void answerUnlessEqual(unsigned value, unsigned answer) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    add(BPF_RET | BPF_K, answer);
  }
  void allow(unsigned call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  void allow(const Condition &condition) {
    add(BPF_JMP | BPF_JEQ | BPF_K, condition.call, 0, 5);
    // The low half of a 64-bit argument. No flag is in the high half, and the kernel ignores it for these calls.
    load(offsetof(seccomp_data, args) + 8 * condition.index);
    add(BPF_ALU | BPF_AND | BPF_K, condition.mask);
    add(BPF_JMP | BPF_JEQ | BPF_K, condition.value, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    loadCall();
  }

  sock_filter instructions[256];
  unsigned short size = 0;
};

} // namespace

const char *enterSandbox(FileAccess files) {
  Filter filter(files);
  sock_fprog program = filter.program();
  // Threads share the filter. Without SPEC_ALLOW, older kernels would slow down all code of the process.
  unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  // A process without privileges may only install a filter if it gives up gaining any by execve.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return strerror(errno);
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result > 0)
    return "a thread has another filter";
  return result == 0 ? nullptr : strerror(errno);
}

#else

const char *enterSandbox(FileAccess) { return "no filter for this architecture"; }

#endif

} // namespace vitya
