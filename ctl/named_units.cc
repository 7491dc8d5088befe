#include "named_units.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "unit_names.h"

namespace svcd {
namespace {

/// So many files of a folder of the unit path are looked at.
constexpr std::size_t kFilesMax = 20'000;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

/// What a glob of a verb is for.
enum class Globs : std::uint8_t {
    loaded,     ///< every unit that is loaded
    running,    ///< those that are not inactive or failed
    with_file,  ///< those that somebody has written
};

Globs globs_of(std::string_view verb) {
    static constexpr auto kOfRunning =
        std::to_array<std::string_view>({"stop", "restart", "try-restart", "reload",
                                         "reload-or-restart", "try-reload-or-restart", "kill"});
    if (std::ranges::find(kOfRunning, verb) != kOfRunning.end()) {
        return Globs::running;
    }
    return verb == "start" ? Globs::with_file : Globs::loaded;
}

/// The units and templates with a file in the unit path. A folder that can't be read has none: the
/// names serve suggestions, and globs of start.
std::set<std::string> units_with_file(Session& session) {
    constexpr std::string_view kEnding = ".yaml";
    std::set<std::string> names;
    for (const std::string& folder : session.daemon().manager().UnitPath()) {
        const std::unique_ptr<DIR, CloseFolder> files{::opendir(folder.c_str())};
        const dirent* entry = nullptr;
        for (std::size_t seen = 0;
             files != nullptr && seen < kFilesMax && (entry = ::readdir(files.get())) != nullptr;
             ++seen) {
            std::string_view name = entry->d_name;
            if (name.ends_with(kEnding)) {
                name.remove_suffix(kEnding.size());
                if (!parts_of(name).suffix.empty()) {
                    names.emplace(name);
                }
            }
        }
    }
    return names;
}

/// The file of the template of this name.
std::string template_of(const UnitNameParts& parts) {
    return std::string{parts.prefix} + "@" + std::string{parts.suffix};
}

bool is_template(const std::string& unit) {
    const UnitNameParts parts = parts_of(unit);
    return parts.instance && parts.instance->empty();
}

bool is_idle(const UnitRow& row) {
    return row.active == "inactive" || row.active == "failed";
}

/// Says it once, on stderr: the name is another one than was typed.
std::string completed(Session& session,
                      const std::string& argument,
                      std::string_view type = ".service") {
    std::string name = complete_unit_name(argument, type);
    if (is_escaped(argument)) {
        session.note("'" + argument + "' is no unit name; it is taken as " + name +
                     ", as 'svctl escape' writes it");
    }
    return name;
}

class UnitChooser {
public:
    UnitChooser(Session& session, Globs globs) : session_(session), globs_(globs) {}

    void add(const std::string& unit) {
        if (std::ranges::find(units_, unit) == units_.end()) {
            units_.push_back(unit);
        }
    }

    /// False when no unit at all matches.
    bool add_matching(const std::string& glob, bool& any_chosen) {
        bool matches_any = false;
        glob_is_for_slices_ = glob.ends_with(".slice");
        const auto take = [&](const std::string& unit, bool is_chosen) {
            if (glob_matches(glob, unit)) {
                matches_any = true;
                any_chosen |= is_chosen;
                if (is_chosen) {
                    add(unit);
                }
            }
        };
        for (const UnitRow& row : loaded()) {
            take(row.name, is_for(row));
        }
        if (globs_ == Globs::with_file) {
            for (const std::string& unit : with_file()) {
                if (!is_template(unit)) {
                    take(unit, true);
                }
            }
        } else {
            for (const UnitRow* row : loaded_by_another_name(glob)) {
                matches_any = true;
                any_chosen |= is_for(*row);
                if (is_for(*row)) {
                    add(row->name);
                }
            }
        }
        return matches_any;
    }

    std::vector<std::string> take_units() { return std::move(units_); }

private:
    bool is_for(const UnitRow& row) {
        switch (globs_) {
            case Globs::loaded:
                return true;
            case Globs::running:
                // A slice is all that is in it: it has to be meant.
                return !is_idle(row) && (glob_is_for_slices_ || !row.name.ends_with(".slice"));
            case Globs::with_file:
                break;
        }
        const UnitNameParts parts = parts_of(row.name);
        return row.load != "not-found" &&
               (with_file().contains(row.name) ||
                (parts.instance && with_file().contains(template_of(parts))));
    }

    /// Names (links in the unit path, also of templates) that match, and under which a unit may be
    /// loaded whose own name is another one.
    std::set<std::string> other_names(const std::string& glob) {
        std::set<std::string> names;
        const auto take = [&](const std::string& name) {
            if (glob_matches(glob, name) &&
                std::ranges::find(loaded(), name, &UnitRow::name) == loaded().end()) {
                names.insert(name);
            }
        };
        for (const std::string& name : with_file()) {
            if (!is_template(name)) {
                take(name);
                continue;
            }
            const UnitNameParts of_template = parts_of(name);
            for (const UnitRow& row : loaded()) {
                const UnitNameParts parts = parts_of(row.name);
                if (parts.instance && parts.suffix == of_template.suffix) {
                    take(std::string{of_template.prefix} + "@" + std::string{*parts.instance} +
                         std::string{parts.suffix});
                }
            }
        }
        return names;
    }

    std::vector<const UnitRow*> loaded_by_another_name(const std::string& glob) {
        std::vector<const UnitRow*> rows;
        for (const std::string& name : other_names(glob)) {
            try {
                const auto id = unit_of_path(session_.daemon().manager().GetUnit(name));
                const auto row = std::ranges::find(loaded(), id.value_or(""), &UnitRow::name);
                if (row != loaded().end()) {
                    rows.push_back(&*row);
                }
            } catch (const sdbus::Error& error) {
                if (status_of_error(error.getName()) != ExitStatus::no_such_unit) {
                    throw;
                }  // a unit that isn't loaded
            }
        }
        return rows;
    }

    const std::vector<UnitRow>& loaded() {
        if (!loaded_) {
            loaded_ = session_.daemon().units();
        }
        return *loaded_;
    }

    const std::set<std::string>& with_file() {
        if (!with_file_) {
            with_file_ = units_with_file(session_);
        }
        return *with_file_;
    }

    Session& session_;
    Globs globs_;
    std::vector<std::string> units_;
    bool glob_is_for_slices_ = false;
    std::optional<std::vector<UnitRow>> loaded_;
    std::optional<std::set<std::string>> with_file_;
};

void say_nothing_to_do(Session& session, const std::string& glob) {
    if (!session.options().quiet && !session.options().json) {
        session.print("no unit that matches '" + glob + "' is active: there is nothing to do\n");
    }
}

/// All that may have been meant: units that exist, and for an instance the same instance of other
/// templates.
std::vector<std::string> candidates(Session& session,
                                    const UnitNameParts& typed,
                                    const std::set<std::string>& with_file) {
    static constexpr auto kTypes =
        std::to_array<std::string_view>({".service", ".target", ".slice"});
    std::set<std::string> names;
    for (const UnitRow& row : session.daemon().units()) {
        if (row.load != "not-found" && row.name != "-.slice" &&
            std::ranges::find(kTypes, parts_of(row.name).suffix) != kTypes.end()) {
            names.insert(row.name);
        }
    }
    for (const std::string& name : with_file) {
        const UnitNameParts parts = parts_of(name);
        if (std::ranges::find(kTypes, parts.suffix) == kTypes.end()) {
            continue;  // svcd reads no units of other types
        }
        if (!is_template(name)) {
            names.insert(name);
        } else if (typed.instance && !typed.instance->empty()) {
            names.insert(std::string{parts.prefix} + "@" + std::string{*typed.instance} +
                         std::string{parts.suffix});
        }
    }
    return {names.begin(), names.end()};
}

/// The unit that an error is about: the one that was named, or, where that exists, another one in
/// the message that doesn't (a requirement of it).
std::string missing_unit(const Trouble& trouble, const std::vector<std::string>& known) {
    constexpr std::string_view kInNames =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-@";
    const auto is_known = [&](std::string_view unit) {
        return std::ranges::find(known, unit) != known.end();
    };
    if (!is_known(trouble.unit)) {
        return trouble.unit;
    }
    std::string_view text = trouble.message;
    while (!text.empty()) {
        text.remove_prefix(std::min(text.find_first_of(kInNames), text.size()));
        std::string_view word = text.substr(0, text.find_first_not_of(kInNames));
        text.remove_prefix(word.size());
        word = word.substr(0, word.find_last_not_of(".:") + 1);
        if (!parts_of(word).suffix.empty() && !is_known(word)) {
            return std::string{word};
        }
    }
    return trouble.unit;
}

/// "svctl plan stop worker@NAME"; where the template is not what was named, the instance alone.
std::string command_with_instance(const Session& session,
                                  const UnitNameParts& parts,
                                  bool is_named) {
    const Options& options = session.options();
    const std::string instance = std::string{parts.prefix} + "@NAME" +
                                 (parts.suffix == ".service" ? "" : std::string{parts.suffix});
    if (!is_named) {
        return instance;
    }
    const bool is_plan = options.verb == Verb::plan && !options.arguments.empty();
    return "svctl " + options.verb_name + " " +
           (is_plan ? options.arguments.front() + " " : std::string{}) + instance;
}

/// A template was named, or there is one where a unit is named that there is not.
bool explain_template(const Session& session,
                      const std::string& unit,
                      const std::set<std::string>& with_file,
                      Trouble& trouble) {
    const UnitNameParts parts = parts_of(unit);
    const std::string of_template = template_of(parts);
    const bool is_instance = parts.instance && !parts.instance->empty();
    const bool is_there = !parts.instance && with_file.contains(unit);
    if (is_instance || is_there || !with_file.contains(of_template)) {
        return false;
    }
    const bool is_named = unit == with_mended_type(trouble.unit).value_or(trouble.unit);
    trouble.message = (is_named ? "" : unit + " is not there: ") + of_template +
                      " is a template: it makes units, and is none itself";
    trouble.hint =
        "name an instance of it, such as '" + command_with_instance(session, parts, is_named) + "'";
    return true;
}

}  // namespace

std::vector<std::string> named_units(Session& session) {
    UnitChooser chooser{session, Globs::loaded};
    for (const std::string& argument : session.options().arguments) {
        bool any = false;
        if (is_glob(argument)) {
            chooser.add_matching(argument, any);
        } else {
            chooser.add(completed(session, argument));
        }
    }
    return chooser.take_units();
}

std::string own_name(Session& session, const std::string& unit) {
    try {
        return session.daemon().id_of(unit);
    } catch (const sdbus::Error& error) {
        if (status_of_error(error.getName()) != ExitStatus::no_such_unit) {
            throw;
        }
        return unit;  // one that isn't loaded
    }
}

std::vector<std::string> own_names(Session& session) {
    std::vector<std::string> names;
    for (const std::string& unit : named_units(session)) {
        names.push_back(own_name(session, unit));
    }
    return names;
}

ChosenUnits chosen_units(Session& session,
                         const std::vector<std::string>& arguments,
                         std::string_view verb) {
    ChosenUnits chosen;
    UnitChooser chooser{session, globs_of(verb)};
    const std::string_view type =
        verb == "isolate" ? ".target" : ".service";  // as systemctl has it
    for (const std::string& argument : arguments) {
        if (!is_glob(argument)) {
            chooser.add(completed(session, argument, type));
            continue;
        }
        bool any_chosen = false;
        if (!chooser.add_matching(argument, any_chosen)) {
            session.report({ExitStatus::no_such_unit, "org.svcd1.NoSuchUnit",
                            "no loaded unit matches '" + argument + "'", "",
                            "'svctl list-units --all' shows the loaded units", ""});
            chosen.status = worse(chosen.status, ExitStatus::no_such_unit);
        } else if (!any_chosen) {
            say_nothing_to_do(session, argument);
        }
    }
    chosen.units = chooser.take_units();
    return chosen;
}

void explain_unknown_unit(Session& session, Trouble& trouble) {
    if (trouble.status != ExitStatus::no_such_unit || trouble.unit.empty()) {
        return;
    }
    try {
        const std::set<std::string> with_file = units_with_file(session);
        const std::string typed =
            missing_unit(trouble, candidates(session, parts_of(trouble.unit), with_file));
        const std::string unit = with_mended_type(typed).value_or(typed);
        if (explain_template(session, unit, with_file, trouble)) {
            return;
        }
        // svcd has looked for the nearest one itself: that is the hint then. JSON has no hints.
        constexpr std::string_view kSuggests = "; did you mean ";
        if (const std::size_t at = trouble.message.find(kSuggests); at != std::string::npos) {
            if (!session.options().json) {
                trouble.hint = trouble.message.substr(at + 2);
                trouble.message.erase(at);
            }
            return;
        }
        const std::vector<std::string> known = candidates(session, parts_of(unit), with_file);
        const bool is_it = unit != typed && std::ranges::find(known, unit) != known.end();
        if (const auto meant = is_it ? std::optional{unit} : nearest_unit(unit, known)) {
            trouble.hint = "did you mean " + *meant + "?";
        }
    } catch (const sdbus::Error&) {
        return;  // then nothing is suggested
    }
}

}  // namespace svcd
