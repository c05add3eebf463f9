// RUN: %cc -std=c99 %strict -Wstrict-prototypes -fsyntax-only %s
// RUN: %cxx -std=c++11 %strict -fsyntax-only -x c++ %s

// The header stands alone, in C and in C++.
#include "hilbert-c/Attention.h"
