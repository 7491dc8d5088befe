// The end of everything: a latch, and one transaction that stops each unit in reverse order.
#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {

void Machine::request_shutdown(const ShutdownRequested& event) {
    reply(event.request, JobId::none);
    if (shutting_down) {
        return;  // asking again neither restarts nor hurries it
    }
    shutting_down = true;
    shutdown_kind = event.kind;
    effects->supervisor_dirty = true;
    say(Severity::notice,
        "shutting down (" + std::string(name_of(event.kind)) + ")" +
            (event.requester.reason.empty() ? "" : ": " + event.requester.reason));
    Transaction transaction{*this};
    transaction.build_shutdown();
    Requester requester = event.requester;
    if (requester.reason.empty()) {
        requester.reason = "shutdown";
    }
    transaction.apply(requester);
}

void Machine::continue_shutdown() {
    if (!shutting_down || has_exited || !jobs.empty()) {
        return;
    }
    bool something_stayed = something_was_killed;
    bool is_over = true;
    for (const auto& unit : units) {
        if (!unit->is_known || is_perpetual(unit->name())) {
            continue;
        }
        if (!is_down(unit->active_state())) {
            is_over = false;
            if (unit->job == JobId::none) {
                // It came up, or stayed up, beside the transaction.
                install(unit->id, JobType::stop, Requester{0, 0, {}, "shutdown"}, true, true);
            }
        }
        something_stayed = something_stayed || unit->sub_state == SubState::stop_wedged;
    }
    if (is_over) {
        has_exited = true;
        order(Exit{shutdown_kind, exit_status >= 0 ? exit_status : (something_stayed ? 1 : 0)});
    }
}

}  // namespace svcd
