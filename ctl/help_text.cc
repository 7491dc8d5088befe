// What --help says.
#include <algorithm>

#include "options.h"
#include "verb_table.h"

namespace svcd {

namespace {

std::string_view words_after(Units units) {
    switch (units) {
        case Units::none:
            return "";
        case Units::any:
            return " [UNIT…]";
        case Units::one:
            return " UNIT";
        case Units::one_or_none:
            return " [UNIT]";
        case Units::several:
            return " UNIT…";
        case Units::jobs:
            return " [JOB…]";
        case Units::words:
            return " TEXT…";
        case Units::word:
            return " [VERB]";
        case Units::verb_and_any:
            return " VERB [UNIT…]";
    }
    return "";
}

struct OptionHelp {
    unsigned options;  ///< a verb that takes any of these sets has the lines
    unsigned unless;   ///< but not one that takes any of these
    std::string_view lines;
};

// clang-format off
constexpr OptionHelp kOptionHelp[] = {
    {kJobs, 0,
     "  --wait                for start: wait until the unit has ended again\n"
     "  --job-mode=MODE       replace (default), fail, replace-irreversibly, isolate, "
     "flush,\n                        ignore-dependencies, ignore-requirements\n"
     "  --reason=TEXT         kept in the record of who asked\n"
     "  --strict              exit 8 when a stop needed SIGKILL, 1 when it left processes over or\n"
     "                        a start left something out\n"
     "  --each                several units one after the other, each for itself\n"
     "  --dry-run             say what would happen, as 'svctl plan' does\n"},
    {kStale, 0,
     "  --reload, --stale     when the unit file has changed: read it first, or don't\n"},
    {kReload, 0,
     "  --force               also when the program has no use for the signal that reloads\n"
     "                        it, and so would end of it\n"},
    {kEnd, 0,
     "  -f, --force           take no more time than is needed to end it all: also for a\n"
     "                        shutdown that is under way\n"
     "  --reason=TEXT         kept in the record of who asked\n"
     "  --wait                until svcd has gone\n"
     "  --dry-run             say what would happen, as 'svctl plan' does\n"},
    {kPlan, 0,
     "  VERB is start, stop, restart, try-restart, reload, reload-or-restart,\n"
     "  try-reload-or-restart, isolate; or exit, poweroff, reboot, halt, without units\n"
     "  --job-mode=MODE       as of that verb\n"},
    {kKill, 0,
     "  -s, --signal=SIGNAL   SIGTERM by default; -9, -HUP, -SIGUSR1 are the same\n"
     "  --kill-whom=WHOM      all (default), main or control\n"
     "  --value=N             goes with a real-time signal, as with sigqueue(3)\n"},
    {kShow, 0,
     "  -p, --property=A,B    only these\n"
     "  --value               the bare values\n"
     "  -P NAME               both\n"},
    {kNth, 0,
     "  -n, --number=N        the N-th last stop: 1 is the last, 2 the one before it\n"
     "  -a, --all             a line for each stop that svcd has kept\n"},
    {kAll, kNth,
     "  -a, --all             everything, also what is inactive or empty\n"},
    {kList, 0,
     "  --state=STATE,…       by load, active or sub-state\n"
     "  -t, --type=TYPE,…     service, slice, target\n"
     "  --failed              the same as --state=failed\n"},
    {kTree, 0,
     "  --reverse             what pulls the unit in\n"},
    {kLines, 0,
     "  -n, --lines=N         log lines to show (10)\n"},
    {kWaitFor, 0,
     "  --for=STATE           active (default), inactive or failed\n"},
    {kEscape, 0,
     "  -p, --path            TEXT is a path: /srv/data becomes srv-data\n"
     "  --suffix=TYPE         .TYPE after it: service, mount …\n"
     "  --template=NAME       as the instance of a template: backup@.service\n"
     "  -m, --mangle          as all verbs of svctl do it with a unit that is typed\n"
     "  -u, --unescape        back again; with --instance: only the instance of it\n"},
    {kTimeline, 0,
     "  --boot                the start of svcd and of all units with it\n"
     "  --stop                what was stopped last, or the last shutdown\n"},
};
// clang-format on

}  // namespace

std::string help_text() {
    std::string text =
        "svctl [OPTION…] VERB [UNIT…]    talks to svcd\n\n"
        "  svctl                    what is running\n"
        "  svctl status web         how web.service is, and its last log lines\n"
        "  svctl restart web        stop and start it, and wait for both\n"
        "  svctl stop 'worker@*'    several at once\n";
    std::string_view group;
    for (const VerbRow& row : all_verbs()) {
        if (row.group != group) {
            group = row.group;
            text += "\n" + std::string{group} + ":\n";
        }
        std::string name{row.name};
        name.resize(std::max<std::size_t>(name.size(), 22), ' ');
        text += "  " + name + " " + std::string{row.summary} + "\n";
    }
    text +=
        "\nOptions for all verbs:\n"
        "  --user, --system         which svcd: the user's, or the machine's (default)\n"
        "  --runtime-dir=DIR        the svcd that runs with this runtime dir ($SVCD_RUNTIME_DIR)\n"
        "  --bus=ADDRESS            a socket's path, a D-Bus address, 'system' or 'session' "
        "($SVCTL_BUS)\n"
        "  -H HOST                  on another machine, by ssh; before the verb\n"
        "  --json                   for programs\n"
        "  --no-block               don't wait for jobs to end\n"
        "  --timeout=SEC            wait no longer than this; the job goes on\n"
        "  -q, --quiet              say nothing but errors\n"
        "  --no-pager, --plain, --no-legend\n\n"
        "Exit status: 0 done, 1 failed, 2 usage, 3 not active, 4 no such unit, 5 svcd can't be "
        "reached,\n6 not permitted, 7 timed out, 8 SIGKILL was needed (--strict), 9 a "
        "configuration is invalid.\n"
        "'svctl VERB --help' says more about a verb.\n";
    return text;
}

std::string help_text(Verb verb) {
    const VerbRow& row = row_of(verb);
    std::string text = "svctl " + std::string{row.name};
    text += words_after(row.units);
    text += "\n  " + std::string{row.summary} + "\n\n";
    for (const OptionHelp& help : kOptionHelp) {
        if ((row.options & help.options) != 0 && (row.options & help.unless) == 0) {
            text += help.lines;
        }
    }
    if ((row.options & kTimeline) != 0) {
        text +=
            row.verb == Verb::plot
                ? "                        (without: the stop when there was one since the boot)\n"
                : "                        (without: the boot)\n";
    }
    text += "  and the options for all verbs, see 'svctl --help'\n";
    return text;
}

}  // namespace svcd
