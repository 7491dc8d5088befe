#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "launcher/launcher.h"

namespace svcd::manager {

pid_t pid = 0;
bool is_ready = false;
bool has_served = false;
char last_end[128] = "none";

namespace {

constexpr unsigned kDeathsMax = 5;  // in kDeathWindow; then it waits
#ifndef SVCD_DEATH_WINDOW_USEC      // tests that kill the manager thousands of times have none
#define SVCD_DEATH_WINDOW_USEC 10'000'000
#endif
constexpr std::int64_t kDeathWindow = SVCD_DEATH_WINDOW_USEC;  // µs, as all times here
constexpr std::int64_t kWaitFirst = 1'000'000, kWaitMax = 60'000'000;
constexpr std::int64_t kShellLeast = 1'000'000;     // who left a rescue shell sooner was nobody
constexpr std::int64_t kShellPatience = 2'000'000;  // SIGKILL for one that outlives SIGHUP so long

char** command = nullptr;
rlimit descriptors{};  // the limit that svcd was started with
bool may_rescue = false;
const char* oom_score_adj = "";
unsigned start_count = 0;
unsigned death_count = 0;
unsigned failure_count = 0;
std::int64_t deaths[kDeathsMax];  // when; the oldest is overwritten next
std::int64_t start_at = 0;
std::int64_t wait_before = 0;  // the last start; 0: it was at once
pid_t shell_pid = 0;
std::int64_t shell_since = 0;
std::int64_t shell_kill_at = 0;  // it was told to go; 0: it was not

/// In place, always as long, into memory or blocks that the file has had from the start: a full
/// disk is no matter.
void write_status() {
    constexpr const char* kShells[] = {"sulogin", "shell", "none"};
    char text[kStatusSize + 1];
    const int size = std::snprintf(
        text, sizeof text,
        "launcher_pid=%d\nmanager_pid=%d\nmanager_ready=%d\nmanager_starts=%u\nmanager_deaths=%u\n"
        "last_end=%s\nnext_start_usec=%lld\nrescue_shell_pid=%d\nrescue_shell=%s\n",
        ::getpid(), pid, pid != 0 && is_ready ? 1 : 0, start_count, death_count, last_end,
        pid != 0 ? 0LL : static_cast<long long>(start_at), shell_pid,
        kShells[static_cast<unsigned>(table::settings().rescue_shell)]);
    std::memset(text + size, '\n', sizeof text - static_cast<std::size_t>(size));
    [[maybe_unused]] const ssize_t written = ::pwrite(kStatusFd, text, kStatusSize, 0);
}

/// In a child: it is not to be spared by the OOM killer, as we are.
void give_up_protection() {
    const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const ssize_t written =
        ::write(score, oom_score_adj, std::strlen(oom_score_adj));
}

[[noreturn]] void become_manager(pid_t launcher, int its_end) {
    // A manager without its launcher can't learn of exits, and a new svcd brings its own.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launcher) {
        ::_exit(0);
    }
    if (::fcntl(kTableFd, F_SETFD, 0) != 0 || ::fcntl(kPokeFd, F_SETFD, 0) != 0 ||
        ::dup2(its_end, kLinkFd) < 0) {
        say("can't hand descriptors to svcd-manager: %s", std::strerror(errno));
        ::_exit(kExecFailed);
    }
    give_up_protection();
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(command[0], command);
    say("can't execute %s: %s", command[0], std::strerror(errno));
    ::_exit(kExecFailed);
}

/// `last_end` says how. When is the next start?
void died() {
    const std::int64_t now = now_usec();
    deaths[death_count++ % kDeathsMax] = now;
    const std::int64_t oldest = deaths[death_count % kDeathsMax];
    const bool is_often = death_count >= kDeathsMax && now - oldest <= kDeathWindow;
    // While it waits between starts, what counts is how long it lived.
    const bool is_soon = wait_before > 0 && now - start_at <= kDeathWindow;
    start_at = now;
    if (!is_often && !is_soon) {
        wait_before = 0;
        say("svcd-manager %s; starting it again, services go on", last_end);
        return;
    }
    wait_before = std::clamp(wait_before * 2, kWaitFirst, kWaitMax);
    start_at += wait_before;
    say("svcd-manager %s; it dies too often, so the next start is in %d s; services go on without "
        "it",
        last_end, static_cast<int>(wait_before / 1'000'000));
    start_shell();
}

}  // namespace

void set_up(char** arguments, bool with_rescue_shell, const char* score) {
    command = arguments;
    may_rescue = with_rescue_shell;
    oom_score_adj = score;
    // Stored descriptors need room here; the manager and the services get the limit as it was.
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    const rlimit raised{descriptors.rlim_max, descriptors.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &raised);
    link::limit = descriptors.rlim_max / 2;
}

int wait_ms() {
    const std::int64_t due = pid == 0 ? start_at : shell_pid != 0 ? shell_kill_at : 0;
    if (pid != 0 && due == 0) {
        return -1;
    }
    const std::int64_t left = due - now_usec();
    return left <= 0 ? 0 : static_cast<int>((left + 999) / 1000);
}

bool is_due() {
    return pid == 0 && now_usec() >= start_at;
}

void start_shell() {
    const RescueShell kind = table::settings().rescue_shell;
    if (!may_rescue || shell_pid != 0 || kind == RescueShell::none) {
        return;
    }
    say("a rescue shell is on the console; when it is left, svcd-manager is tried again");
    shell_pid = ::fork();
    if (shell_pid == 0) {
        give_up_protection();
        become_rescue_shell(kind == RescueShell::sulogin);
    }
    shell_pid = std::max(shell_pid, 0);
    shell_since = now_usec();
    shell_kill_at = 0;
}

void start() {
    is_ready = false;
    ++start_count;
    table::count_start();
    const pid_t launcher = ::getpid();
    const int its_end = link::open();
    pid = its_end < 0 ? -1 : ::fork();
    if (pid == 0) {
        become_manager(launcher, its_end);
    }
    if (pid < 0) {
        pid = 0;
        std::snprintf(last_end, sizeof last_end, "can't be started: %s", std::strerror(errno));
        ++failure_count;
        died();
    }
    if (its_end >= 0) {
        ::close(its_end);
    }
    watch::begin();
    write_status();
}

void set_ready() {
    is_ready = true;
    has_served = true;
    if (shell_pid != 0) {
        // It leads its session, so all that is in the foreground is hung up with it.
        say("svcd-manager is back, so the rescue shell leaves the console");
        ::kill(shell_pid, SIGHUP);
        ::kill(shell_pid, SIGCONT);
        shell_kill_at = now_usec() + kShellPatience;
    }
    write_status();
}

void ended(const siginfo_t& end) {
    const int status = end.si_status;
    const int silence = watch::silence();
    pid = 0;
    failure_count += !is_ready || silence > 0 ? 1 : 0;
    char why[40] = "";
    if (silence > 0) {
        std::snprintf(why, sizeof why, "did not answer for %d s and ", silence);
    }
    if (end.si_code == CLD_EXITED) {
        std::snprintf(last_end, sizeof last_end, "%sleft with status %d", why, status);
    } else {
        const char* name = ::sigabbrev_np(status);
        std::snprintf(last_end, sizeof last_end, "%swas killed by signal %d (SIG%s)%s", why, status,
                      name != nullptr ? name : "?",
                      end.si_code == CLD_DUMPED ? " and dumped core" : "");
    }
    if (end.si_code == CLD_EXITED && status == 0 && is_ready) {
        start_at = now_usec();
        say("svcd-manager makes room for a new one; services go on");
    } else {
        died();
    }
    write_status();
}

bool shell_ended(pid_t child) {
    if (child != shell_pid) {
        return false;
    }
    shell_pid = 0;
    if (now_usec() - shell_since >= kShellLeast) {
        hurry();
    }
    write_status();
    return true;
}

unsigned failures() {
    return failure_count;
}

void forget_failures() {
    failure_count = 0;
}

void end_shell() {
    if (shell_pid != 0 && shell_kill_at != 0 && now_usec() >= shell_kill_at) {
        ::kill(shell_pid, SIGKILL);
        shell_kill_at = 0;
    }
}

void hurry() {
    if (pid == 0) {
        start_at = now_usec();
    }
}

}  // namespace svcd::manager
