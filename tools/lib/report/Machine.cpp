// Asks Linux.
#include "tools/lib/report/Machine.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include "llvm/TargetParser/Host.h"
#include <cstdlib>
#include <ctime>
#include <sys/utsname.h>

using namespace llvm;

namespace vitya::report {

/// The name that the maker gives the processor, or that which LLVM gives it.
static std::string processorName() {
  auto file = MemoryBuffer::getFileAsStream("/proc/cpuinfo");
  if (file) {
    StringRef text = (*file)->getBuffer();
    if (size_t start = text.find("model name"); start != StringRef::npos)
      return text.substr(start).split('\n').first.split(':').second.trim().str();
  }
  return sys::getHostCPUName().str();
}

void describeMachine(Machine &machine) {
  machine.processor = processorName();
  machine.processors = static_cast<int64_t>(hardware_concurrency().compute_thread_count());
  utsname names;
  if (uname(&names) == 0)
    machine.system = formatv("{0} {1} {2}", names.sysname, names.release, names.machine);
}

double loadAverage() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

std::string digestOf(StringRef path) {
  if (!sys::fs::is_regular_file(path))
    return "";
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return "";
  XXH128_hash_t hash = xxh3_128bits(arrayRefFromStringRef((*file)->getBuffer()));
  return utohexstr(hash.high64, /*LowerCase=*/true, 16) + utohexstr(hash.low64, /*LowerCase=*/true, 16);
}

std::string presentTime() {
  std::time_t now = std::time(nullptr);
  std::tm parts;
  char text[32];
  size_t size = gmtime_r(&now, &parts) ? std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &parts) : 0;
  return std::string(text, size);
}

std::string shellWord(StringRef word) {
  bool isPlain =
      !word.empty() && all_of(word, [](char c) { return isAlnum(c) || StringRef("-_=./,:+@%").contains(c); });
  if (isPlain)
    return word.str();
  std::string result = "'";
  for (char c : json::fixUTF8(word))
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

} // namespace vitya::report
