// The command line of svcd, as the manager takes it (svcd hands its own on, word for word), with
// the defaults of the mode filled in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/effect.h"
#include "linux/log_files.h"
#include "manager/command_options.h"

namespace svcd {

enum class RunMode : std::uint8_t { system, user, container };

/// --stop-report: what is said of the last stop (manager/stop_report.h).
enum class StopReport : std::uint8_t { no, text, json };

struct ManagerOptions {
    std::string program;  ///< svcd-manager's path, as svcd starts it
    RunMode mode = RunMode::system;
    std::vector<std::string> unit_path;  ///< empty: the loader's default for the mode
    std::string runtime_dir;
    bool runtime_dir_given = false;
    std::string log_dir;
    bool log_dir_given = false;  ///< then LogDir of svcd.yaml doesn't count
    LogAccess log_access;        ///< by LogGroup of svcd.yaml
    std::string cgroup;          ///< empty: the one svcd was started in
    std::string bus;             ///< "system", "session", "none" or an address
    std::string config;
    bool config_given = false;  ///< then it must exist
    std::string unit = "default.target";
    std::optional<CommandOptions> command;  ///< `-- COMMAND`: `unit` is main.service then
    std::string shutdown_budget;            ///< as it was typed; empty: it was not
    StopReport stop_report = StopReport::no;
    bool exit_when_idle = false;  ///< leave when nothing is left to do (manager/idle.h)
    Severity log_level = Severity::info;
    bool log_prefix = true;  ///< of a container: lines of services begin with the unit's name
};

/// What the defaults of a mode are made from. Handed in, so that the defaults can be tested.
struct Surroundings {
    std::uint32_t uid = 0;
    /// 1: without a mode on the command line it is --system, or --container in one.
    Pid pid_of_svcd = 0;
    bool in_container = false;  ///< $container says so
    std::string home;
    std::string xdg_runtime_dir;
    std::string xdg_config_home;
    std::string xdg_state_home;
};
Surroundings surroundings();

/// Either options, or (for --help, --version, a mistake) the text to print and the status to leave
/// with.
struct ParsedCommandLine {
    std::optional<ManagerOptions> options;
    std::string text;
    int status = 0;
};
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments,
                                     const Surroundings& around);

/// "0.1.0".
std::string_view version_text();

}  // namespace svcd
