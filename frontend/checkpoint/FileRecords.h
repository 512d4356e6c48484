// Records that are ranges of one file in memory.
#ifndef VITYA_FRONTEND_CHECKPOINT_FILERECORDS_H
#define VITYA_FRONTEND_CHECKPOINT_FILERECORDS_H

#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Records.h"
#include "llvm/ADT/StringRef.h"
#include <cstring>
#include <vector>

namespace vitya {

struct FileRange {
  uint64_t begin = 0, bytes = 0;
};

class FileRecords : public Records {
public:
  /// The file outlives the records, and the ranges lie within it.
  FileRecords(llvm::StringRef file, std::vector<FileRange> ranges) : file(file), ranges(std::move(ranges)) {}

  uint64_t count() const override { return ranges.size(); }
  uint64_t size(uint64_t number) const override { return ranges[number].bytes; }
  llvm::Error read(uint64_t number, uint64_t offset, llvm::MutableArrayRef<char> into) const override {
    FileRange range = ranges[number];
    if (offset > range.bytes || into.size() > range.bytes - offset)
      return makeError("expected {0} bytes at offset {1}, found the end of the record", into.size(), offset);
    std::memcpy(into.data(), file.data() + range.begin + offset, into.size());
    return llvm::Error::success();
  }

private:
  llvm::StringRef file;
  std::vector<FileRange> ranges;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_FILERECORDS_H
