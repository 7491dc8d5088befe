#include "manager/notify_reader.h"

namespace svcd {

NotifyReader::NotifyReader(int socket,
                           const CgroupTree& cgroups,
                           const Supervisor& supervisor,
                           std::deque<Event>& queue,
                           Log& log)
    : socket_(socket), cgroups_(cgroups), supervisor_(supervisor), queue_(queue), log_(log) {}

Drained NotifyReader::drain() {
    for (std::size_t taken = 0; taken < kItemsPerTurn; ++taken) {
        Result<std::optional<NotifyDatagram>> datagram = receive_notification(socket_);
        if (!datagram) {
            log_.say(Severity::warning, to_string(datagram.error()));
            return Drained::yes;
        }
        if (!*datagram) {
            return Drained::yes;
        }
        take(std::move(**datagram));
    }
    return Drained::no;
}

void NotifyReader::take(NotifyDatagram datagram) {
    ParsedNotification parsed = parse_notification(datagram.text);
    if (parsed.barrier) {
        for (UniqueFd& fd : datagram.fds) {
            barriers_.push_back(std::move(fd));
        }
        return;
    }
    const std::string_view unit_name = cgroups_.unit_of(datagram.cgroup);
    const std::optional<UnitId> unit =
        unit_name.empty() ? std::nullopt : supervisor_.find(unit_name);
    if (!unit) {
        log_.say(Severity::debug,
                 "A notification of process " + std::to_string(datagram.sender) +
                     " was dropped: it is in no unit's cgroup" +
                     (datagram.cgroup.empty() ? " any more" : " (" + datagram.cgroup + ")"));
        return;
    }
    log_.say(Severity::debug, unit_name,
             "process " + std::to_string(datagram.sender) + " notifies: " + datagram.text);
    parsed.notification.unit = *unit;
    parsed.notification.sender = datagram.sender;
    queue_.emplace_back(std::move(parsed.notification));
}

}  // namespace svcd
