# hilbert_add_unittest(name sources... [LIBS libs...])
# A GoogleTest program in build/bin, run by check-hilbert-unit.
find_package(GTest REQUIRED)
add_custom_target(check-hilbert-unit)

function(hilbert_add_unittest name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gtest_main)
  add_custom_target(check-${name}
    COMMAND ${name} --gtest_brief=1
    DEPENDS ${name} USES_TERMINAL)
  add_dependencies(check-hilbert-unit check-${name})
endfunction()
