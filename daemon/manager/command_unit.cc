#include "manager/command_unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "manager/generated_unit.h"
#include "manager/start_up.h"
#include "unitfile/loader.h"
#include "unitfile/setting_row.h"

namespace svcd {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// As execvp(3): the first file of that name that can be executed.
std::optional<std::string> find_in_path(const std::string& name, int& why) {
    const char* variable = std::getenv("PATH");
    std::string_view rest = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
    why = ENOENT;
    for (;;) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        const std::string folder{rest.substr(0, end)};
        std::string path = (folder.empty() ? "." : folder) + "/" + name;
        struct stat facts {};
        if (::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) {
            if (::access(path.c_str(), X_OK) == 0) {
                return path;
            }
            why = errno;
        }
        if (end == rest.size()) {
            return std::nullopt;
        }
        rest.remove_prefix(end + 1);
    }
}

std::string current_folder() {
    std::array<char, 4096> path{};
    return ::getcwd(path.data(), path.size()) != nullptr && path[0] == '/' ? path.data() : "";
}

std::string absolute(const std::string& path) {
    const std::string folder = current_folder();
    return path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

std::string unit_text(const CommandOptions& command, const std::string& program) {
    std::string text =
        "# Made by svcd, of its command line.\n"
        "Unit:\n"
        "  Description: " +
        yaml_scalar(command.words.front()) +
        "\n"
        "  DefaultDependencies: no\n"
        "  SuccessAction: exit\n"
        "  FailureAction: exit\n"
        "Service:\n"
        "  ExecStart: [" +
        yaml_scalar(":@" + program);
    for (const std::string& word : command.words) {
        text += ", " + yaml_scalar(word);
    }
    std::array<char, 16> umask{};
    std::snprintf(umask.data(), umask.size(), "\"%04o\"", command.umask);
    text += "]\n  UMask: ";
    text += umask.data();
    if (const std::string folder = current_folder(); !folder.empty()) {
        text += "\n  WorkingDirectory: " + yaml_scalar(folder);
    }
    text +=
        "\n"
        "  StandardInput: inherit\n"
        "  StandardOutput: inherit\n"
        "  StandardError: inherit\n"
        "  IgnoreSIGPIPE: no\n"
        "  LeftoverTimeoutSec: " +
        std::to_string(command.leftover_timeout.count()) + "us\n";
    return text;
}

/// The section that a key stands in; empty: no unit file has it.
std::string_view section_of(std::string_view key) {
    for (const std::string_view section : {"Service", "Unit"}) {
        if (find_setting(section, key) != nullptr) {
            return section;
        }
    }
    return {};
}

/// One drop-in for each -p, so that lists grow and other values replace, in their order. `~` puts
/// them after the drop-ins of others.
std::optional<CommandProblem> write_settings(const CommandOptions& command,
                                             const std::string& folder) {
    unsigned number = 0;
    for (const std::string& setting : command.settings) {
        const std::size_t sign = setting.find('=');
        const std::string key = setting.substr(0, sign);
        const std::string_view section = section_of(key);
        if (section.empty()) {
            return CommandProblem{kUsage, "-p " + setting + ": no unit file has the key '" + key +
                                              "'; see docs/unit-settings.md"};
        }
        std::array<char, 32> name{};
        std::snprintf(name.data(), name.size(), "/zz-command-%04u.yaml", number++);
        const std::string text = "# -p\n" + std::string{section} + ":\n  " + key + ": " +
                                 setting.substr(sign + 1) + "\n";
        if (const auto written = write_generated(folder + name.data(), text); !written) {
            return CommandProblem{kFailed, to_string(written.error())};
        }
    }
    return std::nullopt;
}

/// What was typed is wrong: nothing is started.
std::optional<CommandProblem> problem_of_files(const ManagerOptions& options) {
    LoaderOptions loader;
    loader.unit_path = {command_units_path(options)};
    const LoadReport report = UnitLoader{loader}.load(kCommandUnit, FaultyDropIn::reject_unit);
    if (!report.units.empty() && report.units.front().state == LoadState::loaded) {
        return std::nullopt;
    }
    std::string text = "the command can't be run with these settings";
    for (const Diagnostic& diagnostic : report.diagnostics) {
        text += "\n" + to_string(diagnostic);
    }
    return CommandProblem{kUsage, text};
}

}  // namespace

std::string command_units_path(const ManagerOptions& options) {
    return runtime_path(options, "command");
}

std::optional<CommandProblem> write_command_unit(const ManagerOptions& options) {
    const CommandOptions& command = *options.command;
    std::string program = command.words.front();
    if (program.find('/') == std::string::npos) {
        int why = 0;
        const auto found = find_in_path(program, why);
        if (!found) {
            return CommandProblem{why == ENOENT ? kNotFound : kNotExecutable,
                                  "can't execute " + program + ": " +
                                      (why == ENOENT ? "no folder of PATH has a file of that name"
                                                     : std::strerror(why))};
        }
        program = *found;
    }
    const std::string folder = command_units_path(options);
    const std::string drop_ins = folder + "/" + kCommandUnit + ".d";
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);  // of a svcd before this one
    for (const std::string& path : {folder, drop_ins}) {
        if (const auto made = make_generated_folder(path); !made) {
            return CommandProblem{kFailed, to_string(made.error())};
        }
    }
    const auto written = write_generated(folder + "/" + kCommandUnit + ".yaml",
                                         unit_text(command, absolute(program)));
    if (!written) {
        return CommandProblem{kFailed, to_string(written.error())};
    }
    const auto problem = write_settings(command, drop_ins);
    return problem ? problem : problem_of_files(options);
}

}  // namespace svcd
