#include "reasons.h"

#include <cstdint>

#include "messages.h"
#include "time_text.h"

namespace svcd {
namespace {

/// What kept the unit's command from being executed, where that is why it failed: a reload's
/// failure is another matter, and what stops it may fail after its main process has.
std::string exec_error_text(const Json& properties, const std::string& result) {
    const std::string text = text_of(properties, "ExecErrorText");
    const bool failed_before = number_of(properties, "ExecMainCode") != 0 &&
                               number_of(properties, "ExecMainStatus") != 0 &&
                               truth_of(properties, "ExecStarted");
    if ((result != "exit-code" && result != "resources") || text.starts_with("ExecReload:") ||
        (text.starts_with("ExecStop") && failed_before)) {
        return "";
    }
    return text;
}

std::string setting_blamed(const Json& properties) {
    if (number_of(properties, "ExecMainCode") != 1 || truth_of(properties, "ExecStarted")) {
        return "";
    }
    switch (number_of(properties, "ExecMainStatus")) {
        case 200:
            return "WorkingDirectory";
        case 203:
            return "ExecStart";
        case 216:
            return "Group";
        case 217:
            return "User";
        default:
            return "";
    }
}

std::string blame_text(const Json& properties) {
    const std::string name = setting_blamed(properties);
    const auto setting = name.empty() ? properties.end() : properties.find(name);
    if (setting == properties.end()) {
        return "";
    }
    const Json* value = &*setting;
    // ExecStart is a list of commands, each with its path first.
    if (value->is_array()) {
        value = value->empty() || !(*value)[0].is_array() || (*value)[0].empty() ? nullptr
                                                                                 : &(*value)[0][0];
    }
    if (value == nullptr || !value->is_string() || *value == "") {
        return "";
    }
    return "; its " + name + " is " + value->get<std::string>();
}

/// Which of the timeouts it was, as far as the unit's timestamps tell; else nothing.
std::string timeout_text(const Json& properties) {
    const auto limit = [&](const char* name) {
        const Usec time = number_of(properties, name);
        return is_moment(time) ? time : kUsecInfinity;
    };
    const Usec up = number_of(properties, "ActiveEnterTimestampMonotonic");
    const Usec up_until = number_of(properties, "ActiveExitTimestampMonotonic");
    const Usec down = number_of(properties, "InactiveEnterTimestampMonotonic");
    const Usec start = limit("TimeoutStartUSec");
    const Usec stop = limit("TimeoutStopUSec");
    const Usec runtime = limit("RuntimeMaxUSec");
    if (up < number_of(properties, "InactiveExitTimestampMonotonic")) {
        return start == kUsecInfinity
                   ? ""
                   : "it did not start within TimeoutStartSec (" + timespan(start) + ")";
    }
    if (up_until >= up && up_until - up >= runtime) {
        return "it ran for RuntimeMaxSec (" + timespan(runtime) + "), and was stopped";
    }
    if (down >= up_until && down - up_until >= stop) {
        return "it did not end within TimeoutStopSec (" + timespan(stop) + ")";
    }
    return "";
}

/// What its Type promises and it did not do.
std::string protocol_text(const Json& properties) {
    const std::string type = text_of(properties, "Type");
    const std::string end = describe_end(static_cast<int>(number_of(properties, "ExecMainCode")),
                                         static_cast<int>(number_of(properties, "ExecMainStatus")));
    if (type.starts_with("notify")) {
        return "it ended before it said READY=1 (Type=" + type + ")" +
               (end.empty() ? "" : "; its main process " + end);
    }
    if (const std::string file = text_of(properties, "PIDFile");
        type == "forking" && !file.empty()) {
        return "its processes ended and left no valid " + file + " (PIDFile)";
    }
    return "";
}

}  // namespace

bool is_moment(Usec time) {
    return time != 0 && time < static_cast<Usec>(INT64_MAX);
}

std::string unmet_condition(const Json& properties) {
    for (const char* list : {"Conditions", "Asserts"}) {
        const auto rows = properties.find(list);
        if (rows == properties.end() || !rows->is_array()) {
            continue;
        }
        for (const Json& row : *rows) {
            if (row.is_array() && row.size() == 5 && row[4] == -1) {
                return row[0].get<std::string>() + "=" + (row[1] == true ? "|" : "") +
                       (row[2] == true ? "!" : "") + row[3].get<std::string>();
            }
        }
    }
    return {};
}

Json exec_error_json(const Json& properties) {
    const auto error = properties.find("ExecError");
    constexpr std::size_t kFields = 3;
    if (error == properties.end() || !error->is_array() || error->size() != kFields ||
        (*error)[0] == "") {
        return nullptr;
    }
    return {{"step", (*error)[0]},
            {"object", (*error)[1]},
            {"errno", (*error)[2]},
            {"text", text_of(properties, "ExecErrorText")}};
}

std::string reason_text(const Json& properties) {
    const std::string result = text_of(properties, "Result");
    if (result.empty() || result == "success") {
        return "";
    }
    if (const std::string text = exec_error_text(properties, result); !text.empty()) {
        return text;
    }
    if (const std::string special = result == "timeout"    ? timeout_text(properties)
                                    : result == "protocol" ? protocol_text(properties)
                                                           : "";
        !special.empty()) {
        return special;
    }
    return describe_result(result, static_cast<int>(number_of(properties, "ExecMainCode")),
                           static_cast<int>(number_of(properties, "ExecMainStatus")),
                           truth_of(properties, "ExecStarted")) +
           blame_text(properties);
}

}  // namespace svcd
