#include "core/job.h"

#include "core/sub_state.h"

namespace svcd {

std::optional<JobType> merged(JobType first, JobType second) {
    if (first == second || second == JobType::nop) {
        return first;
    }
    if (first == JobType::nop) {
        return second;
    }
    if (first == JobType::stop || second == JobType::stop) {
        return std::nullopt;  // a stop contradicts everything but a stop
    }
    if (first == JobType::restart || second == JobType::restart) {
        return JobType::restart;  // and a restart does everything else
    }
    if (first == JobType::verify_active) {
        return second;
    }
    if (second == JobType::verify_active) {
        return first;
    }
    return JobType::reload_or_start;  // start and reload, in some combination
}

JobType collapsed(JobType type, ActiveState state) {
    switch (type) {
        case JobType::try_restart:
            return is_down_or_stopping(state) ? JobType::nop : JobType::restart;
        case JobType::reload_or_start:
            return is_down_or_stopping(state) ? JobType::start : JobType::reload;
        case JobType::start:
        case JobType::verify_active:
        case JobType::stop:
        case JobType::reload:
        case JobType::restart:
        case JobType::nop:
            return type;
    }
    return type;
}

bool is_redundant(JobType type, ActiveState state) {
    switch (type) {
        case JobType::start:
        case JobType::verify_active:
            return is_up(state);
        case JobType::stop:
            return is_down(state);
        case JobType::nop:
            return true;
        case JobType::reload:
        case JobType::restart:
        case JobType::try_restart:
        case JobType::reload_or_start:
            return false;
    }
    return false;
}

bool waits_for(JobType later, JobType earlier) {
    if (later == JobType::nop || earlier == JobType::nop) {
        return false;
    }
    return later != JobType::stop && later != JobType::restart;
}

bool has_to_wait(JobType job, Relation relation, JobType other) {
    if (job == JobType::nop || other == JobType::nop) {
        return false;
    }
    return relation == Relation::after ? waits_for(job, other) : !waits_for(other, job);
}

bool stops(JobType type) {
    return type == JobType::stop || type == JobType::restart || type == JobType::try_restart;
}

bool has_to_wait(const Job& job, Relation relation, const Job& other) {
    return !job.ignore_order && has_to_wait(job.type, relation, other.type);
}

bool is_held_up(const Job& job, Relation relation, const Job& other) {
    const bool reloads = job.type == JobType::reload || job.type == JobType::reload_or_start;
    const bool is_part_of_stop = reloads && stops(other.type) && job.requester.unit == other.unit;
    return has_to_wait(job, relation, other) && !is_part_of_stop;
}

}  // namespace svcd
