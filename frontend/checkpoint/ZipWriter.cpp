// libzip writes into a buffer in memory.
#include "frontend/checkpoint/ZipWriter.h"
#include "llvm/ADT/ScopeExit.h"
#include <vector>
#include <zip.h>

using namespace llvm;

namespace vitya {

struct ZipWriter::State {
  zip_error_t error;
  zip_source_t *source = nullptr;
  zip_t *archive = nullptr;
};

ZipWriter::ZipWriter() : state(std::make_unique<State>()) { zip_error_init(&state->error); }

ZipWriter::~ZipWriter() {
  if (state->archive)
    zip_discard(state->archive);
  if (state->source)
    zip_source_free(state->source);
  zip_error_fini(&state->error);
}

bool ZipWriter::open() {
  state->source = zip_source_buffer_create(nullptr, 0, /*freep=*/0, &state->error);
  state->archive = state->source ? zip_open_from_source(state->source, ZIP_TRUNCATE, &state->error) : nullptr;
  if (state->archive)
    zip_source_keep(state->source); // the archive takes one reference
  return state->archive;
}

bool ZipWriter::add(const std::string &name, StringRef bytes) {
  zip_source_t *entry = zip_source_buffer(state->archive, bytes.data(), bytes.size(), /*freep=*/0);
  if (!entry)
    return false;
  zip_int64_t index = zip_file_add(state->archive, name.c_str(), entry, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(entry);
    return false;
  }
  constexpr time_t epoch = 315532800; // 1980, the first date of the zip format
  return zip_set_file_compression(state->archive, index, ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_mtime(state->archive, index, epoch, 0) == 0;
}

bool ZipWriter::close() {
  if (zip_close(state->archive) != 0)
    return false;
  state->archive = nullptr;
  return true;
}

bool ZipWriter::copyTo(raw_ostream &os) {
  if (zip_source_open(state->source) != 0)
    return false;
  scope_exit closeSource([&] { zip_source_close(state->source); });
  std::vector<char> buffer(1 << 20);
  zip_int64_t count;
  while ((count = zip_source_read(state->source, buffer.data(), buffer.size())) > 0)
    os.write(buffer.data(), count);
  return count == 0;
}

std::string ZipWriter::problem() {
  return state->archive ? zip_strerror(state->archive) : zip_error_strerror(&state->error);
}

} // namespace vitya
