// What became of the stop signal in a process that was there to get it.
#include <algorithm>
#include <array>

#include "counted.h"
#include "explain_process.h"
#include "explain_words.h"
#include "phase_text.h"

namespace svcd {
namespace {

Verdict verdict(const ProcessFacts& process, std::string kind, std::string text, std::string mend) {
    return {process.pid, process.name, std::move(kind), std::move(text), std::move(mend)};
}

/// Was it asked by WatchdogSignal, which is to leave a core dump?
bool is_aborted(const StopRecord& record) {
    const StopEvent* told = first_stop_signal(record);
    return told != nullptr && told->signal != "SIGTERM" &&
           (told->cause == "watchdog" || told->cause == "failure-mode");
}

/// What its processes were asked to end by, and which setting has that.
std::string asking_signal(const StopRecord& record) {
    return is_aborted(record) ? first_stop_signal(record)->signal : record.stop_signal;
}
std::string setting_of_signal(const Scene& scene) {
    return is_aborted(scene.record) ? "WatchdogSignal" : scene.record.stop_signal_setting;
}

/// When a process was started, beside the moment of the first stop signal. `with_it`: the kernel
/// tells the start too roughly to say more.
enum class Birth : unsigned char { not_known, before, with_it, after };

Birth birth_of(const ProcessFacts& process, const Scene& scene) {
    constexpr std::int64_t kGrain = 10'000;
    const StopEvent* told = first_stop_signal(scene.record);
    if (!process.started || told == nullptr) {
        return Birth::not_known;
    }
    const auto signal = static_cast<std::int64_t>(scene.record.began + told->at);
    return *process.started + kGrain < signal    ? Birth::before
           : *process.started >= signal + kGrain ? Birth::after
                                                 : Birth::with_it;
}

bool is_left(const Scene& scene, ProcessId pid) {
    return std::ranges::find(scene.processes, pid, &ProcessFacts::pid) != scene.processes.end();
}

std::vector<const ProcessFacts*> children_of(const ProcessFacts& process, const Scene& scene) {
    std::vector<const ProcessFacts*> children;
    for (const ProcessFacts& other : scene.processes) {
        if (other.parent == process.pid) {
            children.push_back(&other);
        }
    }
    return children;
}

/// Its parent is no process of the unit: it, or what was between, was left by a parent that ended.
/// False where that can't be told.
bool has_left_the_tree(const ProcessFacts& process, const Scene& scene) {
    const StopRecord& record = scene.record;
    // When the main process has ended, its children look the same; and where there was none, a
    // command of svcd's own does.
    const bool is_told = record.main_pid != 0 && is_left(scene, record.main_pid);
    return is_told && process.pid != record.main_pid && process.parent != record.main_pid &&
           !is_left(scene, process.parent) && !known_pids(record).contains(process.parent) &&
           spawn_of(record, process.pid) == nullptr;
}

std::string escape_note(const ProcessFacts& process, const Scene& scene) {
    return has_left_the_tree(process, scene) ? "; it has left the main process's tree (forked "
                                               "twice, or its parent has ended), so "
                                               "that only svcd still looks after it"
                                             : "";
}

std::string main_text(const Scene& scene) {
    return pid_text(scene.record.main_pid, name_of(scene.record, scene.record.main_pid));
}

/// "had not ended 20 s later"
std::string not_ended(const ProcessFacts& process, const Scene& scene) {
    const StopRecord& record = scene.record;
    // What the main process has left is asked later (LeftoverTimeoutSec).
    const StopEvent* told = own_signal(record, process.pid, record.stop_signal);
    told = told == nullptr ? first_stop_signal(record) : told;
    const StopEvent* killed = first_sigkill(record, process.pid);
    killed = killed == nullptr ? first_sigkill(record) : killed;
    if (told != nullptr && killed != nullptr && killed->at >= told->at) {
        return "had not ended " + short_time(killed->at - told->at) + " later";
    }
    return goes_on(record) ? "has not ended yet" : "had not ended";
}

std::string whats_it_doing(const ProcessFacts& process) {
    const std::string doing = doing_text(process);
    std::string text = doing.empty() ? "" : "; it " + doing;
    if (process.sockets > 0) {
        text += text.empty() ? "; it has " : " and has ";
        text += counted(process.sockets, "socket") + " open";
    }
    return text;
}

/// The last STATUS= that the process sent, quoted, or "".
std::string last_words(const ProcessFacts& process, const Scene& scene) {
    std::string words;
    for (const StopEvent& event : scene.record.events) {
        if (event.what == "notify" && event.from == process.pid && !event.status_text.empty()) {
            words = "; its last STATUS was \"" + event.status_text + "\"";
        }
    }
    return words;
}

/// Asleep in a wait that another one has to end, and not for the disk.
bool is_idle(const ProcessFacts& process) {
    static constexpr auto kWaits = std::to_array<std::string_view>({"poll",
                                                                    "ppoll",
                                                                    "select",
                                                                    "pselect6",
                                                                    "epoll_wait",
                                                                    "epoll_pwait",
                                                                    "epoll_pwait2",
                                                                    "pause",
                                                                    "rt_sigsuspend",
                                                                    "rt_sigtimedwait",
                                                                    "nanosleep",
                                                                    "clock_nanosleep",
                                                                    "restart_syscall",
                                                                    "futex",
                                                                    "accept",
                                                                    "accept4",
                                                                    "openat",
                                                                    "read",
                                                                    "recvfrom",
                                                                    "recvmsg"});
    return process.state == 'S' && std::ranges::find(kWaits, process.syscall) != kWaits.end();
}

std::string slow_mend(const ProcessFacts& process, const Scene& scene) {
    const StopEvent* told = first_stop_signal(scene.record);
    if (told != nullptr && told->cause == "watchdog") {
        return "Have the program leave " + told->signal +
               " as it is: then the kernel ends it; or TimeoutAbortSec: more, if it is to do "
               "something on that signal.";
    }
    constexpr std::string_view kSooner =
        " it end sooner (finish less on the stop signal, close idle connections, limit each wait).";
    return is_idle(process)
               ? "Have" + std::string{kSooner} + (goes_on(scene.record) ? " It is" : " It was") +
                     " idle when svcd looked: more time helps only if what it waits for still "
                     "comes."
               : "TimeoutStopSec: longer than the service takes at worst; or have" +
                     std::string{kSooner};
}

/// Of how long a main process that others depended on was there: "which ended after 10 ms".
std::string main_end(const Scene& scene) {
    const StopEvent* end = exit_of(scene.record, scene.record.main_pid);
    return is_left(scene, scene.record.main_pid) ? ", which did not end either"
           : end != nullptr                      ? ", which ended after " + short_time(end->at)
                                                 : "";
}

/// Judges a process that the program started when it had been told to end, or in that very moment.
Verdict forked_later(const ProcessFacts& process, const Scene& scene, Birth birth) {
    const StopRecord& record = scene.record;
    const StopEvent* told = first_stop_signal(record);
    const std::string sent = asking_signal(record) + " had been sent" +
                             (told->at < 1'000 ? "" : " (at " + short_time(told->at) + ")");
    const std::string when =
        birth == Birth::with_it ? "was started within 10 ms of " + asking_signal(record) +
                                      " and has not got it from svcd"
                                : "was started after " + sent + ", so that svcd's did not reach it";
    return verdict(process, "forked-later", when + escape_note(process, scene),
                   "Have the program start nothing new once it was told to stop: a trap, a respawn "
                   "or a retry loop does that.");
}

std::optional<Verdict> not_forwarded(const ProcessFacts& process, const Scene& scene) {
    const StopRecord& record = scene.record;
    const auto main = std::ranges::find(scene.processes, record.main_pid, &ProcessFacts::pid);
    const bool main_is_there = main != scene.processes.end();
    const std::string others = record.main_first ? "" : "KillMode: control-group";
    std::string text = "got no " + asking_signal(record) + " from svcd: " +
                       (record.main_first ? "by LeftoverTimeoutSec it is sent first to"
                                          : "KillMode: " + record.kill_mode + " sends it only to") +
                       " the main process, " + main_text(scene) + main_end(scene);
    if (main_is_there ? is_shell(*main) : is_shell(program_of(record.command))) {
        const bool may_pass_it_on = main_is_there && main->caught.contains(asking_signal(record));
        return verdict(process, "shell-wrapper",
                       text + (main_is_there ? "; a shell" : "; a shell, if it still was one,") +
                           " does not pass signals on, unless its trap does",
                       (may_pass_it_on ? "If its trap does not pass it on: start" : "Start") +
                           std::string{" the program with 'exec' in the script, or as a list in "
                                       "ExecStart, so that it is the main process"} +
                           (others.empty() ? "." : "; or " + others + "."));
    }
    if (has_left_the_tree(process, scene)) {
        return verdict(
            process, "escaped", text + escape_note(process, scene),
            (others.empty() ? "Have "
                            : others + ", which reaches also what has forked twice; or have ") +
                std::string{"the program stay in the foreground."});
    }
    if (starter_of(record, process) != nullptr) {
        return verdict(process, "not-signalled", text, "");  // none of the main process's
    }
    return verdict(process, "not-signalled", text + "; whether that passed it on is not known",
                   main_is_there && !others.empty()
                       ? "If the main process does not pass it on: " + others + "."
                       : "Have the main process end its children and wait for them before it ends" +
                             (others.empty() ? "." : "; or " + others + "."));
}

bool waits_for_a_child(const ProcessFacts& process) {
    return process.syscall == "wait4" || process.syscall == "waitid";
}

std::string mend_of_foreground(bool has_trap) {
    std::string mend = has_trap ? "If that runs in the foreground: start" : "Start";
    mend +=
        " the program with 'exec' in the script, or as a list in ExecStart; or start it with "
        "'&' and then 'wait', which a trap interrupts, and pass the signal on.";
    return mend;
}

/// A shell that has taken the signal, and goes on: what it waits for was started by then, or does
/// not keep its trap from running.
std::optional<Verdict> shell_in_trap(const ProcessFacts& shell,
                                     const std::vector<const ProcessFacts*>& children,
                                     const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    const auto in_background = [&](const ProcessFacts* child) {
        // A shell has what it starts with '&' ignore both.
        return child->ignored.contains("SIGINT") && child->ignored.contains("SIGQUIT") &&
               !shell.ignored.contains("SIGINT");
    };
    const auto is_late = [&](const ProcessFacts* child) {
        const Birth birth = birth_of(*child, scene);
        return birth == Birth::after || birth == Birth::with_it;
    };
    if (const auto late = std::ranges::find_if(children, is_late); late != children.end()) {
        return verdict(
            shell, "shell-trap",
            "is a shell that catches " + signal + " and has not ended; its child, " +
                pid_text((*late)->pid, (*late)->name) + ", was started " +
                (birth_of(**late, scene) == Birth::after ? "after " + signal
                                                         : "within 10 ms of " + signal) +
                (birth_of(**late, scene) == Birth::after
                     ? ": its trap, or a loop of it, goes on"
                     : ": its trap, or a loop of it, goes on, or it waits for that child"),
            "Have the trap end the shell ('exit'), and start nothing in it that lasts.");
    }
    if (waits_for_a_child(shell) && std::ranges::all_of(children, in_background)) {
        const std::string child = pid_text(children.front()->pid, children.front()->name);
        return verdict(shell, "shell-trap",
                       "is a shell that catches " + signal +
                           " and has not ended; what it has started runs in the background, which "
                           "does not keep its trap from running: either the trap does not end "
                           "the shell, or it waits for " +
                           child,
                       "If the trap does not end what the shell has started, and then the shell: "
                       "trap 'kill $!; exit' " +
                           signal.substr(std::min<std::size_t>(3, signal.size())) +
                           ". If it does, and waits: it takes as long as " + child + ".");
    }
    return std::nullopt;
}

}  // namespace

std::optional<Verdict> not_reached(const ProcessFacts& process, const Scene& scene) {
    const StopRecord& record = scene.record;
    const StopEvent* told = first_stop_signal(record);
    if (told == nullptr || was_asked_to_end(record, process.pid)) {
        return std::nullopt;
    }
    const Birth birth = birth_of(process, scene);
    const bool main_only =
        record.main_first || record.kill_mode == "mixed" || record.kill_mode == "process";
    if (main_only && process.pid != record.main_pid && birth != Birth::after &&
        birth != Birth::with_it) {
        return not_forwarded(process, scene);
    }
    if (birth != Birth::before) {
        return forked_later(process, scene, birth);
    }
    if (told->more > 0) {
        return std::nullopt;  // the record doesn't name all who got it
    }
    return verdict(process, "moved-in",
                   "was started before " + asking_signal(record) +
                       " was sent and has not got it: it was not in the unit's cgroup then",
                   "Find out who moves processes into the unit's cgroup (cgroup.procs).");
}

std::optional<Verdict> ignores_signal(const ProcessFacts& process, const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    if (!was_asked_to_end(scene.record, process.pid) || !process.ignored.contains(signal)) {
        return std::nullopt;
    }
    std::string why =
        "the program says so, or it inherited it from what started it (a shell's trap "
        "'' " +
        signal.substr(std::min<std::size_t>(3, signal.size())) + ")";
    std::string mend = "Remove what has it ignored, or have the program catch " + signal + "; or " +
                       setting_of_signal(scene) + ": one that it acts on.";
    if (signal == "SIGHUP") {
        why = "nohup does that, and what it starts inherits it";
        mend = "ExecStart: the program without nohup (svcd needs none); or " +
               setting_of_signal(scene) + ": SIGTERM.";
    }
    if (signal == "SIGINT" && process.ignored.contains("SIGQUIT")) {
        why = "a shell has what it starts with '&' ignore SIGINT and SIGQUIT";
        mend = setting_of_signal(scene) + ": SIGTERM.";
    }
    return verdict(process, "ignores-signal",
                   "ignores " + signal + ": " + why + escape_note(process, scene), mend);
}

std::optional<Verdict> blocks_signal(const ProcessFacts& process, const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    if (!was_asked_to_end(scene.record, process.pid) || !process.blocked.contains(signal) ||
        !process.pending.contains(signal)) {
        return std::nullopt;
    }
    // It may do so just while it waits for its child, as unshare(1) does.
    const auto children = children_of(process, scene);
    if (waits_for_a_child(process) && !children.empty()) {
        return verdict(process, "blocks-signal",
                       "blocks " + signal + ", which is pending, and waits for its child, " +
                           pid_text(children.front()->pid, children.front()->name) +
                           ", which has not ended either" + escape_note(process, scene),
                       "");
    }
    return verdict(
        process, "blocks-signal",
        "blocks " + signal + ", which is pending and is not taken" + whats_it_doing(process) +
            escape_note(process, scene),
        "Mend the program: it must unblock " + signal +
            ", or read it (signalfd, sigwait). A blocked signal is inherited: its parent "
            "may have blocked it.");
}

std::optional<Verdict> namespace_init(const ProcessFacts& process, const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    if (!was_asked_to_end(scene.record, process.pid) || !process.is_namespace_init ||
        process.caught.contains(signal)) {
        return std::nullopt;
    }
    return verdict(process, "namespace-init",
                   "is PID 1 of a PID namespace and does not catch " + signal +
                       ": for PID 1 the kernel discards a signal that isn't caught",
                   "Run it below a small init ('tini --', 'catatonit --', docker run --init), or "
                   "have it catch " +
                       signal + ".");
}

std::optional<Verdict> waiting_shell(const ProcessFacts& process, const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    const auto children = children_of(process, scene);
    if (!was_asked_to_end(scene.record, process.pid) || !is_shell(process) || children.empty()) {
        return std::nullopt;
    }
    const bool catches = process.caught.contains(signal);
    if (auto found = catches ? shell_in_trap(process, children, scene) : std::nullopt) {
        return found;
    }
    const ProcessFacts& child = *children.front();
    std::string text = "is a shell that ";
    const std::string named = pid_text(child.pid, child.name);
    const bool was_there = birth_of(child, scene) == Birth::before;
    text +=
        !catches ? "waits for its child, " + named + "; "
        : was_there
            ? "catches " + signal + " and has a child from before that, " + named +
                  ". If it waits for that in the foreground, its trap comes after that; if not, "
                  "its trap does not end it, or waits for that; "
            : "catches " + signal + " and has a child, " + named +
                  ". If it waits for that in the foreground, its trap comes after that; if "
                  "not, it sits in its trap; ";
    text += was_asked_to_end(scene.record, child.pid)
                ? "that one got " + signal + ", too, and has not ended"
                : "that one got no " + signal + " from svcd";
    return verdict(process, "shell-wrapper", text, mend_of_foreground(catches));
}

std::optional<Verdict> said_stopping(const ProcessFacts& process, const Scene& scene) {
    for (const StopEvent& event : scene.record.events) {
        if (event.what == "notify" && event.stopping && event.from == process.pid) {
            return verdict(
                process, "stopping-hung",
                "said STOPPING=1 after " + short_time(event.at) + " and then did not end" +
                    whats_it_doing(process) + last_words(process, scene),
                "Look into how the program shuts down; its log may show how far it got. " +
                    slow_mend(process, scene));
        }
    }
    return std::nullopt;
}

std::optional<Verdict> used_up_extension(const ProcessFacts& process, const Scene& scene) {
    const StopEvent* last = nullptr;
    std::size_t times = 0;
    for (const StopEvent& event : scene.record.events) {
        if (event.what == "notify" && event.from == process.pid && event.extend) {
            last = &event;
            ++times;
        }
    }
    if (last == nullptr) {
        return std::nullopt;
    }
    return verdict(process, "extension-used-up",
                   "asked for more time " + times_text(times) + " (EXTEND_TIMEOUT_USEC), " +
                       (times == 1 ? "" : "last ") + "after " + short_time(last->at) + " for " +
                       short_time(*last->extend) +
                       (last->at + *last->extend <= scene.record.timeout
                            ? ", which is no more than TimeoutStopSec gives it anyway"
                            : ", and did not end in that time") +
                       whats_it_doing(process) + last_words(process, scene),
                   "Have it send EXTEND_TIMEOUT_USEC again, before each extension is over, as long "
                   "as it makes progress.");
}

namespace {

/// A shell without a child that is looked at.
Verdict slow_shell(const ProcessFacts& shell, const std::string& text, const Scene& scene) {
    if (waits_for_a_child(shell)) {
        return verdict(shell, "shell-wrapper",
                       "is a shell that " + text +
                           "; if that child runs in the foreground, its trap comes after that",
                       mend_of_foreground(true));
    }
    return verdict(shell, "shell-trap",
                   "is a shell that " + text + ": its trap, or what it went on with, waits there" +
                       escape_note(shell, scene),
                   "Have the trap end the shell ('exit'), and wait for nothing in it that lasts.");
}

/// Is what keeps the process from ending said of itself, so that its parent has nothing to mend?
bool has_own_reason(const ProcessFacts& process, const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    const Birth birth = birth_of(process, scene);
    return process.ignored.contains(signal) || process.blocked.contains(signal) ||
           birth == Birth::after || birth == Birth::with_it;
}

/// Judges a process that has taken the signal and goes on, by what it waits for.
Verdict slow_program(const ProcessFacts& process, std::string text, const Scene& scene) {
    std::string mend = slow_mend(process, scene);
    const auto children = children_of(process, scene);
    if (waits_for_a_child(process) && !children.empty()) {
        text += "; its child, " + pid_text(children.front()->pid, children.front()->name) +
                ", has not ended either";
        mend = has_own_reason(*children.front(), scene) ? "" : mend;
    } else if (is_python(process) && process.syscall == "futex" && process.threads > 1) {
        text +=
            "; at its end Python waits for each thread that is not a daemon thread, and in a lock "
            "it goes on waiting after a handler that doesn't raise: which of them it is, its log "
            "may tell";
        mend =
            "If the handler has ended it: end its threads, or start them with daemon=True. If "
            "not: raise SystemExit (sys.exit()) in the handler, or wake the main loop.";
    } else if (is_python(process) && process.syscall.starts_with("epoll_")) {
        text +=
            "; an event loop such as asyncio's has run the handler and goes on, as long as a task "
            "or a thread of it does";
        mend =
            "Have the handler cancel the tasks and end the loop; a task that catches "
            "CancelledError must raise it again. " +
            mend;
    } else if (is_python(process)) {
        text +=
            "; if its handler has returned: Python goes on waiting after a signal handler that "
            "doesn't raise; if not, the handler waits there, or has not begun: Python runs it only "
            "between two of its own instructions, so not within a call of C";
        mend =
            "If the handler returns: raise SystemExit (sys.exit()) in it, or wake the main "
            "loop. " +
            mend;
    } else if (is_restarted_syscall(process.syscall) && !is_interpreter(process)) {
        text += "; with SA_RESTART that wait goes on after the handler";
        mend =
            "If the handler only sets a flag: set it up without SA_RESTART, or have it wake the "
            "main loop (a pipe, eventfd). " +
            mend;
    }
    return verdict(process, "slow", text + escape_note(process, scene), mend);
}

}  // namespace

std::optional<Verdict> slow_to_end(const ProcessFacts& process, const Scene& scene) {
    const std::string signal = asking_signal(scene.record);
    const bool catches = process.caught.contains(signal);
    if (!was_asked_to_end(scene.record, process.pid) ||
        (!catches && !process.blocked.contains(signal))) {
        return std::nullopt;
    }
    std::string text =
        catches ? "catches " + signal : "takes " + signal + " by signalfd or sigwait";
    const StopEvent* killed = first_sigkill(scene.record, process.pid);
    if (killed != nullptr && killed->cause == "user") {
        return verdict(process, "slow",
                       text +
                           ", and had not ended when SIGKILL came by 'svctl kill', which did "
                           "not leave it the time" +
                           whats_it_doing(process),
                       "");
    }
    text +=
        ", but " + not_ended(process, scene) + whats_it_doing(process) + last_words(process, scene);
    return is_shell(process) ? slow_shell(process, text, scene)
                             : slow_program(process, text, scene);
}

std::optional<Verdict> still_ending(const ProcessFacts& process, const Scene& scene) {
    if (!was_asked_to_end(scene.record, process.pid)) {
        return std::nullopt;
    }
    return verdict(process, "ending",
                   "did not catch " + asking_signal(scene.record) +
                       " when svcd looked, and was there still" + whats_it_doing(process) +
                       escape_note(process, scene),
                   "");
}

}  // namespace svcd
