// Reads what a manager before this one left in the state file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "state/state_file.h"
#include "state/state_layout.h"

namespace svcd {

/// The header that a file of this boot, this PID namespace and this version has.
state_layout::FileHeader state_header_of_now();

struct LoadedState {
    std::string objection;  ///< why the file can't be used; empty: it can
    SavedState saved;
    /// It has another format, of which only `saved` is taken over, into a new file.
    bool is_converted = false;
    std::uint64_t committed = 0;  ///< the last step that counts
    state_layout::Cursor supervisor;
    std::vector<state_layout::Cursor> units;  ///< by index of the record
    std::vector<std::string> names;           ///< the same; empty: the record is free
    std::vector<state_layout::Cursor> requests;
    struct Scrap {
        off_t offset;
        std::size_t size;
    };
    /// Places of steps that were never committed, and of records that are there twice: to be
    /// blanked, lest they count once a later step has been.
    std::vector<Scrap> scraps;
    /// Units' records that are damaged. They stay so until what replaces them is committed: a
    /// manager that dies before is followed by one that finds them damaged, too.
    std::vector<std::size_t> damaged_units;
    std::vector<std::string> damaged;  ///< what of it is lost
};

LoadedState load_state(int fd);

}  // namespace svcd
