# How everything is compiled: one interface target for warnings, one for sanitizers and hardening.

set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

option(SVCD_TESTS "Build the tests" ON)
option(SVCD_SANITIZE "ASan and UBSan in everything but the launcher and svcd-exec" OFF)
option(SVCD_FUZZ "Build the targets of tests/fuzz with libFuzzer (clang)" OFF)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_library(svcd_warnings INTERFACE)
target_compile_options(svcd_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wswitch-enum -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Werror)
# Once it has inlined the standard library, GCC 12 reports null pointers and uninitialised members in it that can't be there.
set(SVCD_NOT_AFTER_INLINING "$<$<OR:$<C_COMPILER_ID:GNU>,$<CXX_COMPILER_ID:GNU>>:-Wno-null-dereference;-Wno-maybe-uninitialized;-Wno-restrict>")
target_compile_options(svcd_warnings INTERFACE "$<$<NOT:$<CONFIG:Debug>>:${SVCD_NOT_AFTER_INLINING}>")

# sd-bus's SD_BUS_ERROR_NULL is a literal as C has them.
target_compile_options(svcd_warnings INTERFACE "$<$<CXX_COMPILER_ID:Clang>:-Wno-c99-extensions>")

# So that ccache can keep what is compiled with a precompiled header (with CCACHE_SLOPPINESS=pch_defines,time_macros).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(svcd_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
endif()

# Every library and program of ours links this.
add_library(svcd_base INTERFACE)
target_include_directories(svcd_base INTERFACE ${PROJECT_SOURCE_DIR}/daemon)
target_link_libraries(svcd_base INTERFACE svcd_warnings)
target_compile_options(svcd_base INTERFACE -fno-omit-frame-pointer -ffunction-sections -fdata-sections)
# As needed: CMake adds the C++ library to programs linked as C, too. (Debian's GCC does so by itself, clang doesn't.)
target_link_options(svcd_base INTERFACE -Wl,--as-needed -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack)

# Hardening, of what is shipped; tests/unit/house/hardening_test.py reads it from the programs. Every program is
# position-independent, those without libraries (SVCD_NEEDS_NO_LIBRARY) too. What the child of a spawn executes before its
# execve has neither the stack protector nor fortified calls (svcd_spawn_child).
target_link_options(svcd_base INTERFACE
    $<IF:$<BOOL:$<TARGET_PROPERTY:SVCD_NEEDS_NO_LIBRARY>>,-static-pie,-pie>)
if(NOT SVCD_SANITIZE)
    target_compile_options(svcd_base INTERFACE
        "$<$<NOT:$<CONFIG:Debug>>:-fPIE;-fstack-protector-strong;-fstack-clash-protection;-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
endif()

# svcd_spawn_child(FILE ...): sources that run in a child which shares the manager's memory, and its stack protector's and
# the sanitizers' books with it. A check that fails there would have to end the child, and what glibc offers for that writes
# a message, raises SIGABRT and runs handlers: in the manager's memory, with the manager's signal handlers. So nothing there
# is checked by the compiler; the code has no buffer that grows with anybody's input.
function(svcd_spawn_child)
    set_source_files_properties(${ARGN} PROPERTIES
        COMPILE_OPTIONS "-fno-stack-protector;-U_FORTIFY_SOURCE;-fno-sanitize=all")
endfunction()

add_library(svcd_sanitizers INTERFACE)
if(SVCD_SANITIZE)
    target_compile_options(svcd_sanitizers INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=undefined -D_GLIBCXX_ASSERTIONS
        -O1 -g1)  # of GCC, objects a third as large as those of -O0, in the same time, and tests that run faster; lines for the reports
    # As above: what is not so, and is reported only once the standard library has been inlined.
    target_compile_options(svcd_sanitizers INTERFACE "${SVCD_NOT_AFTER_INLINING}")
    target_link_options(svcd_sanitizers INTERFACE -fsanitize=address,undefined)
endif()
if(SVCD_FUZZ)
    # What libFuzzer sees of an input's way. In the libraries, which are what is fuzzed; other programs take no notice of it.
    target_compile_options(svcd_sanitizers INTERFACE
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,STATIC_LIBRARY>:-fsanitize=fuzzer-no-link>)
    # Clang compiles in half the time at -O0 what is mostly templates of libraries, and waits rather than computes.
    target_compile_options(svcd_sanitizers INTERFACE
        $<$<OR:$<STREQUAL:$<TARGET_PROPERTY:NAME>,svcd_ctl>,$<STREQUAL:$<TARGET_PROPERTY:NAME>,svcd_manager>>:-O0>)
endif()
