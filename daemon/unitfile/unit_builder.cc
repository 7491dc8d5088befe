#include "unitfile/unit_builder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "unitfile/setting_row.h"
#include "unitfile/suggestion.h"
#include "unitfile/unit_rules.h"
#include "unitfile/unsupported.h"
#include "unitfile/utf8.h"

namespace svcd {
namespace {

constexpr std::size_t kExcerptMax = 120;

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

void add_dependency(UnitDefinition& unit, Relation relation, std::string_view other) {
    const bool known = std::any_of(
        unit.dependencies.begin(), unit.dependencies.end(),
        [&](const Dependency& each) { return each.relation == relation && each.unit == other; });
    if (!known && other != unit.name) {
        unit.dependencies.push_back({relation, std::string(other)});
    }
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
    Builder(const BuildInput& input, UnitType type) : input_{input}, type_{type} {
        draft_.unit.name = input.name.full;
        draft_.unit.ignore_on_isolate = type == UnitType::slice;
        if (const BuiltIn* built_in =
                input.fragment == nullptr ? find_built_in(input.name.full) : nullptr) {
            draft_.unit.description = built_in->description;
            draft_.unit.default_dependencies = false;
            if (!built_in->requires_.empty()) {
                add_dependency(draft_.unit, Relation::requires_, built_in->requires_);
                add_dependency(draft_.unit, Relation::after, built_in->requires_);
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
        return faults;
    }

    /// What is wrong with the unit as a whole, or nothing.
    std::optional<std::string> problem() const { return problem_of(draft_, type_); }

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

    const BuildInput& input_;
    UnitType type_;
    UnitDraft draft_;
};

void Builder::apply_section(const YamlEntry& section,
                            bool in_fragment,
                            std::vector<Fault>& faults) {
    if (is_users_own(section.key)) {
        return;
    }
    const auto known = sections_of(type_);
    if (std::find(known.begin(), known.end(), section.key) == known.end()) {
        std::string message = "unknown section '" + section.key + "'";
        if (section.key == "Service" || section.key == "Kill" || section.key == "Slice") {
            message = "the section " + section.key + " does not belong in a " +
                      std::string(name_of(type_));
        } else if (is_unsupported_section(section.key)) {
            message = "the section " + section.key + " does not belong in a " +
                      std::string(name_of(type_));
        } else if (const auto nearest = suggestion(section.key, known); !nearest.empty()) {
            message += nearest;
        } else {
            const bool is_key = find_setting("Unit", section.key) != nullptr ||
                                find_setting("Service", section.key) != nullptr;
            message += is_key ? ": it is a key, and stands in a section" : "";
        }
        faults.push_back({section.mark, std::move(message)});
        return;
    }
    const YamlNode& value = *section.value;
    if (value.kind == YamlNode::Kind::null) {
        return;
    }
    if (value.kind != YamlNode::Kind::map) {
        faults.push_back({value.mark, "the section " + section.key + " is a map of keys, not " +
                                          std::string(name_of_kind(value.kind))});
        return;
    }
    for (const YamlEntry& entry : value.entries) {
        apply_setting(section.key, entry, in_fragment, faults);
    }
}

void Builder::apply_setting(std::string_view section,
                            const YamlEntry& entry,
                            bool in_fragment,
                            std::vector<Fault>& faults) {
    if (is_users_own(entry.key)) {
        return;
    }
    if (const SettingRow* row = find_setting(section, entry.key)) {
        Reading reading{input_.name, input_.specifiers,   draft_, faults, row->key,
                        in_fragment, input_.user_instance};
        row->read(reading, *entry.value);
        return;
    }
    if (is_unsupported_setting(section, entry.key)) {
        faults.push_back({entry.mark, "'" + entry.key + "' is not supported by this version"});
        return;
    }
    std::string message = "unknown key '" + entry.key + "' in section " + std::string(section);
    for (const std::string_view other : {"Unit", "Service", "Install"}) {
        if (other != section && find_setting(other, entry.key) != nullptr) {
            message += ": it belongs in section " + std::string(other);
            faults.push_back({entry.mark, std::move(message)});
            return;
        }
    }
    message += suggestion(entry.key, keys_of_section(section));
    faults.push_back({entry.mark, std::move(message)});
}

void Builder::add_default_dependencies() {
    // A target's (after what it wants) need the other units: the loader adds them.
    if (!draft_.unit.default_dependencies || type_ != UnitType::service) {
        return;
    }
    if (input_.user_instance) {
        add_dependency(draft_.unit, Relation::requires_, "basic.target");
    } else {
        add_dependency(draft_.unit, Relation::requires_, "sysinit.target");
        add_dependency(draft_.unit, Relation::after, "sysinit.target");
    }
    add_dependency(draft_.unit, Relation::after, "basic.target");
}

/// A unit needs its slice, DefaultDependencies or not. What is always there is no edge.
void Builder::add_slice() {
    const std::string slice = draft_.unit.slice();
    if (!slice.empty() && !is_perpetual(slice)) {
        add_dependency(draft_.unit, Relation::requires_, slice);
        add_dependency(draft_.unit, Relation::after, slice);
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
        add_dependency(draft_.unit, Relation::after, "dbus.service");
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
        add_dependency(draft_.unit, dependency.relation, dependency.unit);
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
                     BuiltUnit& built) {
    for (const Fault& fault : faults) {
        built.diagnostics.push_back(
            make_diagnostic(input.name.full, source.path, source.text, fault.mark, fault.message));
    }
}

constexpr std::string_view kLeftOut = "; the unit is loaded without this drop-in";

/// The drop-ins that apply without a fault; those that don't are reported.
std::vector<const UnitSource*> sound_drop_ins(const BuildInput& input,
                                              UnitType type,
                                              BuiltUnit& built) {
    std::vector<const UnitSource*> sound;
    for (const UnitSource& drop_in : input.drop_ins) {
        Builder alone{input, type};
        std::vector<Fault> faults = alone.apply(drop_in);
        if (faults.empty()) {
            sound.push_back(&drop_in);
            continue;
        }
        if (input.faulty_drop_in == FaultyDropIn::leave_out) {
            faults.back().message += kLeftOut;
        }
        add_diagnostics(input, drop_in, faults, built);
    }
    return sound;
}

/// Builds the unit with these drop-ins; nothing when it doesn't keep the rules.
std::optional<std::string> try_build(const BuildInput& input,
                                     UnitType type,
                                     std::span<const UnitSource* const> drop_ins,
                                     BuiltUnit& built) {
    Builder builder{input, type};
    if (input.fragment != nullptr) {
        const std::vector<Fault> faults = builder.apply(*input.fragment);
        if (!faults.empty()) {
            add_diagnostics(input, *input.fragment, faults, built);
            return std::string{};
        }
    }
    std::vector<std::string> paths;
    for (const UnitSource* drop_in : drop_ins) {
        // Each was applied without a fault before; a setting's faults don't hang on others.
        static_cast<void>(builder.apply(*drop_in));
        paths.push_back(drop_in->path);
    }
    if (auto problem = builder.problem()) {
        return problem;
    }
    builder.finish(built);
    built.definition.drop_in_paths = std::move(paths);
    return std::nullopt;
}

}  // namespace

Diagnostic make_diagnostic(const std::string& unit,
                           const std::string& path,
                           const std::string& text,
                           Mark mark,
                           std::string message) {
    Diagnostic diagnostic;
    diagnostic.unit = unit;
    diagnostic.file = path;
    diagnostic.message = std::move(message);
    diagnostic.line = mark.line;
    if (mark.line <= 0) {
        return diagnostic;
    }
    std::string_view rest = text;
    for (int line = 1; line < mark.line && !rest.empty(); ++line) {
        rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    }
    std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    const auto before = static_cast<std::size_t>(std::max(mark.column, 1) - 1);
    diagnostic.column =
        static_cast<int>(utf8_count(line.substr(0, std::min(before, line.size())))) + 1;
    for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        diagnostic.excerpt += byte < 0x20 || byte == 0x7f ? ' ' : c;
    }
    if (diagnostic.excerpt.size() > kExcerptMax) {
        std::size_t length = 0;
        std::size_t characters = 0;
        while (length < diagnostic.excerpt.size() && characters < kExcerptMax) {
            const std::size_t next =
                utf8_length(std::string_view{diagnostic.excerpt}.substr(length));
            length += next == 0 ? 1 : next;
            ++characters;
        }
        diagnostic.excerpt.resize(length);
    }
    return diagnostic;
}

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
    // Sound one by one, and yet not together: the last ones are left out until it fits.
    const std::string first_problem = problem.value_or("");
    while (problem && !problem->empty() && !drop_ins.empty() && !rejects) {
        const UnitSource& left_out = *drop_ins.back();
        drop_ins.pop_back();
        problem = try_build(input, *type, drop_ins, built);
        built.diagnostics.push_back(make_diagnostic(input.name.full, left_out.path, left_out.text,
                                                    {}, first_problem + std::string(kLeftOut)));
    }
    if (problem && !problem->empty()) {
        const std::string path = input.fragment != nullptr ? input.fragment->path : std::string{};
        built.diagnostics.push_back(make_diagnostic(input.name.full, path, {}, {}, first_problem));
    }
    return built;
}

}  // namespace svcd
