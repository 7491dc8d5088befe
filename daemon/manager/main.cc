// svcd-manager, started by svcd (launcher/) and by nobody else: all policy, and the D-Bus API. It
// may end at any moment, by a crash or a signal, and nothing is lost: svcd starts it again, and it
// goes on with what the state file and the process table say.
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "launcher/protocol.h"
#include "manager/command_unit.h"
#include "manager/config.h"
#include "manager/console.h"
#include "manager/grace.h"
#include "manager/last_words.h"
#include "manager/log.h"
#include "manager/manager.h"
#include "manager/options.h"
#include "manager/start_up.h"
#include "manager/successor.h"

namespace svcd {
namespace {

constexpr int kCouldNotStart = 1;
constexpr int kUsage = 2;

/// Signals are svcd's business, which passes on what it is asked for. A Ctrl-C reaches the whole
/// process group, us too; it must not end us beside it.
void leave_signals_to_launcher() {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPWR, SIGTSTP}) {
        sigaddset(&blocked, signal);
    }
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    // Never short for so few bytes; without entropy (very early in a boot) the PID has to do.
    if (::getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
        seed = static_cast<std::uint64_t>(::getpid()) * 0x9e3779b97f4a7c15;
    }
    return seed;
}

/// svcd leaves when its first manager couldn't start, and starts a later one again.
int give_up(Log& log, const Error& error) {
    log.say(Severity::error, "Cannot start: " + to_string(error));
    leave_last_words("Cannot start: " + to_string(error));
    return kCouldNotStart;
}

/// A svcd without svcd-exec is not whole: nobody should find out at the tenth unit. A machine, and
/// one that runs already, go on: units that need it fail, with that reason.
bool may_go_on(Log& log, const ManagerOptions& options, Pid launcher, const ProcessTable& table) {
    const std::optional<Error> problem = exec_helper_problem();
    if (!problem) {
        return true;
    }
    if (launcher != 1 && !table.has_taken_over()) {
        give_up(log, *problem);
        return false;
    }
    log.say(Severity::error, to_string(*problem) + "; units that need it fail");
    if (is_machine(options, launcher)) {
        Console{"/dev/console"}.say(to_string(*problem) + "; units that need it fail");
    }
    return true;
}

int run(ManagerOptions options) {
    Log log{STDERR_FILENO, options.log_level};
    keep_last_words(options.runtime_dir);
    const Result<Pid> launcher = tie_to_launcher();
    Result<ProcessTable> table =
        launcher ? attach_table() : Result<ProcessTable>{Failure{launcher.error()}};
    if (!table) {
        return give_up(log, table.error());
    }
    ParsedConfig config =
        read_config(options.config, options.config_given, config_defaults(options));
    for (const std::string& error : config.errors) {
        log.report(Severity::error, error);
    }
    if (config.unreadable && options.config_given && !is_machine(options, *launcher) &&
        !table->has_taken_over()) {
        return give_up(log, *config.unreadable);
    }
    if (const auto chosen = choose_shutdown_budget(options, config.config); !chosen) {
        // A file may have gone since; a manager that follows goes on with what svcd.yaml says.
        if (!is_machine(options, *launcher) && !table->has_taken_over()) {
            give_up(log, chosen.error());
            return kUsage;
        }
        log.say(Severity::error, to_string(chosen.error()));
    }
    if (!options.log_dir_given && !config.config.log_dir.empty()) {
        options.log_dir = config.config.log_dir;
    }
    options.log_access = log_access(options.mode, config.config.log_group, log);
    table->set_launcher_settings(config.config.launcher, config.config.manager_timeout);
    if (is_machine(options, *launcher)) {
        if (const auto set = set_kernel_panic(config.config.kernel_panic); !set) {
            log.say(Severity::warning, to_string(set.error()));
        }
    }
    if (!may_go_on(log, options, *launcher, *table)) {
        return kCouldNotStart;
    }
    Result<Kernel> kernel = open_kernel(*launcher, *table, options, log);
    if (!kernel) {
        return give_up(log, kernel.error());
    }
    if (options.command && !table->has_taken_over()) {
        if (const auto problem = write_command_unit(options)) {
            log.say(Severity::error, problem->text);
            leave_last_words(problem->text);
            const auto mapped = options.command->exit_status_map.find(problem->status);
            // With 0 svcd would take it for a manager that makes room for another.
            const bool is_mapped = mapped != options.command->exit_status_map.end() &&
                                   problem->status != kUsage && mapped->second != 0;
            return is_mapped ? mapped->second : problem->status;
        }
    }
    Manager manager{options, config, random_seed(), *kernel, log};
    const Result<Exit> exit = manager.run();
    if (!exit) {
        return give_up(log, exit.error());
    }
    return exit->status;
}

}  // namespace
}  // namespace svcd

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], svcd::kCanFollow) == 0) {
        const bool can = argv[2] == std::to_string(svcd::kTableVersion);
        return can ? 0 : svcd::kCanNotFollow;
    }
    svcd::leave_signals_to_launcher();
    svcd::ParsedCommandLine parsed = svcd::parse_command_line(
        std::vector<std::string>(argv + 1, argv + argc), svcd::surroundings());
    if (!parsed.options) {
        std::fputs(parsed.text.c_str(), parsed.status == 0 ? stdout : stderr);
        return parsed.status;
    }
    parsed.options->program = argv[0];
    return svcd::run(*parsed.options);
}
