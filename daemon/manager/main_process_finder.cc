#include "manager/main_process_finder.h"

#include <cerrno>

#include "linux/pid_file.h"
#include "linux/pidfd.h"
#include "linux/procfs.h"

namespace svcd {
namespace {

/// A forking service that has more processes than this when its start command ends has no main
/// process that could be guessed.
constexpr std::size_t kGuessAmongMax = 4096;

}  // namespace

Result<Pid> MainProcessFinder::find(const MainProcessQuery& query) {
    const Result<Pid> pid = candidate(query);
    if (!pid) {
        return pid;
    }
    const Token token = query.order.process;
    if (const auto claimed = table_.claim(token); !claimed) {
        return Failure{claimed.error()};
    }
    Result<void> pinned = table_.set_pid(token, *pid);
    if (pinned) {
        pinned = check(*pid, query.unit);
    }
    if (!pinned) {
        table_.release(token);
        return Failure{pinned.error()};
    }
    return pid;
}

Result<Pid> MainProcessFinder::candidate(const MainProcessQuery& query) const {
    switch (query.order.how) {
        case IdentifyMainProcess::How::pid_file:
            return read_pid_file(query.pid_file);
        case IdentifyMainProcess::How::guess:
            return guess(query);
        case IdentifyMainProcess::How::named:
            return query.order.pid;
    }
    return failure(EINVAL, "find main process");
}

/// A daemon's main process is the one whose parent has gone: those it started have it as theirs.
Result<Pid> MainProcessFinder::guess(const MainProcessQuery& query) const {
    const Result<std::vector<Pid>> pids = cgroups_.processes(query.unit, kGuessAmongMax);
    if (!pids) {
        return Failure{pids.error()};
    }
    Pid found = 0;
    for (const Pid pid : *pids) {
        const Result<ProcessInfo> info = process_info(pid);
        if (pid == query.control || !info || info->parent != launcher_) {
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

Result<void> MainProcessFinder::check(Pid pid, std::string_view unit) const {
    const std::string subject = "process " + std::to_string(pid);
    if (const Result<UniqueFd> alive = open_pidfd(pid); !alive) {
        return Failure{alive.error()};
    }
    const Result<ProcessInfo> info = process_info(pid);
    if (!info) {
        return Failure{info.error()};
    }
    if (info->state == 'Z' || info->state == 'X') {
        return failure(ESRCH, "take as main process", subject, "it has ended");
    }
    const Result<std::string> cgroup = cgroup_of(pid);
    if (!cgroup) {
        return Failure{cgroup.error()};
    }
    if (cgroups_.unit_of(*cgroup) != unit) {
        return failure(0, "take as main process", subject,
                       "it is in the cgroup " + *cgroup + ", not the unit's");
    }
    if (info->parent != launcher_) {
        return failure(0, "take as main process", subject,
                       "its parent, process " + std::to_string(info->parent) +
                           ", is still there, so svcd would not learn of its end");
    }
    return {};
}

}  // namespace svcd
