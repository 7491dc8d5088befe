#include "print_show.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "messages.h"
#include "reasons.h"
#include "time_text.h"

namespace svcd {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

std::string scalar_text(const Json& value) {
    if (value.is_boolean()) {
        return value.get<bool>() ? "yes" : "no";
    }
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const Json& list, const char* separator) {
    std::string text;
    for (const Json& entry : list) {
        text += text.empty() ? "" : separator;
        text += entry.is_array() ? joined(entry, " ") : scalar_text(entry);
    }
    return text;
}

std::string moment_text(const Json& value) {
    const std::string text = value.is_number() ? timestamp(value.get<Usec>()) : std::string{};
    return text.empty() ? "n/a" : text;
}

/// One entry of systemd's a(sasbttttuii): path, argv, ignore failure, start and stop time twice,
/// PID, code, status.
std::string command_text(const Json& command) {
    constexpr std::size_t kFields = 10;
    if (!command.is_array() || command.size() != kFields) {
        return command.dump();
    }
    const int code = command[8].get<int>();
    const std::string code_name{exit_code_name(code)};
    return "{ path=" + scalar_text(command[0]) + " ; argv[]=" + joined(command[1], " ") +
           " ; ignore_errors=" + scalar_text(command[2]) + " ; start_time=[" +
           moment_text(command[3]) + "] ; stop_time=[" + moment_text(command[5]) +
           "] ; pid=" + scalar_text(command[7]) +
           " ; code=" + (code_name.empty() ? "(null)" : code_name) +
           " ; status=" + scalar_text(command[9]) + "/" +
           (code == 2 || code == 3 ? signal_name(command[9].get<int>()).substr(3) : "0") + " }";
}

std::string number_text(std::string_view name, const Json& value) {
    if (value.is_number_unsigned() && value.get<std::uint64_t>() == UINT64_MAX) {
        return is_one_of(name, {"MemoryCurrent", "TasksCurrent", "CPUUsageNSec"}) ? "[not set]"
                                                                                  : "infinity";
    }
    if (name.ends_with("USec") || name.ends_with("USecMax")) {
        return timespan(value.get<Usec>());
    }
    if (name.ends_with("Timestamp")) {
        return timestamp(value.get<Usec>());
    }
    if (name == "UMask" || name.ends_with("Mode")) {
        std::array<char, 16> text{};
        std::snprintf(text.data(), text.size(), "%04o", value.get<unsigned>());
        return text.data();
    }
    return value.dump();
}

}  // namespace

std::string property_text(std::string_view name, const Json& value) {
    if (value.is_null()) {
        return "";
    }
    if (value.is_number()) {
        return number_text(name, value);
    }
    if (!value.is_array()) {
        return scalar_text(value);
    }
    if (name == "Job") {
        return value.size() == 2 && value[0] != 0 ? scalar_text(value[0]) : "";
    }
    if (name == "LoadError") {
        return value.size() == 2 && value[0] != "" ? joined(value, " ") : "";
    }
    if (name == "EnvironmentFiles") {
        std::string text;
        for (const Json& file : value) {
            text += text.empty() ? "" : "\n" + std::string{name} + "=";
            text += scalar_text(file[0]) + " (ignore_errors=" + scalar_text(file[1]) + ")";
        }
        return text;
    }
    if (name.starts_with("Exec") && !value.empty() && value[0].is_array()) {
        std::string text;
        for (const Json& command : value) {
            text += text.empty() ? "" : "\n" + std::string{name} + "=";
            text += command_text(command);
        }
        return text;
    }
    if (name.ends_with("ExitStatus") && value.size() == 2 && value[0].is_array()) {
        std::string text = joined(value[0], " ");
        for (const Json& signal : value[1]) {
            text += (text.empty() ? "" : " ") + signal_name(signal.get<int>());
        }
        return text;
    }
    return joined(value, " ");
}

std::string properties_text(const Json& properties, const ShowLook& look) {
    std::string text;
    const auto is_withheld = [&](const std::string& name) {
        return std::ranges::find(look.withheld, name) != look.withheld.end();
    };
    const auto add = [&](const std::string& name, const Json& value) {
        const std::string shown = is_withheld(name) && !look.value
                                      ? "(only root and the owner of this svcd may read it)"
                                      : property_text(name, value);
        text += look.value ? shown : name + "=" + shown;
        text += "\n";
    };
    if (!look.properties.empty()) {
        for (const std::string& name : look.properties) {
            const auto found = properties.find(name);
            if (found != properties.end()) {
                add(name, *found);
            }
        }
        return text;
    }
    for (const auto& [name, value] : properties.items()) {
        if (look.all || is_withheld(name) || !property_text(name, value).empty()) {
            add(name, value);
        }
    }
    return text;
}

Json properties_json(const Json& properties, const ShowLook& look) {
    Json shown = Json::object();
    if (look.properties.empty()) {
        shown = properties;
        if (properties.contains("ExecError")) {
            shown["exec_error"] = exec_error_json(properties);
        }
    }
    for (const std::string& name : look.properties) {
        const auto found = properties.find(name);
        shown[name] = found != properties.end() ? *found : Json{};
    }
    for (const std::string& name : look.withheld) {
        shown[name] = nullptr;
    }
    if (!look.withheld.empty()) {
        shown["withheld"] = look.withheld;
    }
    return shown;
}

}  // namespace svcd
