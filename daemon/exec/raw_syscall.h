// System calls without libc: no errno, no cancellation points, no locks.
//
// The child of a spawn shares its memory with the manager until its execve (linux/spawn.h). Were it
// to touch errno, or anything else that libc keeps, it would touch the manager's. A failure is the
// negative errno, as the kernel returns it.
#pragma once

#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

namespace svcd {

#if defined(__x86_64__)

inline long raw_syscall(long number,
                        std::uintptr_t a = 0,
                        std::uintptr_t b = 0,
                        std::uintptr_t c = 0,
                        std::uintptr_t d = 0,
                        std::uintptr_t e = 0) {
    register std::uintptr_t fourth asm("r10") = d;
    register std::uintptr_t fifth asm("r8") = e;
    long result = number;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                 : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

inline long raw_syscall(long number,
                        std::uintptr_t a = 0,
                        std::uintptr_t b = 0,
                        std::uintptr_t c = 0,
                        std::uintptr_t d = 0,
                        std::uintptr_t e = 0) {
    register long eighth asm("x8") = number;
    register std::uintptr_t first asm("x0") = a;
    register std::uintptr_t second asm("x1") = b;
    register std::uintptr_t third asm("x2") = c;
    register std::uintptr_t fourth asm("x3") = d;
    register std::uintptr_t fifth asm("x4") = e;
    asm volatile("svc #0"
                 : "+r"(first)
                 : "r"(eighth), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
                 : "memory");
    return static_cast<long>(first);
}

#else
#error "svcd knows the system calls of x86_64 and aarch64"
#endif

/// A pointer as the kernel takes it.
inline std::uintptr_t raw(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}
/// A number as the kernel takes it; a negative one (AT_FDCWD) keeps its sign.
inline std::uintptr_t raw(long number) {
    return static_cast<std::uintptr_t>(number);
}

/// rt_sigaction(2): SIG_DFL or SIG_IGN, which need none of what libc adds to a handler.
inline void raw_set_disposition(unsigned signal, void (*disposition)(int)) {
    struct {
        std::uintptr_t handler;
        unsigned long flags;
        std::uintptr_t restorer;
        std::uint64_t mask;
    } const action{reinterpret_cast<std::uintptr_t>(disposition), 0, 0, 0};
    raw_syscall(__NR_rt_sigaction, signal, raw(&action), 0, sizeof(action.mask));
}

}  // namespace svcd
