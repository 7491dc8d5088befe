#include "manager/retries.h"

#include <algorithm>
#include <utility>

namespace svcd {

void Retries::add(const SignalUnit& order, SubState sub_state) {
    // A later signal says more than the one before it.
    std::erase_if(signals_, [&](const Signal& signal) { return signal.order.unit == order.unit; });
    signals_.push_back({order, sub_state});
}

void Retries::add(const CheckCgroup& order) {
    const bool is_there = std::any_of(looks_.begin(), looks_.end(), [&](const CheckCgroup& look) {
        return look.unit == order.unit;
    });
    if (!is_there) {
        looks_.push_back(order);
    }
}

std::optional<Time> Retries::due(Time now) {
    if (signals_.empty() && looks_.empty()) {
        due_.reset();
        wait_ = kRetryFirst;
    } else if (!due_) {
        due_ = now + wait_;
        wait_ = std::min(2 * wait_, kRetryMost);
    }
    return due_;
}

std::vector<Retried> Retries::take(Time now, const Supervisor& supervisor) {
    std::vector<Retried> taken;
    if (!due_ || now < *due_) {
        return taken;
    }
    due_.reset();
    for (const Signal& signal : std::exchange(signals_, {})) {
        const UnitId unit = signal.order.unit;
        if (supervisor.is_known(unit) && supervisor.status(unit).sub_state == signal.sub_state) {
            taken.emplace_back(signal.order);
        }
    }
    for (const CheckCgroup& look : std::exchange(looks_, {})) {
        if (supervisor.is_known(look.unit)) {
            taken.emplace_back(look);
        }
    }
    return taken;
}

}  // namespace svcd
