#include "stop_record.h"

#include <algorithm>
#include <array>

#include "phase_text.h"

namespace svcd {
namespace {

constexpr const char* kKill = "SIGKILL";

Json list_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? *found : Json::array();
}

std::set<std::string> words_of(const Json& object, const char* name) {
    std::set<std::string> words;
    for (const Json& word : list_of(object, name)) {
        if (word.is_string()) {
            words.insert(word.get<std::string>());
        }
    }
    return words;
}

std::vector<ProcessId> pids_of(const Json& object, const char* name) {
    std::vector<ProcessId> pids;
    for (const Json& pid : list_of(object, name)) {
        if (pid.is_number_integer()) {
            pids.push_back(pid.get<ProcessId>());
        }
    }
    return pids;
}

ProcessId pid_of(const Json& object, const char* name) {
    return static_cast<ProcessId>(number_of(object, name));
}

std::optional<Usec> time_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_integer() ? std::optional{found->get<Usec>()}
                                                               : std::nullopt;
}

/// Far from where a sum or a change of sign would overflow.
std::int64_t signed_number_of(const Json& object, const char* name) {
    constexpr std::int64_t kFar = std::int64_t{1} << 60;
    const auto found = object.find(name);
    return found != object.end() && found->is_number_integer()
               ? std::clamp(found->get<std::int64_t>(), -kFar, kFar)
               : 0;
}

StopEvent read_event(const Json& json) {
    StopEvent event;
    const std::int64_t at = signed_number_of(json, "at_usec");
    event.at = static_cast<Usec>(std::max<std::int64_t>(at, 0));
    event.before = static_cast<Usec>(std::max<std::int64_t>(-at, 0));
    event.what = text_of(json, "what");
    event.state = text_of(json, "state");
    event.setting = text_of(json, "setting");
    event.pid = pid_of(json, "pid");
    event.command = text_of(json, "command");
    event.error = text_of(json, "error");
    event.type = text_of(json, "type");
    event.reason = text_of(json, "reason");
    event.role = text_of(json, "role");
    event.code = text_of(json, "code");
    event.status = static_cast<int>(number_of(json, "status"));
    event.signal = text_of(json, "signal");
    event.cause = text_of(json, "cause");
    event.pids = pids_of(json, event.what == "signal" ? "to" : "pids");
    event.uid = static_cast<std::uint32_t>(number_of(json, "uid"));
    event.unit = text_of(json, "unit");
    event.asked = text_of(json, "asked");
    event.result = text_of(json, "result");
    event.how = text_of(json, "how");
    event.from = pid_of(json, "from");
    event.ran = truth_of(json, "ran");
    event.ignored = truth_of(json, "ignored");
    event.cpu = time_of(json, "cpu_usec");
    event.no_cpu_limit = truth_of(json, "no_cpu_limit");
    event.cpu_soft = time_of(json, "cpu_soft_usec");
    event.cpu_hard = time_of(json, "cpu_hard_usec");
    event.step = text_of(json, "step");
    event.object = text_of(json, "object");
    event.error_name = text_of(json, "errno");
    event.stopping = truth_of(json, "stopping");
    event.status_text = text_of(json, "status");
    event.extend = time_of(json, "extend_usec");
    event.why = text_of(json, "why");
    event.kind = text_of(json, "kind");
    event.text = text_of(json, "text");
    event.processes = read_processes(list_of(json, "processes"));
    event.unaddressed = read_processes(list_of(json, "no_notify_socket"));
    event.left_realtime = number_of(json, "left_realtime_usec");
    event.ended_meanwhile = truth_of(json, "ended_meanwhile");
    event.came_realtime = number_of(json, "came_realtime_usec");
    event.more = number_of(json, "more");
    return event;
}

std::optional<Requester> read_requester(const Json& json) {
    const auto found = json.find("asked_by");
    if (found == json.end() || !found->is_object()) {
        return std::nullopt;
    }
    return Requester{
        text_of(*found, "type"),   static_cast<std::uint32_t>(number_of(*found, "uid")),
        pid_of(*found, "pid"),     text_of(*found, "command"),
        text_of(*found, "reason"), number_of(*found, "at_usec"),
        text_of(*found, "unit"),   text_of(*found, "relation"),
        text_of(*found, "other")};
}

/// svcd's own doing to the service's processes; not to a command of it, not on a user's wish.
bool is_own_signal(const StopEvent& event) {
    return event.what == "signal" && event.cause != "user" && event.cause != "kill-control";
}

/// One that a process can act on, and is to.
bool asks_to_end(const StopEvent& event) {
    return event.what == "signal" && event.cause != "user" && event.signal != kKill &&
           event.signal != "SIGCONT" && event.cause != "reload";
}

/// A sub-state in which the limit of the stop itself is over.
bool is_after_the_stop(const StopEvent& event) {
    return event.what == "state" &&
           (event.state == "stop-post" || event.state.starts_with("final-"));
}

bool is_among(const std::vector<ProcessId>& pids, ProcessId pid) {
    return std::ranges::find(pids, pid) != pids.end();
}

}  // namespace

ProcessFacts read_process(const Json& json) {
    ProcessFacts process;
    process.pid = pid_of(json, "pid");
    process.parent = pid_of(json, "parent");
    process.session = pid_of(json, "session");
    process.name = text_of(json, "name");
    process.command = text_of(json, "command");
    process.executable = text_of(json, "executable");
    process.origin = text_of(json, "origin");
    const std::string state = text_of(json, "state");
    process.state = state.empty() ? '?' : state[0];
    process.threads = number_of(json, "threads", 1);
    if (json.contains("started_usec")) {
        process.started = signed_number_of(json, "started_usec");
    }
    process.tracer = pid_of(json, "tracer");
    process.is_namespace_init = truth_of(json, "is_namespace_init");
    process.core_dumping = truth_of(json, "core_dumping");
    process.freezer = text_of(json, "freezer");
    process.wait_channel = text_of(json, "wait_channel");
    process.syscall = text_of(json, "syscall");
    for (const Json& frame : list_of(json, "stack")) {
        process.stack.push_back(frame.is_string() ? frame.get<std::string>() : "?");
    }
    process.sockets = number_of(json, "sockets");
    process.caught = words_of(json, "caught");
    process.ignored = words_of(json, "ignored");
    process.blocked = words_of(json, "blocked");
    process.pending = words_of(json, "pending");
    return process;
}

std::vector<ProcessFacts> read_processes(const Json& list) {
    std::vector<ProcessFacts> processes;
    for (const Json& process : list) {
        processes.push_back(read_process(process));
    }
    return processes;
}

namespace {

/// Had the service ended, or failed, before svcd sent a signal?
bool fell_first(const StopRecord& record) {
    const auto first = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "signal" || event.what == "failure" ||
               (event.what == "exit" && event.role == "main");
    });
    return first != record.events.end() && first->what != "signal";
}

}  // namespace

StopRecord read_record(const Json& json) {
    StopRecord record;
    record.unit = text_of(json, "unit");
    record.id = number_of(json, "id");
    record.began = number_of(json, "began_usec");
    record.began_realtime = number_of(json, "began_realtime_usec");
    record.from = text_of(json, "from");
    record.main_pid = pid_of(json, "main_pid");
    record.command = text_of(json, "command");
    record.asked_by = read_requester(json);
    record.kill_mode = text_of(json, "kill_mode");
    record.main_first = truth_of(json, "main_first");
    record.stop_signal = text_of(json, "stop_signal");
    record.stop_signal_setting =
        json.value("restarts_by_signal", false) ? "RestartKillSignal" : "KillSignal";
    record.send_sigkill = !json.contains("send_sigkill") || truth_of(json, "send_sigkill");
    if (json.contains("watchdog_signal")) {
        record.watchdog_signal = text_of(json, "watchdog_signal");
        record.final_signal = text_of(json, "final_signal");
    }
    record.failure_mode = text_of(json, "failure_mode");
    record.timeout = time_of(json, "timeout_usec").value_or(kUsecInfinity);
    record.limit = time_of(json, "limit_usec").value_or(kUsecInfinity);
    for (const Json& event : list_of(json, "events")) {
        record.events.push_back(read_event(event));
    }
    record.came_before_shutdown =
        truth_of(json, "shutdown") && !record.asked_by && fell_first(record);
    record.shutdown = truth_of(json, "shutdown") && !record.came_before_shutdown;
    record.duration = time_of(json, "duration_usec");
    record.sub = text_of(json, "sub");
    record.result = text_of(json, "result");
    record.main_code = text_of(json, "main_code");
    record.main_status = static_cast<int>(number_of(json, "main_status"));
    if (record.from == "auto-restart") {  // the failure is that of the life before
        record.result = record.result == "stop-wedged" ? record.result : "success";
    }
    record.sigkill = truth_of(json, "sigkill");
    record.sigkill_at_deadline = truth_of(json, "sigkill_at_deadline");
    record.left_over = truth_of(json, "left_over");
    record.throttled = time_of(json, "throttled_usec");
    record.events_dropped = number_of(json, "events_dropped");
    record.lost = truth_of(json, "lost");
    return record;
}

std::string why_left_over(const StopRecord& record) {
    if (record.kill_mode == "none" || record.kill_mode == "process") {
        return "KillMode is " + record.kill_mode;
    }
    return record.send_sigkill ? "they came when it had ended"
                               : "they outlived TimeoutStopSec, and SendSIGKILL is off";
}

bool goes_on(const StopRecord& record) {
    return !record.duration && !record.lost;
}

Usec length_of(const StopRecord& record, Usec now) {
    if (record.duration) {
        return *record.duration;
    }
    Usec last = 0;
    for (const StopEvent& event : record.events) {
        last = std::max(last, event.at);
    }
    const Usec so_far = now > record.began ? now - record.began : 0;
    return record.lost ? last : std::max(last, so_far);
}

std::uint64_t share_of_limit(const StopRecord& record) {
    constexpr Usec kPercent = 100;
    if (!record.duration || record.limit == kUsecInfinity) {
        return 0;
    }
    const auto after = std::ranges::find_if(record.events, is_after_the_stop);
    const Usec end =
        after == record.events.end() ? *record.duration : std::min(after->at, *record.duration);
    Usec drained = 0;
    for (auto event = record.events.begin(); event != after; ++event) {
        if (event->what == "state" && event->state == "pre-stop") {
            const auto next = std::find_if(
                event + 1, after, [](const StopEvent& later) { return later.what == "state"; });
            const Usec until = next == after ? end : std::min(next->at, end);
            drained += until > event->at ? until - event->at : 0;
        }
    }
    const bool has_limit = record.limit > drained;
    return has_limit && end > drained ? (end - drained) * kPercent / (record.limit - drained) : 0;
}

bool was_asked_to_end(const StopRecord& record, ProcessId pid) {
    return std::ranges::any_of(record.events, [&](const StopEvent& event) {
        return asks_to_end(event) && is_among(event.pids, pid);
    });
}

const StopEvent* exec_failure(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "exec-failed" && event.setting != "ExecReload" &&
               !event.setting.starts_with("ExecStop");
    });
    return found == record.events.end() ? nullptr : &*found;
}

const StopEvent* never_executed(const StopRecord& record, std::string_view setting) {
    const auto found = std::ranges::find_if(record.events, [&](const StopEvent& event) {
        return event.what == "exec-failed" && (setting.empty() || event.setting == setting);
    });
    return found == record.events.end() ? nullptr : &*found;
}

std::string name_at_end(const StopRecord& record) {
    return name_of(record, record.main_pid);
}

const StopEvent* failure_of(const StopRecord& record) {
    const auto found = std::ranges::find(record.events, "failure", &StopEvent::what);
    return found == record.events.end() ? nullptr : &*found;
}

bool failed_by(const StopRecord& record, std::string_view kind) {
    const StopEvent* failure = failure_of(record);
    return failure != nullptr && failure->kind == kind;
}

bool main_ran(const StopRecord& record) {
    return std::ranges::any_of(record.events, [](const StopEvent& event) {
        return event.what == "exit" && event.role == "main" && event.ran;
    });
}

const StopEvent* first_stop_signal(const StopRecord& record) {
    for (const StopEvent& event : record.events) {
        if (asks_to_end(event) && is_own_signal(event)) {
            return &event;
        }
    }
    return nullptr;
}

const StopEvent* own_signal(const StopRecord& record, ProcessId pid, std::string_view signal) {
    const auto found = std::ranges::find_if(record.events, [&](const StopEvent& event) {
        return is_own_signal(event) && event.signal == signal && is_among(event.pids, pid);
    });
    return found == record.events.end() ? nullptr : &*found;
}

const StopEvent* sent_at_deadline(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "signal" && event.signal != kKill &&
               (event.cause == "deadline" || event.cause == "failure-mode");
    });
    return found == record.events.end() ? nullptr : &*found;
}

const StopEvent* ended_without_svcd(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "manager" && event.ended_meanwhile;
    });
    return found != record.events.end() && !record.asked_by && !record.shutdown ? &*found : nullptr;
}

bool has_event(const StopRecord& record, std::string_view what) {
    return std::ranges::find(record.events, what, &StopEvent::what) != record.events.end();
}

bool asked_for_more(const StopRecord& record) {
    return std::ranges::any_of(record.events, [](const StopEvent& event) {
        return event.what == "notify" && event.extend.has_value();
    });
}

Requester asker_of(const StopEvent& event) {
    return Requester{event.type, event.uid, event.pid, event.command, event.reason, 0, event.unit};
}

const StopEvent* first_sigkill(const StopRecord& record, ProcessId pid) {
    for (const StopEvent& event : record.events) {
        const bool counts = pid == 0 ? is_own_signal(event) : is_among(event.pids, pid);
        if (event.what == "signal" && event.signal == kKill && counts) {
            return &event;
        }
    }
    return nullptr;
}

const StopEvent* exit_of(const StopRecord& record, ProcessId pid) {
    for (const StopEvent& event : record.events) {
        if (event.what == "exit" && event.pid == pid) {
            return &event;
        }
    }
    return nullptr;
}

const StopEvent* spawn_of(const StopRecord& record, ProcessId pid) {
    for (const StopEvent& event : record.events) {
        if (event.what == "spawn" && event.pid == pid) {
            return &event;
        }
    }
    return nullptr;
}

const StopEvent* starter_of(const StopRecord& record, const ProcessFacts& process) {
    return process.session == process.pid ? nullptr : spawn_of(record, process.session);
}

std::vector<ProcessId> left_when_main_had_ended(const StopRecord& record) {
    bool has_ended = false;
    for (const StopEvent& event : record.events) {
        has_ended = has_ended || (event.what == "exit" && event.role == "main");
        if (event.what == "left" || (has_ended && event.what == "signal")) {
            return event.pids;
        }
    }
    return {};
}

std::vector<ProcessFacts> lived_on_after_main(const StopRecord& record) {
    const bool may_have_died_with_it = record.main_code != "exited" && !record.left_over;
    const std::vector<ProcessFacts> later = left_processes(record);
    std::vector<ProcessFacts> lived;
    for (const StopEvent& event : record.events) {
        if (event.what != "left") {
            continue;
        }
        for (const ProcessFacts& process : event.processes) {
            const bool is_dead = process.state == 'Z' || process.state == 'X';
            const bool was_seen =
                std::ranges::find(later, process.pid, &ProcessFacts::pid) != later.end();
            if (!is_dead && (was_seen || !may_have_died_with_it)) {
                lived.push_back(process);
            }
        }
    }
    return lived;
}

std::vector<ProcessFacts> left_processes(const StopRecord& record) {
    std::vector<ProcessFacts> left;
    for (const StopEvent& event : record.events) {
        if (event.why == "watchdog" || event.what == "left") {
            continue;  // of what was there before anything was sent
        }
        for (const ProcessFacts& process : event.processes) {
            const auto known = std::ranges::find(left, process.pid, &ProcessFacts::pid);
            if (known == left.end()) {
                left.push_back(process);
            } else {
                *known = process;
            }
        }
    }
    return left;
}

std::set<ProcessId> known_pids(const StopRecord& record) {
    std::set<ProcessId> pids;
    for (const StopEvent& event : record.events) {
        pids.insert(event.pids.begin(), event.pids.end());
        for (const ProcessFacts& process : event.processes) {
            pids.insert(process.pid);
        }
    }
    if (record.main_pid != 0) {
        pids.insert(record.main_pid);
    }
    return pids;
}

std::size_t unnamed_pids(const StopRecord& record, std::string_view signal) {
    std::size_t most = 0;
    for (const StopEvent& event : record.events) {
        if (event.what == "signal" && (signal.empty() || event.signal == signal)) {
            most = std::max<std::size_t>(most, event.more);
        }
    }
    return most;
}

std::set<ProcessId> killed_pids(const StopRecord& record) {
    std::set<ProcessId> pids;
    for (const StopEvent& event : record.events) {
        if (event.signal == kKill && is_own_signal(event)) {
            pids.insert(event.pids.begin(), event.pids.end());
        }
    }
    return pids;
}

std::string without_folder(const std::string& command) {
    const std::size_t end = std::min(command.find(' '), command.size());
    return program_of(command) + command.substr(end);
}

std::string name_of(const StopRecord& record, ProcessId pid) {
    for (const StopEvent& event : record.events) {
        const auto known = std::ranges::find(event.processes, pid, &ProcessFacts::pid);
        if (known != event.processes.end()) {
            return known->name;
        }
        if (event.what == "spawn" && event.pid == pid) {
            return program_of(event.command);
        }
    }
    return "";
}

std::string pid_text(ProcessId pid, std::string_view name) {
    const std::string number = "PID " + std::to_string(pid);
    return name.empty() ? number : number + " (" + std::string{name} + ")";
}

std::string pids_text(const std::vector<ProcessId>& pids, std::size_t shown) {
    if (pids.empty()) {
        return "no process";
    }
    // One more costs less room than "and 1 more".
    const std::size_t listed = pids.size() <= shown + 1 ? pids.size() : shown;
    const std::size_t rest = pids.size() - listed;
    std::string text = pids.size() == 1 ? "PID " : "PIDs ";
    for (std::size_t i = 0; i < listed; ++i) {
        const bool is_last = rest == 0 && i + 1 == listed;
        text += i == 0 ? "" : is_last ? " and " : ", ";
        text += std::to_string(pids[i]);
    }
    return rest == 0 ? text : text + " and " + std::to_string(rest) + " more";
}

bool is_shell(std::string_view program) {
    static constexpr auto kShells = std::to_array<std::string_view>(
        {"sh", "bash", "dash", "ash", "busybox", "ksh", "mksh", "zsh"});
    return std::ranges::find(kShells, program) != kShells.end();
}

namespace {

/// "python3.11" of "/usr/bin/python3.11"; busybox is whatever it was called as.
std::string_view executed(const ProcessFacts& process) {
    constexpr std::string_view kReplaced = " (deleted)";
    std::string_view path = process.executable;
    path.remove_suffix(path.ends_with(kReplaced) ? kReplaced.size() : 0);
    const std::string_view file = path.substr(path.rfind('/') + 1);
    return file.empty() || file == "busybox" ? std::string_view{process.name} : file;
}

}  // namespace

bool is_shell(const ProcessFacts& process) {
    return is_shell(executed(process));
}

bool is_python(const ProcessFacts& process) {
    return executed(process).starts_with("python");
}

bool is_interpreter(const ProcessFacts& process) {
    static constexpr auto kInterpreters = std::to_array<std::string_view>(
        {"python", "perl", "ruby", "node", "php", "lua", "tclsh", "java", "beam", "guile", "mono",
         "dotnet", "gawk", "mawk", "pypy"});
    const std::string_view file = executed(process);
    return is_shell(file) || std::ranges::any_of(kInterpreters, [&](std::string_view name) {
               return file.starts_with(name);
           });
}

}  // namespace svcd
