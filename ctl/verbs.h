// The verbs, one function each, a file for each group: what is asked of the daemon, in which order,
// and what is said about it. How it looks is print_*.h's business.
#pragma once

#include "session.h"

namespace svcd {

ExitStatus run_verb(Session& session);

// verbs_jobs.cc
ExitStatus run_jobs(Session& session);
ExitStatus cancel_jobs(Session& session);

// verbs_plan.cc
/// Of the verb `plan`, and of another one with --dry-run.
ExitStatus plan(Session& session);

// verbs_processes.cc
ExitStatus kill_units(Session& session);

// verbs_look.cc
ExitStatus show_status(Session& session);
ExitStatus show_properties(Session& session);
ExitStatus cat_files(Session& session);
ExitStatus list_units(Session& session);
ExitStatus list_jobs(Session& session);
ExitStatus list_dependencies(Session& session);
ExitStatus is_active(Session& session);
ExitStatus is_failed(Session& session);

// verbs_escape.cc
/// The one verb that asks no daemon.
ExitStatus escape_names(Session& session);

// verbs_explain.cc
ExitStatus explain_units(Session& session);

// verbs_doctor.cc
ExitStatus examine_units(Session& session);

// verbs_plot.cc
ExitStatus plot_timeline(Session& session);
ExitStatus blame_units(Session& session);
ExitStatus show_critical_chain(Session& session);

// verbs_watch.cc
ExitStatus wait_for_units(Session& session);
ExitStatus watch_events(Session& session);

// verbs_daemon.cc
/// rescue and emergency are for a machine: of a svcd that is not its init they would stop every
/// service, and nothing else would happen. Throws Trouble then.
void check_is_init(Session& session);
ExitStatus is_system_running(Session& session);
ExitStatus reload_daemon(Session& session);
ExitStatus reexecute_daemon(Session& session);
ExitStatus reset_failed(Session& session);
ExitStatus show_version(Session& session);
ExitStatus shut_down(Session& session);

}  // namespace svcd
