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

// -----

llvm.func @main(%buffer: !llvm.ptr) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  llvm.call @loop(%buffer, %zero, %zero) {vitya.loop} : (!llvm.ptr, i64, i64) -> ()
  llvm.return
}
llvm.func internal @loop(%buffer: !llvm.ptr, %begin: i64, %end: i64) {
  %count = llvm.mlir.constant(9223372036854775807 : i64) : i64
  // expected-error @below {{expected a buffer of less than 2^31 bytes, found 36893488147419103228}}
  %scratch = llvm.alloca %count x f32 : (i64) -> !llvm.ptr
  llvm.return
}

// -----

llvm.func @main(%buffer: !llvm.ptr) {
  // expected-error @below {{expected a call of a function with a body that takes pointers and two i64, and returns nothing}}
  llvm.call @loop(%buffer) {vitya.loop} : (!llvm.ptr) -> ()
  llvm.return
}
llvm.func internal @loop(%buffer: !llvm.ptr) {
  llvm.return
}

// -----

llvm.func @main(%buffer: !llvm.ptr) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  // expected-error @below {{expected a call of a function with a body that takes pointers and two i64, and returns nothing}}
  llvm.call @loop(%buffer, %zero, %zero) {vitya.loop} : (!llvm.ptr, i64, i64) -> ()
  llvm.return
}
llvm.func @loop(!llvm.ptr, i64, i64)

// -----

llvm.func @main(%function: !llvm.ptr, %buffer: !llvm.ptr) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  // expected-error @below {{expected a call of a function with a body that takes pointers and two i64, and returns nothing}}
  llvm.call %function(%buffer, %zero, %zero) {vitya.loop} : !llvm.ptr, (!llvm.ptr, i64, i64) -> ()
  llvm.return
}
