// The arguments of calls, as the handlers want them: read from the message in order, units and
// verbs looked up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bus/api_table.h"

namespace svcd {

std::string read_string(sd_bus_message* call);
std::uint32_t read_u32(sd_bus_message* call);
std::int32_t read_i32(sd_bus_message* call);
bool read_bool(sd_bus_message* call);
std::vector<std::string> read_strings(sd_bus_message* call);

using FoundUnit = tl::expected<UnitId, BusError>;

/// The unit of this name, loaded when it isn't yet and the caller may cause that.
FoundUnit unit_named(const Call& call, Api& api, const std::string& name);
/// A unit without a file has an object too, for those who may have a file looked for.
bool has_object_all_the_same(const Call& call, Api& api, const std::string& name);
/// The same, of those that are loaded.
FoundUnit loaded_unit_named(const Call& call, Api& api, const std::string& name);
/// Refuses what can't be had without a file.
tl::unexpected<BusError> no_such_unit(std::string_view name);
/// "start", "try-restart" ...
tl::expected<JobVerb, BusError> verb_named(const std::string& name);
/// "replace", "fail" ...
tl::expected<JobMode, BusError> job_mode_named(std::string_view name);

}  // namespace svcd
