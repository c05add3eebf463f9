// The examples do what their comments say.

// RUN: hilbert-opt %S/../../examples/image_attention.mlir --hilbert-fuse \
// RUN:   | FileCheck %s --check-prefix=IMAGE --implicit-check-not=reorder --implicit-check-not=restore
// RUN: hilbert-run %S/../../examples/image_attention.mlir --grad --check
// RUN: hilbert-opt %S/../../examples/video_attention.mlir --hilbert-fuse \
// RUN:   | FileCheck %s --check-prefix=VIDEO
// RUN: hilbert-draw %S/../../examples/video_attention.mlir -o %t.svg
// RUN: hilbert-run %S/../../examples/video_attention.mlir --check

// IMAGE: hilbert.attention ins(%arg0, %arg1, %arg2 :
// IMAGE-SAME: order(#hilbert_64x64) pattern<(segment = 256, dilation = 2)>

// VIDEO: hilbert.attention ins(%arg0, %arg1, %arg2 :
// VIDEO-SAME: pattern<(segment = 256) + (segment = 2048, dilation = 4)> causal<token>
