// kill: a signal to the processes of units.
#include "guard.h"
#include "messages.h"
#include "named_units.h"
#include "verbs.h"

namespace svcd {

namespace {

std::string what_was_sent(const Options& options) {
    return signal_name(options.signal) +
           (options.signal_value ? " with the value " + std::to_string(*options.signal_value) : "");
}

}  // namespace

ExitStatus kill_units(Session& session) {
    const Options& options = session.options();
    const ChosenUnits chosen = chosen_units(session, options.arguments, "kill");
    ExitStatus worst = chosen.status;
    for (const std::string& unit : chosen.units) {
        const ExitStatus status = guarded(session, unit, [&] {
            ManagerProxy& manager = session.daemon().manager();
            if (options.signal_value) {
                manager.QueueSignalUnit(unit, options.kill_whom, options.signal,
                                        *options.signal_value);
            } else {
                manager.KillUnit(unit, options.kill_whom, options.signal);
            }
            session.remark("sent " + what_was_sent(options) + " to " +
                           (options.kill_whom == "all" ? "the processes"
                                                       : "the " + options.kill_whom + " process") +
                           " of " + unit + "\n");
            return ExitStatus::done;
        });
        worst = worse(worst, status);
    }
    return worst;
}

}  // namespace svcd
