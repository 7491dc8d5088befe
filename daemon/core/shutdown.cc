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
    Requester requester = event.requester;
    if (requester.reason.empty()) {
        requester.reason = "shutdown";
    }
    stop_all(requester);
}

void Machine::stop_all(const Requester& requester) {
    Transaction transaction{*this};
    transaction.build_shutdown();
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
        is_over = is_over && is_down(unit->active_state());
        something_stayed = something_stayed || unit->sub_state == SubState::stop_wedged;
    }
    if (!is_over) {
        // Something came up, or stayed up, beside the transaction; or its jobs were cancelled.
        stop_all(Requester{0, 0, {}, "shutdown"});
        return;
    }
    has_exited = true;
    order(Exit{shutdown_kind, exit_status >= 0 ? exit_status : (something_stayed ? 1 : 0)});
}

}  // namespace svcd
