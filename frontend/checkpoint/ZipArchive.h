// A zip archive in memory whose stored entries can be read. PyTorch compresses source code, but never tensors.
#ifndef VITYA_FRONTEND_CHECKPOINT_ZIPARCHIVE_H
#define VITYA_FRONTEND_CHECKPOINT_ZIPARCHIVE_H

#include "frontend/checkpoint/Records.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct zip; // libzip

namespace vitya {

class ZipArchive : public Records {
public:
  /// Reads the directory of `file`, which outlives the archive. Duplicate entries are refused. Checksums are not
  /// verified, because PyTorch writes wrong ones and ignores them.
  static llvm::Expected<std::unique_ptr<ZipArchive>> open(llvm::MemoryBufferRef file);

  /// Returns the number of the entry `name`.
  std::optional<uint64_t> find(llvm::StringRef name) const;
  llvm::StringRef name(uint64_t number) const { return entries[number].name; }

  /// Fails for an entry that is compressed or encrypted.
  llvm::Error checkStored(uint64_t number) const;

  /// Returns the contents of a stored entry of at most `limit` bytes.
  llvm::Expected<std::string> readWhole(uint64_t number, uint64_t limit) const;

  uint64_t count() const override { return entries.size(); }
  uint64_t size(uint64_t number) const override { return entries[number].size; }
  llvm::Error read(uint64_t number, uint64_t offset, llvm::MutableArrayRef<char> into) const override;

private:
  struct Entry {
    std::string name;
    uint64_t size;
    bool isCompressed, isEncrypted;
  };
  struct Discard {
    void operator()(struct zip *archive) const;
  };

  std::unique_ptr<struct zip, Discard> archive;
  std::vector<Entry> entries;
  llvm::StringMap<uint64_t> numbers;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_ZIPARCHIVE_H
