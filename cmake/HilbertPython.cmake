# Finds what the Python package is built with: Python, nanobind and, if jaxlib is
# installed, XLA's headers. The package is built if nanobind_FOUND.

set(HILBERT_BUILD_PYTHON AUTO CACHE STRING
  "Build the Python package: ON, OFF, or AUTO: if Python has nanobind")
if(NOT HILBERT_BUILD_PYTHON)
  return()
endif()

# scripts/setup puts nanobind into the venv. (A Python from the cache may be gone:
# pip's builds have their own.)
if(NOT EXISTS "${Python_EXECUTABLE}" AND
   EXISTS "${CMAKE_SOURCE_DIR}/.venv/bin/python")
  set(Python_EXECUTABLE "${CMAKE_SOURCE_DIR}/.venv/bin/python")
endif()
# CMake knows SABIModule from 3.26 on; scikit-build-core brings it for older ones.
find_package(Python 3.11 COMPONENTS Interpreter Development.Module
  OPTIONAL_COMPONENTS Development.SABIModule)

# Asked for each time: pip's isolated builds have packages in folders that vanish.
function(hilbert_ask_python result)
  execute_process(COMMAND "${Python_EXECUTABLE}" ${ARGN}
    OUTPUT_VARIABLE _output OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${result} "${_output}" PARENT_SCOPE)
endfunction()

if(Python_FOUND)
  hilbert_ask_python(nanobind_DIR -m nanobind --cmake_dir)
endif()
if(nanobind_DIR)
  find_package(nanobind CONFIG REQUIRED)
elseif(HILBERT_BUILD_PYTHON STREQUAL "AUTO")
  message(STATUS "Python package: not built; it needs nanobind and Python 3.11 "
    "with headers, which scripts/setup installs")
  return()
else()
  message(FATAL_ERROR "HILBERT_BUILD_PYTHON needs nanobind and Python 3.11 with "
    "headers: run scripts/setup, or set Python_EXECUTABLE")
endif()

if(NOT HILBERT_XLA_INCLUDE_DIR)
  hilbert_ask_python(_jaxlib -c "from importlib.util import find_spec
print(find_spec('jaxlib').submodule_search_locations[0])")
  if(EXISTS "${_jaxlib}/include/xla/ffi/api/ffi.h")
    set(HILBERT_XLA_INCLUDE_DIR "${_jaxlib}/include")
  endif()
endif()
message(STATUS "Python package: for ${Python_EXECUTABLE}, ${Python_VERSION}; "
  "XLA's headers: ${HILBERT_XLA_INCLUDE_DIR}")
