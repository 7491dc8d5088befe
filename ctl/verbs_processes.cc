// kill: a signal to the processes of units.
#include "guard.h"
#include "messages.h"
#include "verbs.h"

namespace svcd {

ExitStatus kill_units(Session& session) {
    const Options& options = session.options();
    ExitStatus worst = ExitStatus::done;
    for (const std::string& unit : named_units(session, true)) {
        const ExitStatus status = guarded(session, unit, [&] {
            session.daemon().manager().KillUnit(unit, options.kill_whom, options.signal);
            session.remark("sent " + signal_name(options.signal) + " to " +
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
