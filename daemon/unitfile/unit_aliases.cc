#include "unitfile/unit_aliases.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace svcd {
namespace {

/// A second name of a second name of ...: more is as good as a loop.
constexpr int kStepsMax = 8;

std::string quoted(const std::string& name) {
    return "'" + name + "'";
}

/// Why `name` can't be a second name of `other`; nothing when it can.
std::optional<std::string> problem_of(const UnitName& name, const UnitName& other) {
    const std::string what = "a link to the file of " + quoted(other.full) + ", of which " +
                             quoted(name.full) + " can't be a second name: ";
    if (name.suffix != other.suffix) {
        return what + "a " + name.suffix + " is no " + other.suffix;
    }
    if (other.is_template() && !name.has_at) {
        return what + "that is a template; link to it from an instance (" + name.prefix + "@NAME." +
               name.suffix + ") or from another template (" + name.template_name() + ")";
    }
    if (name.is_template() && !other.is_template()) {
        return what + "a template needs a template";
    }
    if (name.has_at != other.has_at) {
        return what + "one of them is an instance, the other is not";
    }
    if (name.is_instance() && other.is_instance() && name.instance != other.instance) {
        return what + "it is another instance";
    }
    return std::nullopt;
}

}  // namespace

void UnitAliases::add(const UnitName& name, const UnitName& other, std::string path) {
    links_.emplace(name.full, Link{name, other, std::move(path)});
}

std::string_view UnitAliases::linked_to(std::string_view name) const {
    const auto found = links_.find(name);
    return found == links_.end() ? name : std::string_view{found->second.other.full};
}

/// One step: the name that `name` is a link to, as itself or as an instance of a template that is
/// one; empty when there is none.
std::string UnitAliases::next_of(const UnitName& name) const {
    if (const auto own = links_.find(name.full); own != links_.end()) {
        const UnitName& other = own->second.other;
        const bool takes_instance = name.is_instance() && other.is_template();
        return takes_instance ? other.instance_name(name.instance) : other.full;
    }
    if (!name.is_instance() || own_instances_.contains(name.full)) {
        return {};
    }
    const auto of_template = links_.find(name.template_name());
    return of_template == links_.end() ? std::string{}
                                       : of_template->second.other.instance_name(name.instance);
}

void UnitAliases::fail(const Link& link,
                       std::string problem,
                       std::vector<Diagnostic>& diagnostics) {
    Diagnostic diagnostic;
    diagnostic.unit = link.name.full;
    diagnostic.file = link.path;
    diagnostic.message = std::move(problem);
    faults_.emplace(link.name.full, headline(diagnostic));
    diagnostics.push_back(std::move(diagnostic));
}

/// Follows the link to its end, and notes the name there.
void UnitAliases::settle_link(const Link& link, std::vector<Diagnostic>& diagnostics) {
    const std::string& name = link.name.full;
    std::string chain = name;
    std::string at = name;
    std::string next = next_of(link.name);
    int steps = 0;
    while (!next.empty() && next != name && steps < kStepsMax && !faults_.contains(at)) {
        chain += " → " + next;
        at = std::exchange(next, {});
        if (const auto parts = parse_unit_name(at)) {
            next = next_of(*parts);
        }
        ++steps;
    }
    if (next == name || steps == kStepsMax) {
        fail(link, "a loop of links, which leads to no file: " + chain + " → " + next, diagnostics);
        return;
    }
    names_by_unit_[at].push_back(name);
    settled_.emplace(name, std::move(at));
}

void UnitAliases::settle(Names& fragments, std::vector<Diagnostic>& diagnostics) {
    // A slice's name is its place in the tree of cgroups, so it has one only; and what points to a
    // file that isn't there is a plain file: opening it says so.
    std::erase_if(links_, [&](const auto& each) {
        const UnitName& other = each.second.other;
        return each.second.name.suffix == "slice" ||
               (!fragments.contains(other.full) &&
                !(other.is_instance() && fragments.contains(other.template_name())));
    });
    for (const auto& [name, path] : fragments) {
        const bool is_instance =
            name.find('@') != std::string::npos && name.find("@.") == std::string::npos;
        if (is_instance && !links_.contains(name)) {
            own_instances_.insert(name);
        }
    }
    for (const auto& [name, link] : links_) {
        if (auto problem = problem_of(link.name, link.other)) {
            fail(link, *std::move(problem), diagnostics);
        }
    }
    for (const auto& [name, link] : links_) {
        if (!faults_.contains(name)) {
            settle_link(link, diagnostics);
        }
    }
    for (const auto& [name, link] : links_) {
        fragments.erase(name);
    }
    std::erase_if(links_, [&](const auto& each) { return faults_.contains(each.first); });
}

std::string UnitAliases::resolve(std::string_view name) const {
    std::string at{name};
    for (int step = 0; step < kStepsMax; ++step) {
        const auto parts = parse_unit_name(at);
        std::string next = parts ? next_of(*parts) : std::string{};
        if (next.empty() || next == name) {
            break;
        }
        at = std::move(next);
    }
    return at;
}

const std::string& UnitAliases::fault_of(const UnitName& name) const {
    static const std::string kNone;
    auto found = faults_.find(name.full);
    if (found == faults_.end() && name.is_instance()) {
        found = faults_.find(name.template_name());
    }
    return found == faults_.end() ? kNone : found->second;
}

std::vector<std::string> UnitAliases::faulty_names() const {
    std::vector<std::string> names;
    for (const auto& [name, fault] : faults_) {
        if (const auto parts = parse_unit_name(name); parts && !parts->is_template()) {
            names.push_back(name);
        }
    }
    return names;
}

std::vector<std::string> UnitAliases::names_for(const UnitName& name) const {
    std::vector<std::string> names;
    if (const auto own = names_by_unit_.find(name.full); own != names_by_unit_.end()) {
        names = own->second;
    }
    const auto of_template =
        name.is_instance() ? names_by_unit_.find(name.template_name()) : names_by_unit_.end();
    if (of_template != names_by_unit_.end()) {
        for (const std::string& each : of_template->second) {
            const auto parts = parse_unit_name(each);
            if (parts && parts->is_template()) {
                names.push_back(parts->instance_name(name.instance));
            }
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace svcd
