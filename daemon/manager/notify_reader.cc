#include "manager/notify_reader.h"

#include <new>

namespace svcd {

NotifyReader::NotifyReader(int socket,
                           const ProcessTracker& tracker,
                           const ProcessTable& table,
                           const Supervisor& supervisor,
                           ExecSweeper& sweeper,
                           std::deque<Event>& queue,
                           Log& log)
    : socket_(socket),
      tracker_(tracker),
      table_(table),
      supervisor_(supervisor),
      sweeper_(sweeper),
      queue_(queue),
      log_(log) {}

Drained NotifyReader::drain(const std::function<void()>& settle) {
    for (std::size_t taken = 0; taken < kItemsPerTurn; ++taken) {
        bool may_have_descriptors = true;
        try {
            Result<std::optional<NotifyDatagram>> datagram =
                peek_notification(socket_, [this](Pid pid) { return tracker_.place_of(pid); });
            if (!datagram) {
                log_.say(Severity::warning, to_string(datagram.error()));
                return Drained::yes;
            }
            if (!*datagram) {
                return Drained::yes;
            }
            may_have_descriptors = (**datagram).has_descriptors;
            take(**datagram);
        } catch (const std::bad_alloc&) {
            // It costs this one: what was not read would wake us for ever.
        }
        settle();
        drop_notification(socket_,
                          may_have_descriptors);  // which closes the descriptor of a barrier
    }
    return Drained::no;
}

/// By the place of the sender. One that said its word and ended at once may have been reaped, and
/// then has none any more: its exit stands in the process table until it has been dealt with.
std::optional<UnitId> NotifyReader::unit_of(const NotifyDatagram& datagram) const {
    const std::string_view name = tracker_.unit_of(datagram.place);
    if (!name.empty()) {
        return supervisor_.find(name);
    }
    // Or it was moved out of its unit's cgroup, and is a process of the unit all the same.
    const Token token =
        datagram.place.empty() ? table_.find_exited(datagram.sender) : table_.find(datagram.sender);
    return token == Token::none ? std::nullopt : supervisor_.unit_of(token);
}

void NotifyReader::take(const NotifyDatagram& datagram) {
    ParsedNotification parsed = parse_notification(datagram.text);
    if (parsed.barrier) {
        return;
    }
    const std::optional<UnitId> unit = unit_of(datagram);
    if (!unit) {
        log_.say(
            Severity::debug,
            "A notification of process " + std::to_string(datagram.sender) +
                " was dropped: it is no process of a unit" +
                (datagram.place.empty() ? " any more" : ": " + tracker_.describe(datagram.place)));
        return;
    }
    log_.say(Severity::debug, supervisor_.name(*unit),
             "process " + std::to_string(datagram.sender) + " notifies: " + datagram.text);
    sweeper_.look_for_births();  // who speaks is there, and may be a main process
    parsed.notification.unit = *unit;
    parsed.notification.sender = datagram.sender;
    queue_.emplace_back(std::move(parsed.notification));
}

}  // namespace svcd
