#include "manager/stop_recorder.h"

#include <algorithm>
#include <csignal>
#include <unordered_set>

#include "core/sub_state.h"
#include "unitfile/signal_names.h"

namespace svcd {
namespace {

/// What happened to a unit so long before it went down may have to do with it.
constexpr Duration kPreludeSpan{10'000'000};
constexpr std::size_t kPidsShownMax = 256;

std::string pids_field(std::string_view name, std::vector<Pid> pids) {
    const std::size_t more = pids.size() - std::min(pids.size(), kPidsShownMax);
    pids.resize(pids.size() - more);
    std::string fields;
    JsonWriter json{fields};
    json.field(name, pids);
    if (more > 0) {
        json.field("more", more);
    }
    return fields;
}

/// RestartSec has passed, or a start makes it short: the unit does not go down, it goes on.
bool is_way_of_restart(const Transition& transition, const std::optional<JobStatus>& job) {
    return transition.from == SubState::auto_restart && (!job || job->type != JobType::stop);
}

/// May a process that is younger than the main process be another command's?
bool has_other_commands(const UnitDefinition& definition) {
    std::size_t before_the_stop = 0;
    for (const Command& command : definition.service->commands) {
        const bool is_of_the_stop =
            command.role == CommandRole::stop || command.role == CommandRole::stop_post;
        before_the_stop += is_of_the_stop ? 0U : 1U;
    }
    return before_the_stop > 1;
}

bool is_end(SubState state) {
    return state == SubState::dead || state == SubState::failed || state == SubState::auto_restart;
}

}  // namespace

StopRecorder::StopRecorder(const Supervisor& supervisor, StopLog& log, StopSenses senses)
    : supervisor_(supervisor), log_(log), senses_(std::move(senses)) {}

StopRecord* StopRecorder::open_record_of(UnitId unit) {
    const auto found = open_.find(unit);
    return found == open_.end() ? nullptr : list(*found->second);
}

StopRecord* StopRecorder::list(StopRecord& record) {
    if (!std::exchange(record.is_listed, true)) {
        changed_.push_back(&record);
    }
    return &record;
}

/// The one that goes on, or else the one that has ended in this turn.
StopRecord* StopRecorder::record_of(UnitId unit) {
    if (StopRecord* open = open_record_of(unit)) {
        return open;
    }
    const auto found = std::find_if(ended_.rbegin(), ended_.rend(),
                                    [unit](const auto& each) { return each.first == unit; });
    return found == ended_.rend() ? nullptr : list(*found->second);
}

// ── what the supervisor made of it

void StopRecorder::after(const Effects& effects, Time now) {
    now_ = now;
    note_shutdown();
    if (is_restoring_) {
        take_restored();
    }
    auto began = effects.stops.begin();
    for (std::size_t index = 0; index < effects.transitions.size(); ++index) {
        const bool begins = began != effects.stops.end() && began->transition == index;
        take(effects.transitions[index], begins ? &*began : nullptr);
        began += begins ? 1 : 0;
    }
    if (!open_.empty()) {
        note_jobs(effects);
    }
    note_asked_again(effects);
    note_given_up(effects);
    if (!open_.empty() && limits_may_move_) {
        note_limits(effects);
    }
    // A main process that has ended and has not taken its unit with it: that may still come.
    if (heard_ && heard_->what == "exit" && main_exited_ == heard_->unit) {
        remember(heard_->unit, heard_->what, std::move(heard_->fields));
    }
    heard_.reset();
    if (std::exchange(has_ended_, false)) {
        flush();
    }
}

void StopRecorder::note_shutdown() {
    if (shutdown_at_ != Time{} || supervisor_.system_state() != SystemState::stopping) {
        return;
    }
    shutdown_at_ = is_restoring_ ? shutdown_in_log().value_or(now_) : now_;
    for (auto& [unit, record] : open_) {
        record->facts().shutdown_usec = to_usec(shutdown_at_);
        list(*record)->touch();
    }
}

/// When the shutdown began that a manager before us was busy with.
std::optional<Time> StopRecorder::shutdown_in_log() const {
    const std::vector<StopSummary> stops = log_.stops();
    if (stops.empty() || stops.front().shutdown_usec == 0) {
        return std::nullopt;
    }
    return time_from_usec(stops.front().shutdown_usec);
}

void StopRecorder::take(const Transition& transition, const StopBegan* began) {
    if (began != nullptr && !is_way_of_restart(transition, began->job)) {
        begin(transition, began->job);
    }
    if (began == nullptr && traits(transition.to).active == ActiveState::reloading &&
        traits(transition.from).active == ActiveState::active) {
        const std::optional<JobStatus> job = supervisor_.status(transition.unit).job;
        const bool is_asked_for = job && job->type != JobType::stop;
        remember(transition.unit, "reload",
                 is_asked_for ? asked_fields(job->id, name_of(job->type), job->requester)
                              : std::string{});
    }
    StopRecord* record = open_record_of(transition.unit);
    const bool restarts = transition.to == SubState::auto_restart;
    if (record == nullptr && restarts) {
        record = record_of(transition.unit);  // it was dead for a moment
    }
    if (record == nullptr) {
        return;
    }
    StopFacts& facts = record->facts();
    if (facts.result != static_cast<std::uint8_t>(transition.result)) {
        note_failure(*record, supervisor_.status(transition.unit));
    }
    facts.result = static_cast<std::uint8_t>(transition.result);
    facts.main_code = static_cast<std::int32_t>(transition.main_code);
    facts.main_status = transition.main_status;
    record->enter(transition.to, now_);
    const SubStateTraits& state = traits(transition.to);
    if (state.stopping && !state.final && transition.to != SubState::stop_post) {
        record->set_limit(transition.stop_deadline);
    }
    if (transition.to == SubState::stop_wedged) {
        note_wedged(transition.unit, *record);
    } else if (is_end(transition.to) || is_up_or_starting(state.active)) {
        finish(transition.unit, *record);
    }
}

void StopRecorder::begin(const Transition& transition, const std::optional<JobStatus>& job) {
    const UnitId unit = transition.unit;
    if (StopRecord* before = open_record_of(unit)) {
        finish(unit, *before);
    }
    StopBeginning beginning;
    beginning.id = id_for(unit);
    beginning.unit = supervisor_.name(unit);
    beginning.invocation = transition.invocation_id;
    beginning.began = now_;
    beginning.began_realtime_usec = senses_.realtime_usec();
    beginning.from = name_of(transition.from);
    beginning.main_pid = transition.main_pid;
    beginning.job = is_stopping(job) ? &*job : nullptr;
    beginning.asker_unit = is_stopping(job) ? asker_of(job->requester) : std::string_view{};
    beginning.other_unit = is_stopping(job) ? other_of(job->requester) : std::string_view{};
    beginning.definition = supervisor_.definition(unit);
    auto record = std::make_unique<StopRecord>(beginning);
    record->facts().shutdown_usec = to_usec(shutdown_at_);
    // What is in a slice is no part of its stop, and a target has no processes.
    const bool is_service = beginning.definition != nullptr && beginning.definition->service;
    if (const auto throttled = is_service ? senses_.throttled(beginning.unit) : std::nullopt) {
        record->facts().throttled_before_usec = throttled->count();
    }
    // A start that went on over it may have failed for it, however long ago that was.
    const bool was_over_it = traits(transition.from).starting &&
                             supervisor_.status(unit).inactive_exit_at < restored_at_;
    const bool was_missed = ended_alone_.erase(std::string{beginning.unit}) != 0;
    if (was_over_it || was_missed || restored_at_ == now_) {
        note_manager(*record, was_missed);
    }
    add_what_led_to(*record, unit, traits(transition.from).starting);
    if (main_exited_ == unit && is_service && !is_stopping(job) && shutdown_at_ == Time{}) {
        note_left(*record, unit, beginning.main_pid);
    }
    list(*record);
    open_[unit] = std::move(record);
}

/// The main process has ended unasked. Who is there still, and is it the main process's? A process
/// is in the session of who started it, unless it has begun one of its own.
void StopRecorder::note_left(StopRecord& record, UnitId unit, Pid main_pid) {
    const UnitStatus status = supervisor_.status(unit);
    if (!status.populated) {
        return;
    }
    std::vector<Pid> pids = senses_.processes(status.name);
    std::erase(pids, status.control_pid);
    std::vector<ProcessExamination> known;
    for (const Pid pid : pids) {
        const bool is_allowed = known.size() < kProcessesShown && examined_ < kExaminedPerTurn;
        std::optional<ProcessExamination> process =
            is_allowed ? senses_.examine(pid) : std::nullopt;
        if (process) {
            ++examined_;
            known.push_back(std::move(*process));
        }
    }
    // One that was found or named later, not started by svcd, has no start time here.
    const ServiceType type = supervisor_.definition(unit)->service->type;
    const bool is_start_known = type != ServiceType::forking && type != ServiceType::notify &&
                                type != ServiceType::notify_reload;
    const auto is_older = [&](const ProcessExamination& one) {
        return one.started_usec + kStartTimeGrain < to_usec(status.main.started_at);
    };
    const bool is_alone = known.size() == pids.size() &&
                          !has_other_commands(*supervisor_.definition(unit)) &&
                          std::ranges::none_of(known, is_older);
    std::string fields = pids_field("pids", pids);
    JsonWriter json{fields};
    json.key("processes").open_array();
    for (const ProcessExamination& one : known) {
        const bool is_of_main = is_alone || one.session == main_pid;
        json.open_object()
            .field("pid", one.pid)
            .field("name", one.name)
            .field("state", std::string_view{&one.state, 1})
            .field("origin", is_of_main                        ? "main"
                             : is_start_known && is_older(one) ? "before-main"
                                                               : "")
            .close_object();
    }
    json.close_array();
    if (!pids.empty()) {
        record.facts().has_left = 1;
        record.add(now_, "left", fields);
    }
}

void StopRecorder::note_failure(StopRecord& record, const UnitStatus& status) {
    if (status.failure.kind == FailureKind::none) {
        return;
    }
    // A stop that goes on has heard of a process that could not be made; a start had no record.
    if (status.exec_error.step == ExecStep::spawn && status.exec_error.role < CommandRole::reload) {
        record.add(now_, "exec-failed", exec_failed_fields(status.exec_error));
    }
    std::string fields;
    JsonWriter{fields}
        .field("kind", name_of(status.failure.kind))
        .field("text", status.failure_text);
    const UnitDefinition* definition = supervisor_.definition(status.id);
    if (definition != nullptr && definition->service != nullptr &&
        status.failure.command < definition->service->commands.size()) {
        JsonWriter{fields}.field(
            "setting", name_of(definition->service->commands[status.failure.command].role));
    }
    if (status.failure.kind == FailureKind::ready_missing ||
        status.failure.kind == FailureKind::watchdog_never) {
        JsonWriter json{fields};
        append_unaddressed(json, senses_.processes(record.unit()), senses_.lacks_notify_socket,
                           senses_.examine);
    }
    record.add(now_, "failure", fields);
}

std::uint64_t StopRecorder::id_for(UnitId unit) {
    const auto known = ahead_.extract(unit);
    return known.empty() ? log_.take_id() : known.mapped();
}

void StopRecorder::add_what_led_to(StopRecord& record, UnitId unit, bool was_starting) {
    // A command of the start that has failed and was ignored counts however long the start took.
    const Time since = was_starting ? supervisor_.status(unit).inactive_exit_at : kNever;
    if (const auto hold = holds_.extract(unit);
        !hold.empty() && hold.mapped().at + kPreludeSpan < now_) {
        record.add(hold.mapped().at, hold.mapped().what, hold.mapped().fields, true);
    }
    if (const auto prelude = preludes_.find(unit); prelude != preludes_.end()) {
        for (const Prelude& each : prelude->second) {
            const bool is_of_start = each.what == "exit" && each.at >= since;
            if (is_of_start || each.at + kPreludeSpan >= now_) {
                record.add(each.at, each.what, each.fields, true);
            }
        }
        preludes_.erase(prelude);
    }
    if (heard_ && heard_->unit == unit) {
        record.add(now_, heard_->what, heard_->fields);
        heard_.reset();
    }
}

void StopRecorder::finish(UnitId unit, StopRecord& record) {
    list(record);
    const std::int64_t before = record.facts().throttled_before_usec;
    if (const auto now = before < 0 ? std::nullopt : senses_.throttled(record.unit())) {
        record.facts().throttled_usec = std::max<std::int64_t>(now->count() - before, 0);
    }
    // It may have processes again already, in the next life that this step has begun: not yet, for
    // what the step orders comes after this.
    if (is_end(static_cast<SubState>(record.facts().sub_state)) &&
        supervisor_.status(unit).populated && !senses_.processes(record.unit()).empty()) {
        record.facts().outcome |= kStopLeftOver;
    }
    record.end(now_);
    has_ended_ = true;
    if (auto open = open_.find(unit); open != open_.end()) {
        ended_.emplace_back(unit, std::move(open->second));
        open_.erase(open);
    }
}

/// Those that outlived SIGKILL: where do they hang?
void StopRecorder::note_wedged(UnitId unit, StopRecord& record) {
    const std::string_view name = supervisor_.name(unit);
    const auto processes = note_processes(record, "wedged", senses_.processes(name));
    constexpr std::size_t kSaidMax = 8;
    for (std::size_t index = 0; index < std::min(processes.size(), kSaidMax); ++index) {
        senses_.say(Severity::error, name, describe_hang(processes[index]));
    }
    if (processes.size() > kSaidMax) {
        senses_.say(Severity::error, name,
                    "and " + std::to_string(processes.size() - kSaidMax) +
                        " more; svctl explain shows them");
    }
}

/// Jobs that came when the unit was stopping already.
void StopRecorder::note_jobs(const Effects& effects) {
    for (const Effect& effect : effects.orders) {
        const auto* announced = std::get_if<AnnounceJob>(&effect);
        StopRecord* record = announced == nullptr ? nullptr : open_record_of(announced->unit);
        const auto job = record == nullptr ? std::nullopt : supervisor_.job(announced->job);
        if (!job || to_usec(job->installed_at) == record->facts().asked_at_usec) {
            continue;
        }
        record->add(now_, "job", asked_fields(job->id, name_of(job->type), job->requester), true);
    }
}

/// Who asked for a stop that there was a job for already.
void StopRecorder::note_asked_again(const Effects& effects) {
    for (const AskedAgain& again : effects.asked_again) {
        add_or_remember(again.unit, "job",
                        asked_fields(again.job, name_of(again.type), again.requester));
    }
}

/// Jobs that ended before the unit was as they asked for: what they had begun may go on.
void StopRecorder::note_given_up(const Effects& effects) {
    for (const UnitId unit : effects.given_up) {
        const GivenUpJob* job = supervisor_.status(unit).given_up_job;
        StopRecord* record = record_of(unit);
        // The stop that has just begun took the place of a start: it tells who asked for it.
        const bool is_told = record != nullptr && record->began() == now_;
        if (job == nullptr || is_told) {
            continue;
        }
        std::string fields = asked_fields(job->id, name_of(job->type), job->by);
        JsonWriter{fields}.field("result", name_of(job->result)).field("asked", job->asked);
        add_or_remember(unit, "job-given-up", std::move(fields));
    }
}

/// The shutdown's budget, and a service that asks for more time, move the deadline in between.
void StopRecorder::note_limits(const Effects& effects) {
    for (const UnitId unit : effects.dirty) {
        StopRecord* record = open_record_of(unit);
        if (record == nullptr) {
            continue;
        }
        const UnitStatus status = supervisor_.status(unit);
        const SubStateTraits& state = traits(status.sub_state);
        if (state.stopping && !state.final && status.sub_state != SubState::stop_post) {
            record->set_limit(status.stop_deadline);
        }
    }
}

// ── signals and exits

std::vector<Pid> StopRecorder::targets_of(const SignalUnit& order) const {
    const auto of = [this](std::initializer_list<Token> tokens) {
        std::vector<Pid> pids;
        for (const Token token : tokens) {
            if (const Pid pid = token == Token::none ? 0 : senses_.pid_of(token); pid != 0) {
                pids.push_back(pid);
            }
        }
        return pids;
    };
    switch (order.scope) {
        case SignalScope::main:
        case SignalScope::group:
            return of({order.main});
        case SignalScope::control:
            return of({order.control});
        case SignalScope::both:
            return of({order.main, order.control});
        case SignalScope::cgroup:
            return senses_.processes(supervisor_.name(order.unit));
        case SignalScope::checker:
            return {};  // svcd's own
    }
    return {};
}

std::vector<Pid> StopRecorder::about_to_kill(const SignalUnit& order) {
    StopRecord* record = record_of(order.unit);
    if (record == nullptr && order.cause == SignalCause::emergency) {
        Transition transition;  // nothing is waited for, so it won't ever be seen to stop
        const UnitStatus status = supervisor_.status(order.unit);
        transition.unit = order.unit;
        transition.from = status.sub_state;
        transition.main_pid = status.main.pid;
        transition.invocation_id = status.invocation_id;
        begin(transition, std::nullopt);
        record = open_record_of(order.unit);
        record->facts().sub_state = static_cast<std::uint8_t>(status.sub_state);
    }
    std::vector<Pid> pids;
    if (record == nullptr || order.scope == SignalScope::checker) {
        return pids;
    }
    pids = targets_of(order);
    if (order.cause == SignalCause::main_exited && record->facts().has_left == 0) {
        record->facts().has_left = 1;
        record->add(now_, "left", pids_field("pids", pids));
    }
    note_processes(*record, "sigkill", pids);
    flush();  // should we die now, the next manager knows why these were killed
    return pids;
}

void StopRecorder::about_to_abort(const SignalUnit& order) {
    StopRecord* record = record_of(order.unit);
    const Pid main = order.main == Token::none ? 0 : senses_.pid_of(order.main);
    if (record != nullptr && main != 0) {
        note_processes(*record, "watchdog", {main});
    }
}

std::vector<ProcessExamination> StopRecorder::note_processes(StopRecord& record,
                                                             std::string_view why,
                                                             const std::vector<Pid>& pids) {
    std::string fields;
    JsonWriter json{fields};
    json.field("why", why);
    const std::size_t allowed = kExaminedPerTurn - std::min(examined_, kExaminedPerTurn);
    auto processes =
        append_processes(json, pids, senses_.examine, std::min(allowed, kProcessesShown));
    examined_ += processes.size();
    record.add(now_, "processes", fields);
    return processes;
}

void StopRecorder::signalled(const SignalUnit& order, const std::vector<Pid>& to) {
    if (to.empty()) {
        return;
    }
    std::string fields;
    JsonWriter{fields}
        .field("signal", signal_name(order.signal))
        .field("cause", name_of(order.cause));
    fields += "," + pids_field("to", to);
    if (StopRecord* record = record_of(order.unit)) {
        record->add(now_, "signal", fields, order.cause == SignalCause::user);
        if (order.then_hang_up) {
            std::string hang_up;
            JsonWriter{hang_up}.field("signal", signal_name(SIGHUP)).field("cause", "send-sighup");
            record->add(now_, "signal", hang_up + "," + pids_field("to", to));
        }
        if (order.signal == SIGKILL && order.cause != SignalCause::user) {
            record->facts().sigkill = 1;
            note_late_kill(order, *record);
        }
    } else if (order.cause == SignalCause::user || order.cause == SignalCause::kill_control) {
        remember(order.unit, "signal", std::move(fields));  // the unit may well stay up
    }
    if (order.cause == SignalCause::user && order.scope == SignalScope::cgroup) {
        signalled_below(order, to);
    }
}

/// SIGKILL because time was up, and not because KillMode=mixed or a KillSignal says so. Of one that
/// a manager before us was about to send the supervisor knows.
void StopRecorder::note_late_kill(const SignalUnit& order, StopRecord& record) const {
    const bool may_be_late =
        order.cause == SignalCause::deadline || order.cause == SignalCause::failure_mode ||
        order.cause == SignalCause::again || order.cause == SignalCause::survived;
    if (may_be_late && supervisor_.status(order.unit).sigkill_sent) {
        record.facts().outcome |= kStopKilledLate;
    }
}

/// The services of a slice got the signal with it; of each those are told that are its own for sure
/// without a look at its cgroup.
void StopRecorder::signalled_below(const SignalUnit& order, const std::vector<Pid>& to) {
    const std::unordered_set<Pid> reached{to.begin(), to.end()};
    for (const UnitId unit : services_below(order.unit)) {
        const UnitStatus status = supervisor_.status(unit);
        std::vector<Pid> pids{status.main.pid, status.control_pid};
        std::erase_if(pids, [&](Pid pid) { return pid == 0 || !reached.contains(pid); });
        if (pids.empty()) {
            continue;
        }
        std::string fields;
        JsonWriter{fields}
            .field("signal", signal_name(order.signal))
            .field("cause", name_of(order.cause));
        add_or_remember(unit, "signal", fields + "," + pids_field("to", std::move(pids)));
    }
}

void StopRecorder::exit_handled(UnitId unit) {
    if (std::exchange(main_exited_, std::nullopt) != unit) {
        return;
    }
    StopRecord* record = record_of(unit);
    if (record == nullptr || record->facts().has_left != 0 || record->facts().is_empty != 0 ||
        !supervisor_.is_known(unit)) {
        return;
    }
    const UnitStatus status = supervisor_.status(unit);
    const bool lives_again = status.active_state == ActiveState::active ||
                             status.active_state == ActiveState::activating;
    if (!status.populated || lives_again) {
        return;
    }
    std::vector<Pid> pids = senses_.processes(status.name);
    std::erase(pids, status.control_pid);  // ExecStopPost has begun meanwhile
    if (!pids.empty()) {
        record->facts().has_left = 1;
        record->add(now_, "left", pids_field("pids", pids));
    }
}

// ── the log

void StopRecorder::flush() {
    for (StopRecord* record : changed_) {
        record->is_listed = false;
        if (!record->is_changed()) {
            continue;
        }
        try {
            const auto taken = log_.put(record->unit(), record->facts(), record->text());
            if (!taken) {
                senses_.say(Severity::warning, record->unit(), to_string(taken.error()));
            }
        } catch (const std::bad_alloc&) {
            // Without memory this state of the record is lost. Stops go on.
        }
        record->keep();
    }
    changed_.clear();
    if (const auto written = log_.flush(); !written && !std::exchange(write_failed_, true)) {
        senses_.say(Severity::warning, {},
                    to_string(written.error()) +
                        ": what is known of stops is kept in memory only, until there is room");
    } else if (written) {
        write_failed_ = false;
    }
}

void StopRecorder::end_turn() {
    flush();
    ended_.clear();
    examined_ = 0;
}

void StopRecorder::leave() {
    for (auto& [unit, record] : open_) {
        record->facts().lost = 1;
        record->facts().ended = 1;
        list(*record)->touch();
    }
    end_turn();
}

}  // namespace svcd
