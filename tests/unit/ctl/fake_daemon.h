// A daemon that behaves towards svctl as svcd does, on a dbus-daemon of the test's own. Units are
// made by the test; what becomes of a job is decided by the unit.
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace svcd {

/// A dbus-daemon on a socket in a directory of its own; both end with it.
class PrivateBus {
public:
    PrivateBus();
    ~PrivateBus();
    PrivateBus(const PrivateBus&) = delete;
    PrivateBus& operator=(const PrivateBus&) = delete;

    const std::string& folder() const { return folder_; }
    std::string socket() const { return folder_ + "/bus"; }
    std::string address() const { return "unix:path=" + socket(); }

private:
    std::string folder_;
    pid_t process_ = 0;
};

struct FakeUnit {
    std::string load = "loaded";
    std::string active = "inactive";
    std::string sub = "dead";
    std::string result = "success";
    std::int32_t exit_code = 0;
    std::int32_t exit_status = 0;
    std::vector<std::string> wants;
    std::vector<std::string> needs;
    std::string log_path;
    std::vector<std::string> stop_records;  ///< newest first
    std::string examined = "{}";
    bool file_changed = false;  ///< until a reload without errors
    /// How its jobs end; "" is never.
    std::string job_result = "done";
    /// JobRemoved is sent before the answer to the call.
    bool job_ends_early = false;
};

/// What svctl asked for, word for word.
struct FakeRequest {
    std::string verb;
    std::string unit;
    std::string mode;
    std::map<std::string, std::string> options;
};

class FakeDaemon {
public:
    FakeDaemon(const PrivateBus& bus, std::map<std::string, FakeUnit> units);
    ~FakeDaemon();
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    std::vector<FakeRequest> requests() const;
    FakeUnit unit(const std::string& name) const;
    /// "KillUnit web.service all 15", "CancelJob 3", ...
    std::vector<std::string> calls() const;
    /// The answers of GetBootTimeline and GetStopTimeline.
    void set_timelines(std::string boot, std::string stop);
    void set_reload_errors(std::vector<std::string> errors);

private:
    using DetailedUnit = sdbus::Struct<std::string,
                                       std::string,
                                       std::string,
                                       std::string,
                                       std::string,
                                       std::string,
                                       std::string,
                                       std::uint32_t,
                                       sdbus::ObjectPath,
                                       std::uint32_t,
                                       std::uint64_t,
                                       std::string>;

    void add_manager();
    void add_unit(const std::string& name);
    using JobRows = std::tuple<
        std::vector<
            sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string, std::string>>,
        std::vector<sdbus::Struct<std::string, std::string, std::string>>>;
    JobRows request_jobs(const std::string& verb,
                         const std::vector<std::string>& units,
                         const std::string& mode,
                         const std::map<std::string, sdbus::Variant>& options);
    std::tuple<sdbus::ObjectPath, bool> request_job(
        const std::string& verb,
        const std::string& unit,
        const std::string& mode,
        const std::map<std::string, sdbus::Variant>& options);
    FakeUnit& known(const std::string& name);
    void check_known(const std::string& name);
    void note(const std::string& call);

    mutable std::mutex mutex_;
    std::map<std::string, FakeUnit> units_;
    std::string folder_;  ///< of the bus; its folder "units" is the unit path
    std::vector<FakeRequest> requests_;
    std::vector<std::string> calls_;
    std::vector<std::string> reload_errors_;
    std::string boot_timeline_ = R"({"began_usec": 1, "units": [], "more": 0})";
    std::string stop_timeline_ = R"({"records": [], "after": {}, "more": 0})";
    std::uint32_t next_job_ = 1;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<sdbus::IObject> manager_;
    std::vector<std::unique_ptr<sdbus::IObject>> objects_;
};

struct Outcome {
    int status = 0;
    std::string out;
    std::string err;
};

/// Runs the built svctl with nothing of the caller's environment that it would listen to, and with
/// these variables.
Outcome run_svctl(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment = {});

}  // namespace svcd
