// The version of the dialect in MLIR bytecode.
#ifndef VITYA_DIALECT_BYTECODE_H
#define VITYA_DIALECT_BYTECODE_H

#include "mlir/Bytecode/BytecodeImplementation.h"

namespace vitya {

class VityaDialect;

/// The version of the ops and attributes that a bytecode file holds. It is raised when older compilers would read new
/// files wrongly, or new compilers old files; an upgrade of old files belongs into `upgradeFromVersion`.
struct BytecodeVersion : mlir::DialectVersion {
  static constexpr uint64_t kCurrent = 1;

  explicit BytecodeVersion(uint64_t number = kCurrent) : number(number) {}

  uint64_t number;
};

/// Lets `dialect` write the current version to bytecode, and refuse files of newer ones.
void addBytecodeInterface(VityaDialect &dialect);

} // namespace vitya

#endif // VITYA_DIALECT_BYTECODE_H
