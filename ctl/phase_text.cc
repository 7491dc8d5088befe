#include "phase_text.h"

#include <csignal>
#include <cstring>
#include <string_view>

#include "reasons.h"
#include "screen.h"

namespace svcd {
namespace {

std::string signal_of(const Json& properties, const char* setting, int otherwise) {
    const auto number =
        static_cast<int>(number_of(properties, setting, static_cast<std::uint64_t>(otherwise)));
    const char* const name = ::sigabbrev_np(number);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

/// What the sub-state means for whoever waits.
std::string doing(const Json& properties, const std::string& sub) {
    const std::string control = std::to_string(number_of(properties, "ControlPID"));
    if (sub == "pre-stop") {
        return "draining (PreStopDelaySec)";
    }
    if (sub == "stop") {
        return "ExecStop runs (PID " + control + ")";
    }
    if (sub == "stop-post") {
        return "ExecStopPost runs (PID " + control + ")";
    }
    if (sub == "stop-sigterm" || sub == "final-sigterm") {
        return truth_of(properties, "ToldStopping")
                   ? "it said that it is stopping"
                   : signal_of(properties, "KillSignal", SIGTERM) + " was sent";
    }
    if (sub == "stop-watchdog" || sub == "final-watchdog") {
        return signal_of(properties, "WatchdogSignal", SIGABRT) + " was sent";
    }
    if (sub == "stop-sigkill" || sub == "final-sigkill") {
        return signal_of(properties, "FinalKillSignal", SIGKILL) + " was sent";
    }
    return "";
}

/// "PID 812 (web) and 2 more are left"
std::string who_is_left(const Json& properties, const std::vector<ProcessRow>& processes) {
    if (processes.empty()) {
        return "";
    }
    const std::uint64_t main = number_of(properties, "MainPID");
    const ProcessRow* first = &processes.front();
    for (const ProcessRow& process : processes) {
        first = process.pid == main ? &process : first;
    }
    const std::size_t others = processes.size() - 1;
    return "PID " + std::to_string(first->pid) + " (" + program_of(first->command) + ")" +
           (others == 0 ? " is left" : " and " + std::to_string(others) + " more are left");
}

std::string time_left(Usec deadline, Usec now) {
    return seconds(deadline > now ? deadline - now : 0);
}

/// " until SIGKILL", or what else svcd does when the time of a stop is over.
std::string what_comes_at_deadline(const Json& properties, const std::string& sub) {
    const bool sends_sigkill =
        !properties.contains("SendSIGKILL") || truth_of(properties, "SendSIGKILL");
    const std::string signal =
        signal_at_deadline({text_of(properties, "TimeoutStopFailureMode") == "abort",
                            signal_of(properties, "WatchdogSignal", SIGABRT),
                            sends_sigkill && text_of(properties, "KillMode") != "none",
                            signal_of(properties, "FinalKillSignal", SIGKILL)},
                           sub);
    return signal.empty() ? " left, and no SIGKILL then" : " until " + signal;
}

std::string deadline_text(const Json& properties, const std::string& sub, Usec now) {
    const Usec state = number_of(properties, "StateDeadlineUSec");
    const Usec stop = number_of(properties, "StopDeadlineUSec");
    const bool stopping = text_of(properties, "ActiveState") == "deactivating";
    if (!stopping) {
        const Usec entered = number_of(properties, "StateChangeTimestampMonotonic");
        const Usec limit = number_of(properties, "TimeoutStartUSec", kUsecInfinity);
        const bool is_extended = text_of(properties, "ActiveState") == "activating" &&
                                 sub != "auto-restart" && is_moment(state) &&
                                 limit != kUsecInfinity && state > entered + limit;
        return is_moment(state) ? time_left(state, now) + " left" +
                                      (is_extended ? ", extended (EXTEND_TIMEOUT_USEC)" : "")
                                : "";
    }
    if (sub == "stop-sigkill" || sub == "final-sigkill") {
        return is_moment(state) ? time_left(state, now) + " until it counts as wedged" : "";
    }
    std::string text;
    if (sub == "pre-stop" && is_moment(state)) {
        text = time_left(state, now) + " left";
    }
    if (is_moment(stop)) {
        text += (text.empty() ? "" : "; ") + time_left(stop, now) +
                what_comes_at_deadline(properties, sub);
        const Usec limit = number_of(properties, "StopLimitUSec", kUsecInfinity);
        const Usec began = number_of(properties, "StopBeginTimestampMonotonic");
        const bool is_extended = (sub == "stop-sigterm" || sub == "stop") && is_moment(began) &&
                                 limit != kUsecInfinity && stop > began + limit;
        text += is_extended ? ", extended (EXTEND_TIMEOUT_USEC, or a core dump)" : "";
        const bool aborts = sub.ends_with("-watchdog");
        const Usec timeout =
            number_of(properties, aborts ? "TimeoutAbortUSec" : "TimeoutStopUSec", kUsecInfinity);
        text += limit < timeout && !is_extended ? ", by the shutdown budget" : "";
    }
    return text;
}

}  // namespace

std::string program_of(const std::string& command) {
    const std::string program = command.substr(0, command.find(' '));
    const std::size_t slash = program.rfind('/');
    return harmless(slash == std::string::npos ? program : program.substr(slash + 1));
}

std::string phase_text(const Json& properties,
                       const std::vector<ProcessRow>& processes,
                       Usec now_monotonic) {
    const std::string sub = text_of(properties, "SubState");
    std::string text = sub;
    if (const std::string what = doing(properties, sub); !what.empty()) {
        text += ": " + what;
        if (const std::string who = who_is_left(properties, processes);
            !who.empty() && sub != "pre-stop") {
            text += ", " + who;
        }
    }
    if (const std::string until = deadline_text(properties, sub, now_monotonic); !until.empty()) {
        text += (sub == "pre-stop" ? ", " : "; ") + until;
    }
    return text;
}

std::string signal_at_deadline(const DeadlineSignals& signals, std::string_view sub) {
    if (signals.aborts && !sub.ends_with("-watchdog")) {
        return signals.abort;
    }
    return signals.kills ? signals.kill : "";
}

std::string usual_stop_text(const Json& properties) {
    const std::uint64_t samples = number_of(properties, "StopTimeSamples");
    // A unit that has never been up has stopped nothing: its start was ended.
    if (samples == 0 || !is_moment(number_of(properties, "ActiveEnterTimestampMonotonic"))) {
        return "";
    }
    // The only one was an abort, which has a limit of its own.
    const bool was_aborted = samples == 1 && text_of(properties, "Result") == "watchdog" &&
                             properties.contains("TimeoutAbortUSec");
    const std::string setting = was_aborted ? "TimeoutAbortSec" : "TimeoutStopSec";
    const Usec limit =
        number_of(properties, was_aborted ? "TimeoutAbortUSec" : "TimeoutStopUSec", kUsecInfinity);
    const auto stop_post = properties.find("ExecStopPost");
    const bool has_stop_post =
        stop_post != properties.end() && stop_post->is_array() && !stop_post->empty();
    const bool was_longer = number_of(properties, "StopTimeP95USec") > limit;
    const std::string of_limit =
        (was_longer ? "more than " + setting + ", " : setting + " ") + timespan(limit);
    if (samples == 1) {
        return "stopped in " + seconds(number_of(properties, "StopTimeP95USec")) +
               " the last time, " + (has_stop_post ? "before ExecStopPost, " : "") + of_limit;
    }
    return "stops in " + seconds(number_of(properties, "StopTimeP95USec")) + " (p95 of " +
           std::to_string(samples) + "; half of them in " +
           seconds(number_of(properties, "StopTimeP50USec")) + "), " +
           (has_stop_post ? "before ExecStopPost, " : "") + of_limit;
}

}  // namespace svcd
