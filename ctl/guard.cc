#include "guard.h"

namespace svcd {

bool may_be_asked_again(Verb verb) {
    switch (verb) {
        case Verb::status:
        case Verb::show:
        case Verb::cat:
        case Verb::explain:
        case Verb::doctor:
        case Verb::plan:
        case Verb::blame:
        case Verb::critical_chain:
        case Verb::list_units:
        case Verb::list_dependencies:
        case Verb::list_jobs:
        case Verb::is_active:
        case Verb::is_failed:
        case Verb::is_system_running:
        case Verb::daemon_reload:
        case Verb::reset_failed:
        case Verb::version:
            return true;
        case Verb::start:
        case Verb::stop:
        case Verb::restart:
        case Verb::try_restart:
        case Verb::reload:
        case Verb::reload_or_restart:
        case Verb::try_reload_or_restart:
        case Verb::isolate:
        case Verb::cancel:
        case Verb::kill:
        case Verb::plot:
        case Verb::wait:
        case Verb::events:
        case Verb::daemon_reexec:
        case Verb::exit:
        case Verb::poweroff:
        case Verb::reboot:
        case Verb::halt:
        case Verb::help:
            break;
    }
    return false;
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
