// Verdicts about what ran, or was asked for, when the main process ended: a command of the unit, a
// reload. Svcd sees that it was so at the time; who sent a signal it does not see.
#include <algorithm>

#include "explain_stop.h"
#include "explain_words.h"

namespace svcd {
namespace {

Verdict verdict(std::string kind, std::string text, std::string mend) {
    return {0, "", std::move(kind), std::move(text), std::move(mend)};
}

/// The reload that began last before the unit went down, or nullptr.
const StopEvent* reload_before(const StopRecord& record) {
    const StopEvent* last = nullptr;
    for (const StopEvent& event : record.events) {
        last = event.what == "reload" ? &event : last;
    }
    return last;
}

/// Has the command's text a `kill` in it?
bool sends_signals(std::string_view command) {
    for (const std::string_view name : {"kill", "pkill", "killall"}) {
        for (std::size_t at = command.find(name); at != std::string_view::npos;
             at = command.find(name, at + 1)) {
            const bool begins = at == 0 || std::string_view{" /;&|\"'("}.find(command[at - 1]) !=
                                               std::string_view::npos;
            if (begins && command.substr(at + name.size()).starts_with(' ')) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

std::string command_text(const StopEvent& spawn) {
    return spawn.setting + " (" + spawn.command + ", PID " + std::to_string(spawn.pid) + ")";
}

std::string reload_asker_text(const StopEvent& reload) {
    return reload.type.empty() ? "the service told of it by RELOADING=1"
           : reload.pid == 0   ? "svcd itself asked for it"
                               : "asked for by " + requester_text(asker_of(reload));
}

const StopEvent* command_at_end(const StopRecord& record) {
    // A command that has sent the signal may end, and be reaped, before the main process is.
    constexpr Usec kReapedLater = 50'000;
    const StopEvent* end = exit_of(record, record.main_pid);
    for (const StopEvent& event : record.events) {
        if (end == nullptr || event.what != "spawn" || event.at > end->at) {
            continue;
        }
        const StopEvent* over = exit_of(record, event.pid);
        if (over == nullptr || over->at + kReapedLater >= end->at) {
            return &event;
        }
    }
    return nullptr;
}

const StopEvent* command_not_started(const StopRecord& record) {
    const auto found = std::ranges::find_if(record.events, [](const StopEvent& event) {
        return event.what == "spawn" && !event.error.empty();
    });
    return found == record.events.end() ? nullptr : &*found;
}

std::string not_started_text(const StopEvent& spawn) {
    return spawn.setting + " could not be started: " + spawn.error;
}

std::optional<Verdict> unstarted_command(const StopRecord& record) {
    const StopEvent* spawn = command_not_started(record);
    if (spawn == nullptr) {
        return std::nullopt;
    }
    const bool has_inner = spawn->error.find("enabled for its children") != std::string::npos;
    return verdict("command-unstarted", not_started_text(*spawn),
                   has_inner ? "Find out who writes to cgroup.subtree_control of the unit's "
                               "cgroup: svcd starts its commands there."
                             : "");
}

bool died_in_reload(const StopRecord& record) {
    return ended_by_itself(record) && record.from.starts_with("reload");
}

std::optional<Verdict> killed_beside_command(const StopRecord& record) {
    const StopEvent* command = command_at_end(record);
    if (killed_by(record) != KilledBy::outside || command == nullptr) {
        return std::nullopt;
    }
    const bool kills = sends_signals(command->command);
    return verdict("killed-beside-command",
                   main_of(record) + " was killed by SIGKILL while " + command_text(*command) +
                       " ran. Svcd did not send it" +
                       (kills ? "; that command sends signals" : ", and can't tell who did"),
                   kills ? command->setting + ": have it ask the service to end, with " +
                               record.stop_signal + ", say; or leave it out, for svcd sends " +
                               record.stop_signal + " itself."
                         : "");
}

/// Tells that a reload came shortly before. The reload need not be the cause.
std::optional<Verdict> came_after_reload(const StopRecord& record) {
    const StopEvent* reload = reload_before(record);
    if (reload == nullptr || !ended_by_itself(record) || was_starting(record)) {
        return std::nullopt;
    }
    const std::string began =
        "which had begun " + short_time(reload->before) + " before, " + reload_asker_text(*reload);
    return died_in_reload(record)
               ? verdict("in-reload", "it went down during a reload, " + began, "")
               : verdict("after-reload",
                         "the last thing that svcd knows of before is a reload, " + began +
                             "; svcd can't tell whether that has to do with it",
                         "");
}

}  // namespace svcd
