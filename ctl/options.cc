#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "core/types/time_span.h"
#include "messages.h"
#include "option_values.h"
#include "unit_names.h"
#include "verb_table.h"

namespace svcd {
namespace {

struct ValueOption {
    char letter;
    std::string_view name;
    unsigned not_of;  ///< for the verbs with these options it is a flag
};
constexpr unsigned kAllButKill = ~static_cast<unsigned>(kKill);
/// Options that take a value, which may stand in the next argument.
constexpr auto kValueOptions = std::to_array<ValueOption>({{'H', "--host", 0},
                                                           {'\0', "--bus", 0},
                                                           {'\0', "--runtime-dir", 0},
                                                           {'\0', "--timeout", 0},
                                                           {'\0', "--job-mode", 0},
                                                           {'\0', "--reason", 0},
                                                           {'s', "--signal", 0},
                                                           {'\0', "--kill-whom", 0},
                                                           {'\0', "--value", kAllButKill},
                                                           {'p', "--property", kEscape},
                                                           {'P', "", 0},
                                                           {'\0', "--state", 0},
                                                           {'t', "--type", 0},
                                                           {'n', "--lines", 0},
                                                           {'n', "--number", 0},
                                                           {'\0', "--for", 0},
                                                           {'\0', "--suffix", 0},
                                                           {'\0', "--template", 0}});
/// Which options the words before the verb may be: of any verb, a flag where it is one of some.
constexpr unsigned kBeforeTheVerb = kShow;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool takes_value(char letter, unsigned sets) {
    return std::ranges::any_of(kValueOptions, [&](const ValueOption& option) {
        return option.letter == letter && (option.not_of & sets) == 0;
    });
}

bool takes_next(std::string_view argument, unsigned sets) {
    if (argument.starts_with("--")) {
        return std::ranges::any_of(kValueOptions, [&](const ValueOption& option) {
            return option.name == argument && (option.not_of & sets) == 0;
        });
    }
    // Of "-qp" the p takes the next argument; of "-pId" it has its value already.
    for (std::size_t i = 1; i < argument.size(); ++i) {
        if (takes_value(argument[i], sets)) {
            return i + 1 == argument.size();
        }
    }
    return false;
}

void add_list(CLI::App& app, const std::string& names, std::vector<std::string>& target) {
    app.add_option(names, target)->allow_extra_args(false);
}

void add_general(CLI::App& app, Options& options, RawValues& raw) {
    app.add_option("words", raw.words);
    app.add_flag("-h,--help", raw.help);
    app.add_flag("--version", raw.version);
    app.add_flag("--user", options.user);
    app.add_flag("--system", options.system);
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
        app.add_flag("--each", options.each);
        app.add_flag("--dry-run", options.dry_run);
    }
    if ((sets & kStale) != 0) {
        app.add_flag("--reload", options.reload_first);
        app.add_flag("--stale", options.stale);
    }
    if ((sets & kReload) != 0) {
        app.add_flag("--force", options.force);
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
        app.add_option("--value", raw.value);
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
    if ((sets & kEscape) != 0) {
        app.add_flag("-u,--unescape", options.unescape);
        app.add_flag("-p,--path", options.as_path);
        app.add_flag("-m,--mangle", options.mangle);
        app.add_flag("--instance", options.only_instance);
        app.add_option("--suffix", options.suffix);
        app.add_option("--template", options.template_name);
    }
    if ((sets & kTimeline) != 0) {
        app.add_flag("--boot", options.of_boot);
        app.add_flag("--stop", options.of_stop);
    }
}

std::string nothing_done(const std::string& text) {
    return text + "; nothing was done";
}

/// Takes the arguments apart before CLI11 sees them: what begins with '-' is an option of the verb,
/// a signal of kill, or a fault. CLI11 would take "-9" for a name.
class Sieve {
public:
    Sieve(const std::vector<std::string>& arguments,
          std::optional<std::size_t> verb,
          const VerbRow& row,
          RawValues& raw)
        : arguments_(arguments), verb_(verb), row_(row), raw_(raw) {}

    std::optional<EarlyEnd> run() {
        for (std::size_t i = 0; i < arguments_.size(); ++i) {
            const std::string& argument = arguments_[i];
            if (argument == "--") {
                kept_.insert(kept_.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(i),
                             arguments_.end());
                break;
            }
            const bool after = verb_ && i > *verb_;
            if (!argument.starts_with('-')) {
                kept_.push_back(argument);
                continue;
            }
            if (after && take_signal(argument)) {
                continue;
            }
            if (auto fault = check(argument, after)) {
                return fault;
            }
            kept_.push_back(argument);
            if (takes_next(argument, after ? row_.options : kBeforeTheVerb) &&
                i + 1 < arguments_.size()) {
                ++i;
                kept_.push_back(arguments_[i]);
                if (arguments_[i].empty() && argument != "--reason") {
                    return needs_value(argument);
                }
            }
        }
        if (!signals_.empty()) {
            if (signals_.size() > 1 || has_signal_option()) {
                return usage_error(nothing_done("kill sends one signal, and there are several"),
                                   "give one of them");
            }
            raw_.signal = signals_.front();
        }
        return std::nullopt;
    }

    const std::vector<std::string>& kept() const { return kept_; }

private:
    bool take_signal(const std::string& argument) {
        if (row_.verb != Verb::kill || !parse_signal(argument.substr(1))) {
            return false;
        }
        signals_.push_back(argument.substr(1));
        return true;
    }

    bool has_signal_option() const {
        return std::ranges::any_of(kept_, [](const std::string& word) {
            return word.starts_with("-s") || word.starts_with("--signal");
        });
    }

    static EarlyEnd needs_value(const std::string& name) {
        return usage_error(nothing_done(name + " needs a value, and this one is empty"),
                           "'svctl --help' says more");
    }

    std::optional<EarlyEnd> check(const std::string& argument, bool after) const {
        if (argument.starts_with("--")) {
            const std::size_t equals = argument.find('=');
            const std::string name = argument.substr(0, equals);
            const bool is_empty = equals != std::string::npos && equals + 1 == argument.size();
            return is_empty && name != "--reason" ? std::optional{needs_value(name)} : std::nullopt;
        }
        if (!after && parse_signal(argument.substr(1))) {
            return usage_error(nothing_done("'" + argument + "' is a signal, and no option"),
                               "it stands after the verb: svctl kill " + argument +
                                   " UNIT (a host of that name: --host=NAME)");
        }
        const auto may_be_signal = [](char c) { return c >= 'A' && c <= 'Z'; };
        if (after && row_.verb == Verb::kill && argument.size() > 2 &&
            std::all_of(argument.begin() + 1, argument.end(), may_be_signal)) {
            const std::string name = argument.substr(1);
            return usage_error(nothing_done("there is no signal '" + name + "'"),
                               hint_for_signal(name));
        }
        if (argument.size() == 1 || !is_letter(argument[1])) {
            return usage_error(nothing_done("'" + argument + "' is no option"),
                               "a name that begins with '-' stands after '--'");
        }
        if (after && host_letter(argument)) {
            return usage_error(
                nothing_done(std::string{row_.name} + " has no option '" + argument + "'"),
                "-H names a host, and stands before the verb: svctl -H HOST " +
                    std::string{row_.name});
        }
        return std::nullopt;
    }

    const std::vector<std::string>& arguments_;
    std::optional<std::size_t> verb_;
    const VerbRow& row_;
    RawValues& raw_;
    std::vector<std::string> kept_;
    std::vector<std::string> signals_;
};

/// What is wrong with an option, and which one was meant.
EarlyEnd unknown_option(const CLI::App& app,
                        const VerbRow& row,
                        const CLI::ParseError& error,
                        const std::vector<std::string>& arguments) {
    const std::string help = "'svctl " + std::string{row.name} + " --help' lists its options";
    const std::string text = nothing_done(std::string{row.name} + ": " + error.what());
    if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) {
        return usage_error(text, help);
    }
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    std::erase(names, "--force");  // as the verbs that end something: never suggested
    for (const std::string& argument : arguments) {
        const std::string name = argument.substr(0, argument.find('='));
        if (name.starts_with("--") && name.size() > 2 &&
            std::ranges::find(names, name) == names.end()) {
            if (const auto meant = nearest(name, names)) {
                return usage_error(text, "did you mean '" + *meant + "'? " + help);
            }
        }
    }
    return usage_error(text, help);
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
        case Units::words:
            if (options.arguments.empty()) {
                return usage_error(std::string{row.name} + " needs a text", example);
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
    constexpr std::uint64_t kSecond = 1'000'000;
    // Half of what can be counted is as good as for ever, and may be added to a clock.
    constexpr std::uint64_t kLongest = UINT64_MAX / 2;
    const std::optional<std::uint64_t> span = read_time_span(text, kSecond);
    return span && *span >= kLongest ? std::optional{kUsecInfinity} : span;
}

std::optional<std::size_t> host_letter(std::string_view argument) {
    if (argument.starts_with("--") || !argument.starts_with('-')) {
        return std::nullopt;
    }
    for (std::size_t i = 1; i < argument.size(); ++i) {
        if (argument[i] == 'H') {
            return i;
        }
        if (takes_value(argument[i], kBeforeTheVerb)) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> verb_place(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--") {
            return i + 1 < arguments.size() ? std::optional{i + 1} : std::nullopt;
        }
        if (!argument.starts_with('-') || argument == "-") {
            return i;
        }
        if (takes_next(argument, kBeforeTheVerb)) {
            ++i;
        }
    }
    return std::nullopt;
}

std::variant<Options, EarlyEnd> parse_options(const std::vector<std::string>& arguments) {
    const std::optional<std::size_t> place = verb_place(arguments);
    const VerbRow* row = find_verb(place ? arguments[*place] : "list-units");
    if (row == nullptr) {
        return unknown_verb(arguments[*place]);
    }
    Options options;
    RawValues raw;
    Sieve sieve{arguments, place, *row, raw};
    if (auto fault = sieve.run()) {
        return *fault;
    }
    options.verb = row->verb;
    options.verb_name = row->name;
    CLI::App app;
    app.set_help_flag();
    add_general(app, options, raw);
    add_special(app, row->options, options, raw);
    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>{sieve.kept().rbegin(), sieve.kept().rend()});
    } catch (const CLI::ParseError& error) {
        return unknown_option(app, *row, error, sieve.kept());
    }
    options.arguments = std::move(raw.words);
    if (place) {
        options.arguments.erase(options.arguments.begin());
    }
    if (raw.version) {
        options.verb = Verb::version;
        options.verb_name = "version";
        options.arguments.clear();
        return options;
    }
    if (raw.help) {
        return EarlyEnd{ExitStatus::done, place ? help_text(row->verb) : help_text()};
    }
    if (row->verb == Verb::help) {
        if (options.arguments.empty()) {
            return EarlyEnd{ExitStatus::done, help_text()};
        }
        const VerbRow* about = find_verb(options.arguments.front());
        return about == nullptr ? unknown_verb(options.arguments.front())
                                : EarlyEnd{ExitStatus::done, help_text(about->verb)};
    }
    if (auto fault = check_values(*row, options, raw)) {
        return *fault;
    }
    if (auto fault = check_arguments(*row, options)) {
        return *fault;
    }
    return options;
}

}  // namespace svcd
