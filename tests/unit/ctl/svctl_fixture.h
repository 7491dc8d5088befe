// The built svctl against a daemon that behaves as svcd does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fake_daemon.h"

namespace svcd {

class Svctl : public ::testing::Test {
protected:
    static std::map<std::string, FakeUnit> units() {
        std::map<std::string, FakeUnit> units;
        units["web.service"].active = "active";
        units["web.service"].sub = "running";
        units["web.service"].wants = {"db.service"};
        units["web.service"].stop_records = {
            R"({"unit": "web.service", "result": "success", "duration_usec": 5000,
                "main_pid": 5, "command": "web", "main_code": "exited", "main_status": 0})",
            R"({"unit": "web.service", "result": "timeout", "duration_usec": 9000000,
                "asked_by": {"type": "stop", "pid": 7, "command": "svctl stop web"}})"};
        units["db.service"];
        units["worker@1.service"];
        units["worker@2.service"];
        FakeUnit broken;
        broken.active = "failed";
        broken.sub = "failed";
        broken.result = "exit-code";
        broken.exit_code = 1;
        broken.exit_status = 203;
        broken.job_result = "failed";
        units["broken.service"] = broken;
        units["needs-broken.service"].needs = {"broken.service"};
        units["needs-broken.service"].job_result = "dependency";
        units["needs-needs-broken.service"].needs = {"needs-broken.service"};
        units["needs-needs-broken.service"].job_result = "dependency";
        units["slow.service"].job_result = "";
        // Their last stops began after whatever is asked for here.
        units["deaf.service"].active = "active";
        units["deaf.service"].result = "timeout";
        units["deaf.service"].stop_records = {
            R"({"unit": "deaf.service", "began_usec": 9000000000000000, "sigkill": true,
                "sigkill_at_deadline": true})"};
        units["mixed.service"].active = "active";
        units["mixed.service"].stop_records = {
            R"({"unit": "mixed.service", "began_usec": 9000000000000000, "sigkill": true,
                "kill_mode": "mixed", "events": [{"at_usec": 5, "what": "signal",
                "signal": "SIGKILL", "cause": "main-exited", "to": [7]}]})"};
        units["spared.service"].active = "active";
        units["spared.service"].result = "timeout";
        units["spared.service"].stop_records = {
            R"({"unit": "spared.service", "began_usec": 9000000000000000, "kill_mode": "none",
                "left_over": true})"};
        units["stubborn.service"].active = "active";
        units["stubborn.service"].result = "timeout";
        units["stubborn.service"].stop_records = {
            R"({"unit": "stubborn.service", "duration_usec": null, "lost": true, "shutdown": true})"};
        units["edited.service"].file_changed = true;
        units["forbidden.service"];
        units["gone.service"].load = "not-found";
        FakeUnit loop;
        loop.wants = {"loop.target"};
        units["loop.target"] = loop;
        return units;
    }

    Outcome run(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "--bus=" + bus_.socket());
        return run_svctl(arguments);
    }

    void make_file(const std::string& unit) {
        std::filesystem::create_directories(bus_.folder() + "/units");
        std::ofstream{bus_.folder() + "/units/" + unit + ".yaml"} << "Unit: {}\n";
    }

    PrivateBus bus_;
    FakeDaemon daemon_{bus_, units()};
};

}  // namespace svcd
