// svcd-manager: the shell around the supervisor.
//
// One thread, one loop. Sources of the event loop turn what happens into events and put them into
// one queue; settle() steps the supervisor through the queue and has its effects carried out, and
// what fails there joins the end of the queue. When nothing more is ready, the turn ends: overdue
// deadlines, what changed is told to the bus, and one timer is armed for the next deadline.
//
//   notify, exits, cgroups, bus ─► queue_ ─► Supervisor::step ─► EffectRunner ─┐
//                                    ▲                                         │ failures
//                                    └─────────────────────────────────────────┘
//
// StopRecorder looks on: it hears each event before it is stepped and each effect after, and
// decides nothing either.
//
// Nothing is decided here, and nothing waits. Who wants to know what a call of the bus returns
// reads manager_queries.cc; how a manager goes on where another ended, restore.h.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "core/supervisor.h"
#include "manager/boot.h"
#include "manager/config.h"
#include "manager/console.h"
#include "manager/early_log.h"
#include "manager/effect_runner.h"
#include "manager/event_loop.h"
#include "manager/idle.h"
#include "manager/log.h"
#include "manager/memory_reserve.h"
#include "manager/notify_reader.h"
#include "manager/options.h"
#include "manager/output_pipes.h"
#include "manager/signal_requests.h"
#include "manager/socket_keeper.h"
#include "manager/start_up.h"
#include "manager/stop_recorder.h"
#include "manager/successor.h"
#include "manager/unit_files.h"

namespace svcd {

class Manager final : private ManagerApi {
public:
    /// `kernel` and `log` outlive it. `seed` is drawn at random.
    Manager(const ManagerOptions& options,
            const ParsedConfig& parsed,
            std::uint64_t seed,
            Kernel& kernel,
            Log& log);

    /// From loading the units to the supervisor's Exit, or until it is to make room for another
    /// manager: then svcd was told nothing of an end, and starts one. An error means that it could
    /// not start.
    Result<Exit> run();

private:
    // Start.
    Result<void> open_sources();
    void load_at_start();
    void adopt(const std::vector<std::string>& units);
    void restore_or_boot();
    Result<void> watch_mounts();
    void warn_of_few_descriptors();
    void keep_logs_private();
    void greet();

    // Its sockets (manager_sockets.cc).
    Result<void> watch_notifications();
    void keep_sockets();
    void look_at_sockets();
    Result<void> make_notify_anew();

    // The boot and the end of a machine (manager_boot.cc).
    void boot();
    void request_boot_of(UnitId unit);
    void judge_boot();
    void leave_with_failure(const std::string& reason);
    std::optional<Time> leave_when_idle();
    void go_to_emergency();
    void say_failures();
    std::optional<Time> say_what_is_waited_for(Time now);
    std::string why_boot_failed();

    // Turns.
    void settle();
    void step(Event event);
    Drained handle_poke();
    Drained handle_adopted();
    void hear_words();
    void hear_what_waits();
    void handle_exit(const ExitRecord& record);
    void handle_end_of_keeper(const ExitRecord& record);
    void handle_signals();
    void handle_requests();
    template <typename UnitEvent>
    void happened(std::string_view name);
    void check_cgroup(UnitId unit);
    void end_turn();
    void look_for_room(Time now);
    void forget_ended_stops();
    void leave();

    // Loading.
    void reload() noexcept;
    void finish_left_reload() noexcept;
    ReloadReport take_reload(LoadOutcome& outcome);
    ReloadReport refuse_reload();
    void apply(LoadOutcome& outcome);
    void say_report(const ReloadReport& report);

    void request_shutdown(const StopRequest& stop);
    void request_isolate(const char* name, const char* reason);
    void dump();

    // ManagerApi (manager_queries.cc).
    std::optional<UnitId> find(std::string_view name) override;
    std::optional<UnitId> load(const std::string& name) noexcept override;
    std::string hint(std::string_view name) override;
    std::vector<UnitId> units() override;
    bool is_known(UnitId unit) override { return supervisor_.is_known(unit); }
    UnitStatus status(UnitId unit) override;
    UnitFacts facts(UnitId unit) override;
    std::vector<std::string> related(UnitId unit, Relation relation) override;
    PropertyValue setting(std::optional<UnitId> unit, std::size_t property) override;
    std::vector<Pid> pids(UnitId unit) override;
    std::optional<UnitProcess> process(UnitId unit, Pid pid) override;
    std::optional<UnitId> unit_of_process(Pid pid) override;
    std::vector<std::uint64_t> stops_of(std::string_view unit) override;
    std::optional<std::string> stop_record(std::uint64_t stop) override;
    TextPieces examine(UnitId unit, bool with_kernel) override;
    TextPieces plan(JobVerb verb,
                    const std::vector<UnitId>& units,
                    JobMode mode,
                    bool force) override;
    Plan make_plan(JobVerb verb, const std::vector<UnitId>& units, JobMode mode, bool force);
    TextPieces plan_shutdown(const std::string& refusal) override;
    TextPieces stop_timeline() override;
    TextPieces boot_timeline() override;
    std::vector<JobStatus> jobs() override;
    std::optional<JobStatus> job(JobId job) override;
    SystemState system_state() override;
    std::size_t failed_units() override;
    std::vector<FileWarning> file_warnings() override { return files_.warnings(); }
    std::vector<std::string> flapping_units() override;
    std::vector<DegradedReason> degraded_reasons() override;
    std::string version() override;
    std::string why_strangers_wait() override;
    void submit(Event event) noexcept override;
    void find_unit_of(Requester& requester) const;
    void add_facts(JobRequested& request) const;
    std::shared_ptr<void> begin_reload() noexcept override;  // manager_reload.cc
    std::optional<ReloadReport> go_on_reloading() noexcept override;
    void reexecute(RequestId request) noexcept override;  // reexecution.cc
    void on_successor(const std::string& objection);
    void note_handover();

    MemoryReserve memory_;
    const ManagerOptions& options_;
    Kernel& kernel_;
    Log& log_;
    const bool is_machine_;
    const std::vector<std::string> config_errors_;
    const Config config_;
    UniqueFd mounts_;
    EventLoop loop_;
    Supervisor supervisor_;
    UnitFiles files_;
    std::unique_ptr<UnitsReading> reading_;  ///< of a reload that goes on
    std::weak_ptr<void> reading_claim_;      ///< ... for whoever holds this
    bool reload_follows_ = false;
    std::deque<Event> queue_;
    std::size_t steps_of_turn_ = 0;
    bool has_told_of_echo_ = false;
    Effects effects_;
    Spawner spawner_;
    ExecSweeper sweeper_;
    MainProcessFinder finder_;
    FileLooks file_looks_{loop_};
    NotifyReader notify_;
    Bus bus_;
    StopRecorder recorder_;
    EarlyLog early_log_;
    OutputPipes output_pipes_;
    bool has_public_logs_ = false;  ///< on a file system that was read-only
    Console console_;
    Boot boot_;
    Idle idle_{supervisor_};
    EffectRunner runner_;
    std::vector<std::unique_ptr<Watch>> watches_;
    std::unique_ptr<Watch> notify_watch_;
    SocketKeeper sockets_;
    std::unique_ptr<Timer> deadline_;
    /// Requests of the launcher that are in the queue: cleared in its table once they are written
    /// down.
    std::uint32_t heard_requests_ = 0;
    bool startup_finished_ = false;
    std::uint64_t asked_ = 0;  ///< pokes of the launcher that this turn answers
    std::size_t steps_ = 0;    ///< of this turn
    Time waits_said_at_{};     ///< when the console was last told what a shutdown waits for
    std::unique_ptr<SuccessorProbe> successor_;
    std::vector<RequestId> reexecution_requests_;  ///< that wait for what the probe says
    bool makes_room_ = false;
    /// The manager before this one has died while these stopped. Strangers wait for them, until
    /// then at most.
    std::vector<UnitId> stops_before_strangers_;
    Time strangers_wait_until_{};
};

}  // namespace svcd
