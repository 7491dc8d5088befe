// The D-Bus API on a small manager: the tables and the dispatch of daemon/bus, the supervisor and
// the settings are svcd's own; files, cgroups and processes are made up.
#pragma once

#include <systemd/sd-event.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/dispatch.h"
#include "bus/user_costs.h"
#include "fuzz/small_manager.h"

namespace svcd::fuzz {

/// Who may change things, besides root.
inline constexpr std::uint32_t kOwner = 1000;
inline constexpr std::uint32_t kStranger = 65534;

class SmallBus final : private ManagerApi {
public:
    explicit SmallBus(bool starts_units);
    SmallBus(const SmallBus&) = delete;
    SmallBus& operator=(const SmallBus&) = delete;

    sd_event* loop() const { return loop_.get(); }
    SmallManager& manager() { return manager_; }
    Dispatcher& dispatcher() { return dispatcher_; }
    Requests& requests() { return requests_; }
    UserCosts& costs() { return costs_; }
    Authority authority() const { return api_.authority; }
    /// What the manager's loop does until there is nothing left to do.
    void settle();

private:
    std::optional<UnitId> find(std::string_view name) override;
    std::optional<UnitId> load(const std::string& name) noexcept override;
    std::string hint(std::string_view name) override;
    std::vector<UnitId> units() override;
    bool is_known(UnitId unit) override { return supervisor().is_known(unit); }
    UnitStatus status(UnitId unit) override { return supervisor().status(unit); }
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
    TextPieces plan_shutdown(const std::string& refusal) override;
    TextPieces stop_timeline() override;
    TextPieces boot_timeline() override;
    std::vector<JobStatus> jobs() override { return supervisor().jobs(); }
    std::optional<JobStatus> job(JobId job) override { return supervisor().job(job); }
    SystemState system_state() override { return supervisor().system_state(); }
    std::size_t failed_units() override { return supervisor().failed_units(); }
    std::vector<FileWarning> file_warnings() override;
    std::vector<std::string> flapping_units() override;
    std::vector<DegradedReason> degraded_reasons() override;
    std::string version() override { return "0"; }
    void submit(Event event) noexcept override { queue_.push_back(std::move(event)); }
    std::shared_ptr<void> begin_reload() noexcept override;
    std::optional<ReloadReport> go_on_reloading() noexcept override;
    void reexecute(RequestId request) noexcept override;

    const Supervisor& supervisor() const { return manager_.supervisor(); }
    void hear(const Effect& effect);

    std::unique_ptr<sd_event, sd_event* (*)(sd_event*)> loop_;
    SmallManager manager_;
    std::deque<Event> queue_;
    std::vector<RequestId> reexecutions_;
    std::size_t reloads_ = 0;
    std::size_t reload_pieces_ = 0;  ///< that are still to come
    std::weak_ptr<void> reload_claim_;
    BusOptions options_;
    Requests requests_;
    UserCosts costs_;
    LongAnswers long_answers_{costs_};
    Api api_;
    Dispatcher dispatcher_;
};

}  // namespace svcd::fuzz
