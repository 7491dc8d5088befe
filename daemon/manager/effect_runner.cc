#include "manager/effect_runner.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "linux/pidfd.h"
#include "manager/effect_order.h"

namespace svcd {

EffectRunner::EffectRunner(const EffectTools& tools, SpawnSettings settings)
    : tools_(tools), settings_(std::move(settings)) {}

void EffectRunner::run(const Effects& effects) {
    unwritten_.clear();
    carry_out_in_order(effects, *this);
}

void EffectRunner::complain(UnitId unit, const Error& error) {
    tools_.log.say(Severity::warning, tools_.supervisor.name(unit), to_string(error));
}

// ── the state file

void EffectRunner::write_unit(UnitId unit) {
    if (records_held_) {
        return;
    }
    const Result<void> written = tools_.supervisor.is_known(unit)
                                     ? tools_.state.write(unit, tools_.supervisor.record(unit))
                                     : tools_.state.erase(unit);
    if (!written) {
        // What runs goes on. Nothing new is started, though: a next manager would not know of it.
        complain(unit, written.error());
        unwritten_.push_back(unit);
    }
}

void EffectRunner::write_supervisor() {
    if (records_held_) {
        return;
    }
    if (const auto written = tools_.state.write(tools_.supervisor.record()); !written) {
        tools_.log.say(Severity::warning, to_string(written.error()));
    }
}

// ── processes

void EffectRunner::carry_out(const SpawnProcess& order) {
    if (std::find(unwritten_.begin(), unwritten_.end(), order.unit) != unwritten_.end()) {
        tools_.queue.emplace_back(SpawnFailed{
            order.process, Error{0, "start", {}, "the state file could not be written"}});
        return;
    }
    if (waiting_.empty() && has_free_stack()) {
        start(order);
        return;
    }
    // Claimed, so that the next manager knows that it was never spawned.
    if (const auto slot = tools_.table.claim(order.process); !slot) {
        tools_.queue.emplace_back(SpawnFailed{order.process, slot.error()});
        return;
    }
    waiting_.push_back(order);
    tools_.sweeper.hurry();
}

void EffectRunner::start_waiting() {
    while (!waiting_.empty() && has_free_stack()) {
        const SpawnProcess order = waiting_.front();
        waiting_.pop_front();
        start(order);
    }
    if (!waiting_.empty()) {
        tools_.sweeper.hurry();
    }
}

bool EffectRunner::has_free_stack() {
    for (int tries = 0; tries < kYieldsForStack; ++tries) {
        if (tools_.spawner.in_flight() < kSpawnsInFlight) {
            return true;
        }
        ::sched_yield();  // they need no more than a processor, usually
        tools_.sweeper.sweep_now();
    }
    return false;
}

/// A spawn that still waits for its turn will not happen.
void EffectRunner::cancel_waiting(Token token) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [token](const auto& order) { return order.process == token; });
    if (found == waiting_.end()) {
        return;
    }
    tools_.table.release(token);
    waiting_.erase(found);
    tools_.queue.emplace_back(SpawnFailed{
        token, Error{EAGAIN,
                     "spawn",
                     {},
                     std::to_string(kSpawnsInFlight) +
                         " processes before it have not reached their execve: is a file system "
                         "hanging?"}});
}

void EffectRunner::start(const SpawnProcess& order) {
    Result<SpawnOutcome> outcome = spawn(order);
    if (!outcome) {
        tools_.queue.emplace_back(SpawnFailed{order.process, outcome.error()});
        return;
    }
    tools_.queue.emplace_back(ProcessSpawned{order.process, outcome->pid});
    if (const auto watched = tools_.sweeper.started(order.process, std::move(outcome->exec_report));
        !watched) {
        complain(order.unit, watched.error());
    }
}

Result<SpawnOutcome> EffectRunner::spawn(const SpawnProcess& order) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    if (definition == nullptr || definition->service == nullptr ||
        order.command >= definition->service->commands.size()) {
        return failure(ENOENT, "spawn", std::string(tools_.supervisor.name(order.unit)));
    }
    const ServiceSettings& service = *definition->service;
    static const ExecSettings kPlain;
    const ExecSettings& exec = service.exec ? *service.exec : kPlain;
    const Result<int> cgroup = tools_.cgroups.ensure(definition->name, definition->slice());
    if (!cgroup) {
        return Failure{cgroup.error()};
    }
    const auto slot = tools_.table.claim(order.process);
    if (!slot) {
        return Failure{slot.error()};
    }
    SpawnRequest request;
    request.token = order.process;
    request.unit = definition->name;
    request.command = &service.commands[order.command];
    request.exec = &with_original_limits(exec);
    request.environment = environment_of(order, service, exec);
    request.log_file = settings_.log_dir + "/" + definition->name + "/current";
    request.default_directory = settings_.default_directory;
    request.cgroup_fd = *cgroup;
    request.pid = *slot;
    request.report_exec = order.report_exec;
    Result<SpawnOutcome> outcome = tools_.spawner.spawn(request);
    if (!outcome) {
        tools_.table.release(order.process);
    }
    return outcome;
}

std::vector<std::string> EffectRunner::environment_of(const SpawnProcess& order,
                                                      const ServiceSettings& service,
                                                      const ExecSettings& exec) const {
    const UnitStatus status = tools_.supervisor.status(order.unit);
    EnvironmentFacts facts;
    facts.inherited = settings_.user_instance ? &settings_.environment : nullptr;
    facts.invocation_id = status.invocation_id;
    facts.stop_timeout = service.timeout_stop;
    if (order.role == ProcessRole::main) {
        facts.watchdog = service.watchdog;
        if (service.type == ServiceType::notify || service.watchdog > Duration::zero()) {
            facts.notify_socket = settings_.notify_socket;
        }
    } else {
        facts.main_pid = status.main.pid;
    }
    const CommandRole role = service.commands[order.command].role;
    if (role == CommandRole::stop || role == CommandRole::stop_post) {
        facts.end =
            ServiceEnd{status.result, status.main.pid == 0 ? status.main.code : ExitCode::none,
                       status.main.status};
    }
    return process_environment(facts, exec);
}

const ExecSettings& EffectRunner::with_original_limits(const ExecSettings& exec) {
    std::vector<ResourceLimit> missing;
    for (const ResourceLimit& limit : settings_.original_limits) {
        const bool is_set =
            std::any_of(exec.limits.begin(), exec.limits.end(),
                        [&](const ResourceLimit& own) { return own.resource == limit.resource; });
        if (!is_set) {
            missing.push_back(limit);
        }
    }
    if (missing.empty()) {
        return exec;
    }
    limited_ = exec;
    limited_.limits.insert(limited_.limits.end(), missing.begin(), missing.end());
    return limited_;
}

void EffectRunner::carry_out(const IdentifyMainProcess& order) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    const bool has_service = definition != nullptr && definition->service != nullptr;
    const MainProcessQuery query{order, tools_.supervisor.name(order.unit),
                                 has_service ? definition->service->pid_file : std::string{},
                                 tools_.supervisor.status(order.unit).control_pid};
    const Result<Pid> found = tools_.finder.find(query);
    if (found) {
        tools_.queue.emplace_back(MainProcessFound{order.process, *found});
    } else {
        tools_.queue.emplace_back(MainProcessNotFound{order.process, found.error()});
    }
}

void EffectRunner::carry_out(const RetireProcess& order) {
    tools_.table.release(order.process);
}

// ── signals

void EffectRunner::carry_out(const SignalUnit& order) {
    if (!waiting_.empty() && order.cause != SignalCause::user) {
        cancel_waiting(order.main);
        cancel_waiting(order.control);
    }
    switch (order.scope) {
        case SignalScope::main:
            signal_process(order, order.main);
            return;
        case SignalScope::control:
            signal_process(order, order.control);
            return;
        case SignalScope::both:
            signal_process(order, order.main);
            signal_process(order, order.control);
            return;
        case SignalScope::cgroup:
            signal_cgroup(order);
            return;
    }
}

void EffectRunner::signal_process(const SignalUnit& order, Token token) {
    if (token == Token::none) {
        return;
    }
    const ProcessFact before = tools_.table.look(token);
    if (before.state != ProcessFact::State::alive) {
        return;
    }
    const Result<UniqueFd> process = open_pidfd(before.pid);
    // While its slot is LIVE a process has not been reaped, so its PID is its own: the same token
    // in the slot after the open says that what was opened is that process.
    const ProcessFact now = tools_.table.look(token);
    if (now.state != ProcessFact::State::alive || now.pid != before.pid) {
        return;
    }
    if (!process) {
        complain(order.unit, process.error());
        return;
    }
    Result<void> sent = send_signal(*process, order.signal);
    if (sent && order.then_continue) {
        sent = send_signal(*process, SIGCONT);
    }
    if (!sent && sent.error().error_number != ESRCH) {
        complain(order.unit, sent.error());
    }
}

void EffectRunner::signal_cgroup(const SignalUnit& order) {
    const std::string_view unit = tools_.supervisor.name(order.unit);
    const Result<void> sent = order.signal == SIGKILL
                                  ? tools_.cgroups.kill(unit)
                                  : tools_.cgroups.signal(unit, order.signal, order.then_continue);
    if (!sent && sent.error().error_number != ENOENT && sent.error().error_number != ESRCH) {
        complain(order.unit, sent.error());
    }
}

// ── cgroups

void EffectRunner::carry_out(const CheckCgroup& order) {
    const Result<bool> populated = tools_.cgroups.is_populated(tools_.supervisor.name(order.unit));
    if (!populated) {
        complain(order.unit, populated.error());
        return;
    }
    if (!*populated) {
        tools_.queue.emplace_back(CgroupEmptied{order.unit});
    }
}

void EffectRunner::carry_out(const ReleaseCgroup& order) {
    const Result<void> removed = tools_.cgroups.remove(tools_.supervisor.name(order.unit));
    // EBUSY: KillMode=process left processes in it; they keep it.
    if (!removed && removed.error().error_number != EBUSY &&
        removed.error().error_number != ENOENT) {
        complain(order.unit, removed.error());
    }
}

// ── clients

void EffectRunner::carry_out(const AnnounceJob& order) {
    tools_.bus.job_new(order.job, tools_.supervisor.name(order.unit));
}

void EffectRunner::carry_out(const AnnounceJobEnd& order) {
    tools_.bus.job_removed(order.job, tools_.supervisor.name(order.unit), order.result);
}

void EffectRunner::carry_out(const Reply& order) {
    if (order.request != RequestId::none) {
        tools_.bus.reply(order);
    } else if (order.refusal) {
        tools_.log.say(Severity::error, order.refusal->message);
    }
}

void EffectRunner::carry_out(const Say& order) {
    if (order.about_unit) {
        tools_.log.say(order.severity, tools_.supervisor.name(order.unit), order.text);
    } else {
        tools_.log.say(order.severity, order.text);
    }
}

void EffectRunner::carry_out(const Exit& order) {
    exit_ = order;
}

void EffectRunner::changed(UnitId unit) {
    const std::size_t index = index_of(unit);
    if (index >= is_changed_.size()) {
        is_changed_.resize(index + 1);
    }
    if (!is_changed_[index]) {
        is_changed_[index] = true;
        changed_.push_back(unit);
    }
}

void EffectRunner::publish() {
    const Supervisor& supervisor = tools_.supervisor;
    announced_.resize(std::max(announced_.size(), supervisor.unit_count()));
    for (const UnitId unit : changed_) {
        const std::size_t index = index_of(unit);
        is_changed_[index] = false;
        if (index >= announced_.size()) {
            announced_.resize(index + 1);
        }
        std::string& name = announced_[index];
        if (!supervisor.is_known(unit)) {
            if (!name.empty()) {
                tools_.bus.unit_removed(name);
                name.clear();
            }
            continue;
        }
        if (name.empty()) {
            name = supervisor.name(unit);
            tools_.bus.unit_new(unit);
        }
        tools_.bus.unit_changed(unit);
    }
    changed_.clear();
}

}  // namespace svcd
