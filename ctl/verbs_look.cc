// status, show, cat, list-*, is-active, is-failed: questions only, nothing changes.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <span>

#include "earlier_life.h"
#include "guard.h"
#include "launcher_status.h"
#include "log_lines.h"
#include "named_units.h"
#include "print_show.h"
#include "print_status.h"
#include "property_names.h"
#include "signals.h"
#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

/// A tree of dependencies is cut here: more than a person reads.
constexpr std::size_t kTreeNodesMax = 20'000;
constexpr std::size_t kTreeDepthMax = 200;
constexpr std::size_t kUnitFileMax = std::size_t{1} << 20U;

bool is_unknown(const Json& properties) {
    return text_of(properties, "LoadState") == "not-found" &&
           text_of(properties, "ActiveState") == "inactive";
}

/// What scripts ask about a unit that may not be there (show -P LoadState) has an answer also then.
Json properties_or_unknown(Session& session, const std::string& unit) {
    try {
        return session.daemon().unit_properties(unit);
    } catch (const sdbus::Error& error) {
        if (status_of_error(error.getName()) != ExitStatus::no_such_unit) {
            throw;
        }
        return {{"Id", unit},
                {"LoadState", "not-found"},
                {"ActiveState", "inactive"},
                {"SubState", "dead"}};
    }
}

/// Reports each name (no glob) that no loaded unit has.
ExitStatus report_unknown(Session& session, const std::vector<UnitRow>& loaded) {
    ExitStatus worst = ExitStatus::done;
    const auto is_loaded = [&](const std::string& unit) {
        return std::ranges::find(loaded, unit, &UnitRow::name) != loaded.end();
    };
    for (const std::string& argument : session.options().arguments) {
        const std::string unit = complete_unit_name(argument);
        if (is_glob(argument) || is_loaded(unit) || is_loaded(own_name(session, unit))) {
            continue;
        }
        Trouble trouble{ExitStatus::no_such_unit,
                        "org.svcd1.NoSuchUnit",
                        "no unit " + unit + " is loaded",
                        unit,
                        "'svctl list-units --all' shows the loaded units",
                        ""};
        explain_unknown_unit(session, trouble);
        session.report(trouble);
        worst = ExitStatus::no_such_unit;
    }
    return worst;
}

/// Names each property that nothing has, once, and the one that was meant, perhaps.
void warn_of_unknown_properties(Session& session, std::span<const std::string_view> known) {
    const std::vector<std::string> names{known.begin(), known.end()};
    for (const std::string& name : session.options().properties) {
        if (std::ranges::find(known, name) == known.end()) {
            const auto meant = nearest_of_any_case(name, names);
            session.warn("there is no property '" + name + "'" +
                         (meant ? "; did you mean '" + *meant + "'?" : ""));
        }
    }
}

/// The properties that are to be shown, look as if they were not set, and are withheld from who
/// asks. To read one of them by itself is refused then.
std::vector<std::string> withheld_from_us(Session& session,
                                          const std::string& unit,
                                          const Json& properties) {
    const std::vector<std::string>& wanted = session.options().properties;
    std::vector<std::string> withheld;
    for (const char* name : kSecretProperties) {
        const bool is_shown = wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
        if (!is_shown || !properties.contains(name) || !properties[name].empty()) {
            continue;
        }
        try {
            session.daemon().unit_property(unit, "org.svcd1.Service", name);
        } catch (const sdbus::Error& error) {
            if (status_of_error(error.getName()) != ExitStatus::not_permitted) {
                throw;
            }
            withheld.emplace_back(name);
        }
    }
    return withheld;
}

ExitStatus status_of_unit(Session& session, const std::string& unit, Json& list) {
    StatusFacts facts;
    facts.properties = session.daemon().unit_properties(unit);
    if (is_unknown(facts.properties)) {
        throw_no_such_unit(unit);
    }
    const std::string active = text_of(facts.properties, "ActiveState");
    if (facts.properties.contains("MainPID")) {
        facts.processes = session.daemon().processes(unit);
        facts.examined = facts.processes.empty() ? Json{} : session.daemon().examine(unit);
        facts.log_path = log_path_of(facts.properties);
        facts.log_is_closed = is_closed(facts.log_path);
        facts.log = last_lines(facts.log_path, static_cast<std::size_t>(session.options().lines),
                               log_begin_of(facts.properties));
        facts.earlier_life =
            find_earlier_life(session, facts.properties, facts.processes).processes;
    }
    facts.now = realtime_now();
    facts.now_monotonic = monotonic_now();
    if (session.options().json) {
        list.push_back(status_json(facts));
    }
    if (!session.options().json && !session.options().quiet) {
        static bool first = true;
        session.print(first ? "" : "\n");
        first = false;
        session.print(status_text(facts, session.out()));
    }
    const bool running = active == "active" || active == "reloading";
    return running ? ExitStatus::done : ExitStatus::not_active;
}

ExitStatus status_of_manager(Session& session) {
    const Json properties = session.daemon().manager_properties();
    if (session.options().json) {
        session.print(json_text(properties));
        return ExitStatus::done;
    }
    session.print(manager_status_text(properties, text_of(properties, "Version")));
    const std::string runtime_dir = session.connection().runtime_dir();
    const auto launcher = runtime_dir.empty() ? std::nullopt : read_launcher_status(runtime_dir);
    if (const std::string deaths = launcher ? deaths_text(*launcher) : ""; !deaths.empty()) {
        session.print("   Manager: " + deaths + "\n");
    }
    UnitFilter failed;
    failed.states = {"failed"};
    std::vector<UnitRow> rows = session.daemon().units();
    std::erase_if(rows, [&](const UnitRow& row) { return !is_shown(failed, row); });
    if (!rows.empty()) {
        ListLook look = session.look();
        look.legend = false;
        session.print("\n" + units_text(rows, 0, look));
    }
    return ExitStatus::done;
}

std::string file_text(const std::string& path) {
    std::string text;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return "# (it can't be read)\n";
    }
    std::string block(65536, '\0');
    while (text.size() < kUnitFileMax) {
        const ssize_t got = ::read(descriptor, block.data(), block.size());
        if (got <= 0) {
            break;
        }
        text.append(block, 0, static_cast<std::size_t>(got));
    }
    ::close(descriptor);
    return text.ends_with('\n') || text.empty() ? text : text + "\n";
}

/// Walks the dependencies from the properties, each unit asked for once.
class TreeBuilder {
public:
    explicit TreeBuilder(Session& session) : session_(session) {
        for (const UnitRow& row : session.daemon().units()) {
            active_[row.name] = row.active;
        }
    }

    DependencyTree build(const std::string& unit, std::size_t depth) {
        DependencyTree tree;
        tree.name = unit;
        tree.active = active_[unit];
        ++nodes_;
        // As systemctl has it: only targets are opened, all with --all.
        const bool open = depth == 0 || session_.options().all || unit.ends_with(".target");
        if (!open || depth == kTreeDepthMax || nodes_ > kTreeNodesMax) {
            return tree;
        }
        const std::vector<std::string> below = related(unit);
        if (!opened_.insert(unit).second) {
            tree.seen_above = !below.empty();
            return tree;
        }
        for (const std::string& name : below) {
            tree.children.push_back(build(name, depth + 1));
        }
        return tree;
    }

private:
    const std::vector<std::string>& related(const std::string& unit) {
        const auto known = related_.find(unit);
        if (known != related_.end()) {
            return known->second;
        }
        static constexpr std::initializer_list<const char*> kDown = {"Requires", "Requisite",
                                                                     "BindsTo", "Wants"};
        static constexpr std::initializer_list<const char*> kUp = {"RequiredBy", "RequisiteOf",
                                                                   "BoundBy", "WantedBy"};
        const Json properties = session_.daemon().unit_properties(unit);
        std::set<std::string> names;
        for (const char* relation : session_.options().reverse ? kUp : kDown) {
            const auto list = properties.find(relation);
            if (list != properties.end() && list->is_array()) {
                for (const Json& name : *list) {
                    names.insert(name.get<std::string>());
                }
            }
        }
        return related_[unit] = {names.begin(), names.end()};
    }

    Session& session_;
    std::map<std::string, std::string> active_;
    std::map<std::string, std::vector<std::string>> related_;
    std::set<std::string> opened_;
    std::size_t nodes_ = 0;
};

/// The state of a unit that there is not is an answer; what was meant, perhaps, is a note beside
/// it.
void suggest_unit(Session& session, const std::string& unit) {
    Trouble trouble{ExitStatus::no_such_unit, "", "there is no unit " + unit, unit, "", ""};
    explain_unknown_unit(session, trouble);
    if (!trouble.hint.empty()) {
        session.note(trouble.message + "; " + trouble.hint);
    }
}

/// Prints each unit's active state; `status_of` says what it means for the exit status.
template <typename StatusOf>
ExitStatus ask_states(Session& session, StatusOf&& status_of) {
    ExitStatus worst = ExitStatus::done;
    Json list = Json::array();
    for (const std::string& unit : named_units(session)) {
        const ExitStatus status = guarded(session, unit, [&] {
            std::string state = "inactive";
            bool known = true;
            try {
                state = session.daemon().active_state(unit);
            } catch (const sdbus::Error& error) {
                known = status_of_error(error.getName()) != ExitStatus::no_such_unit;
                if (known) {
                    throw;
                }
            }
            if (session.options().json) {
                list.push_back({{"unit", unit}, {"active", state}, {"known", known}});
            }
            if (!session.options().json && !session.options().quiet) {
                session.print(state + "\n");
            }
            if (!known) {
                suggest_unit(session, unit);
            }
            return known ? status_of(state) : ExitStatus::no_such_unit;
        });
        worst = worse(worst, status);
    }
    if (session.options().json) {
        session.print(json_text(list));
    }
    return worst;
}

}  // namespace

ExitStatus show_status(Session& session) {
    if (session.options().arguments.empty() && !session.options().all) {
        return status_of_manager(session);
    }
    std::vector<std::string> units = named_units(session);
    if (session.options().arguments.empty()) {
        for (const UnitRow& row : session.daemon().units()) {
            units.push_back(row.name);
        }
    }
    ExitStatus worst = ExitStatus::done;
    Json list = Json::array();
    for (const std::string& unit : units) {
        worst = worse(worst,
                      guarded(session, unit, [&] { return status_of_unit(session, unit, list); }));
    }
    if (session.options().json) {
        session.print(json_text(list));
    }
    return worst;
}

ExitStatus show_properties(Session& session) {
    const Options& options = session.options();
    ShowLook look{options.properties, options.value, options.all};
    if (options.arguments.empty()) {
        warn_of_unknown_properties(session, kManagerProperties);
        const Json properties = session.daemon().manager_properties();
        session.print(options.json ? json_text(properties_json(properties, look))
                                   : properties_text(properties, look));
        return ExitStatus::done;
    }
    warn_of_unknown_properties(session, kUnitProperties);
    const std::vector<std::string> units = named_units(session);
    ExitStatus worst = ExitStatus::done;
    Json list = Json::array();
    bool first = true;
    for (const std::string& unit : units) {
        const ExitStatus status = guarded(session, unit, [&] {
            const Json properties = properties_or_unknown(session, unit);
            look.withheld = withheld_from_us(session, unit, properties);
            if (options.json) {
                list.push_back(properties_json(properties, look));
            }
            if (!options.json) {
                session.print(first ? "" : "\n");
                session.print(properties_text(properties, look));
            }
            first = false;
            if (is_unknown(properties)) {
                throw_no_such_unit(unit);
            }
            if (options.value && !look.withheld.empty()) {
                session.warn(unit + ": " + look.withheld.front() +
                             " is withheld: only root and the owner of this svcd may read it");
            }
            return look.withheld.empty() || options.properties.empty() ? ExitStatus::done
                                                                       : ExitStatus::not_permitted;
        });
        worst = worse(worst, status);
    }
    if (options.json && !list.empty()) {
        session.print(json_text(list.size() == 1 ? list[0] : list));
    }
    return worst;
}

ExitStatus cat_files(Session& session) {
    ExitStatus worst = ExitStatus::done;
    Json list = Json::array();
    for (const std::string& unit : named_units(session)) {
        const ExitStatus status = guarded(session, unit, [&] {
            const Json properties = session.daemon().unit_properties(unit);
            if (is_unknown(properties)) {
                throw_no_such_unit(unit);
            }
            std::vector<std::string> paths;
            if (const std::string path = text_of(properties, "FragmentPath"); !path.empty()) {
                paths.push_back(path);
            }
            if (const auto found = properties.find("DropInPaths"); found != properties.end()) {
                for (const Json& path : *found) {
                    paths.push_back(path.get<std::string>());
                }
            }
            Json files = Json::array();
            for (const std::string& path : paths) {
                const std::string text = file_text(path);
                files.push_back({{"path", path}, {"text", text}});
                session.print(session.options().json ? "" : "# " + path + "\n" + text + "\n");
            }
            if (paths.empty() && !session.options().json) {
                const bool loaded = text_of(properties, "LoadState") == "loaded";
                session.print("# " + unit +
                              (loaded ? " has no file: it is built in\n"
                                      : " is not loaded: 'svctl status " + unit + "' says why\n"));
            }
            list.push_back({{"unit", unit}, {"files", std::move(files)}});
            return ExitStatus::done;
        });
        worst = worse(worst, status);
    }
    if (session.options().json) {
        session.print(json_text(list));
    }
    return worst;
}

ExitStatus list_units(Session& session) {
    const Options& options = session.options();
    UnitFilter filter{options.all, options.states, options.types, options.arguments,
                      own_names(session)};
    if (options.failed) {
        filter.states = {"failed"};
    }
    std::vector<UnitRow> rows = session.daemon().units();
    const std::vector<std::string> flapping = session.daemon().manager().FlappingUnits();
    for (UnitRow& row : rows) {
        row.flapping = std::ranges::find(flapping, row.name) != flapping.end();
    }
    const std::size_t loaded = rows.size();
    const ExitStatus status = report_unknown(session, rows);
    std::erase_if(rows, [&](const UnitRow& row) { return !is_shown(filter, row); });
    std::ranges::sort(rows, {}, &UnitRow::name);
    if (session.out().terminal) {
        std::stable_partition(rows.begin(), rows.end(),
                              [](const UnitRow& row) { return row.active == "failed"; });
    }
    const bool narrowed =
        filter.all || !filter.states.empty() || !filter.types.empty() || !filter.patterns.empty();
    const std::size_t hidden = narrowed ? 0 : loaded - rows.size();
    session.print(options.json ? json_text(units_json(rows))
                               : units_text(rows, hidden, session.look()));
    return status;
}

ExitStatus list_jobs(Session& session) {
    std::vector<JobRow> rows = session.daemon().jobs();
    ExitStatus status = ExitStatus::done;
    if (!session.options().arguments.empty()) {
        status = report_unknown(session, session.daemon().units());
        const std::vector<std::string> units = own_names(session);
        std::erase_if(rows, [&](const JobRow& row) {
            return std::ranges::find(units, row.unit) == units.end();
        });
    }
    session.print(session.options().json ? json_text(jobs_json(rows))
                                         : jobs_text(rows, session.look()));
    return status;
}

ExitStatus list_dependencies(Session& session) {
    std::vector<std::string> units = named_units(session);
    if (session.options().arguments.empty()) {
        units = {"default.target"};
    }
    ExitStatus worst = ExitStatus::done;
    Json list = Json::array();
    for (const std::string& unit : units) {
        const ExitStatus status = guarded(session, unit, [&] {
            session.daemon().active_state(unit);  // says so when there is no such unit
            const DependencyTree tree = TreeBuilder{session}.build(unit, 0);
            list.push_back(tree_json(tree));
            session.print(session.options().json ? "" : tree_text(tree, session.look()));
            return ExitStatus::done;
        });
        worst = worse(worst, status);
    }
    if (session.options().json) {
        session.print(json_text(list));
    }
    return worst;
}

ExitStatus is_active(Session& session) {
    return ask_states(session, [](const std::string& state) {
        return state == "active" || state == "reloading" ? ExitStatus::done
                                                         : ExitStatus::not_active;
    });
}

ExitStatus is_failed(Session& session) {
    return ask_states(session, [](const std::string& state) {
        return state == "failed" ? ExitStatus::done : ExitStatus::failed;
    });
}

}  // namespace svcd
