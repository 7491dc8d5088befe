// From a method call to its row in the tables of api_table.h: finds the object that the path names,
// checks signature and caller, runs the method. Also what every object has:
// org.freedesktop.DBus.Properties and .Introspectable. (.Peer is answered by sd-bus itself.)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bus/api_table.h"

namespace svcd {

/// A property of the settings table, and its index there.
struct ShownSetting {
    std::size_t index;
    const PropertyDescription* description;
};

class Dispatcher {
public:
    /// Both outlive the dispatcher.
    Dispatcher(Api& api, const std::vector<PropertyDescription>& settings);

    /// Answers the call, or holds it in Requests or LongAnswers.
    void dispatch(const Call& call);
    /// The connection is gone: nobody there waits any more.
    void forget(const Connection& connection);

    /// Makes one PropertiesChanged for each interface of the unit.
    /// `bus` is asked for each: sending one may replace it (message_codec.h).
    void announce_change(const std::function<sd_bus*()>& bus,
                         UnitId unit,
                         const std::function<void(const Writer&)>& send);

private:
    /// A folder has no interface of its own, only children.
    struct Folder {
        std::vector<std::string> children;
    };
    /// Its children are all units: looked for when they are asked for.
    struct UnitFolder {};
    struct ManagerObject {};
    struct UnitObject {
        UnitId unit;
        UnitType type;
    };
    struct JobObject {
        JobStatus job;
    };
    using Object = std::variant<std::monostate,
                                Folder,
                                UnitFolder,
                                ManagerObject,
                                UnitObject,
                                MissingUnit,
                                JobObject>;

    Object resolve(std::string_view path, const Caller& caller);
    Object unit_of_path(const std::string& path, const Caller& caller);
    static std::vector<const InterfaceTable*> interfaces_of(const Object& object);
    Subject subject_of(const Object& object);

    Outcome run_guarded(const Call& call, Writer& reply);
    Outcome run(const Call& call, Writer& reply);
    Outcome run_method(const Call& call,
                       const Object& object,
                       const InterfaceTable& table,
                       const MethodRow& row,
                       Writer& reply);
    Outcome run_properties(const Call& call, const Object& object, Writer& reply);
    Outcome get(const Call& call, const Object& object, Writer& reply);
    Outcome get_all(const Call& call, const Object& object, Writer& reply);
    Outcome set(const Call& call, const Object& object);
    void append_all(Subject& subject,
                    const InterfaceTable& table,
                    const Caller& caller,
                    Writer& reply);
    std::string introspection(const Object& object, std::string_view path);
    Outcome introspect_units(const Call& call, Writer& reply);

    const std::vector<ShownSetting>& settings_of(const InterfaceTable& table) const;

    Api& api_;
    std::vector<ShownSetting> unit_settings_;
    std::vector<ShownSetting> service_settings_;
    std::vector<ShownSetting> no_settings_;
};

/// Puts a setting's value on the wire; with `hidden`, an empty value of the same type. `last_run`
/// is what is known of the last run of the command, for a list of one.
void append_setting(Writer& writer,
                    const PropertyValue& value,
                    bool hidden,
                    const ProcessStatus* last_run);

/// The XML of one object: interfaces from the tables, then the names of its children.
std::string introspection_xml(const std::vector<const InterfaceTable*>& interfaces,
                              const std::vector<const std::vector<ShownSetting>*>& settings,
                              const std::vector<std::string>& children);

}  // namespace svcd
