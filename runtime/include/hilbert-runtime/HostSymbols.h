//===- HostSymbols.h - The host ABI for a JIT's symbol table ----*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_HOSTSYMBOLS_H
#define HILBERT_RUNTIME_HOSTSYMBOLS_H

#include <array>

namespace hilbert::rt {

/// A function of HostABI.h.
struct HostSymbol {
  const char *name;
  void *address;
};

/// All functions of HostABI.h. A JIT registers them one by one: they are not
/// looked up in the process.
const std::array<HostSymbol, 3> &hostSymbols();

} // namespace hilbert::rt

#endif // HILBERT_RUNTIME_HOSTSYMBOLS_H
