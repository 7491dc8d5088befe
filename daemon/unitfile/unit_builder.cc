#include "unitfile/unit_builder.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "unitfile/command_lints.h"
#include "unitfile/setting_reader.h"
#include "unitfile/setting_row.h"
#include "unitfile/suggestion.h"
#include "unitfile/unit_overrides.h"
#include "unitfile/unit_rules.h"
#include "unitfile/unsupported.h"
#include "unitfile/yaml_scalar.h"

namespace svcd {
namespace {

/// Of drop-ins that don't go together: how many are looked at one by one for the culprit.
constexpr std::size_t kDropInsTriedMax = 32;

struct BuiltIn {
    std::string_view name;
    std::string_view description;
    std::string_view requires_;  ///< also ordered after it; empty: none
};

constexpr auto kBuiltIns = std::to_array<BuiltIn>({
    {"sysinit.target", "System Initialization", ""},
    {"basic.target", "Basic System", "sysinit.target"},
    {"shutdown.target", "Shutdown", ""},
    {"default.target", "Default Target", "basic.target"},
    {"-.slice", "Root Slice", ""},
    {"system.slice", "System Slice", ""},
});

const BuiltIn* find_built_in(std::string_view name) {
    const auto found = std::find_if(kBuiltIns.begin(), kBuiltIns.end(),
                                    [name](const BuiltIn& each) { return each.name == name; });
    return found == kBuiltIns.end() ? nullptr : &*found;
}

std::string_view name_of_kind(YamlNode::Kind kind) {
    switch (kind) {
        case YamlNode::Kind::null:
            return "nothing";
        case YamlNode::Kind::scalar:
            return "a single value";
        case YamlNode::Kind::sequence:
            return "a list";
        case YamlNode::Kind::map:
            return "a map";
    }
    return {};
}

std::vector<std::string_view> sections_of(UnitType type) {
    switch (type) {
        case UnitType::service:
            return {"Unit", "Service", "Kill", "Install"};
        case UnitType::target:
            return {"Unit", "Install"};
        case UnitType::slice:
            return {"Unit", "Slice", "Install"};
    }
    return {};
}

bool is_users_own(std::string_view name) {
    return name.starts_with("X-");
}

/// One unit in the making: applies one source after another to a draft.
class Builder {
public:
    /// `taken_back` outlives the builder; null: every entry counts.
    Builder(const BuildInput& input, UnitType type, const TakenBack* taken_back)
        : input_{input}, type_{type}, taken_back_{taken_back} {
        draft_.unit.name = input.name.full;
        draft_.unit.ignore_on_isolate = type == UnitType::slice;
        if (const BuiltIn* built_in =
                input.fragment == nullptr ? find_built_in(input.name.full) : nullptr) {
            draft_.unit.description = built_in->description;
            draft_.unit.default_dependencies = false;
            if (!built_in->requires_.empty()) {
                draft_.add_dependency(Relation::requires_, built_in->requires_);
                draft_.add_dependency(Relation::after, built_in->requires_);
            }
        }
    }

    /// The faults of one more file.
    std::vector<Fault> apply(const UnitSource& source) {
        std::vector<Fault> faults;
        const YamlNode& root = *source.root;
        if (root.kind == YamlNode::Kind::null) {
            return faults;
        }
        if (root.kind != YamlNode::Kind::map) {
            faults.push_back(
                {root.mark, "a unit file is a map of sections (Unit, Service ...), not " +
                                std::string(name_of_kind(root.kind))});
            return faults;
        }
        for (const YamlEntry& section : root.entries) {
            apply_section(section, &source == input_.fragment, faults);
        }
        for (const int line : swallowed_items(source.text)) {
            warnings_.push_back({{line, 1},
                                 "this '- ' begins no item, for it is indented by more than the "
                                 "item above and so belongs to it; put it below the '-' above"});
        }
        return faults;
    }

    /// What is wrong with the unit as a whole, or nothing.
    std::optional<std::string> problem() const { return problem_of(draft_, type_); }
    bool has_too_many_starts() const { return svcd::has_too_many_starts(draft_); }

    /// What the last file's settings give to tell, though they are in force.
    std::vector<Fault> take_warnings() { return std::exchange(warnings_, {}); }

    /// The finished unit. The draft is used up.
    void finish(BuiltUnit& built);

private:
    void apply_section(const YamlEntry& section, bool in_fragment, std::vector<Fault>& faults);
    void apply_setting(std::string_view section,
                       const YamlEntry& entry,
                       bool in_fragment,
                       std::vector<Fault>& faults);
    void add_default_dependencies();
    void add_slice();
    void finish_service(BuiltUnit& built);
    void finish_rare_settings();

    bool counts(const YamlEntry& entry, std::vector<Fault>& faults) const;

    const BuildInput& input_;
    UnitType type_;
    const TakenBack* taken_back_;
    UnitDraft draft_;
    std::vector<Fault> warnings_;
};

/// The fault of a section that a unit of this type has not.
std::string unknown_section(const std::string& section, UnitType type) {
    if (section == "Service" || section == "Kill" || section == "Slice" ||
        is_unsupported_section(section)) {
        return "the section " + section + " does not belong in a " + std::string(name_of(type));
    }
    std::string message = "unknown section '" + section + "'";
    if (const auto nearest = suggestion(section, sections_of(type)); !nearest.empty()) {
        return message + nearest;
    }
    const bool is_key =
        find_setting("Unit", section) != nullptr || find_setting("Service", section) != nullptr;
    return message + (is_key ? ": it is a key, and stands in a section" : "");
}

/// The fault of a section that is no map. A line without a key is one value to YAML.
std::string not_a_map(const std::string& section, const YamlNode& value) {
    std::optional<std::string> problem;
    if (value.kind == YamlNode::Kind::scalar) {
        const std::string_view word = std::string_view{value.text}.substr(0, value.text.find(' '));
        problem = problem_of_key_line(word);
        if (!problem && find_setting(section, word) != nullptr) {
            problem = "a colon is missing after " + std::string(word);
        }
    }
    return "the section " + section + " is a map of keys, not " +
           std::string(name_of_kind(value.kind)) + (problem ? ": " + *problem : std::string{});
}

/// False for what a later file has taken back, and for what takes back.
bool Builder::counts(const YamlEntry& entry, std::vector<Fault>& faults) const {
    if (taken_back_ != nullptr && taken_back_->contains(entry)) {
        return false;
    }
    if (entry.value->tag != YamlNode::Tag::reset) {
        return true;
    }
    if (!is_reset(*entry.value)) {
        faults.push_back({entry.value->mark,
                          entry.key +
                              ": !reset takes back what other files have set and has no "
                              "value of its own: write '" +
                              entry.key + ": !reset null', or !override before another value"});
    }
    return false;
}

void Builder::apply_section(const YamlEntry& section,
                            bool in_fragment,
                            std::vector<Fault>& faults) {
    if (is_users_own(section.key)) {
        return;
    }
    const auto known = sections_of(type_);
    if (std::find(known.begin(), known.end(), section.key) == known.end()) {
        faults.push_back({section.mark, unknown_section(section.key, type_)});
        return;
    }
    const YamlNode& value = *section.value;
    if (!counts(section, faults) || value.kind == YamlNode::Kind::null) {
        return;
    }
    if (value.kind != YamlNode::Kind::map) {
        faults.push_back({value.mark, not_a_map(section.key, value)});
        return;
    }
    for (const YamlEntry& entry : value.entries) {
        apply_setting(section.key, entry, in_fragment, faults);
    }
}

/// The fault of a key that a section has not. Who has many of them is told of the first ones, and
/// nothing is looked for after those.
std::string unknown_key(std::string_view section, const std::string& key, bool with_nearest) {
    if (is_unsupported_setting(section, key)) {
        return "'" + key + "' is not supported by this version";
    }
    std::string message = "unknown key '" + key + "' in section " + std::string(section);
    if (!with_nearest) {
        return message;
    }
    for (const std::string_view other : {"Unit", "Service", "Install"}) {
        if (other != section && find_setting(other, key) != nullptr) {
            return message + ": it belongs in section " + std::string(other);
        }
    }
    return message + suggestion(key, keys_of_section(section));
}

void Builder::apply_setting(std::string_view section,
                            const YamlEntry& entry,
                            bool in_fragment,
                            std::vector<Fault>& faults) {
    if (is_users_own(entry.key)) {
        return;
    }
    const SettingRow* row = find_setting(section, entry.key);
    if (row == nullptr) {
        const bool with_nearest = faults.size() < kFaultsToldMax;
        faults.push_back({entry.mark, unknown_key(section, entry.key, with_nearest)});
        return;
    }
    if (!counts(entry, faults)) {
        return;
    }
    Reading reading{input_.name, input_.specifiers, draft_,      faults,
                    warnings_,   row->key,          in_fragment, input_.user_instance};
    if (is_bare_tilde(*row, *entry.value)) {
        fail_bare_tilde(reading, *entry.value);
        return;
    }
    row->read(reading, *entry.value);
}

void Builder::add_default_dependencies() {
    // A target's (after what it wants) need the other units: the loader adds them.
    if (!draft_.unit.default_dependencies || type_ != UnitType::service) {
        return;
    }
    if (input_.user_instance) {
        draft_.add_dependency(Relation::requires_, "basic.target");
    } else {
        draft_.add_dependency(Relation::requires_, "sysinit.target");
        draft_.add_dependency(Relation::after, "sysinit.target");
    }
    draft_.add_dependency(Relation::after, "basic.target");
}

/// A unit needs its slice, DefaultDependencies or not. What is always there is no edge.
void Builder::add_slice() {
    const std::string slice = draft_.unit.slice();
    if (!slice.empty() && !is_perpetual(slice)) {
        draft_.add_dependency(Relation::requires_, slice);
        draft_.add_dependency(Relation::after, slice);
    }
}

void Builder::finish_service(BuiltUnit& built) {
    ServiceSettings& service = draft_.service;
    service.type = service_type_of(draft_);
    if (service.type == ServiceType::oneshot && !draft_.timeout_start_given) {
        service.timeout_start = kInfinity;
    }
    if (service.type == ServiceType::dbus) {
        // systemd's is dbus.socket, which brings the bus; this is where the bus is here.
        draft_.add_dependency(Relation::after, "dbus.service");
    }
    for (std::vector<Command>& of_role : draft_.commands) {
        std::move(of_role.begin(), of_role.end(), std::back_inserter(service.commands));
    }
    service.commands.shrink_to_fit();
    if (draft_.rare_service != RareServiceSettings{}) {
        service.rare = std::make_shared<const RareServiceSettings>(std::move(draft_.rare_service));
    }
    draft_.unit.service = std::make_unique<ServiceSettings>(std::move(service));
    built.exec = std::move(draft_.exec);
}

void Builder::finish_rare_settings() {
    RareUnitSettings& rare = draft_.rare_unit;
    std::unordered_set<std::string> seen;
    std::erase_if(rare.requires_mounts_for,
                  [&seen](const std::string& path) { return !seen.insert(path).second; });
    for (const std::string& path : rare.requires_mounts_for) {
        rare.conditions.push_back({ConditionKind::mounts_for, true, false, false, path});
    }
    rare.conditions.shrink_to_fit();
    rare.requires_mounts_for.shrink_to_fit();
    if (rare != RareUnitSettings{}) {
        draft_.unit.rare = std::make_shared<const RareUnitSettings>(std::move(rare));
    }
}

void Builder::finish(BuiltUnit& built) {
    for (const Dependency& dependency : input_.linked) {
        draft_.add_dependency(dependency.relation, dependency.unit);
    }
    add_default_dependencies();
    if (type_ == UnitType::service) {
        finish_service(built);
    }
    finish_rare_settings();
    add_slice();
    UnitDefinition& unit = draft_.unit;
    if (input_.fragment != nullptr) {
        unit.fragment_path = input_.fragment->path;
    }
    if (type_ == UnitType::slice && unit.description.empty()) {
        const BuiltIn* built_in = find_built_in(unit.name);
        unit.description = built_in != nullptr ? std::string(built_in->description)
                                               : "Slice /" + unescape_unit_name(input_.name.prefix);
    }
    unit.dependencies.shrink_to_fit();
    built.definition = std::move(unit);
    built.valid = true;
}

void add_diagnostics(const BuildInput& input,
                     const UnitSource& source,
                     const std::vector<Fault>& faults,
                     Diagnostic::Severity severity,
                     BuiltUnit& built) {
    const bool are_many = faults.size() > kFaultsToldMax;
    const std::size_t told = are_many ? kFaultsToldMax : faults.size();
    for (const Fault& fault : std::span{faults}.first(told)) {
        built.diagnostics.push_back(make_diagnostic(input.name.full, source.path, source.text,
                                                    fault.mark, fault.message, source.is_private));
        built.diagnostics.back().severity = severity;
    }
    if (are_many) {
        built.diagnostics.push_back(
            make_diagnostic(input.name.full, source.path, {}, {},
                            "and " + std::to_string(faults.size() - told) + " more of this kind"));
        built.diagnostics.back().severity = severity;
    }
}

/// The drop-ins that apply without a fault; those that don't are reported.
std::vector<const UnitSource*> sound_drop_ins(const BuildInput& input,
                                              UnitType type,
                                              BuiltUnit& built) {
    std::vector<const UnitSource*> sound;
    for (const UnitSource& drop_in : input.drop_ins) {
        Builder alone{input, type, nullptr};
        std::vector<Fault> faults = alone.apply(drop_in);
        if (faults.empty()) {
            sound.push_back(&drop_in);
            continue;
        }
        add_diagnostics(input, drop_in, faults, Diagnostic::Severity::error, built);
        if (input.faulty_drop_in == FaultyDropIn::leave_out) {
            built.diagnostics.back().message += kLeftOutWords;
        }
    }
    return sound;
}

/// What a try gave.
struct Attempt {
    /// What is wrong with the unit as a whole; empty: its file has a fault, which was reported.
    std::optional<std::string> problem;
    bool has_too_many_starts = false;
};

Attempt try_build_with(const BuildInput& input,
                       UnitType type,
                       std::span<const UnitSource* const> drop_ins,
                       ExecStartInDropIn exec_start,
                       BuiltUnit& built) {
    std::vector<const UnitSource*> sources;
    if (input.fragment != nullptr) {
        sources.push_back(input.fragment);
    }
    sources.insert(sources.end(), drop_ins.begin(), drop_ins.end());
    const TakenBack taken_back{sources, exec_start};
    Builder builder{input, type, &taken_back};
    std::vector<std::pair<const UnitSource*, std::vector<Fault>>> warnings;
    for (const UnitSource* source : sources) {
        // Each drop-in was applied without a fault before; a setting's faults don't hang on others.
        const std::vector<Fault> faults = builder.apply(*source);
        if (source == input.fragment && !faults.empty()) {
            add_diagnostics(input, *source, faults, Diagnostic::Severity::error, built);
            return {std::string{}};
        }
        warnings.emplace_back(source, builder.take_warnings());
    }
    if (auto problem = builder.problem()) {
        return {std::move(problem), builder.has_too_many_starts()};
    }
    for (const auto& [source, of_source] : warnings) {
        add_diagnostics(input, *source, of_source, Diagnostic::Severity::warning, built);
    }
    builder.finish(built);
    for (const UnitSource* drop_in : drop_ins) {
        built.definition.drop_in_paths.push_back(drop_in->path);
    }
    return {};
}

/// Builds the unit with these drop-ins; else what is wrong with it.
std::optional<std::string> try_build(const BuildInput& input,
                                     UnitType type,
                                     std::span<const UnitSource* const> drop_ins,
                                     BuiltUnit& built) {
    Attempt attempt = try_build_with(input, type, drop_ins, ExecStartInDropIn::adds, built);
    if (attempt.has_too_many_starts && !drop_ins.empty()) {
        attempt = try_build_with(input, type, drop_ins, ExecStartInDropIn::replaces, built);
    }
    return std::move(attempt.problem);
}

/// The drop-ins are sound one by one, and yet not together: the one without which the others are;
/// else the last.
std::size_t drop_in_to_leave_out(const BuildInput& input,
                                 UnitType type,
                                 const std::vector<const UnitSource*>& drop_ins) {
    const std::size_t last = drop_ins.size() - 1;
    for (std::size_t i = drop_ins.size(); i-- > 0 && last - i < kDropInsTriedMax;) {
        std::vector<const UnitSource*> others = drop_ins;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
        BuiltUnit ignored;
        if (!try_build(input, type, others, ignored)) {
            return i;
        }
    }
    return last;
}

}  // namespace

bool is_built_in(std::string_view name) {
    return find_built_in(name) != nullptr || is_slice_name(name);
}

BuiltUnit build_unit(const BuildInput& input) {
    BuiltUnit built;
    const std::optional<UnitType> type = input.name.type();
    if (!type) {
        return built;
    }
    std::vector<const UnitSource*> drop_ins = sound_drop_ins(input, *type, built);
    const bool rejects = input.faulty_drop_in == FaultyDropIn::reject_unit;
    if (rejects && !built.diagnostics.empty()) {
        return built;
    }
    std::optional<std::string> problem = try_build(input, *type, drop_ins, built);
    const std::string first_problem = problem.value_or("");
    std::vector<Diagnostic> left_out_ones;
    while (problem && !problem->empty() && !drop_ins.empty() && !rejects) {
        const std::size_t index = drop_in_to_leave_out(input, *type, drop_ins);
        const UnitSource& left_out = *drop_ins[index];
        drop_ins.erase(drop_ins.begin() + static_cast<std::ptrdiff_t>(index));
        problem = try_build(input, *type, drop_ins, built);
        left_out_ones.push_back(make_diagnostic(input.name.full, left_out.path, left_out.text, {},
                                                first_problem + std::string(kLeftOutWords),
                                                left_out.is_private));
    }
    if (problem && !problem->empty()) {
        // No drop-in is to blame: the unit's own file has the fault.
        const std::string path = input.fragment != nullptr ? input.fragment->path : std::string{};
        built.diagnostics.push_back(make_diagnostic(
            input.name.full, path, {}, {}, left_out_ones.empty() ? first_problem : *problem,
            input.fragment != nullptr && input.fragment->is_private));
    } else {
        std::move(left_out_ones.begin(), left_out_ones.end(),
                  std::back_inserter(built.diagnostics));
    }
    return built;
}

}  // namespace svcd
