// Questions to the daemon, answered with plain data (facts.h). Every function is a D-Bus call, or
// as few as it takes, and throws sdbus::Error when it fails; guard.h catches that.
#pragma once

#include <Manager_proxy.h>
#include <sdbus-c++/sdbus-c++.h>

#include <string>
#include <vector>

#include "connection.h"
#include "facts.h"

namespace svcd {

inline constexpr const char* kService = "org.svcd1";
inline constexpr const char* kManagerPath = "/org/svcd1";

/// The generated proxy, for calls. Signals are not its business (they would cost a call each to
/// subscribe to, at every start of svctl); signals.h receives those that are wanted.
class ManagerProxy final : public sdbus::ProxyInterfaces<org::svcd1::Manager_proxy> {
public:
    explicit ManagerProxy(sdbus::IConnection& connection)
        : ProxyInterfaces(connection, kService, kManagerPath) {}

private:
    void onUnitNew(const std::string&, const sdbus::ObjectPath&) override {}
    void onUnitRemoved(const std::string&, const sdbus::ObjectPath&) override {}
    void onJobNew(const std::uint32_t&, const sdbus::ObjectPath&, const std::string&) override {}
    void onJobRemoved(const std::uint32_t&,
                      const sdbus::ObjectPath&,
                      const std::string&,
                      const std::string&) override {}
    void onReloading(const bool&) override {}
    void onStartupFinished(const std::uint64_t&,
                           const std::uint64_t&,
                           const std::uint64_t&,
                           const std::uint64_t&,
                           const std::uint64_t&,
                           const std::uint64_t&) override {}
};

struct ReloadReport {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
};

class Daemon {
public:
    explicit Daemon(sdbus::IConnection& connection);

    ManagerProxy& manager() { return manager_; }

    /// One property of a loaded unit in one call, without asking for the unit first.
    Json unit_property(const std::string& unit, const std::string& interface, const char* name);
    /// Its ActiveState. A unit that isn't loaded is loaded first; one that doesn't exist is
    /// NoSuchUnit.
    std::string active_state(const std::string& unit);
    /// The unit's own name, where it was named by another one (an alias). It is loaded.
    std::string id_of(const std::string& unit);
    /// All properties of all interfaces of a unit, loaded first if need be.
    Json unit_properties(const std::string& unit);
    Json manager_properties();
    Json job_properties(std::uint32_t job);

    std::vector<UnitRow> units();
    std::vector<JobRow> jobs();
    /// How the job ended that was asked for with this ID ("done", "failed" ...); empty: it goes on,
    /// or nobody knows.
    std::string request_result(const std::string& request_id);
    std::vector<ProcessRow> processes(const std::string& unit);
    /// The records of its last stops, newest first, at most `max` of them; docs/stop-records.md.
    std::vector<Json> stop_records(const std::string& unit, std::uint32_t max);
    /// What its processes are doing; null when there is no process of it.
    Json examine(const std::string& unit);

private:
    Json all_properties(const std::string& path, const char* interface);

    sdbus::IConnection& connection_;
    ManagerProxy manager_;
};

/// The next value of a message as data: variants unwrapped, byte arrays as hexadecimal text.
Json read_value(sdbus::Message& message);

/// The text of the error for a unit that doesn't exist.
[[noreturn]] void throw_no_such_unit(const std::string& unit);

}  // namespace svcd
