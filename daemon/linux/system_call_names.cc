// The system calls that a process may be found in. By the numbers of the architecture that svcd is
// built for, as its header has them; the few that only some architectures have stand apart. A call
// that never sleeps need not be here.
#include <sys/syscall.h>

#include <algorithm>
#include <string>

#include "linux/process_examination.h"

namespace svcd {
namespace {

struct SystemCall {
    long number;
    const char* name;
};

#define SVCD_CALL(name)   \
    SystemCall {          \
        SYS_##name, #name \
    }

// clang-format off
constexpr SystemCall kSystemCalls[] = {
    SVCD_CALL(accept), SVCD_CALL(accept4), SVCD_CALL(bind), SVCD_CALL(brk), SVCD_CALL(chdir),
    SVCD_CALL(clock_nanosleep), SVCD_CALL(clone), SVCD_CALL(clone3), SVCD_CALL(close),
    SVCD_CALL(close_range), SVCD_CALL(connect), SVCD_CALL(copy_file_range), SVCD_CALL(dup3),
    SVCD_CALL(epoll_pwait), SVCD_CALL(epoll_pwait2), SVCD_CALL(execve), SVCD_CALL(execveat),
    SVCD_CALL(exit), SVCD_CALL(exit_group), SVCD_CALL(faccessat), SVCD_CALL(faccessat2),
    SVCD_CALL(fadvise64), SVCD_CALL(fallocate), SVCD_CALL(fchmodat), SVCD_CALL(fchownat),
    SVCD_CALL(fcntl), SVCD_CALL(fdatasync), SVCD_CALL(fgetxattr), SVCD_CALL(finit_module),
    SVCD_CALL(flock), SVCD_CALL(fsync), SVCD_CALL(fstat), SVCD_CALL(fstatfs), SVCD_CALL(ftruncate),
    SVCD_CALL(futex), SVCD_CALL(getdents64), SVCD_CALL(getrandom), SVCD_CALL(getxattr),
    SVCD_CALL(init_module), SVCD_CALL(io_getevents), SVCD_CALL(io_submit), SVCD_CALL(io_uring_enter),
    SVCD_CALL(ioctl), SVCD_CALL(kill), SVCD_CALL(linkat), SVCD_CALL(lseek), SVCD_CALL(madvise),
    SVCD_CALL(mkdirat), SVCD_CALL(mlock), SVCD_CALL(mlockall), SVCD_CALL(mmap), SVCD_CALL(mount),
    SVCD_CALL(mprotect), SVCD_CALL(mq_timedreceive), SVCD_CALL(mq_timedsend), SVCD_CALL(mremap),
    SVCD_CALL(msgrcv), SVCD_CALL(msgsnd), SVCD_CALL(msync), SVCD_CALL(munmap), SVCD_CALL(nanosleep),
    SVCD_CALL(newfstatat), SVCD_CALL(openat), SVCD_CALL(openat2), SVCD_CALL(ppoll), SVCD_CALL(prctl),
    SVCD_CALL(pread64), SVCD_CALL(preadv), SVCD_CALL(preadv2), SVCD_CALL(process_vm_readv),
    SVCD_CALL(pselect6), SVCD_CALL(ptrace), SVCD_CALL(pwrite64), SVCD_CALL(pwritev),
    SVCD_CALL(pwritev2), SVCD_CALL(read), SVCD_CALL(readahead), SVCD_CALL(readlinkat),
    SVCD_CALL(readv), SVCD_CALL(recvfrom), SVCD_CALL(recvmmsg), SVCD_CALL(recvmsg),
    SVCD_CALL(renameat2), SVCD_CALL(restart_syscall), SVCD_CALL(rt_sigsuspend),
    SVCD_CALL(rt_sigtimedwait), SVCD_CALL(sched_yield), SVCD_CALL(semop), SVCD_CALL(semtimedop),
    SVCD_CALL(sendfile), SVCD_CALL(sendmmsg), SVCD_CALL(sendmsg), SVCD_CALL(sendto),
    SVCD_CALL(setns), SVCD_CALL(setxattr), SVCD_CALL(shutdown), SVCD_CALL(socket), SVCD_CALL(splice),
    SVCD_CALL(statfs), SVCD_CALL(statx), SVCD_CALL(symlinkat), SVCD_CALL(sync),
    SVCD_CALL(sync_file_range), SVCD_CALL(syncfs), SVCD_CALL(tee), SVCD_CALL(truncate),
    SVCD_CALL(umount2), SVCD_CALL(unlinkat), SVCD_CALL(unshare), SVCD_CALL(utimensat),
    SVCD_CALL(vmsplice), SVCD_CALL(wait4), SVCD_CALL(waitid), SVCD_CALL(write), SVCD_CALL(writev),
#ifdef SYS_poll  // of x86-64, and not of architectures that came later
    SVCD_CALL(access), SVCD_CALL(creat), SVCD_CALL(epoll_wait), SVCD_CALL(fork), SVCD_CALL(link),
    SVCD_CALL(lstat), SVCD_CALL(mkdir), SVCD_CALL(open), SVCD_CALL(pause), SVCD_CALL(poll),
    SVCD_CALL(readlink), SVCD_CALL(rename), SVCD_CALL(rmdir), SVCD_CALL(select), SVCD_CALL(stat),
    SVCD_CALL(symlink), SVCD_CALL(unlink), SVCD_CALL(vfork),
#endif
#ifdef SYS_renameat
    SVCD_CALL(renameat),
#endif
};
// clang-format on

#undef SVCD_CALL

}  // namespace

std::string system_call_name(long number) {
    const auto* const found =
        std::find_if(std::begin(kSystemCalls), std::end(kSystemCalls),
                     [number](const SystemCall& call) { return call.number == number; });
    return found == std::end(kSystemCalls) ? "syscall " + std::to_string(number) : found->name;
}

}  // namespace svcd
