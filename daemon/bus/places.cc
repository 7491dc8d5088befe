// Who gets a place on the private socket when there is none.
#include <fcntl.h>

#include <algorithm>
#include <map>

#include "bus/private_socket.h"

namespace svcd {
namespace {

bool is_stranger(const PrivateConnection& each) {
    return !each.is_trusted();
}

auto of_user(uid_t user) {
    return
        [user](const PrivateConnection& each) { return is_stranger(each) && each.uid() == user; };
}

}  // namespace

template <typename Fits>
std::size_t PrivateSocket::count_of(const Fits& fits) const {
    return static_cast<std::size_t>(std::ranges::count_if(connections_, [&](const auto& each) {
        return each->is_open() && !each->is_refused() && fits(*each);
    }));
}

/// Cuts the one that has not called for longest of those that nobody waits on. False: there is
/// none.
template <typename Fits>
bool PrivateSocket::close_idle(const Fits& fits) {
    PrivateConnection* idle = nullptr;
    for (const auto& each : connections_) {
        const bool is_older = idle == nullptr || each->last_called() < idle->last_called();
        if (each->is_open() && !each->is_refused() && !each->is_busy() && is_older && fits(*each) &&
            !requests_.has_to_do_with(*each)) {
            idle = each.get();
        }
    }
    if (idle != nullptr) {
        idle->cut();
    }
    return idle != nullptr;
}

std::optional<uid_t> PrivateSocket::stranger_with_most() const {
    std::map<uid_t, std::size_t> counts;
    for (const auto& each : connections_) {
        if (each->is_open() && !each->is_refused() && !each->is_trusted()) {
            ++counts[each->uid()];
        }
    }
    const auto most = std::ranges::max_element(counts, {}, [](const auto& e) { return e.second; });
    return most == counts.end() ? std::nullopt : std::optional{most->first};
}

/// That of the user with most first.
bool PrivateSocket::close_idle_stranger() {
    const std::optional<uid_t> most = stranger_with_most();
    return (most && close_idle(of_user(*most))) || close_idle(is_stranger);
}

/// Makes room for a new connection of this user. Else a sentence that says why there is none.
std::string PrivateSocket::why_no_place(uid_t uid, bool trusted) {
    const auto refusal = [](const std::string& whose, std::size_t count) {
        return "Too many connections: " + whose + " has " + std::to_string(count) +
               " to this svcd already, and all of them wait for answers. Close one, or try again.";
    };
    if (!trusted) {
        const std::size_t own = count_of(of_user(uid));
        if (own >= kConnectionsOfUserMax) {
            return close_idle(of_user(uid)) ? "" : refusal("user " + std::to_string(uid), own);
        }
    }
    const std::size_t strangers = count_of(is_stranger);
    const std::size_t all = count_of([](const PrivateConnection&) { return true; });
    if (all < kConnectionsMax && (trusted || strangers < kStrangersMax)) {
        return "";
    }
    if (close_idle_stranger()) {
        return "";
    }
    if (trusted) {
        const auto is_trusted = [](const PrivateConnection& each) { return each.is_trusted(); };
        return close_idle(is_trusted) ? "" : refusal("everybody together", all);
    }
    return refusal("whoever may change nothing", strangers);
}

/// Takes a client's descriptor down to a number that it may have: one that is idle gives up its
/// own, a stranger first. False: there is none.
bool PrivateSocket::find_descriptor(Descriptor& socket, bool trusted) {
    const int limit = trusted ? descriptors_.of_trusted : descriptors_.of_strangers;
    if (socket.get() < limit) {
        return true;
    }
    const bool has_closed = close_idle_stranger() ||
                            (trusted && close_idle([](const PrivateConnection&) { return true; }));
    if (has_closed) {
        socket = Descriptor(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    }
    return has_closed && socket && socket.get() < limit;
}

bool PrivateSocket::has_room_for_subscriber(uid_t uid) const {
    const auto is_told = [](const PrivateConnection& each) {
        return !each.is_trusted() && each.wants_signals();
    };
    const auto is_told_of_user = [&](const PrivateConnection& each) {
        return is_told(each) && each.uid() == uid;
    };
    return count_of(is_told) < kSubscribingStrangersMax &&
           count_of(is_told_of_user) < kSubscribersOfUserMax;
}

void PrivateSocket::forget_oldest_refusal() {
    const auto is_refused = [](const auto& each) { return each->is_open() && each->is_refused(); };
    const auto refused = static_cast<std::size_t>(std::ranges::count_if(connections_, is_refused));
    if (refused >= kRefusedMax) {
        (*std::ranges::find_if(connections_, is_refused))->cut();
    }
}

}  // namespace svcd
