#include "manager/process_environment.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace svcd {
namespace {

/// As Debian's systemd has it, whose /sbin and /bin may be folders of their own.
constexpr std::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables that are about svcd's own process and would mislead a service.
constexpr std::array<std::string_view, 19> kNotHandedOn{"NOTIFY_SOCKET",
                                                        "SVCD_SHUTDOWN_BUDGET",
                                                        "WATCHDOG_USEC",
                                                        "WATCHDOG_PID",
                                                        "LISTEN_FDS",
                                                        "LISTEN_PID",
                                                        "LISTEN_FDNAMES",
                                                        "INVOCATION_ID",
                                                        "JOURNAL_STREAM",
                                                        "MAINPID",
                                                        "SERVICE_RESULT",
                                                        "EXIT_CODE",
                                                        "EXIT_STATUS",
                                                        "SVCD_STOP_TIMEOUT_USEC",
                                                        "MONITOR_SERVICE_RESULT",
                                                        "MONITOR_EXIT_CODE",
                                                        "MONITOR_EXIT_STATUS",
                                                        "MONITOR_INVOCATION_ID",
                                                        "MONITOR_UNIT"};

std::string_view key_of(std::string_view assignment) {
    return assignment.substr(0, assignment.find('='));
}

class Environment {
public:
    void set(std::string assignment) {
        const std::string_view key = key_of(assignment);
        for (std::string& present : assignments_) {
            if (key_of(present) == key) {
                present = std::move(assignment);
                return;
            }
        }
        assignments_.push_back(std::move(assignment));
    }
    void set(std::string_view key, std::string_view value) {
        std::string assignment{key};
        assignment += '=';
        assignment += value;
        set(std::move(assignment));
    }
    std::vector<std::string> take() { return std::move(assignments_); }

private:
    std::vector<std::string> assignments_;
};

std::string hex_of(const std::array<std::uint64_t, 2>& id) {
    std::array<char, 33> text{};
    std::snprintf(text.data(), text.size(), "%016llx%016llx",
                  static_cast<unsigned long long>(id[0]), static_cast<unsigned long long>(id[1]));
    return text.data();
}

std::string_view word_of(ExitCode code) {
    switch (code) {
        case ExitCode::none:
            return "";
        case ExitCode::exited:
            return "exited";
        case ExitCode::killed:
            return "killed";
        case ExitCode::dumped:
            return "dumped";
        case ExitCode::unknown:
            return "unknown";
    }
    return "";
}

void set_end(Environment& environment, const std::string& prefix, const ServiceEnd& end) {
    environment.set(prefix + "SERVICE_RESULT", name_of(end.result));
    if (end.code == ExitCode::none) {
        return;
    }
    environment.set(prefix + "EXIT_CODE", word_of(end.code));
    const bool by_signal = end.code == ExitCode::killed || end.code == ExitCode::dumped;
    environment.set(prefix + "EXIT_STATUS",
                    by_signal ? signal_word(end.status) : std::to_string(end.status));
}

void set_trigger(Environment& environment, const ServiceEnd& end) {
    set_end(environment, "MONITOR_", end);
    if (end.invocation_id != std::array<std::uint64_t, 2>{}) {
        environment.set("MONITOR_INVOCATION_ID", hex_of(end.invocation_id));
    }
    environment.set("MONITOR_UNIT", end.unit);
}

}  // namespace

std::string signal_word(int signal) {
    if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
        return "RTMIN+" + std::to_string(signal - SIGRTMIN);
    }
    const char* word = ::sigabbrev_np(signal);
    return word == nullptr ? std::to_string(signal) : std::string{word};
}

std::vector<std::string> inherited_environment(const char* const* environment) {
    std::vector<std::string> kept;
    for (; *environment != nullptr; ++environment) {
        const std::string_view key = key_of(*environment);
        if (std::find(kNotHandedOn.begin(), kNotHandedOn.end(), key) == kNotHandedOn.end()) {
            kept.emplace_back(*environment);
        }
    }
    return kept;
}

std::vector<std::string> process_environment(const EnvironmentFacts& facts,
                                             const ExecSettings& exec) {
    Environment environment;
    environment.set("PATH", kPath);
    if (facts.inherited != nullptr) {
        for (const std::string& assignment : *facts.inherited) {
            environment.set(assignment);
        }
    } else if (const char* language = std::getenv("LANG"); language != nullptr) {
        environment.set("LANG", language);
    }
    if (facts.invocation_id != std::array<std::uint64_t, 2>{}) {
        environment.set("INVOCATION_ID", hex_of(facts.invocation_id));
    }
    if (!facts.notify_socket.empty()) {
        environment.set("NOTIFY_SOCKET", facts.notify_socket);
    }
    if (facts.watchdog > Duration::zero() && facts.watchdog != kInfinity) {
        environment.set("WATCHDOG_USEC", std::to_string(facts.watchdog.count()));
    }
    if (facts.stop_timeout != kInfinity) {
        environment.set("SVCD_STOP_TIMEOUT_USEC", std::to_string(facts.stop_timeout.count()));
    }
    if (facts.main_pid != 0) {
        environment.set("MAINPID", std::to_string(facts.main_pid));
    }
    if (facts.end) {
        set_end(environment, "", *facts.end);
    }
    if (facts.triggered_by) {
        set_trigger(environment, *facts.triggered_by);
    }
    for (const std::string& assignment : exec.environment) {
        environment.set(assignment);
    }
    return environment.take();
}

}  // namespace svcd
