// hilbert-run: --shape=0:1x100x4x64 --shape=1:1x100x4x64 --shape=2:1x100x4x64
// hilbert-run: --shape=3:1x100x4x64 --shape=4:1x4x100
// Results in the caller's memory; %v is read, and then written.

!m = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!t = tensor<?x?x?x64xbf16>

func.func @memref(%q: !m, %k: !m, %v: !m, %out: !m, %lse: memref<?x?x?xf32>) {
  %0 = bufferization.to_tensor %q restrict : !m to !t
  %1 = bufferization.to_tensor %k restrict : !m to !t
  %2 = bufferization.to_tensor %v restrict : !m to !t
  %3 = bufferization.to_tensor %out restrict writable : !m to !t
  %4 = bufferization.to_tensor %lse restrict writable : memref<?x?x?xf32> to tensor<?x?x?xf32>
  %r:2 = hilbert.attention ins(%0, %1, %2 : !t, !t, !t) outs(%3, %4 : !t, tensor<?x?x?xf32>)
  bufferization.materialize_in_destination %r#0 in restrict writable %out : (!t, !m) -> ()
  bufferization.materialize_in_destination %r#1 in restrict writable %lse
      : (tensor<?x?x?xf32>, memref<?x?x?xf32>) -> ()
  %sum = arith.addf %2, %0 : !t
  bufferization.materialize_in_destination %sum in restrict writable %v : (!t, !m) -> ()
  return
}
