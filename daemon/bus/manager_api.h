// What the bus needs of the manager: questions, which are answered at once, and requests, which are
// events for the supervisor and are answered through Bus::reply(). The bus knows D-Bus and nothing
// of how services work; the manager the other way round.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/effect.h"
#include "core/types/event.h"
#include "core/types/property.h"
#include "core/types/relation.h"
#include "core/types/result.h"
#include "core/types/status.h"
#include "core/types/unit.h"

namespace svcd {

/// What stands around a unit and is not the supervisor's: files and cgroups.
struct UnitFacts {
    std::vector<std::string> names;  ///< all that it has, its own first
    std::string fragment_path;
    std::vector<std::string> drop_in_paths;
    std::vector<std::string> documentation;
    std::vector<Condition> conditions;
    std::string control_group;  ///< "/system.slice/web.service"; empty when the unit has none now
    bool file_changed = false;  ///< the files on disk are newer than what is loaded
    std::vector<std::string> gone_files;  ///< of those that were loaded: they are there no more
    std::string tracking;                 ///< "cgroup", or how else
    std::string log_path;  ///< where its output is appended to; empty when it goes elsewhere
    /// Bytes, UINT64_MAX while it has no cgroup; nothing where memory is not counted.
    std::optional<std::uint64_t> memory_current;
};

struct UnitProcess {
    Pid pid = 0;
    std::string cgroup;  ///< relative to the unit's, "/" for itself
    std::string command;
};

/// The outcome of a daemon-reload: one line (several for an excerpt) a diagnostic.
struct ReloadReport {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
    std::string refusal{};  ///< why nothing was read; empty: it was
};

/// Something to tell of the unit files, though all goes on.
struct FileWarning {
    std::string unit;  ///< empty: it concerns no single unit
    std::string text;  ///< "FILE:LINE:COL: warning: MESSAGE"
};

/// Why the system is degraded, where no unit has failed that would show it.
struct DegradedReason {
    std::string kind;  ///< "boot", "ordering-cycle" or "config"
    std::string unit;  ///< empty: it concerns no single unit
    std::string text;
};

/// Makes a long text piece by piece: appends the next one. True: that was the last.
using TextPieces = std::function<bool(std::string&)>;

/// Whoever runs out of memory loses an answer (std::bad_alloc). But for what steps the supervisor,
/// which is `noexcept`: half a step is no state to go on from, and the next manager goes on from
/// the last whole one.
class ManagerApi {
public:
    virtual ~ManagerApi() = default;

    // Questions.
    /// By any of a unit's names.
    virtual std::optional<UnitId> find(std::string_view name) = 0;
    /// Finds a unit, and loads it first when it isn't (an instance of a template, a new file). The
    /// name is complete and valid.
    virtual std::optional<UnitId> load(const std::string& name) noexcept = 0;
    /// What may have been meant by a name that no unit has, as a sentence; empty: nobody knows.
    virtual std::string hint(std::string_view name) = 0;
    virtual std::vector<UnitId> units() = 0;
    /// False for an id that was forgotten by a reload.
    virtual bool is_known(UnitId unit) = 0;
    virtual UnitStatus status(UnitId unit) = 0;
    virtual UnitFacts facts(UnitId unit) = 0;
    virtual std::vector<std::string> related(UnitId unit, Relation relation) = 0;
    /// Without a unit: what one has whose file sets nothing.
    virtual PropertyValue setting(std::optional<UnitId> unit, std::size_t property) = 0;
    virtual std::vector<Pid> pids(UnitId unit) = 0;
    /// What is shown of one of them; nothing when it has ended.
    virtual std::optional<UnitProcess> process(UnitId unit, Pid pid) = 0;
    virtual std::optional<UnitId> unit_of_process(Pid pid) = 0;
    // JSON, see docs/stop-records.md.
    /// The stops of a unit of that name, loaded or not, of which there are records: the newest
    /// first.
    virtual std::vector<std::uint64_t> stops_of(std::string_view unit) = 0;
    /// Nothing when it is not there any more.
    virtual std::optional<std::string> stop_record(std::uint64_t stop) = 0;
    /// `with_kernel`: also the system call and the kernel's stack of each process, which the kernel
    /// shows to nobody but its owner and root.
    virtual TextPieces examine(UnitId unit, bool with_kernel) = 0;
    /// What a request would do (docs/plans.md).
    /// `force`: a reload is not refused for what it does to the program.
    virtual TextPieces plan(JobVerb verb,
                            const std::vector<UnitId>& units,
                            JobMode mode,
                            bool force) = 0;
    /// `refusal`: why svcd would not do it; empty: it would.
    virtual TextPieces plan_shutdown(const std::string& refusal) = 0;
    virtual TextPieces stop_timeline() = 0;
    virtual TextPieces boot_timeline() = 0;
    virtual std::vector<JobStatus> jobs() = 0;
    virtual std::optional<JobStatus> job(JobId job) = 0;
    virtual SystemState system_state() = 0;
    virtual std::size_t failed_units() = 0;
    /// As the last reading of the unit files found them, each once.
    virtual std::vector<FileWarning> file_warnings() = 0;
    virtual std::vector<std::string> flapping_units() = 0;
    /// Besides failed and flapping units, and those that a start left out.
    virtual std::vector<DegradedReason> degraded_reasons() = 0;
    virtual std::string version() = 0;
    /// Why those who may change nothing are not answered now; empty: they are.
    virtual std::string why_strangers_wait() { return {}; }

    // Requests, which are events with a RequestId, and BusNameChanged.
    virtual void submit(Event event) noexcept = 0;
    /// Begins a daemon-reload, which is made in pieces by go_on_reloading(). Whoever lets go of
    /// what this returns before the end leaves the rest to the manager. Null: another goes on; ask
    /// again.
    virtual std::shared_ptr<void> begin_reload() noexcept = 0;
    /// A piece of it; nothing until it is done.
    virtual std::optional<ReloadReport> go_on_reloading() noexcept = 0;
    /// Makes room for a new manager, once that has shown that it can run; then, or when it can't,
    /// the request is answered.
    virtual void reexecute(RequestId request) noexcept = 0;
};

}  // namespace svcd
