#include "manager/effect_runner.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "linux/pid_file.h"
#include "linux/pidfd.h"
#include "linux/procfs.h"
#include "manager/effect_order.h"
#include "manager/emptied_cgroup.h"

namespace svcd {

namespace {

/// Of a unit's processes so many are looked at for one that is writing a core dump.
constexpr std::size_t kLookedAtMax = 256;

/// In the order in which they are sent: a stopped process acts on the first once it goes on.
std::vector<int> signals_of(const SignalUnit& order) {
    std::vector<int> signals{order.signal};
    if (order.then_continue) {
        signals.push_back(SIGCONT);
    }
    if (order.then_hang_up) {
        signals.push_back(SIGHUP);
    }
    return signals;
}

/// What a person can do about it.
std::string advice_for(int error_number) {
    switch (error_number) {
        case EMFILE:
            return "; svcd needs more descriptors: raise RLIMIT_NOFILE of svcd";
        case ENFILE:
            return "; the machine is out of descriptors: raise fs.file-max";
        case ENOMEM:
            return "; the machine is out of memory";
        case ENOSPC:
            return "; make room there";
        case EROFS:
            return "; mount it writable";
        default:
            return {};
    }
}

bool may_be_sent_again(SignalCause cause) {
    return cause != SignalCause::user && cause != SignalCause::reload;
}

}  // namespace

EffectRunner::EffectRunner(const EffectTools& tools, SpawnSettings settings)
    : tools_(tools),
      starter_(StarterTools{tools.supervisor, tools.table, tools.tracker, tools.spawner,
                            tools.sweeper, tools.early_log, tools.output_pipes, tools.log,
                            tools.memory, tools.queue, tools.keepers, tools.poke},
               std::move(settings)) {}

void EffectRunner::run(const Effects& effects) {
    carry_out_in_order(effects, *this);
}

void EffectRunner::complain(UnitId unit, const Error& error) {
    if (is_again_) {
        return;
    }
    tools_.log.say(Severity::warning, tools_.supervisor.name(unit),
                   to_string(error) + advice_for(error.error_number));
}

// ── the state file

/// Everything that a step changes counts at once, or, if we die on the way, not at all.
void EffectRunner::write_down(const Effects& effects) {
    unwritten_.clear();
    for (const Effect& effect : effects.orders) {
        if (const auto* reply = std::get_if<Reply>(&effect)) {
            tools_.bus.remember(*reply);
        }
    }
    for (const Effect& effect : effects.orders) {  // a job may end in the step that made it
        if (const auto* ended = std::get_if<AnnounceJobEnd>(&effect)) {
            tools_.bus.answers().job_ended(ended->job, ended->result);
        }
    }
    if (records_held_) {
        return;
    }
    const std::vector<std::size_t>& answers = tools_.bus.answers().changed();
    const std::size_t records = effects.dirty.size() + answers.size();
    if (records == 0 && !effects.supervisor_dirty) {
        return;
    }
    const bool is_step = records + (effects.supervisor_dirty ? 1 : 0) > 1;
    if (is_step) {
        tools_.state.begin_step();
    }
    for (const UnitId unit : effects.dirty) {
        write_unit(unit);
    }
    for (const std::size_t slot : answers) {
        const auto written = tools_.state.write(slot, tools_.bus.answers().record(slot));
        // A client that asks again after a crash is not known then.
        if (!written && !std::exchange(answers_are_lost_, true)) {
            tools_.log.say(Severity::warning,
                           to_string(written.error()) + advice_for(written.error().error_number) +
                               ". A request that is repeated after a crash may be done twice");
        }
    }
    tools_.bus.answers().clear_changed();
    const SupervisorRecord supervisor = tools_.supervisor.record();
    const Result<void> written = is_step                    ? tools_.state.commit_step(supervisor)
                                 : effects.supervisor_dirty ? tools_.state.write(supervisor)
                                                            : Result<void>{};
    if (!written) {
        complain_of_state(written.error());
        unwritten_ = effects.dirty;
        never_written_.insert(unwritten_.begin(), unwritten_.end());
    } else if (never_written_.empty() && std::exchange(state_fault_, std::nullopt)) {
        tools_.log.say(Severity::notice, "The state file can be written again");
    }
}

/// Once, until it can be written again.
void EffectRunner::complain_of_state(const Error& error) {
    if (!std::exchange(state_fault_, error)) {
        tools_.log.say(Severity::error,
                       to_string(error) + advice_for(error.error_number) +
                           ". What runs goes on; what can't be written down is not started");
    }
}

void EffectRunner::write_unit(UnitId unit) {
    const Result<void> written = tools_.supervisor.is_known(unit)
                                     ? tools_.state.write(unit, tools_.supervisor.record(unit))
                                     : tools_.state.erase(unit);
    if (!written) {
        // What runs goes on. Nothing new is started, though: a next manager would not know of it.
        complain_of_state(written.error());
        unwritten_.push_back(unit);
        never_written_.insert(unit);
    } else {
        never_written_.erase(unit);
    }
}

// ── processes

template <typename Order>
void EffectRunner::start(const Order& order) {
    if (std::find(unwritten_.begin(), unwritten_.end(), order.unit) != unwritten_.end()) {
        starter_.refuse(order.process, Error{state_fault_ ? state_fault_->error_number : 0,
                                             "write the state file",
                                             {},
                                             "what can't be written down is not started"});
        return;
    }
    starter_.start(order);
}

void EffectRunner::carry_out(const SpawnProcess& order) {
    start(order);
}

void EffectRunner::carry_out(const CheckConditions& order) {
    start(order);
}

void EffectRunner::carry_out(const IdentifyMainProcess& order) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    if (order.how != IdentifyMainProcess::How::pid_file || definition == nullptr ||
        definition->service == nullptr) {
        identify(order);
        return;
    }
    const std::string& path = definition->service->pid_file;
    tools_.file_looks.start(
        path,
        [&path]() -> FileAnswer {
            const Result<Pid> pid = read_pid_file(path);
            return pid ? FileAnswer{*pid} : FileAnswer{Failure{pid.error()}};
        },
        [this, order](const FileAnswer& answer) {
            if (tools_.supervisor.unit_of(order.process) != order.unit) {
                return;  // nobody wants to know any more
            }
            if (!answer) {
                tools_.queue.emplace_back(MainProcessNotFound{order.process, answer.error()});
                return;
            }
            IdentifyMainProcess named = order;
            named.pid = answer->value_or(0);
            identify(named);
        });
}

/// Whose PID is known, or who has to be guessed.
void EffectRunner::identify(const IdentifyMainProcess& order) {
    const MainProcessQuery query{order, tools_.supervisor.name(order.unit),
                                 tools_.supervisor.status(order.unit).control_pid};
    Result<MainProcessFound> found = tools_.finder.find(query);
    if (found) {
        tools_.queue.emplace_back(*found);
    } else {
        tools_.queue.emplace_back(MainProcessNotFound{order.process, found.error()});
    }
}

void EffectRunner::carry_out(const LookIfReaped& order) {
    const Result<ProcessInfo> info = process_info(order.pid);
    // Another's start time: the PID has been given away since.
    if (!info || (order.start_time != 0 && info->start_time != order.start_time)) {
        tools_.queue.emplace_back(ProcessReaped{order.unit, order.pid});
    }
}

void EffectRunner::carry_out(const RetireProcess& order) {
    tools_.table.release(order.process);
    tools_.adopted.forget(order.process);
}

void EffectRunner::carry_out(const WatchBusName& order) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    if (order.watch && definition != nullptr && definition->service != nullptr) {
        tools_.bus.watch_name(order.unit, definition->service->rarely().bus_name);
    } else {
        tools_.bus.unwatch_name(order.unit);
    }
}

// ── signals

void EffectRunner::carry_out(const SignalUnit& order) {
    if (order.cause != SignalCause::user) {
        starter_.cancel(order.main);
        starter_.cancel(order.control);
    }
    if (order.signal != SIGKILL && (is_unborn(order.main) || is_unborn(order.control))) {
        std::erase_if(early_,
                      [&](const EarlySignal& each) { return each.order.unit == order.unit; });
        early_.push_back(EarlySignal{order, tools_.supervisor.status(order.unit).sub_state});
        return;
    }
    // No SIGKILL without a record that explains it: first who gets it, and what they are busy with.
    std::vector<Pid> doomed;
    try {
        if (order.signal == SIGKILL) {
            doomed = tools_.recorder.about_to_kill(order);
        } else if (order.cause == SignalCause::watchdog) {
            tools_.recorder.about_to_abort(order);
        }
    } catch (const std::bad_alloc&) {
        doomed.clear();  // the signal, which may free memory, does not wait for the record
    }
    std::vector<Pid> reached;
    signal_failed_ = false;
    switch (order.scope) {
        case SignalScope::main:
            signal_process(order, order.main, reached);
            break;
        case SignalScope::control:
        case SignalScope::checker:
            signal_process(order, order.control, reached);
            break;
        case SignalScope::group:
            signal_group(order, reached);
            break;
        case SignalScope::both:
            signal_process(order, order.main, reached);
            signal_process(order, order.control, reached);
            break;
        case SignalScope::cgroup:
            // A person's SIGKILL may be followed by a spawn while the cgroup is still emptying, for
            // which a cgroup that was killed as such is spoiled (CgroupTree::ensure).
            if (order.signal == SIGKILL && order.cause != SignalCause::user && !order.one_by_one) {
                kill_cgroup(order);
                if (!signal_failed_) {
                    reached = std::move(doomed);
                }
            } else {
                signal_cgroup(order, reached);
            }
            signal_if_moved(order, order.main, reached);
            signal_if_moved(order, order.control, reached);
            break;
    }
    if (!signal_failed_ && order.stop_state != SubState::dead) {
        tools_.queue.emplace_back(StopSignalSent{order.unit, order.stop_state});
    }
    if (signal_failed_ && may_be_sent_again(order.cause)) {
        retries_.add(order, tools_.supervisor.status(order.unit).sub_state);
    }
    if (!signal_failed_ || !reached.empty()) {
        tools_.recorder.signalled(order, reached);
    }
}

/// Its keeper is about to start it.
bool EffectRunner::is_unborn(Token process) const {
    return tools_.keepers != nullptr && process != Token::none &&
           tools_.table.look(process).state == ProcessFact::State::never_spawned;
}

void EffectRunner::send_early_signals() {
    for (const EarlySignal& early : std::exchange(early_, {})) {
        const UnitId unit = early.order.unit;
        if (tools_.supervisor.is_known(unit) &&
            tools_.supervisor.status(unit).sub_state == early.sub_state) {
            carry_out(early.order);
        }
    }
}

void EffectRunner::try_again(Time now) {
    send_early_signals();
    is_again_ = true;
    for (const Retried& retried : retries_.take(now, tools_.supervisor)) {
        std::visit([this](const auto& order) { carry_out(order); }, retried);
    }
    is_again_ = false;
}

template <typename Target>
void EffectRunner::send(const SignalUnit& order,
                        const Target& target,
                        Pid pid,
                        std::vector<Pid>& reached) {
    const std::vector<int> signals = signals_of(order);
    const Result<void> sent = send_signal(target, signals.front(), order.value);
    complain_of_signal(order.unit, sent);
    if (!sent) {
        return;
    }
    reached.push_back(pid);
    for (std::size_t next = 1; next < signals.size(); ++next) {
        complain_of_signal(order.unit, send_signal(target, signals[next]));  // it may have ended
    }
}

void EffectRunner::signal_process(const SignalUnit& order, Token token, std::vector<Pid>& reached) {
    if (token == Token::none) {
        return;
    }
    if (const UniqueFd* adopted = tools_.adopted.pidfd_of(token)) {
        send(order, *adopted, tools_.adopted.pid_of(token), reached);
        return;
    }
    const ProcessFact before = tools_.table.look(token);
    if (before.state != ProcessFact::State::alive) {
        return;
    }
    const Result<Recipient> process = open_recipient(before.pid);
    // While its slot is LIVE a process has not been reaped, so its PID is its own: the same token
    // in the slot after the open says that what was opened is that process.
    const ProcessFact now = tools_.table.look(token);
    if (now.state != ProcessFact::State::alive || now.pid != before.pid) {
        return;
    }
    if (!process) {
        complain_of_signal(order.unit, Failure{process.error()});
        return;
    }
    send(order, *process, now.pid, reached);
    complain_of_unsure(order.unit, process->pidfd ? 0U : 1U);
}

/// While its slot is LIVE the main process has not been reaped, so its group is its own.
void EffectRunner::signal_group(const SignalUnit& order, std::vector<Pid>& reached) {
    const ProcessFact main = tools_.table.look(order.main);
    if (main.state != ProcessFact::State::alive) {
        return;
    }
    if (::kill(-main.pid, order.signal) != 0) {
        complain_of_signal(order.unit, failure(errno, "send a signal to the process group of",
                                               "PID " + std::to_string(main.pid)));
        return;
    }
    reached.push_back(main.pid);
}

/// What somebody has moved out of the unit's cgroup is the unit's all the same.
void EffectRunner::signal_if_moved(const SignalUnit& order,
                                   Token token,
                                   std::vector<Pid>& reached) {
    const Pid adopted = tools_.adopted.pid_of(token);
    const Pid pid = adopted != 0 || token == Token::none ? adopted : tools_.table.look(token).pid;
    if (pid != 0 && std::find(reached.begin(), reached.end(), pid) == reached.end() &&
        lives_outside(pid, tools_.supervisor.name(order.unit), tools_.tracker)) {
        signal_process(order, token, reached);
    }
}

void EffectRunner::signal_cgroup(const SignalUnit& order, std::vector<Pid>& reached) {
    const std::string_view unit = tools_.supervisor.name(order.unit);
    const Result<std::size_t> unsure =
        tools_.tracker.signal(unit, signals_of(order), reached, {}, order.value);
    complain_of_signal(order.unit, unsure ? Result<void>{} : Failure{unsure.error()});
    complain_of_unsure(order.unit, unsure.value_or(0));
}

void EffectRunner::complain_of_unsure(UnitId unit, std::size_t count) {
    if (count > 0) {
        complain(unit,
                 Error{EMFILE, "hold", std::to_string(count) + " of its processes for a signal",
                       "they got it by their PIDs"});
    }
}

void EffectRunner::kill_cgroup(const SignalUnit& order) {
    complain_of_signal(order.unit, tools_.tracker.kill(tools_.supervisor.name(order.unit)));
}

/// Processes that are gone already are no failure.
void EffectRunner::complain_of_signal(UnitId unit, const Result<void>& sent) {
    if (!sent && sent.error().error_number != ENOENT && sent.error().error_number != ESRCH) {
        complain(unit, sent.error());
        signal_failed_ = true;
    }
}

// ── cgroups

void EffectRunner::carry_out(const CheckCgroup& order) {
    const Result<bool> populated = tools_.tracker.is_populated(tools_.supervisor.name(order.unit));
    if (!populated) {
        complain(order.unit, populated.error());
        retries_.add(order);
        return;
    }
    if (!*populated) {
        tools_.queue.emplace_back(
            emptied_cgroup(order.unit, tools_.supervisor, tools_.tracker, tools_.table));
    }
}

void EffectRunner::carry_out(const LookForCoreDump& order) {
    const auto pids = tools_.tracker.processes(tools_.supervisor.name(order.unit), kLookedAtMax);
    if (pids && std::any_of(pids->begin(), pids->end(), is_dumping_core)) {
        tools_.queue.emplace_back(CoreDumping{order.unit});
    }
}

void EffectRunner::carry_out(const ReleaseCgroup& order) {
    const Result<void> removed = tools_.tracker.remove(tools_.supervisor.name(order.unit));
    // EBUSY: KillMode=process left processes in it; they keep it.
    if (!removed && removed.error().error_number != EBUSY &&
        removed.error().error_number != ENOENT) {
        complain(order.unit, removed.error());
    }
}

void EffectRunner::carry_out(const RemovePidFile& order) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    if (definition == nullptr || definition->service == nullptr) {
        return;
    }
    const std::string_view unit = tools_.supervisor.name(order.unit);
    const std::string path = definition->service->pid_file;
    starter_.hold(order.unit);  // a daemon that finds it there refuses to start
    tools_.file_looks.start(
        path,
        [&] {
            return remove_stale_pid_file(
                path, [&](Pid pid) { return lives_outside(pid, unit, tools_.tracker); });
        },
        [this, order, path](const FileAnswer& removed) {
            starter_.let_go(order.unit);
            if (!tools_.supervisor.is_known(order.unit)) {
                return;  // its file is gone, and it has been forgotten meanwhile
            }
            if (!removed) {
                complain(order.unit, removed.error());
            } else if (removed->has_value()) {
                tools_.log.say(Severity::notice, tools_.supervisor.name(order.unit),
                               "removed its PID file " + path + ", which named process " +
                                   std::to_string(**removed) + " and which it had left behind");
            }
        });
}

// ── clients

void EffectRunner::carry_out(const AnnounceJob& order) {
    tools_.bus.job_new(order.job, tools_.supervisor.name(order.unit));
}

void EffectRunner::carry_out(const AnnounceJobEnd& order) {
    ended_jobs_.push_back(
        {order.job, std::string(tools_.supervisor.name(order.unit)), order.result});
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
    for (const EndedJob& job : ended_jobs_) {
        tools_.bus.job_removed(job.job, job.unit, job.result);
    }
    ended_jobs_.clear();
}

}  // namespace svcd
