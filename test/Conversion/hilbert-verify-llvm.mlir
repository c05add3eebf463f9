// RUN: hilbert-opt %s --hilbert-verify-llvm --split-input-file --verify-diagnostics

llvm.func @callee()
llvm.func @fine(%x: i64) -> i64 {
  llvm.call @callee() : () -> ()
  llvm.return %x : i64
}

// -----

module @empty {
}

// -----

llvm.mlir.global internal constant @text("abc")
module @inner {
  llvm.func @fine()
}

// -----

// expected-error @below {{only llvm ops may remain after lowering to llvm, but got 'func.func'}}
func.func private @declaration()

// -----

llvm.func @arith() -> i64 {
  // expected-error @below {{only llvm ops may remain after lowering to llvm, but got 'arith.constant'}}
  %0 = arith.constant 0 : i64
  llvm.return %0 : i64
}

// -----

llvm.func @cast(%x: i64) -> i64 {
  // expected-error @below {{only llvm ops may remain after lowering to llvm, but got 'builtin.unrealized_conversion_cast'}}
  %0 = builtin.unrealized_conversion_cast %x : i64 to index
  llvm.return %x : i64
}

// -----

llvm.func @permutation() {
  // expected-error @below {{only llvm ops may remain after lowering to llvm, but got 'hilbert.permutation'}}
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [2, 2]>) : memref<4xi32>
  llvm.return
}

// -----

// An op comes before those in its regions.
// expected-error @below {{only llvm ops may remain after lowering to llvm, but got 'func.func'}}
func.func @outer() -> i64 {
  %0 = arith.constant 0 : i64
  return %0 : i64
}

// -----

// The first is enough.
llvm.func @first() {
  // expected-error @below {{only llvm ops may remain after lowering to llvm, but got 'arith.constant'}}
  %0 = arith.constant 0 : i64
  %1 = arith.constant 1 : i64
  llvm.return
}
