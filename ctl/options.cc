#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "messages.h"
#include "unit_names.h"

namespace svcd {
namespace {

/// Sets of options; a verb takes those of its sets and the general ones.
enum OptionSet : unsigned {
    kGeneral = 0,
    kJobs = 1,
    kKill = 2,
    kShow = 4,
    kList = 8,
    kTree = 16,
    kLines = 32,
    kWaitFor = 64,
    kAll = 128,
    kStale = 256,
    kEnd = 512,
    kNth = 1024,
    kPlan = 2048,
    kTimeline = 4096,
};

enum class Units : std::uint8_t { none, any, one, one_or_none, several, jobs, word, verb_and_any };

struct VerbRow {
    Verb verb;
    std::string_view name;
    Units units;
    unsigned options;
    std::string_view group;
    std::string_view summary;
};

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
    {Verb::is_active,        "is-active",         Units::several, kGeneral,     "Look", "exit 0 when the unit is active"},
    {Verb::is_failed,        "is-failed",         Units::several, kGeneral,     "Look", "exit 0 when the unit has failed"},
    {Verb::is_system_running,"is-system-running", Units::none,    kGeneral,     "Look", "exit 0 when everything is started and nothing failed"},
    {Verb::wait,             "wait",              Units::several, kWaitFor,     "Look", "wait until units are in a state (--for=)"},
    {Verb::events,           "events",            Units::any,     kGeneral,     "Look", "a line for each job and state change as it happens"},
    {Verb::start,            "start",             Units::several, kJobs,        "Start and stop", "start units"},
    {Verb::stop,             "stop",              Units::several, kJobs,        "Start and stop", "stop units"},
    {Verb::restart,          "restart",           Units::several, kJobs | kStale, "Start and stop", "stop units and start them again"},
    {Verb::try_restart,      "try-restart",       Units::several, kJobs,        "Start and stop", "restart units that are active"},
    {Verb::reload,           "reload",            Units::several, kJobs,        "Start and stop", "have services read their configuration again"},
    {Verb::reload_or_restart,"reload-or-restart", Units::several, kJobs,        "Start and stop", "reload units that can, restart the others"},
    {Verb::try_reload_or_restart, "try-reload-or-restart", Units::several, kJobs, "Start and stop", "the same, for units that are active"},
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
    {Verb::help,             "help",              Units::word,    kGeneral,     "svcd", "what a verb does"},
});
// clang-format on

const VerbRow* find_verb(std::string_view name) {
    const auto* row = std::ranges::find(kVerbs, name, &VerbRow::name);
    return row == kVerbs.end() ? nullptr : row;
}

const VerbRow& row_of(Verb verb) {
    return *std::ranges::find(kVerbs, verb, &VerbRow::verb);
}

struct ValueOption {
    char letter;
    std::string_view name;
};
/// Options that take a value, which may stand in the next argument: the search for the verb has to
/// step over it.
constexpr auto kValueOptions = std::to_array<ValueOption>({{'H', "--host"},
                                                           {'\0', "--bus"},
                                                           {'\0', "--runtime-dir"},
                                                           {'\0', "--timeout"},
                                                           {'\0', "--job-mode"},
                                                           {'\0', "--reason"},
                                                           {'s', "--signal"},
                                                           {'\0', "--kill-whom"},
                                                           {'p', "--property"},
                                                           {'P', ""},
                                                           {'\0', "--state"},
                                                           {'t', "--type"},
                                                           {'n', "--lines"},
                                                           {'n', "--number"},
                                                           {'\0', "--for"}});

bool takes_next(std::string_view argument) {
    if (argument.starts_with("--")) {
        return std::ranges::find(kValueOptions, argument, &ValueOption::name) !=
               kValueOptions.end();
    }
    // Of "-qp" the p takes the next argument; of "-pId" it has its value already.
    for (std::size_t i = 1; i < argument.size(); ++i) {
        if (std::ranges::find(kValueOptions, argument[i], &ValueOption::letter) !=
            kValueOptions.end()) {
            return i + 1 == argument.size();
        }
    }
    return false;
}

/// The first argument that is neither an option nor the value of one.
std::optional<std::string> find_verb_word(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--") {
            return i + 1 < arguments.size() ? std::optional{arguments[i + 1]} : std::nullopt;
        }
        if (!argument.starts_with('-') || argument == "-") {
            return argument;
        }
        if (takes_next(argument)) {
            ++i;
        }
    }
    return std::nullopt;
}

void split_at_commas(std::vector<std::string>& list) {
    std::vector<std::string> parts;
    for (const std::string& entry : list) {
        std::size_t begin = 0;
        while (begin <= entry.size()) {
            const std::size_t end = std::min(entry.find(',', begin), entry.size());
            if (end > begin) {
                parts.push_back(entry.substr(begin, end - begin));
            }
            begin = end + 1;
        }
    }
    list = std::move(parts);
}

/// What CLI11 stores as text, and is then checked and converted.
struct RawValues {
    std::vector<std::string> words;
    std::string timeout;
    std::string signal;
    std::vector<std::string> bare_properties;
    bool system = false;
    bool help = false;
    bool version = false;
};

void add_list(CLI::App& app, const std::string& names, std::vector<std::string>& target) {
    app.add_option(names, target)->allow_extra_args(false);
}

void add_general(CLI::App& app, Options& options, RawValues& raw) {
    app.add_option("words", raw.words);
    app.add_flag("-h,--help", raw.help);
    app.add_flag("--version", raw.version);
    app.add_flag("--user", options.user);
    app.add_flag("--system", raw.system);
    app.add_option("-H,--host", options.host);
    app.add_option("--bus", options.bus);
    app.add_option("--runtime-dir", options.runtime_dir);
    app.add_flag("--json", options.json);
    app.add_flag("--no-pager", options.no_pager);
    app.add_flag("-q,--quiet", options.quiet);
    app.add_flag("--plain", options.plain);
    app.add_flag("--no-legend", options.no_legend);
    app.add_flag("--no-block", options.no_block);
    app.add_flag("--wait", options.wait);
    app.add_option("--timeout", raw.timeout);
}

void add_special(CLI::App& app, unsigned sets, Options& options, RawValues& raw) {
    if ((sets & kJobs) != 0) {
        app.add_option("--job-mode", options.job_mode);
        app.add_option("--reason", options.reason);
        app.add_flag("--strict", options.strict);
        app.add_flag("--dry-run", options.dry_run);
    }
    if ((sets & kStale) != 0) {
        app.add_flag("--reload", options.reload_first);
        app.add_flag("--stale", options.stale);
    }
    if ((sets & kEnd) != 0) {
        app.add_flag("-f,--force", options.force);
        app.add_flag("--dry-run", options.dry_run);
        app.add_option("--reason", options.reason);
    }
    if ((sets & kPlan) != 0) {
        app.add_option("--job-mode", options.job_mode);
    }
    if ((sets & kKill) != 0) {
        app.add_option("-s,--signal", raw.signal);
        app.add_option("--kill-whom", options.kill_whom);
    }
    if ((sets & kShow) != 0) {
        add_list(app, "-p,--property", options.properties);
        add_list(app, "-P", raw.bare_properties);
        app.add_flag("--value", options.value);
    }
    if ((sets & kAll) != 0) {
        app.add_flag("-a,--all", options.all);
    }
    if ((sets & kList) != 0) {
        app.add_flag("--failed", options.failed);
        add_list(app, "--state", options.states);
        add_list(app, "-t,--type", options.types);
    }
    if ((sets & kTree) != 0) {
        app.add_flag("--reverse", options.reverse);
    }
    if ((sets & kLines) != 0) {
        app.add_option("-n,--lines", options.lines)->check(CLI::Range(0, 100'000));
    }
    if ((sets & kNth) != 0) {
        app.add_option("-n,--number", options.nth)->check(CLI::Range(1, 10));
    }
    if ((sets & kWaitFor) != 0) {
        app.add_option("--for", options.wait_for);
    }
    if ((sets & kTimeline) != 0) {
        app.add_flag("--boot", options.of_boot);
        app.add_flag("--stop", options.of_stop);
    }
}

EarlyEnd usage_error(const std::string& text, std::string_view hint) {
    return EarlyEnd{ExitStatus::usage, "error: " + text + "\nhint: " + std::string{hint} + "\n"};
}

EarlyEnd unknown_verb(const std::string& word) {
    std::vector<std::string> names;
    for (const VerbRow& row : kVerbs) {
        names.emplace_back(row.name);
    }
    const auto meant = nearest(word, names);
    return usage_error("unknown verb '" + word + "'", meant ? "did you mean 'svctl " + *meant + "'?"
                                                            : "'svctl --help' lists the verbs");
}

template <std::size_t Size>
bool is_one_of(const std::string& word, const std::array<std::string_view, Size>& words) {
    return std::ranges::find(words, word) != words.end();
}

std::optional<EarlyEnd> check_values(Options& options, RawValues& raw) {
    static constexpr auto kModes =
        std::to_array<std::string_view>({"replace", "fail", "isolate", "replace-irreversibly",
                                         "flush", "ignore-dependencies", "ignore-requirements"});
    if (!raw.timeout.empty()) {
        options.timeout = parse_timeout(raw.timeout);
        if (!options.timeout) {
            return usage_error("'" + raw.timeout + "' is no length of time",
                               "say for example --timeout=30 or --timeout=1min");
        }
    }
    if (!raw.signal.empty()) {
        const auto signal = parse_signal(raw.signal);
        if (!signal) {
            return usage_error("there is no signal '" + raw.signal + "'",
                               "'kill -l' lists the signals");
        }
        options.signal = *signal;
    }
    if (!is_one_of(options.job_mode, kModes)) {
        return usage_error("unknown job mode '" + options.job_mode + "'",
                           "replace, fail, isolate, replace-irreversibly, flush, "
                           "ignore-dependencies or ignore-requirements");
    }
    if (!is_one_of(options.kill_whom,
                   std::to_array<std::string_view>({"all", "main", "control"}))) {
        return usage_error("unknown --kill-whom '" + options.kill_whom + "'",
                           "all, main or control");
    }
    if (!is_one_of(options.wait_for,
                   std::to_array<std::string_view>({"active", "inactive", "failed"}))) {
        return usage_error("unknown state '" + options.wait_for + "' in --for",
                           "active, inactive or failed");
    }
    if (options.reload_first && options.stale) {
        return usage_error("--reload and --stale exclude each other", "give one of them");
    }
    if (options.of_boot && options.of_stop) {
        return usage_error("--boot and --stop exclude each other", "give one of them");
    }
    if (options.user && raw.system) {
        return usage_error("--user and --system exclude each other", "give one of them");
    }
    if (!raw.bare_properties.empty()) {
        options.properties.insert(options.properties.end(), raw.bare_properties.begin(),
                                  raw.bare_properties.end());
        options.value = true;
    }
    split_at_commas(options.properties);
    split_at_commas(options.states);
    split_at_commas(options.types);
    return std::nullopt;
}

std::optional<EarlyEnd> check_arguments(const VerbRow& row, const Options& options) {
    const std::string example = "'svctl " + std::string{row.name} + " --help' says more";
    switch (row.units) {
        case Units::none:
            if (!options.arguments.empty()) {
                return usage_error(std::string{row.name} + " takes no arguments, but there is '" +
                                       options.arguments.front() + "'",
                                   example);
            }
            return std::nullopt;
        case Units::one:
            if (options.arguments.size() != 1) {
                return usage_error(std::string{row.name} + " takes exactly one unit", example);
            }
            return std::nullopt;
        case Units::one_or_none:
            if (options.arguments.size() > 1) {
                return usage_error(std::string{row.name} + " takes one unit at most", example);
            }
            return std::nullopt;
        case Units::several:
            if (options.arguments.empty()) {
                return usage_error(std::string{row.name} + " needs a unit", example);
            }
            return std::nullopt;
        case Units::verb_and_any:
            if (options.arguments.empty()) {
                return usage_error(std::string{row.name} + " needs a verb, such as stop", example);
            }
            return std::nullopt;
        case Units::jobs:
            for (const std::string& argument : options.arguments) {
                if (argument.find_first_not_of("0123456789") != std::string::npos ||
                    argument.size() > 9) {
                    return usage_error("'" + argument + "' is no job number",
                                       "'svctl list-jobs' shows the numbers");
                }
            }
            return std::nullopt;
        case Units::any:
        case Units::word:
            return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Usec> parse_timeout(std::string_view text) {
    struct Suffix {
        std::string_view name;
        double factor;
    };
    static constexpr auto kSuffixes = std::to_array<Suffix>({{"ms", 1e3},
                                                             {"us", 1.0},
                                                             {"min", 60e6},
                                                             {"m", 60e6},
                                                             {"s", 1e6},
                                                             {"h", 3600e6},
                                                             {"", 1e6}});
    if (text == "infinity") {
        return kUsecInfinity;
    }
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string number{text.substr(0, end)};
    std::string_view suffix = text.substr(end);
    suffix.remove_prefix(std::min(suffix.find_first_not_of(' '), suffix.size()));
    const auto* row = std::ranges::find(kSuffixes, suffix, &Suffix::name);
    const bool is_number = !number.empty() && number.size() <= 12 && number != "." &&
                           std::ranges::count(number, '.') <= 1;
    if (row == kSuffixes.end() || !is_number) {
        return std::nullopt;
    }
    return static_cast<Usec>(std::stod(number) * row->factor);
}

std::variant<Options, EarlyEnd> parse_options(const std::vector<std::string>& arguments) {
    const std::optional<std::string> word = find_verb_word(arguments);
    const VerbRow* row = find_verb(word.value_or("list-units"));
    if (row == nullptr) {
        return unknown_verb(*word);
    }
    Options options;
    RawValues raw;
    options.verb = row->verb;
    options.verb_name = row->name;
    CLI::App app;
    app.set_help_flag();
    add_general(app, options, raw);
    add_special(app, row->options, options, raw);
    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
    } catch (const CLI::ParseError& error) {
        return usage_error(std::string{row->name} + ": " + error.what(),
                           "'svctl " + std::string{row->name} + " --help' lists its options");
    }
    options.arguments = std::move(raw.words);
    if (word) {
        options.arguments.erase(options.arguments.begin());
    }
    if (raw.version) {
        options.verb = Verb::version;
        options.verb_name = "version";
        options.arguments.clear();
        return options;
    }
    if (raw.help) {
        return EarlyEnd{ExitStatus::done, word ? help_text(row->verb) : help_text()};
    }
    if (row->verb == Verb::help) {
        const VerbRow* about =
            options.arguments.empty() ? nullptr : find_verb(options.arguments.front());
        return EarlyEnd{ExitStatus::done, about == nullptr ? help_text() : help_text(about->verb)};
    }
    if (auto fault = check_values(options, raw)) {
        return *fault;
    }
    if (auto fault = check_arguments(*row, options)) {
        return *fault;
    }
    return options;
}

std::string help_text() {
    std::string text =
        "svctl [OPTION…] VERB [UNIT…]    talks to svcd\n\n"
        "  svctl                    what is running\n"
        "  svctl status web         how web.service is, and its last log lines\n"
        "  svctl restart web        stop and start it, and wait for both\n"
        "  svctl stop 'worker@*'    several at once\n";
    std::string_view group;
    for (const VerbRow& row : kVerbs) {
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
        "  -H HOST                  on another machine, by ssh\n"
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
    switch (row.units) {
        case Units::none:
            break;
        case Units::any:
            text += " [UNIT…]";
            break;
        case Units::one:
            text += " UNIT";
            break;
        case Units::one_or_none:
            text += " [UNIT]";
            break;
        case Units::several:
            text += " UNIT…";
            break;
        case Units::jobs:
            text += " [JOB…]";
            break;
        case Units::word:
            text += " [VERB]";
            break;
        case Units::verb_and_any:
            text += " VERB [UNIT…]";
            break;
    }
    text += "\n  " + std::string{row.summary} + "\n\n";
    if ((row.options & kJobs) != 0) {
        text +=
            "  --wait                for start: wait until the unit has ended again\n"
            "  --job-mode=MODE       replace (default), fail, replace-irreversibly, isolate, "
            "flush,\n                        ignore-dependencies, ignore-requirements\n"
            "  --reason=TEXT         kept in the record of who asked\n"
            "  --strict              exit 8 when a stop needed SIGKILL\n"
            "  --dry-run             say what would happen, as 'svctl plan' does\n";
    }
    if ((row.options & kStale) != 0) {
        text += "  --reload, --stale     when the unit file has changed: read it first, or don't\n";
    }
    if ((row.options & kEnd) != 0) {
        text +=
            "  -f, --force           take no more time than is needed to end it all: also for a\n"
            "                        shutdown that is under way\n"
            "  --reason=TEXT         kept in the record of who asked\n"
            "  --wait                until svcd has gone\n"
            "  --dry-run             say what would happen, as 'svctl plan' does\n";
    }
    if ((row.options & kPlan) != 0) {
        text +=
            "  VERB is start, stop, restart, try-restart, reload, reload-or-restart,\n"
            "  try-reload-or-restart, isolate; or exit, poweroff, reboot, halt, without units\n"
            "  --job-mode=MODE       as of that verb\n";
    }
    if ((row.options & kKill) != 0) {
        text +=
            "  -s, --signal=SIGNAL   SIGTERM by default\n"
            "  --kill-whom=WHOM      all (default), main or control\n";
    }
    if ((row.options & kShow) != 0) {
        text +=
            "  -p, --property=A,B    only these\n"
            "  --value               the bare values\n"
            "  -P NAME               both\n";
    }
    if ((row.options & kNth) != 0) {
        text +=
            "  -n, --number=N        the N-th last stop: 1 is the last, 2 the one before it\n"
            "  -a, --all             a line for each stop that svcd has kept\n";
    } else if ((row.options & kAll) != 0) {
        text += "  -a, --all             everything, also what is inactive or empty\n";
    }
    if ((row.options & kList) != 0) {
        text +=
            "  --state=STATE,…       by load, active or sub-state\n"
            "  -t, --type=TYPE,…     service, slice, target\n"
            "  --failed              the same as --state=failed\n";
    }
    if ((row.options & kTree) != 0) {
        text += "  --reverse             what pulls the unit in\n";
    }
    if ((row.options & kLines) != 0) {
        text += "  -n, --lines=N         log lines to show (10)\n";
    }
    if ((row.options & kWaitFor) != 0) {
        text += "  --for=STATE           active (default), inactive or failed\n";
    }
    if ((row.options & kTimeline) != 0) {
        text +=
            "  --boot                the start of svcd and of all units with it\n"
            "  --stop                what was stopped last, or the last shutdown\n";
        text +=
            row.verb == Verb::plot
                ? "                        (without: the stop when there was one since the boot)\n"
                : "                        (without: the boot)\n";
    }
    text += "  and the options for all verbs, see 'svctl --help'\n";
    return text;
}

}  // namespace svcd
