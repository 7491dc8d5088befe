#include "manager/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "manager/command_unit.h"
#include "manager/log.h"
#include "unitfile/unit_name.h"

namespace svcd {
namespace {

std::string environment_or_empty(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

std::vector<std::string> split_path(const std::string& path) {
    std::vector<std::string> folders;
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        if (end > begin) {
            folders.push_back(path.substr(begin, end - begin));
        }
        begin = end + 1;
    }
    return folders;
}

std::string first_of(const std::string& preferred, const std::string& otherwise) {
    return preferred.empty() ? otherwise : preferred;
}

void fill_in_defaults(ManagerOptions& options, const Surroundings& around) {
    const bool user = options.mode == RunMode::user;
    const std::string home = first_of(around.home, "/");
    if (options.runtime_dir.empty()) {
        options.runtime_dir =
            user ? first_of(around.xdg_runtime_dir, "/run/user/" + std::to_string(around.uid)) +
                       "/svcd"
                 : "/run/svcd";
    }
    if (options.log_dir.empty()) {
        options.log_dir =
            user ? first_of(around.xdg_state_home, home + "/.local/state") + "/svcd/log"
                 : "/var/log/svcd";
    }
    if (options.config.empty()) {
        options.config =
            user ? first_of(around.xdg_config_home, home + "/.config") + "/svcd/svcd.yaml"
                 : "/etc/svcd/svcd.yaml";
    }
    if (options.bus.empty()) {
        switch (options.mode) {
            case RunMode::system:
                options.bus = "system";
                break;
            case RunMode::user:
                options.bus = "session";
                break;
            case RunMode::container:
                options.bus = "none";
                break;
        }
    }
    if (options.bus == "private") {
        options.bus = "none";
    }
}

/// A relative folder on the command line means one below where svcd was started; the manager, which
/// may be started again later, must not depend on that.
std::string absolute(const std::string& path) {
    if (path.empty() || path.front() == '/') {
        return path;
    }
    std::string folder(4096, '\0');
    if (::getcwd(folder.data(), folder.size()) == nullptr) {
        return path;
    }
    folder.resize(folder.find('\0'));
    return folder + "/" + path;
}

/// As svctl takes a name: without a type it is a service.
std::string with_type(std::string name) {
    constexpr std::string_view kTypes[] = {"service", "target", "slice", "socket",
                                           "timer",   "path",   "mount", "automount",
                                           "swap",    "device", "scope"};
    const std::string_view type = std::string_view{name}.substr(name.rfind('.') + 1);
    const bool has_type = type.size() < name.size() &&
                          std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
    return has_type ? name : name + ".service";
}

RunMode mode_of(bool system, bool user, bool container, const Surroundings& around) {
    const bool is_given = system || user;
    if (container || (!is_given && around.pid_of_svcd == 1 && around.in_container)) {
        return RunMode::container;
    }
    const bool may_manage_machine = around.pid_of_svcd == 1 || around.uid == 0;
    return user || (!system && !may_manage_machine) ? RunMode::user : RunMode::system;
}

}  // namespace

std::string_view version_text() {
    return SVCD_VERSION;
}

Surroundings surroundings() {
    Surroundings around;
    around.uid = ::getuid();
    around.pid_of_svcd = ::getppid();
    around.in_container = !environment_or_empty("container").empty();
    around.home = environment_or_empty("HOME");
    around.xdg_runtime_dir = environment_or_empty("XDG_RUNTIME_DIR");
    around.xdg_config_home = environment_or_empty("XDG_CONFIG_HOME");
    around.xdg_state_home = environment_or_empty("XDG_STATE_HOME");
    return around;
}

ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments,
                                     const Surroundings& around) {
    ManagerOptions options;
    const auto command = std::find(arguments.begin(), arguments.end(), "--");
    std::string unit_path;
    std::string log_level = "info";
    CLI::App app{"svcd: starts services, keeps them alive, and stops them in order", "svcd"};
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    bool is_system = false;
    bool is_user = false;
    bool is_container = false;
    auto* system =
        app.add_flag("--system", is_system, "Manage the machine (the default as PID 1 and root)");
    auto* user = app.add_flag("--user", is_user, "Manage a user's services")->excludes(system);
    app.add_flag("--container", is_container, "Manage a container")
        ->excludes(system)
        ->excludes(user);
    app.add_option("--unit-path", unit_path, "Folders of unit files, first found wins")
        ->type_name("DIR[:DIR...]");
    app.add_option("--runtime-dir", options.runtime_dir, "Sockets and state")->type_name("DIR");
    app.add_option("--log-dir", options.log_dir, "Output of services")->type_name("DIR");
    app.add_option("--cgroup", options.cgroup, "The cgroup below which everything is made")
        ->type_name("PATH");
    app.add_option("--bus", options.bus, "A message bus to be on: system, session, none, ADDRESS")
        ->type_name("BUS");
    app.add_option("--config", options.config, "The configuration file")->type_name("FILE");
    app.add_option("--unit", options.unit, "The unit to start first")
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--log-level", log_level, "debug, info, notice, warning or error")
        ->type_name("LEVEL")
        ->capture_default_str();
    CommandWords typed;
    app.add_option("-p", typed.settings, "A setting of the command's unit file")
        ->type_name("KEY=VALUE")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->expected(1)
        ->allow_extra_args(false);
    app.add_option("--stop-signal", typed.stop_signal, "Signals that stop the command");
    app.add_option("--forward-to", typed.forward_to, "Who gets other signals");
    app.add_option("--leftover-timeout", typed.leftover_timeout, "For what the command leaves");
    app.add_option("--exit-status-map", typed.exit_status_map, "Exit statuses to leave with");
    app.add_option("--inherited", typed.inherited, "Of svcd itself")->group("");
    std::string stop_report;
    std::string exit_when_idle;
    app.add_option("--shutdown-budget", options.shutdown_budget, "What a shutdown may take")
        ->type_name("SPAN|@FILE");
    app.add_option("--stop-report", stop_report, "What is said of the last stop")
        ->type_name("text|json|no")
        ->check(CLI::IsMember({"text", "json", "no"}));
    app.add_option("--exit-when-idle", exit_when_idle, "Leave when nothing is left to do")
        ->type_name("yes|no")
        ->check(CLI::IsMember({"yes", "no"}));
    std::string log_prefix = "yes";
    app.add_option("--log-prefix", log_prefix, "Begin lines of services with the unit's name")
        ->type_name("yes|no")
        ->check(CLI::IsMember({"yes", "no"}));
    app.set_version_flag("--version", "svcd " + std::string(version_text()));
    ParsedCommandLine parsed;
    try {
        std::vector<std::string> reversed(std::reverse_iterator{command}, arguments.rend());
        app.parse(std::move(reversed));
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        parsed.status = app.exit(error, out, out) == 0 ? 0 : 2;
        parsed.text = out.str();
        return parsed;
    }
    const std::optional<Severity> severity = severity_of(log_level);
    if (!severity) {
        parsed.text =
            "--log-level: '" + log_level + "' is none of debug, info, notice, warning, error\n";
        parsed.status = 2;
        return parsed;
    }
    options.log_level = *severity;
    if (arguments.end() - command > 1) {
        options.command = read_command_options(typed, {command + 1, arguments.end()}, parsed.text);
        if (!options.command) {
            parsed.text += '\n';
            parsed.status = 2;
            return parsed;
        }
    }
    options.log_prefix = log_prefix == "yes";
    options.mode = mode_of(is_system, is_user, is_container, around);
    const bool is_in_container = options.mode == RunMode::container;
    options.stop_report = stop_report == "json" ? StopReport::json
                          : stop_report == "text" || (stop_report.empty() && is_in_container)
                              ? StopReport::text
                              : StopReport::no;
    options.exit_when_idle =
        exit_when_idle.empty() ? is_in_container && !options.command : exit_when_idle == "yes";
    options.config_given = !options.config.empty();
    options.runtime_dir_given = !options.runtime_dir.empty();
    options.log_dir_given = !options.log_dir.empty();
    for (const std::string& folder : split_path(unit_path)) {
        options.unit_path.push_back(absolute(folder));
    }
    options.unit = options.command ? std::string{kCommandUnit} : with_type(std::move(options.unit));
    fill_in_defaults(options, around);
    options.runtime_dir = absolute(options.runtime_dir);
    options.log_dir = absolute(options.log_dir);
    options.config = absolute(options.config);
    parsed.options = std::move(options);
    return parsed;
}

}  // namespace svcd
