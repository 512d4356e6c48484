// Reads a zip archive with libzip. The sizes in its directory are not trusted: a stored entry that is larger than the
// file is refused before memory is allocated for it.
#include "frontend/checkpoint/ZipArchive.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/ScopeExit.h"
#include <zip.h>

using namespace llvm;

namespace vitya {

void ZipArchive::Discard::operator()(struct zip *archive) const { zip_discard(archive); }

Expected<std::unique_ptr<ZipArchive>> ZipArchive::open(MemoryBufferRef file) {
  zip_error_t error;
  zip_error_init(&error);
  scope_exit finish([&] { zip_error_fini(&error); });
  auto fail = [&]() -> Error {
    return makeError("expected a complete zip archive, found one that is truncated or damaged ({0})",
                     zip_error_strerror(&error));
  };
  zip_source_t *source = zip_source_buffer_create(file.getBufferStart(), file.getBufferSize(), /*freep=*/0, &error);
  if (!source)
    return fail();
  auto result = std::make_unique<ZipArchive>();
  result->archive.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!result->archive) {
    zip_source_free(source);
    return fail();
  }
  zip_int64_t count = zip_get_num_entries(result->archive.get(), 0);
  for (zip_int64_t number = 0; number < count; ++number) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr zip_uint64_t needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(result->archive.get(), number, ZIP_FL_ENC_RAW, &stat) != 0 || (stat.valid & needed) != needed)
      return makeError("expected a zip archive with {0} readable entries, found none at number {1}", count, number);
    if (stat.comp_method == ZIP_CM_STORE && stat.size > file.getBufferSize())
      return makeError("expected zip entries within a file of {0} bytes, found '{1}' of {2} bytes",
                       file.getBufferSize(), stat.name, stat.size);
    // libzip 1.7.3 reads out of bounds if an entry has a size but no stored bytes.
    if (stat.comp_method == ZIP_CM_STORE && stat.encryption_method == ZIP_EM_NONE && stat.size != stat.comp_size)
      return makeError("expected stored zip entries of equal sizes, found '{0}' of {1} bytes, {2} stored", stat.name,
                       stat.size, stat.comp_size);
    if (!result->numbers.try_emplace(stat.name, number).second)
      return makeError("expected zip entries of different names, found '{0}' twice", stat.name);
    result->entries.push_back(
        {stat.name, stat.size, stat.comp_method != ZIP_CM_STORE, stat.encryption_method != ZIP_EM_NONE});
  }
  return result;
}

std::optional<uint64_t> ZipArchive::find(StringRef name) const {
  auto found = numbers.find(name);
  return found == numbers.end() ? std::nullopt : std::optional<uint64_t>(found->second);
}

Error ZipArchive::checkStored(uint64_t number) const {
  const Entry &entry = entries[number];
  if (entry.isCompressed || entry.isEncrypted)
    return makeError("expected a stored zip entry, found '{0}' {1}", entry.name,
                     entry.isEncrypted ? "encrypted" : "compressed");
  return Error::success();
}

Expected<std::string> ZipArchive::readWhole(uint64_t number, uint64_t limit) const {
  if (Error error = checkStored(number))
    return std::move(error);
  if (size(number) > limit)
    return makeError("expected at most {0} bytes in '{1}', found {2}", limit, name(number), size(number));
  std::string bytes(size(number), '\0');
  if (Error error = read(number, 0, MutableArrayRef(bytes.data(), bytes.size())))
    return std::move(error);
  return bytes;
}

Error ZipArchive::read(uint64_t number, uint64_t offset, MutableArrayRef<char> into) const {
  if (Error error = checkStored(number))
    return error;
  if (into.empty())
    return Error::success();
  // ZIP_FL_COMPRESSED returns the stored bytes, is seekable and verifies no checksum.
  zip_file_t *file = zip_fopen_index(archive.get(), number, ZIP_FL_COMPRESSED);
  auto fail = [&] {
    return makeError("expected {0} bytes at offset {1} of zip entry '{2}', found the end of the file", into.size(),
                     offset, entries[number].name);
  };
  if (!file)
    return fail();
  scope_exit close([&] { zip_fclose(file); });
  if (zip_fseek(file, offset, SEEK_SET) != 0)
    return fail();
  for (size_t done = 0; done < into.size();) {
    zip_int64_t count = zip_fread(file, into.data() + done, into.size() - done);
    if (count <= 0)
      return fail();
    done += count;
  }
  return Error::success();
}

} // namespace vitya
