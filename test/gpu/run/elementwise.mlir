// Every elementwise op, in three types, and scalars that are computed.

func.func @elementwise(%a: tensor<1000x77xf32>, %b: tensor<1000x77xf32>, %c: tensor<3x5xbf16>,
                       %d: tensor<3x5xbf16>, %h: tensor<3x5xf16>, %s: f32)
    -> (tensor<1000x77xf32>, tensor<1000x77xf32>, tensor<3x5xbf16>, tensor<3x5xf16>, tensor<4x4xf32>,
        tensor<1000x77xf32>, tensor<3x5xbf16>) {
  %one = arith.constant dense<1.0> : tensor<1000x77xf32>
  %0 = math.exp %a : tensor<1000x77xf32>
  %1 = arith.addf %0, %one : tensor<1000x77xf32>
  %2 = arith.divf %b, %1 : tensor<1000x77xf32>
  %3 = arith.negf %2 : tensor<1000x77xf32>
  %4 = arith.subf %3, %a : tensor<1000x77xf32>
  %5 = arith.mulf %4, %b : tensor<1000x77xf32>
  %6 = arith.mulf %c, %d : tensor<3x5xbf16>
  %7 = math.exp %6 : tensor<3x5xbf16>
  %8 = arith.addf %7, %c : tensor<3x5xbf16>
  %9 = arith.extf %h : tensor<3x5xf16> to tensor<3x5xf32>
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [0.5, 0.25, 0.125, -1.0, -2.0],
                             [9.0, 8.0, 7.0, 6.0, 5.0]]> : tensor<3x5xf32>
  %10 = arith.mulf %9, %w : tensor<3x5xf32>
  %11 = arith.truncf %10 : tensor<3x5xf32> to tensor<3x5xf16>
  %two = arith.constant 2.0 : f32
  %12 = arith.mulf %s, %two : f32
  %13 = tensor.splat %12 : tensor<4x4xf32>
  %14 = arith.maximumf %0, %b : tensor<1000x77xf32>
  %15 = math.log %14 : tensor<1000x77xf32>
  %16 = arith.maximumf %c, %7 : tensor<3x5xbf16>
  %17 = math.log %16 : tensor<3x5xbf16>
  return %2, %5, %8, %11, %13, %15, %17 : tensor<1000x77xf32>, tensor<1000x77xf32>, tensor<3x5xbf16>,
      tensor<3x5xf16>, tensor<4x4xf32>, tensor<1000x77xf32>, tensor<3x5xbf16>
}
