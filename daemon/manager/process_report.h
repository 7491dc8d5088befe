// Processes as docs/stop-records.md shows them: what ExamineUnit answers, and what a record holds
// of those that were left.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/types/ids.h"
#include "linux/process_examination.h"
#include "unitfile/json_writer.h"

namespace svcd {

inline constexpr std::size_t kProcessesShown = 32;
/// Bytes of JSON that they take at most: two such lists fit into a record.
inline constexpr std::size_t kProcessesTextMax = 20 * 1024;

/// Nothing: the process is gone.
using Examine = std::function<std::optional<ProcessExamination>(Pid)>;

void append_process(JsonWriter& json, const ProcessExamination& process);

/// The fields `processes` and `more` of an object, made process by process: the first `limit` that
/// are still there, as far as kProcessesTextMax allows.
class ProcessTexts {
public:
    explicit ProcessTexts(std::size_t limit) : limit_(limit) {}

    /// The process, when it is shown.
    std::optional<ProcessExamination> add(Pid pid, const Examine& examine);
    void append_to(JsonWriter& json) const;

private:
    std::size_t limit_;
    std::size_t shown_ = 0;
    std::size_t more_ = 0;
    bool is_full_ = false;
    std::string all_;
};

/// Adds the fields `processes` and `more` to an object: of `pids` the first `limit` that are still
/// there, as far as kProcessesTextMax allows. Returns those that it shows.
std::vector<ProcessExamination> append_processes(JsonWriter& json,
                                                 const std::vector<Pid>& pids,
                                                 const Examine& examine,
                                                 std::size_t limit = kProcessesShown);

/// "PID 812 (dd) in uninterruptible sleep in nfs_wait_bit_killable", for the log.
std::string describe_hang(const ProcessExamination& process);

}  // namespace svcd
