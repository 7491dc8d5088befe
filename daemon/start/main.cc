// svcd: all that is done once, before the launcher begins. What fails here is said, and ends it.
//
// It makes what the launcher is to have (libc/os.h: descriptors, arguments), and becomes it by
// execve: the same process, with the same lock, and nothing of this program in its memory.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "libc/os.h"
#include "start/descriptors.h"
#include "start/mounts.h"
#include "start/options.h"
#include "start/runtime_dir.h"

namespace svcd {
namespace {

/// Whoever waits for READY=1 (sd_notify(3)), e.g. systemd when svcd is one of its units. Taken out
/// of the environment, so that neither the manager nor any service speaks to it.
void take_notify_socket() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{AF_UNIX, {}};
    const std::size_t length = path == nullptr ? 0 : std::strlen(path);
    if (length > 0 && length < sizeof address.sun_path && (path[0] == '/' || path[0] == '@')) {
        std::memcpy(address.sun_path, path, length);
        if (path[0] == '@') {
            address.sun_path[0] = '\0';  // an abstract name
        }
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
        const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            !give(fd, kNotifyFd)) {
            say("can't reach %s: %s; READY=1 will not be sent", path, std::strerror(errno));
        }
    } else if (length > 0) {
        say("NOTIFY_SOCKET is no path of a socket; READY=1 will not be sent");
    }
    ::unsetenv("NOTIFY_SOCKET");
}

bool can_execute(const char* path) {
    if (::access(path, X_OK) == 0) {
        return true;
    }
    say("can't execute %s: %s; is svcd installed whole?", path, std::strerror(errno));
    return false;
}

/// Returns only when something failed.
int become_launcher(char** arguments, int count, Options& options) {
    take_notify_socket();
    char name[] = "svcd";
    char rescue[] = "rescue";
    char none[] = "";
    char** all = static_cast<char**>(
        std::calloc(static_cast<std::size_t>(count + kManagerArgument) + 2, sizeof(char*)));
    if (all == nullptr) {
        say("no memory to start");
        return 1;
    }
    all[0] = name;
    all[kRescueArgument] = options.is_first_of_machine ? rescue : none;
    all[kShutdownArgument] = options.shutdown;
    all[kManagerArgument] = options.manager;
    for (int index = 1; arguments[0] != nullptr && arguments[index] != nullptr; ++index) {
        all[kManagerArgument + index] = arguments[index];
    }
    ::execv(options.launcher, all);
    say("can't execute %s: %s", options.launcher, std::strerror(errno));
    return 1;
}

int run(int count, char** arguments, bool& may_rescue) {
    start_clean();
    Options options;
    if (!read_options(arguments, options)) {
        return 2;
    }
    if (options.help || options.version) {
        std::fputs(options.help ? kHelp : "svcd " SVCD_VERSION "\n", stdout);
        return std::fflush(stdout) == 0 ? 0 : 1;
    }
    may_rescue = options.is_first_of_machine;
    if (may_rescue) {
        mount_api_file_systems();
    }
    open_log();
    if (!can_execute(options.manager) || !can_execute(options.launcher) ||
        (::getpid() == 1 && !can_execute(options.shutdown) && !may_rescue)) {
        return 1;
    }
    if (!take_runtime_dir(options.runtime_dir) || !make_table()) {
        return 1;
    }
    return become_launcher(arguments, count, options);
}

}  // namespace
}  // namespace svcd

int main(int count, char** arguments) {
    bool may_rescue = false;
    const int status = svcd::run(count, arguments, may_rescue);
    if (may_rescue) {
        svcd::say("svcd can't start (status %d): a rescue shell is on the console", status);
        svcd::become_rescue_shell();  // the end of PID 1 would be a panic
    }
    return status;
}
