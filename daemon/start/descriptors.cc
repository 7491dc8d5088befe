#include "start/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "launcher/protocol.h"
#include "libc/os.h"

namespace svcd {
namespace {

/// Memory of the table that is there from the start: enough for most machines. The manager
/// allocates the rest.
constexpr std::uint32_t kFirstSlots = 2048;
constexpr off_t kFirstBytes = kSlotsOffset + kFirstSlots * sizeof(ProcessSlot);

// Of linux/memfd.h since 6.3; without it a newer kernel warns, with it an older one refuses.
constexpr unsigned kNoExecSeal = 8;

/// A manager without units has 23 open, or some more with a message bus, and keeps a quarter for
/// stops. What is left has to do for svctl, and for one start after the other.
constexpr rlim_t kFewest = 48;

}  // namespace

Inherited start_clean() {
    Inherited inherited;
    // An ignored SIGCHLD would have the kernel throw exit statuses away; SIGPIPE and others would
    // stay ignored in every service.
    for (int signal = 1; signal < NSIG; ++signal) {
        if (std::signal(signal, SIG_DFL) == SIG_IGN) {
            inherited.ignored_signals |= std::uint64_t{1} << (signal - 1);
        }
    }
    inherited.umask = ::umask(022);
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    // As PID 1 there may be no /dev yet.
    int null = ::open("/dev/null", O_RDWR);
    null = null >= 0 ? null : ::open("/", O_RDONLY);
    while (null >= 0 && null <= STDERR_FILENO) {
        null = ::dup(null);
    }
    for (int number = STDERR_FILENO + 1; number <= kAskFd; ++number) {
        ::dup2(null, number);
    }
    ::close(null > kAskFd ? null : -1);
    return inherited;
}

bool give(int fd, int number) {
    if (fd == number) {
        return ::fcntl(fd, F_SETFD, 0) == 0;
    }
    if (fd < 0 || ::dup2(fd, number) < 0) {
        return false;
    }
    ::close(fd);
    return true;
}

void open_log() {
    struct stat info {};
    int own = -1;
    if (::fstat(STDERR_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))) {
        // O_NONBLOCK belongs to the open file, which we share with others; so open it once more.
        // A terminal too: it has room (POLLOUT) also when it has less than a line needs.
        own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (give(own >= 0 ? own : ::dup(STDERR_FILENO), kLogFd)) {
        log_fd = kLogFd;
    }
}

bool has_enough_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= kFewest) {
        return true;
    }
    say("can't start: at most %llu files may be open (the hard limit RLIMIT_NOFILE), and svcd "
        "needs "
        "%llu to answer svctl and to stop services; raise the limit where svcd is started, to 1024 "
        "at least ('ulimit -n 1024', LimitNOFILE=1024)",
        static_cast<unsigned long long>(limit.rlim_max), static_cast<unsigned long long>(kFewest));
    return false;
}

bool make_table(const LauncherSettings& settings) {
    constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int table = ::memfd_create("svcd-processes", kFlags | kNoExecSeal);
    table = table >= 0 || errno != EINVAL ? table : ::memfd_create("svcd-processes", kFlags);
    const std::uint32_t head[] = {kTableMagic, kTableVersion};
    static_assert(offsetof(TableHeader, magic) == 0 && offsetof(TableHeader, version) == 4);
    const std::uint32_t words[] = {static_cast<std::uint32_t>(settings.rescue_shell),
                                   static_cast<std::uint32_t>(settings.crash_action),
                                   settings.busybox_signals ? 1U : 0U};
    constexpr off_t kWords = offsetof(TableHeader, rescue_shell);
    static_assert(offsetof(TableHeader, busybox_signals) == kWords + 8);
    if (table < 0 || ::ftruncate(table, kTableSize) != 0 ||
        ::fallocate(table, 0, 0, kFirstBytes) != 0 ||
        ::pwrite(table, head, sizeof head, 0) != sizeof head ||
        ::pwrite(table, words, sizeof words, kWords) != sizeof words ||
        ::fcntl(table, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 ||
        !give(table, kTableFd) || !give(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), kPokeFd)) {
        say("can't make the process table: %s", std::strerror(errno));
        return false;
    }
    return true;
}

}  // namespace svcd
