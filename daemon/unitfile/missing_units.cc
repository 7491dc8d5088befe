#include "unitfile/missing_units.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "unitfile/file_text.h"
#include "unitfile/suggestion.h"
#include "unitfile/yaml_reader.h"

namespace svcd {
namespace {

/// To look for the nearest name means to compare with all.
constexpr std::size_t kHintsMax = 64;

/// Units that a file written for systemd may want, and that need not be here.
constexpr auto kOfSystemd = std::to_array<std::string_view>(
    {"basic.target",           "bluetooth.target",     "cryptsetup.target",
     "getty.target",           "graphical.target",     "local-fs.target",
     "local-fs-pre.target",    "multi-user.target",    "network.target",
     "network-online.target",  "network-pre.target",   "nss-lookup.target",
     "nss-user-lookup.target", "paths.target",         "printer.target",
     "remote-fs.target",       "remote-fs-pre.target", "rpcbind.target",
     "slices.target",          "smartcard.target",     "sockets.target",
     "sound.target",           "swap.target",          "sysinit.target",
     "syslog.target",          "time-set.target",      "time-sync.target",
     "timers.target",          "dbus.service"});

bool is_of_systemd(std::string_view name) {
    return name.starts_with("systemd-") ||
           std::find(kOfSystemd.begin(), kOfSystemd.end(), name) != kOfSystemd.end();
}

/// Legal without the unit, as with systemd.
bool is_wish(Relation relation) {
    return relation == Relation::wants || relation == Relation::upholds;
}

bool asks_for(Relation relation) {
    return is_wish(relation) || relation == Relation::requires_ ||
           relation == Relation::requisite || relation == Relation::binds_to ||
           relation == Relation::on_failure || relation == Relation::on_success;
}

/// Where the name stands in the line of the file; where it begins when it is written otherwise.
Mark mark_in(std::string_view text, std::uint32_t line, std::string_view name) {
    for (std::uint32_t at = 1; at < line && !text.empty(); ++at) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    const std::string_view own = text.substr(0, text.find('\n'));
    std::size_t column = own.find(name);
    column = column == std::string_view::npos ? own.find_first_not_of(" \t-") : column;
    Mark mark;
    mark.line = static_cast<int>(line);
    mark.column = column == std::string_view::npos ? 1 : static_cast<int>(column) + 1;
    return mark;
}

}  // namespace

MissingUnits::MissingUnits(std::vector<std::string> units, std::vector<std::string> templates)
    : units_{std::move(units)}, templates_{std::move(templates)} {}

/// "; did you mean 'alert@x.service'?", or nothing. What is compared is what stands before the
/// type.
std::string MissingUnits::hint(const std::string& wanted) {
    const auto parsed = parse_unit_name(wanted);
    if (++hints_ > kHintsMax || !parsed) {
        return {};
    }
    const UnitName& missing = *parsed;
    std::vector<std::string> stems;
    const auto add_stem = [&](const std::string& name, bool is_template) {
        const auto parts = parse_unit_name(name);
        if (parts && parts->suffix == missing.suffix) {
            stems.push_back(is_template ? parts->prefix + "@" + missing.instance : parts->stem);
        }
    };
    for (const std::string& name :
         missing.is_instance() ? templates_ : std::vector<std::string>{}) {
        add_stem(name, true);
    }
    for (const std::string& name : units_) {
        add_stem(name, false);
    }
    const std::vector<std::string_view> candidates{stems.begin(), stems.end()};
    const std::string_view nearest = nearest_word(missing.stem, candidates);
    return nearest.empty()
               ? std::string{}
               : "; did you mean '" + std::string(nearest) + "." + missing.suffix + "'?";
}

/// Of the file, which is kept until another is wanted; empty: it can't be read, or there is none.
const std::string& MissingUnits::text_of(const std::string& path) {
    if (path != path_) {
        auto file = path.empty() ? Result<FileText>{FileText{}} : read_file_text(path);
        text_ = file && !file->is_private ? std::move(file->text) : std::string{};
        path_ = path;
    }
    return text_;
}

void MissingUnits::add(const UnitDefinition& unit,
                       const Dependency& dependency,
                       std::vector<Diagnostic>& diagnostics) {
    const bool wishes = is_wish(dependency.relation);
    if (!asks_for(dependency.relation) || (wishes && is_of_systemd(dependency.unit))) {
        return;
    }
    const std::string& path = unit.fragment_path;
    const bool has_place = dependency.line != 0 && !path.empty();
    constexpr std::uint64_t kRelationsMax = 256;
    const std::uint64_t place =
        dependency.line * kRelationsMax + static_cast<std::uint64_t>(dependency.relation);
    if (has_place && !places_[path].insert(place).second) {
        return;
    }
    if (told_ == kFaultsToldMax) {
        ++more_;
        wishes_ = wishes_ && wishes;
        return;
    }
    ++told_;
    std::string message = std::string{name_of(dependency.relation)} + ": " + dependency.unit +
                          " has no file" + hint(dependency.unit);
    const std::string& text = has_place ? text_of(path) : text_of({});
    Diagnostic warning =
        text.empty()
            ? make_diagnostic(unit.name, has_place ? path : std::string{}, {}, {},
                              std::move(message))
            : make_diagnostic(unit.name, path, text,
                              mark_in(text, dependency.line, dependency.unit), std::move(message));
    warning.severity = Diagnostic::Severity::warning;
    warning.is_only_for_askers = wishes;
    diagnostics.push_back(std::move(warning));
}

void MissingUnits::end_unit(const UnitDefinition& unit, std::vector<Diagnostic>& diagnostics) {
    if (more_ > 0) {
        Diagnostic& rest = diagnostics.emplace_back(
            make_diagnostic(unit.name, unit.fragment_path, {}, {},
                            "and " + std::to_string(more_) + " more units that have no file"));
        rest.severity = Diagnostic::Severity::warning;
        rest.is_only_for_askers = wishes_;
    }
    told_ = 0;
    more_ = 0;
    wishes_ = true;
}

}  // namespace svcd
