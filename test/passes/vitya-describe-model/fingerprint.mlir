// The fingerprint follows the structure and the weights, not the names of values or locations.

// RUN: vitya-opt %s --vitya-describe-model | grep -o 'fingerprint = "[0-9a-f]*"' > %t.original
// RUN: sed 's/%w\b/%weight/g' %s | vitya-opt --vitya-describe-model | grep -o 'fingerprint = "[0-9a-f]*"' > %t.renamed
// RUN: sed 's/dense<0.5>/dense<0.25>/' %s | vitya-opt --vitya-describe-model | grep -o 'fingerprint = "[0-9a-f]*"' > %t.weights
// RUN: sed 's/erf/tanh/' %s | vitya-opt --vitya-describe-model | grep -o 'fingerprint = "[0-9a-f]*"' > %t.structure
// RUN: diff %t.original %t.renamed
// RUN: not diff %t.original %t.weights
// RUN: not diff %t.original %t.structure

func.func @main(%x: tensor<5x8xf32>) -> tensor<5x4xf32> {
  %w = arith.constant dense<0.5> : tensor<4x8xf32>
  %0 = vitya.linear "fc" %x, %w : tensor<5x8xf32>, tensor<4x8xf32> -> tensor<5x4xf32>
  %1 = vitya.gelu erf %0 : tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}
