#include "simulation/world.h"

#include <algorithm>

namespace svcd::simulation {

bool UnitView::is_idle() const {
    return is_down(sub) && checker == Token::none;
}

UnitView view_of(const UnitRecord& record) {
    UnitView view;
    view.sub = static_cast<SubState>(record.sub_state);
    view.job = static_cast<JobId>(record.job.id);
    view.type = static_cast<JobType>(record.job.type);
    view.is_running = static_cast<JobState>(record.job.state) == JobState::running;
    view.ignores_order = record.job.ignore_order != 0;
    view.main = static_cast<Token>(record.main.token);
    view.control = static_cast<Token>(record.control.token);
    view.identifying = static_cast<Token>(record.identifying);
    view.checker = static_cast<Token>(record.checker.token);
    view.wants_back = (record.flags2 & kUnitWantsBack) != 0;
    view.signal_sent = (record.flags2 & kUnitStopSignalSent) != 0;
    return view;
}

bool is_down(SubState state) {
    return state == SubState::dead || state == SubState::failed || state == SubState::stop_wedged;
}

bool is_stopping(SubState state) {
    return state >= SubState::pre_stop && state <= SubState::final_sigkill;
}

bool is_starting(SubState state) {
    return state >= SubState::condition && state <= SubState::start_post;
}

bool is_up(SubState state) {
    return (state >= SubState::running && state <= SubState::reload_notify) ||
           state == SubState::active;
}

std::optional<std::size_t> World::index_of(UnitId id) const {
    const std::size_t place = svcd::index_of(id);
    if (!manager || place >= by_id.size() || by_id[place] == kNoUnit || !units[by_id[place]].id) {
        return std::nullopt;
    }
    return by_id[place];
}

const UnitDefinition* World::definition(std::size_t unit) const {
    const UnitEntry& entry = units[unit];
    if (!manager || !entry.id || !manager->is_known(*entry.id)) {
        return nullptr;
    }
    return manager->definition(*entry.id);
}

const ServiceSettings* World::settings(std::size_t unit) const {
    const UnitDefinition* known = definition(unit);
    return known == nullptr ? nullptr : known->service.get();
}

bool World::may_ignore_needs(std::size_t unit) const {
    if (!manager || !units[unit].id) {
        return false;
    }
    const UnitId id = *units[unit].id;
    const auto ignores = [&](Relation relation, JobMode RareUnitSettings::*mode) {
        const std::vector<UnitId> others = manager->related(id, relation);
        return std::any_of(others.begin(), others.end(), [&](UnitId other) {
            const UnitDefinition* definition = manager->definition(other);
            const JobMode chosen =
                definition == nullptr ? JobMode::replace : definition->rarely().*mode;
            return chosen == JobMode::ignore_dependencies || chosen == JobMode::ignore_requirements;
        });
    };
    return ignores(Relation::on_failure_of, &RareUnitSettings::on_failure_job_mode) ||
           ignores(Relation::on_success_of, &RareUnitSettings::on_success_job_mode);
}

bool World::stops_whole(std::size_t unit) const {
    const ServiceSettings* service = settings(unit);
    if (service == nullptr || units[unit].is_between_definitions) {
        return false;
    }
    const bool whole =
        service->kill_mode == KillMode::control_group || service->kill_mode == KillMode::mixed;
    return whole && service->send_sigkill && service->final_kill_signal == SIGKILL;
}

}  // namespace svcd::simulation
