// svcd itself: its state, its unit files, its end.
#include <poll.h>

#include <map>

#include "guard.h"
#include "job_wait.h"
#include "named_units.h"
#include "signals.h"
#include "verbs.h"
#include "watch.h"

#ifndef SVCD_VERSION
#error "the build gives the version"
#endif

namespace svcd {
namespace {

std::string system_state(Session& session) {
    return session.daemon().manager().SystemState();
}

ExitStatus end_of(Signals::End end) {
    return end == Signals::End::interrupted ? ExitStatus::interrupted : ExitStatus::timed_out;
}

}  // namespace

void check_is_init(Session& session) {
    const Options& options = session.options();
    const bool is_for_machine = options.verb == Verb::rescue || options.verb == Verb::emergency;
    if (is_for_machine && !session.daemon().manager().IsInit()) {
        const std::string name{options.verb_name};
        throw Trouble{ExitStatus::failed,
                      "org.svcd1.NotInit",
                      name + ": this svcd is not the machine's init; nothing was done",
                      "",
                      "'svctl isolate " + name + ".target' stops all that the target does not want",
                      ""};
    }
}

ExitStatus is_system_running(Session& session) {
    std::string state;
    if (session.options().wait) {
        bool stale = true;
        const Signals::End end = watch(
            session,
            [&](Signals& signals) {
                signals.on_job_removed([&](const auto&...) { stale = true; });
                signals.subscribe();
                stale = true;
            },
            [&] {
                if (std::exchange(stale, false)) {
                    state = system_state(session);
                }
                return state != "initializing" && state != "starting";
            },
            deadline_of(session.options()));
        if (end != Signals::End::satisfied) {
            return end_of(end);
        }
    } else {
        state = system_state(session);
    }
    if (session.options().json) {
        session.print(json_text({{"state", state}}));
    }
    if (!session.options().json && !session.options().quiet) {
        session.print(state + "\n");
    }
    return state == "running" ? ExitStatus::done : ExitStatus::failed;
}

ExitStatus reload_daemon(Session& session) {
    const auto [errors, warnings] = session.daemon().manager().ReloadUnits();
    if (session.options().json) {
        session.print(json_text({{"errors", errors}, {"warnings", warnings}}));
    }
    if (!session.options().json) {
        for (const std::string& warning : warnings) {
            session.warn(warning);
        }
        for (const std::string& error : errors) {
            session.report({ExitStatus::bad_config, "org.svcd1.BadUnitSetting", error, "", "", ""});
        }
        if (!errors.empty()) {
            session.warn("units with errors keep the definition they had; all others are reloaded");
        }
        session.remark(errors.empty() ? "reloaded all unit files\n" : "");
    }
    return errors.empty() ? ExitStatus::done : ExitStatus::bad_config;
}

ExitStatus reexecute_daemon(Session& session) {
    constexpr Usec kTakeOverMax = 10'000'000;
    constexpr int kPauseMilliseconds = 2;
    const std::uint32_t before = session.daemon().manager().ManagerPID();
    session.daemon().manager().Reexecute();
    // The old one has answered, and goes now: until then a new connection may still be to it.
    const Usec begun = monotonic_now();
    while (true) {
        const std::uint32_t now = asked(session, [&] {
            session.reconnect();
            return session.daemon().manager().ManagerPID();
        });
        if (now != before) {
            session.remark("another svcd-manager has taken over in " +
                           timespan(monotonic_now() - begun) + " (PID " + std::to_string(now) +
                           ", svcd " + session.daemon().manager().Version() + ")\n");
            return ExitStatus::done;
        }
        if (monotonic_now() - begun > kTakeOverMax) {
            session.report({ExitStatus::failed, "org.svcd1.TimedOut",
                            "svcd-manager (PID " + std::to_string(before) +
                                ") has agreed to make room, but is still there",
                            "", "'svctl status' shows what it does", ""});
            return ExitStatus::failed;
        }
        ::poll(nullptr, 0, kPauseMilliseconds);
    }
}

ExitStatus reset_failed(Session& session) {
    if (session.options().arguments.empty()) {
        session.daemon().manager().ResetFailed();
        return ExitStatus::done;
    }
    const ChosenUnits chosen = chosen_units(session, session.options().arguments, "reset-failed");
    ExitStatus worst = chosen.status;
    for (const std::string& unit : chosen.units) {
        const ExitStatus status = guarded(session, unit, [&] {
            session.daemon().manager().ResetFailedUnit(unit);
            return ExitStatus::done;
        });
        worst = worse(worst, status);
    }
    return worst;
}

ExitStatus show_version(Session& session) {
    std::string daemon;
    try {
        daemon = session.daemon().manager().Version();
    } catch (const sdbus::Error&) {
        daemon.clear();  // svctl's own version can be told without it
    } catch (const Trouble&) {
        daemon.clear();
    }
    if (session.options().json) {
        session.print(
            json_text({{"svctl", SVCD_VERSION}, {"svcd", daemon.empty() ? Json{} : Json(daemon)}}));
        return ExitStatus::done;
    }
    session.print("svctl " SVCD_VERSION "\n");
    session.print(daemon.empty() ? "svcd can't be reached\n" : "svcd " + daemon + "\n");
    return ExitStatus::done;
}

namespace {

/// A manager that merely died has a successor, which goes on; one that left when all was done has
/// none.
ExitStatus wait_for_end_of_svcd(Session& session, Usec deadline) {
    while (true) {
        const Signals::End end = Signals{session.connection()}.wait([] { return false; }, deadline);
        if (end != Signals::End::connection_lost) {
            return end_of(end);
        }
        if (!session.find_again()) {
            return ExitStatus::done;
        }
    }
}

}  // namespace

ExitStatus shut_down(Session& session) {
    const Options& options = session.options();
    std::map<std::string, sdbus::Variant> how;
    if (options.force) {
        how["force"] = sdbus::Variant{true};
    }
    if (!options.reason.empty()) {
        how["reason"] = sdbus::Variant{options.reason};
    }
    // The verb's name is the kind's.
    session.daemon().manager().Shutdown(std::string{options.verb_name}, how);
    session.remark("svcd is stopping all units\n");
    if (!options.wait) {
        return ExitStatus::done;
    }
    return wait_for_end_of_svcd(session, deadline_of(options));
}

}  // namespace svcd
