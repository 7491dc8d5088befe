#include "launcher/last_steps.h"

#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "launcher/os.h"
#include "launcher/text_table.h"
#include "launcher/unmount.h"

namespace svcd {
namespace {

/// Names that are said of those that get SIGKILL.
constexpr int kNamesMax = 16;

/// Reads a small file of /proc, as text. Empty when it can't be read.
template <std::size_t Size>
void read_text(const char* path, char (&text)[Size]) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : ::read(fd, text, Size - 1);
    text[size > 0 ? size : 0] = '\0';
    ::close(fd);
}

/// Our children only: what they have started themselves comes to us when they are gone.
void say_who_is_left() {
    char children[512];
    read_text("/proc/thread-self/children", children);
    char pid[16];
    for (int index = 0; index < kNamesMax && read_field(children, index, pid, sizeof pid);
         ++index) {
        char path[40];
        std::snprintf(path, sizeof path, "/proc/%s/comm", pid);
        char name[32];
        read_text(path, name);
        name[std::strcspn(name, "\n")] = '\0';
        say("process %s (%s) is left, and gets SIGKILL", pid, name);
    }
}

void kill_the_rest(Helpers& helpers, bool at_once) {
    if (!at_once) {
        ::kill(-1, SIGTERM);
        ::kill(-1, SIGCONT);
        if (helpers.reap_all(helpers.limit(kTermMost))) {
            return;
        }
        say_who_is_left();
    }
    ::kill(-1, SIGKILL);
    if (!helpers.reap_all(helpers.limit(kKillMost))) {
        say("some process hangs in the kernel and can't be killed; going on without it");
    }
}

/// What reboot(2) is asked for, and what is said of it.
struct Way {
    unsigned command;  // RB_HALT_SYSTEM is more than an int holds
    const char* what;
};

Way way_of(EndKind kind) {
    switch (kind) {
        case EndKind::reboot:
            return {RB_AUTOBOOT, "rebooting"};
        case EndKind::halt:
            return {RB_HALT_SYSTEM, "halting"};
        case EndKind::exit:
        case EndKind::poweroff:
            break;
    }
    return {RB_POWER_OFF, "powering off"};
}

}  // namespace

int take_last_steps(const EndOrder& end, bool is_machine, int signals) {
    if (::getpid() != 1) {
        return end.status;  // the manager has seen to what its units left
    }
    wait_for_log();
    Helpers helpers{signals, end.deadline};
    kill_the_rest(helpers, end.at_once);
    if (!is_machine) {
        return end.status;
    }
    close_all_but(signals);
    [[maybe_unused]] const int is_at_root = ::chdir("/");
    unmount_all(helpers);
    const Way way = way_of(end.kind);
    say("%s", way.what);
    ::reboot(static_cast<int>(way.command));
    say("reboot(2): %s; this machine can be switched off", std::strerror(errno));
    for (;;) {
        ::pause();  // the end of PID 1 would be a panic
    }
}

}  // namespace svcd
