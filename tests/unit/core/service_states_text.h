// docs/service-states.md, from the tables in sub_state.h and service_edges.h.
#pragma once

#include <string>

namespace svcd {

std::string service_states_markdown();

}  // namespace svcd
