#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "launcher/launcher.h"

namespace svcd::watch {
namespace {

// µs, as all times here.
constexpr std::int64_t kDefaultTimeout = 10'000'000, kUrgentTimeout = 4'000'000;
/// Nearly every answer is there at the first look; then nothing is left to do, and we sleep again.
constexpr std::int64_t kFirstLook = 100'000;
constexpr std::int64_t kLookFactor = 10;
/// From SIGABRT to SIGKILL.
constexpr std::int64_t kAbortPatience = 2'000'000;
/// A look that comes so late means that we were held up ourselves, and the manager perhaps too.
constexpr std::int64_t kHeldUp = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kListenAfter = 1'000'000;  // from a manager's start, see watch_opens()

enum class Phase { idle, waiting, aborted, killed };

Phase phase = Phase::idle;
std::int64_t look_at = 0;
std::int64_t pause_before = 0;  // the last look
std::int64_t since = 0;         // the last sign of life
std::uint64_t seen_progress = 0;
bool is_stopped = false;
bool was_traced = false;  // at the last deadline
int silence_seconds = 0;
std::int64_t listen_at = 0;  // to who opens RUNTIME_DIR/launcher; 0: we do

/// kNoManagerTimeout; 0: a manager that does not say what it does is not watched.
std::int64_t timeout(const table::Answers& answers) {
    if (alone::is_urgent() && (answers.timeout <= 0 || answers.timeout > kUrgentTimeout)) {
        return kUrgentTimeout;
    }
    return answers.timeout == 0 && is_stopped ? kDefaultTimeout : answers.timeout;
}

void look_again(std::int64_t now, std::int64_t pause) {
    pause_before = pause;
    look_at = now + pause;
}

void wait_from(std::int64_t now) {
    phase = Phase::waiting;
    since = now;
    seen_progress = table::answers().progress;
    look_again(now, kFirstLook);
}

/// Somebody has it in a debugger, or traces it, and it stands still because of that.
bool is_traced() {
    char path[40];
    std::snprintf(path, sizeof path, "/proc/%d/status", manager::pid);
    char text[2048];
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = file < 0 ? -1 : ::read(file, text, sizeof text - 1);
    ::close(file);
    text[size > 0 ? size : 0] = '\0';
    const char* tracer = std::strstr(text, "TracerPid:");
    return tracer != nullptr && std::atoi(tracer + std::strlen("TracerPid:")) != 0;
}

void abort_manager(std::int64_t now) {
    silence_seconds = static_cast<int>(std::max((now - since) / kSecond, std::int64_t{1}));
    say("svcd-manager (PID %d) %s for %d s: it gets SIGABRT, and SIGKILL in 2 s", manager::pid,
        is_stopped ? "was stopped and did not go on" : "did not answer", silence_seconds);
    ::kill(manager::pid, SIGABRT);
    ::kill(manager::pid, SIGCONT);  // a stopped one could not follow
    phase = Phase::aborted;
    look_again(now, kAbortPatience);
}

void look_for_answer(std::int64_t now) {
    const table::Answers answers = table::answers();
    const std::int64_t limit = timeout(answers);
    if (limit <= 0 || (answers.has_answered && !is_stopped)) {
        phase = Phase::idle;
        return;
    }
    const bool is_held_up = now - look_at >= kHeldUp;
    if (answers.progress != seen_progress) {
        seen_progress = answers.progress;
        since = now;
    } else if (now - since >= limit && !is_held_up) {
        const bool may_go_on = was_traced;
        was_traced = is_traced();
        if (!was_traced && !may_go_on) {
            abort_manager(now);
            return;
        }
        since = now;  // also when it has just been let go
    }
    const std::int64_t left = std::max(since + limit - now, kFirstLook);
    look_again(now, std::min(pause_before * kLookFactor, left));
}

}  // namespace

void begin() {
    is_stopped = false;
    was_traced = false;
    silence_seconds = 0;
    phase = Phase::idle;
    listen_at = now_usec() + kListenAfter;
    table::want_answer();
}

void expect() {
    if (phase == Phase::waiting && alone::is_urgent()) {
        look_at = std::min(look_at, now_usec() + kFirstLook);
    }
    if (phase != Phase::idle || manager::pid <= 0) {
        return;
    }
    const table::Answers answers = table::answers();
    if (timeout(answers) > 0 && (is_stopped || !answers.has_answered)) {
        wait_from(now_usec());
    }
}

void changed(const siginfo_t& change) {
    const bool was_stopped = is_stopped;
    is_stopped = change.si_code == CLD_STOPPED;
    since = now_usec();  // its time begins anew, whichever it is
    if (is_stopped && !was_stopped) {
        const char* name = ::sigabbrev_np(change.si_status);
        say("svcd-manager was stopped by SIG%s; svcd waits for it, services go on",
            name != nullptr ? name : "?");
        if (phase == Phase::waiting) {
            phase = Phase::idle;  // its time begins here
        }
        table::poke();
    }
}

bool is_idle() {
    return phase == Phase::idle;
}

int wait_ms() {
    const std::int64_t due = phase == Phase::idle ? listen_at : look_at;
    if (due == 0 || phase == Phase::killed) {
        return -1;
    }
    const std::int64_t left = due - now_usec();
    return left <= 0 ? 0 : static_cast<int>((left + 999) / 1000);
}

void look() {
    const std::int64_t now = now_usec();
    if (phase == Phase::idle && listen_at != 0 && now >= listen_at) {
        watch_opens(kAskFd, kStatusFd);
        listen_at = 0;
        table::poke();  // who has asked before was not heard
    }
    if (manager::pid <= 0 || now < look_at) {
        return;
    }
    if (phase == Phase::waiting) {
        look_for_answer(now);
    } else if (phase == Phase::aborted) {
        ::kill(manager::pid, SIGKILL);
        phase = Phase::killed;
    }
}

int silence() {
    return silence_seconds;
}

}  // namespace svcd::watch
