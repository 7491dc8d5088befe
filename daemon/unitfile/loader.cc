#include "unitfile/loader.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "unitfile/file_text.h"
#include "unitfile/missing_units.h"
#include "unitfile/specifier.h"
#include "unitfile/unit_builder.h"
#include "unitfile/unit_index.h"
#include "unitfile/unit_name.h"

namespace svcd {
namespace {

// What differs between units that say something of a block at all is mostly in these: units whose
// keys are the same are compared.

std::string key_of(const ExecSettings& exec) {
    std::string key = exec.working_directory + '\n' + exec.user + '\n' + exec.standard_output.path +
                      '\n' + exec.syslog_identifier;
    for (const std::string& variable : exec.environment) {
        key += '\n' + variable;
    }
    return key;
}

std::string key_of(const RareUnitSettings& rare) {
    std::string key = rare.source_path + '\n' + rare.slice;
    for (const Condition& condition : rare.conditions) {
        key += '\n' + condition.parameter;
    }
    return key;
}

std::string key_of(const RareServiceSettings& rare) {
    return rare.bus_name;
}

/// Lets units that say the same share one object.
template <typename Block>
class Pool {
public:
    std::shared_ptr<const Block> share(std::shared_ptr<const Block> block) {
        auto& candidates = by_key_[key_of(*block)];
        for (const auto& candidate : candidates) {
            if (*candidate == *block) {
                return candidate;
            }
        }
        return candidates.emplace_back(std::move(block));
    }

private:
    std::unordered_map<std::string, std::vector<std::shared_ptr<const Block>>> by_key_;
};

/// A template and a drop-in are read once for each unit that has them: what is wrong with them is
/// told once.
void drop_repeated(std::vector<Diagnostic>& diagnostics) {
    std::unordered_set<std::string> seen;
    std::erase_if(diagnostics, [&](const Diagnostic& diagnostic) {
        return !seen.insert(headline(diagnostic)).second;
    });
}

}  // namespace

/// One load: what is found on the way and forgotten after it.
class LoadSession {
public:
    LoadSession(const LoaderOptions& options, FaultyDropIn faulty)
        : options_{options},
          faulty_{faulty},
          specifiers_{options.user},
          index_{options.unit_path, options.path_is_given, report_.diagnostics} {}

    void want_all(const std::vector<std::string>& more) {
        to_want_ = index_.unit_names();
        for (const std::string& name : index_.aliases().faulty_names()) {
            to_want_.push_back(name);
        }
        for (const char* name : {"sysinit.target", "basic.target", "shutdown.target",
                                 "default.target", "-.slice", "system.slice"}) {
            to_want_.push_back(resolve(name));
        }
        for (const std::string& name : more) {
            to_want_.push_back(resolve(name));
        }
        index_.tell_of_orphaned_drop_ins();
    }

    void want_one(std::string_view name) {
        queue_.push_back(resolve(name));
        wanted_.insert(queue_.front());
    }

    /// False: all is done.
    bool go_on() {
        constexpr std::size_t kNamesAPiece = 64;
        if (wanted_names_ < to_want_.size()) {
            want(to_want_[wanted_names_++]);
        } else if (is_resolving_) {
            resolve_some(kNamesAPiece);
        } else if (!queue_.empty()) {
            load_next();
        } else if (ordered_ < report_.units.size()) {
            order_target(report_.units[ordered_++]);
        } else if (told_ < report_.units.size()) {
            tell_of_missing_units(report_.units[told_++]);
        } else {
            return false;
        }
        return true;
    }

    LoadReport take() {
        report_.names = {index_.aliases(), index_.template_names()};
        drop_repeated(report_.diagnostics);
        return std::move(report_);
    }

    LoadReport run() {
        while (go_on()) {
        }
        return take();
    }

private:
    std::string resolve(std::string_view name) const { return index_.aliases().resolve(name); }

    bool exists(const UnitName& name) const {
        return is_built_in(name.full) || !index_.fragment_of(name).empty() ||
               !index_.aliases().fault_of(name).empty();
    }

    /// Loads it in this session, unless there is nothing to load.
    void want(const std::string& name) {
        if (wanted_.contains(name) || missing_.contains(name)) {
            return;
        }
        const auto parts = parse_unit_name(name);
        if (!parts) {
            return;
        }
        if (!exists(*parts)) {
            missing_.insert(name);
        } else if (parts->type() && wanted_.size() < kUnitsMax) {
            wanted_.insert(name);
            queue_.push_back(name);
        }
    }

    void load_next() {
        options_.on_progress();
        const std::string name = std::move(queue_.front());
        queue_.pop_front();
        report_.units.push_back(load_one(name));
        is_resolving_ = true;
        resolved_ = 0;
    }

    /// Looks which units those are that the last one depends on.
    void resolve_some(std::size_t count) {
        LoadedUnit& unit = report_.units.back();
        std::vector<Dependency>& all = unit.definition.dependencies;
        for (const std::size_t end = std::min(resolved_ + count, all.size()); resolved_ < end;
             ++resolved_) {
            all[resolved_].unit = resolve(all[resolved_].unit);
            want(all[resolved_].unit);
        }
        is_resolving_ = resolved_ < all.size();
        if (!is_resolving_) {
            std::erase_if(
                all, [&](const Dependency& each) { return each.unit == unit.definition.name; });
        }
    }

    LoadedUnit not_loaded(const std::string& name, LoadState state, std::string error) {
        LoadedUnit unit;
        unit.state = state;
        unit.error = std::move(error);
        unit.definition.name = name;
        return unit;
    }

    /// Reports a fault that concerns a whole file.
    Diagnostic& report(const std::string& name, const std::string& path, std::string message) {
        Diagnostic diagnostic;
        diagnostic.unit = name;
        diagnostic.file = path;
        diagnostic.message = std::move(message);
        return report_.diagnostics.emplace_back(std::move(diagnostic));
    }

    LoadedUnit load_one(const std::string& full_name);
    std::optional<UnitSource> parse(const std::string& name,
                                    const std::string& path,
                                    FileText file);
    bool read_drop_ins(const UnitName& name, std::vector<UnitSource>& drop_ins);
    LoadedUnit finish(const UnitName& name, const BuildInput& input, std::size_t first_diagnostic);
    void share_blocks(UnitDefinition& unit, ExecSettings exec);
    void order_target(LoadedUnit& loaded);
    const UnitDefinition* loaded_as(const std::string& name);
    void tell_of_missing_units(const LoadedUnit& unit);

    const LoaderOptions& options_;
    FaultyDropIn faulty_;
    LoadReport report_;
    Specifiers specifiers_;
    UnitIndex index_;
    Pool<ExecSettings> exec_pool_;
    Pool<RareUnitSettings> rare_unit_pool_;
    Pool<RareServiceSettings> rare_service_pool_;
    std::deque<std::string> queue_;
    std::unordered_set<std::string> wanted_;
    std::unordered_set<std::string> missing_;  ///< named by units, and there is no such file
    std::vector<std::string> to_want_;
    std::size_t wanted_names_ = 0;  ///< of those
    bool is_resolving_ = false;
    std::size_t resolved_ = 0;  ///< dependencies of the last unit
    std::size_t ordered_ = 0;   ///< units that order_target() has seen
    std::size_t told_ = 0;      ///< ... and tell_of_missing_units()
    std::unordered_map<std::string_view, const UnitDefinition*> by_name_;
    std::optional<MissingUnits> missing_units_;
};

namespace {

/// The errors of a unit among the diagnostics from `first` on.
std::string errors_of(const std::string& unit,
                      const std::vector<Diagnostic>& diagnostics,
                      std::size_t first) {
    std::string lines;
    for (std::size_t i = first; i < diagnostics.size(); ++i) {
        const Diagnostic& each = diagnostics[i];
        if (each.severity == Diagnostic::Severity::error && each.unit == unit) {
            lines += (lines.empty() ? "" : "\n") + headline(each);
        }
    }
    return lines;
}

}  // namespace

/// The tree of a file; nothing, and a diagnostic, when it isn't one.
std::optional<UnitSource> LoadSession::parse(const std::string& name,
                                             const std::string& path,
                                             FileText file) {
    auto root = read_yaml(file.text);
    if (!root) {
        // What a line belongs to is a guess where YAML is not valid: nothing of a secret is quoted.
        const YamlFault& fault = root.error();
        report_.diagnostics.push_back(
            make_diagnostic(name, path, file.text, fault.mark, fault.message,
                            file.is_private || is_secret_line(file.text, fault.mark.line)));
        return std::nullopt;
    }
    return UnitSource{path, std::move(file.text), *std::move(root), file.is_private};
}

/// False when one can't be read or parsed.
bool LoadSession::read_drop_ins(const UnitName& name, std::vector<UnitSource>& drop_ins) {
    bool sound = true;
    for (const std::string& path : index_.drop_ins_of(name)) {
        auto file = read_file_text(path);
        if (file && file->masked) {
            continue;
        }
        const std::size_t before = report_.diagnostics.size();
        auto source = file ? parse(name.full, path, *std::move(file)) : std::nullopt;
        if (source) {
            drop_ins.push_back(*std::move(source));
            continue;
        }
        sound = false;
        if (report_.diagnostics.size() == before) {
            report(name.full, path, to_string(file.error()));
        }
        if (faulty_ == FaultyDropIn::leave_out) {
            report_.diagnostics.back().message += kLeftOutWords;
        }
    }
    return sound;
}

LoadedUnit LoadSession::load_one(const std::string& full_name) {
    const auto name = parse_unit_name(full_name);
    if (!name || name->is_template()) {
        return not_loaded(full_name, LoadState::not_found,
                          "'" + full_name + "' is not the name of a unit");
    }
    if (const std::string& fault = index_.aliases().fault_of(*name); !fault.empty()) {
        return not_loaded(full_name, LoadState::bad_setting, fault);
    }
    const std::string path = index_.fragment_of(*name);
    if (!name->type() || (path.empty() && !is_built_in(full_name))) {
        return not_loaded(full_name, LoadState::not_found,
                          "there is no unit file " + full_name + ".yaml in the unit path");
    }
    const std::size_t first_diagnostic = report_.diagnostics.size();
    std::optional<UnitSource> fragment;
    if (!path.empty()) {
        auto file = read_file_text(path);
        if (!file) {
            report(full_name, path, to_string(file.error()));
            return not_loaded(full_name, LoadState::error,
                              errors_of(full_name, report_.diagnostics, first_diagnostic));
        }
        if (file->masked) {
            return not_loaded(full_name, LoadState::masked, "the unit is masked by " + path);
        }
        fragment = parse(full_name, path, *std::move(file));
        if (!fragment) {
            return not_loaded(full_name, LoadState::bad_setting,
                              errors_of(full_name, report_.diagnostics, first_diagnostic));
        }
    }
    BuildInput input{*name,
                     specifiers_,
                     options_.user,
                     fragment ? &*fragment : nullptr,
                     {},
                     index_.linked_by(*name),
                     faulty_};
    const bool sound = read_drop_ins(*name, input.drop_ins);
    LoadedUnit unit = finish(*name, input, first_diagnostic);  // tells of the other files, too
    if (!sound && faulty_ == FaultyDropIn::reject_unit) {
        return not_loaded(full_name, LoadState::bad_setting,
                          errors_of(full_name, report_.diagnostics, first_diagnostic));
    }
    return unit;
}

LoadedUnit LoadSession::finish(const UnitName& name,
                               const BuildInput& input,
                               std::size_t first_diagnostic) {
    BuiltUnit built = build_unit(input);
    std::move(built.diagnostics.begin(), built.diagnostics.end(),
              std::back_inserter(report_.diagnostics));
    for (std::size_t i = first_diagnostic; !built.valid && i < report_.diagnostics.size(); ++i) {
        std::string& message = report_.diagnostics[i].message;
        message.resize(without_suffix(message, kLeftOutWords).size());
    }
    std::string error = errors_of(name.full, report_.diagnostics, first_diagnostic);
    if (!built.valid) {
        return not_loaded(name.full, LoadState::bad_setting, std::move(error));
    }
    LoadedUnit unit;
    unit.error = std::move(error);
    unit.definition = std::move(built.definition);
    share_blocks(unit.definition, std::move(built.exec));
    return unit;
}

void LoadSession::share_blocks(UnitDefinition& unit, ExecSettings exec) {
    if (unit.rare != nullptr) {
        unit.rare = rare_unit_pool_.share(std::move(unit.rare));
    }
    if (unit.service == nullptr) {
        return;
    }
    ServiceSettings& service = *unit.service;
    if (service.rare != nullptr) {
        service.rare = rare_service_pool_.share(std::move(service.rare));
    }
    // The block that most units have is shared by all loads there are.
    static const auto kDefault = std::make_shared<const ExecSettings>();
    service.exec = exec == *kDefault
                       ? kDefault
                       : exec_pool_.share(std::make_shared<const ExecSettings>(std::move(exec)));
}

namespace {

bool is_after(const UnitDefinition& unit, const std::string& other) {
    return std::any_of(unit.dependencies.begin(), unit.dependencies.end(),
                       [&](const Dependency& each) {
                           return each.relation == Relation::after && each.unit == other;
                       });
}

/// The units that it says to be before or after.
std::unordered_set<std::string> ordered_with(const UnitDefinition& unit) {
    std::unordered_set<std::string> names;
    for (const Dependency& each : unit.dependencies) {
        if (each.relation == Relation::before || each.relation == Relation::after) {
            names.insert(each.unit);
        }
    }
    return names;
}

bool pulls_in(Relation relation) {
    return relation == Relation::requires_ || relation == Relation::requisite ||
           relation == Relation::wants || relation == Relation::binds_to ||
           relation == Relation::part_of || relation == Relation::upholds;
}

}  // namespace

/// Null: it was not loaded. Once all units are.
const UnitDefinition* LoadSession::loaded_as(const std::string& name) {
    if (by_name_.empty()) {
        for (const LoadedUnit& unit : report_.units) {
            by_name_.emplace(unit.definition.name, &unit.definition);
        }
    }
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

/// DefaultDependencies of targets: after what they pull in, so that an active target means active
/// services, unless one of the two says otherwise. The built-in default.target is no exception.
void LoadSession::order_target(LoadedUnit& loaded) {
    UnitDefinition& target = loaded.definition;
    const bool wants_order = target.default_dependencies || is_built_in(target.name);
    if (loaded.state != LoadState::loaded || !wants_order ||
        unit_type_of(target.name) != UnitType::target) {
        return;
    }
    std::unordered_set<std::string> ordered = ordered_with(target);
    std::vector<Dependency> added;
    for (const Dependency& dependency : target.dependencies) {
        if (!pulls_in(dependency.relation) || ordered.contains(dependency.unit)) {
            continue;
        }
        const UnitDefinition* other = loaded_as(dependency.unit);
        const bool says_otherwise =
            other != nullptr && (!other->default_dependencies || is_after(*other, target.name));
        if (!says_otherwise) {
            ordered.insert(dependency.unit);
            added.push_back({Relation::after, dependency.unit});
        }
    }
    std::move(added.begin(), added.end(), std::back_inserter(target.dependencies));
}

/// Units that this one asks for and that have no file.
void LoadSession::tell_of_missing_units(const LoadedUnit& unit) {
    if (!missing_units_) {
        missing_units_.emplace(index_.unit_names(), index_.template_names());
    }
    for (const Dependency& dependency : unit.definition.dependencies) {
        if (unit.state == LoadState::loaded && missing_.contains(dependency.unit)) {
            missing_units_->add(unit.definition, dependency, report_.diagnostics);
        }
    }
    missing_units_->end_unit(unit.definition, report_.diagnostics);
}

namespace {

std::string from_environment(const char* variable, const std::string& otherwise) {
    const char* value = std::getenv(variable);
    return value != nullptr && value[0] == '/' ? std::string{value} : otherwise;
}

}  // namespace

UnitLoader::UnitLoader(LoaderOptions options) : options_{std::move(options)} {}

LoadReport UnitLoader::load_all(FaultyDropIn faulty, const std::vector<std::string>& more) {
    LoadSession session{options_, faulty};
    session.want_all(more);
    return session.run();
}

UnitLoading UnitLoader::begin_load_all(FaultyDropIn faulty, const std::vector<std::string>& more) {
    auto session = std::make_unique<LoadSession>(options_, faulty);
    session->want_all(more);
    return UnitLoading{std::move(session)};
}

LoadReport UnitLoader::load(std::string_view name, FaultyDropIn faulty) {
    LoadSession session{options_, faulty};
    session.want_one(name);
    return session.run();
}

UnitLoading::UnitLoading(std::unique_ptr<LoadSession> session) : session_{std::move(session)} {}
UnitLoading::~UnitLoading() = default;
UnitLoading::UnitLoading(UnitLoading&&) noexcept = default;
UnitLoading& UnitLoading::operator=(UnitLoading&&) noexcept = default;

bool UnitLoading::go_on() {
    return session_->go_on();
}

LoadReport UnitLoading::take() {
    return session_->take();
}

std::vector<std::string> default_unit_path(bool user) {
    if (!user) {
        return {"/etc/svcd/units", "/run/svcd/units", "/usr/local/lib/svcd/units",
                "/usr/lib/svcd/units"};
    }
    const std::string home = from_environment("HOME", {});
    const std::string config =
        from_environment("XDG_CONFIG_HOME", home.empty() ? std::string{} : home + "/.config");
    const std::string runtime = Specifiers{true}.runtime_directory();
    std::vector<std::string> path;
    if (!config.empty()) {
        path.push_back(config + "/svcd/units");
    }
    path.push_back(runtime + "/svcd/units");
    path.push_back("/etc/svcd/user");
    path.push_back("/usr/lib/svcd/user");
    return path;
}

}  // namespace svcd
