# Flags of every target of this project.

# The project lives in one process with other users of LLVM (torch, JAX,
# Triton): nothing of ours may be visible by accident, and g++'s GNU_UNIQUE
# symbols (MLIR's TypeIDs) would defeat RTLD_LOCAL.
add_compile_options(-fvisibility=hidden
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
endif()
if(HILBERT_WERROR)
  add_compile_options(-Werror)
endif()

# lld links an LLVM tool in a fraction of the time.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=lld HILBERT_HAVE_LLD)
  if(HILBERT_HAVE_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
endif()

# The key of cached kernels: a rebuilt compiler is another compiler.
add_link_options(-Wl,--build-id=sha1)
