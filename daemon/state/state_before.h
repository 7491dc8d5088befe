// The format of the state file before this one, for the first start after an upgrade: format 1,
// records 3. There were no steps: each record counted by itself; no answers to requests; units came
// right after the supervisor's page.
#pragma once

#include <cstddef>
#include <string>

#include "state/state_file.h"
#include "state/state_layout.h"

namespace svcd {

bool is_format_before(const state_layout::FileHeader& header);

/// Why it can't be used; empty: `saved` has what a file of so many pages holds.
std::string load_format_before(int fd, std::size_t pages, SavedState& saved);

/// False: the file has no such page, or it can't be read.
bool read_state_page(int fd, std::size_t page, state_layout::Page& bytes);

}  // namespace svcd
