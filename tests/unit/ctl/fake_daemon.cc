#include "fake_daemon.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "unit_names.h"

namespace svcd {
namespace {

struct Pipe {
    int read = -1;
    int write = -1;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe2");
    }
    return {ends[0], ends[1]};
}

std::string read_all(int descriptor) {
    std::string text;
    std::array<char, 4096> block{};
    ssize_t got = 0;
    while ((got = ::read(descriptor, block.data(), block.size())) > 0) {
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    ::close(descriptor);
    return text;
}

[[noreturn]] void become(const std::vector<std::string>& command) {
    std::vector<char*> argv;
    for (const std::string& word : command) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

}  // namespace

PrivateBus::PrivateBus() {
    std::string name = std::filesystem::temp_directory_path() / "svctl-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    folder_ = name;
    std::ofstream{folder_ + "/bus.conf"}
        << "<busconfig><type>session</type><listen>" << address()
        << "</listen><auth>EXTERNAL</auth><policy context=\"default\">"
           "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>"
           "</policy></busconfig>\n";
    const Pipe ready = make_pipe();
    process_ = ::fork();
    if (process_ == 0) {
        ::dup2(ready.write, STDOUT_FILENO);
        ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        become({"dbus-daemon", "--config-file=" + folder_ + "/bus.conf", "--nofork",
                "--print-address"});
    }
    ::close(ready.write);
    // It prints its address once it can be connected to.
    char c = 0;
    while (::read(ready.read, &c, 1) == 1 && c != '\n') {
    }
    ::close(ready.read);
    if (c != '\n') {
        throw std::runtime_error("dbus-daemon did not start");
    }
}

PrivateBus::~PrivateBus() {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(folder_);
}

FakeDaemon::FakeDaemon(const PrivateBus& bus, std::map<std::string, FakeUnit> units)
    : units_(std::move(units)),
      folder_(bus.folder()),
      connection_(sdbus::createSessionBusConnectionWithAddress(bus.address())) {
    add_manager();
    for (const auto& [name, unit] : units_) {
        add_unit(name);
    }
    connection_->requestName("org.svcd1");
    connection_->enterEventLoopAsync();
}

FakeDaemon::~FakeDaemon() {
    connection_->leaveEventLoop();
}

std::vector<FakeRequest> FakeDaemon::requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
}

FakeUnit FakeDaemon::unit(const std::string& name) const {
    const std::lock_guard lock{mutex_};
    return units_.at(name);
}

std::vector<std::string> FakeDaemon::calls() const {
    const std::lock_guard lock{mutex_};
    return calls_;
}

void FakeDaemon::set_reload_errors(std::vector<std::string> errors) {
    const std::lock_guard lock{mutex_};
    reload_errors_ = std::move(errors);
}

void FakeDaemon::set_timelines(std::string boot, std::string stop) {
    const std::lock_guard lock{mutex_};
    boot_timeline_ = std::move(boot);
    stop_timeline_ = std::move(stop);
}

void FakeDaemon::note(const std::string& call) {
    const std::lock_guard lock{mutex_};
    calls_.push_back(call);
}

FakeUnit& FakeDaemon::known(const std::string& name) {
    const auto found = units_.find(name);
    if (found == units_.end()) {
        throw sdbus::Error("org.svcd1.NoSuchUnit", "there is no unit " + name);
    }
    return found->second;
}

std::tuple<sdbus::ObjectPath, bool> FakeDaemon::request_job(
    const std::string& verb,
    const std::string& unit,
    const std::string& mode,
    const std::map<std::string, sdbus::Variant>& options) {
    const std::lock_guard lock{mutex_};
    FakeRequest request{verb, unit, mode, {}};
    for (const auto& [name, value] : options) {
        request.options[name] = value.get<std::string>();
    }
    requests_.push_back(std::move(request));
    FakeUnit& about = known(unit);
    if (unit == "forbidden.service") {
        throw sdbus::Error("org.freedesktop.DBus.Error.AccessDenied", "only root may start it");
    }
    const bool up = about.active == "active";
    if ((verb == "start" && up) || (verb == "stop" && !up)) {
        return {"/", true};
    }
    const std::uint32_t job = next_job_++;
    const sdbus::ObjectPath path{"/org/svcd1/job/" + std::to_string(job)};
    if (about.job_result.empty()) {
        return {path, false};
    }
    if (about.job_result == "done") {
        about.active = verb == "stop" ? "inactive" : "active";
        about.sub = verb == "stop" ? "dead" : "running";
    }
    manager_->emitSignal("JobRemoved")
        .onInterface("org.svcd1.Manager")
        .withArguments(job, path, unit, about.job_result);
    return {path, false};
}

void FakeDaemon::check_known(const std::string& name) {
    const std::lock_guard lock{mutex_};
    known(name);
}

FakeDaemon::JobRows FakeDaemon::request_jobs(const std::string& verb,
                                             const std::vector<std::string>& units,
                                             const std::string& mode,
                                             const std::map<std::string, sdbus::Variant>& options) {
    JobRows rows;
    for (const std::string& unit : units) {
        try {
            const auto [path, already] = request_job(verb, unit, mode, options);
            std::get<0>(rows).emplace_back(unit, path, already ? "already" : "job", "", "");
        } catch (const sdbus::Error& error) {
            std::get<0>(rows).emplace_back(unit, sdbus::ObjectPath{"/"}, "refused", error.getName(),
                                           error.getMessage());
        }
    }
    return rows;
}

void FakeDaemon::add_manager() {
    manager_ = sdbus::createObject(*connection_, "/org/svcd1");
    const char* interface = "org.svcd1.Manager";
    manager_->registerSignal("JobRemoved")
        .onInterface(interface)
        .withParameters<std::uint32_t, sdbus::ObjectPath, std::string, std::string>();
    manager_->registerMethod("Subscribe").onInterface(interface).implementedAs([] {});
    manager_->registerMethod("LoadUnit")
        .onInterface(interface)
        .implementedAs([this](const std::string& name) {
            const std::lock_guard lock{mutex_};
            known(name);
            return sdbus::ObjectPath{unit_path(name)};
        });
    manager_->registerMethod("RequestJob")
        .onInterface(interface)
        .implementedAs([this](const std::string& verb, const std::string& unit,
                              const std::string& mode,
                              const std::map<std::string, sdbus::Variant>& options) {
            return request_job(verb, unit, mode, options);
        });
    manager_->registerMethod("RequestJobs")
        .onInterface(interface)
        .implementedAs([this](const std::string& verb, const std::vector<std::string>& units,
                              const std::string& mode,
                              const std::map<std::string, sdbus::Variant>& options) {
            return request_jobs(verb, units, mode, options);
        });
    manager_->registerProperty("FlappingUnits").onInterface(interface).withGetter([] {
        return std::vector<std::string>{};
    });
    manager_->registerMethod("ListUnitsDetailed").onInterface(interface).implementedAs([this] {
        const std::lock_guard lock{mutex_};
        std::vector<DetailedUnit> rows;
        for (const auto& [name, unit] : units_) {
            rows.emplace_back(name, "the unit " + name, unit.load, unit.active, unit.sub,
                              unit.result, "", 0U, sdbus::ObjectPath{"/"},
                              unit.active == "active" ? 4711U : 0U, UINT64_MAX, "");
        }
        return rows;
    });
    manager_->registerMethod("ListUnitsByPatterns")
        .onInterface(interface)
        .implementedAs([this](const std::vector<std::string>&, const std::vector<std::string>&) {
            using Row = sdbus::Struct<std::string, std::string, std::string, std::string,
                                      std::string, std::string, sdbus::ObjectPath, std::uint32_t,
                                      std::string, sdbus::ObjectPath>;
            const std::lock_guard lock{mutex_};
            std::vector<Row> rows;
            for (const auto& [name, unit] : units_) {
                rows.emplace_back(name, "the unit " + name, unit.load, unit.active, unit.sub, "",
                                  sdbus::ObjectPath{"/"}, 0U, "", sdbus::ObjectPath{"/"});
            }
            return rows;
        });
    manager_->registerMethod("ListJobs").onInterface(interface).implementedAs([] {
        using Row = sdbus::Struct<std::uint32_t, std::string, std::string, std::string,
                                  sdbus::ObjectPath, sdbus::ObjectPath>;
        return std::vector<Row>{Row{7U, "slow.service", "start", "running",
                                    sdbus::ObjectPath{"/org/svcd1/job/7"},
                                    sdbus::ObjectPath{"/org/svcd1/unit/slow_2eservice"}}};
    });
    manager_->registerMethod("GetUnitProcesses")
        .onInterface(interface)
        .implementedAs([](const std::string&) {
            using Row = sdbus::Struct<std::string, std::uint32_t, std::string>;
            return std::vector<Row>{Row{"/", 4711U, "/usr/bin/web --port 80"},
                                    Row{"/", 4712U, "worker"}};
        });
    manager_->registerMethod("GetStopRecords")
        .onInterface(interface)
        .implementedAs([this](const std::string& name, const std::uint32_t& max) {
            const std::lock_guard lock{mutex_};
            std::vector<std::string> records = known(name).stop_records;
            records.resize(std::min<std::size_t>(records.size(), max));
            return records;
        });
    manager_->registerMethod("GetBootTimeline").onInterface(interface).implementedAs([this] {
        const std::lock_guard lock{mutex_};
        return boot_timeline_;
    });
    manager_->registerMethod("GetStopTimeline").onInterface(interface).implementedAs([this] {
        const std::lock_guard lock{mutex_};
        return stop_timeline_;
    });
    manager_->registerMethod("ExamineUnit")
        .onInterface(interface)
        .implementedAs([this](const std::string& name) {
            const std::lock_guard lock{mutex_};
            return known(name).examined;
        });
    manager_->registerMethod("KillUnit")
        .onInterface(interface)
        .implementedAs(
            [this](const std::string& unit, const std::string& whom, const std::int32_t& signal) {
                check_known(unit);
                note("KillUnit " + unit + " " + whom + " " + std::to_string(signal));
            });
    manager_->registerMethod("QueueSignalUnit")
        .onInterface(interface)
        .implementedAs([this](const std::string& unit, const std::string& whom,
                              const std::int32_t& signal, const std::int32_t& value) {
            check_known(unit);
            note("QueueSignalUnit " + unit + " " + whom + " " + std::to_string(signal) + " " +
                 std::to_string(value));
        });
    manager_->registerMethod("CancelJob")
        .onInterface(interface)
        .implementedAs(
            [this](const std::uint32_t& job) { note("CancelJob " + std::to_string(job)); });
    manager_->registerMethod("ResetFailedUnit")
        .onInterface(interface)
        .implementedAs([this](const std::string& unit) {
            check_known(unit);
            note("ResetFailedUnit " + unit);
        });
    manager_->registerMethod("ReloadUnits").onInterface(interface).implementedAs([this] {
        const std::lock_guard lock{mutex_};
        for (auto& [name, unit] : units_) {
            unit.file_changed = unit.file_changed && !reload_errors_.empty();
        }
        return std::tuple{reload_errors_, std::vector<std::string>{"a warning"}};
    });
    manager_->registerProperty("Version").onInterface(interface).withGetter(
        [] { return std::string{"9.9"}; });
    manager_->registerProperty("UnitPath").onInterface(interface).withGetter([this] {
        return std::vector<std::string>{folder_ + "/units", "/nonexistent/units"};
    });
    manager_->registerProperty("IsInit").onInterface(interface).withGetter([] { return true; });
    manager_->registerProperty("SystemState").onInterface(interface).withGetter([] {
        return std::string{"degraded"};
    });
    manager_->finishRegistration();
}

void FakeDaemon::add_unit(const std::string& name) {
    auto object = sdbus::createObject(*connection_, unit_path(name));
    const auto text = [&](const char* interface, const char* property, auto&& read) {
        object->registerProperty(property).onInterface(interface).withGetter([this, name, read] {
            const std::lock_guard lock{mutex_};
            return read(units_.at(name));
        });
    };
    const char* unit = "org.svcd1.Unit";
    text(unit, "Id", [name](const FakeUnit&) { return name; });
    text(unit, "LoadState", [](const FakeUnit& it) { return it.load; });
    text(unit, "ActiveState", [](const FakeUnit& it) { return it.active; });
    text(unit, "SubState", [](const FakeUnit& it) { return it.sub; });
    text(unit, "Wants", [](const FakeUnit& it) { return it.wants; });
    text(unit, "Requires", [](const FakeUnit& it) { return it.needs; });
    text(unit, "LogPath", [](const FakeUnit& it) { return it.log_path; });
    text(unit, "NeedDaemonReload", [](const FakeUnit& it) { return it.file_changed; });
    const char* service = "org.svcd1.Service";
    text(service, "Result", [](const FakeUnit& it) { return it.result; });
    text(service, "MainPID", [](const FakeUnit& it) { return it.active == "active" ? 4711U : 0U; });
    text(service, "ExecMainPID", [](const FakeUnit&) { return 4711U; });
    text(service, "ExecMainCode", [](const FakeUnit& it) { return it.exit_code; });
    text(service, "ExecMainStatus", [](const FakeUnit& it) { return it.exit_status; });
    text(service, "TimeoutStopUSec", [](const FakeUnit&) { return std::uint64_t{90'000'000}; });
    object->finishRegistration();
    objects_.push_back(std::move(object));
}

Outcome run_svctl(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment) {
    const Pipe out = make_pipe();
    const Pipe err = make_pipe();
    const pid_t process = ::fork();
    if (process == 0) {
        ::dup2(out.write, STDOUT_FILENO);
        ::dup2(err.write, STDERR_FILENO);
        for (const char* name : {"SVCTL_BUS", "SVCD_RUNTIME_DIR", "XDG_RUNTIME_DIR"}) {
            ::unsetenv(name);
        }
        for (const std::string& variable : environment) {
            const std::size_t equals = variable.find('=');
            ::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
        }
        std::vector<std::string> command{SVCTL_PROGRAM};
        command.insert(command.end(), arguments.begin(), arguments.end());
        become(command);
    }
    ::close(out.write);
    ::close(err.write);
    Outcome outcome;
    outcome.out = read_all(out.read);
    outcome.err = read_all(err.read);
    int status = 0;
    ::waitpid(process, &status, 0);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

}  // namespace svcd
