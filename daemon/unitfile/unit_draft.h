// A unit while its files are read, one setting after another. Lists that a file may make as long as
// it likes have an index: who adds an entry does not look at all those before it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/types/unit.h"

namespace svcd {

struct UnitDraft {
    UnitDefinition unit;
    ServiceSettings service;
    ExecSettings exec;
    /// `conditions` without those of requires_mounts_for, which are made at the end.
    RareUnitSettings rare_unit;
    RareServiceSettings rare_service;
    /// By CommandRole; put into service.commands at the end.
    std::array<std::vector<Command>, kCommandRoles> commands;
    bool timeout_start_given = false;
    bool job_running_timeout_given = false;

    /// Unless it is there already. A unit's relation with itself says nothing.
    void add_dependency(Relation relation, std::string_view other, std::uint32_t line = 0);
    void drop_dependencies(Relation relation);
    /// Adds "K=V"; a variable that is set already is replaced.
    void set_variable(std::string assignment);
    void drop_variables();

private:
    /// By relation: the units in unit.dependencies.
    std::array<std::unordered_set<std::string>, kRelations> related_;
    /// By name: its place in exec.environment.
    std::unordered_map<std::string, std::size_t> variables_;
};

}  // namespace svcd
