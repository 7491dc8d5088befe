#include "core/types/record_check.h"

#include <algorithm>
#include <array>

#include "core/types/exec_error.h"
#include "core/types/unit.h"

namespace svcd {
namespace {

/// Of a moment that has been, in µs since the boot: a hundred years.
constexpr std::int64_t kLongestUptime = 100LL * 366 * 24 * 3600 * 1'000'000;
constexpr std::uint8_t kLastSignal = 64;

/// Looks at one field after another and remembers the first that has a fault.
class Fields {
public:
    void require(bool is_sound, std::string_view field) {
        if (fault_.empty() && !is_sound) {
            fault_ = field;
        }
    }
    /// `last`: the last of the enumerators, which begin with 0.
    template <typename Enum, typename Number>
    void enumerator(Number value, Enum last, std::string_view field) {
        require(value >= 0 && static_cast<std::uint64_t>(value) <= static_cast<std::uint64_t>(last),
                field);
    }
    void boolean(std::uint8_t value, std::string_view field) { require(value <= 1, field); }
    void at_least_0(std::int64_t value, std::string_view field) { require(value >= 0, field); }
    void moment(std::int64_t usec, std::string_view field) {
        require(usec >= 0 && usec <= kLongestUptime, field);
    }
    /// It has an end within the field.
    template <std::size_t Size>
    void text(const std::array<char, Size>& value, std::string_view field) {
        require(std::find(value.begin(), value.end(), '\0') != value.end(), field);
    }
    /// How a process ended.
    void end(std::int64_t code, std::int64_t status, std::string_view field) {
        enumerator(code, ExitCode::unknown, field);
        const bool is_known = code == static_cast<std::int64_t>(ExitCode::exited) ||
                              code == static_cast<std::int64_t>(ExitCode::killed) ||
                              code == static_cast<std::int64_t>(ExitCode::dumped);
        require(!is_known || (status >= 0 && status <= 255), field);
    }
    std::string_view fault() const { return fault_; }

private:
    std::string_view fault_;
};

bool is_name(const std::array<char, kUnitNameMax + 1>& field) {
    const auto end = std::find(field.begin(), field.end(), '\0');
    return end != field.end() &&
           unit_type_of({field.data(), static_cast<std::size_t>(end - field.begin())}).has_value();
}

/// One that goes on has a limit, and one that is over has none.
bool is_check(const UnitRecord& record) {
    return (record.flags2 & kUnitHasCheck) == 0 || record.checker.token != 0 ||
           record.checker_deadline == to_usec(kNever);
}

/// Targets and slices know two states, and services all but one.
bool is_state_of(const UnitRecord& record, UnitType type) {
    const bool is_active = record.sub_state == static_cast<std::uint8_t>(SubState::active);
    const bool is_dead = record.sub_state == static_cast<std::uint8_t>(SubState::dead);
    return type == UnitType::service ? !is_active : is_active || is_dead;
}

/// Only services run, and one that is not down has been started.
bool are_flags_of(const UnitRecord& record, UnitType type) {
    const bool has_run = (record.flags & kUnitHasRun) != 0;
    const bool is_dead = record.sub_state == static_cast<std::uint8_t>(SubState::dead);
    return type == UnitType::service ? has_run || is_dead : !has_run;
}

/// Whose start is still to come, or over, has no main process; a control process is there in the
/// first case only.
bool are_processes_of(const UnitRecord& record) {
    switch (static_cast<SubState>(record.sub_state)) {
        case SubState::condition:
        case SubState::start_pre:
            return record.main.token == 0;
        case SubState::dead:
        case SubState::failed:
        case SubState::auto_restart:
            return record.main.token == 0 && record.control.token == 0;
        case SubState::start:
        case SubState::start_post:
        case SubState::running:
        case SubState::exited:
        case SubState::reload:
        case SubState::reload_signal:
        case SubState::reload_notify:
        case SubState::pre_stop:
        case SubState::stop:
        case SubState::stop_watchdog:
        case SubState::stop_sigterm:
        case SubState::stop_sigkill:
        case SubState::stop_post:
        case SubState::final_watchdog:
        case SubState::final_sigterm:
        case SubState::final_sigkill:
        case SubState::stop_wedged:
        case SubState::active:
            return true;
    }
    return false;
}

void look_at(const ProcessRecord& process, std::string_view field, Fields& fields) {
    fields.at_least_0(process.pid, field);
    fields.boolean(process.is_foreign, field);
}

void look_at(const FailureRecord& failure, std::string_view field, Fields& fields) {
    fields.enumerator(failure.kind, kLastFailureKind, field);
    fields.enumerator(failure.during, SubState::active, field);
    fields.at_least_0(failure.pid, field);
    fields.end(failure.code, failure.status, field);
    fields.at_least_0(failure.limit, field);
}

void look_at(const JobRecord& job, Fields& fields) {
    // Who asked is read without a job too: for the last start.
    fields.at_least_0(job.requester_pid, "job.requester_pid");
    fields.text(job.requester_command, "job.requester_command");
    fields.text(job.reason, "job.reason");
    if (job.id == 0) {
        return;  // there is none, and nobody reads the rest
    }
    fields.enumerator(job.type, JobType::nop, "job.type");
    fields.enumerator(job.state, JobState::running, "job.state");
    fields.boolean(job.irreversible, "job.irreversible");
    fields.boolean(job.ignore_order, "job.ignore_order");
    fields.moment(job.installed_at, "job.installed_at");
    fields.moment(job.began_at, "job.began_at");
}

void look_at(const UncleanRestartsRecord& restarts, Fields& fields) {
    constexpr unsigned kCodes = 8;
    fields.require(restarts.used <= kUncleanRestartsMax, "unclean_restarts.used");
    const std::size_t used = std::min<std::size_t>(restarts.used, kUncleanRestartsMax);
    for (std::size_t slot = 0; slot < used; ++slot) {
        fields.enumerator(restarts.end[slot] % kCodes, ExitCode::unknown, "unclean_restarts.end");
        fields.enumerator(restarts.end[slot] / kCodes, UnitResult::exit_unknown,
                          "unclean_restarts.end");
    }
    fields.moment(restarts.flapping_since, "unclean_restarts.flapping_since");
}

void look_at_states(const UnitRecord& record, Fields& fields) {
    fields.require(is_name(record.name), "name");
    fields.enumerator(record.sub_state, SubState::active, "sub_state");
    if (fields.fault().empty()) {
        const UnitType type = *unit_type_of(record.name.data());
        fields.require(is_state_of(record, type), "sub_state");
        fields.require(are_flags_of(record, type), "flags");
        fields.require(are_processes_of(record), "main");
    }
    fields.enumerator(record.result, UnitResult::exit_unknown, "result");
    fields.enumerator(record.reload_result, UnitResult::exit_unknown, "reload_result");
    fields.enumerator(record.service_type, ServiceType::idle, "service_type");
}

/// Deadlines have no upper bound: the last of them is kNever.
void look_at_deadlines(const UnitRecord& record, Fields& fields) {
    fields.at_least_0(record.state_deadline, "state_deadline");
    fields.at_least_0(record.watchdog_deadline, "watchdog_deadline");
    fields.at_least_0(record.stop_deadline, "stop_deadline");
    fields.at_least_0(record.checker_deadline, "checker_deadline");
    fields.require(is_check(record), "checker_deadline");
    fields.at_least_0(record.dump_until, "dump_until");
    fields.at_least_0(record.idle_until, "idle_until");
    fields.at_least_0(record.unreaped_until, "unreaped_until");
    fields.at_least_0(record.watchdog_interval, "watchdog_interval");
    fields.at_least_0(record.stop_limit, "stop_limit");
}

void look_at_moments(const UnitRecord& record, Fields& fields) {
    fields.moment(record.state_changed_at, "state_changed_at");
    fields.moment(record.inactive_exit_at, "inactive_exit_at");
    fields.moment(record.active_enter_at, "active_enter_at");
    fields.moment(record.active_exit_at, "active_exit_at");
    fields.moment(record.inactive_enter_at, "inactive_enter_at");
    fields.moment(record.main_started_at, "main_started_at");
    fields.moment(record.main_exited_at, "main_exited_at");
    fields.moment(record.watchdog_at, "watchdog_at");
    fields.moment(record.condition_at, "condition_at");
    fields.moment(record.assert_at, "assert_at");
    fields.moment(record.reload_began_at, "reload_began_at");
    fields.moment(record.stop_began_at, "stop_began_at");
    fields.require(record.start_count <= kStartLimitBurstMax, "start_count");
    const std::size_t starts = std::min<std::size_t>(record.start_count, kStartLimitBurstMax);
    for (std::size_t index = 0; index < starts; ++index) {
        fields.moment(record.start_times[index], "start_times");
    }
}

void look_at_processes(const UnitRecord& record, Fields& fields) {
    fields.end(record.main_code, record.main_status, "main_code");
    fields.at_least_0(record.main_pid_last, "main_pid_last");
    fields.at_least_0(record.status_error, "status_error");
    fields.at_least_0(record.named_pid, "named_pid");
    look_at(record.main, "main", fields);
    look_at(record.control, "control", fields);
    look_at(record.checker, "checker", fields);
    fields.require(record.stop_times.count <= kStopTimesMax, "stop_times.count");
    fields.require(record.stop_times.next < kStopTimesMax, "stop_times.next");
}

void look_at_words(const UnitRecord& record, Fields& fields) {
    constexpr int kNiceMin = -20;
    constexpr int kNiceMax = 19;
    fields.text(record.status_text, "status_text");
    fields.enumerator(record.exec_step, kLastExecStep, "exec_step");
    fields.enumerator(record.exec_problem, kLastExecProblem, "exec_problem");
    fields.enumerator(record.exec_role, CommandRole::stop_post, "exec_role");
    fields.require(record.exec_nice >= kNiceMin && record.exec_nice <= kNiceMax, "exec_nice");
    fields.boolean(record.exec_nice_differs, "exec_nice_differs");
    fields.text(record.exec_text, "exec_text");
}

}  // namespace

std::string_view fault_in(const UnitRecord& record) {
    if (record.name.front() == '\0') {
        return {};  // the record is free
    }
    Fields fields;
    look_at_states(record, fields);
    look_at_deadlines(record, fields);
    look_at_moments(record, fields);
    look_at_processes(record, fields);
    look_at_words(record, fields);
    look_at(record.job, fields);
    look_at(record.unclean_restarts, fields);
    look_at(record.failure, "failure", fields);
    look_at(record.reload_failure, "reload_failure", fields);
    fields.enumerator(record.start_cause, kLastStartCause, "start_cause");
    fields.require(record.start_relation < kRelations, "start_relation");
    fields.enumerator(record.restart_rule, kLastRestartRule, "restart_rule");
    return fields.fault();
}

std::string_view fault_in(const SupervisorRecord& record) {
    Fields fields;
    fields.boolean(record.shutting_down, "shutting_down");
    fields.enumerator(record.shutdown_kind, ShutdownKind::halt, "shutdown_kind");
    fields.boolean(record.something_was_killed, "something_was_killed");
    fields.boolean(record.started, "started");
    fields.boolean(record.start_finished, "start_finished");
    fields.boolean(record.handed_over, "handed_over");
    fields.require(record.exit_status >= -1 && record.exit_status <= 255, "exit_status");
    fields.require(record.shutdown_signal <= kLastSignal, "shutdown_signal");
    fields.at_least_0(record.shutdown_end, "shutdown_end");
    return fields.fault();
}

std::string_view fault_in(const RequestRecord& record) {
    Fields fields;
    fields.at_least_0(record.until, "until");
    fields.require(record.result <= 1 + static_cast<std::uint8_t>(JobResult::once), "result");
    return fields.fault();
}

}  // namespace svcd
