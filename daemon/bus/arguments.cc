#include "bus/arguments.h"

#include <algorithm>
#include <iterator>

namespace svcd {
namespace {

struct VerbName {
    std::string_view name;
    JobVerb verb;
};
constexpr VerbName kVerbs[] = {
    {"start", JobVerb::start},
    {"stop", JobVerb::stop},
    {"reload", JobVerb::reload},
    {"restart", JobVerb::restart},
    {"try-restart", JobVerb::try_restart},
    {"reload-or-restart", JobVerb::reload_or_restart},
    {"try-reload-or-restart", JobVerb::try_reload_or_restart},
};

constexpr JobMode kModes[] = {JobMode::replace,
                              JobMode::fail,
                              JobMode::isolate,
                              JobMode::replace_irreversibly,
                              JobMode::flush,
                              JobMode::ignore_dependencies,
                              JobMode::ignore_requirements};

std::optional<JobMode> mode_named(std::string_view name) {
    for (const JobMode mode : kModes) {
        if (name_of(mode) == name) {
            return mode;
        }
    }
    return std::nullopt;
}

std::string all_modes() {
    std::string text;
    for (const JobMode mode : kModes) {
        text += text.empty() ? "" : ", ";
        text += name_of(mode);
    }
    return text;
}

}  // namespace

std::string read_string(sd_bus_message* call) {
    const char* text = nullptr;
    sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &text);
    return text ? text : "";
}

std::uint32_t read_u32(sd_bus_message* call) {
    std::uint32_t number = 0;
    sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT32, &number);
    return number;
}

std::int32_t read_i32(sd_bus_message* call) {
    std::int32_t number = 0;
    sd_bus_message_read_basic(call, SD_BUS_TYPE_INT32, &number);
    return number;
}

bool read_bool(sd_bus_message* call) {
    int value = 0;
    sd_bus_message_read_basic(call, SD_BUS_TYPE_BOOLEAN, &value);
    return value != 0;
}

std::vector<std::string> read_strings(sd_bus_message* call) {
    std::vector<std::string> result;
    if (sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "s") <= 0) {
        return result;
    }
    const char* text = nullptr;
    while (sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &text) > 0) {
        result.emplace_back(text);
    }
    sd_bus_message_exit_container(call);
    return result;
}

namespace {

/// A name is compared with thousands for a hint, so strangers get none.
std::string hint_for(const Call& call, Api& api, const std::string& name) {
    return api.authority.trusts(call.caller) ? api.manager.hint(name) : std::string{};
}

/// The refusal of a name that no unit can have.
tl::unexpected<BusError> no_unit_name(const Call& call, Api& api, const std::string& name) {
    if (const std::string hint = hint_for(call, api, name); !hint.empty()) {
        return bus_error(kErrorNoSuchUnit, "'" + shown_name(name) + "' is not a unit: " + hint);
    }
    return bus_error(kErrorNoSuchUnit,
                     "There can be no unit '" + shown_name(name) +
                         "', for that is not a unit name: it takes at most 255 letters, digits and "
                         ":_.\\@- with a suffix like .service or .target.");
}

tl::unexpected<BusError> not_found(const Call& call,
                                   Api& api,
                                   const std::string& what,
                                   const std::string& name) {
    const std::string hint = hint_for(call, api, name);
    return bus_error(kErrorNoSuchUnit, what + (hint.empty() ? "." : "; " + hint));
}

}  // namespace

/// The unit of this name, loaded when it isn't yet and the caller may cause that.
FoundUnit unit_named(const Call& call, Api& api, const std::string& name) {
    if (!unit_type_of(name)) {
        return no_unit_name(call, api, name);
    }
    if (const auto unit = api.manager.find(name)) {
        return *unit;
    }
    if (!api.authority.trusts(call.caller)) {
        return bus_error(kErrorNoSuchUnit, "Unit " + name + " is not loaded, and " +
                                               api.authority.refusal(call.caller, "load it"));
    }
    if (const auto unit = api.manager.load(name)) {
        return *unit;
    }
    return not_found(call, api, "Unit " + name + " not found: no file has that name", name);
}

bool has_object_all_the_same(const Call& call, Api& api, const std::string& name) {
    return unit_type_of(name).has_value() && api.authority.trusts(call.caller);
}

tl::unexpected<BusError> no_such_unit(std::string_view name) {
    return bus_error(kErrorNoSuchUnit,
                     "Unit " + std::string(name) + " not found: no file has that name.");
}

FoundUnit loaded_unit_named(const Call& call, Api& api, const std::string& name) {
    if (!unit_type_of(name)) {
        return no_unit_name(call, api, name);
    }
    if (const auto unit = api.manager.find(name)) {
        return *unit;
    }
    return not_found(call, api, "Unit " + name + " is not loaded", name);
}

tl::expected<JobVerb, BusError> verb_named(const std::string& name) {
    const auto* const verb = std::ranges::find(kVerbs, name, &VerbName::name);
    if (verb == std::end(kVerbs)) {
        return bus_error(kErrorInvalidArgs,
                         "There is no verb '" + shown_name(name) +
                             "'; there are start, stop, reload, restart, try-restart, "
                             "reload-or-restart, try-reload-or-restart.");
    }
    return verb->verb;
}

tl::expected<JobMode, BusError> job_mode_named(std::string_view name) {
    if (const auto mode = mode_named(name)) {
        return *mode;
    }
    return bus_error(kErrorInvalidArgs, "There is no job mode '" + shown_name(name) +
                                            "'; there are " + all_modes() + ".");
}

}  // namespace svcd
