#include "faults/tracee.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

namespace svcd::faults {
namespace {

struct NamedCall {
    std::uint64_t number;
    std::string_view name;
};

/// Made by the build from the kernel's header of this architecture.
constexpr NamedCall kCalls[] = {
#include "system_calls.inc"
};

/// How a call names its file.
enum class Names { descriptor, path, path_at, descriptor_fifth };

struct FileCall {
    std::string_view name;
    Names how;
};

constexpr FileCall kFileCalls[] = {
    {"accept4", Names::descriptor},
    {"bind", Names::descriptor},
    {"close", Names::descriptor},
    {"connect", Names::descriptor},
    {"dup3", Names::descriptor},
    {"epoll_ctl", Names::descriptor},
    {"epoll_wait", Names::descriptor},
    {"fallocate", Names::descriptor},
    {"fcntl", Names::descriptor},
    {"fstat", Names::descriptor},
    {"ftruncate", Names::descriptor},
    {"getdents64", Names::descriptor},
    {"ioctl", Names::descriptor},
    {"lseek", Names::descriptor},
    {"pread64", Names::descriptor},
    {"pwrite64", Names::descriptor},
    {"read", Names::descriptor},
    {"recvmsg", Names::descriptor},
    {"recvfrom", Names::descriptor},
    {"sendmsg", Names::descriptor},
    {"sendto", Names::descriptor},
    {"setsockopt", Names::descriptor},
    {"write", Names::descriptor},
    {"writev", Names::descriptor},
    {"mmap", Names::descriptor_fifth},
    {"access", Names::path},
    {"chmod", Names::path},
    {"execve", Names::path},
    {"lstat", Names::path},
    {"mkdir", Names::path},
    {"open", Names::path},
    {"readlink", Names::path},
    {"rename", Names::path},
    {"rmdir", Names::path},
    {"stat", Names::path},
    {"unlink", Names::path},
    {"faccessat", Names::path_at},
    {"faccessat2", Names::path_at},
    {"fchmodat", Names::path_at},
    {"inotify_add_watch", Names::path_at},
    {"mkdirat", Names::path_at},
    {"name_to_handle_at", Names::path_at},
    {"newfstatat", Names::path_at},
    {"openat", Names::path_at},
    {"openat2", Names::path_at},
    {"readlinkat", Names::path_at},
    {"renameat", Names::path_at},
    {"unlinkat", Names::path_at},
};

std::string link_of(pid_t pid, const char* what) {
    std::array<char, PATH_MAX> target{};
    const std::string link = "/proc/" + std::to_string(pid) + "/" + what;
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    return {target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::string file_of(pid_t pid, std::uint64_t descriptor) {
    const int fd = static_cast<int>(descriptor);
    if (fd == AT_FDCWD) {
        return link_of(pid, "cwd");
    }
    return fd < 0 ? std::string{} : link_of(pid, ("fd/" + std::to_string(fd)).c_str());
}

std::string text_at(pid_t pid, std::uint64_t address) {
    constexpr std::size_t kPage = 4096;
    std::array<char, PATH_MAX> text{};
    // Up to the end of the page first: the next one may not be there.
    const std::size_t first = kPage - address % kPage;
    std::size_t done = 0;
    for (const std::size_t size : {std::min(first, text.size() - 1), text.size() - 1 - first}) {
        const iovec local{text.data() + done, size};
        const iovec remote{reinterpret_cast<void*>(address + done), size};
        if (size > text.size() || ::process_vm_readv(pid, &local, 1, &remote, 1, 0) <= 0 ||
            std::memchr(text.data() + done, '\0', size) != nullptr) {
            break;
        }
        done += size;
    }
    return text.data();
}

std::string path_of(pid_t pid, const Stop& stop, Names how) {
    switch (how) {
        case Names::descriptor:
            return file_of(pid, stop.args[0]);
        case Names::descriptor_fifth:
            return file_of(pid, stop.args[4]);
        case Names::path:
            return text_at(pid, stop.args[0]);
        case Names::path_at:
            break;
    }
    const std::string path = text_at(pid, stop.args[1]);
    return !path.empty() && path[0] == '/' ? path : file_of(pid, stop.args[0]) + "/" + path;
}

}  // namespace

std::optional<Stop> stop_of(pid_t pid) {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) {
        return std::nullopt;
    }
    Stop stop{};
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        stop.is_entry = true;
        stop.number = info.entry.nr;
        std::copy_n(info.entry.args, 6, stop.args);
        return stop;
    }
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        stop.result = info.exit.rval;
        return stop;
    }
    return std::nullopt;
}

Call call_of(pid_t pid, const Stop& stop) {
    Call call;
    const auto* named = std::find_if(std::begin(kCalls), std::end(kCalls), [&](const auto& entry) {
        return entry.number == stop.number;
    });
    if (named == std::end(kCalls)) {
        call.name = "unknown";
        call.path = std::to_string(stop.number);
        return call;
    }
    call.name = named->name;
    for (const FileCall& entry : kFileCalls) {
        if (entry.name == call.name) {
            call.path = path_of(pid, stop, entry.how);
        }
    }
    return call;
}

#if defined(__x86_64__)

bool skip_call(pid_t pid) {
    return ::ptrace(PTRACE_POKEUSER, pid, offsetof(user_regs_struct, orig_rax), -1L) == 0;
}

bool set_result(pid_t pid, std::int64_t result) {
    return ::ptrace(PTRACE_POKEUSER, pid, offsetof(user_regs_struct, rax), result) == 0;
}

#elif defined(__aarch64__)

bool skip_call(pid_t pid) {
    int number = -1;
    iovec part{&number, sizeof number};
    return ::ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part) == 0;
}

bool set_result(pid_t pid, std::int64_t result) {
    user_regs_struct registers{};
    iovec part{&registers, sizeof registers};
    if (::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) != 0) {
        return false;
    }
    registers.regs[0] = static_cast<unsigned long long>(result);
    return ::ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part) == 0;
}

#else
#error "how a system call is skipped has to be said for this architecture"
#endif

}  // namespace svcd::faults
