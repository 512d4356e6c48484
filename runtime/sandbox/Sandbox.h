// Gives up the rights that running a model does not need.
#ifndef VITYA_RUNTIME_SANDBOX_SANDBOX_H
#define VITYA_RUNTIME_SANDBOX_SANDBOX_H

namespace vitya {

/// What a sandboxed process may do to files.
enum class FileAccess { read, create };

/// From now on, the kernel refuses to this process, with all its threads, every system call except for: reading files,
/// writing to those that are open, mapping memory that is not executable, waiting, and ending. New threads and
/// processes, sockets and signals are refused, and so are creating, changing and removing files unless `files` is
/// `create`. Refused calls fail with EPERM. It cannot be undone.
///
/// Uses seccomp (docs.kernel.org/userspace-api/seccomp_filter.html). Returns null, or the reason if the kernel has no
/// such filter or refuses it.
const char *enterSandbox(FileAccess files);

} // namespace vitya

#endif // VITYA_RUNTIME_SANDBOX_SANDBOX_H
