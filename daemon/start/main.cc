// svcd: all that is done once, before the launcher begins. What fails here is said, and ends it.
//
// It makes what the launcher is to have (libc/os.h: descriptors, arguments), and becomes it by
// execve: the same process, with the same lock, and nothing of this program in its memory.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "libc/os.h"
#include "start/descriptors.h"
#include "start/mounts.h"
#include "start/options.h"
#include "start/rescue.h"
#include "start/runtime_dir.h"

namespace svcd {
namespace {

constexpr int kOomScoreMax = 8;
constexpr int kCommandSize = 24;
constexpr int kInheritedSize = 64;

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

/// The launcher is spared by the OOM killer, where we may ask for that; what it starts is not, so
/// it is told the score that we had.
void protect_from_oom(char (&before)[kOomScoreMax]) {
    const int score = ::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    const ssize_t size = score < 0 ? 0 : ::read(score, before, sizeof before - 1);
    before[size > 0 ? size : 0] = '\0';
    if (size > 0 && ::pwrite(score, "-1000", 5, 0) < 0) {
        before[0] = '\0';
    }
    ::close(score);
}

bool can_execute(const char* path) {
    if (::access(path, X_OK) == 0) {
        return true;
    }
    say("can't execute %s: %s; is svcd installed whole?", path, std::strerror(errno));
    return false;
}

/// Is standard input our controlling terminal, and are we in its foreground? A group of another PID
/// namespace is shown as 0.
bool has_terminal() {
    pid_t group = 0;
    return ::ioctl(STDIN_FILENO, TIOCGPGRP, &group) == 0 && (group == 0 || group == ::getpgrp());
}

/// kCommandArgument.
void describe_command(const CommandOptions& command, char (&text)[kCommandSize]) {
    std::snprintf(text, sizeof text, "%llx%s%s",
                  static_cast<unsigned long long>(command.stop_signals),
                  command.warn_orphans ? "w" : "", has_terminal() ? "t" : "");
}

/// For the launcher, over the execve. PID 1 would lose what it neither blocks nor handles.
void hold_signals() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

/// Returns only when something failed.
int become_launcher(char** arguments, int count, Options& options, const Inherited& inherited) {
    take_notify_socket();
    char oom_score[kOomScoreMax];
    protect_from_oom(oom_score);
    char name[] = "svcd";
    char rescue[] = "rescue";
    char none[] = "";
    char command[kCommandSize] = "";
    char given[kInheritedSize] = "";
    // Room for --inherited=, --runtime-dir=, --unit= and the null at the end too.
    char** all = static_cast<char**>(
        std::calloc(static_cast<std::size_t>(count + kManagerArgument) + 5, sizeof(char*)));
    if (all == nullptr) {
        say("no memory to start");
        return 1;
    }
    all[0] = name;
    all[kRescueArgument] = options.is_first_of_machine ? rescue : none;
    all[kOomArgument] = oom_score;
    all[kShutdownArgument] = options.shutdown;
    all[kCommandArgument] = command;
    char** next = all + kManagerArgument;
    *next++ = options.manager;
    // Before the others, for behind -- everything is the command's.
    if (options.has_command) {
        describe_command(options.command, command);
        std::snprintf(given, sizeof given, "--inherited=%o:%llx%s", inherited.umask,
                      static_cast<unsigned long long>(inherited.ignored_signals),
                      options.command.warn_orphans ? ":w" : "");
        *next++ = given;
    }
    if (options.runtime_dir_for_manager[0] != '\0') {
        *next++ = options.runtime_dir_for_manager;
    }
    if (options.unit[0] != '\0') {
        *next++ = options.unit;
    }
    for (int index = 1; arguments[0] != nullptr && arguments[index] != nullptr; ++index) {
        *next++ = arguments[index];
    }
    if (options.command.parent_death_signal != 0) {
        ::prctl(PR_SET_PDEATHSIG, options.command.parent_death_signal);
    }
    ::execv(options.launcher, all);
    say("can't execute %s: %s", options.launcher, std::strerror(errno));
    return 1;
}

int run(int count, char** arguments, Options& options) {
    const Inherited inherited = start_clean();
    if (is_first_of_machine(arguments)) {
        mount_api_file_systems();  // the kernel's command line is in /proc
    }
    if (const int status = read_options(arguments, options); status != 0) {
        return status;
    }
    if (options.help || options.version) {
        std::fputs(options.help ? kHelp : "svcd " SVCD_VERSION "\n", stdout);
        const bool is_written = std::fflush(stdout) == 0;
        if (!options.is_first_of_machine) {
            return is_written ? 0 : 1;
        }
    }
    open_log();
    if (!has_enough_descriptors()) {
        return 1;
    }
    if (!can_execute(options.manager) || !can_execute(options.launcher) ||
        (::getpid() == 1 && !can_execute(options.shutdown) && !options.is_first_of_machine)) {
        return 1;
    }
    if (!take_runtime_dir(options.runtime_dir) || !make_table(options.settings)) {
        return 1;
    }
    return become_launcher(arguments, count, options, inherited);
}

}  // namespace
}  // namespace svcd

int main(int count, char** arguments) {
    if (count == 2 && std::strcmp(arguments[1], svcd::kRescueShellOption) == 0) {
        return svcd::run_rescue_shell();
    }
    svcd::hold_signals();
    svcd::Options options;
    const int status = svcd::run(count, arguments, options);
    if (options.is_first_of_machine) {
        const svcd::RescueShell shell = options.settings.rescue_shell;
        const bool has_shell = shell != svcd::RescueShell::none;
        svcd::say(
            "svcd can't start (status %d): %s", status,
            has_shell ? "a rescue shell is on the console" : "this machine can be switched off");
        if (!has_shell) {
            svcd::wait_for_ever();  // the end of PID 1 would be a panic
        }
        svcd::become_rescue_shell(shell == svcd::RescueShell::sulogin);
    }
    return status;
}
