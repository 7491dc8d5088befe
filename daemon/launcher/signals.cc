#include "launcher/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "launcher/os.h"

namespace svcd {
namespace {

struct Forwarded {
    int signal;
    std::uint32_t request;
    bool is_stop;  ///< not to be held up by a manager that dies too often
};
/// SIGRTMIN is no constant: this + N stands for SIGRTMIN+N.
constexpr int kRealTime = 1000;
constexpr Forwarded kForwarded[] = {
    {SIGTERM, kRequestTerminate, true},        {SIGINT, kRequestInterrupt, true},
    {SIGHUP, kRequestReload, false},           {SIGPWR, kRequestPower, true},
    {SIGUSR1, kRequestReconnect, false},       {SIGUSR2, kRequestDump, false},
    {kRealTime + 0, kRequestDefault, false},   {kRealTime + 1, kRequestRescue, false},
    {kRealTime + 2, kRequestEmergency, false}, {kRealTime + 3, kRequestHalt, true},
    {kRealTime + 4, kRequestPowerOff, true},   {kRealTime + 5, kRequestReboot, true},
};

struct Immediate {
    int signal;
    EndKind kind;
};
constexpr Immediate kImmediate[] = {
    {kRealTime + 13, EndKind::halt},
    {kRealTime + 14, EndKind::poweroff},
    {kRealTime + 15, EndKind::reboot},
};

int number(int signal) {
    return signal < kRealTime ? signal : SIGRTMIN + signal - kRealTime;
}

/// Notes that it has happened once more. True when it happened `Count` times in `window`.
template <unsigned Count>
bool is_burst(std::int64_t (&times)[Count], unsigned& count, std::int64_t window) {
    const std::int64_t now = now_usec();
    times[count++ % Count] = now;
    return count >= Count && now - times[count % Count] <= window;
}

}  // namespace

bool Signals::open() {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, SIGCHLD);
    for (const Forwarded& forwarded : kForwarded) {
        ::sigaddset(&wanted, number(forwarded.signal));
    }
    for (const Immediate& immediate : kImmediate) {
        ::sigaddset(&wanted, number(immediate.signal));
    }
    fd_ = above_fixed_fds(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (fd_ < 0) {
        say("can't receive signals: %s", std::strerror(errno));
    }
    return fd_ >= 0;
}

SignalsTaken Signals::take(bool is_machine) {
    SignalsTaken taken;
    signalfd_siginfo info;
    while (::read(fd_, &info, sizeof info) == ssize_t{sizeof info}) {
        const int signal = static_cast<int>(info.ssi_signo);
        taken.has_child |= signal == SIGCHLD;
        for (const Forwarded& forwarded : kForwarded) {
            if (signal == number(forwarded.signal)) {
                taken.requests |= forwarded.request;
                taken.is_stop |= forwarded.is_stop;
            }
        }
        for (const Immediate& immediate : kImmediate) {
            if (signal == number(immediate.signal) && ::getpid() == 1) {
                taken.skips_units = true;
                taken.kind = immediate.kind;
            }
        }
        if (signal == SIGTERM && is_burst(terms_, term_count_, kHurryWindow)) {
            taken.requests |= kRequestHurry;
        }
        if (signal == SIGINT && is_burst(interrupts_, interrupt_count_, kRebootWindow) &&
            is_machine) {
            taken.skips_units = true;
            taken.kind = EndKind::reboot;
        }
    }
    return taken;
}

}  // namespace svcd
