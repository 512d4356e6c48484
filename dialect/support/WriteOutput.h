// Output files that are either complete or absent, and that never replace an input.
#ifndef VITYA_DIALECT_SUPPORT_WRITEOUTPUT_H
#define VITYA_DIALECT_SUPPORT_WRITEOUTPUT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <string>

namespace vitya {

/// Creates or replaces the file `path` ("-" is standard output) with the bytes that `write` puts into its stream. A
/// symbolic link is followed. The bytes go to a temporary file in the same folder, which is renamed at the end; pipes,
/// devices and open descriptors such as /dev/stdout are written directly. On an error of `write` or of the file system,
/// a full disk, a closed pipe or a limit on the size of files included, the temporary file is removed and `path` stays
/// as it was. Fails before `write` is called if the file is an input. Errors of the file system name `path`; an error
/// of `write` is returned unchanged.
llvm::Error writeOutput(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

/// Records that this process reads the regular file `path` ("-" is standard input), so that it cannot become an output
/// under any name or link. A file that cannot be found, or that this process has written itself, is not recorded. For
/// readers that `readInput` does not serve.
void protectInput(llvm::StringRef path);

/// Reads or maps the file `path` ("-" is standard input), and protects it if it can be read. A file with `isText` is
/// followed by a null byte.
llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> readInput(llvm::StringRef path, bool isText = false,
                                                             std::optional<llvm::Align> alignment = std::nullopt);

/// Fails if `path` leads to a file that `protectInput` has recorded.
llvm::Error checkOutput(llvm::StringRef path);

/// Fails if `writeOutput` could not write the file `path`, because it is an input, or because it or its folder cannot
/// be written. Creates nothing: for programs that find out before a long computation.
llvm::Error checkWritable(llvm::StringRef path);

/// The file that `writeOutput` creates or replaces for `path` after all links are followed. There is none if the bytes
/// go to standard output, a pipe, a device or an open descriptor.
std::optional<std::string> replacedFile(llvm::StringRef path);

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_WRITEOUTPUT_H
