#include "guard.h"

#include <algorithm>
#include <array>

namespace svcd {

bool may_be_asked_again(Verb verb) {
    static constexpr auto kVerbs = std::to_array<Verb>(
        {Verb::status, Verb::show, Verb::cat, Verb::explain, Verb::doctor, Verb::plan, Verb::blame,
         Verb::critical_chain, Verb::list_units, Verb::list_dependencies, Verb::list_jobs,
         Verb::is_active, Verb::is_failed, Verb::is_system_running, Verb::daemon_reload,
         Verb::reset_failed, Verb::version});
    return std::ranges::find(kVerbs, verb) != kVerbs.end();
}

Trouble trouble_of(const sdbus::Error& error, const std::string& unit) {
    Trouble trouble;
    trouble.status = status_of_error(error.getName());
    trouble.name = error.getName();
    trouble.message = error.getMessage();
    trouble.unit = unit;
    if (trouble.status == ExitStatus::unreachable) {
        trouble.message = is_connection_lost(error.getName())
                              ? "the connection to svcd broke: " + error.getMessage()
                              : "svcd can't be reached: " + error.getMessage();
        return trouble;
    }
    if (error.getName() == "org.freedesktop.DBus.Error.UnknownObject" && !unit.empty()) {
        trouble.name = "org.svcd1.NoSuchUnit";
        trouble.message = "there is no unit " + unit;
    }
    if (trouble.status == ExitStatus::no_such_unit) {
        trouble.hint = "'svctl list-units --all' shows the loaded units";
    }
    if (trouble.status == ExitStatus::not_permitted &&
        trouble.message.find("root") == std::string::npos) {
        trouble.hint = "only root and the owner of this svcd may do that";
    }
    return trouble;
}

}  // namespace svcd
