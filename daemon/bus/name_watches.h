// Who owns the bus names of services of Type=dbus, on the message bus that svcd is on.
//
// For each name: a match on NameOwnerChanged, then the question who owns it now, then which process
// that is; what it comes to is a BusNameChanged. Nothing waits for an answer. A change that is told
// of while a question is on its way makes its answer void.
//
// Only what the bus says is reported. While svcd isn't on it nothing is known, and nothing is said:
// a service whose start waits for its name runs into its timeout, and one that runs isn't stopped
// because svcd, or a manager that has just begun, doesn't see it. When svcd is on the bus again,
// every name is asked for anew.
#pragma once

#include <systemd/sd-bus.h>

#include <map>
#include <memory>
#include <string>

#include "bus/connection.h"
#include "bus/manager_api.h"

namespace svcd {

class NameWatches {
public:
    NameWatches(Connection& link, ManagerApi& manager) : link_(link), manager_(manager) {}

    /// Begins, or begins anew when the unit has another name now.
    void watch(UnitId unit, const std::string& name);
    void unwatch(UnitId unit) { watches_.erase(unit); }

    /// svcd is on the bus: ask for every name.
    void ask_all();
    /// The connection is gone, and with it every match and question.
    void forget_answers();

private:
    struct NameWatch {
        NameWatches* watches = nullptr;
        UnitId unit{};
        std::string name;
        SlotRef match;
        SlotRef question;  ///< the one on its way
    };

    void ask(NameWatch& watch);
    bool ask_about(NameWatch& watch,
                   const char* method,
                   const std::string& name,
                   sd_bus_message_handler_t on_answer);
    void take_owner(NameWatch& watch, const std::string& owner);
    void report(const NameWatch& watch, bool has_owner, Pid owner);

    static int on_owner_changed(sd_bus_message* signal, void* watch, sd_bus_error*);
    static int on_owner(sd_bus_message* reply, void* watch, sd_bus_error*);
    static int on_process(sd_bus_message* reply, void* watch, sd_bus_error*);

    Connection& link_;
    ManagerApi& manager_;
    bool is_on_bus_ = false;
    std::map<UnitId, std::unique_ptr<NameWatch>> watches_;
};

}  // namespace svcd
