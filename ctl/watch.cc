#include "watch.h"

#include <optional>
#include <utility>

#include "guard.h"

namespace svcd {

Usec deadline_of(const Options& options) {
    return options.timeout && *options.timeout != kUsecInfinity ? monotonic_now() + *options.timeout
                                                                : kUsecInfinity;
}

Signals::End watch(Session& session,
                   const std::function<void(Signals&)>& listen,
                   const std::function<bool()>& is_satisfied,
                   Usec deadline) {
    // It must be gone before its connection is.
    std::optional<Signals> signals;
    while (true) {
        asked(
            session, [&] { listen(signals.emplace(session.connection())); },
            [&] { signals.reset(); });
        const Signals::End end = signals->wait(is_satisfied, deadline);
        signals.reset();
        if (end != Signals::End::connection_lost) {
            return end;
        }
        session.reconnect();
    }
}

StateWait::StateWait(Session& session, const std::vector<std::string>& units, std::string wanted)
    : session_(session), wanted_(std::move(wanted)), missing_(units.begin(), units.end()) {}

Signals::End StateWait::wait(Usec deadline) {
    return watch(
        session_, [this](Signals& signals) { listen(signals); }, [this] { return all_reached(); },
        deadline);
}

void StateWait::listen(Signals& signals) {
    signals.on_unit_changed(
        "", [this](const std::string& unit, const Json&) { changed_.insert(unit); });
    signals.subscribe();
    ids_.clear();
}

bool StateWait::all_reached() {
    const std::set<std::string> changed = std::exchange(changed_, {});
    for (const std::string& unit : std::set<std::string>{missing_}) {
        if (const auto id = ids_.find(unit); id != ids_.end() && !changed.contains(id->second)) {
            continue;
        }
        const std::string state = session_.daemon().active_state(unit);
        ids_[unit] = session_.daemon().id_of(unit);
        if (is_reached(state)) {
            missing_.erase(unit);
        }
    }
    return missing_.empty();
}

bool StateWait::is_reached(const std::string& state) const {
    if (wanted_ == "active") {
        return state == "active" || state == "reloading";
    }
    if (wanted_ == "inactive") {
        return state == "inactive" || state == "failed";
    }
    return state == wanted_;
}

}  // namespace svcd
