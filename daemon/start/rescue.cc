#include "start/rescue.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "launcher/protocol.h"
#include "libc/os.h"

namespace svcd {
namespace {

/// µs. Who left a shell sooner was nobody, and would only be asked again.
constexpr std::int64_t kShellLeast = 1'000'000;

/// What the launcher goes by: it is in its status file, whatever file svcd was given as its
/// configuration.
RescueShell kind_of_shell() {
    char text[kStatusSize + 1] = {};
    const int file = ::open("/run/svcd/launcher", O_RDONLY | O_CLOEXEC);
    [[maybe_unused]] const ssize_t size = ::read(file, text, kStatusSize);
    ::close(file);
    if (std::strstr(text, "rescue_shell=none\n") != nullptr) {
        return RescueShell::none;
    }
    return std::strstr(text, "rescue_shell=shell\n") != nullptr ? RescueShell::shell
                                                                : RescueShell::sulogin;
}

void say_on_console() {
    const int console = ::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    log_fd = console >= 0 ? console : STDERR_FILENO;
    log_patience = 100;
}

}  // namespace

int run_rescue_shell() {
    if (::getppid() != 1 || ::geteuid() != 0) {
        say("%s is for the units of svcd as PID 1, not to be typed: 'svctl rescue' is what you "
            "want",
            kRescueShellOption);
        return 2;
    }
    say_on_console();
    const RescueShell kind = kind_of_shell();
    if (kind == RescueShell::none) {
        say("no rescue shell (RescueShell: none in svcd.yaml)");
        return 0;
    }
    say("a rescue shell is on the console; when it is left ('exit'), svcd goes on to "
        "default.target");
    const std::int64_t begin = now_usec();
    const pid_t shell = ::fork();
    if (shell == 0) {
        become_rescue_shell(kind == RescueShell::sulogin);
    }
    if (shell < 0 || ::waitpid(shell, nullptr, 0) < 0) {
        say("can't run a rescue shell: %s", std::strerror(errno));
        return 1;
    }
    if (now_usec() - begin >= kShellLeast) {
        ::kill(1, SIGRTMIN);  // isolates default.target
    }
    return 0;
}

}  // namespace svcd
