#include "unitfile/unit_draft.h"

#include <utility>

namespace svcd {

void UnitDraft::add_dependency(Relation relation, std::string_view other, std::uint32_t line) {
    auto& known = related_[static_cast<std::size_t>(relation)];
    if (other != unit.name && known.emplace(other).second) {
        unit.dependencies.push_back({relation, std::string(other), line});
    }
}

void UnitDraft::drop_dependencies(Relation relation) {
    auto& known = related_[static_cast<std::size_t>(relation)];
    if (known.empty()) {
        return;
    }
    known.clear();
    std::erase_if(unit.dependencies,
                  [relation](const Dependency& each) { return each.relation == relation; });
}

void UnitDraft::set_variable(std::string assignment) {
    auto& environment = exec.environment;
    const auto [place, is_new] =
        variables_.try_emplace(assignment.substr(0, assignment.find('=')), environment.size());
    if (is_new) {
        environment.push_back(std::move(assignment));
    } else {
        environment[place->second] = std::move(assignment);
    }
}

void UnitDraft::drop_variables() {
    exec.environment.clear();
    variables_.clear();
}

}  // namespace svcd
