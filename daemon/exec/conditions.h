// Conditions and asserts (systemd.unit(5), "Conditions and Asserts"), looked at by svcd-exec in a
// process of its own: a path may lie on a file system that hangs, an account in a directory that
// doesn't answer. What each of them asks is in condition_kinds.h.
#pragma once

#include <string>
#include <vector>

#include "core/types/unit.h"

namespace svcd {

/// The world that conditions are about.
struct ConditionView {
    std::string root;                      ///< stands before every path; empty but in tests
    std::vector<std::string> environment;  ///< svcd's own, "K=V"
    std::string cgroup_folder;             ///< where svcd's cgroups have their root
};

/// A unit's conditions that count: they are told apart by an exit status, of which 251 and more
/// would say something else.
inline constexpr std::size_t kConditionsMax = 250;

/// Does this one hold, its '!' heeded? One that can't be told (no such capability, a number that is
/// none) doesn't, with or without '!'.
bool holds(const Condition& condition, const ConditionView& view);

/// 0 when all hold. Else 1 + the place of the one that decided, at most kConditionsMax: the first
/// that doesn't hold, or the first of those with '|' when none of them does. Conditions come
/// first; where they don't hold, asserts are not looked at.
int look_at_conditions(const std::vector<Condition>& conditions, const ConditionView& view);

}  // namespace svcd
