// svctl: talks to svcd. Options, dispatch, and the last guard.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "answer_alarm.h"
#include "guard.h"
#include "options.h"
#include "remote.h"
#include "verbs.h"

namespace svcd {

ExitStatus run_verb(Session& session) {
    if (session.options().dry_run) {
        return plan(session);
    }
    switch (session.options().verb) {
        case Verb::start:
        case Verb::stop:
        case Verb::restart:
        case Verb::try_restart:
        case Verb::reload:
        case Verb::reload_or_restart:
        case Verb::try_reload_or_restart:
        case Verb::isolate:
        case Verb::rescue:
        case Verb::emergency:
        case Verb::default_target:
            return run_jobs(session);
        case Verb::plan:
            return plan(session);
        case Verb::cancel:
            return cancel_jobs(session);
        case Verb::kill:
            return kill_units(session);
        case Verb::status:
            return show_status(session);
        case Verb::show:
            return show_properties(session);
        case Verb::cat:
            return cat_files(session);
        case Verb::explain:
            return explain_units(session);
        case Verb::doctor:
            return examine_units(session);
        case Verb::plot:
            return plot_timeline(session);
        case Verb::blame:
            return blame_units(session);
        case Verb::critical_chain:
            return show_critical_chain(session);
        case Verb::list_units:
            return list_units(session);
        case Verb::list_dependencies:
            return list_dependencies(session);
        case Verb::list_jobs:
            return list_jobs(session);
        case Verb::is_active:
            return is_active(session);
        case Verb::is_failed:
            return is_failed(session);
        case Verb::is_system_running:
            return is_system_running(session);
        case Verb::wait:
            return wait_for_units(session);
        case Verb::events:
            return watch_events(session);
        case Verb::daemon_reload:
            return reload_daemon(session);
        case Verb::daemon_reexec:
            return reexecute_daemon(session);
        case Verb::reset_failed:
            return reset_failed(session);
        case Verb::version:
            return show_version(session);
        case Verb::exit:
        case Verb::poweroff:
        case Verb::reboot:
        case Verb::halt:
        case Verb::kexec:
            return shut_down(session);
        case Verb::escape:
            return escape_names(session);
        case Verb::help:
            return ExitStatus::done;  // answered while the options were read
    }
    return ExitStatus::usage;
}

namespace {

/// --timeout is for the whole of it. The verbs that wait keep to it themselves and say how far they
/// got; this much later it must be a call that isn't answered.
constexpr Usec kAnswerGrace = 500'000;

Usec answer_limit(const Options& options) {
    return options.timeout && *options.timeout != kUsecInfinity ? *options.timeout + kAnswerGrace
                                                                : 0;
}

ExitStatus run_in_time(Session& session) {
    const AnswerAlarm alarm{
        answer_limit(session.options()), ExitStatus::timed_out,
        session.no_answer_text(ExitStatus::timed_out, "svcd has not answered in the time given")};
    return guarded(session, "", [&] { return run_verb(session); });
}

int finish(ExitStatus status) {
    return static_cast<int>(status);
}

/// The options could not be read, or it was a help text that was asked for.
int end_early(const EarlyEnd& end, const std::vector<std::string>& arguments) {
    if (end.status == ExitStatus::done) {
        std::fputs(end.text.c_str(), stdout);
        return finish(end.status);
    }
    const auto last = std::ranges::find(arguments, "--");
    const bool json = std::find(arguments.begin(), last, "--json") != last;
    const Trouble trouble{end.status, "org.svcd1.InvalidArgs", end.message, "", "", ""};
    const std::string text =
        json ? trouble_text(trouble, true, Screen{}) : harmless_page(end.text, Screen{});
    std::fputs(text.c_str(), stderr);
    return finish(end.status);
}

int run(const std::vector<std::string>& arguments) {
    std::variant<Options, EarlyEnd> parsed = parse_options(arguments);
    if (const auto* end = std::get_if<EarlyEnd>(&parsed)) {
        return end_early(*end, arguments);
    }
    Options& options = std::get<Options>(parsed);
    if (!options.host.empty()) {
        return finish(run_on_host(options.host, arguments));
    }
    Session session{std::move(options)};
    for (const std::string& warning : session.options().warnings) {
        session.warn(warning);
    }
    const ExitStatus status = run_in_time(session);
    return finish(worse(status, session.present()));
}

}  // namespace
}  // namespace svcd

int main(int count, char** values) {
    // A broken pipe ends svctl quietly, also below a parent that ignores the signal.
    ::signal(SIGPIPE, SIG_DFL);
    const int status = svcd::run(std::vector<std::string>{values + 1, values + count});
    // What is left to do at an orderly exit is giving memory back, which the kernel does faster.
    std::fflush(nullptr);
    ::_exit(status);
}
