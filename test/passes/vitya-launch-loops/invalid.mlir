// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-launch-loops

// expected-error @below {{expected an LLVM function @main}}
module {
  func.func @main() {
    return
  }
}

// -----

// expected-error @below {{expected an LLVM function @main}}
module {
  llvm.func @main()
}
