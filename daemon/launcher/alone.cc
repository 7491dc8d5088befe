// The end without a manager. Where somebody else sees to what is lost (a container), a svcd whose
// managers can't start leaves, and one that was asked to end does not wait for a manager for ever.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "launcher/launcher.h"

namespace svcd::alone {
namespace {

/// Managers that failed, after the end was asked for. Where nothing was ever spawned there is
/// nothing that another one could stop.
constexpr unsigned kFailuresMax = 2, kFailuresMaxUnused = 1;
/// Managers that failed, of a svcd that has never served.
constexpr unsigned kFailuresAtStart = 5;
/// µs.
constexpr std::int64_t kTermPatience = 3'000'000, kKillPatience = 5'000'000, kKillAgain = 50'000;
constexpr int kStatus = 1;

bool is_container = false;

/// False: it was said why not.
bool signal_children(int signal) {
    char path[48];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", ::getpid());
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        say("can't read %s: %s; what still runs goes on", path, std::strerror(errno));
        return false;
    }
    char text[512];
    pid_t child = 0;  // its digits may be in two pieces of the file
    for (ssize_t size = 0; (size = ::read(file, text, sizeof text)) > 0;) {
        for (ssize_t at = 0; at < size; ++at) {
            if (text[at] >= '0' && text[at] <= '9') {
                child = child * 10 + (text[at] - '0');
            } else if (child > 0) {
                ::kill(child, signal);
                ::kill(child, SIGCONT);
                child = 0;
            }
        }
    }
    ::close(file);
    return true;
}

}  // namespace

void set_up(char** arguments, bool is_machine) {
    is_container = ::getpid() == 1 && !is_machine;
    for (; *arguments != nullptr && std::strcmp(*arguments, "--") != 0; ++arguments) {
        is_container |= !is_machine && std::strcmp(*arguments, "--container") == 0;
    }
}

bool is_urgent() {
    EndKind kind{};
    return is_container && !manager::is_ready && signals::is_end_asked(kind);
}

bool has_to_end(EndOrder& end) {
    if (manager::pid != 0 || (!is_container && ::getpid() != 1)) {
        return false;
    }
    const unsigned failures = manager::failures();
    const bool is_unused = table::is_unused();
    const unsigned most = is_container && is_unused ? kFailuresMaxUnused : kFailuresMax;
    if (failures >= most && signals::is_end_asked(end.kind)) {
        say("no svcd-manager stops the units, so they are ended without it");
    } else if (is_container && is_unused && !manager::has_served && failures >= kFailuresAtStart) {
        say("svcd-manager %s, and none could start before, so svcd leaves", manager::last_end);
    } else {
        return false;
    }
    end.status = kStatus;
    end.is_alone = true;
    return true;
}

void end_children() {
    if (!signal_children(SIGTERM) || wait_for(0, now_usec() + kTermPatience) == 0) {
        return;
    }
    say("some processes did not end after SIGTERM: they get SIGKILL");
    for (const std::int64_t until = now_usec() + kKillPatience; now_usec() < until;) {
        // Whoever is left behind by one that ends is our child then, and comes next.
        if (!signal_children(SIGKILL) || wait_for(0, now_usec() + kKillAgain) == 0) {
            return;
        }
    }
    say("some process hangs in the kernel and can't be killed; svcd leaves without it");
}

}  // namespace svcd::alone
