# Finds LLVM and MLIR 22 and defines the interface target `HilbertLLVM`, the
# only way the project links them. Shared: libMLIR, libLLVM and the execution
# engine's own library. Static (HILBERT_STATIC_LLVM): the component archives.

if(NOT MLIR_DIR AND EXISTS /usr/lib/llvm-22/lib/cmake/mlir)
  set(MLIR_DIR /usr/lib/llvm-22/lib/cmake/mlir CACHE PATH "MLIRConfig.cmake")
endif()
if(HILBERT_STATIC_LLVM)
  set(ZLIB_USE_STATIC_LIBS ON)
endif()
find_package(MLIR REQUIRED CONFIG)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "hilbert needs LLVM 22, but ${MLIR_DIR} is "
    "${LLVM_PACKAGE_VERSION}; set MLIR_DIR to the folder of another "
    "MLIRConfig.cmake")
endif()
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR}")
message(STATUS "MLIR in ${MLIR_DIR}")
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(WARNING "the compiler is ${CMAKE_CXX_COMPILER_ID}; unless it also "
    "built LLVM, MLIR's traits will not be recognised: set CXX to clang++-22")
endif()

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# TableGen takes its include path from the directory.
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})

add_library(HilbertLLVM INTERFACE)
separate_arguments(_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
target_compile_options(HilbertLLVM INTERFACE ${_definitions})
if(NOT LLVM_ENABLE_EH)
  target_compile_options(HilbertLLVM INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
endif()
if(NOT LLVM_ENABLE_RTTI)
  target_compile_options(HilbertLLVM INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()

if(HILBERT_STATIC_LLVM)
  # Debian's archives export the dylibs as their dependencies (`LLVM`, `MLIR`);
  # point them at the component archives instead.
  llvm_map_components_to_libnames(_llvm_libs
    core support native nativecodegen orcjit orctargetprocess executionengine
    passes target targetparser transformutils bitwriter bitreader linker ipo
    remarks frontendopenmp jitlink perfjitevents analysis codegen
    nvptxcodegen nvptxdesc nvptxinfo)
  foreach(_target IN LISTS MLIR_EXPORTED_TARGETS)
    if(TARGET ${_target})
      get_target_property(_type ${_target} TYPE)
      if(_type STREQUAL "STATIC_LIBRARY")
        get_target_property(_deps ${_target} INTERFACE_LINK_LIBRARIES)
        if(_deps)
          list(REMOVE_ITEM _deps LLVM MLIR)
          list(APPEND _deps ${_llvm_libs})
          set_target_properties(${_target} PROPERTIES
            INTERFACE_LINK_LIBRARIES "${_deps}")
        endif()
      endif()
    endif()
  endforeach()
  # zlib (above) and zstd are archives, too: a wheel runs where neither is.
  get_target_property(_deps LLVMSupport INTERFACE_LINK_LIBRARIES)
  list(TRANSFORM _deps REPLACE "libzstd_shared" "libzstd_static")
  set_target_properties(LLVMSupport PROPERTIES
    INTERFACE_LINK_LIBRARIES "${_deps}")
  target_link_libraries(HilbertLLVM INTERFACE
    MLIRAnalysis MLIRArithToLLVM MLIRArithTransforms
    MLIRBufferizationPipelines MLIRBufferizationToMemRef
    MLIRBufferizationTransforms MLIRBuiltinToLLVMIRTranslation
    MLIRControlFlowToLLVM MLIRControlFlowTransforms MLIRExecutionEngine
    MLIRExecutionEngineUtils
    MLIRFuncAllExtensions MLIRFuncDialect MLIRFuncToLLVM MLIRGPUDialect
    MLIRGPUToLLVMIRTranslation MLIRGPUToNVVMTransforms MLIRIndexToLLVM
    MLIRLinalgDialect MLIRLinalgTransforms MLIRLLVMDialect
    MLIRLLVMToLLVMIRTranslation MLIRMathToLLVM MLIRMathTransforms
    MLIRMemRefToLLVM MLIRMemRefTransforms MLIRNVVMDialect MLIRNVVMToLLVM
    MLIRNVVMToLLVMIRTranslation MLIROptLib MLIRParser MLIRPass
    MLIRReconcileUnrealizedCasts MLIRSCFToControlFlow MLIRSCFTransforms
    MLIRTargetLLVMIRExport MLIRTensorTransforms MLIRTensorAllExtensions
    MLIRTransforms MLIRUBToLLVM
    MLIRVectorToLLVMPass MLIRVectorTransforms MLIRVectorToSCF
    ${_llvm_libs})
  # Stripped, without what is not called (Debian's LLVM names libz3), and with
  # the C++ library inside.
  add_link_options(-s -Wl,--gc-sections -Wl,--as-needed -static-libstdc++
    -static-libgcc)
else()
  target_link_libraries(HilbertLLVM INTERFACE
    MLIRExecutionEngineShared MLIR LLVM)
endif()

# hilbert_add_library(name sources... [DEPENDS targets...] [LIBS libs...])
# A library of ours that uses MLIR: static, one precompiled header for all.
function(hilbert_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC HilbertLLVM ${ARG_LIBS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()
