#include "stale_files.h"

#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <optional>

#include "trouble.h"

namespace svcd {
namespace {

/// Which of the units were read from files that have changed since.
std::vector<std::string> changed_units(Session& session, const std::vector<std::string>& units) {
    std::vector<std::string> changed;
    for (const std::string& unit : units) {
        try {
            if (session.daemon().unit_property(unit, "org.svcd1.Unit", "NeedDaemonReload") ==
                true) {
                changed.push_back(unit);
            }
        } catch (const sdbus::Error& error) {
            if (status_of_error(error.getName()) != ExitStatus::no_such_unit) {
                throw;
            }  // not loaded, so not stale either: the request itself says what is wrong with it
        }
    }
    return changed;
}

/// Reading the files again would bring nothing for a unit whose file is gone.
void refuse_what_has_no_file(Session& session, const std::vector<std::string>& changed) {
    for (const std::string& unit : changed) {
        const Json properties = session.daemon().unit_properties(unit);
        const std::string path = text_of(properties, "FragmentPath");
        const bool is_gone = !path.empty() && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
        if (!is_gone && text_of(properties, "LoadState") != "not-found") {
            continue;
        }
        throw Trouble{ExitStatus::usage,
                      "org.svcd1.UnitFileChanged",
                      unit + ": its unit file" + (path.empty() ? "" : " " + path) +
                          " is gone: once stopped, it could not be started again; nothing was done",
                      unit,
                      "put the file back, or restart with --stale, by what is loaded",
                      ""};
    }
}

/// Asks on the terminal; nothing when there is none.
std::optional<bool> wants_reload(Session& session, const std::string& units) {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
        return std::nullopt;
    }
    session.ask(units +
                ": the unit file has changed since it was loaded. Read it first? "
                "[Y: daemon-reload, n: restart with the old one, anything else: stop] ");
    std::string answer;
    if (!std::getline(std::cin, answer)) {
        return std::nullopt;
    }
    if (answer.empty() || answer == "y" || answer == "Y" || answer == "yes") {
        return true;
    }
    return answer == "n" || answer == "N" || answer == "no" ? std::optional{false} : std::nullopt;
}

}  // namespace

void settle_stale_files(Session& session, const std::vector<std::string>& units) {
    const Options& options = session.options();
    if (options.verb != Verb::restart || options.stale) {
        return;
    }
    std::vector<std::string> changed = changed_units(session, units);
    if (changed.empty()) {
        return;
    }
    std::string names;
    for (const std::string& unit : changed) {
        names += (names.empty() ? "" : ", ") + unit;
    }
    refuse_what_has_no_file(session, changed);
    const std::optional<bool> reload = options.reload_first ? true : wants_reload(session, names);
    if (!reload) {
        throw Trouble{ExitStatus::usage,
                      "org.svcd1.UnitFileChanged",
                      names + ": the unit file has changed since it was loaded; nothing was done",
                      changed.front(),
                      "'svctl restart --reload' reads the file first, --stale goes on with the old "
                      "definition",
                      ""};
    }
    if (!*reload) {
        return;
    }
    const auto [errors, warnings] = session.daemon().manager().ReloadUnits();
    for (const std::string& warning : warnings) {
        session.warn(warning);
    }
    for (const std::string& error : errors) {
        session.warn(error);  // others may be faulty; whether it matters here is seen below
    }
    changed = changed_units(session, changed);
    if (!changed.empty()) {
        throw Trouble{ExitStatus::bad_config,
                      "org.svcd1.BadUnitSetting",
                      changed.front() +
                          " keeps its old definition, because its file has errors; "
                          "nothing was restarted",
                      changed.front(),
                      "mend the file, or restart with --stale",
                      ""};
    }
}

}  // namespace svcd
