// A supervisor on virtual time, in unit terms: what a test says is what happens to services, and
// what it checks is what the supervisor orders. Processes are spawned at once and do nothing but
// what the test says.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/supervisor.h"

namespace svcd::test {

/// A unit to be: service("db").after("net.target").notify() ...
class UnitSpec {
public:
    explicit UnitSpec(std::string name);

    UnitSpec& type(ServiceType type);
    UnitSpec& depends(Relation relation, const std::string& unit);
    UnitSpec& after(const std::string& unit) { return depends(Relation::after, unit); }
    UnitSpec& before(const std::string& unit) { return depends(Relation::before, unit); }
    UnitSpec& requires_(const std::string& unit) { return depends(Relation::requires_, unit); }
    UnitSpec& wants(const std::string& unit) { return depends(Relation::wants, unit); }
    UnitSpec& command(CommandRole role, const std::string& path);
    UnitSpec& rarely(const std::function<void(RareUnitSettings&)>& change);
    UnitSpec& rarely(const std::function<void(RareServiceSettings&)>& change);
    UnitSpec& restart(RestartPolicy policy, Duration delay = Duration{100'000});
    ServiceSettings& settings() { return *definition_.service; }
    UnitDefinition& definition() { return definition_; }

    LoadedUnit loaded() &&;

private:
    UnitDefinition definition_;
};

UnitSpec service(const std::string& name);
UnitSpec target(const std::string& name);
UnitSpec slice(const std::string& name);

class Scenario {
public:
    explicit Scenario(const SupervisorOptions& options = {});

    Scenario& load(std::vector<UnitSpec> units, bool complete = true);
    Scenario& load_broken(const std::string& name, const std::string& error);

    /// Requests by a person. The result is in last_reply().
    Scenario& ask(JobVerb verb, const std::string& unit, JobMode mode = JobMode::replace);
    /// Of several, in one transaction.
    Scenario& ask_all(JobVerb verb,
                      const std::vector<std::string>& units,
                      JobMode mode = JobMode::replace);
    Scenario& start(const std::string& unit) { return ask(JobVerb::start, unit); }
    Scenario& stop(const std::string& unit) { return ask(JobVerb::stop, unit); }
    Scenario& shut_down();
    Scenario& happens(Event event) {
        step(std::move(event));
        return *this;
    }

    Scenario& advance(Duration time);
    /// The service's main (or control) process ends. Its cgroup is then empty, unless it has been
    /// filled by stray().
    Scenario& exits(const std::string& unit, int status = 0, ProcessRole role = ProcessRole::main);
    Scenario& killed(const std::string& unit, int signal, ProcessRole role = ProcessRole::main);
    Scenario& stray(const std::string& unit, bool there = true);
    Scenario& notifies(const std::string& unit, Notification message);
    Scenario& ready(const std::string& unit);
    Scenario& executes(const std::string& unit, const ExecSucceeded& how = {});
    /// Its process of this role tells why it is not executed, and ends.
    Scenario& does_not_execute(const std::string& unit,
                               const ExecError& error,
                               int status,
                               ProcessRole role = ProcessRole::main);
    Scenario& spawn_fails_next(int error_number) {
        fail_spawn_ = error_number;
        return *this;
    }
    Scenario& main_process_is(const std::string& unit, Pid pid);
    Scenario& main_process_is_not_found(const std::string& unit);

    /// A new manager takes over from the records and the process table.
    Scenario& manager_dies();
    /// The launcher dies with its manager, and these units' processes end before there is another:
    /// nobody knows how. The others are adopted.
    Scenario& launcher_dies(const std::set<std::string>& ended = {});
    /// The parent of this process does not reap it, or does so now.
    Scenario& zombie(Pid pid, bool stays = true) {
        stays ? static_cast<void>(zombies_.insert(pid)) : static_cast<void>(zombies_.erase(pid));
        return *this;
    }
    /// From now on no manager lives to write down that a stop signal was sent.
    Scenario& dies_before_sent() {
        dies_before_sent_ = true;
        return *this;
    }

    bool is_identifying(const std::string& unit) const;
    UnitStatus status(const std::string& unit) const;
    std::string state(const std::string& unit) const;  ///< "active/running"
    UnitResult result(const std::string& unit) const { return status(unit).result; }
    /// What was ordered since the last call, as words: "spawn web.service main /bin/web", "signal
    /// web.service 15 cgroup", "job web.service start done".
    std::vector<std::string> take_log();
    const Reply& last_reply() const { return reply_; }
    std::vector<std::string> spawned() const { return spawned_; }
    const std::vector<std::string>& said() const { return said_; }
    bool has_exited() const { return exit_.has_value(); }
    int exit_status() const { return exit_->status; }
    Supervisor& supervisor() { return supervisor_; }
    Time now() const { return now_; }

private:
    struct FakeProcess {
        UnitId unit{};
        ProcessRole role = ProcessRole::main;
        Pid pid = 0;
        bool has_exited = false;
        ExitCode code = ExitCode::none;
        int status = 0;
    };

    void step(Event event);
    void carry_out(const Effect& effect);
    void end(const std::string& unit, ProcessRole role, ExitCode code, int status);
    bool is_empty(UnitId unit);
    UnitId id(const std::string& unit) const;
    std::string name(UnitId unit) const { return std::string(supervisor_.name(unit)); }

    SupervisorOptions options_;
    Supervisor supervisor_;
    Time now_{Duration{1'000'000}};
    std::vector<UnitSpec> units_;
    std::map<Token, FakeProcess> table_;
    std::map<Token, IdentifyMainProcess> identifying_;
    std::map<std::string, bool> strays_;
    std::map<std::string, UnitRecord> records_;
    SupervisorRecord supervisor_record_{};
    std::vector<Event> queue_;
    bool has_other_launcher_ = false;
    bool has_new_launcher_ = false;
    bool dies_before_sent_ = false;
    std::set<Pid> zombies_;
    std::vector<std::string> log_;
    std::vector<std::string> spawned_;
    std::vector<std::string> said_;
    Reply reply_;
    std::optional<Exit> exit_;
    std::uint64_t next_request_ = 1;
    Pid next_pid_ = 100;
    int fail_spawn_ = 0;
};

template <typename... Units>
std::vector<UnitSpec> list(Units&&... units) {
    std::vector<UnitSpec> all;
    (all.push_back(std::forward<Units>(units)), ...);
    return all;
}

/// A supervisor that has loaded these units.
template <typename... Units>
Scenario with(Units... units) {
    Scenario scenario;
    scenario.load(list(std::move(units)...));
    return scenario;
}

}  // namespace svcd::test
