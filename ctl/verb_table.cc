#include "verb_table.h"

#include <algorithm>
#include <array>

#include "unit_names.h"

namespace svcd {
namespace {

// clang-format off
constexpr auto kVerbs = std::to_array<VerbRow>({
    {Verb::list_units,       "list-units",        Units::any,     kList | kAll, "Look", "the units that are active or failed (all with --all)"},
    {Verb::status,           "status",            Units::any,     kLines | kAll, "Look", "state, processes and last log lines of units; without a unit, of svcd"},
    {Verb::explain,          "explain",           Units::several, kNth | kAll,  "Look", "why units are as they are, how their stops went, what to change"},
    {Verb::doctor,           "doctor",            Units::any,     kGeneral,     "Look", "what will go wrong with services; exit 1 when something will"},
    {Verb::plan,             "plan",              Units::verb_and_any, kPlan,   "Look", "what a verb would do to units: order, reasons, longest time; changes nothing"},
    {Verb::plot,             "plot",              Units::none,    kTimeline,    "Look", "a picture (SVG) of the last stop or boot: svctl plot > plot.svg"},
    {Verb::blame,            "blame",             Units::none,    kTimeline,    "Look", "how long each unit took to start (or, with --stop, to stop)"},
    {Verb::critical_chain,   "critical-chain",    Units::one_or_none, kTimeline, "Look", "what waited for what until all (or a unit) was up or down"},
    {Verb::show,             "show",              Units::any,     kShow | kAll, "Look", "the properties of units (or of svcd), for scripts"},
    {Verb::cat,              "cat",               Units::several, kGeneral,     "Look", "the unit file and its drop-ins"},
    {Verb::list_dependencies,"list-dependencies", Units::any,     kTree | kAll, "Look", "what a unit pulls in, as a tree"},
    {Verb::list_jobs,        "list-jobs",         Units::any,     kGeneral,     "Look", "jobs that wait or run"},
    {Verb::escape,           "escape",            Units::words,   kEscape,      "Look", "text as it stands in a unit name: svctl escape --template=backup@.service /srv/data"},
    {Verb::is_active,        "is-active",         Units::several, kGeneral,     "Look", "exit 0 when the unit is active"},
    {Verb::is_failed,        "is-failed",         Units::several, kGeneral,     "Look", "exit 0 when the unit has failed"},
    {Verb::is_system_running,"is-system-running", Units::none,    kGeneral,     "Look", "exit 0 when everything is started and nothing failed"},
    {Verb::wait,             "wait",              Units::several, kWaitFor,     "Look", "wait until units are in a state (--for=)"},
    {Verb::events,           "events",            Units::any,     kGeneral,     "Look", "a line for each job and state change as it happens"},
    {Verb::start,            "start",             Units::several, kJobs,        "Start and stop", "start units"},
    {Verb::stop,             "stop",              Units::several, kJobs,        "Start and stop", "stop units"},
    {Verb::restart,          "restart",           Units::several, kJobs | kStale, "Start and stop", "stop units and start them again"},
    {Verb::try_restart,      "try-restart",       Units::several, kJobs,        "Start and stop", "restart units that are active"},
    {Verb::reload,           "reload",            Units::several, kJobs | kReload,        "Start and stop", "have services read their configuration again"},
    {Verb::reload_or_restart,"reload-or-restart", Units::several, kJobs | kReload,        "Start and stop", "reload units that can, restart the others"},
    {Verb::try_reload_or_restart, "try-reload-or-restart", Units::several, kJobs | kReload, "Start and stop", "the same, for units that are active"},
    {Verb::isolate,          "isolate",           Units::one,     kJobs,        "Start and stop", "start a unit and stop all that it doesn't need"},
    {Verb::cancel,           "cancel",            Units::jobs,    kGeneral,     "Start and stop", "cancel jobs, by number (all without one)"},
    {Verb::kill,             "kill",              Units::several, kKill,        "Start and stop", "send a signal to the processes of units"},
    {Verb::reset_failed,     "reset-failed",      Units::any,     kGeneral,     "Start and stop", "forget that units failed, and their start limits"},
    {Verb::daemon_reload,    "daemon-reload",     Units::none,    kGeneral,     "svcd", "read all unit files again; exit 9 when one has errors"},
    {Verb::daemon_reexec,    "daemon-reexec",     Units::none,    kGeneral,     "svcd", "have the svcd-manager that is installed now take over; services go on"},
    {Verb::exit,             "exit",              Units::none,    kEnd,         "svcd", "stop everything and end svcd"},
    {Verb::poweroff,         "poweroff",          Units::none,    kEnd,         "svcd", "stop everything and switch the machine off"},
    {Verb::reboot,           "reboot",            Units::none,    kEnd,         "svcd", "stop everything and start the machine again"},
    {Verb::halt,             "halt",              Units::none,    kEnd,         "svcd", "stop everything and halt the machine"},
    {Verb::version,          "version",           Units::none,    kGeneral,     "svcd", "the version of svctl and of the svcd it talks to"},
    {Verb::kexec,            "kexec",             Units::none,    kEnd,         "svcd", "stop everything and start another kernel, where that can be done"},
    {Verb::rescue,           "rescue",            Units::none,    kJobs,        "svcd", "isolate rescue.target: a shell on the console, and little else"},
    {Verb::emergency,        "emergency",         Units::none,    kJobs,        "svcd", "isolate emergency.target: a shell on the console, and nothing else"},
    {Verb::default_target,   "default",           Units::none,    kJobs,        "svcd", "isolate default.target: what a boot starts"},
    {Verb::help,             "help",              Units::word,    kGeneral,     "svcd", "what a verb does"},
});


constexpr std::string_view kEditTheFile =
    "edit the unit's file ('svctl cat UNIT' names it), then 'svctl daemon-reload'";
constexpr std::string_view kInstallCounts =
    "'svctl doctor UNIT' shows the link that does what the file's Install wishes for; then 'svctl daemon-reload'";
constexpr std::string_view kNoInstall =
    "remove the link to the unit's file in TARGET.wants of the unit path, then 'svctl daemon-reload'";
constexpr std::string_view kOtherUnitTypes =
    "svcd has services, targets and slices; 'svctl list-units' lists them";
constexpr std::string_view kLogOfSvcd = "svcd's own --log-level decides what it says";
constexpr std::string_view kEnvironment = "Environment and EnvironmentFile in a unit's file set it";
constexpr std::string_view kSleep = "svcd starts and stops services; it puts no machine to sleep";
constexpr std::string_view kNoDiff =
    "'svctl show -P NeedDaemonReload UNIT' tells whether files have changed";

struct AbsentVerb {
    std::string_view name;
    std::string_view instead;
};
/// Verbs of systemctl, and those of ours that are on their way: people and scripts have them in
/// their fingers, so each is answered as what it is.
constexpr auto kAbsentVerbs = std::to_array<AbsentVerb>({
    {"edit",              kEditTheFile},
    {"revert",            kEditTheFile},
    {"set-property",      kEditTheFile},
    {"add-wants",         kEditTheFile},
    {"add-requires",      kEditTheFile},
    {"bind",              kEditTheFile},
    {"mount-image",       kEditTheFile},
    {"enable",            kInstallCounts},
    {"disable",           kNoInstall},
    {"reenable",          kInstallCounts},
    {"preset",            kInstallCounts},
    {"preset-all",        kInstallCounts},
    {"is-enabled",        "'svctl show -p WantedBy,RequiredBy UNIT' names who starts it"},
    {"link",              "put a link to the file into a folder of the unit path, then 'svctl daemon-reload'"},
    {"mask",              "link UNIT.yaml in the unit path to /dev/null, then 'svctl daemon-reload'"},
    {"unmask",            "remove the link of UNIT.yaml to /dev/null, then 'svctl daemon-reload'"},
    {"list-unit-files",   "'svctl show -P UnitPath' names the folders; 'svctl list-units --all' what is loaded"},
    {"list-timers",       kOtherUnitTypes},
    {"list-sockets",      kOtherUnitTypes},
    {"list-paths",        kOtherUnitTypes},
    {"list-automounts",   kOtherUnitTypes},
    {"list-machines",     "'svctl -H HOST list-units' asks another machine"},
    {"get-default",       "svcd starts default.target: 'svctl cat default.target' shows what that is"},
    {"set-default",       "link default.target.yaml in the unit path to the target's file"},
    {"freeze",            "'svctl --help' lists the verbs"},
    {"thaw",              "'svctl --help' lists the verbs"},
    {"clean",             "'svctl show UNIT' names the folders of a unit"},
    {"log-level",         kLogOfSvcd},
    {"log-target",        kLogOfSvcd},
    {"service-log-level", kLogOfSvcd},
    {"service-log-target", kLogOfSvcd},
    {"service-watchdogs", "WatchdogSec in the unit's file decides"},
    {"show-environment",  kEnvironment},
    {"set-environment",   kEnvironment},
    {"unset-environment", kEnvironment},
    {"import-environment", kEnvironment},
    {"suspend",           kSleep},
    {"hibernate",         kSleep},
    {"hybrid-sleep",      kSleep},
    {"suspend-then-hibernate", kSleep},
    {"sleep",             kSleep},
    {"soft-reboot",       "'svctl --help' lists the verbs"},
    {"switch-root",       "svcd is started by the init of an initramfs, not in it"},
    {"logs",              "'svctl status -n 100 UNIT' shows the last lines, 'svctl show -P LogPath UNIT' the file"},
    {"log",               "'svctl status -n 100 UNIT' shows the last lines, 'svctl show -P LogPath UNIT' the file"},
    {"history",           "'svctl explain --all UNIT' has the last stops of a unit"},
    {"report",            "'svctl explain UNIT' and 'svctl doctor' say what is known"},
    {"diff",              kNoDiff},
    {"apply",             kNoDiff},
    {"whoami",            "/proc/self/cgroup names the unit of a process"},
    {"calendar",          kOtherUnitTypes},
    {"security",          "'svctl --help' lists the verbs"},
    {"metrics",           "'svctl list-units --json' has states and memory for programs"},
    {"top",               "'svctl list-units' and 'svctl status UNIT' show states and processes"},
    {"verify",            "'svctl daemon-reload' tells each fault in a unit file"},
    {"import",            "docs/units.md has the names of systemd's settings in YAML"},
    {"graph",             "'svctl list-dependencies UNIT' shows them as a tree"},
    {"schema",            "packaging/schema has the schema of unit files"},
    {"run",               "write a unit file and start it"},
});
// clang-format on

struct Alias {
    std::string_view name;
    std::string_view verb;
};
/// Other words of systemctl's for the same.
constexpr auto kAliases = std::to_array<Alias>({{"condrestart", "try-restart"},
                                                {"condreload", "try-reload-or-restart"},
                                                {"force-reload", "try-reload-or-restart"},
                                                {"reload-or-try-restart", "try-reload-or-restart"},
                                                {"condstop", "stop"}});

/// Verbs that stop or end something.
constexpr auto kEndingVerbs =
    std::to_array<Verb>({Verb::stop, Verb::restart, Verb::try_restart, Verb::reload_or_restart,
                         Verb::try_reload_or_restart, Verb::isolate, Verb::cancel, Verb::kill,
                         Verb::exit, Verb::poweroff, Verb::reboot, Verb::halt, Verb::kexec,
                         Verb::rescue, Verb::emergency, Verb::default_target});

}  // namespace

std::span<const VerbRow> all_verbs() {
    return kVerbs;
}

const VerbRow* find_verb(std::string_view name) {
    const auto* alias = std::ranges::find(kAliases, name, &Alias::name);
    const auto* row =
        std::ranges::find(kVerbs, alias == kAliases.end() ? name : alias->verb, &VerbRow::name);
    return row == kVerbs.end() ? nullptr : row;
}

const VerbRow& row_of(Verb verb) {
    return *std::ranges::find(kVerbs, verb, &VerbRow::verb);
}

std::optional<std::string_view> target_of(Verb verb) {
    if (verb == Verb::rescue) {
        return "rescue.target";
    }
    if (verb == Verb::emergency) {
        return "emergency.target";
    }
    return verb == Verb::default_target ? std::optional<std::string_view>{"default.target"}
                                        : std::nullopt;
}

EarlyEnd usage_error(const std::string& text, std::string_view hint) {
    return EarlyEnd{ExitStatus::usage, "error: " + text + "\nhint: " + std::string{hint} + "\n",
                    text};
}

EarlyEnd unknown_verb(const std::string& word) {
    if (const auto* absent = std::ranges::find(kAbsentVerbs, word, &AbsentVerb::name);
        absent != kAbsentVerbs.end()) {
        return usage_error("svctl has no verb '" + word + "' yet; nothing was done",
                           absent->instead);
    }
    std::vector<std::string> names;
    for (const VerbRow& row : kVerbs) {
        names.emplace_back(row.name);
    }
    // The nearest of all, not of those that are harmless: who mistypes restart doesn't mean start.
    const auto meant = nearest(word, names);
    const bool is_harmless =
        meant && std::ranges::find(kEndingVerbs, find_verb(*meant)->verb) == kEndingVerbs.end();
    return usage_error(
        "unknown verb '" + word + "'; nothing was done",
        is_harmless ? "did you mean 'svctl " + *meant + "'?" : "'svctl --help' lists the verbs");
}

}  // namespace svcd
