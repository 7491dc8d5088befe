#include "manager/stop_record.h"

#include <algorithm>

#include "unitfile/json_writer.h"
#include "unitfile/signal_names.h"

namespace svcd {
namespace {

/// Bytes of events. With what stands before and after them, a record stays below kStopTextMax.
constexpr std::size_t kEventsTextMax = 50 * 1024;
/// Kept free for svcd's own events.
constexpr std::size_t kEventsTextReserve = 8 * 1024;
constexpr std::size_t kCommandShownMax = 512;

std::string_view name_of(KillMode mode) {
    switch (mode) {
        case KillMode::control_group:
            return "control-group";
        case KillMode::mixed:
            return "mixed";
        case KillMode::process:
            return "process";
        case KillMode::none:
            return "none";
    }
    return {};
}

std::string_view name_of(TimeoutFailureMode mode) {
    switch (mode) {
        case TimeoutFailureMode::terminate:
            return "terminate";
        case TimeoutFailureMode::abort:
            return "abort";
        case TimeoutFailureMode::kill:
            return "kill";
    }
    return {};
}

std::string hex_of(const std::array<std::uint64_t, 2>& id) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (const std::uint64_t half : id) {
        for (unsigned shift = 64; shift > 0; shift -= 4) {
            hex += kDigits[half >> (shift - 4) & 0xfU];
        }
    }
    return hex;
}

void append_job(JsonWriter& json, const StopBeginning& beginning) {
    const JobStatus* job = beginning.job;
    json.key("asked_by");
    if (job == nullptr) {
        json.null();
        return;
    }
    json.open_object()
        .field("job", static_cast<std::uint32_t>(job->id))
        .field("type", name_of(job->type))
        .field("at_usec", to_usec(job->installed_at))
        .field("uid", job->requester.uid)
        .field("pid", job->requester.pid)
        .field("command", job->requester.command)
        .field("reason", job->requester.reason)
        .field("unit", beginning.asker_unit);
    if (!beginning.other_unit.empty()) {
        json.field("relation", name_of(job->requester.relation))
            .field("other", beginning.other_unit);
    }
    json.close_object();
}

/// A field that is null for "none".
void append_usec(JsonWriter& json, std::string_view name, std::int64_t usec) {
    json.key(name);
    usec < 0 ? json.null() : json.value(usec);
}

/// RestartKillSignal counts when the stop is the first half of a restart.
bool restarts_by_signal(const ServiceSettings& settings, const JobStatus* job) {
    return job != nullptr && job->type == JobType::restart && settings.restart_kill_signal != 0;
}

int stop_signal(const ServiceSettings& settings, const JobStatus* job) {
    return restarts_by_signal(settings, job) ? settings.restart_kill_signal : settings.kill_signal;
}

/// What a unit without processes (a target) has.
const ServiceSettings& no_settings() {
    static const ServiceSettings kNone = [] {
        ServiceSettings settings;
        settings.kill_mode = KillMode::none;
        settings.send_sigkill = false;
        settings.timeout_stop = kInfinity;
        return settings;
    }();
    return kNone;
}

std::string main_command(const ServiceSettings& settings) {
    const auto command =
        std::find_if(settings.commands.begin(), settings.commands.end(),
                     [](const Command& each) { return each.role == CommandRole::start; });
    return command == settings.commands.end() ? std::string{} : text_of(*command);
}

}  // namespace

StopRecord::StopRecord(const StopBeginning& beginning) : unit_(beginning.unit) {
    const UnitDefinition* definition = beginning.definition;
    const bool is_service = definition != nullptr && definition->service != nullptr;
    const ServiceSettings& settings = is_service ? *definition->service : no_settings();
    facts_.id = beginning.id;
    facts_.began_usec = to_usec(beginning.began);
    facts_.asked_at_usec = beginning.job == nullptr ? 0 : to_usec(beginning.job->installed_at);
    JsonWriter json{head_};
    json.open_object()
        .field("unit", beginning.unit)
        .field("id", beginning.id)
        .field("invocation", hex_of(beginning.invocation))
        .field("began_usec", facts_.began_usec)
        .field("began_realtime_usec", beginning.began_realtime_usec)
        .field("from", beginning.from)
        .field("main_pid", beginning.main_pid)
        .field("command", main_command(settings));
    append_job(json, beginning);
    json.field("kill_mode", name_of(settings.kill_mode))
        .field("stop_signal", is_service ? signal_name(stop_signal(settings, beginning.job)) : "")
        .field("restarts_by_signal", is_service && restarts_by_signal(settings, beginning.job))
        .field("send_sigkill", settings.send_sigkill);
    if (is_service) {
        json.field("main_first", settings.kill_mode == KillMode::control_group &&
                                     settings.rarely().leftover_timeout.has_value());
        json.field("watchdog_signal", signal_name(settings.watchdog_signal))
            .field("final_signal", signal_name(settings.final_kill_signal))
            .field("failure_mode", name_of(settings.timeout_stop_failure_mode));
    }
    const bool is_endless = settings.timeout_stop == kInfinity;
    append_usec(json, "timeout_usec", is_endless ? -1 : settings.timeout_stop.count());
    facts_.limit_usec = is_endless ? -1 : settings.timeout_stop.count();
    json.key("events").open_array();
}

StopRecord::StopRecord(const SavedStop& saved)
    : is_changed_(false),
      unit_(saved.unit),
      facts_(saved.facts),
      head_(saved.text.substr(0, facts_.events_begin)),
      events_(saved.text.substr(facts_.events_begin, facts_.events_end - facts_.events_begin)) {}

void StopRecord::add(Time at, std::string_view what, std::string_view fields, bool by_others) {
    std::string event;
    JsonWriter json{event};
    json.open_object().field("at_usec", (at - began()).count()).field("what", what);
    event += fields.empty() ? "" : ",";
    event += fields;
    event += '}';
    const std::size_t size = events_.size() + event.size() + 1;
    if (facts_.event_count >= (by_others ? kStopEventsOfOthersMax : kStopEventsMax) ||
        size > kEventsTextMax - (by_others ? kEventsTextReserve : 0)) {
        ++facts_.events_dropped;
        return;
    }
    ++facts_.event_count;
    is_changed_ = true;
    JsonWriter{events_}.raw(event);
}

void StopRecord::add_rejected(Time at, std::string_view fields) {
    if (rejected_ >= kStopEventsRejectedMax) {
        ++facts_.events_dropped;
        return;
    }
    ++rejected_;
    add(at, "notify-refused", fields, true);
}

void StopRecord::enter(SubState state, Time at) {
    facts_.sub_state = static_cast<std::uint8_t>(state);
    std::string fields;
    JsonWriter{fields}.field("state", name_of(state));
    add(at, "state", fields);
}

void StopRecord::set_limit(Time deadline) {
    const std::int64_t limit = deadline == kNever ? -1 : (deadline - began()).count();
    is_changed_ = is_changed_ || limit != facts_.limit_usec;
    facts_.limit_usec = limit;
}

void StopRecord::end(Time at) {
    facts_.duration_usec = std::max<std::int64_t>((at - began()).count(), 0);
    facts_.ended = 1;
    is_changed_ = true;
}

void StopRecord::take_back_end(SubState before) {
    // All events of a step have one time, and the step came after the unit had entered `before`. In
    // a text of ours the quotes would be escaped.
    const std::string last = "{\"at_usec\":" + std::to_string(facts_.duration_usec) + ",";
    std::string entered;
    JsonWriter{entered}.field("what", "state").field("state", name_of(before));
    const std::size_t known = events_.rfind(entered);
    const std::size_t from = known == std::string::npos ? 0 : known;
    const std::size_t cut = std::min(events_.find(last, from), events_.size());
    for (std::size_t at = cut; at < events_.size(); at = events_.find(last, at + 1)) {
        --facts_.event_count;
    }
    events_.resize(cut == 0 ? 0 : cut < events_.size() ? cut - 1 : cut);  // less its comma
    facts_.is_empty = events_.find("\"what\":\"empty\"") != std::string::npos ? 1 : 0;
    facts_.sub_state = static_cast<std::uint8_t>(before);
    facts_.duration_usec = -1;
    facts_.outcome &= static_cast<std::uint8_t>(~kStopLeftOver);
    facts_.ended = 0;
    is_changed_ = true;
}

std::string StopRecord::text() {
    facts_.events_begin = static_cast<std::uint32_t>(head_.size());
    facts_.events_end = static_cast<std::uint32_t>(head_.size() + events_.size());
    std::string text;
    text.reserve(head_.size() + events_.size() + 320);
    text.append(head_).append(events_).append("]");
    JsonWriter json{text};
    json.field("shutdown", facts_.shutdown_usec != 0);
    append_usec(json, "limit_usec", facts_.limit_usec);
    append_usec(json, "duration_usec", facts_.duration_usec);
    json.field("sub", name_of(static_cast<SubState>(facts_.sub_state)))
        .field("result", name_of(static_cast<UnitResult>(facts_.result)))
        .field("main_code", name_of(static_cast<ExitCode>(facts_.main_code)))
        .field("main_status", facts_.main_status)
        .field("sigkill", facts_.sigkill != 0)
        .field("sigkill_at_deadline", (facts_.outcome & kStopKilledLate) != 0)
        .field("left_over", (facts_.outcome & kStopLeftOver) != 0);
    if (facts_.throttled_usec >= 0) {
        json.field("throttled_usec", facts_.throttled_usec);
    }
    if (facts_.events_dropped != 0) {
        json.field("events_dropped", facts_.events_dropped);
    }
    if (facts_.lost != 0) {
        json.field("lost", true);
    }
    json.close_object();
    return text;
}

std::string_view name_of(SignalCause cause) {
    switch (cause) {
        case SignalCause::stop:
            return "stop";
        case SignalCause::deadline:
            return "deadline";
        case SignalCause::main_exited:
            return "main-exited";
        case SignalCause::user:
            return "user";
        case SignalCause::watchdog:
            return "watchdog";
        case SignalCause::kill_control:
            return "kill-control";
        case SignalCause::kill_signal_is_kill:
            return "kill-signal-is-kill";
        case SignalCause::oom:
            return "oom";
        case SignalCause::failure_mode:
            return "failure-mode";
        case SignalCause::emergency:
            return "emergency";
        case SignalCause::reload:
            return "reload";
        case SignalCause::again:
            return "again";
        case SignalCause::checker:
            return "checker";
        case SignalCause::never_executed:
            return "never-executed";
        case SignalCause::survived:
            return "survived";
    }
    return {};
}

std::string_view name_of(ExitCode code) {
    switch (code) {
        case ExitCode::none:
            return "none";
        case ExitCode::exited:
            return "exited";
        case ExitCode::killed:
            return "killed";
        case ExitCode::dumped:
            return "dumped";
        case ExitCode::unknown:
            return "unknown";
    }
    return "unknown";
}

bool is_stopping(const std::optional<JobStatus>& job) {
    return job && job->state == JobState::running &&
           (job->type == JobType::stop || job->type == JobType::restart ||
            job->type == JobType::try_restart);
}

std::string text_of(const Command& command) {
    std::string text;
    for (const std::string& word : command.argv) {
        text += (text.empty() ? "" : " ") + word;
        if (text.size() > kCommandShownMax) {
            text.resize(kCommandShownMax);
            break;
        }
    }
    return text;
}

}  // namespace svcd
