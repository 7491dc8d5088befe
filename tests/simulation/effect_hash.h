// A number for what a step did: two runs that took the same course have the same.
#pragma once

#include <cstdint>

#include "core/types/effect.h"
#include "core/types/record.h"

namespace svcd::simulation {

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value);
std::uint64_t mixed(std::uint64_t hash, const UnitRecord& record);
std::uint64_t mixed(std::uint64_t hash, const Effect& effect);

}  // namespace svcd::simulation
