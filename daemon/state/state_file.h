// The state file: RUNTIME_DIR/state, fixed records, preallocated, written with pwrite before the
// effects that they announce (state_layout.h says what is where).
//
// A manager may be killed anywhere, also in the middle of a pwrite, or between two records of one
// step of the supervisor, of which the one makes no sense without the other. So each record has two
// places; a write goes to the place that does not hold the newest; and what was written in a step
// counts only once the step has been committed, by one more record, the supervisor's. A death
// before that leaves everything as it was before the step, of which nothing has happened either. A
// step of one record is whole with its one write.
//
// A file of another boot, of another PID namespace, of an unknown version, or damaged in its header
// or the supervisor's record is set aside as `state.old`, and that is said. Of a unit's record that
// is damaged, only that one is lost. The format of the version before is read. A new file appears
// whole (rename). The file lives in memory (tmpfs): it outlives the manager, not the machine, so
// nothing is synced.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/types/ids.h"
#include "core/types/record.h"
#include "core/types/result.h"

namespace svcd {

struct SavedRequest {
    std::size_t slot;
    RequestRecord record;
};

struct SavedState {
    SupervisorRecord supervisor{};
    std::vector<UnitRecord> units;
    std::vector<SavedRequest> requests;
};

/// Of every process that a record names.
std::vector<Token> tokens_in(const SavedState& saved);

class StateFile {
public:
    /// Opens or makes the file.
    struct Opened;
    static Result<Opened> open(const std::string& path);

    /// What an earlier manager left is not gone on with: an empty file takes its place.
    Result<void> begin_anew();
    /// The same, and what there is stays as `state.old`.
    Result<void> set_aside();

    /// What is written from here on counts all at once, when commit_step() has returned.
    void begin_step();
    Result<void> commit_step(const SupervisorRecord& record);

    /// Write-ahead: returns once the record is in the file. A unit gets a record at its first write
    /// (the one that an earlier manager wrote for a unit of that name, if there is one) and keeps
    /// it. ENOSPC and the like are errors that the caller has to say; the old record is then still
    /// whole.
    Result<void> write(UnitId unit, const UnitRecord& record);
    Result<void> write(const SupervisorRecord& record);
    /// `slot` is less than kRequestsRemembered.
    Result<void> write(std::size_t slot, const RequestRecord& record);
    /// The unit was forgotten: its record is free for another. Nothing happens when it has none.
    Result<void> erase(UnitId unit);

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
    /// What a manager before this one left, if it is of this boot.
    std::unique_ptr<SavedState> saved;
    /// Why a file was not used, or what of it is lost; empty: it was used whole, or there was none.
    std::string set_aside;
};

}  // namespace svcd
