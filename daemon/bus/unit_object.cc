// org.svcd1.Unit, .Service, .Slice and .Target, at /org/svcd1/unit/NAME. No unit has an object of
// its own: the path says which one is meant, and what is asked for is asked of the manager then.
#include <array>

#include "bus/api_table.h"
#include "bus/arguments.h"

namespace svcd {

namespace {

// ── methods ──────────────────────────────────────────────────────────────────────────────────

template <JobVerb verb>
Outcome job(const Call& call, Subject& subject, Writer&) {
    const char* mode = "";
    sd_bus_message_read_basic(call.message, SD_BUS_TYPE_STRING, &mode);
    return request_job(call, subject.api(), subject.unit(), verb, mode);
}

Outcome kill(const Call& call, Subject& subject, Writer&) {
    const char* whom = "";
    std::int32_t signal = 0;
    sd_bus_message_read_basic(call.message, SD_BUS_TYPE_STRING, &whom);
    sd_bus_message_read_basic(call.message, SD_BUS_TYPE_INT32, &signal);
    return request_kill(call, subject.api(), subject.unit(), whom, signal);
}

Outcome queue_signal(const Call& call, Subject& subject, Writer&) {
    const std::string whom = read_string(call.message);
    const std::int32_t signal = read_i32(call.message);
    const std::int32_t value = read_i32(call.message);
    return request_queued_signal(call, subject.api(), subject.unit(), whom, signal, value);
}

Outcome reset_failed(const Call& call, Subject& subject, Writer&) {
    return request_reset_failed(call, subject.api(), subject.unit());
}

Outcome get_processes(const Call& call, Subject& subject, Writer& reply) {
    if (subject.is_missing()) {
        reply.open(SD_BUS_TYPE_ARRAY, "(sus)").close();
        return Answered::now;
    }
    return answer_processes(call, subject.api(), subject.unit(), reply);
}

// ── values ───────────────────────────────────────────────────────────────────────────────────

void append_monotonic(Writer& value, Time time) {
    value.u64(monotonic_usec(time));
}

void append_realtime(Writer& value, Time time) {
    value.u64(realtime_usec(time));
}

void append_deadline(Writer& value, Time time) {
    value.u64(time == kNever ? UINT64_MAX : static_cast<std::uint64_t>(to_usec(time)));
}

template <Time UnitStatus::*field>
void status_time(Subject& subject, Writer& value) {
    append_realtime(value, subject.status().*field);
}

template <Time UnitStatus::*field>
void status_time_monotonic(Subject& subject, Writer& value) {
    append_monotonic(value, subject.status().*field);
}

template <Time ProcessStatus::*field>
void main_time(Subject& subject, Writer& value) {
    append_realtime(value, subject.status().main.*field);
}

template <Time ProcessStatus::*field>
void main_time_monotonic(Subject& subject, Writer& value) {
    append_monotonic(value, subject.status().main.*field);
}

template <bool UnitStatus::*field>
void status_flag(Subject& subject, Writer& value) {
    value.boolean(subject.status().*field);
}

template <Relation relation>
void related(Subject& subject, Writer& value) {
    value.strings(subject.related(relation));
}

/// Known from both ends, and said of both.
void joins_namespace_of(Subject& subject, Writer& value) {
    std::vector<std::string> units = subject.related(Relation::joins_namespace_of);
    for (std::string& other : subject.related(Relation::namespace_joined_by)) {
        units.push_back(std::move(other));
    }
    value.strings(units);
}

/// a(sbbsi): setting, trigger, negate, parameter, and the result of the last look: 1 it held, -1 it
/// did not, 0 nobody has looked at it. Of several triggers the last look says no more than that one
/// of them held, or none.
template <bool is_assert>
void conditions(Subject& subject, Writer& value) {
    const UnitStatus& unit = subject.status();
    const bool was_looked_at = (is_assert ? unit.assert_at : unit.condition_at) != Time{};
    value.open(SD_BUS_TYPE_ARRAY, "(sbbsi)");
    std::size_t place = 0;
    for (const Condition& each : subject.facts().conditions) {
        ++place;
        if (each.is_assert != is_assert) {
            continue;
        }
        const std::size_t decisive = unit.condition_decided_by;
        const bool was_reached = was_looked_at && (decisive == 0 || place <= decisive);
        value.open(SD_BUS_TYPE_STRUCT, "sbbsi")
            .string(setting_of(each))
            .boolean(each.trigger)
            .boolean(each.negate)
            .string(each.parameter)
            .i32(place == decisive ? -1 : (was_reached ? 1 : 0))
            .close();
    }
    value.close();
}

/// The record of the last stop, or of the one that is going on (docs/stop-records.md).
void stop_report(Subject& subject, Writer& value) {
    ManagerApi& manager = subject.api().manager;
    const std::vector<std::uint64_t> stops = manager.stops_of(subject.status().name);
    value.string(stops.empty() ? std::string{} : manager.stop_record(stops.front()).value_or(""));
}

void names(Subject& subject, Writer& value) {
    value.strings(subject.facts().names);
}

void load_error(Subject& subject, Writer& value) {
    const UnitStatus& unit = subject.status();
    const char* name = "";
    switch (unit.load_state) {
        case LoadState::loaded:
            // With a text, the old definition is in force because the file has errors, or a drop-in
            // with errors was left out.
            name = unit.load_error.empty() ? "" : kErrorBadUnitSetting;
            break;
        case LoadState::not_found:
            name = kErrorNoSuchUnit;
            break;
        case LoadState::bad_setting:
            name = kErrorBadUnitSetting;
            break;
        case LoadState::error:
            name = kErrorLoadFailed;
            break;
        case LoadState::masked:
            name = kErrorUnitMasked;
            break;
    }
    value.open(SD_BUS_TYPE_STRUCT, "ss").string(name).string(unit.load_error).close();
}

void exec_error(Subject& subject, Writer& value) {
    const ExecError& error = subject.status().exec_error;
    value.open(SD_BUS_TYPE_STRUCT, "sss")
        .string(name_of(error.step))
        .string(error.object)
        .string(errno_name(error.error_number))
        .close();
}

template <UnitFailure UnitStatus::*field, std::string UnitStatus::*text>
void failure(Subject& subject, Writer& value) {
    value.open(SD_BUS_TYPE_STRUCT, "ss")
        .string(name_of((subject.status().*field).kind))
        .string(subject.status().*text)
        .close();
}

void unit_job(Subject& subject, Writer& value) {
    const std::optional<JobStatus>& job = subject.status().job;
    const JobId id = job ? job->id : JobId::none;
    value.open(SD_BUS_TYPE_STRUCT, "uo")
        .u32(static_cast<std::uint32_t>(id))
        .path(job_path(id))
        .close();
}

/// (utsssuusss): its last job that was given up, how ("canceled", "timeout"), what was asked for in
/// its place, by whom, and why; 0: none. Of "dependency": who had asked, and last the unit at
/// fault.
void given_up_job(Subject& subject, Writer& value) {
    static const GivenUpJob kNone;
    const GivenUpJob* known = subject.status().given_up_job;
    const GivenUpJob& job = known == nullptr ? kNone : *known;
    const std::optional<UnitId> asker = job.by.unit;
    value.open(SD_BUS_TYPE_STRUCT, "utsssuusss")
        .u32(static_cast<std::uint32_t>(job.id))
        .u64(monotonic_usec(job.at))
        .string(known == nullptr ? std::string_view{} : name_of(job.type))
        .string(known == nullptr ? std::string_view{} : name_of(job.result))
        .string(job.asked)
        .u32(job.by.uid)
        .u32(static_cast<std::uint32_t>(job.by.pid))
        .string(job.by.command)
        .string(job.by.reason)
        .string(asker ? subject.api().manager.status(*asker).name : std::string_view{})
        .close();
}

void refused_main(Subject& subject, Writer& value) {
    const RefusedMain& refused = subject.status().refused_main;
    value.open(SD_BUS_TYPE_STRUCT, "us")
        .u32(static_cast<std::uint32_t>(refused.pid))
        .string(refused.why)
        .close();
}

void need_daemon_reload(Subject& subject, Writer& value) {
    value.boolean(subject.status().need_daemon_reload || subject.facts().file_changed);
}

bool memory_is_counted(Subject& subject) {
    return subject.facts().memory_current.has_value();
}

/// a(ss): a unit that it wished for and goes on without, and why.
void goes_without(Subject& subject, Writer& value) {
    value.open(SD_BUS_TYPE_ARRAY, "(ss)");
    for (const LeftOutStatus& each : subject.status().left_out) {
        value.open(SD_BUS_TYPE_STRUCT, "ss").string(each.unit).string(each.why).close();
    }
    value.close();
}

/// a(tsii): when (CLOCK_MONOTONIC), after which Result, ExecMainCode and ExecMainStatus.
void unclean_restarts(Subject& subject, Writer& value) {
    value.open(SD_BUS_TYPE_ARRAY, "(tsii)");
    for (const UncleanRestart& each : subject.status().unclean_restarts) {
        value.open(SD_BUS_TYPE_STRUCT, "tsii")
            .u64(monotonic_usec(each.at))
            .string(name_of(each.result))
            .i32(static_cast<std::int32_t>(each.code))
            .i32(each.status)
            .close();
    }
    value.close();
}

/// Who asked for the last start: cause, uid (of nobody and of one that is not known any more
/// UINT32_MAX), PID, command, reason, and the unit that it was for, with what that says of this
/// one.
void started_by(Subject& subject, Writer& value) {
    static const Requester kNobody{UINT32_MAX, 0, {}, {}, {}, StartCause::unknown};
    const UnitStatus& unit = subject.status();
    const Requester& who = unit.started_by == nullptr ? kNobody : *unit.started_by;
    const bool is_pulled_in = who.cause == StartCause::pulled_in;
    value.open(SD_BUS_TYPE_STRUCT, "suussss")
        .string(name_of(who.cause))
        .u32(who.uid)
        .u32(static_cast<std::uint32_t>(who.pid))
        .string(who.command)
        .string(who.reason)
        .string(unit.started_by_unit)
        .string(is_pulled_in ? name_of(who.relation) : std::string_view{})
        .close();
}

void last_job(Subject& subject, Writer& value) {
    const UnitStatus& unit = subject.status();
    const bool is_there = unit.last_job != JobId::none;
    value.open(SD_BUS_TYPE_STRUCT, "us")
        .u32(static_cast<std::uint32_t>(unit.last_job))
        .string(is_there ? name_of(unit.last_job_type) : std::string_view{})
        .close();
}

/// 16 bytes in the order of the hexadecimal digits of $INVOCATION_ID; none before the first start.
void invocation_id(Subject& subject, Writer& value) {
    const std::array<std::uint64_t, 2>& id = subject.status().invocation_id;
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(id[i / 8] >> (8 * (7 - i % 8)));
    }
    const bool none = id[0] == 0 && id[1] == 0;
    value.bytes(bytes.data(), none ? 0 : bytes.size());
}

// clang-format off
constexpr MethodRow kUnitMethods[] = {
    {"Start",              "s",  "o", "mode job",    Access::change, job<JobVerb::start>},
    {"Stop",               "s",  "o", "mode job",    Access::change, job<JobVerb::stop>},
    {"Reload",             "s",  "o", "mode job",    Access::change, job<JobVerb::reload>},
    {"Restart",            "s",  "o", "mode job",    Access::change, job<JobVerb::restart>},
    {"TryRestart",         "s",  "o", "mode job",    Access::change, job<JobVerb::try_restart>},
    {"ReloadOrRestart",    "s",  "o", "mode job",    Access::change, job<JobVerb::reload_or_restart>},
    {"ReloadOrTryRestart", "s",  "o", "mode job",    Access::change, job<JobVerb::try_reload_or_restart>},
    {"Kill",               "si", "",  "whom signal", Access::change, kill},
    {"QueueSignal",        "sii", "", "whom signal value", Access::change, queue_signal},
    {"ResetFailed",        "",   "",  "",            Access::change, reset_failed},
};

constexpr PropertyRow kUnitProperties[] = {
    {"Id",             "s",    Emits::constant, [](Subject& s, Writer& w) { w.string(s.status().name); }},
    {"Names",          "as",   Emits::nothing,  names},
    {"Following",      "s",    Emits::nothing,  [](Subject&, Writer& w) { w.string({}); }},
    {"Description",    "s",    Emits::nothing,  [](Subject& s, Writer& w) { w.string(s.status().description); }},
    {"Requires",               "as",   Emits::nothing,  related<Relation::requires_>},
    {"Requisite",              "as",   Emits::nothing,  related<Relation::requisite>},
    {"Wants",                  "as",   Emits::nothing,  related<Relation::wants>},
    {"BindsTo",                "as",   Emits::nothing,  related<Relation::binds_to>},
    {"PartOf",                 "as",   Emits::nothing,  related<Relation::part_of>},
    {"Upholds",                "as",   Emits::nothing,  related<Relation::upholds>},
    {"Conflicts",              "as",   Emits::nothing,  related<Relation::conflicts>},
    {"Before",                 "as",   Emits::nothing,  related<Relation::before>},
    {"OnFailure",              "as",   Emits::nothing,  related<Relation::on_failure>},
    {"OnSuccess",              "as",   Emits::nothing,  related<Relation::on_success>},
    {"PropagatesReloadTo",     "as",   Emits::nothing,  related<Relation::propagates_reload_to>},
    {"PropagatesStopTo",       "as",   Emits::nothing,  related<Relation::propagates_stop_to>},
    {"RequiredBy",             "as",   Emits::nothing,  related<Relation::required_by>},
    {"RequisiteOf",            "as",   Emits::nothing,  related<Relation::requisite_of>},
    {"WantedBy",               "as",   Emits::nothing,  related<Relation::wanted_by>},
    {"BoundBy",                "as",   Emits::nothing,  related<Relation::bound_by>},
    {"ConsistsOf",             "as",   Emits::nothing,  related<Relation::consists_of>},
    {"UpheldBy",               "as",   Emits::nothing,  related<Relation::upheld_by>},
    {"ConflictedBy",           "as",   Emits::nothing,  related<Relation::conflicted_by>},
    {"After",                  "as",   Emits::nothing,  related<Relation::after>},
    {"OnFailureOf",            "as",   Emits::nothing,  related<Relation::on_failure_of>},
    {"OnSuccessOf",            "as",   Emits::nothing,  related<Relation::on_success_of>},
    {"ReloadPropagatedFrom",   "as",   Emits::nothing,  related<Relation::reload_propagated_from>},
    {"StopPropagatedFrom",     "as",   Emits::nothing,  related<Relation::stop_propagated_from>},
    {"JoinsNamespaceOf",       "as",   Emits::nothing,  joins_namespace_of},
    {"Documentation",  "as",   Emits::nothing,  [](Subject& s, Writer& w) { w.strings(s.facts().documentation); }},
    {"LoadState",      "s",    Emits::change,   [](Subject& s, Writer& w) { w.string(name_of(s.status().load_state)); }},
    {"LoadError",      "(ss)", Emits::nothing,  load_error},
    {"ActiveState",    "s",    Emits::change,   [](Subject& s, Writer& w) { w.string(name_of(s.status().active_state)); }},
    {"SubState",       "s",    Emits::change,   [](Subject& s, Writer& w) { w.string(name_of(s.status().sub_state)); }},
    {"FragmentPath",   "s",    Emits::nothing,  [](Subject& s, Writer& w) { w.string(s.facts().fragment_path); }},
    {"DropInPaths",    "as",   Emits::nothing,  [](Subject& s, Writer& w) { w.strings(s.facts().drop_in_paths); }},
    {"StateChangeTimestamp",            "t", Emits::change, status_time<&UnitStatus::state_changed_at>},
    {"StateChangeTimestampMonotonic",   "t", Emits::change, status_time_monotonic<&UnitStatus::state_changed_at>},
    {"InactiveExitTimestamp",           "t", Emits::change, status_time<&UnitStatus::inactive_exit_at>},
    {"InactiveExitTimestampMonotonic",  "t", Emits::change, status_time_monotonic<&UnitStatus::inactive_exit_at>},
    {"ActiveEnterTimestamp",            "t", Emits::change, status_time<&UnitStatus::active_enter_at>},
    {"ActiveEnterTimestampMonotonic",   "t", Emits::change, status_time_monotonic<&UnitStatus::active_enter_at>},
    {"ActiveExitTimestamp",             "t", Emits::change, status_time<&UnitStatus::active_exit_at>},
    {"ActiveExitTimestampMonotonic",    "t", Emits::change, status_time_monotonic<&UnitStatus::active_exit_at>},
    {"InactiveEnterTimestamp",          "t", Emits::change, status_time<&UnitStatus::inactive_enter_at>},
    {"InactiveEnterTimestampMonotonic", "t", Emits::change, status_time_monotonic<&UnitStatus::inactive_enter_at>},
    {"CanStart",         "b",    Emits::nothing, status_flag<&UnitStatus::can_start>},
    {"CanStop",          "b",    Emits::nothing, status_flag<&UnitStatus::can_stop>},
    {"CanReload",        "b",    Emits::nothing, status_flag<&UnitStatus::can_reload>},
    {"CanIsolate",       "b",    Emits::nothing, status_flag<&UnitStatus::can_isolate>},
    {"Perpetual",        "b",    Emits::constant, [](Subject& s, Writer& w) { w.boolean(is_perpetual(s.status().name)); }},
    {"ConditionResult",             "b", Emits::change,  status_flag<&UnitStatus::condition_result>},
    {"AssertResult",                "b", Emits::change,  status_flag<&UnitStatus::assert_result>},
    {"ConditionTimestamp",          "t", Emits::change,  status_time<&UnitStatus::condition_at>},
    {"ConditionTimestampMonotonic", "t", Emits::change,  status_time_monotonic<&UnitStatus::condition_at>},
    {"AssertTimestamp",             "t", Emits::change,  status_time<&UnitStatus::assert_at>},
    {"AssertTimestampMonotonic",    "t", Emits::change,  status_time_monotonic<&UnitStatus::assert_at>},
    {"Conditions",       "a(sbbsi)", Emits::nothing, conditions<false>},
    {"Asserts",          "a(sbbsi)", Emits::nothing, conditions<true>},
    {"Job",              "(uo)", Emits::change,  unit_job},
    {"GivenUpJob",       "(utsssuusss)", Emits::nothing, given_up_job},
    // Ours: the last job that has ended, and what it was then: of a reload-or-restart a start, a reload ...
    {"LastJob",          "(us)", Emits::nothing, last_job},
    {"NeedDaemonReload", "b",    Emits::nothing, need_daemon_reload},
    {"GoneFiles",        "as",   Emits::nothing, [](Subject& s, Writer& w) { w.strings(s.facts().gone_files); }},
    {"InvocationID",     "ay",   Emits::change,  invocation_id},
    // Ours, µs of CLOCK_MONOTONIC: when the present sub-state ends at the latest, and when SIGKILL follows.
    {"StateDeadlineUSec", "t",   Emits::change,  [](Subject& s, Writer& w) { append_deadline(w, s.status().deadline); }},
    {"StopDeadlineUSec",  "t",   Emits::change,  [](Subject& s, Writer& w) { append_deadline(w, s.status().stop_deadline); }},
    {"LeftOver",          "b",   Emits::change,  status_flag<&UnitStatus::left_over>},
    {"GoesWithout",       "a(ss)", Emits::change, goes_without},
    {"StartedBy",         "(suussss)", Emits::nothing, started_by},
    // When it last began to stop, and what that stop was given: TimeoutStopSec, or less by the shutdown budget.
    {"StopBeginTimestampMonotonic", "t", Emits::nothing, status_time_monotonic<&UnitStatus::stop_began_at>},
    {"StopLimitUSec",     "t",   Emits::nothing, [](Subject& s, Writer& w) { append_duration(w, s.status().stop_limit); }},
    // How long the last stops took: of how many, and what half of them and 95 of 100 did not exceed.
    {"StopTimeSamples",   "u",   Emits::nothing, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.status().stops_measured)); }},
    {"StopTimeP50USec",   "t",   Emits::nothing, [](Subject& s, Writer& w) { append_duration(w, s.status().stop_time_p50); }},
    {"StopTimeP95USec",   "t",   Emits::nothing, [](Subject& s, Writer& w) { append_duration(w, s.status().stop_time_p95); }},
};

constexpr MethodRow kServiceMethods[] = {
    {"GetProcesses", "", "a(sus)", "processes", Access::read, get_processes},
};

constexpr PropertyRow kServiceProperties[] = {
    {"MainPID",        "u", Emits::change, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.status().main.pid)); }},
    {"ControlPID",     "u", Emits::change, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.status().control_pid)); }},
    {"ExecMainPID",    "u", Emits::change, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.status().main.last_pid)); }},
    {"ExecMainCode",   "i", Emits::change, [](Subject& s, Writer& w) { w.i32(static_cast<std::int32_t>(s.status().main.code)); }},
    {"ExecMainStatus", "i", Emits::change, [](Subject& s, Writer& w) { w.i32(s.status().main.status); }},
    {"ExecMainStartTimestamp",          "t", Emits::change,  main_time<&ProcessStatus::started_at>},
    {"ExecMainStartTimestampMonotonic", "t", Emits::change,  main_time_monotonic<&ProcessStatus::started_at>},
    {"ExecMainExitTimestamp",           "t", Emits::change,  main_time<&ProcessStatus::exited_at>},
    {"ExecMainExitTimestampMonotonic",  "t", Emits::change,  main_time_monotonic<&ProcessStatus::exited_at>},
    {"Result",         "s", Emits::change,  [](Subject& s, Writer& w) { w.string(name_of(s.status().result)); }},
    {"ReloadResult",   "s", Emits::change,  [](Subject& s, Writer& w) { w.string(name_of(s.status().reload_result)); }},
    {"NRestarts",      "u", Emits::change,  [](Subject& s, Writer& w) { w.u32(s.status().restarts); }},
    // Ours: the rule by which it was restarted, will be, or is not.
    {"RestartRule",    "s", Emits::nothing, [](Subject& s, Writer& w) { w.string(name_of(s.status().restart_rule)); }},
    // Ours: StartLimitBurst was reached; how many starts count towards it; when RestartSec is over.
    {"GivenUp",        "b", Emits::change,  status_flag<&UnitStatus::given_up>},
    {"StartsCounted",  "u", Emits::nothing, [](Subject& s, Writer& w) { w.u32(static_cast<std::uint32_t>(s.status().starts_counted)); }},
    {"NextStartUSec",  "t", Emits::change,  [](Subject& s, Writer& w) { append_deadline(w, s.status().next_start); }},
    // Automatic restarts after unclean ends: FlappingBurst of them within FlappingIntervalSec.
    {"Flapping",       "b", Emits::change,  status_flag<&UnitStatus::is_flapping>},
    {"FlappingTimestamp",          "t", Emits::change, status_time<&UnitStatus::flapping_since>},
    {"FlappingTimestampMonotonic", "t", Emits::change, status_time_monotonic<&UnitStatus::flapping_since>},
    {"FlappingUntilUSec", "t", Emits::change, [](Subject& s, Writer& w) { append_deadline(w, s.status().flapping_until); }},
    {"NUncleanRestarts",  "u", Emits::change, [](Subject& s, Writer& w) { w.u32(s.status().unclean_count); }},
    {"UncleanRestarts",   "a(tsii)", Emits::change, unclean_restarts},
    {"StatusText",     "s", Emits::change,  [](Subject& s, Writer& w) { w.string(s.status().status_text); }},
    {"ToldStopping",   "b", Emits::change,  status_flag<&UnitStatus::told_stopping>},
    // Svcd was away when it started, and nobody has heard READY=1: it is taken as started.
    {"ReadinessUnknown", "b", Emits::change, status_flag<&UnitStatus::readiness_unknown>},
    // The last stop: SIGKILL was sent at its deadline.
    {"SigkillAtDeadline", "b", Emits::change, status_flag<&UnitStatus::sigkill_sent>},
    {"StatusErrno",    "i", Emits::change,  [](Subject& s, Writer& w) { w.i32(s.status().status_error); }},
    // Ours: what kept a command from being executed (step, object, errno's name; empty: nothing), the sentence for
    // people, whether the execve of the main process succeeded, and what was not done as the file says.
    {"ExecError",      "(sss)", Emits::change, exec_error},
    {"ExecErrorText",  "s", Emits::change,  [](Subject& s, Writer& w) { w.string(to_string(s.status().exec_error)); }},
    // Ours: what made Result, and ReloadResult (kind, a sentence that may be empty), and what a start that goes on waits for.
    {"Failure",        "(ss)", Emits::change, failure<&UnitStatus::failure, &UnitStatus::failure_text>},
    {"ReloadFailure",  "(ss)", Emits::change, failure<&UnitStatus::reload_failure, &UnitStatus::reload_failure_text>},
    // Ours: whom MAINPID= named in this life and svcd did not take, and why; 0: nobody.
    {"RefusedMainPID", "(us)", Emits::nothing, refused_main},
    {"StartWaitsFor",  "s", Emits::change, [](Subject& s, Writer& w) { w.string(s.status().start_waits_for); }},
    {"StartWaitsForKind", "s", Emits::change, [](Subject& s, Writer& w) { w.string(name_of(s.status().start_waits_for_kind)); }},
    {"ExecStarted",    "b", Emits::change,  status_flag<&UnitStatus::exec_started>},
    {"ExecWarnings",   "as", Emits::change, [](Subject& s, Writer& w) { w.strings(s.status().exec_warnings); }},
    {"ControlGroup",   "s", Emits::nothing, [](Subject& s, Writer& w) { w.string(s.facts().control_group); }},
    {"WatchdogTimestamp",          "t", Emits::nothing, status_time<&UnitStatus::watchdog_at>},
    {"WatchdogTimestampMonotonic", "t", Emits::nothing, status_time_monotonic<&UnitStatus::watchdog_at>},
    {"MemoryCurrent",  "t", Emits::nothing, [](Subject& s, Writer& w) { w.u64(s.facts().memory_current.value_or(UINT64_MAX)); }, memory_is_counted},
    {"Tracking",       "s", Emits::nothing, [](Subject& s, Writer& w) { w.string(s.facts().tracking); }},
    {"StopReport",     "s", Emits::nothing, stop_report},
    {"LogPath",        "s", Emits::nothing, [](Subject& s, Writer& w) { w.string(s.facts().log_path); }},
    // Ours: where in it the output of the last life begins, in bytes; UINT64_MAX: not known.
    {"LogBegin",       "t", Emits::nothing, [](Subject& s, Writer& w) { w.u64(static_cast<std::uint64_t>(s.status().log_begin)); }},
};
// clang-format on

constexpr InterfaceTable kUnit{
    "org.svcd1.Unit", kUnitMethods, kUnitProperties, {}, PropertyInterface::unit};
constexpr InterfaceTable kService{
    "org.svcd1.Service", kServiceMethods, kServiceProperties, {}, PropertyInterface::service};
constexpr InterfaceTable kTarget{"org.svcd1.Target", {}, {}, {}, std::nullopt};

constexpr PropertyRow kSliceProperties[] = {
    {"ControlGroup", "s", Emits::nothing,
     [](Subject& s, Writer& w) { w.string(s.facts().control_group); }},
};
constexpr InterfaceTable kSlice{
    "org.svcd1.Slice", kServiceMethods, kSliceProperties, {}, std::nullopt};

}  // namespace

const InterfaceTable& unit_interface() {
    return kUnit;
}

const InterfaceTable& service_interface() {
    return kService;
}

const InterfaceTable& target_interface() {
    return kTarget;
}

const InterfaceTable& slice_interface() {
    return kSlice;
}

}  // namespace svcd
