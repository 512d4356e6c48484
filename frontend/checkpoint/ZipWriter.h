// Writes a zip archive of stored entries. Equal contents give equal bytes.
#ifndef VITYA_FRONTEND_CHECKPOINT_ZIPWRITER_H
#define VITYA_FRONTEND_CHECKPOINT_ZIPWRITER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <string>

namespace vitya {

/// A zip archive in memory. Each step returns whether it succeeded, and `problem` says why it did not.
class ZipWriter {
public:
  ZipWriter();
  ~ZipWriter();

  bool open();
  /// Adds an entry. `bytes` has to be valid until `close` is called.
  bool add(const std::string &name, llvm::StringRef bytes);
  bool close();
  bool copyTo(llvm::raw_ostream &os);
  std::string problem();

private:
  struct State; // of libzip
  std::unique_ptr<State> state;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_ZIPWRITER_H
