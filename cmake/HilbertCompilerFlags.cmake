# Flags of every target of this project.

# The project lives in one process with other users of LLVM (torch, JAX,
# Triton): nothing of ours may be visible by accident, and g++'s GNU_UNIQUE
# symbols (MLIR's TypeIDs) would defeat RTLD_LOCAL.
add_compile_options(-fvisibility=hidden -fvisibility-inlines-hidden)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives from LLVM's headers.
  add_compile_options(-Wno-maybe-uninitialized -Wno-array-bounds
    -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
endif()
if(HILBERT_WERROR)
  add_compile_options(-Werror)
endif()
