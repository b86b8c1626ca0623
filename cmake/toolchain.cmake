# Compiler, linker, warnings and hardening shared by every target.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

set(SANJAY_SANITIZER "" CACHE STRING "Sanitizers to build with: address,undefined or thread")
option(SANJAY_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(SANJAY_FAILPOINTS "Compile the named failpoints in (test builds)" OFF)

find_package(Threads REQUIRED)

add_library(sanjay_flags INTERFACE)
target_link_libraries(sanjay_flags INTERFACE Threads::Threads)
target_compile_options(sanjay_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Werror
  -fno-omit-frame-pointer -fstack-protector-strong)
target_compile_definitions(sanjay_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(sanjay_flags INTERFACE -Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(sanjay_flags INTERFACE -g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(SANJAY_FAILPOINTS)
  target_compile_definitions(sanjay_flags INTERFACE SANJAY_FAILPOINTS=1)
endif()
if(SANJAY_FUZZ)  # the libraries report their coverage, or the fuzzer is blind
  target_compile_options(sanjay_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(SANJAY_SANITIZER)
  target_compile_options(sanjay_flags INTERFACE -fsanitize=${SANJAY_SANITIZER} -g1)
  target_link_options(sanjay_flags INTERFACE -fsanitize=${SANJAY_SANITIZER})
  if(SANJAY_SANITIZER MATCHES "undefined")
    target_compile_options(sanjay_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  if(SANJAY_SANITIZER MATCHES "thread")
    # g++ 12 warns that -fsanitize=thread does not model atomic_thread_fence; the one fence we use
    # (a shard going to sleep) is paired with atomics that it does model. Its instrumentation also
    # makes g++ 12 see uninitialised members of moved-from variants that are not.
    target_compile_options(sanjay_flags INTERFACE -Wno-tsan -Wno-maybe-uninitialized)
  endif()
endif()
