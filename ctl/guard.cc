#include "guard.h"

namespace svcd {

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
