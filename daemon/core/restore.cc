// Records: what a unit is, as plain bytes for the state file, and back again in the manager that
// follows.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/machine.h"
#include "core/service.h"
#include "core/types/checksum.h"

namespace svcd {
namespace {

template <std::size_t Size>
void put_text(std::array<char, Size>& field, std::string_view text) {
    const std::size_t length = std::min(text.size(), Size - 1);
    std::memcpy(field.data(), text.data(), length);
}

template <std::size_t Size>
std::string_view text_of(const std::array<char, Size>& field) {
    return {field.data(), strnlen(field.data(), Size)};
}

void put_exec_notes(UnitRecord& record, const ExecNotes& notes) {
    const ExecError& error = notes.error;
    record.exec_step = static_cast<std::uint8_t>(error.step);
    record.exec_problem = static_cast<std::uint8_t>(error.problem);
    record.exec_role = static_cast<std::uint8_t>(error.role);
    record.exec_errno = error.error_number;
    record.exec_oom_errno = notes.deviations.oom_score_errno;
    record.exec_limits = notes.deviations.limits;
    record.exec_nice = notes.deviations.nice;
    record.exec_nice_differs = notes.deviations.nice_differs ? 1 : 0;
    // Both want to be whole; where there is no room, the detail keeps what it is sure of.
    constexpr std::size_t kRoom = kExecTextMax - 2;
    const std::size_t kept = std::min(error.detail.size(), kExecDetailKept);
    const std::size_t object = std::min(error.object.size(), kRoom - kept);
    const std::size_t detail = std::min(error.detail.size(), kRoom - object);
    std::memcpy(record.exec_text.data(), error.object.data(), object);
    std::memcpy(record.exec_text.data() + object + 1, error.detail.data(), detail);
}

std::unique_ptr<ExecNotes> exec_notes_from(const UnitRecord& record) {
    auto notes = std::make_unique<ExecNotes>();
    if (record.exec_step <= static_cast<std::uint8_t>(kLastExecStep) &&
        record.exec_problem <= static_cast<std::uint8_t>(kLastExecProblem) &&
        record.exec_role < kCommandRoles) {
        ExecError& error = notes->error;
        error.step = static_cast<ExecStep>(record.exec_step);
        error.problem = static_cast<ExecProblem>(record.exec_problem);
        error.role = static_cast<CommandRole>(record.exec_role);
        error.error_number = record.exec_errno;
        error.object = text_of(record.exec_text);
        const std::size_t begin = std::min(error.object.size() + 1, kExecTextMax);
        error.detail = std::string_view{record.exec_text.data() + begin, kExecTextMax - begin};
        error.detail.resize(strnlen(error.detail.data(), error.detail.size()));
    }
    notes->deviations.oom_score_errno = record.exec_oom_errno;
    notes->deviations.limits = record.exec_limits;
    notes->deviations.nice = record.exec_nice;
    notes->deviations.nice_differs = record.exec_nice_differs != 0;
    const bool is_empty = notes->error.step == ExecStep::none && notes->deviations.is_empty();
    return is_empty ? nullptr : std::move(notes);
}

FailureRecord record_of(const UnitFailure& failure) {
    FailureRecord record{};
    record.kind = static_cast<std::uint8_t>(failure.kind);
    record.during = static_cast<std::uint8_t>(failure.during);
    record.command = failure.command;
    record.status = failure.status;
    record.pid = failure.pid;
    record.code = static_cast<std::uint32_t>(failure.code);
    record.limit = failure.limit.count();
    return record;
}

UnitFailure failure_from(const FailureRecord& record) {
    UnitFailure failure;
    if (record.kind <= static_cast<std::uint8_t>(kLastFailureKind)) {
        failure.kind = static_cast<FailureKind>(record.kind);
        failure.during = static_cast<SubState>(record.during);
        failure.command = record.command;
        failure.status = record.status;
        failure.pid = record.pid;
        failure.code = static_cast<ExitCode>(record.code);
        failure.limit = Duration{record.limit};
    }
    return failure;
}

ProcessRecord record_of(const Process& process) {
    ProcessRecord record{};
    record.token = static_cast<std::uint64_t>(process.token);
    record.pid = process.pid;
    record.start_time = process.start_time;
    record.command = process.command;
    record.is_foreign = process.is_foreign ? 1 : 0;
    return record;
}

Process process_from(const ProcessRecord& record) {
    Process process;
    process.token = static_cast<Token>(record.token);
    process.pid = record.pid;
    process.start_time = record.start_time;
    process.command = record.command;
    process.is_foreign = record.is_foreign != 0;
    return process;
}

void put_requester(JobRecord& record, const Requester& requester) {
    record.requester_uid = requester.uid;
    record.requester_pid = requester.pid;
    put_text(record.requester_command, requester.command);
    put_text(record.reason, requester.reason);
}

Requester requester_from(const JobRecord& record) {
    return Requester{record.requester_uid, record.requester_pid,
                     std::string(text_of(record.requester_command)),
                     std::string(text_of(record.reason))};
}

/// Does such a job begin a life of the unit?
bool is_start(JobType type) {
    return type == JobType::start || type == JobType::restart || type == JobType::try_restart ||
           type == JobType::reload_or_start;
}

JobRecord record_of(const Job& job) {
    JobRecord record{};
    record.id = static_cast<std::uint32_t>(job.id);
    record.type = static_cast<std::uint8_t>(job.type);
    record.state = static_cast<std::uint8_t>(job.state);
    record.irreversible = job.irreversible ? 1 : 0;
    record.ignore_order = job.ignore_order ? 1 : 0;
    record.installed_at = to_usec(job.installed_at);
    record.began_at = to_usec(job.began_at);
    put_requester(record, job.requester);
    return record;
}

void set_flag(UnitRecord& record, bool value, UnitFlag bit) {
    record.flags = static_cast<std::uint16_t>(record.flags | (value ? bit : 0));
}

void set_flag(UnitRecord& record, bool value, UnitFlag2 bit) {
    record.flags2 |= value ? static_cast<std::uint32_t>(bit) : 0u;
}

/// What of a run is kept as one bit, written and read by the same table.
template <typename Bit>
struct RunFlag {
    bool ServiceRun::*member;
    Bit bit;
};
constexpr auto kRunFlags = std::to_array<RunFlag<UnitFlag>>({
    {&ServiceRun::forbid_restart, kUnitForbidRestart},
    {&ServiceRun::sigkill_sent, kUnitSigkillSent},
    {&ServiceRun::main_is_adopted, kUnitMainIsAdopted},
    {&ServiceRun::main_known, kUnitMainIsKnown},
    {&ServiceRun::told_reloading, kUnitToldReloading},
    {&ServiceRun::told_stopping, kUnitToldStopping},
    {&ServiceRun::forget_restarts, kUnitForgetRestarts},
});
constexpr auto kRunFlags2 = std::to_array<RunFlag<UnitFlag2>>({
    {&ServiceRun::bus_name_good, kUnitBusNameGood},
    {&ServiceRun::signal_sent, kUnitStopSignalSent},
    {&ServiceRun::may_have_missed_ready, kUnitMayHaveMissedReady},
    {&ServiceRun::readiness_unknown, kUnitReadinessUnknown},
    {&ServiceRun::gave_up_waiting, kUnitGaveUpWaiting},
    {&ServiceRun::killed_one_by_one, kUnitKilledOneByOne},
    {&ServiceRun::main_has_moved, kUnitMainHasMoved},
    {&ServiceRun::given_up, kUnitIsGivenUp},
    {&ServiceRun::stop_is_measured, kUnitStopIsMeasured},
    {&ServiceRun::asked_to_stop, kUnitAskedToStop},
});

void put_run_flags(UnitRecord& record, const ServiceRun& run) {
    for (const auto& flag : kRunFlags) {
        set_flag(record, run.*flag.member, flag.bit);
    }
    for (const auto& flag : kRunFlags2) {
        set_flag(record, run.*flag.member, flag.bit);
    }
    set_flag(record, true, kUnitHasRun);
    set_flag(record, run.main.is_held, kUnitMainIsHeld);
    set_flag(record, run.main_ran && !run.main.is_there(), kUnitMainRan);
}

void take_run_flags(ServiceRun& run, const UnitRecord& record) {
    for (const auto& flag : kRunFlags) {
        run.*flag.member = (record.flags & flag.bit) != 0;
    }
    for (const auto& flag : kRunFlags2) {
        run.*flag.member = (record.flags2 & flag.bit) != 0;
    }
    run.main.is_held = (record.flags2 & kUnitMainIsHeld) != 0;
    run.main_ran = (record.flags2 & kUnitMainRan) != 0;
}

void put_log_begin(UnitRecord& record, std::int64_t begin) {
    auto rest = static_cast<std::uint64_t>(begin + 1);
    if (rest >> (8 * record.log_begin.size()) != 0) {
        return;  // a log of a terabyte
    }
    for (std::uint8_t& byte : record.log_begin) {
        byte = static_cast<std::uint8_t>(rest);
        rest >>= 8U;
    }
}

std::int64_t log_begin_from(const UnitRecord& record) {
    std::int64_t begin = 0;
    for (auto byte = record.log_begin.rbegin(); byte != record.log_begin.rend(); ++byte) {
        begin = begin * 256 + *byte;
    }
    return begin - 1;
}

void put_run(UnitRecord& record, const ServiceRun& run) {
    record.idle_until = to_usec(run.idle_until);
    record.unreaped_until = to_usec(run.unreaped_until);
    record.unreaped_start_time = run.unreaped_start_time;
    record.unclean_restarts = unclean_restarts_record(run);
    record.backoff = run.backoff;
    put_log_begin(record, run.log_begin);
    record.restart_rule = static_cast<std::uint8_t>(run.restart_rule);
    record.reload_began_at = to_usec(run.reload_began_at);
    record.reload_result = static_cast<std::uint8_t>(run.reload_result);
    record.restarts = run.restarts;
    record.state_deadline = to_usec(run.state_deadline);
    record.watchdog_deadline = to_usec(run.watchdog_deadline);
    record.stop_deadline = to_usec(run.stop_deadline);
    record.stop_began_at = to_usec(run.stop_began_at);
    record.stop_limit = run.stop_limit.count();
    record.dump_until = to_usec(run.dump_until);
    run.stop_times.save(record.stop_times);
    record.stop_times.warned_percent = run.warned_percent;
    if (run.exec_notes != nullptr) {
        put_exec_notes(record, *run.exec_notes);
    }
    record.watchdog_interval = run.watchdog_interval.count();
    record.main_started_at = to_usec(run.main_started_at);
    record.main_exited_at = to_usec(run.main_exited_at);
    record.watchdog_at = to_usec(run.watchdog_at);
    record.main_code = static_cast<std::int32_t>(run.main_code);
    record.main_status = run.main_status;
    record.main_pid_last = run.main_pid_last;
    record.status_error = run.status_error;
    record.named_pid = run.named_pid;
    const std::size_t starts = std::min(run.starts.size(), kStartLimitBurstMax);
    record.start_count = static_cast<std::uint16_t>(starts);
    std::transform(run.starts.end() - static_cast<std::ptrdiff_t>(starts), run.starts.end(),
                   record.start_times.begin(), [](Time start) { return to_usec(start); });
    record.main = record_of(run.main);
    record.control = record_of(run.control);
    record.identifying = static_cast<std::uint64_t>(run.identifying);
    record.invocation_id = run.invocation_id;
    put_text(record.status_text, run.status_text);
    record.failure = record_of(run.failure);
    record.reload_failure = record_of(run.reload_failure);
}

}  // namespace

/// Who asked for the last start takes the place of a job that there isn't.
void Machine::put_starter(UnitRecord& record, const Unit& unit) const {
    const Job* job = job_of(unit);
    const Requester* starter =
        job != nullptr && is_start(job->type) ? &job->requester : unit.started_by.get();
    if (starter == nullptr) {
        return;
    }
    const auto checksum = [this](std::optional<UnitId> id) {
        return id.has_value() ? checksum_of(this->unit(*id).name()) : 0;
    };
    record.start_cause = static_cast<std::uint8_t>(starter->cause);
    record.start_relation = static_cast<std::uint8_t>(starter->relation);
    record.start_other = checksum(starter->other);
    if (job == nullptr) {
        put_requester(record.job, *starter);
        record.asked_by = checksum(starter->unit);
    }
}

UnitRecord Machine::record(const Unit& unit) const {
    UnitRecord record{};
    put_text(record.name, unit.name());
    record.sub_state = static_cast<std::uint8_t>(unit.sub_state);
    record.result = static_cast<std::uint8_t>(unit.result);
    record.flags = unit.populated ? kUnitPopulated : 0;
    record.state_changed_at = to_usec(unit.state_changed_at);
    record.inactive_exit_at = to_usec(unit.inactive_exit_at);
    record.active_enter_at = to_usec(unit.active_enter_at);
    record.active_exit_at = to_usec(unit.active_exit_at);
    record.inactive_enter_at = to_usec(unit.inactive_enter_at);
    set_flag(record, unit.wants_back, kUnitWantsBack);
    put_starter(record, unit);
    record.missed = unit.wants_back ? checksum_of(this->unit(unit.missed).name()) : 0;
    set_flag(record, !unit.left_out.empty(), kUnitGoesWithout);
    if (const Job* job = job_of(unit)) {
        record.job = record_of(*job);
        record.asked_by = job->requester.unit.has_value()
                              ? checksum_of(this->unit(*job->requester.unit).name())
                              : 0;
    }
    if (const ConditionCheck* check = unit.check.get()) {
        set_flag(record, true, kUnitHasCheck);
        set_flag(record, check->condition_result, kUnitConditionHolds);
        set_flag(record, check->assert_result, kUnitAssertHolds);
        record.checker = record_of(check->process);
        record.checker_deadline = to_usec(check->deadline);
        record.condition_at = to_usec(check->conditions_at);
        record.assert_at = to_usec(check->asserts_at);
        record.condition_decided_by = check->decided_by;
    }
    if (unit.run != nullptr) {
        put_run_flags(record, *unit.run);
        put_run(record, *unit.run);
        record.service_type = static_cast<std::uint8_t>(unit.definition.service->type);
    }
    return record;
}

SupervisorRecord Machine::record() const {
    SupervisorRecord record{};
    record.next_serial = processes.next_serial();
    record.next_job = next_job;
    record.shutting_down = shutting_down ? 1 : 0;
    record.shutdown_kind = static_cast<std::uint8_t>(shutdown_kind);
    record.shutdown_signal = static_cast<std::uint8_t>(shutdown_signal);
    record.something_was_killed = something_was_killed ? 1 : 0;
    record.started = started ? 1 : 0;
    record.exit_status = exit_status;
    record.start_finished = start_finished ? 1 : 0;
    record.shutdown_end = to_usec(shutdown_end);
    return record;
}

namespace {

std::unique_ptr<ServiceRun> run_from(const UnitRecord& record) {
    auto run = std::make_unique<ServiceRun>();
    run->reload_result = static_cast<UnitResult>(record.reload_result);
    run->restarts = record.restarts;
    run->backoff = record.backoff;
    run->log_begin = log_begin_from(record);
    run->has_begun = true;
    run->restart_rule = static_cast<RestartRule>(record.restart_rule);
    run->reload_began_at = time_from_usec(record.reload_began_at);
    run->state_deadline = time_from_usec(record.state_deadline);
    run->watchdog_deadline = time_from_usec(record.watchdog_deadline);
    run->stop_deadline = time_from_usec(record.stop_deadline);
    run->stop_began_at = time_from_usec(record.stop_began_at);
    run->stop_limit = Duration{record.stop_limit};
    run->dump_until = time_from_usec(record.dump_until);
    run->stop_times.restore(record.stop_times);
    run->warned_percent = record.stop_times.warned_percent;
    run->exec_notes = exec_notes_from(record);
    run->idle_until = time_from_usec(record.idle_until);
    run->unreaped_until = time_from_usec(record.unreaped_until);
    run->unreaped_start_time = record.unreaped_start_time;
    run->watchdog_interval = Duration{record.watchdog_interval};
    run->main_started_at = time_from_usec(record.main_started_at);
    run->main_exited_at = time_from_usec(record.main_exited_at);
    run->watchdog_at = time_from_usec(record.watchdog_at);
    run->main_code = static_cast<ExitCode>(record.main_code);
    run->main_status = record.main_status;
    run->main_pid_last = record.main_pid_last;
    run->status_error = record.status_error;
    run->named_pid = record.named_pid;
    const std::size_t starts = std::min<std::size_t>(record.start_count, kStartLimitBurstMax);
    for (std::size_t index = 0; index < starts; ++index) {
        run->starts.push_back(time_from_usec(record.start_times[index]));
    }
    run->main = process_from(record.main);
    run->control = process_from(record.control);
    run->identifying = static_cast<Token>(record.identifying);
    run->invocation_id = record.invocation_id;
    run->status_text = text_of(record.status_text);
    run->failure = failure_from(record.failure);
    run->reload_failure = failure_from(record.reload_failure);
    take_run_flags(*run, record);
    return run;
}

std::unique_ptr<ConditionCheck> check_from(const UnitRecord& record) {
    auto check = std::make_unique<ConditionCheck>();
    check->process = process_from(record.checker);
    check->deadline = time_from_usec(record.checker_deadline);
    check->conditions_at = time_from_usec(record.condition_at);
    check->asserts_at = time_from_usec(record.assert_at);
    check->decided_by = record.condition_decided_by;
    check->condition_result = (record.flags2 & kUnitConditionHolds) != 0;
    check->assert_result = (record.flags2 & kUnitAssertHolds) != 0;
    return check;
}

}  // namespace

/// The unit whose name has this checksum, which records hold in its place; 0 stands for none.
std::optional<UnitId> Machine::find_in(const UnitsByChecksum& known, std::uint64_t checksum) {
    const auto found = known.find(checksum);
    return checksum == 0 || found == known.end() ? std::nullopt : std::optional{found->second};
}

/// Whoever asked for the job that the unit has, or else for its last start. What neither a job nor
/// the record tells stays unknown.
void Machine::restore_starter(Unit& unit, const UnitRecord& saved, const UnitsByChecksum& known) {
    Job* job = job_of(unit);
    if (job != nullptr) {
        job->requester.unit = find_in(known, saved.asked_by);
    }
    if (saved.start_cause == static_cast<std::uint8_t>(StartCause::unknown)) {
        if (job != nullptr) {
            job->requester.cause = StartCause::unknown;
        }
        return;
    }
    Requester starter;
    starter.uid = UINT32_MAX;  // of one whose place a job has taken
    if (job == nullptr) {
        starter = requester_from(saved.job);
        starter.unit = find_in(known, saved.asked_by);
    } else if (is_start(job->type)) {
        starter = job->requester;
    }
    starter.cause = static_cast<StartCause>(saved.start_cause);
    starter.relation = static_cast<Relation>(saved.start_relation);
    starter.other = find_in(known, saved.start_other);
    if (job != nullptr && is_start(job->type)) {
        job->requester = starter;
    }
    const bool is_under_way = job == nullptr || !is_start(job->type) ||
                              (job->type == JobType::start && job->state == JobState::running);
    if (is_under_way && unit.inactive_exit_at != Time{}) {
        unit.started_by = std::make_unique<Requester>(std::move(starter));
    }
}

void Machine::restore(const SupervisorRecord& record) {
    if (record.next_serial == 0) {
        return;  // the manager before died before it had written one
    }
    processes.set_next_serial(record.next_serial);
    next_job = std::max<std::uint32_t>(record.next_job, 1);
    shutting_down = record.shutting_down != 0;
    shutdown_kind = static_cast<ShutdownKind>(record.shutdown_kind);
    shutdown_signal = record.shutdown_signal;
    something_was_killed = record.something_was_killed != 0;
    started = record.started != 0;
    exit_status = record.exit_status;
    shutdown_end = shutting_down ? time_from_usec(record.shutdown_end) : kNever;
}

void Machine::restore_run(Unit& unit, const UnitRecord& saved) {
    unit.run = run_from(saved);
    if (unit.definition.service == nullptr) {
        // Its file is gone; it can still be stopped.
        unit.definition.service = std::make_unique<ServiceSettings>();
    }
    Service{*this, unit}.restore_unclean_restarts(saved.unclean_restarts);
    const bool may_have_command =
        is_moving(unit.sub_state) || unit.sub_state == SubState::stop_wedged;
    if (unit.run->control.is_there() && !may_have_command) {  // the record was damaged
        order(
            RetireProcess{unit.run->control.token});  // what runs of it is the unit's all the same
        unit.run->control = Process{};
    }
    for (const auto& [process, role] : {std::pair{&unit.run->main, ProcessRole::main},
                                        std::pair{&unit.run->control, ProcessRole::control}}) {
        if (process->is_there()) {
            processes.adopt(process->token, ProcessOwner{unit.id, role});
        }
    }
    if (unit.run->identifying != Token::none) {
        order(RetireProcess{unit.run->identifying});  // asked again later, under a new token
        unit.run->identifying = Token::none;
    }
}

void Machine::restore_job(Unit& unit, const JobRecord& saved) {
    Job& job = jobs[static_cast<JobId>(saved.id)];
    job.id = static_cast<JobId>(saved.id);
    job.unit = unit.id;
    job.type = static_cast<JobType>(saved.type);
    job.state = static_cast<JobState>(saved.state);
    job.irreversible = saved.irreversible != 0;
    job.ignore_order = saved.ignore_order != 0;
    job.installed_at = time_from_usec(saved.installed_at);
    job.began_at = time_from_usec(saved.began_at);
    job.requester = requester_from(saved);
    unit.job = job.id;
    next_job = std::max(next_job, saved.id + 1);
}

/// Every unit and job as it was; nothing is done or asked yet.
void Machine::restore_unit(const RestoredUnit& restored) {
    const UnitRecord& saved = restored.record;
    Unit& unit = this->unit(find_or_add(text_of(saved.name)));
    touch(unit);
    unit.sub_state = static_cast<SubState>(saved.sub_state);
    unit.result = static_cast<UnitResult>(saved.result);
    unit.wants_back = (saved.flags2 & kUnitWantsBack) != 0;
    unit.populated = restored.populated || (saved.flags & kUnitPopulated) != 0;
    unit.state_changed_at = time_from_usec(saved.state_changed_at);
    unit.inactive_exit_at = time_from_usec(saved.inactive_exit_at);
    unit.active_enter_at = time_from_usec(saved.active_enter_at);
    unit.active_exit_at = time_from_usec(saved.active_exit_at);
    unit.inactive_enter_at = time_from_usec(saved.inactive_enter_at);
    failed_units += unit.active_state() == ActiveState::failed ? 1u : 0u;
    if ((saved.flags2 & kUnitHasCheck) != 0) {
        unit.check = check_from(saved);
        if (unit.check->process.is_there()) {
            processes.adopt(unit.check->process.token, ProcessOwner{unit.id, ProcessRole::checker});
        }
    }
    if ((saved.flags & kUnitHasRun) != 0) {
        restore_run(unit, saved);
    }
    if (saved.job.id != 0) {
        restore_job(unit, saved.job);
    }
}

/// What a unit has to ask or do again.
void Machine::resume_unit(const RestoredUnit& restored, bool was_away) {
    Unit& unit = this->unit(*find(text_of(restored.record.name)));
    if (unit.run != nullptr) {
        Service{*this, unit}.resume(restored, was_away);
    }
    resume_checking(unit, restored.checker);
    update_deadline(unit);
    if (Job* job = job_of(unit)) {
        // The record may be from before the last change of the unit that its job follows.
        unit_changed(unit, unit.active_state());
        if (jobs.contains(unit.job) && job->state == JobState::waiting) {
            queue(*job);
        }
    }
    if ((restored.record.flags2 & kUnitGoesWithout) != 0) {
        find_left_out_again(unit);
    }
}

void Machine::restore(const StateRestored& event) {
    restore(event.supervisor);
    effects->supervisor_dirty = true;  // where the records were lost, this is a new one
    // First all of them as they were: what each has to ask or do again looks at the others.
    for (const RestoredUnit& restored : event.units) {
        restore_unit(restored);
    }
    graph.rebuild(units.size());
    start_finished = started && (jobs.empty() || event.supervisor.start_finished != 0);
    cycles_may_have_come_ = true;  // the order that these jobs wait in is that of the files today
    UnitsByChecksum known;
    for (const UnitId id : by_name_) {
        known.emplace(checksum_of(unit(id).name()), id);
    }
    // All of them before the first unit moves: it may be the one that others come back with.
    for (const RestoredUnit& restored : event.units) {
        Unit& unit = this->unit(*find(text_of(restored.record.name)));
        restore_comeback(unit, find_in(known, restored.record.missed));
        restore_starter(unit, restored.record, known);
    }
    for (const RestoredUnit& restored : event.units) {
        resume_unit(restored, event.was_away);
    }
}

}  // namespace svcd
