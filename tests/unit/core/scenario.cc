#include "unit/core/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/types/record_check.h"

namespace svcd::test {

UnitSpec::UnitSpec(std::string name) {
    definition_.name = std::move(name);
    if (unit_type_of(definition_.name) == UnitType::service) {
        definition_.service = std::make_unique<ServiceSettings>();
        definition_.service->exec = std::make_shared<const ExecSettings>();
    }
}

UnitSpec& UnitSpec::type(ServiceType type) {
    settings().type = type;
    if (type == ServiceType::oneshot) {
        settings().timeout_start = kInfinity;
    }
    return *this;
}

UnitSpec& UnitSpec::depends(Relation relation, const std::string& unit) {
    definition_.dependencies.push_back({relation, unit});
    return *this;
}

UnitSpec& UnitSpec::command(CommandRole role, const std::string& path) {
    Command command;
    command.role = role;
    command.path = path;
    command.argv = {path};
    settings().commands.push_back(command);
    std::stable_sort(settings().commands.begin(), settings().commands.end(),
                     [](const Command& a, const Command& b) { return a.role < b.role; });
    return *this;
}

UnitSpec& UnitSpec::restart(RestartPolicy policy, Duration delay) {
    settings().restart = policy;
    settings().restart_delay = delay;
    return *this;
}

LoadedUnit UnitSpec::loaded() && {
    LoadedUnit loaded;
    loaded.definition = std::move(definition_);
    return loaded;
}

UnitSpec service(const std::string& name) {
    UnitSpec spec{name + ".service"};
    spec.command(CommandRole::start, "/bin/" + name);
    return spec;
}

UnitSpec& UnitSpec::rarely(const std::function<void(RareUnitSettings&)>& change) {
    RareUnitSettings rare = definition_.rarely();
    change(rare);
    definition_.rare = std::make_shared<const RareUnitSettings>(std::move(rare));
    return *this;
}

UnitSpec& UnitSpec::rarely(const std::function<void(RareServiceSettings&)>& change) {
    RareServiceSettings rare = settings().rarely();
    change(rare);
    settings().rare = std::make_shared<const RareServiceSettings>(std::move(rare));
    return *this;
}

UnitSpec target(const std::string& name) {
    return UnitSpec{name + ".target"};
}

UnitSpec slice(const std::string& name) {
    return UnitSpec{name + ".slice"};
}

Scenario::Scenario(const SupervisorOptions& options) : options_(options), supervisor_(options) {}

Scenario& Scenario::load(std::vector<UnitSpec> units, bool complete) {
    UnitsLoaded event;
    event.complete = complete;
    for (UnitSpec& unit : units) {
        event.units.push_back(std::move(unit).loaded());
    }
    step(std::move(event));
    return *this;
}

Scenario& Scenario::load_broken(const std::string& name, const std::string& error) {
    UnitsLoaded event;
    LoadedUnit broken;
    broken.state = LoadState::bad_setting;
    broken.error = error;
    broken.definition.name = name;
    event.units.push_back(std::move(broken));
    step(std::move(event));
    return *this;
}

Scenario& Scenario::ask(JobVerb verb, const std::string& unit, JobMode mode) {
    return ask_all(verb, {unit}, mode);
}

Scenario& Scenario::ask_all(JobVerb verb, const std::vector<std::string>& units, JobMode mode) {
    JobRequested event;
    event.request = static_cast<RequestId>(next_request_++);
    event.unit = id(units.front());
    for (std::size_t other = 1; other < units.size(); ++other) {
        event.more.push_back(id(units[other]));
    }
    event.verb = verb;
    event.mode = mode;
    event.requester.pid = 7;
    event.requester.command = "svctl";
    step(std::move(event));
    return *this;
}

Scenario& Scenario::shut_down() {
    ShutdownRequested event;
    event.requester.reason = "SIGTERM";
    step(std::move(event));
    return *this;
}

Scenario& Scenario::advance(Duration time) {
    const Time until = now_ + time;
    while (true) {
        const std::optional<Time> next = supervisor_.next_deadline();
        if (!next.has_value() || *next > until) {
            break;
        }
        now_ = std::max(now_, *next);
        step(DeadlineReached{});
    }
    now_ = until;
    return *this;
}

Scenario& Scenario::exits(const std::string& unit, int status, ProcessRole role) {
    end(unit, role, ExitCode::exited, status);
    return *this;
}

Scenario& Scenario::killed(const std::string& unit, int signal, ProcessRole role) {
    end(unit, role, ExitCode::killed, signal);
    return *this;
}

void Scenario::end(const std::string& unit, ProcessRole role, ExitCode code, int status) {
    const UnitId unit_id = id(unit);
    const auto found = std::find_if(table_.begin(), table_.end(), [&](const auto& entry) {
        return entry.second.unit == unit_id && entry.second.role == role &&
               !entry.second.has_exited;
    });
    if (found == table_.end()) {
        throw std::logic_error(unit + " has no such process");
    }
    found->second.has_exited = true;
    found->second.code = code;
    found->second.status = status;
    step(ProcessExited{found->first, code, status});
    if (role != ProcessRole::checker && is_empty(unit_id)) {
        step(CgroupEmptied{unit_id});
    }
}

bool Scenario::is_empty(UnitId unit) {
    return !strays_[name(unit)] &&
           std::none_of(table_.begin(), table_.end(), [&](const auto& entry) {
               return entry.second.unit == unit && entry.second.role != ProcessRole::checker &&
                      !entry.second.has_exited;
           });
}

Scenario& Scenario::stray(const std::string& unit, bool there) {
    strays_[name(id(unit))] = there;
    if (!there) {
        step(CgroupEmptied{id(unit)});
    }
    return *this;
}

Scenario& Scenario::notifies(const std::string& unit, Notification message) {
    message.unit = id(unit);
    if (message.sender == 0) {
        message.sender = status(unit).main.pid;
    }
    step(std::move(message));
    return *this;
}

Scenario& Scenario::ready(const std::string& unit) {
    Notification message;
    message.ready = true;
    return notifies(unit, std::move(message));
}

Scenario& Scenario::executes(const std::string& unit, const ExecSucceeded& how) {
    for (const auto& [token, process] : table_) {
        if (process.unit == id(unit) && !process.has_exited) {
            step(ExecSucceeded{token, how.deviations, how.warnings, how.log_size});
            break;
        }
    }
    return *this;
}

Scenario& Scenario::does_not_execute(const std::string& unit,
                                     const ExecError& error,
                                     int status,
                                     ProcessRole role) {
    for (const auto& [token, process] : table_) {
        if (process.unit == id(unit) && process.role == role && !process.has_exited) {
            step(ExecFailed{token, error});
            break;
        }
    }
    return exits(unit, status, role);
}

Scenario& Scenario::main_process_is(const std::string& unit, Pid pid) {
    for (const auto& [token, order] : identifying_) {
        if (order.unit == id(unit)) {
            const Token found = token;
            table_[found] = FakeProcess{order.unit, ProcessRole::main, pid};
            identifying_.erase(found);
            step(MainProcessFound{found, pid});
            return *this;
        }
    }
    throw std::logic_error(unit + ": nobody asked for its main process");
}

Scenario& Scenario::main_process_is_not_found(const std::string& unit) {
    for (const auto& [token, order] : identifying_) {
        if (order.unit == id(unit)) {
            const Token asked = token;
            identifying_.erase(asked);
            step(MainProcessNotFound{asked,
                                     Error{0, "read PID file", "/run/x.pid", "there is none"}});
            return *this;
        }
    }
    throw std::logic_error(unit + ": nobody asked for its main process");
}

Scenario& Scenario::manager_dies() {
    StateRestored event;
    event.supervisor = supervisor_record_;
    event.was_away = std::exchange(has_new_launcher_, false);
    UnitsLoaded definitions;
    for (std::size_t index = 0; index < supervisor_.unit_count(); ++index) {
        const UnitDefinition* known = supervisor_.definition(static_cast<UnitId>(index));
        if (known == nullptr) {
            continue;
        }
        LoadedUnit loaded;
        loaded.definition.name = known->name;
        loaded.definition.start_limit_burst = known->start_limit_burst;
        loaded.definition.rare = known->rare;
        if (known->service != nullptr) {
            loaded.definition.service = std::make_unique<ServiceSettings>(*known->service);
        }
        for (std::size_t relation = 0; relation < kRelations; ++relation) {
            for (const UnitId other :
                 supervisor_.related(static_cast<UnitId>(index), static_cast<Relation>(relation))) {
                if (relation < kRelationsOneWay) {
                    loaded.definition.dependencies.push_back(
                        {static_cast<Relation>(relation), name(other)});
                }
            }
        }
        definitions.units.push_back(std::move(loaded));
    }
    definitions.complete = true;
    for (const auto& [unit_name, record] : records_) {
        RestoredUnit restored;
        restored.record = record;
        const auto fact_of = [&](std::uint64_t token) {
            ProcessFact fact;
            const auto found = table_.find(static_cast<Token>(token));
            if (token == 0) {
                return fact;
            }
            if (found == table_.end()) {
                fact.state = has_other_launcher_ ? ProcessFact::State::lost
                                                 : ProcessFact::State::never_spawned;
                return fact;
            }
            fact.is_foreign = has_other_launcher_;
            fact.pid = found->second.pid;
            fact.state =
                found->second.has_exited ? ProcessFact::State::exited : ProcessFact::State::alive;
            restored.populated = restored.populated || (!found->second.has_exited &&
                                                        found->second.role != ProcessRole::checker);
            return fact;
        };
        restored.main = fact_of(record.main.token);
        restored.control = fact_of(record.control.token);
        restored.checker = fact_of(record.checker.token);
        event.units.push_back(restored);
    }
    supervisor_ = Supervisor{options_};
    step(std::move(definitions));
    step(std::move(event));
    std::vector<Event> exits;
    for (const auto& [token, process] : table_) {
        if (process.has_exited) {
            exits.push_back(ProcessExited{token, process.code, process.status});
        }
    }
    for (Event& exit : exits) {
        step(std::move(exit));
    }
    return *this;
}

Scenario& Scenario::launcher_dies(const std::set<std::string>& ended) {
    std::erase_if(table_, [&](const auto& entry) {
        return entry.second.has_exited || ended.contains(name(entry.second.unit)) ||
               ended.contains(name(entry.second.unit).substr(0, name(entry.second.unit).find('.')));
    });
    has_other_launcher_ = true;
    has_new_launcher_ = true;
    return manager_dies();
}

void Scenario::step(Event event) {
    queue_.push_back(std::move(event));
    while (!queue_.empty()) {
        Event next = std::move(queue_.front());
        queue_.erase(queue_.begin());
        Effects effects;
        supervisor_.step(std::move(next), now_, effects);
        for (const UnitId unit : effects.dirty) {
            records_[name(unit)] = supervisor_.record(unit);
            EXPECT_EQ(fault_in(records_[name(unit)]), "") << "in the record of " << name(unit);
        }
        supervisor_record_ = supervisor_.record();
        EXPECT_EQ(fault_in(supervisor_record_), "");
        for (const Effect& effect : effects.orders) {
            carry_out(effect);
        }
        const std::optional<Time> due = supervisor_.next_deadline();
        if (queue_.empty() && due.has_value() && *due <= now_) {
            queue_.push_back(DeadlineReached{});
        }
    }
}

void Scenario::carry_out(const Effect& effect) {
    if (const auto* spawn = std::get_if<SpawnProcess>(&effect)) {
        const std::string path =
            supervisor_.definition(spawn->unit)->service->commands.at(spawn->command).path;
        if (fail_spawn_ != 0) {
            queue_.push_back(SpawnFailed{spawn->process,
                                         Error{std::exchange(fail_spawn_, 0), "clone3", path, {}}});
            return;
        }
        const Pid pid = next_pid_++;
        table_[spawn->process] = FakeProcess{spawn->unit, spawn->role, pid};
        queue_.push_back(ProcessSpawned{spawn->process, pid});
        log_.push_back("spawn " + name(spawn->unit) + " " + path);
        spawned_.push_back(path);
    } else if (const auto* signal = std::get_if<SignalUnit>(&effect)) {
        constexpr const char* kScopes[] = {"main", "control", "both", "group", "checker", "cgroup"};
        log_.push_back("signal " + name(signal->unit) + " " + std::to_string(signal->signal) + " " +
                       kScopes[static_cast<std::size_t>(signal->scope)] +
                       (signal->then_hang_up ? " and SIGHUP" : ""));
        if (signal->stop_state != SubState::dead && !dies_before_sent_) {
            queue_.push_back(StopSignalSent{signal->unit, signal->stop_state});
        }
    } else if (const auto* look_if = std::get_if<LookIfReaped>(&effect)) {
        log_.push_back("is reaped " + name(look_if->unit));
        if (!zombies_.contains(look_if->pid)) {
            queue_.push_back(ProcessReaped{look_if->unit, look_if->pid});
        }
    } else if (const auto* look = std::get_if<CheckConditions>(&effect)) {
        log_.push_back("check " + name(look->unit));
        table_[look->process] = FakeProcess{look->unit, ProcessRole::checker, next_pid_};
        queue_.push_back(ProcessSpawned{look->process, next_pid_++});
    } else if (const auto* watch = std::get_if<WatchBusName>(&effect)) {
        log_.push_back((watch->watch ? "watch name " : "unwatch name ") + name(watch->unit));
    } else if (const auto* identify = std::get_if<IdentifyMainProcess>(&effect)) {
        identifying_[identify->process] = *identify;
        log_.push_back("identify " + name(identify->unit));
    } else if (const auto* retire = std::get_if<RetireProcess>(&effect)) {
        table_.erase(retire->process);
        identifying_.erase(retire->process);
    } else if (const auto* check = std::get_if<CheckCgroup>(&effect)) {
        if (is_empty(check->unit)) {
            queue_.push_back(CgroupEmptied{check->unit});
        }
    } else if (const auto* release = std::get_if<ReleaseCgroup>(&effect)) {
        log_.push_back("release " + name(release->unit));
    } else if (const auto* remove = std::get_if<RemovePidFile>(&effect)) {
        log_.push_back("remove PID file of " + name(remove->unit));
    } else if (const auto* end = std::get_if<AnnounceJobEnd>(&effect)) {
        log_.push_back("job " + name(end->unit) + " " + std::string(name_of(end->result)));
    } else if (const auto* reply = std::get_if<Reply>(&effect)) {
        reply_ = *reply;
    } else if (const auto* said = std::get_if<Say>(&effect)) {
        said_.push_back((said->about_unit ? name(said->unit) + ": " : "") + said->text);
    } else if (const auto* exit = std::get_if<Exit>(&effect)) {
        exit_ = *exit;
    }
}

UnitId Scenario::id(const std::string& unit) const {
    const auto found =
        supervisor_.find(unit.find('.') == std::string::npos ? unit + ".service" : unit);
    if (!found.has_value()) {
        throw std::logic_error("no unit " + unit);
    }
    return *found;
}

bool Scenario::is_identifying(const std::string& unit) const {
    return std::any_of(identifying_.begin(), identifying_.end(),
                       [&](const auto& entry) { return entry.second.unit == id(unit); });
}

UnitStatus Scenario::status(const std::string& unit) const {
    return supervisor_.status(id(unit));
}

std::string Scenario::state(const std::string& unit) const {
    const UnitStatus now = status(unit);
    return std::string(name_of(now.active_state)) + "/" + std::string(name_of(now.sub_state));
}

std::vector<std::string> Scenario::take_log() {
    return std::exchange(log_, {});
}

}  // namespace svcd::test
