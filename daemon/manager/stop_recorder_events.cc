// What the recorder takes from the events, before they are stepped: exits, words of the unit, what
// people ask for, what the kernel tells.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "core/sub_state.h"
#include "manager/stop_recorder.h"
#include "unitfile/signal_names.h"

namespace svcd {
namespace {

/// Of one unit; more would be a flood.
constexpr std::size_t kPreludeMax = 8;
constexpr std::size_t kErrorShownMax = 512;
/// A limit in seconds from this on is none that a process reaches.
constexpr std::uint64_t kSecondsMax = 1'000'000'000;

std::string exit_fields(ProcessRole role, Pid pid, const ProcessExited& event) {
    std::string fields;
    JsonWriter{fields}
        .field("role", role == ProcessRole::main ? "main" : "control")
        .field("pid", pid)
        .field("code", name_of(event.code))
        .field("status", event.status);
    return fields;
}

/// Of a command of the unit's definition, if there is one with this number.
void append_command(JsonWriter& json, const UnitDefinition* definition, std::uint16_t index) {
    if (definition == nullptr || definition->service == nullptr ||
        index >= definition->service->commands.size()) {
        return;
    }
    const Command& command = definition->service->commands[index];
    json.field("setting", name_of(command.role)).field("command", text_of(command));
}

/// Of a command of the start: nothing else tells of it later, and the start may come to nothing.
bool is_ignored_failure(const ProcessExited& event,
                        const UnitDefinition* definition,
                        std::uint16_t index) {
    return definition != nullptr && definition->service != nullptr &&
           index < definition->service->commands.size() &&
           definition->service->commands[index].role == CommandRole::start &&
           definition->service->commands[index].ignore_failure &&
           (event.code != ExitCode::exited || event.status != 0);
}

/// Is a slice the other one or below it? Their names say so: systemd.slice(5).
bool is_below(std::string_view slice, std::string_view other) {
    constexpr std::string_view kSuffix = ".slice";
    if (slice == other || other == "-.slice") {
        return true;
    }
    const std::string_view stem = other.substr(0, other.size() - kSuffix.size());
    return slice.starts_with(stem) && slice.substr(stem.size()).starts_with("-");
}

}  // namespace

std::string exec_failed_fields(const ExecError& error) {
    std::string fields;
    JsonWriter{fields}
        .field("setting", name_of(error.role))
        .field("step", name_of(error.step))
        .field("object", error.object)
        .field("errno", errno_name(error.error_number))
        .field("error", to_string(error));
    return fields;
}

void StopRecorder::before(const Event& event, Time now) {
    now_ = now;
    heard_.reset();
    // The bulk of the events of a stop, none of which moves its deadline.
    limits_may_move_ = !std::holds_alternative<ProcessExited>(event) &&
                       !std::holds_alternative<CgroupEmptied>(event) &&
                       !std::holds_alternative<ProcessSpawned>(event);
    std::visit([this](const auto& one) { hear(one); }, event);
}

/// Into the record that is open, or kept for one that this step may begin.
void StopRecorder::note(UnitId unit, std::string_view what, std::string fields, bool by_others) {
    if (StopRecord* record = open_record_of(unit)) {
        record->add(now_, what, fields, by_others);
    } else {
        heard_ = Heard{unit, what, std::move(fields)};
    }
}

void StopRecorder::remember(UnitId unit, std::string_view what, std::string fields) {
    std::vector<Prelude>& prelude = preludes_[unit];
    if (prelude.size() >= kPreludeMax) {
        prelude.erase(prelude.begin());
    }
    prelude.push_back(Prelude{now_, what, std::move(fields)});
}

/// Something that others did to a unit, whether it is going down already or may do so because of
/// it.
void StopRecorder::add_or_remember(UnitId unit, std::string_view what, std::string fields) {
    if (StopRecord* record = open_record_of(unit)) {
        record->add(now_, what, fields, true);
    } else {
        remember(unit, what, std::move(fields));
    }
}

/// The services that are not down in a slice and in the slices in it; of another unit none.
std::vector<UnitId> StopRecorder::services_below(UnitId slice) const {
    std::vector<UnitId> services;
    const UnitDefinition* definition = supervisor_.definition(slice);
    if (definition == nullptr || unit_type_of(definition->name) != UnitType::slice) {
        return services;
    }
    for (std::size_t index = 0; index < supervisor_.unit_count(); ++index) {
        const UnitId unit{static_cast<std::uint32_t>(index)};
        const UnitDefinition* one =
            supervisor_.is_known(unit) ? supervisor_.definition(unit) : nullptr;
        if (one != nullptr && one->service != nullptr && is_below(one->slice(), definition->name) &&
            !is_down(supervisor_.status(unit).active_state)) {
            services.push_back(unit);
        }
    }
    return services;
}

void StopRecorder::hear(const KillRequested& event) {
    if (open_record_of(event.unit) == nullptr &&
        is_down(supervisor_.status(event.unit).active_state)) {
        return;  // it is refused
    }
    std::string fields;
    JsonWriter{fields}
        .field("signal", signal_name(event.signal))
        .field("uid", event.requester.uid)
        .field("pid", event.requester.pid)
        .field("command", event.requester.command)
        .field("unit", asker_of(event.requester));
    add_or_remember(event.unit, "asked-kill", fields);
    if (event.whom != KillRequested::Whom::control) {
        note_hold(event.unit, event.signal, fields);
    }
    if (event.whom == KillRequested::Whom::all) {  // a slice has no processes of its own
        for (const UnitId service : services_below(event.unit)) {
            add_or_remember(service, "asked-kill", fields);
            note_hold(service, event.signal, fields);
        }
    }
}

/// What is stopped stays so however long ago that was: until SIGCONT, which every stop sends.
void StopRecorder::note_hold(UnitId unit, int signal, const std::string& fields) {
    // SIGTSTP and its like don't stop what has no terminal, and so no shell that lets it go on.
    if (signal == SIGSTOP) {
        if (open_record_of(unit) == nullptr) {
            holds_.insert_or_assign(unit, Prelude{now_, "asked-kill", fields});
        }
    } else if (signal == SIGCONT) {
        holds_.erase(unit);
    }
}

std::string StopRecorder::held_by(UnitId unit) const {
    const auto hold = holds_.find(unit);
    if (hold == holds_.end()) {
        return {};
    }
    std::string fields;
    JsonWriter{fields}.field("at_usec", to_usec(hold->second.at));
    return fields + "," + hold->second.fields;
}

/// The unit that the process belongs to which has asked; "": none of ours.
std::string_view StopRecorder::asker_of(const Requester& requester) const {
    return requester.unit && supervisor_.is_known(*requester.unit)
               ? supervisor_.name(*requester.unit)
               : std::string_view{};
}

/// The unit whose stop or restart brought this job along; "": it was asked for itself.
std::string_view StopRecorder::other_of(const Requester& requester) const {
    return requester.cause == StartCause::pulled_in && requester.other &&
                   supervisor_.is_known(*requester.other)
               ? supervisor_.name(*requester.other)
               : std::string_view{};
}

std::string StopRecorder::asked_fields(JobId job,
                                       std::string_view type,
                                       const Requester& by) const {
    std::string fields;
    JsonWriter{fields}
        .field("job", static_cast<std::uint32_t>(job))
        .field("type", type)
        .field("uid", by.uid)
        .field("pid", by.pid)
        .field("command", by.command)
        .field("reason", by.reason)
        .field("unit", asker_of(by));
    return fields;
}

std::string StopRecorder::spawn_fields(UnitId unit, Pid pid) const {
    std::string fields;
    JsonWriter json{fields};
    json.field("pid", pid);
    append_command(json, supervisor_.definition(unit), supervisor_.status(unit).control_command);
    return fields;
}

void StopRecorder::hear(const ProcessSpawned& event) {
    const std::optional<UnitId> unit = supervisor_.unit_of(event.process);
    StopRecord* record = unit ? open_record_of(*unit) : nullptr;
    if (record != nullptr && supervisor_.role_of(event.process) == ProcessRole::control) {
        record->facts().is_empty = 0;
        record->add(now_, "spawn", spawn_fields(*unit, event.pid));
    }
}

void StopRecorder::hear(const SpawnFailed& event) {
    const std::optional<UnitId> unit = supervisor_.unit_of(event.process);
    StopRecord* record = unit ? open_record_of(*unit) : nullptr;
    if (record != nullptr && supervisor_.role_of(event.process) == ProcessRole::control) {
        std::string fields = spawn_fields(*unit, 0);
        JsonWriter{fields}.field("error", to_string(event.error).substr(0, kErrorShownMax));
        record->add(now_, "spawn", fields);
    }
}

/// Its exit follows, and may be what the stop begins with.
/// Of a control command with the prefix '-' it is no reason for anything.
bool StopRecorder::is_failure_ignored(UnitId unit, const ExecFailed& event) const {
    const UnitDefinition* definition = supervisor_.definition(unit);
    const std::size_t command = supervisor_.status(unit).control_command;
    return supervisor_.role_of(event.process) == ProcessRole::control && definition != nullptr &&
           definition->service != nullptr && command < definition->service->commands.size() &&
           definition->service->commands[command].ignore_failure &&
           !is_before_process(event.error.step);
}

void StopRecorder::hear(const ExecFailed& event) {
    const std::optional<UnitId> unit = supervisor_.unit_of(event.process);
    if (!unit || is_failure_ignored(*unit, event)) {
        return;
    }
    std::string fields = exec_failed_fields(event.error);
    if (StopRecord* record = open_record_of(*unit)) {
        record->add(now_, "exec-failed", fields);
    } else {
        remember(*unit, "exec-failed", std::move(fields));
    }
}

/// Of a signal that a LimitCPU of the unit sends: how much CPU time was used, and what is allowed.
void StopRecorder::append_cpu_time(std::string& fields,
                                   UnitId unit,
                                   const ProcessExited& event) const {
    const UnitDefinition* definition = supervisor_.definition(unit);
    if (event.code == ExitCode::exited || (event.status != SIGKILL && event.status != SIGXCPU) ||
        definition == nullptr || definition->service == nullptr ||
        definition->service->exec == nullptr) {
        return;
    }
    const std::vector<ResourceLimit>& limits = definition->service->exec->limits;
    const auto limit = std::ranges::find(limits, RLIMIT_CPU, &ResourceLimit::resource);
    JsonWriter json{fields};
    if (limit == limits.end()) {
        json.field("no_cpu_limit", true);
        return;
    }
    const auto used = senses_.cpu_time(definition->name);
    if (!used) {
        return;
    }
    json.field("cpu_usec", used->count());
    if (limit->soft < kSecondsMax) {
        json.field("cpu_soft_usec", limit->soft * 1'000'000);
    }
    if (limit->hard < kSecondsMax) {
        json.field("cpu_hard_usec", limit->hard * 1'000'000);
    }
}

void StopRecorder::hear(const ProcessExited& event) {
    const std::optional<UnitId> unit = supervisor_.unit_of(event.process);
    const std::optional<ProcessRole> role = supervisor_.role_of(event.process);
    if (!unit || !role || *role == ProcessRole::checker) {
        return;
    }
    std::string fields = exit_fields(*role, senses_.pid_of(event.process), event);
    if (*role == ProcessRole::main && supervisor_.status(*unit).exec_started) {
        JsonWriter{fields}.field("ran", true);
    }
    if (*role == ProcessRole::main) {
        append_cpu_time(fields, *unit, event);
    }
    if (*role == ProcessRole::control) {
        JsonWriter json{fields};
        const UnitDefinition* definition = supervisor_.definition(*unit);
        const std::uint16_t index = supervisor_.status(*unit).control_command;
        append_command(json, definition, index);
        if (is_ignored_failure(event, definition, index)) {
            json.field("ignored", true);
            add_or_remember(*unit, "exit", std::move(fields));
            return;
        }
    } else {
        main_exited_ = *unit;
    }
    note(*unit, "exit", std::move(fields), false);
}

void StopRecorder::hear(const Notification& event) {
    if (!event.stopping && !event.status && !event.extend_timeout) {
        return;
    }
    std::string fields;
    JsonWriter json{fields};
    json.field("from", event.sender);
    if (event.stopping) {
        json.field("stopping", true);
    }
    if (event.status) {
        json.field("status", *event.status);
    }
    if (event.extend_timeout) {
        json.field("extend_usec", event.extend_timeout->count());
    }
    StopRecord* record = open_record_of(event.unit);
    if (supervisor_.may_notify(event.unit, event.sender)) {
        note(event.unit, "notify", std::move(fields), true);
    } else if (record != nullptr) {
        record->add_rejected(now_, fields);
    }
}

void StopRecorder::hear(const OomKilled& event) {
    if (StopRecord* record = open_record_of(event.unit)) {
        record->add(now_, "oom", {}, true);
    } else {
        remember(event.unit, "oom", {});
    }
}

/// It is asked for shortly before SIGKILL, which then waits.
void StopRecorder::hear(const CoreDumping& event) {
    StopRecord* record = open_record_of(event.unit);
    if (record != nullptr && (record->facts().outcome & kStopDumpsCore) == 0) {
        record->facts().outcome |= kStopDumpsCore;
        record->add(now_, "core-dump", {});
    }
}

void StopRecorder::hear(const CgroupEmptied& event) {
    StopRecord* record = open_record_of(event.unit);
    // The kernel tells it too, before or after we have looked.
    if (record != nullptr && std::exchange(record->facts().is_empty, std::uint8_t{1}) == 0) {
        record->add(now_, "empty", {});
    }
}

}  // namespace svcd
