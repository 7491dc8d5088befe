#include "bus/dispatch.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <new>

#include "bus/arguments.h"
#include "bus/body_limits.h"

namespace svcd {

namespace {

constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
constexpr const char* kIntrospectable = "org.freedesktop.DBus.Introspectable";

/// A setting that only those see who may change things: it holds passwords more often than not.
bool is_secret(std::string_view property) {
    return property == "Environment";
}

const PropertyRow* row_named(const InterfaceTable& table, std::string_view name) {
    const auto found = std::ranges::find_if(
        table.properties, [&](const PropertyRow& row) { return row.name == name; });
    return found == table.properties.end() ? nullptr : &*found;
}

bool is_there(const PropertyRow& row, Subject& subject) {
    return row.is_there == nullptr || row.is_there(subject);
}

std::string_view last_part(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

tl::unexpected<BusError> malformed(const std::string& method) {
    return bus_error(kErrorInvalidArgs,
                     "The arguments of " + method +
                         " can't be read: the message's body doesn't fit its signature.");
}

/// org.freedesktop.DBus.Properties is known for these too, and has nothing of theirs.
bool is_standard_interface(std::string_view name) {
    return name == kProperties || name == kIntrospectable || name == "org.freedesktop.DBus.Peer";
}

}  // namespace

Dispatcher::Dispatcher(Api& api, const std::vector<PropertyDescription>& settings) : api_(api) {
    for (std::size_t i = 0; i < settings.size(); ++i) {
        const PropertyDescription& description = settings[i];
        switch (description.interface) {
            case PropertyInterface::unit:
                // What the fixed rows show (Description, the relations) is shown once.
                if (!row_named(unit_interface(), description.name)) {
                    unit_settings_.push_back({i, &description});
                }
                break;
            case PropertyInterface::service:
                if (!row_named(service_interface(), description.name)) {
                    service_settings_.push_back({i, &description});
                }
                break;
        }
    }
}

const std::vector<ShownSetting>& Dispatcher::settings_of(const InterfaceTable& table) const {
    if (!table.settings) {
        return no_settings_;
    }
    switch (*table.settings) {
        case PropertyInterface::unit:
            return unit_settings_;
        case PropertyInterface::service:
            return service_settings_;
    }
    return no_settings_;
}

// ── objects ──────────────────────────────────────────────────────────────────────────────────

Dispatcher::Object Dispatcher::unit_of_path(const std::string& path, const Caller& caller) {
    char* decoded = nullptr;
    if (sd_bus_path_decode(path.c_str(), kUnitFolder, &decoded) <= 0) {
        return {};
    }
    const std::string name(decoded);
    std::free(decoded);
    const std::optional<UnitType> type = unit_type_of(name);
    if (!type) {
        return {};
    }
    if (const auto unit = api_.manager.find(name)) {
        return UnitObject{*unit, api_.manager.status(*unit).type};
    }
    // As in systemd, an object path loads its unit; here only for those who may.
    if (!api_.authority.trusts(caller)) {
        return {};
    }
    if (const auto unit = api_.manager.load(name)) {
        return UnitObject{*unit, api_.manager.status(*unit).type};
    }
    return MissingUnit{name, *type};
}

Dispatcher::Object Dispatcher::resolve(std::string_view path, const Caller& caller) {
    if (path == "/") {
        return Folder{{"org"}};
    }
    if (path == "/org") {
        return Folder{{"svcd1"}};
    }
    if (path == kRootPath) {
        return ManagerObject{};
    }
    if (path == kUnitFolder) {
        return UnitFolder{};
    }
    if (path == kJobFolder) {
        Folder folder;
        for (const JobStatus& job : api_.manager.jobs()) {
            folder.children.emplace_back(last_part(job_path(job.id)));
        }
        return folder;
    }
    const std::string text(path);
    if (Object unit = unit_of_path(text, caller); !std::holds_alternative<std::monostate>(unit)) {
        return unit;
    }
    std::uint32_t number = 0;
    const std::string_view digits = last_part(path);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (parsed.ec == std::errc{} && number != 0 && path == job_path(JobId{number})) {
        if (auto job = api_.manager.job(JobId{number})) {
            return JobObject{std::move(*job)};
        }
    }
    return {};
}

std::vector<const InterfaceTable*> Dispatcher::interfaces_of(const Object& object) {
    if (std::holds_alternative<ManagerObject>(object)) {
        return {&manager_interface()};
    }
    if (std::holds_alternative<JobObject>(object)) {
        return {&job_interface()};
    }
    std::optional<UnitType> type;
    if (const auto* unit = std::get_if<UnitObject>(&object)) {
        type = unit->type;
    } else if (const auto* missing = std::get_if<MissingUnit>(&object)) {
        type = missing->type;
    }
    if (!type) {
        return {};
    }
    switch (*type) {
        case UnitType::service:
            return {&unit_interface(), &service_interface()};
        case UnitType::target:
            return {&unit_interface(), &target_interface()};
        case UnitType::slice:
            return {&unit_interface(), &slice_interface()};
    }
    return {};
}

Subject Dispatcher::subject_of(const Object& object) {
    if (const auto* unit = std::get_if<UnitObject>(&object)) {
        return Subject{api_, unit->unit};
    }
    if (const auto* missing = std::get_if<MissingUnit>(&object)) {
        return Subject{api_, *missing};
    }
    if (const auto* job = std::get_if<JobObject>(&object)) {
        return Subject{api_, job->job};
    }
    return Subject{api_};
}

std::string Dispatcher::introspection(const Object& object, std::string_view path) {
    const std::vector<const InterfaceTable*> interfaces = interfaces_of(object);
    std::vector<const std::vector<ShownSetting>*> settings;
    for (const InterfaceTable* table : interfaces) {
        settings.push_back(&settings_of(*table));
    }
    std::vector<std::string> children;
    if (const auto* folder = std::get_if<Folder>(&object)) {
        children = folder->children;
    } else if (path == kRootPath) {
        children = {"unit", "job"};
    }
    return introspection_xml(interfaces, settings, children);
}

Outcome Dispatcher::introspect_units(const Call& call, Writer& reply) {
    struct Progress {
        std::vector<UnitId> units;
        std::vector<std::string> children;
        bool has_begun = false;
    };
    const auto progress = std::make_shared<Progress>();
    return in_pieces(call, api_, reply, [progress, &manager = api_.manager](Writer& writer) {
        if (!std::exchange(progress->has_begun, true)) {
            progress->units = manager.units();
        }
        if (progress->units.empty()) {
            writer.string(introspection_xml({}, {}, progress->children));
            return true;
        }
        const UnitId unit = progress->units.back();
        progress->units.pop_back();
        if (manager.is_known(unit)) {
            progress->children.emplace_back(last_part(unit_path(manager.status(unit).name)));
        }
        return false;
    });
}

// ── calls ────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::dispatch(const Call& call) {
    Writer reply = Writer::reply_to(call.message);
    if (!api_.authority.trusts(call.caller)) {
        reply.limit_to(kStrangersAnswerMax);
    }
    const Outcome outcome = run_guarded(call, reply);
    if (!outcome) {
        call.connection.answer_error(call.message, outcome.error().name, outcome.error().message);
        return;
    }
    switch (*outcome) {
        case Answered::now:
            call.connection.answer(call.message, reply);
            return;
        case Answered::later:
            return;
    }
}

void Dispatcher::forget(const Connection& connection) {
    api_.requests.forget(connection);
    api_.long_answers.forget(connection);
}

/// Where memory runs out, the answer is what is lost. (What steps the supervisor does not let the
/// want of it out: manager_api.h.)
Outcome Dispatcher::run_guarded(const Call& call, Writer& reply) {
    try {
        return run(call, reply);
    } catch (const std::bad_alloc&) {
        return bus_error(kErrorNoMemory, "There is not enough memory for the answer.");
    }
}

Outcome Dispatcher::run(const Call& call, Writer& reply) {
    if (!api_.authority.trusts(call.caller)) {
        if (const std::string why = api_.manager.why_strangers_wait(); !why.empty()) {
            return bus_error(kErrorNoMemory, "Try again later: " + why + ".");
        }
    }
    const char* path = sd_bus_message_get_path(call.message);
    const char* interface = sd_bus_message_get_interface(call.message);
    const char* member = sd_bus_message_get_member(call.message);
    const std::size_t text_max = api_.authority.trusts(call.caller) ? kTextMax : kStrangersTextMax;
    if (const auto limit = broken_limit(call.message, text_max)) {
        return bus_error(kErrorLimitsExceeded, shown_name(member ? member : "") +
                                                   " is refused, nothing was done: " + *limit);
    }
    const Object object = resolve(path ? path : "", call.caller);
    if (std::holds_alternative<std::monostate>(object)) {
        return bus_error(kErrorUnknownObject,
                         "There is no object " + shown_name(path ? path : "") +
                             ": no such unit is loaded, or the job has ended.");
    }
    const std::string_view wanted = interface ? interface : "";
    const std::string_view name = member ? member : "";
    if (wanted == kProperties) {
        return run_properties(call, object, reply);
    }
    if (wanted == kIntrospectable && name == "Introspect") {
        if (std::holds_alternative<UnitFolder>(object)) {
            return introspect_units(call, reply);
        }
        reply.string(introspection(object, path));
        return Answered::now;
    }
    bool interface_known = is_standard_interface(wanted);
    for (const InterfaceTable* table : interfaces_of(object)) {
        // D-Bus allows a call to leave the interface out.
        if (!wanted.empty() && wanted != table->name) {
            continue;
        }
        interface_known = true;
        for (const MethodRow& row : table->methods) {
            if (name == row.name) {
                return run_method(call, object, *table, row, reply);
            }
        }
    }
    if (!interface_known && !wanted.empty()) {
        return bus_error(
            kErrorUnknownInterface,
            "The object " + shown_name(path) + " has no interface " + shown_name(wanted) + ".");
    }
    return bus_error(kErrorUnknownMethod, "The object " + shown_name(path) + " has no method " +
                                              shown_name(wanted) + "." + shown_name(name) + ".");
}

Outcome Dispatcher::run_method(const Call& call,
                               const Object& object,
                               const InterfaceTable& table,
                               const MethodRow& row,
                               Writer& reply) {
    const std::string full_name = std::string(table.name) + "." + row.name;
    if (sd_bus_message_has_signature(call.message, row.signature) <= 0) {
        const char* given = sd_bus_message_get_signature(call.message, 1);
        return bus_error(kErrorInvalidArgs, full_name + " takes arguments of the types '" +
                                                row.signature + "', not '" + (given ? given : "") +
                                                "'.");
    }
    if (!has_body(call.message, row.signature)) {
        return malformed(full_name);
    }
    if (row.access == Access::change && !api_.authority.trusts(call.caller)) {
        return bus_error(kErrorAccessDenied,
                         api_.authority.refusal(call.caller, "call " + full_name));
    }
    Subject subject = subject_of(object);
    if (row.access == Access::change && subject.is_missing()) {
        return no_such_unit(subject.status().name);
    }
    return row.handle(call, subject, reply);
}

// ── org.freedesktop.DBus.Properties ──────────────────────────────────────────────────────────

Outcome Dispatcher::run_properties(const Call& call, const Object& object, Writer& reply) {
    const char* member = sd_bus_message_get_member(call.message);
    const std::string_view name = member ? member : "";
    if (name == "Get" && has_body(call.message, "ss")) {
        return get(call, object, reply);
    }
    if (name == "GetAll" && has_body(call.message, "s")) {
        return get_all(call, object, reply);
    }
    if (name == "Set" && has_body(call.message, "ssv")) {
        return set(call, object);
    }
    if (name == "Get" || name == "GetAll" || name == "Set") {
        return bus_error(kErrorInvalidArgs,
                         "Get takes 'ss', GetAll 's' and Set 'ssv' as arguments, of which all have "
                         "to be there.");
    }
    return bus_error(kErrorUnknownMethod,
                     "org.freedesktop.DBus.Properties has no method " + shown_name(name) + ".");
}

Outcome Dispatcher::get(const Call& call, const Object& object, Writer& reply) {
    const char* interface = "";
    const char* property = "";
    sd_bus_message_read(call.message, "ss", &interface, &property);
    for (const InterfaceTable* table : interfaces_of(object)) {
        if (*interface != '\0' && std::string_view(interface) != table->name) {
            continue;
        }
        Subject subject = subject_of(object);
        const PropertyRow* fixed = row_named(*table, property);
        if (fixed != nullptr && is_there(*fixed, subject)) {
            reply.open(SD_BUS_TYPE_VARIANT, fixed->signature);
            fixed->get(subject, reply);
            reply.close();
            return Answered::now;
        }
        for (const ShownSetting& row : settings_of(*table)) {
            if (row.description->name != property) {
                continue;
            }
            if (is_secret(property) && !api_.authority.trusts(call.caller)) {
                return bus_error(
                    kErrorAccessDenied,
                    api_.authority.refusal(
                        call.caller, std::string("read ") + property + ", which may hold secrets"));
            }
            const std::string signature(signature_of(row.description->alternative));
            reply.open(SD_BUS_TYPE_VARIANT, signature.c_str());
            append_setting(reply, subject.setting(row.index), false,
                           row.description->name == "ExecStart" ? &subject.status().main : nullptr);
            reply.close();
            return Answered::now;
        }
    }
    return bus_error(kErrorUnknownProperty, "There is no property " + shown_name(interface) + "." +
                                                shown_name(property) + " on this object.");
}

Outcome Dispatcher::get_all(const Call& call, const Object& object, Writer& reply) {
    const char* interface = "";
    sd_bus_message_read(call.message, "s", &interface);
    const std::string_view wanted(interface);
    bool known = wanted.empty() || is_standard_interface(wanted);
    Subject subject = subject_of(object);
    reply.open(SD_BUS_TYPE_ARRAY, "{sv}");
    for (const InterfaceTable* table : interfaces_of(object)) {
        if (wanted.empty() || wanted == table->name) {
            known = true;
            append_all(subject, *table, call.caller, reply);
        }
    }
    reply.close();
    if (!known) {
        return bus_error(kErrorUnknownInterface,
                         "This object has no interface " + shown_name(wanted) + ".");
    }
    return Answered::now;
}

void Dispatcher::append_all(Subject& subject,
                            const InterfaceTable& table,
                            const Caller& caller,
                            Writer& reply) {
    for (const PropertyRow& row : table.properties) {
        if (!is_there(row, subject)) {
            continue;
        }
        reply.open(SD_BUS_TYPE_DICT_ENTRY, "sv").string(row.name);
        reply.open(SD_BUS_TYPE_VARIANT, row.signature);
        row.get(subject, reply);
        reply.close().close();
    }
    for (const ShownSetting& row : settings_of(table)) {
        const bool hidden = is_secret(row.description->name) && !api_.authority.trusts(caller);
        const std::string signature(signature_of(row.description->alternative));
        reply.open(SD_BUS_TYPE_DICT_ENTRY, "sv").string(row.description->name);
        reply.open(SD_BUS_TYPE_VARIANT, signature.c_str());
        append_setting(reply, subject.setting(row.index), hidden,
                       row.description->name == "ExecStart" ? &subject.status().main : nullptr);
        reply.close().close();
    }
}

Outcome Dispatcher::set(const Call& call, const Object& object) {
    const char* interface = "";
    const char* property = "";
    sd_bus_message_read_basic(call.message, SD_BUS_TYPE_STRING, &interface);
    sd_bus_message_read_basic(call.message, SD_BUS_TYPE_STRING, &property);
    const std::string name = shown_name(interface) + "." + shown_name(property);
    for (const InterfaceTable* table : interfaces_of(object)) {
        const auto& settings = settings_of(*table);
        const bool known = row_named(*table, property) ||
                           std::ranges::any_of(settings, [&](const ShownSetting& row) {
                               return row.description->name == property;
                           });
        if (std::string_view(interface) == table->name && known) {
            return bus_error(kErrorPropertyReadOnly, "The property " + name + " is read-only.");
        }
    }
    return bus_error(kErrorUnknownProperty, "There is no property " + name + " on this object.");
}

void Dispatcher::announce_change(const std::function<sd_bus*()>& bus,
                                 UnitId unit,
                                 const std::function<void(const Writer&)>& send) {
    Subject subject{api_, unit};
    const std::string path = unit_path(subject.status().name);
    for (const InterfaceTable* table : interfaces_of(UnitObject{unit, subject.status().type})) {
        Writer writer = Writer::signal(bus(), path.c_str(), kProperties, "PropertiesChanged");
        writer.string(table->name).open(SD_BUS_TYPE_ARRAY, "{sv}");
        bool any = false;
        for (const PropertyRow& row : table->properties) {
            if (row.emits != Emits::change || !is_there(row, subject)) {
                continue;
            }
            any = true;
            writer.open(SD_BUS_TYPE_DICT_ENTRY, "sv").string(row.name);
            writer.open(SD_BUS_TYPE_VARIANT, row.signature);
            row.get(subject, writer);
            writer.close().close();
        }
        writer.close().open(SD_BUS_TYPE_ARRAY, "s").close();
        if (any) {
            send(writer);
        }
    }
}

}  // namespace svcd
