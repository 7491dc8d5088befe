// Spawns in a cgroup tree of the test's own, and what became of them.
#pragma once

#include <gmock/gmock.h>
#include <poll.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "linux/spawn.h"
#include "unit/linux/test_tree.h"

namespace svcd {

/// The script's variables are the shell's to expand.
inline Command sh(const std::string& script) {
    Command command;
    command.no_expansion = true;
    command.path = "/bin/sh";
    command.argv = {"/bin/sh", "-c", script};
    return command;
}

inline Command program(const std::string& path) {
    Command command;
    command.path = path;
    command.argv = {path};
    return command;
}

inline ExecSettings quiet() {
    ExecSettings exec;
    exec.standard_output = Output{OutputKind::null, {}};
    return exec;
}

inline std::string contents(const std::string& path) {
    std::ifstream file{path};
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

class Spawning : public TestTree {
protected:
    /// One spawn by a manager; pids_[index] is its PID.
    Result<SpawnOutcome> spawn(Spawner& spawner,
                               std::size_t index,
                               const Command& command,
                               const ExecSettings& exec,
                               bool report_exec = false) {
        SpawnRequest request;
        request.token = make_token(1, static_cast<std::uint32_t>(index));
        request.unit = "web.service";
        request.command = &command;
        request.exec = &exec;
        request.environment = environment_;
        request.log_file = folder_ + "/log/web.service/current";
        const std::string unit = "unit" + std::to_string(index) + ".service";
        const Result<UniqueFd> cgroup = tree_->ensure(unit);
        EXPECT_TRUE(cgroup) << to_string(cgroup.error());
        request.cgroup_fd = cgroup ? cgroup->get() : -1;
        request.pid = &pids_[index];
        request.report_exec = report_exec;
        return spawner.spawn(request);
    }

    /// Waits until the exec report hangs up.
    static void wait_for_report(const SpawnOutcome& outcome) {
        pollfd entry{outcome.exec_report.get(), POLLIN, 0};
        while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
        }
    }

    /// Spawns, waits for the end of the start, and returns the failure as a line ("": none).
    std::string failure_text(const Command& command, const ExecSettings& exec) {
        std::string text;
        const auto path = folder_ + "/failure";
        in_manager([&] {
            if (prepare_) {
                prepare_();
            }
            Spawner spawner{SVCD_EXEC_PATH};
            const Result<SpawnOutcome> outcome = spawn(spawner, 0, command, exec, true);
            ASSERT_TRUE(outcome) << to_string(outcome.error());
            wait_for_report(*outcome);
            std::vector<Token> started;
            while (started.empty()) {  // it may have told something before it has executed
                started = spawner.take_started();
            }
            EXPECT_THAT(started, testing::ElementsAre(make_token(1, 0)));
            const ExecReport report = spawner.report_of(make_token(1, 0));
            std::ofstream{path} << describe(report.error);
            std::ofstream told{folder_ + "/told"};
            for (const std::string& each : describe(report.deviations, exec)) {
                told << each << "\n";
            }
            for (const std::string& warning : report.warnings) {
                told << warning << "\n";
            }
        });
        return contents(path);
    }

    std::function<void()> prepare_;  ///< done by the manager before it spawns
    std::vector<std::string> environment_{"PATH=/usr/bin:/bin"};
};

}  // namespace svcd
