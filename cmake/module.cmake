# sanjay_module(NAME DEPS other modules... LIBS external targets...)
#
# One folder = one static library = one namespace. Sources are every .cpp of the folder (and its
# subfolders) except *_test.cpp, *_fuzz.cpp and *_bench.cpp, which become NAME_test, one fuzz
# program per file and NAME_bench. The test program links this module only, so a hidden upward call
# is a link error.
find_package(GTest REQUIRED)

function(sanjay_module name)
  cmake_parse_arguments(M "" "" "DEPS;LIBS;TEST_LIBS" ${ARGN})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${all})
  set(fuzzers ${all})
  set(benches ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cpp$")

  if(sources)
    add_library(sanjay_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(sanjay_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(sanjay_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(sanjay_${name} ${scope} sanjay_flags ${M_LIBS})
  foreach(dep ${M_DEPS})
    target_link_libraries(sanjay_${name} ${scope} sanjay_${dep})
  endforeach()

  if(tests)
    add_executable(${name}_test ${tests} ${fuzzers})
    target_link_libraries(${name}_test PRIVATE sanjay_${name} GTest::gmock GTest::gtest_main ${M_TEST_LIBS})
    target_compile_definitions(${name}_test PRIVATE
      SANJAY_CORPUS_DIR="${CMAKE_CURRENT_SOURCE_DIR}/corpus")
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS unit)
  endif()
  if(SANJAY_FUZZ)
    foreach(source ${fuzzers})
      get_filename_component(stem ${source} NAME_WE)
      add_executable(${stem} ${source})
      target_link_libraries(${stem} PRIVATE sanjay_${name})
      target_compile_definitions(${stem} PRIVATE SANJAY_FUZZ_MAIN)
      target_compile_options(${stem} PRIVATE -fsanitize=fuzzer)
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
  if(benches)
    find_package(benchmark REQUIRED)
    add_executable(${name}_bench ${benches})
    target_link_libraries(${name}_bench PRIVATE sanjay_${name} benchmark::benchmark benchmark::benchmark_main)
    # A tiny run keeps every benchmark alive; it asserts nothing about time.
    add_test(NAME ${name}_bench COMMAND ${name}_bench --benchmark_min_time=0.001)
    set_tests_properties(${name}_bench PROPERTIES TIMEOUT 120 LABELS bench)
  endif()
endfunction()

# sanjay_failpoint_test(MODULE NAME FILTER): the module's tests that FILTER picks must fail when the
# defence NAME is switched off (core/failpoint.h), else they prove nothing. Test builds only. A
# defence may be proven by several such tests.
function(sanjay_failpoint_test module name filter)
  if(NOT SANJAY_FAILPOINTS)
    return()
  endif()
  set(test failpoint_${name})
  set(number 1)
  while(TEST ${test})
    math(EXPR number "${number} + 1")
    set(test failpoint_${name}_${number})
  endwhile()
  add_test(NAME ${test} COMMAND ${module}_test --gtest_brief=1 --gtest_filter=${filter})
  set_tests_properties(${test} PROPERTIES
    ENVIRONMENT FAILPOINTS=${name} WILL_FAIL TRUE TIMEOUT 120 LABELS failpoint)
endfunction()
