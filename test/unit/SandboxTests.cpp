// Tests of the sandbox, each in a process of its own, because a sandbox cannot be left.
#include "runtime/sandbox/Sandbox.h"
#include "runtime/threads/Pool.h"
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <signal.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using vitya::FileAccess;

constexpr int kRefusedByKernel = 100;

/// Runs `check` in a child process that has entered the sandbox, and returns its result, a number below 100, or
/// kRefusedByKernel if the kernel has no sandbox. `prepare` runs before the sandbox is entered.
template <typename Check>
int inSandbox(FileAccess files, Check check, void (*prepare)() = [] {}) {
  pid_t child = fork();
  if (child == 0) {
    prepare();
    if (vitya::enterSandbox(files))
      _exit(kRefusedByKernel);
    _exit(check());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define EXPECT_IN_SANDBOX(EXPECTED, ...)                                                                               \
  do {                                                                                                                 \
    int result = inSandbox(__VA_ARGS__);                                                                               \
    if (result == kRefusedByKernel)                                                                                    \
      GTEST_SKIP() << "the kernel refuses the sandbox";                                                                \
    EXPECT_EQ(result, EXPECTED);                                                                                       \
  } while (false)

/// A file with the text "text", which is removed at the end.
class File {
public:
  File() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vitya-sandbox-XXXXXX").string();
    int descriptor = mkstemp(pattern.data());
    EXPECT_EQ(write(descriptor, "text", 4), 4);
    close(descriptor);
    path = pattern;
  }
  ~File() {
    std::filesystem::remove(path);
    std::filesystem::remove(path + ".new");
  }
  std::string path;
};

bool isRefused(long result) { return result == -1 && errno == EPERM; }

TEST(Sandbox, RefusesWhatRunningAModelDoesNotNeed) {
  File file;
  const char *path = file.path.c_str();
  // The result is the number of the first call that is not refused.
  EXPECT_IN_SANDBOX(0, FileAccess::read, [&] {
    char *arguments[] = {const_cast<char *>("true"), nullptr};
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void *memory = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto refused = [](void *mapped) { return mapped == MAP_FAILED && errno == EPERM; };
    bool results[] = {isRefused(socket(AF_INET, SOCK_STREAM, 0)),
                      isRefused(socket(AF_UNIX, SOCK_STREAM, 0)),
                      isRefused(open(path, O_WRONLY)),
                      isRefused(open(path, O_RDWR)),
                      isRefused(open(path, O_RDONLY | O_TRUNC)),
                      isRefused(open((file.path + ".new").c_str(), O_WRONLY | O_CREAT, 0600)),
                      isRefused(unlink(path)),
                      isRefused(rename(path, (file.path + ".new").c_str())),
                      isRefused(chmod(path, 0777)),
                      isRefused(fork()),
                      isRefused(execv("/bin/true", arguments)),
                      isRefused(kill(getppid(), 0)),
                      refused(mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
                      isRefused(mprotect(memory, page, PROT_READ | PROT_EXEC)),
                      isRefused(syscall(SYS_bpf, 0, nullptr, 0))};
    for (size_t i = 0; i < std::size(results); ++i)
      if (!results[i])
        return static_cast<int>(i) + 1;
    return 0;
  });
  std::ifstream text(file.path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(text), {}), "text");
}

TEST(Sandbox, AllowsReadingAndMapping) {
  File file;
  EXPECT_IN_SANDBOX(0, FileAccess::read, [&] {
    int descriptor = open(file.path.c_str(), O_RDONLY);
    char text[4];
    if (descriptor < 0 || read(descriptor, text, 4) != 4 || text[3] != 't')
      return 1;
    void *mapped = mmap(nullptr, 4, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapped == MAP_FAILED || *static_cast<char *>(mapped) != 't')
      return 2;
    std::vector<char> large(size_t(64) << 20, 1);
    if (large.back() != 1)
      return 3;
    return access(file.path.c_str(), R_OK) == 0 ? 0 : 4;
  });
}

vitya::Pool *pool;

/// Counts the threads' calls that are refused.
void countRefused(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<int *>(captures[0])[i] = isRefused(socket(AF_INET, SOCK_STREAM, 0));
}

TEST(Sandbox, HoldsForThreadsThatExist) {
  EXPECT_IN_SANDBOX(
      64, FileAccess::read,
      [] {
        int refused[64] = {}, sum = 0;
        void *captures[] = {refused};
        vitya::runOnPool(pool, 64, countRefused, captures);
        for (int each : refused)
          sum += each;
        vitya::destroyPool(pool);
        return sum;
      },
      [] { pool = vitya::createPool(4); });
}

TEST(Sandbox, MayAllowCreatingFiles) {
  File file;
  EXPECT_IN_SANDBOX(0, FileAccess::create, [&] {
    std::string path = file.path + ".new";
    int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (descriptor < 0 || write(descriptor, "new", 3) != 3)
      return 1;
    if (rename(path.c_str(), file.path.c_str()) != 0)
      return 2;
    if (unlink(file.path.c_str()) != 0)
      return 3;
    return isRefused(socket(AF_INET, SOCK_STREAM, 0)) ? 0 : 4;
  });
}

} // namespace
