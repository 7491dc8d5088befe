#include "trouble.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "facts.h"

namespace svcd {

bool is_connection_lost(const std::string& name) {
    static constexpr auto kLost = std::to_array<std::string_view>({
        "org.freedesktop.DBus.Error.Disconnected",
        "org.freedesktop.DBus.Error.NoServer",
        "System.Error.ENOTCONN",
        "System.Error.ECONNRESET",
        "System.Error.EPIPE",
        "System.Error.ESHUTDOWN",
        "System.Error.ECONNREFUSED",
    });
    return std::ranges::find(kLost, name) != kLost.end();
}

ExitStatus status_of_error(const std::string& name) {
    static constexpr auto kUnreachable = std::to_array<std::string_view>({
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.Timeout",
        "System.Error.ETIMEDOUT",
        "System.Error.ENOENT",
    });
    static constexpr auto kRefused = std::to_array<std::string_view>({
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
        "System.Error.EACCES",
        "System.Error.EPERM",
    });
    if (is_connection_lost(name) || std::ranges::find(kUnreachable, name) != kUnreachable.end()) {
        return ExitStatus::unreachable;
    }
    if (std::ranges::find(kRefused, name) != kRefused.end()) {
        return ExitStatus::not_permitted;
    }
    if (name == "org.svcd1.NoSuchUnit" || name == "org.freedesktop.DBus.Error.UnknownObject") {
        return ExitStatus::no_such_unit;
    }
    return ExitStatus::failed;
}

std::string location_in(const std::string& message) {
    const std::size_t end = message.find(": ");
    if (end == std::string::npos || !message.starts_with('/')) {
        return "";
    }
    const std::string place = message.substr(0, end);
    return std::ranges::count(place, ':') == 2 ? place : "";
}

std::string trouble_text(const Trouble& trouble, bool json, const Screen& screen) {
    const std::string location =
        trouble.location.empty() ? location_in(trouble.message) : trouble.location;
    if (json) {
        const auto or_null = [](const std::string& text) {
            return text.empty() ? Json{} : Json(text);
        };
        Json object = {{"error",
                        {{"name", trouble.name},
                         {"message", trouble.message},
                         {"unit", or_null(trouble.unit)},
                         {"location", or_null(location)}}}};
        if (!trouble.exec_error.is_null()) {
            object["error"]["exec_error"] = trouble.exec_error;
        }
        return json_text(object);
    }
    std::string text = coloured(screen, Colour::bad, "error:") + " ";
    const bool names_unit = trouble.message.find(trouble.unit) != std::string::npos;
    text += trouble.unit.empty() || names_unit ? "" : trouble.unit + ": ";
    text += harmless_lines(trouble.message) + "\n";
    if (!trouble.hint.empty()) {
        text += coloured(screen, Colour::strong, "hint:") + " " + trouble.hint + "\n";
    }
    return text;
}

}  // namespace svcd
