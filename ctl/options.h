// The command line: which verbs there are, which options each takes, and what the user gave.
//
// The verb is found first and only the options that it takes are set up, because `svctl is-active`
// is called from scripts in a loop. An option that a verb doesn't know is an error, never silently
// without effect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "exit_status.h"
#include "time_text.h"

namespace svcd {

enum class Verb : std::uint8_t {
    start,
    stop,
    restart,
    try_restart,
    reload,
    reload_or_restart,
    try_reload_or_restart,
    isolate,
    cancel,
    kill,
    status,
    show,
    cat,
    explain,
    doctor,
    plan,
    plot,
    blame,
    critical_chain,
    list_units,
    list_dependencies,
    list_jobs,
    is_active,
    is_failed,
    is_system_running,
    wait,
    events,
    daemon_reload,
    daemon_reexec,
    reset_failed,
    version,
    exit,
    poweroff,
    reboot,
    halt,
    kexec,
    rescue,
    emergency,
    default_target,
    escape,
    help,
};

struct Options {
    Verb verb = Verb::list_units;
    std::string verb_name = "list-units";
    std::vector<std::string> arguments;

    bool user = false;
    bool system = false;
    std::string host;
    std::string bus;
    std::string runtime_dir;
    bool json = false;
    bool no_pager = false;
    bool quiet = false;
    bool plain = false;
    bool no_legend = false;
    bool no_block = false;
    bool wait = false;
    std::optional<Usec> timeout;

    std::string job_mode = "replace";
    std::string reason;
    bool force = false;  ///< of exit, poweroff ...: in no more time than the end itself needs
    bool strict = false;
    bool each = false;          ///< several units one after the other, not as one transaction
    bool dry_run = false;       ///< say what would happen, and do nothing
    bool reload_first = false;  ///< restart --reload: a changed unit file is read before
    bool stale = false;         ///< restart --stale: it is not
    int signal = 15;
    std::optional<std::int32_t> signal_value;  ///< kill --value: goes with the signal (sigqueue)
    std::string kill_whom = "all";

    std::vector<std::string> properties;
    bool value = false;
    bool all = false;
    bool failed = false;
    std::vector<std::string> states;
    std::vector<std::string> types;
    bool reverse = false;
    int lines = 10;
    int nth = 0;  ///< explain -n: the how-manieth last stop; 0: not given
    std::string wait_for = "active";
    bool of_boot = false;  ///< plot, blame, critical-chain --boot
    bool of_stop = false;  ///< ... --stop

    // escape
    bool unescape = false;
    bool as_path = false;
    bool mangle = false;
    bool only_instance = false;
    std::string suffix;
    std::string template_name;

    std::vector<std::string> warnings;  ///< about what was typed; said before anything is done
};

/// Why svctl ends without asking the daemon: a fault (to stderr), or a help text (to stdout).
struct EarlyEnd {
    ExitStatus status = ExitStatus::usage;
    std::string text;
    std::string message{};  ///< of a fault: the sentence alone, for --json
};

/// Reads the arguments after the program's name.
std::variant<Options, EarlyEnd> parse_options(const std::vector<std::string>& arguments);

/// Where the verb stands: the first argument that is neither an option nor the value of one.
std::optional<std::size_t> verb_place(const std::vector<std::string>& arguments);
/// Where the H of -H (or -qH) stands in an argument; the host follows it, or is the next argument.
std::optional<std::size_t> host_letter(std::string_view argument);

/// The verbs by task with a line each, or what one verb does and takes.
std::string help_text();
std::string help_text(Verb verb);

/// The target that rescue, emergency and default isolate; nothing of other verbs.
std::optional<std::string_view> target_of(Verb verb);

/// "30", "1min 30s" as --timeout has it; nothing when it is no length of time.
std::optional<Usec> parse_timeout(std::string_view text);

}  // namespace svcd
