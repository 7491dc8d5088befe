#include "state/adopted_processes.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <string>

#include "linux/pidfd.h"
#include "linux/procfs.h"

namespace svcd {
namespace {

Failure is_another(Pid pid, std::string detail) {
    return failure(ESRCH, "find process", std::to_string(pid), std::move(detail));
}

}  // namespace

Result<UniqueFd> open_identified(const ProcessIdentity& identity, const ProcessTracker& tracker) {
    Result<UniqueFd> pidfd = open_pidfd(identity.pid);
    if (!pidfd) {
        return pidfd;
    }
    const Result<ProcessInfo> info = process_info(identity.pid);
    const Result<std::string> place = tracker.place_of(identity.pid);
    if (!info || !place) {
        return Failure{info ? place.error() : info.error()};
    }
    if (identity.start_time != 0 && info->start_time != identity.start_time) {
        return is_another(identity.pid, "its PID has been given to another (" + info->name + ")");
    }
    const bool is_certain = identity.may_have_moved && identity.start_time != 0;
    if (!is_certain && tracker.unit_of(*place) != identity.unit) {
        return is_another(identity.pid, "of the process with its PID now (" + info->name + ") " +
                                            tracker.describe(*place));
    }
    // What was read is of the process that the pidfd is of only if that has not been reaped since.
    if (const Result<ProcessInfo> again = process_info(identity.pid);
        has_ended(*pidfd) && (!again || again->state != 'Z')) {
        return is_another(identity.pid, "it has just ended");
    }
    return pidfd;
}

Result<AdoptedProcesses> AdoptedProcesses::open() {
    UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll) {
        return failure(errno, "epoll_create1");
    }
    return AdoptedProcesses{std::move(epoll)};
}

Result<void> AdoptedProcesses::hold(Token token,
                                    UniqueFd pidfd,
                                    Pid pid,
                                    std::uint64_t start_time) {
    if (pids_.contains(pid)) {
        return failure(EEXIST, "watch process", std::to_string(pid), "it is watched already");
    }
    epoll_event end{};
    end.events = EPOLLIN;
    end.data.u64 = static_cast<std::uint64_t>(token);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd.get(), &end) != 0) {
        return failure(errno, "watch process", std::to_string(pid));
    }
    held_.insert_or_assign(token, Held{std::move(pidfd), pid, start_time});
    pids_.insert(pid);
    return {};
}

std::vector<ExitRecord> AdoptedProcesses::take_exits(Time now) {
    std::array<epoll_event, kExitsPerTake> ready{};
    const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    std::vector<ExitRecord> exits;
    for (int index = 0; index < count; ++index) {
        const auto found =
            held_.find(static_cast<Token>(ready[static_cast<std::size_t>(index)].data.u64));
        if (found == held_.end()) {
            continue;
        }
        const Held& held = found->second;
        const EndOfProcess end = end_of(held.pidfd, held.pid, held.start_time);
        exits.push_back(ExitRecord{found->first, held.pid, end.code, end.status, now});
        stop_watching(held);
    }
    return exits;
}

/// Closing the pidfd would do if a child on its way to execve didn't have a copy for a moment.
void AdoptedProcesses::stop_watching(const Held& held) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, held.pidfd.get(), nullptr);
}

void AdoptedProcesses::forget(Token token) {
    const auto found = held_.find(token);
    if (found == held_.end()) {
        return;
    }
    stop_watching(found->second);
    pids_.erase(found->second.pid);
    held_.erase(found);
}

Pid AdoptedProcesses::pid_of(Token token) const {
    const auto found = held_.find(token);
    return found == held_.end() ? 0 : found->second.pid;
}

const UniqueFd* AdoptedProcesses::pidfd_of(Token token) const {
    const auto found = held_.find(token);
    return found == held_.end() ? nullptr : &found->second.pidfd;
}

}  // namespace svcd
