// The edges of the unit graph. Each is known from both ends: what one unit Requires is RequiredBy
// the other.
#pragma once

#include <cstdint>
#include <string_view>

namespace svcd {

/// Named as the properties of org.freedesktop.systemd1.Unit; the second half are the inverses of
/// the first, in the same order, so that inverse() is arithmetic. `conflicts`/`conflicted_by`,
/// `before`/`after` are each other's inverses too.
enum class Relation : std::uint8_t {
    requires_,
    requisite,
    wants,
    binds_to,
    part_of,
    upholds,
    conflicts,
    before,
    on_failure,
    on_success,
    propagates_reload_to,
    propagates_stop_to,
    joins_namespace_of,
    required_by,
    requisite_of,
    wanted_by,
    bound_by,
    consists_of,
    upheld_by,
    conflicted_by,
    after,
    on_failure_of,
    on_success_of,
    reload_propagated_from,
    stop_propagated_from,
    namespace_joined_by,
};
inline constexpr std::size_t kRelationsOneWay = 13;
inline constexpr std::size_t kRelations = 2 * kRelationsOneWay;

constexpr Relation inverse(Relation relation) {
    return static_cast<Relation>((static_cast<std::size_t>(relation) + kRelationsOneWay) %
                                 kRelations);
}

/// "Requires", "RequiredBy", ...
std::string_view name_of(Relation relation);

}  // namespace svcd
