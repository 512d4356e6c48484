// The format is specified in "Trace Event Format" (Google, 2016): complete events "X" have a start and a duration in
// microseconds, metadata events "M" name processes and threads.
#include "runtime/main/TraceFile.h"
#include "runtime/main/Commands.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vitya {
namespace {

int64_t firstBegin(const Trace &trace) {
  int64_t first = INT64_MAX;
  for (int i = 0; i < trace.threads; ++i)
    if (trace.tracks[i].count > 0 && trace.tracks[i].events[0].begin < first)
      first = trace.tracks[i].events[0].begin;
  return first;
}

void print(const vitya_model &model, const Trace &trace, FILE *file) {
  fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, "
        "\"args\": {\"name\": ",
        file);
  printJsonString(model.name, file);
  fputs("}}", file);
  int64_t start = firstBegin(trace);
  for (int thread = 0; thread < trace.threads; ++thread) {
    fprintf(
        file,
        ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": %d, \"args\": {\"name\": \"thread %d\"}}",
        thread, thread);
    const Trace::Track &track = trace.tracks[thread];
    for (int64_t i = 0; i < track.count; ++i) {
      const Trace::Event &event = track.events[i];
      fputs(",\n{\"name\": ", file);
      printJsonString(model.layer_names[event.layer], file);
      fputs(", \"cat\": ", file);
      const vitya_kernel *kernel = findKernel(model, event.body);
      printJsonString(kernel ? kernel->name : "", file);
      fprintf(
          file, ", \"ph\": \"X\", \"pid\": 1, \"tid\": %d, \"ts\": %.3f, \"dur\": %.3f, \"args\": {\"image\": %lld}}",
          thread, 1e-3 * (event.begin - start), 1e-3 * (event.end - event.begin), static_cast<long long>(event.image));
    }
  }
  fputs("\n]}\n", file);
}

/// Writes the trace to the file `path`, which is created if `isNew` and must exist otherwise. Returns 0 or an error
/// number.
int writeTo(const char *path, bool isNew, const vitya_model &model, const Trace &trace) {
  int descriptor = open(path, O_WRONLY | O_CLOEXEC | (isNew ? O_CREAT | O_EXCL : 0), 0666);
  if (descriptor < 0)
    return errno;
  FILE *file = fdopen(descriptor, "w");
  if (!file) {
    close(descriptor);
    return ENOMEM;
  }
  print(model, trace, file);
  errno = 0;
  bool isWritten = fflush(file) == 0 && !ferror(file);
  int error = isWritten ? 0 : errno ? errno : EIO;
  return fclose(file) == 0 || error ? error : errno;
}

/// Writes a new file beside `path` and gives it that name. Returns 0 or an error number.
int replaceFile(const char *path, const vitya_model &model, const Trace &trace) {
  char part[PATH_MAX];
  if (snprintf(part, sizeof(part), "%s.%d", path, getpid()) >= static_cast<int>(sizeof(part)))
    return ENAMETOOLONG;
  int error = writeTo(part, /*isNew=*/true, model, trace);
  if (error == EEXIST)
    return error;
  if (!error && rename(part, path) != 0)
    error = errno;
  if (error)
    unlink(part);
  return error;
}

} // namespace

bool writeTrace(const vitya_model &model, const Trace &trace, const char *path, char *error, size_t errorSize) {
  bool isComplete = trace.tracks;
  for (int i = 0; isComplete && i < trace.threads; ++i)
    isComplete = !trace.tracks[i].isIncomplete;
  if (!isComplete) {
    snprintf(error, errorSize, "expected memory for a trace, found too little");
    return false;
  }
  // Links are followed; devices and pipes are written to, not replaced.
  char target[PATH_MAX];
  struct stat status;
  bool isFile = stat(path, &status) != 0 || S_ISREG(status.st_mode);
  int found = isFile ? replaceFile(realpath(path, target) ? target : path, model, trace)
                     : writeTo(path, /*isNew=*/false, model, trace);
  if (found)
    snprintf(error, errorSize, "expected a file that can be written at '%s', found: %s", path, strerror(found));
  return !found;
}

} // namespace vitya
