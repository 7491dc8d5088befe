#include "start/options.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "libc/os.h"

namespace svcd {

const char* const kHelp =
    "Usage: svcd [--system|--user|--container] [OPTIONS]\n"
    "       svcd --container [OPTIONS] -- COMMAND [ARGUMENTS]\n"
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
    "  --cgroup=PATH         make all cgroups below this one (the one svcd is started in)\n"
    "  --bus=WHICH           a message bus to be on too: system, session, none or an address\n"
    "  --config=FILE         settings of svcd itself (/etc/svcd/svcd.yaml)\n"
    "  --log-level=LEVEL     debug, info, notice, warning or error\n"
    "  --version             print the version and leave\n"
    "  --help                print this and leave\n";

namespace {

/// The value of `--name=VALUE` or `--name VALUE`, and how many arguments it took; 0: another one.
int match(char** argument, const char* name, const char** value) {
    const std::size_t length = std::strlen(name);
    if (std::strncmp(*argument, name, length) != 0) {
        return 0;
    }
    if ((*argument)[length] == '=') {
        *value = *argument + length + 1;
        return 1;
    }
    if ((*argument)[length] == '\0' && argument[1] != nullptr) {
        *value = argument[1];
        return 2;
    }
    return 0;
}

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
    if (base == nullptr || base[0] == '\0' || !join(options.runtime_dir, {base, "/svcd"})) {
        say("XDG_RUNTIME_DIR is not set (or too long): give --runtime-dir=DIR");
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
    for (const char* place : places) {
        if (join(into, {self, place, "svcd-", name}) && ::access(into, X_OK) == 0) {
            return true;
        }
    }
    return (join(into, {self, "/../", name, "/svcd-", name}) && ::access(into, X_OK) == 0) ||
           join(into, {"/usr/libexec/svcd/svcd-", name});
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

}  // namespace

bool read_options(char** arguments, Options& options) {
    const char* runtime_dir = nullptr;
    const char* manager = nullptr;
    bool is_user = ::geteuid() != 0;
    bool is_container = is_in_container();
    char** kept = arguments + (*arguments == nullptr ? 0 : 1);
    for (char** next = kept; *next != nullptr;) {
        if (std::strcmp(*next, "--") == 0) {
            while (*next != nullptr) {
                *kept++ = *next++;
            }
            break;
        }
        if (const int taken = match(next, "--manager", &manager); taken > 0) {
            next += taken;
            continue;
        }
        int taken = match(next, "--runtime-dir", &runtime_dir);
        if (taken == 0) {
            taken = 1;
            is_user = std::strcmp(*next, "--user") == 0 ||
                      (is_user && std::strcmp(*next, "--system") != 0);
            is_container |= std::strcmp(*next, "--container") == 0;
            options.help |= std::strcmp(*next, "--help") == 0 || std::strcmp(*next, "-h") == 0;
            options.version |= std::strcmp(*next, "--version") == 0;
        }
        while (taken-- > 0) {
            *kept++ = *next++;
        }
    }
    *kept = nullptr;
    if (options.help || options.version) {
        return true;
    }
    options.is_first_of_machine = ::getpid() == 1 && !is_container;
    return choose_runtime_dir(runtime_dir, is_user, options) && find_programs(manager, options);
}

}  // namespace svcd
