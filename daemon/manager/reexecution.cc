// Manager.Reexecute: after an upgrade of the package, the new svcd-manager goes on where this one
// leaves. There is nothing to hand over: all that it needs is written down already, as for a crash.
#include "manager/manager.h"

namespace svcd {

void Manager::reexecute(RequestId request) noexcept {
    reexecution_requests_.push_back(request);
    if (reexecution_requests_.size() > 1) {
        return;
    }
    Result<std::unique_ptr<SuccessorProbe>> probe = SuccessorProbe::start(
        loop_, options_.program, [this](const std::string& objection) { on_successor(objection); });
    if (!probe) {
        on_successor("could not be tried: " + to_string(probe.error()));
        return;
    }
    successor_ = std::move(*probe);
}

/// So that the next one knows that this one did not die.
void Manager::note_handover() {
    SupervisorRecord record = supervisor_.record();
    record.handed_over = 1;
    if (const auto written = kernel_.state.write(record); !written) {
        log_.say(Severity::warning, to_string(written.error()));
    }
}

void Manager::on_successor(const std::string& objection) {
    const std::string refusal = options_.program + " " + objection +
                                "; this manager stays. Install svcd whole, then try again";
    for (const RequestId request : std::exchange(reexecution_requests_, {})) {
        Reply reply;
        reply.request = request;
        if (!objection.empty()) {
            reply.refusal = Refusal{RefusalKind::successor_fails, refusal};
        }
        bus_.reply(reply);
    }
    if (objection.empty()) {
        log_.say(Severity::notice, "Making room for another manager");
        makes_room_ = true;
    } else {
        log_.say(Severity::error, refusal);
    }
}

}  // namespace svcd
