#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/launcher.h"

namespace svcd::signals {
namespace {

struct Meaning {
    int signal;
    std::uint32_t request;
};
constexpr int kRealTime = 1000;  // SIGRTMIN is no constant: this + N stands for SIGRTMIN+N
constexpr Meaning kMeanings[] = {
    {SIGTERM, kRequestTerminate},       {SIGINT, kRequestInterrupt},
    {SIGHUP, kRequestReload},           {SIGPWR, kRequestPower},
    {SIGUSR1, kRequestReconnect},       {SIGUSR2, kRequestDump},
    {kRealTime, kRequestDefault},       {kRealTime + 1, kRequestRescue},
    {kRealTime + 2, kRequestEmergency}, {kRealTime + 3, kRequestHalt},
    {kRealTime + 4, kRequestPowerOff},  {kRealTime + 5, kRequestReboot}};
/// As PID 1, SIGRTMIN+13 and those after it: go down so, without stopping units.
constexpr int kFirstImmediate = 13;
constexpr EndKind kImmediate[] = {EndKind::halt, EndKind::poweroff, EndKind::reboot};
constexpr int kSignalsPerTurn = 64;  // of real-time signals many can wait
/// Three SIGTERM in so long (µs): hurry. Seven Ctrl-Alt-Del (SIGINT): reboot at once.
constexpr unsigned kHurryCount = 3, kRebootCount = 7;
constexpr std::int64_t kHurryWindow = 5'000'000, kRebootWindow = 2'000'000;

/// BusyboxSignals: what busybox's reboot, halt and poweroff send to PID 1.
constexpr Meaning kBusyboxMeanings[] = {
    {SIGTERM, kRequestReboot}, {SIGUSR1, kRequestHalt}, {SIGUSR2, kRequestPowerOff}};

std::uint64_t stop_signals = 0;  // of the command; 0: there is none
bool is_end = false;             // one was asked for ...
EndKind end_kind = EndKind::exit;

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

/// 0: nothing.
std::uint32_t request_of(int signal, bool is_machine) {
    if (is_machine && table::settings().busybox_signals) {
        for (const Meaning& meaning : kBusyboxMeanings) {
            if (signal == meaning.signal) {
                return meaning.request;
            }
        }
    }
    for (const Meaning& meaning : kMeanings) {
        if (signal == number(meaning)) {
            return meaning.request;
        }
    }
    return 0;
}

void note_end(std::uint32_t request, bool is_machine) {
    constexpr std::uint32_t kEnds = kRequestTerminate | kRequestInterrupt | kRequestPower |
                                    kRequestHalt | kRequestPowerOff | kRequestReboot;
    if ((request & kEnds) == 0 || is_end) {
        return;
    }
    is_end = true;
    const bool reboots = request == kRequestReboot || (request == kRequestInterrupt && is_machine);
    end_kind = reboots                                                   ? EndKind::reboot
               : request == kRequestHalt                                 ? EndKind::halt
               : request == kRequestPower || request == kRequestPowerOff ? EndKind::poweroff
                                                                         : EndKind::exit;
    manager::forget_failures();
}

/// Not what the kernel or a broken pipe sends us ourselves, nor what a terminal says to those in
/// its background.
bool may_be_forwarded(int signal) {
    constexpr int kOurOwn[] = {SIGCHLD, SIGPIPE, SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                               SIGTRAP, SIGSYS,  SIGABRT, SIGTTIN, SIGTTOU};
    for (const int own : kOurOwn) {
        if (signal == own) {
            return false;
        }
    }
    return true;
}

/// A signal to a svcd that runs a command.
void forward(int signal) {
    static std::int64_t stops[kHurryCount];
    static unsigned stop_count;
    if ((stop_signals >> (signal - 1) & 1) != 0) {
        note_end(kRequestTerminate, false);
        if (is_burst(stops, stop_count, kHurryWindow)) {
            table::request(kRequestHurry);
        }
        table::forward(signal);
        manager::hurry();
    } else if (may_be_forwarded(signal)) {
        // Nobody hears it who could hand it on.
        const bool is_unheard = manager::pid == 0 || !manager::is_ready;
        if (is_unheard && (signal == SIGTERM || signal == SIGINT)) {
            note_end(kRequestTerminate, false);
        }
        table::forward(signal);
    }
}

/// What is asked of the manager; or true, and nobody waits for that.
bool obey(int signal, bool is_machine, EndKind& kind) {
    static std::int64_t terms[kHurryCount], interrupts[kRebootCount];
    static unsigned term_count, interrupt_count;
    if (stop_signals != 0) {
        forward(signal);
        return false;
    }
    if (const std::uint32_t request = request_of(signal, is_machine); request != 0) {
        const bool is_hurry = signal == SIGTERM && is_burst(terms, term_count, kHurryWindow);
        note_end(request, is_machine);
        table::request(request | (is_hurry ? kRequestHurry + 0U : 0U));
        manager::hurry();
    }
    const int immediate = signal - SIGRTMIN - kFirstImmediate;
    const bool is_immediate = immediate >= 0 && immediate < 3 && ::getpid() == 1;
    kind = is_immediate ? kImmediate[immediate] : EndKind::reboot;
    return is_immediate ||
           (signal == SIGINT && is_machine && is_burst(interrupts, interrupt_count, kRebootWindow));
}

}  // namespace

int open(std::uint64_t stops) {
    stop_signals = stops;
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    const int fd = ::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        say("can't receive signals: %s", std::strerror(errno));
    }
    return fd;
}

bool take(int signalfd, bool is_machine, EndKind& kind) {
    signalfd_siginfo info;
    for (int turn = 0; turn < kSignalsPerTurn; ++turn) {
        if (::read(signalfd, &info, sizeof info) != ssize_t{sizeof info}) {
            return false;
        }
        if (obey(static_cast<int>(info.ssi_signo), is_machine, kind)) {
            return true;
        }
    }
    return false;
}

bool is_end_asked(EndKind& kind) {
    if (is_end) {
        kind = end_kind;
    }
    return is_end;
}

}  // namespace svcd::signals
