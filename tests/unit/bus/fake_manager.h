// A manager for the bus to talk to: a few units in a table, jobs that end when the test says so,
// and every event that was submitted.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "bus/bus.h"

namespace svcd::test {

struct FakeUnit {
    std::string name;
    std::string description;
    UnitType type = UnitType::service;
    LoadState load_state = LoadState::loaded;
    std::string load_error;
    ActiveState active_state = ActiveState::inactive;
    SubState sub_state = SubState::dead;
    Pid main_pid = 0;
    std::string status_text;
    std::vector<std::string> environment;
};

class FakeManager : public ManagerApi {
public:
    FakeManager() {
        add("web.service", "Web front end", UnitType::service);
        add("db.service", "Data base", UnitType::service);
        add("default.target", "The default", UnitType::target);
        add("web.slice", "Slice /web", UnitType::slice);
        units_table[0].environment = {"PASSWORD=secret"};
    }

    UnitId add(const std::string& name, const std::string& description, UnitType type) {
        FakeUnit unit;
        unit.name = name;
        unit.description = description;
        unit.type = type;
        units_table.push_back(unit);
        return UnitId{static_cast<std::uint32_t>(units_table.size() - 1)};
    }

    std::optional<UnitId> find(std::string_view name) override {
        for (std::size_t i = 0; i < units_table.size(); ++i) {
            if (units_table[i].name == name) {
                return UnitId{static_cast<std::uint32_t>(i)};
            }
        }
        return std::nullopt;
    }
    std::optional<UnitId> load(const std::string& name) noexcept override {
        ++loads;
        if (const auto unit = find(name)) {
            return unit;
        }
        if (name.starts_with("worker@")) {
            return add(name, "An instance", UnitType::service);
        }
        return std::nullopt;
    }
    std::vector<FileWarning> file_warnings() override {
        return {{"web.service", "/etc/web.service.yaml:2:3: warning: odd"}};
    }
    std::vector<DegradedReason> degraded_reasons() override {
        return {{"boot", "default.target", "the boot has not reached default.target: odd"}};
    }
    std::string hint(std::string_view name) override {
        return name == "wev.service" ? "did you mean 'web.service'?" : std::string{};
    }
    bool is_known(UnitId unit) override { return index_of(unit) < units_table.size(); }
    std::vector<UnitId> units() override {
        std::vector<UnitId> ids;
        for (std::size_t i = 0; i < units_table.size(); ++i) {
            ids.push_back(UnitId{static_cast<std::uint32_t>(i)});
        }
        return ids;
    }
    UnitStatus status(UnitId id) override {
        ++asked_for_status;
        std::this_thread::sleep_for(slowness);
        if (has_no_memory) {
            throw std::bad_alloc{};
        }
        const FakeUnit& unit = units_table.at(index_of(id));
        UnitStatus status;
        status.id = id;
        status.name = unit.name;
        status.description = unit.description;
        status.type = unit.type;
        status.load_state = unit.load_state;
        status.load_error = unit.load_error;
        status.active_state = unit.active_state;
        status.sub_state = unit.sub_state;
        status.main.pid = unit.main_pid;
        status.status_text = unit.status_text;
        status.populated = unit.main_pid != 0;
        status.active_enter_at = time_from_usec(5'000'000);
        status.invocation_id = {0x0123456789abcdef, 0xfedcba9876543210};
        for (const auto& [number, job] : jobs_table) {
            if (job.unit == id) {
                status.job = job_status(JobId{number});
            }
        }
        return status;
    }
    UnitFacts facts(UnitId id) override {
        UnitFacts facts;
        facts.names = {units_table.at(index_of(id)).name};
        facts.fragment_path = "/etc/svcd/units/" + units_table.at(index_of(id)).name + ".yaml";
        facts.control_group = "/system.slice/" + units_table.at(index_of(id)).name;
        facts.tracking = "cgroup";
        facts.memory_current = 1234;
        return facts;
    }
    std::vector<std::string> related(UnitId, Relation relation) override {
        return relation == Relation::requires_ ? std::vector<std::string>{"db.service"}
                                               : std::vector<std::string>{};
    }
    PropertyValue setting(std::optional<UnitId> id, std::size_t property) override {
        return setting_of(id ? units_table.at(index_of(*id)) : FakeUnit{}, property);
    }
    std::vector<Pid> pids(UnitId) override {
        ++asked_for_pids;
        return more_pids.empty() ? std::vector<Pid>{4711, 4712} : more_pids;
    }
    std::optional<UnitProcess> process(UnitId, Pid pid) override {
        if (pid > 4712) {
            return std::nullopt;  // it has ended meanwhile
        }
        return pid == 4711 ? UnitProcess{4711, "/", "/usr/bin/web"}
                           : UnitProcess{4712, "/workers", "/usr/bin/web --worker"};
    }
    std::optional<UnitId> unit_of_process(Pid pid) override {
        const bool is_webs = units_table[0].main_pid != 0 && (pid == 4711 || pid == 4712);
        return is_webs ? std::optional{UnitId{0}} : std::nullopt;
    }
    std::vector<std::uint64_t> stops_of(std::string_view unit) override {
        std::vector<std::uint64_t> stops(unit == "web.service" ? std::size_t{2} : 0);
        if (slowness.count() > 0) {
            stops.resize(kSlowPieces);
        }
        for (std::size_t i = 0; i < stops.size(); ++i) {
            stops[i] = stops.size() - i;
        }
        return stops;
    }
    std::optional<std::string> stop_record(std::uint64_t stop) override {
        std::this_thread::sleep_for(slowness);
        return R"({"unit":"web.service","id":)" + std::to_string(stop) + "}";
    }
    TextPieces examine(UnitId, bool with_kernel) override {
        return whole(with_kernel ? R"({"unit":"web.service","processes":[{"stack":["do_wait"]}]})"
                                 : R"({"unit":"web.service","processes":[]})");
    }
    TextPieces plan(JobVerb verb, const std::vector<UnitId>& units, JobMode, bool) override {
        return whole(R"({"verb":)" + std::to_string(static_cast<int>(verb)) + R"(,"units":)" +
                     std::to_string(units.size()) + "}");
    }
    TextPieces plan_shutdown(const std::string& refusal) override {
        return whole(R"({"jobs":[],"refused":")" + refusal + "\"}");
    }
    TextPieces stop_timeline() override { return whole(R"({"records":[]})"); }
    TextPieces boot_timeline() override { return whole(R"({"units":[]})"); }
    std::vector<JobStatus> jobs() override {
        std::vector<JobStatus> result;
        for (const auto& [number, job] : jobs_table) {
            result.push_back(job_status(JobId{number}));
        }
        return result;
    }
    std::optional<JobStatus> job(JobId id) override {
        if (before_job_is_told) {
            before_job_is_told(id);
        }
        if (!jobs_table.contains(static_cast<std::uint32_t>(id))) {
            return std::nullopt;
        }
        return job_status(id);
    }
    SystemState system_state() override { return SystemState::running; }
    std::size_t failed_units() override { return 0; }
    std::vector<std::string> flapping_units() override { return {}; }
    std::string version() override { return "0.1.0"; }

    /// Starts what is asked for: a job that ends at once, or with `hold_jobs` when end_job() is
    /// called.
    void submit(Event event) noexcept override {
        events.push_back(std::move(event));
        const Event& given = events.back();
        if (on_submit) {
            on_submit(given);
        }
        if (const auto* request = std::get_if<JobRequested>(&given)) {
            begin_job(*request);
        } else if (const auto* cancel = std::get_if<CancelRequested>(&given)) {
            answer(cancel->request);
        } else if (const auto* kill = std::get_if<KillRequested>(&given)) {
            answer(kill->request);
        } else if (const auto* reset = std::get_if<ResetFailedRequested>(&given)) {
            answer(reset->request);
        } else if (const auto* shutdown = std::get_if<ShutdownRequested>(&given)) {
            answer(shutdown->request);
        }
    }
    std::shared_ptr<void> begin_reload() noexcept override { return std::make_shared<int>(0); }
    std::optional<ReloadReport> go_on_reloading() noexcept override { return reload_report; }
    void reexecute(RequestId request) noexcept override {
        bus->reply(Reply{request, JobId::none, {}});
    }

    void end_job(std::uint32_t number) {
        const auto job = jobs_table.at(number);
        const FakeUnit& unit = units_table.at(index_of(job.unit));
        jobs_table.erase(number);
        bus->job_removed(JobId{number}, unit.name, JobResult::done);
        bus->unit_changed(job.unit);
    }

    Bus* bus = nullptr;
    std::vector<FakeUnit> units_table;
    std::deque<Event> events;
    std::function<void(const Event&)> on_submit;
    std::function<void(JobId)> before_job_is_told;
    std::optional<Refusal> refuse_with;
    bool has_no_memory = false;  ///< for what it is asked about units
    bool hold_replies = false;
    bool hold_jobs = false;
    std::vector<Reply> held_replies;
    ReloadReport reload_report;
    int loads = 0;
    int asked_for_pids = 0;
    int asked_for_status = 0;
    std::vector<Pid> more_pids;
    std::function<PropertyValue(const FakeUnit&, std::size_t)> setting_of;
    struct FakeJob {
        UnitId unit;
        JobType type;
        Requester requester;
    };
    std::map<std::uint32_t, FakeJob> jobs_table;
    /// What each piece of a text takes, of which there are kSlowPieces then.
    static constexpr std::size_t kSlowPieces = 50;
    std::chrono::milliseconds slowness{0};

private:
    TextPieces whole(const std::string& given) const {
        return [given, left = slowness.count() > 0 ? kSlowPieces : 1,
                each = slowness](std::string& text) mutable {
            std::this_thread::sleep_for(each);
            text = given;
            return --left == 0;
        };
    }

    JobStatus job_status(JobId id) {
        const FakeJob& job = jobs_table.at(static_cast<std::uint32_t>(id));
        JobStatus status;
        status.id = id;
        status.unit = job.unit;
        status.unit_name = units_table.at(index_of(job.unit)).name;
        status.type = job.type;
        status.state = JobState::running;
        status.requester = job.requester;
        return status;
    }

    void answer(RequestId request, JobId job = JobId::none, bool was_so_already = false) {
        Reply reply{request, job, refuse_with, was_so_already};
        if (hold_replies) {
            held_replies.push_back(reply);
        } else {
            bus->remember(reply);
            bus->reply(reply);
        }
    }

    void begin_job(const JobRequested& request) {
        if (refuse_with) {
            answer(request.request);
            return;
        }
        FakeUnit& unit = units_table.at(index_of(request.unit));
        const bool starts = request.verb != JobVerb::stop;
        const ActiveState wanted = starts ? ActiveState::active : ActiveState::inactive;
        if (request.verb != JobVerb::restart && unit.active_state == wanted) {
            const JobId done{++last_job_};
            bus->job_new(done, unit.name);
            answer(request.request, done, true);
            bus->job_removed(done, unit.name, JobResult::done);
            return;
        }
        const std::uint32_t number = ++last_job_;
        jobs_table[number] = {request.unit, starts ? JobType::start : JobType::stop,
                              request.requester};
        bus->job_new(JobId{number}, unit.name);
        answer(request.request, JobId{number});
        unit.active_state = wanted;
        unit.sub_state = starts ? SubState::running : SubState::dead;
        unit.main_pid = starts ? 4711 : 0;
        bus->unit_changed(request.unit);
        if (!hold_jobs) {
            end_job(number);
        }
    }

    std::uint32_t last_job_ = 0;
};

/// The settings of the fake daemon: one of each kind that matters to the bus.
inline const std::vector<PropertyDescription>& fake_settings() {
    static const std::vector<PropertyDescription> settings = {
        {PropertyInterface::unit, "Description", 4},
        {PropertyInterface::unit, "AllowIsolate", 0},
        {PropertyInterface::service, "TimeoutStopUSec", 3},
        {PropertyInterface::service, "Environment", 5},
        {PropertyInterface::service, "ExecStart", 7},
    };
    return settings;
}

inline PropertyValue fake_setting(const FakeUnit& unit, std::size_t property) {
    switch (property) {
        case 0:
            return unit.description;
        case 1:
            return true;
        case 2:
            return std::uint64_t{90'000'000};
        case 3:
            return unit.environment;
        default:
            return std::vector<CommandProperty>{{"/usr/bin/web", {"/usr/bin/web", "-x"}, false}};
    }
}

}  // namespace svcd::test
