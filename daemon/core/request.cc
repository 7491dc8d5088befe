#include "core/request.h"

#include <algorithm>

#include "core/service.h"

namespace svcd {
namespace {

bool is_by_a_person(const JobRequested& event) {
    return event.requester.pid != 0;
}

}  // namespace

/// What a verb means for a unit in its present state.
JobType Machine::job_type_of(JobVerb verb, const Unit& unit) {
    const ActiveState state = unit.active_state();
    const bool reloads = can_reload(unit);
    switch (verb) {
        case JobVerb::start:
            return JobType::start;
        case JobVerb::stop:
            return JobType::stop;
        case JobVerb::reload:
            return JobType::reload;
        case JobVerb::restart:
            return JobType::restart;
        case JobVerb::try_restart:
            return collapsed(JobType::try_restart, state);
        case JobVerb::reload_or_restart:
            return collapsed(reloads ? JobType::reload_or_start : JobType::restart, state);
        case JobVerb::try_reload_or_restart:
            if (reloads && is_up_or_starting(state)) {
                return JobType::reload;
            }
            return reloads ? JobType::nop : collapsed(JobType::try_restart, state);
    }
    return JobType::nop;
}

/// Why a request for such a job is not even looked at.
std::optional<Refusal> Machine::refusal_to_request(const Unit& unit, JobType type) const {
    if (shutting_down && type != JobType::stop && type != JobType::nop) {
        return Refusal{RefusalKind::shutting_down,
                       unit.name() + ": no " + std::string(name_of(type)) +
                           ", for svcd is shutting down, and nothing is started on the way"};
    }
    const bool starts = type == JobType::start || type == JobType::restart;
    const bool stops = type == JobType::stop || type == JobType::restart;
    const bool start_is_refused = starts && unit.definition.refuse_manual_start;
    if (start_is_refused || (stops && unit.definition.refuse_manual_stop)) {
        return Refusal{RefusalKind::only_by_dependency,
                       unit.name() + " may be " + (start_is_refused ? "started" : "stopped") +
                           " only by a dependency (" +
                           (start_is_refused ? "RefuseManualStart" : "RefuseManualStop") +
                           " in its unit file)"};
    }
    return std::nullopt;
}

UnitsRequest::UnitsRequest(Machine& machine,
                           JobVerb verb,
                           JobMode mode,
                           const std::vector<UnitId>& units,
                           const JobRequested* event)
    : machine_(machine),
      mode_(mode),
      asker_(event == nullptr ? std::nullopt : event->requester.unit) {
    for (const UnitId id : units) {
        const Unit& unit = machine.unit(id);
        const JobType type = Machine::job_type_of(verb, unit);
        std::optional<Refusal> refusal = machine.refusal_to_request(unit, type);
        if (!refusal && event != nullptr) {
            refusal = machine.refusal_to_reload(unit, type, *event);
        }
        parts_.push_back({id, type, std::move(refusal)});
    }
    refusal_ = build_together();
    const bool is_destructive =
        refusal_ && refusal_->kind == RefusalKind::transaction_is_destructive;
    if (is_destructive && take_out_what_is_refused_alone()) {
        refusal_ = build_together();
    }
}

std::optional<Refusal> UnitsRequest::build_together() {
    std::vector<Transaction::Asked> asked;
    places_.clear();
    for (std::size_t place = 0; place < parts_.size(); ++place) {
        if (is_asked(parts_[place])) {
            asked.push_back({parts_[place].unit, parts_[place].type});
            places_.push_back(place);
        }
    }
    transaction_.emplace(machine_);
    transaction_->asked_by(asker_);
    if (asked.empty()) {
        return std::nullopt;
    }
    auto refusal = transaction_->build(asked, mode_);
    for (std::size_t each = 0; each < places_.size(); ++each) {
        parts_[places_[each]].refusal = transaction_->refusal_of(each);
    }
    return refusal;
}

/// They would undo jobs of others, by the job mode or since these are irreversible: those of them
/// that do are refused, and the others go on.
bool UnitsRequest::take_out_what_is_refused_alone() {
    bool found = false;
    for (Part& part : parts_) {
        if (is_asked(part)) {
            Transaction alone{machine_};
            alone.asked_by(asker_);
            part.refusal = alone.build(part.unit, part.type, mode_);
            found = found || part.refusal.has_value();
        }
    }
    return found;
}

std::vector<UnitReply> UnitsRequest::apply(const Requester& requester) {
    std::vector<UnitReply> replies;
    for (const Part& part : parts_) {
        replies.push_back({part.unit, JobId::none, part.refusal});
    }
    if (!places_.empty()) {
        transaction_->apply(requester);
    }
    for (std::size_t each = 0; each < places_.size(); ++each) {
        replies[places_[each]].job = transaction_->job_of(each);
    }
    return replies;
}

/// A start or restart by a person: what counts against the unit begins anew.
void Machine::clear_start_limit(Unit& unit) {
    if (unit.run == nullptr) {
        return;
    }
    unit.run->starts.clear();
    unit.run->backoff = 0;
    Service{*this, unit}.end_flapping();
    if (unit.sub_state == SubState::auto_restart) {
        unit.run->state_deadline = now;  // the delay is over: a person wants it now
        update_deadline(unit);
    }
    touch(unit);
}

void Machine::request_job(const JobRequested& event) {
    if (event.request == RequestId::none && !is_by_a_person(event)) {
        started = true;
        effects->supervisor_dirty = true;
    }
    std::vector<UnitId> wanted{event.unit};
    wanted.insert(wanted.end(), event.more.begin(), event.more.end());
    UnitsRequest request{*this, event.verb, event.mode, wanted, &event};
    std::optional<Refusal> refusal = request.refusal();
    if (!refusal && event.more.empty()) {
        refusal = request.parts().front().refusal;
    }
    if (refusal) {
        if (event.request == RequestId::none) {
            say(Severity::error, unit(event.unit), refusal->message);
        }
        refuse(event.request, std::move(*refusal));
        return;
    }
    for (const UnitsRequest::Part& part : request.parts()) {
        if (part.refusal || part.type == JobType::nop) {
            continue;
        }
        forget_comebacks_against(part.unit, part.type);
        // A unit that restarts itself is no person.
        if ((part.type == JobType::start || part.type == JobType::restart) &&
            is_by_a_person(event) && event.requester.unit != part.unit) {
            clear_start_limit(unit(part.unit));
        }
    }
    Reply reply;
    reply.request = event.request;
    reply.units = request.apply(event.requester);
    reply.job = reply.units.front().job;
    reply.left_out = request.transaction().left_out();
    std::erase_if(reply.left_out, is_meant);
    reply.isolated = request.transaction().isolating_jobs();
    if (event.request == RequestId::none) {
        return;
    }
    if (event.more.empty() && reply.job == JobId::none) {
        reply_already(std::move(reply), event.unit);
    } else {
        order(std::move(reply));
    }
}

}  // namespace svcd
