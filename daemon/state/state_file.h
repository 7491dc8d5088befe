// The state file: RUNTIME_DIR/state, fixed records, preallocated, written with pwrite before the
// effect that a record announces.
//
//   page 0      header: magic, format and record version, record sizes, boot ID, PID namespace
//   page 1      the supervisor's record
//   page 2 + i  the record of the i-th unit that was written
//
// A manager may be killed anywhere, also in the middle of a pwrite. So each record has two places,
// one in each half of its page, each with a sequence number and a checksum over everything in it; a
// write goes to the place that does not hold the newest, and the newest valid place counts. A write
// that was cut short leaves a place that is not valid, and with it the record as it was before: the
// write never returned, so nothing it announces has happened. No place crosses a page, which is the
// unit in which the kernel copies, so that even this is rare.
//
// A file of another boot, of another PID namespace, of an unknown version, or damaged (no place of
// a record is valid though both were written) is set aside as `state.old`, and that is said. A new
// file appears whole (rename). The file lives in memory (tmpfs): it outlives the manager, not the
// machine, so nothing is synced.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/ids.h"
#include "core/types/record.h"
#include "core/types/result.h"

namespace svcd {

struct SavedState {
    SupervisorRecord supervisor{};
    std::vector<UnitRecord> units;
};

class StateFile {
public:
    /// Opens or makes the file. `saved` is what a manager before this one left, if it is of this
    /// boot; `set_aside` says why a file was not used (empty: it was, or there was none).
    struct Opened;
    static Result<Opened> open(const std::string& path);

    /// Write-ahead: returns once the record is in the file. A unit gets a record at its first write
    /// (the one that an earlier manager wrote for a unit of that name, if there is one) and keeps
    /// it. ENOSPC and the like are errors that the caller has to say; the old record is then still
    /// whole.
    Result<void> write(UnitId unit, const UnitRecord& record);
    Result<void> write(const SupervisorRecord& record);
    /// The unit was forgotten: its record is free for another. Nothing happens when it has none.
    Result<void> erase(UnitId unit);
    /// The same for a saved unit that this manager has not written yet.
    Result<void> erase_saved(std::string_view name);

    StateFile(StateFile&&) noexcept;
    StateFile& operator=(StateFile&&) noexcept;
    ~StateFile();

private:
    StateFile();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct StateFile::Opened {
    StateFile file;
    std::unique_ptr<SavedState> saved;
    std::string set_aside;
};

}  // namespace svcd
