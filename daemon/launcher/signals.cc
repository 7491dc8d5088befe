#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/launcher.h"

namespace svcd::signals {
namespace {

struct Meaning {
    int signal;
    std::uint32_t request;  ///< 0: as PID 1, go down as `kind` says, without stopping units
    EndKind kind = EndKind::exit;
};
constexpr int kRealTime = 1000;  // SIGRTMIN is no constant: this + N stands for SIGRTMIN+N
constexpr Meaning kMeanings[] = {{SIGTERM, kRequestTerminate},
                                 {SIGINT, kRequestInterrupt},
                                 {SIGHUP, kRequestReload},
                                 {SIGPWR, kRequestPower},
                                 {SIGUSR1, kRequestReconnect},
                                 {SIGUSR2, kRequestDump},
                                 {kRealTime, kRequestDefault},
                                 {kRealTime + 1, kRequestRescue},
                                 {kRealTime + 2, kRequestEmergency},
                                 {kRealTime + 3, kRequestHalt},
                                 {kRealTime + 4, kRequestPowerOff},
                                 {kRealTime + 5, kRequestReboot},
                                 {kRealTime + 13, 0, EndKind::halt},
                                 {kRealTime + 14, 0, EndKind::poweroff},
                                 {kRealTime + 15, 0, EndKind::reboot}};
constexpr int kSignalsPerTurn = 64;  // of real-time signals many can wait
/// Three SIGTERM in so long (µs): hurry. Seven Ctrl-Alt-Del (SIGINT): reboot at once.
constexpr unsigned kHurryCount = 3, kRebootCount = 7;
constexpr std::int64_t kHurryWindow = 5'000'000, kRebootWindow = 2'000'000;

int number(const Meaning& meaning) {
    return meaning.signal < kRealTime ? meaning.signal : SIGRTMIN + meaning.signal - kRealTime;
}

/// Notes that a signal has come once more. True when it came `Count` times in `window`.
template <unsigned Count>
bool is_burst(std::int64_t (&times)[Count], unsigned& count, std::int64_t window) {
    const std::int64_t now = now_usec();
    times[count++ % Count] = now;
    return count >= Count && now - times[count % Count] <= window;
}

/// What is asked of the manager; or true, and nobody waits for that.
bool obey(int signal, bool is_machine, EndKind& kind) {
    static std::int64_t terms[kHurryCount], interrupts[kRebootCount];
    static unsigned term_count, interrupt_count;
    for (const Meaning& meaning : kMeanings) {
        if (signal != number(meaning)) {
            continue;
        }
        kind = meaning.kind;
        if (meaning.request == 0) {
            return ::getpid() == 1;
        }
        const bool is_hurry = signal == SIGTERM && is_burst(terms, term_count, kHurryWindow);
        table::request(meaning.request | (is_hurry ? kRequestHurry + 0U : 0U));
        manager::hurry();
    }
    kind = signal == SIGINT ? EndKind::reboot : kind;
    return signal == SIGINT && is_burst(interrupts, interrupt_count, kRebootWindow) && is_machine;
}

}  // namespace

int open() {
    sigset_t set;
    ::sigfillset(&set);
    ::sigprocmask(SIG_SETMASK, &set, nullptr);
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCHLD);
    for (const Meaning& meaning : kMeanings) {
        ::sigaddset(&set, number(meaning));
    }
    const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        say("can't receive signals: %s", std::strerror(errno));
    }
    return fd;
}

bool take(int signalfd, bool is_machine, EndKind& kind) {
    signalfd_siginfo info;
    for (int turn = 0; turn<kSignalsPerTurn&& ::read(signalfd, &info, sizeof info)> 0; ++turn) {
        if (obey(static_cast<int>(info.ssi_signo), is_machine, kind)) {
            return true;
        }
    }
    return false;
}

}  // namespace svcd::signals
