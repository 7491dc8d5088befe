#include "shutdown/left_over.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "libc/os.h"
#include "shutdown/text_table.h"

namespace svcd {
namespace {

/// Names that are said of those that get SIGKILL.
constexpr int kNamesMax = 16;
constexpr int kLookAgain = 10;  // ms
// Of the kernel's linux/sched.h.
constexpr unsigned long kKernelThread = 0x0020'0000;

struct Process {
    pid_t pid = 0;
    char name[64] = {};
};

/// False: it is gone, or a zombie, or a thread of the kernel.
bool read_process(const char* folder, Process& process) {
    char path[48];
    std::snprintf(path, sizeof path, "/proc/%.16s/stat", folder);
    char text[512];
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : ::read(fd, text, sizeof text - 1);
    ::close(fd);
    text[size > 0 ? size : 0] = '\0';
    char* name = std::strchr(text, '(');
    char* end = std::strrchr(text, ')');  // the name may have anything in it
    char flags[24];
    if (name == nullptr || end == nullptr || end < name || end[1] != ' ' || end[2] == 'Z' ||
        !read_field(end + 2, 6, flags, sizeof flags) ||
        (std::strtoul(flags, nullptr, 10) & kKernelThread) != 0) {
        return false;
    }
    *end = '\0';
    process.pid = static_cast<pid_t>(std::strtol(folder, nullptr, 10));
    std::snprintf(process.name, sizeof process.name, "%s", name + 1);
    mask_controls(process.name);
    return true;
}

/// Everybody but PID 1 and us.
class Processes {
public:
    Processes() : folder_(::opendir("/proc")) {}
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
    ~Processes() {
        if (folder_ != nullptr) {
            ::closedir(folder_);
        }
    }
    /// Without /proc nobody can be seen, and nobody be known to be gone.
    bool can_be_seen() const { return folder_ != nullptr; }
    /// False: no other is left.
    bool next(Process& process) {
        while (const dirent* entry = folder_ == nullptr ? nullptr : ::readdir(folder_)) {
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                read_process(entry->d_name, process) && process.pid != 1 &&
                process.pid != ::getpid()) {
                return true;
            }
        }
        return false;
    }

private:
    DIR* folder_;
};

/// True when all have ended, false when `until` has come. It is PID 1 that reaps them.
bool wait_for_all(std::int64_t until) {
    for (;;) {
        Process process;
        Processes processes;
        if (processes.can_be_seen() && !processes.next(process)) {
            return true;
        }
        // One at a time: when it has ended, most others have too.
        const int pidfd =
            process.pid == 0 ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
        const std::int64_t left = until - now_usec();
        if (left <= 0) {
            ::close(pidfd);
            return false;
        }
        // Without one it has just gone, or can't be waited for: look again soon.
        pollfd end{pidfd, POLLIN, 0};
        ::poll(&end, 1, pidfd < 0 ? kLookAgain : static_cast<int>(left / 1000 + 1));
        ::close(pidfd);
    }
}

void say_who_is_left() {
    Processes processes;
    Process process;
    for (int count = 0; count < kNamesMax && processes.next(process); ++count) {
        say("process %d (%s) is left, and gets SIGKILL", process.pid, process.name);
    }
}

}  // namespace

void kill_the_rest(const Helpers& helpers, bool at_once) {
    if (!at_once) {
        ::kill(-1, SIGTERM);
        ::kill(-1, SIGCONT);
        if (wait_for_all(helpers.limit(kTermMost))) {
            return;
        }
        say_who_is_left();
    }
    ::kill(-1, SIGKILL);
    if (!wait_for_all(helpers.limit(kKillMost))) {
        say("some process hangs in the kernel and can't be killed; going on without it");
    }
}

}  // namespace svcd
