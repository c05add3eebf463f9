//===- Compare.cpp - Results against the reference ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compare.h"

#include "hilbert/Support/HostTensor.h"

#include <cmath>
#include <limits>

using namespace hilbert;

Errors hilbert::compare(const NpyArray &actual,
                        const ReferenceTensor &expected) {
  std::vector<double> values = toDoubles(actual);
  double difference = 0, norm = 0;
  Errors errors;
  for (size_t i = 0; i < values.size(); ++i) {
    double a = values[i], e = expected.data[i];
    if (a == e || (std::isnan(a) && std::isnan(e)))
      a = e = std::isfinite(e) ? e : 0;
    double distance = std::isfinite(a - e)
                          ? std::abs(a - e)
                          : std::numeric_limits<double>::infinity();
    errors.largest = std::max(errors.largest, distance);
    difference += distance * distance;
    norm += e * e;
  }
  if (difference > 0)
    errors.relative = std::sqrt(difference / norm);
  return errors;
}
