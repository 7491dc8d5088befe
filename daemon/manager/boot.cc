#include "manager/boot.h"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <variant>

namespace svcd {
namespace {

constexpr std::size_t kUnitsLookedAt = 1024;
constexpr std::size_t kCulpritsMax = 5;

bool is_up(ActiveState state) {
    return state == ActiveState::active || state == ActiveState::reloading;
}

}  // namespace

Boot::Boot(const Supervisor& supervisor, ProcessTable& table, std::string unit)
    : supervisor_(supervisor), table_(table), unit_(std::move(unit)) {}

void Boot::look(const Effects& effects) {
    if (table_.boot_state() != BootState::open) {
        return;
    }
    const std::optional<UnitId> target = supervisor_.find(unit_);
    for (const Effect& effect : effects.orders) {
        if (const auto* ended = std::get_if<AnnounceJobEnd>(&effect)) {
            result_ = target && ended->unit == *target ? ended->result : result_;
        } else if (const auto* reply = std::get_if<Reply>(&effect)) {
            const bool is_ours = reply->request == RequestId::none && reply->refusal;
            refusal_ = is_ours ? reply->refusal->message : refusal_;
        }
    }
}

Boot::Outcome Boot::outcome() {
    if (table_.boot_state() != BootState::open) {
        return Outcome::open;
    }
    const std::optional<UnitId> target = supervisor_.find(unit_);
    const bool is_known = target && supervisor_.is_known(*target);
    Outcome outcome = Outcome::failed;
    if (supervisor_.system_state() == SystemState::stopping) {
        outcome = Outcome::given_up;
    } else if (is_known) {
        const UnitStatus status = supervisor_.status(*target);
        if (status.job) {
            return Outcome::open;
        }
        // A unit that does its work and ends has been reached too. How it went is not known when it
        // ended under a manager before this one.
        const bool is_reached = is_up(status.active_state) || result_ == JobResult::done;
        const bool is_unknown = !result_ && refusal_.empty() && table_.manager_starts() > 1 &&
                                status.load_state == LoadState::loaded &&
                                status.active_state != ActiveState::failed;
        outcome = is_reached                                     ? Outcome::reached
                  : is_unknown || result_ == JobResult::canceled ? Outcome::given_up
                                                                 : Outcome::failed;
    }
    table_.set_boot_state(outcome == Outcome::failed ? BootState::failed : BootState::over);
    return outcome;
}

std::vector<UnitId> Boot::culprits() const {
    constexpr Relation kNeeds[] = {Relation::requires_, Relation::requisite, Relation::binds_to};
    std::vector<UnitId> found;
    const std::optional<UnitId> target = supervisor_.find(unit_);
    std::vector<UnitId> to_look_at;
    std::unordered_set<UnitId> seen;
    if (target) {
        to_look_at.push_back(*target);
        seen.insert(*target);
    }
    for (std::size_t at = 0; at < to_look_at.size() && at < kUnitsLookedAt; ++at) {
        const UnitId unit = to_look_at[at];
        const UnitStatus status = supervisor_.status(unit);
        if (status.active_state == ActiveState::failed || status.load_state != LoadState::loaded) {
            found.push_back(unit);
        }
        for (const Relation relation : kNeeds) {
            for (const UnitId needed : supervisor_.related(unit, relation)) {
                if (seen.insert(needed).second) {
                    to_look_at.push_back(needed);
                }
            }
        }
    }
    found.resize(std::min(found.size(), kCulpritsMax));
    return found;
}

std::vector<std::string> Boot::reasons() const {
    std::vector<std::string> reasons;
    for (const UnitId unit : culprits()) {
        const UnitStatus status = supervisor_.status(unit);
        std::string reason{status.name};
        if (status.active_state == ActiveState::failed) {
            reason += " failed (" + std::string(name_of(status.result)) + ")";
        } else if (status.load_state == LoadState::not_found) {
            reason += " has no unit file";
        } else {
            reason += " can't be loaded: " + std::string(status.load_error);
        }
        reasons.push_back(std::move(reason));
    }
    if (!refusal_.empty()) {
        reasons.push_back(refusal_);
    }
    const std::optional<UnitId> target = supervisor_.find(unit_);
    const UnitDefinition* definition = target ? supervisor_.definition(*target) : nullptr;
    if (reasons.empty() && (definition == nullptr || definition->fragment_path.empty())) {
        reasons.push_back("it has no unit file; that would be " + unit_ + ".yaml");
    }
    if (reasons.empty() && result_) {
        reasons.push_back("its start ended with '" + std::string(name_of(*result_)) + "'");
    }
    return reasons;
}

bool Boot::is_missed() const {
    if (table_.boot_state() != BootState::failed) {
        return false;
    }
    const std::optional<UnitId> target = supervisor_.find(unit_);
    return !target || !is_up(supervisor_.status(*target).active_state);
}

}  // namespace svcd
