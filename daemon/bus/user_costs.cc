#include "bus/user_costs.h"

#include <algorithm>

namespace svcd {
namespace {

using namespace std::chrono_literals;

/// Who has asked for nothing for a long time is so far ahead of who asks most, at most: what was
/// long ago counts no more.
constexpr std::chrono::microseconds kHeadStart = 20ms;

}  // namespace

std::chrono::microseconds UserCosts::of(uid_t user) const {
    const auto found = costs_.find(user);
    return found == costs_.end() ? floor_ : std::max(found->second, floor_);
}

void UserCosts::add(uid_t user, std::chrono::microseconds cost) {
    const std::chrono::microseconds now = of(user) + std::max(cost, std::chrono::microseconds{1});
    costs_[user] = now;
    floor_ = std::max(floor_, now - kHeadStart);
    // Whoever is at the floor need not be remembered.
    std::erase_if(costs_, [this](const auto& entry) { return entry.second <= floor_; });
}

}  // namespace svcd
