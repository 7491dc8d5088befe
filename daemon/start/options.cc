#include "start/options.h"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "libc/os.h"
#include "start/arguments.h"
#include "start/config_words.h"
#include "start/runtime_dir.h"

namespace svcd {

const char* const kHelp =
    "Usage: svcd [--system|--user|--container] [OPTIONS]\n"
    "       svcd --container [OPTIONS] -- COMMAND [ARGUMENT...]\n"
    "\n"
    "Supervise the services described by unit files. Talk to it with svctl.\n"
    "\n"
    "  --system              serve the machine (default for root)\n"
    "  --user                serve one user: units and sockets of that user\n"
    "  --container           be PID 1 of a container\n"
    "  --unit=NAME           what to start (default.target)\n"
    "  --unit-path=DIR[:DIR] where unit files are\n"
    "  --runtime-dir=DIR     sockets and state (/run/svcd or $XDG_RUNTIME_DIR/svcd)\n"
    "  --log-dir=DIR         output of services (/var/log/svcd)\n"
    "  --cgroup=PATH|none    make all cgroups below this one (the one svcd is started in), or "
    "none\n"
    "  --bus=WHICH           a message bus to be on too: system, session, none or an address\n"
    "  --config=FILE         settings of svcd itself (/etc/svcd/svcd.yaml)\n"
    "  --log-level=LEVEL     debug, info, notice, warning or error\n"
    "  --shutdown-budget=SPAN|@FILE  what a shutdown may take (in a container 10s), or a file "
    "that\n"
    "                        says it; also $SVCD_SHUTDOWN_BUDGET\n"
    "  --stop-report=WHICH   what is said of the last stop: text (in a container), json or no\n"
    "  --exit-when-idle=no   in a container: stay when nothing is left to do\n"
    "  --log-prefix=no       in a container: lines of services without the unit's name\n"
    "  --version             print the version and leave\n"
    "  --help                print this and leave\n"
    "\n"
    "With a command, which is run as main.service, and whose exit status svcd leaves with:\n"
    "  -p KEY=VALUE          a setting of its unit file, such as TimeoutStopSec=5s\n"
    "  --stop-signal=SIG[,SIG]  signals that stop it and end svcd (TERM); others are passed on\n"
    "  --forward-to=group    pass signals on to its process group (main: to it alone)\n"
    "  --leftover-timeout=SPAN  how long what it leaves behind gets after SIGTERM (2s)\n"
    "  --exit-status-map=FROM:TO[,FROM:TO]  leave with another exit status\n"
    "  --parent-death-signal=SIG  the signal that svcd gets when its parent ends\n"
    "  --warn-orphans        say when a process is reaped that its parent has left behind\n";

namespace {

/// Joins pieces of text. False: they don't fit.
template <std::size_t Size>
bool join(char (&into)[Size], std::initializer_list<const char*> pieces) {
    std::size_t length = 0;
    for (const char* piece : pieces) {
        const std::size_t more = std::strlen(piece);
        if (length + more >= Size) {
            return false;
        }
        std::memcpy(into + length, piece, more + 1);
        length += more;
    }
    return true;
}

constexpr int kUsageError = 2;

/// A container may have a /run that is read-only or another user's. /dev/shm is in every container
/// (the runtime specification of the OCI).
bool choose_runtime_dir_in_container(Options& options) {
    constexpr const char* kUsual = "/run/svcd";
    constexpr unsigned kForServicesToo = 0755;  // root's may run as others, and notify us
    constexpr unsigned kOurs = 0700;
    ::mkdir("/run", kForServicesToo);
    if (is_fit_for_runtime_dir(kUsual, kForServicesToo)) {
        return join(options.runtime_dir, {kUsual});
    }
    char user[32];
    std::snprintf(user, sizeof user, "/svcd-%u", ::geteuid());
    for (const char* folder : {"/tmp", "/dev/shm"}) {
        join(options.runtime_dir, {folder, user});
        if (is_fit_for_runtime_dir(options.runtime_dir,
                                   ::geteuid() == 0 ? kForServicesToo : kOurs)) {
            join(options.runtime_dir_for_manager, {"--runtime-dir=", options.runtime_dir});
            return true;
        }
    }
    say("there is no place for sockets and state: %s, /tmp%s and /dev/shm%s can't be made, or are "
        "another user's; mount a tmpfs on /run, or give --runtime-dir=DIR",
        kUsual, user, user);
    return false;
}

bool choose_runtime_dir(const char* given, bool is_user, Options& options) {
    if (given != nullptr) {
        if (given[0] == '\0' || !join(options.runtime_dir, {given})) {
            say("--runtime-dir must be a path of at most %zu bytes",
                sizeof options.runtime_dir - 1);
            return false;
        }
        return true;
    }
    if (!is_user) {
        return join(options.runtime_dir, {"/run/svcd"});
    }
    const char* base = std::getenv("XDG_RUNTIME_DIR");
    char usual[32];
    std::snprintf(usual, sizeof usual, "/run/user/%u", ::geteuid());
    if (base == nullptr || base[0] == '\0') {
        base = ::access(usual, W_OK) == 0 ? usual : nullptr;
    }
    if (base == nullptr || !join(options.runtime_dir, {base, "/svcd"})) {
        say("there is no place for sockets and state: XDG_RUNTIME_DIR is not set (or too long), "
            "and "
            "%s is not there; log in with a session of your own, or give --runtime-dir=DIR",
            usual);
        return false;
    }
    return true;
}

/// svcd-NAME: beside svcd, in the build tree, or where packages put programs that are not for
/// people.
bool find_program(const char* name, char (&into)[kProgramMax]) {
    // Not /proc/self/exe: as PID 1 there is no /proc yet.
    const auto* executed = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    char self[PATH_MAX] = {};
    char* end = ::realpath(executed, self) != nullptr ? std::strrchr(self, '/') : nullptr;
    if (end != nullptr) {
        *end = '\0';
    }
    const char* const places[] = {"/", "/../libexec/svcd/", "/../lib/svcd/"};
    // One that is there and can't be executed is told of later, by its path.
    for (const int wanted : {X_OK, F_OK}) {
        for (const char* place : places) {
            if (join(into, {self, place, "svcd-", name}) && ::access(into, wanted) == 0) {
                return true;
            }
        }
        if (join(into, {self, "/../", name, "/svcd-", name}) && ::access(into, wanted) == 0) {
            return true;
        }
    }
    return join(into, {"/usr/libexec/svcd/svcd-", name});
}

bool find_programs(const char* manager, Options& options) {
    manager = manager != nullptr ? manager : std::getenv("SVCD_MANAGER");
    const bool is_given = manager != nullptr && manager[0] != '\0';
    if (!find_program("launcher", options.launcher) ||
        !find_program("shutdown", options.shutdown) ||
        !(is_given ? join(options.manager, {manager}) : find_program("manager", options.manager))) {
        say("the path of svcd's programs is too long");
        return false;
    }
    return true;
}

bool is_in_container() {
    // By a runtime that says so. Not /.dockerenv: images that were made into machines still have
    // it.
    const char* container = std::getenv("container");
    return container != nullptr && container[0] != '\0';
}

/// The kernel's command line is for its first process. A PID namespace shows it too: that of the
/// host. The first one has this number in every kernel.
bool is_in_first_pid_namespace() {
    char name[32] = {};
    const ssize_t size = ::readlink("/proc/self/ns/pid", name, sizeof name - 1);
    return size > 0 && std::strcmp(name, "pid:[4026531836]") == 0;
}

/// What a manager would read later, in the place where it looks for it (manager/options.cc).
void read_settings(const char* config, bool is_user, LauncherSettings& settings) {
    char path[kProgramMax] = "/etc/svcd/svcd.yaml";
    const char* base = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    bool fits = true;
    if (config != nullptr) {
        fits = join(path, {config});
    } else if (is_user && base != nullptr && base[0] != '\0') {
        fits = join(path, {base, "/svcd/svcd.yaml"});
    } else if (is_user) {
        fits = join(path, {home != nullptr ? home : "", "/.config/svcd/svcd.yaml"});
    }
    if (fits) {
        read_config_words(path, settings);
    }
}

}  // namespace

bool is_first_of_machine(char** arguments) {
    return ::getpid() == 1 && !is_in_container() && *arguments != nullptr &&
           !says_container(arguments + 1);
}

int read_options(char** arguments, Options& options) {
    options.is_first_of_machine = is_first_of_machine(arguments);
    static KernelWords kernel;
    if (options.is_first_of_machine && is_in_first_pid_namespace()) {
        read_kernel_words("/proc/cmdline", kernel);
    }
    Arguments read;
    if (*arguments != nullptr &&
        !read_arguments(arguments + 1, options.is_first_of_machine ? &kernel : nullptr, read)) {
        return kUsageError;
    }
    options.has_command = read.has_command;
    if (read.has_command && !read_command_options(read, options.command)) {
        return kUsageError;
    }
    options.help = read.help;
    options.version = read.version;
    if ((options.help || options.version) && !options.is_first_of_machine) {
        return 0;
    }
    if (kernel.unit[0] != '\0' && read.unit == nullptr) {
        join(options.unit, {"--unit=", kernel.unit});
    }
    const bool is_user = read.is_user || (::geteuid() != 0 && !read.is_system);
    read_settings(read.config, is_user, options.settings);
    const bool is_container =
        read.is_container || (::getpid() == 1 && !options.is_first_of_machine);
    const bool has_place = is_container && read.runtime_dir == nullptr
                               ? choose_runtime_dir_in_container(options)
                               : choose_runtime_dir(read.runtime_dir, is_user, options);
    const bool is_complete = has_place && find_programs(read.manager, options);
    return is_complete ? 0 : 1;
}

}  // namespace svcd
