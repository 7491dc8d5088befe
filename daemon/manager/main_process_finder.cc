#include "manager/main_process_finder.h"

#include <algorithm>
#include <cerrno>

#include "linux/pidfd.h"
#include "linux/procfs.h"

namespace svcd {
namespace {

/// A forking service that has more processes than this when its start command ends has no main
/// process that could be guessed.
constexpr std::size_t kGuessAmongMax = 4096;

}  // namespace

Result<MainProcessFound> MainProcessFinder::find(const MainProcessQuery& query) {
    const Result<Pid> pid = candidate(query);
    if (!pid) {
        return Failure{pid.error()};
    }
    const Result<ProcessInfo> info = process_info(*pid);
    if (info && info->parent != launcher_ && belongs_to(*pid, query.unit) &&
        !belongs_to(info->parent, query.unit)) {
        return hold_foreign(query.order.process, *pid, query.unit);
    }
    return pin_child(query.order.process, *pid, query.unit);
}

Result<MainProcessFound> MainProcessFinder::pin_child(Token token, Pid pid, std::string_view unit) {
    if (const auto claimed = table_.claim(token); !claimed) {
        return Failure{claimed.error()};
    }
    const Result<void> pinned = table_.set_pid(token, pid);
    const Result<void> belongs = pinned ? Result<void>{} : belongs_to(pid, unit);
    Result<ProcessInfo> info = pinned    ? check(pid, unit)
                               : belongs ? Failure{pinned.error()}
                                         : Failure{belongs.error()};
    if (!info) {
        table_.release(token);
        return Failure{info.error()};
    }
    tracker_.add_process(unit, token, ProcessFact{ProcessFact::State::alive, pid});
    return MainProcessFound{token, pid, info->start_time, false};
}

/// Its parent can't be waiting to hand it over: it is somebody else, most likely init.
Result<MainProcessFound> MainProcessFinder::hold_foreign(Token token,
                                                         Pid pid,
                                                         std::string_view unit) {
    const Result<ProcessInfo> info = process_info(pid);
    if (!info) {
        return Failure{info.error()};
    }
    Result<UniqueFd> pidfd =
        open_identified(ProcessIdentity{pid, info->start_time, unit}, tracker_);
    if (!pidfd) {
        return Failure{pidfd.error()};
    }
    // A zombie whose parent does not reap it can be held and named, again and again: it is nobody.
    if (has_ended(*pidfd)) {
        return failure(ESRCH, "take as main process", "PID " + std::to_string(pid), "it has ended");
    }
    if (const auto held = adopted_.hold(token, std::move(*pidfd), pid, info->start_time); !held) {
        return Failure{held.error()};
    }
    return MainProcessFound{token, pid, info->start_time, true};
}

Result<Pid> MainProcessFinder::candidate(const MainProcessQuery& query) const {
    return query.order.how == IdentifyMainProcess::How::guess ? guess(query)
                                                              : Result<Pid>{query.order.pid};
}

/// A daemon's main process is the one whose parent has gone, so that it is somebody else's now:
/// those it started have it as theirs.
Result<Pid> MainProcessFinder::guess(const MainProcessQuery& query) const {
    Result<std::vector<Pid>> pids = tracker_.processes(query.unit, kGuessAmongMax);
    if (!pids) {
        return Failure{pids.error()};
    }
    std::sort(pids->begin(), pids->end());
    Pid found = 0;
    for (const Pid pid : *pids) {
        const Result<ProcessInfo> info = process_info(pid);
        if (pid == query.control || !info ||
            std::binary_search(pids->begin(), pids->end(), info->parent)) {
            continue;
        }
        if (found != 0) {
            return failure(0, "guess main process", "",
                           "several processes could be it (" + std::to_string(found) + ", " +
                               std::to_string(pid) + "); PIDFile= would tell which");
        }
        found = pid;
    }
    if (found == 0) {
        return failure(0, "guess main process", "", "the service left no process behind");
    }
    return found;
}

Result<void> MainProcessFinder::belongs_to(Pid pid, std::string_view unit) const {
    const Result<std::string> place = tracker_.place_of(pid);
    if (!place) {
        return Failure{place.error()};
    }
    if (tracker_.unit_of(*place) != unit) {
        return failure(0, "take as main process", "PID " + std::to_string(pid),
                       tracker_.describe(*place) + ", not the unit's");
    }
    return {};
}

Result<ProcessInfo> MainProcessFinder::check(Pid pid, std::string_view unit) const {
    const std::string subject = "PID " + std::to_string(pid);
    const Result<UniqueFd> pidfd = open_pidfd(pid);
    if (!pidfd) {
        return Failure{pidfd.error()};
    }
    const Result<ProcessInfo> info = process_info(pid);
    if (!info) {
        return Failure{info.error()};
    }
    // By the pidfd: one whose first thread has left while others run looks like a zombie in /proc.
    if (has_ended(*pidfd)) {
        return failure(ESRCH, "take as main process", subject, "it has ended");
    }
    if (const Result<void> belongs = belongs_to(pid, unit); !belongs) {
        return Failure{belongs.error()};
    }
    if (info->parent != launcher_ && !tracker_.is_reaper(info->parent, unit)) {
        return failure(0, "take as main process", subject,
                       "its parent, process " + std::to_string(info->parent) +
                           ", is still there, so svcd would not learn of its end");
    }
    return info;
}

}  // namespace svcd
