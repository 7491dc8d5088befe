// escape: text to unit names and back, as systemd-escape(1) does it.
#include <algorithm>
#include <array>

#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& hint = "") {
    throw Trouble{ExitStatus::failed, "org.svcd1.InvalidName", message, "", hint, ""};
}

std::string unescaped(const Options& options, const std::string& argument) {
    std::string_view name = argument;
    const UnitNameParts parts = parts_of(argument);
    if (options.only_instance || !options.template_name.empty()) {
        if (!parts.instance || parts.instance->empty() || parts.suffix.empty()) {
            refuse("'" + argument + "' is no unit's name with an instance, as foo@bar.service is");
        }
        name = *parts.instance;
    }
    if (!options.template_name.empty() &&
        options.template_name != std::string{parts.prefix} + "@" + std::string{parts.suffix}) {
        refuse("'" + argument + "' is no instance of " + options.template_name);
    }
    const auto text = unescape_name(name);
    if (!text) {
        refuse("'" + std::string{name} + "' is not escaped as a unit name is",
               "after a '\\' stand an x and two hexadecimal digits");
    }
    if (!options.as_path) {
        return *text;
    }
    return name == "-" ? "/" : "/" + *text;
}

std::string escaped(const Options& options, const std::string& argument) {
    if (options.mangle) {
        return complete_unit_name(argument);
    }
    std::string name;
    if (options.as_path) {
        const auto path = escape_path(argument);
        if (!path) {
            refuse("'" + argument + "' has '..' in it", "write the path it leads to");
        }
        name = *path;
    } else {
        name = escape_name(argument);
    }
    if (!options.template_name.empty()) {
        const UnitNameParts parts = parts_of(options.template_name);
        return std::string{parts.prefix} + "@" + name + std::string{parts.suffix};
    }
    return options.suffix.empty() ? name : name + "." + options.suffix;
}

/// The template and the suffix have to be what they are called.
void check_names(const Options& options) {
    if (!options.template_name.empty()) {
        const UnitNameParts parts = parts_of(options.template_name);
        if (is_escaped(options.template_name) || parts.prefix.empty() || parts.suffix.empty() ||
            !parts.instance || !parts.instance->empty()) {
            throw Trouble{ExitStatus::usage,
                          "org.svcd1.InvalidName",
                          "'" + options.template_name + "' is no name of a template",
                          "",
                          "a template is called for example foo@.service",
                          ""};
        }
    }
    if (!options.suffix.empty() && parts_of("x." + options.suffix).suffix != "." + options.suffix) {
        throw Trouble{ExitStatus::usage,
                      "org.svcd1.InvalidName",
                      "'" + options.suffix + "' is no type of unit",
                      "",
                      "there are service, target, slice, socket, timer, path, mount, scope, swap, "
                      "device and automount",
                      ""};
    }
}

}  // namespace

ExitStatus escape_names(Session& session) {
    const Options& options = session.options();
    check_names(options);
    Json list = Json::array();
    std::string line;
    for (const std::string& argument : options.arguments) {
        const std::string text =
            options.unescape ? unescaped(options, argument) : escaped(options, argument);
        line += (line.empty() ? "" : " ") + text;
        list.push_back(text);
    }
    session.print(options.json ? json_text(list) : line + "\n");
    return ExitStatus::done;
}

}  // namespace svcd
