#include "signals.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "ask.h"
#include "unit_names.h"

namespace svcd {
namespace {

/// Set by the signal handler; looked at only where the signals can come in, in ppoll().
volatile std::sig_atomic_t g_interrupted = 0;

void note_interrupt(int /*signal*/) {
    g_interrupted = 1;
}

Usec clock_now(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<Usec>(time.tv_sec) * 1'000'000 + static_cast<Usec>(time.tv_nsec) / 1'000;
}

timespec to_timespec(Usec span) {
    timespec time{};
    time.tv_sec = static_cast<time_t>(span / 1'000'000);
    time.tv_nsec = static_cast<long>(span % 1'000'000) * 1'000;
    return time;
}

/// Waits for the bus or a signal, at most until `wake`.
void poll_once(const sdbus::IConnection::PollData& bus, Usec wake) {
    pollfd descriptor{bus.fd, bus.events, 0};
    const Usec now = monotonic_now();
    const timespec left = to_timespec(wake > now ? wake - now : 0);
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    ::sigdelset(&mask, SIGINT);
    ::sigdelset(&mask, SIGTERM);
    ::ppoll(&descriptor, 1, wake == kUsecInfinity ? nullptr : &left, &mask);
}

/// While it lives, Ctrl-C (and SIGTERM) end the wait instead of svctl.
class InterruptGuard {
public:
    InterruptGuard() {
        g_interrupted = 0;
        sigset_t blocked;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGINT);
        ::sigaddset(&blocked, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &blocked, &mask_);
        struct sigaction action {};
        action.sa_handler = note_interrupt;
        ::sigaction(SIGINT, &action, &interrupt_);
        ::sigaction(SIGTERM, &action, &terminate_);
    }
    ~InterruptGuard() {
        ::sigaction(SIGINT, &interrupt_, nullptr);
        ::sigaction(SIGTERM, &terminate_, nullptr);
        ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    }
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

private:
    struct sigaction interrupt_ {};
    struct sigaction terminate_ {};
    sigset_t mask_{};
};

}  // namespace

Usec monotonic_now() {
    return clock_now(CLOCK_MONOTONIC);
}

Usec realtime_now() {
    return clock_now(CLOCK_REALTIME);
}

Signals::Signals(Connection& connection) : connection_(connection) {
    if (connection.is_bus()) {
        slots_.push_back(connection.bus().addMatch(
            "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
            "member='NameOwnerChanged',arg0='org.svcd1'",
            [this](sdbus::Message&) { is_lost_ = true; }));
    }
}

void Signals::subscribe() {
    ManagerProxy{connection_.bus()}.Subscribe();
}

void Signals::match(const std::string& rule, std::function<void(sdbus::Message&)> handler) {
    const std::string full = std::string{"type='signal',"} + connection_.sender_rule() + rule;
    slots_.push_back(connection_.bus().addMatch(full, std::move(handler)));
}

void Signals::on_job_new(std::function<void(std::uint32_t, const std::string&)> handler) {
    match("interface='org.svcd1.Manager',member='JobNew',path='/org/svcd1'",
          [handler = std::move(handler)](sdbus::Message& message) {
              std::uint32_t job = 0;
              sdbus::ObjectPath path;
              std::string unit;
              message >> job >> path >> unit;
              handler(job, unit);
          });
}

void Signals::on_job_removed(
    std::function<void(const std::string&, const std::string&, const std::string&)> handler) {
    match("interface='org.svcd1.Manager',member='JobRemoved',path='/org/svcd1'",
          [handler = std::move(handler)](sdbus::Message& message) {
              std::uint32_t job = 0;
              sdbus::ObjectPath path;
              std::string unit;
              std::string result;
              message >> job >> path >> unit >> result;
              handler(path, unit, result);
          });
}

void Signals::on_unit_changed(const std::string& unit,
                              std::function<void(const std::string&, const Json&)> handler) {
    const std::string path = unit.empty() ? std::string{"path_namespace='/org/svcd1/unit'"}
                                          : "path='" + unit_path(unit) + "'";
    match("interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'," + path,
          [handler = std::move(handler)](sdbus::Message& message) {
              const auto name = unit_of_path(message.getPath());
              if (!name) {
                  return;
              }
              std::string interface;
              message >> interface;
              handler(*name, read_value(message));
          });
}

std::optional<Signals::End> Signals::look(const std::function<bool()>& is_satisfied) {
    bool is_connected = true;
    try {
        while (connection_.bus().processPendingRequest()) {
        }
    } catch (const sdbus::Error&) {
        is_connected = false;
    }
    try {
        if (is_satisfied()) {  // by the last that came, perhaps
            return End::satisfied;
        }
    } catch (const sdbus::Error& error) {
        if (!connection_.is_lost(error)) {
            throw;
        }
        is_connected = false;
    }
    return is_connected && !is_lost_ ? std::nullopt : std::optional{End::connection_lost};
}

Signals::End Signals::wait(const std::function<bool()>& is_satisfied,
                           Usec deadline,
                           Usec next_tick,
                           const std::function<Usec()>& tick) {
    const InterruptGuard interrupts;
    while (true) {
        const std::optional<End> end = look(is_satisfied);
        // Who is interrupted doesn't go on with another connection, which may never come.
        if (g_interrupted != 0 && end != End::satisfied) {
            return End::interrupted;
        }
        if (end) {
            return *end;
        }
        const Usec now = monotonic_now();
        if (now >= deadline) {
            return End::timed_out;
        }
        if (now >= next_tick && tick) {
            next_tick = tick();
            continue;  // what it asked may have brought signals along
        }
        const auto bus = connection_.bus().getEventLoopPollData();
        const Usec bus_wake = bus.timeout_usec;
        poll_once(bus, std::min({deadline, next_tick, bus_wake}));
    }
}

}  // namespace svcd
