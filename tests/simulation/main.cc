// svcd-simulate: runs the supervisor through schedules that no test writer would think of.
//
//   svcd-simulate --seeds=0..4999          a range of schedules, quietly
//   svcd-simulate --seed=4711 --trace      one, told from beginning to end
//   svcd-simulate --seed=4711 --shrink     the smallest run that fails as that seed does
//   svcd-simulate --soak=60                new seeds for an hour, from --seed on, else from
//   anywhere
//
// Exit status 0: no rule was broken; 1: one was, and its story has been printed; 2: usage.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "simulation/coverage.h"
#include "simulation/shrink.h"
#include "simulation/simulation.h"

namespace svcd::simulation {
namespace {

/// A story longer than this is cut at its beginning.
constexpr std::size_t kStoryLines = 150;
/// With --keep-going: of each rule, so many runs are named.
constexpr std::uint64_t kExamples = 4;

struct Arguments {
    std::optional<std::uint64_t> seed;
    std::string seeds;
    std::uint64_t runs = 1;
    std::size_t units = 0;
    std::vector<std::size_t> without_units;
    std::vector<std::size_t> without_commands;
    std::vector<std::string> without_faults;
    std::vector<std::string> without_settings;
    std::vector<std::string> without_rules;
    unsigned until = 0;
    std::string replay;
    std::string edges;
    std::vector<std::string> check_edges;
    bool trace = false;
    bool shrink = false;
    bool determinism = false;
    bool table = false;
    bool keep_going = false;
    unsigned soak = 0;
};

Plan plan_of(const Arguments& arguments, std::uint64_t seed) {
    Plan plan = draw_plan(seed, arguments.units);
    plan.without_units = {arguments.without_units.begin(), arguments.without_units.end()};
    plan.until = arguments.until;
    plan.without_settings = {arguments.without_settings.begin(), arguments.without_settings.end()};
    plan.without_rules = {arguments.without_rules.begin(), arguments.without_rules.end()};
    plan.without_commands = {arguments.without_commands.begin(), arguments.without_commands.end()};
    for (std::size_t index = 0; index < kFaults; ++index) {
        const auto fault = static_cast<Fault>(index);
        for (const std::string& name : arguments.without_faults) {
            if (name == name_of(fault)) {
                plan.faults.remove(fault);
                plan.without_faults.insert(fault);
            }
        }
    }
    return plan;
}

std::string describe(const Plan& plan) {
    std::string text = std::to_string(plan.units - plan.without_units.size()) + " units, " +
                       std::to_string(plan.commands - plan.without_commands.size()) +
                       " commands, faults:";
    for (std::size_t index = 0; index < kFaults; ++index) {
        const auto fault = static_cast<Fault>(index);
        text += plan.faults.has(fault) ? " " + std::string{name_of(fault)} : "";
    }
    return text + (plan.faults.empty() ? " none" : "");
}

void print_lines(const std::vector<std::string>& lines, std::size_t at_most) {
    const std::size_t first = lines.size() > at_most ? lines.size() - at_most : 0;
    if (first > 0) {
        std::printf("    ... %zu lines before; --trace shows all\n", first);
    }
    for (std::size_t i = first; i < lines.size(); ++i) {
        std::printf("%s\n", lines[i].c_str());
    }
}

/// Runs the plan once more and tells what happened: the units, the events, and at last the rule
/// that was broken.
void tell(const Plan& plan, bool whole) {
    Simulation simulation{plan, true};
    const Outcome outcome = simulation.run();
    std::printf("The run: %s\n  %s\n", command_line(plan).c_str(), describe(plan).c_str());
    std::printf("\nIts units, as they were at the end:\n");
    for (const std::string& unit : simulation.describe_units()) {
        std::printf("    %s\n", unit.c_str());
    }
    std::printf("\nWhat happened, in seconds since the beginning:\n");
    print_lines(simulation.trace().lines(), whole ? SIZE_MAX : kStoryLines);
    if (outcome.violation) {
        std::printf("\nThe rule that was broken: %s, at %s\n  %s\n",
                    outcome.violation->rule.c_str(), words(outcome.violation->at).c_str(),
                    outcome.violation->what.c_str());
    } else {
        std::printf("\nNo rule was broken. %llu steps, %u deaths of the manager, hash %016llx\n",
                    static_cast<unsigned long long>(outcome.steps), outcome.manager_deaths,
                    static_cast<unsigned long long>(outcome.hash));
    }
}

struct Totals {
    std::uint64_t runs = 0;
    std::uint64_t steps = 0;
    std::uint64_t deaths = 0;
    TransitionTable transitions{};
    /// With --keep-going: by rule, how many runs broke it.
    std::map<std::string, std::uint64_t> broken;
};

/// Runs one plan; tells its story when it fails. False when it did.
bool run_one(const Arguments& arguments, const Plan& plan, Totals& totals) {
    const Outcome outcome = Simulation{plan, false}.run();
    ++totals.runs;
    totals.steps += outcome.steps;
    totals.deaths += outcome.manager_deaths;
    add(totals.transitions, outcome.transitions);
    if (arguments.determinism && Simulation{plan, false}.run().hash != outcome.hash) {
        std::printf(
            "The same seed took another course the second time (rule: determinism).\n"
            "Repeat it with: %s --determinism\n",
            command_line(plan).c_str());
        return false;
    }
    if (outcome.violation && arguments.keep_going) {
        const std::uint64_t before = totals.broken[outcome.violation->rule]++;
        if (before < kExamples) {
            std::printf("%s: %s: %s\n", command_line(plan).c_str(), outcome.violation->rule.c_str(),
                        outcome.violation->what.c_str());
        }
        return false;
    }
    if (outcome.violation) {
        std::printf("FAILED: rule %s, after %llu steps: %s\nRepeat it with: %s\n\n",
                    outcome.violation->rule.c_str(), static_cast<unsigned long long>(outcome.steps),
                    outcome.violation->what.c_str(), command_line(plan).c_str());
        tell(arguments.shrink ? shrink(plan) : plan, arguments.trace);
        return false;
    }
    return true;
}

/// One command line a line, as reports print them; '#' begins a comment.
bool replay(const Arguments& arguments, Totals& totals) {
    std::ifstream file{arguments.replay};
    if (!file) {
        std::fprintf(stderr, "svcd-simulate: cannot read %s\n", arguments.replay.c_str());
        return false;
    }
    bool all_passed = true;
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words_of_line{line.substr(0, line.find('#'))};
        Arguments one;
        one.trace = arguments.trace;
        one.shrink = arguments.shrink;
        CLI::App app;
        app.add_option("--seed", one.seed);
        app.add_option("--units", one.units);
        app.add_option("--without-units", one.without_units)->delimiter(',');
        app.add_option("--without-commands", one.without_commands)->delimiter(',');
        app.add_option("--without-faults", one.without_faults)->delimiter(',');
        app.add_option("--without-settings", one.without_settings)->delimiter(',');
        app.add_option("--until", one.until);
        app.add_option("--without-rules", one.without_rules)->delimiter(',');
        std::vector<std::string> options;
        for (std::string word; words_of_line >> word;) {
            if (word != "svcd-simulate") {
                options.insert(options.begin(), word);  // CLI11 wants them in reverse
            }
        }
        if (options.empty()) {
            continue;
        }
        app.parse(options);
        all_passed = run_one(one, plan_of(one, one.seed.value_or(0)), totals) && all_passed;
    }
    return all_passed;
}

/// "A..B", both included.
std::optional<std::pair<std::uint64_t, std::uint64_t>> range_of(const std::string& text) {
    unsigned long long first = 0;
    unsigned long long last = 0;
    if (std::sscanf(text.c_str(), "%llu..%llu", &first, &last) != 2 || last < first) {
        return std::nullopt;
    }
    return std::pair{std::uint64_t{first}, std::uint64_t{last}};
}

/// Where nobody has been yet: short enough to be typed.
std::uint64_t seed_of_this_moment() {
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return scramble(static_cast<std::uint64_t>(now) ^ static_cast<std::uint64_t>(::getpid())) >> 16;
}

bool run_all(const Arguments& arguments, Totals& totals) {
    const auto range = range_of(arguments.seeds);
    std::uint64_t first = range ? range->first : arguments.seed.value_or(0);
    std::uint64_t last = range ? range->second : first + arguments.runs - 1;
    if (arguments.soak != 0 && !range && !arguments.seed) {
        first = seed_of_this_moment();
        std::printf("Seeds from %llu on\n", static_cast<unsigned long long>(first));
        std::fflush(stdout);
    }
    bool passed = true;
    const auto begin = std::chrono::steady_clock::now();
    if (arguments.soak != 0) {
        last = UINT64_MAX;
    }
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        passed = run_one(arguments, plan_of(arguments, seed), totals) && passed;
        if (!passed && !arguments.keep_going) {
            break;
        }
        if (arguments.soak != 0 &&
            std::chrono::steady_clock::now() - begin > std::chrono::minutes{arguments.soak}) {
            break;
        }
    }
    return passed;
}

int run(const Arguments& arguments) {
    if (arguments.trace && arguments.seeds.empty() && arguments.runs == 1) {
        const Plan plan = plan_of(arguments, arguments.seed.value_or(0));
        tell(arguments.shrink ? shrink(plan) : plan, true);
    }
    Totals totals;
    const auto begin = std::chrono::steady_clock::now();
    const bool passed =
        arguments.replay.empty() ? run_all(arguments, totals) : replay(arguments, totals);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf(
        "%llu runs, %llu steps, %llu deaths of the manager, %.1f s, %.0f steps/s: %s\n",
        static_cast<unsigned long long>(totals.runs), static_cast<unsigned long long>(totals.steps),
        static_cast<unsigned long long>(totals.deaths), took.count(),
        static_cast<double>(totals.steps) / took.count(), passed ? "no rule was broken" : "FAILED");
    for (const auto& [rule, count] : totals.broken) {
        std::printf("  %-20s broken in %llu runs\n", rule.c_str(),
                    static_cast<unsigned long long>(count));
    }
    if (arguments.table) {
        print_edges(totals.transitions);
    }
    const bool is_written =
        arguments.edges.empty() || write_edges(totals.transitions, arguments.edges);
    return passed && is_written ? 0 : 1;
}

/// Adds up what several runs have written with --edges.
int check_edges(const std::vector<std::string>& paths) {
    TransitionTable sum{};
    bool is_read = true;
    for (const std::string& path : paths) {
        is_read = read_edges(sum, path) && is_read;
    }
    const bool all_reached = print_edges(sum);
    return is_read && all_reached ? 0 : 1;
}

}  // namespace
}  // namespace svcd::simulation

int main(int argc, char** argv) {
    svcd::simulation::Arguments arguments;
    CLI::App app{"Runs svcd's supervisor on a fake kernel, by seed"};
    app.add_option("--seed", arguments.seed, "The (first) seed");
    app.add_option("--seeds", arguments.seeds, "A range of seeds, A..B");
    app.add_option("--runs", arguments.runs, "How many seeds from --seed on");
    app.add_option("--units", arguments.units,
                   "How many units each run has; else the seed decides");
    app.add_option("--without-units", arguments.without_units, "Units to leave out")
        ->delimiter(',');
    app.add_option("--without-commands", arguments.without_commands, "Commands to leave out")
        ->delimiter(',');
    app.add_option("--without-faults", arguments.without_faults, "Kinds of faults to leave out")
        ->delimiter(',');
    app.add_option("--without-settings", arguments.without_settings, "Settings to leave out")
        ->delimiter(',');
    app.add_option("--until", arguments.until, "Heal the faults after so many seconds");
    app.add_option("--without-rules", arguments.without_rules, "Rules not to look at")
        ->delimiter(',');
    app.add_option("--replay", arguments.replay, "A file of command lines to run (seeds.txt)");
    app.add_flag("--trace", arguments.trace, "Tell the whole run");
    app.add_flag("--shrink", arguments.shrink, "Make a failing run as short as it gets");
    app.add_flag("--determinism", arguments.determinism, "Run each seed twice and compare");
    app.add_flag("--table", arguments.table, "Print service_edges.h with how often each was seen");
    app.add_option("--edges", arguments.edges, "Write these counts to a file");
    app.add_option("--check-edges", arguments.check_edges,
                   "Add up such files; fail when an edge was never seen")
        ->delimiter(',');
    app.add_flag("--keep-going", arguments.keep_going, "Count the rules that break, tell no story");
    app.add_option("--soak", arguments.soak, "Run new seeds for so many minutes");
    try {
        app.parse(argc, argv);
        if (!arguments.seeds.empty() && !svcd::simulation::range_of(arguments.seeds)) {
            throw CLI::ValidationError{"--seeds", "is not a range like 0..4999"};
        }
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (!arguments.check_edges.empty()) {
        return svcd::simulation::check_edges(arguments.check_edges);
    }
    return svcd::simulation::run(arguments);
}
