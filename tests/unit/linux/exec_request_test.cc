#include "exec/exec_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace svcd {
namespace {

using testing::ElementsAre;

ExecRequest example() {
    ExecRequest request;
    request.unit = "web.service";
    request.command.path = "/bin/web";
    request.command.argv = {"web", "", "-x"};
    request.command.no_expansion = true;
    request.command.full_privileges = true;
    request.environment = {"A=1", "B=2"};
    request.log_file = "/var/log/x";
    request.default_directory = "/home";
    request.exec.working_directory = "~";
    request.exec.user = "nobody";
    request.exec.group = "nogroup";
    request.exec.environment = {"A=1"};
    request.exec.environment_files = {EnvironmentFile{"/etc/default/web", true}};
    request.exec.umask = 0077;
    request.exec.limits = {ResourceLimit{7, 1, UINT64_MAX}};
    request.exec.standard_input = InputKind::file;
    request.exec.standard_input_path = "/in";
    request.exec.standard_output = Output{OutputKind::append, "/out"};
    request.exec.standard_error = Output{OutputKind::inherit, ""};
    request.exec.nice = -5;
    request.exec.oom_score_adjust = 100;
    return request;
}

TEST(ExecRequest, ArrivesAsItWasSent) {
    const ExecRequest sent = example();
    const auto received = parse_exec_request(serialise(sent));
    ASSERT_TRUE(received) << to_string(received.error());
    EXPECT_EQ(received->unit, sent.unit);
    EXPECT_EQ(received->command, sent.command);
    EXPECT_EQ(received->exec, sent.exec);
    EXPECT_EQ(received->environment, sent.environment);
    EXPECT_EQ(received->log_file, sent.log_file);
    EXPECT_EQ(received->default_directory, sent.default_directory);
}

TEST(CheckRequest, ArrivesAsItWasSentAndCutIsRefused) {
    CheckRequest sent;
    sent.unit = "web.service";
    sent.conditions = {Condition{ConditionKind::path_exists, false, true, false, "/a"},
                       Condition{ConditionKind::security, true, false, true, "audit"}};
    sent.environment = {"A=1"};
    sent.cgroup_folder = "/sys/fs/cgroup";
    const std::string bytes = serialise(sent);
    EXPECT_TRUE(is_check_request(bytes));
    EXPECT_FALSE(parse_exec_request(bytes));
    const auto received = parse_check_request(bytes);
    ASSERT_TRUE(received) << to_string(received.error());
    EXPECT_EQ(received->unit, sent.unit);
    EXPECT_EQ(received->conditions, sent.conditions);
    EXPECT_EQ(received->environment, sent.environment);
    EXPECT_EQ(received->cgroup_folder, sent.cgroup_folder);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(parse_check_request(std::string_view{bytes}.substr(0, size))) << size;
    }
    sent.conditions.front().kind = static_cast<ConditionKind>(kConditionKinds);
    EXPECT_FALSE(parse_check_request(serialise(sent)));  // it would be looked up in a table
    EXPECT_FALSE(is_check_request(serialise(example())));
    EXPECT_FALSE(is_check_request(""));
}

TEST(ExecRequest, CutAtAnyByteOrLongerIsRefused) {
    const std::string bytes = serialise(example());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(parse_exec_request(std::string_view{bytes}.substr(0, size))) << size;
    }
    EXPECT_FALSE(parse_exec_request(bytes + "x"));
}

TEST(ExecRequest, WithAnyByteChangedIsRefusedOrReadWithoutHarm) {
    const std::string bytes = serialise(example());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(~changed[at]);
        const auto parsed = parse_exec_request(changed);
        EXPECT_TRUE(!parsed || at >= 8) << at;
    }
}

TEST(ExecRequest, OfAnotherVersionSaysWhatToDo) {
    std::string bytes = serialise(example());
    bytes[0] = '2';
    const auto parsed = parse_exec_request(bytes);
    ASSERT_FALSE(parsed);
    EXPECT_THAT(to_string(parsed.error()), testing::HasSubstr("daemon-reexec"));
}

ExecReport report_of_failure(const std::string& object, const std::string& detail) {
    ExecReport report;
    report.error.step = ExecStep::exec;
    report.error.problem = ExecProblem::interpreter_missing;
    report.error.error_number = ENOENT;
    report.error.object = object;
    report.error.detail = detail;
    return report;
}

TEST(ExecReport, ArrivesAsItWasSent) {
    ExecReport before;
    before.deviations.oom_score_errno = EACCES;
    before.deviations.limits = 1 << 7;
    before.warnings = {"web.env:1: a", "web.env:2: b"};
    before.log_size = 4711;
    const ExecReport failed = report_of_failure("/usr/bin/webb", "/bin/bash42");
    const ExecReport read = parse_reports(serialise(before) + serialise(failed));
    EXPECT_EQ(read.error, failed.error);
    EXPECT_EQ(read.deviations, before.deviations);
    EXPECT_EQ(read.warnings, before.warnings);
    EXPECT_EQ(read.log_size, before.log_size);
}

TEST(ExecReport, OfAnyLengthFitsIntoThePipeAtOnce) {
    const std::string longest(100'000, 'x');
    ExecReport report = report_of_failure(longest, longest);
    report.warnings.assign(1000, longest);
    const std::string bytes = serialise(report);
    EXPECT_LE(bytes.size(), kExecReportMax);
    EXPECT_EQ(parse_reports(bytes).error.error_number, ENOENT);
    EXPECT_TRUE(parse_reports("garbage").is_empty());
    EXPECT_TRUE(parse_reports(bytes.substr(1)).is_empty());
    EXPECT_TRUE(parse_reports("").is_empty());
}

TEST(ErrorOutput, GoesWhereTheOutputGoesUnlessItSaysOtherwise) {
    ExecSettings exec;
    EXPECT_TRUE(error_is_output(exec));
    exec.standard_error = Output{OutputKind::log, ""};
    EXPECT_TRUE(error_is_output(exec));
    exec.standard_error = Output{OutputKind::inherit, ""};
    EXPECT_TRUE(error_is_output(exec));
    exec.standard_error = Output{OutputKind::null, ""};
    EXPECT_FALSE(error_is_output(exec));
}

}  // namespace
}  // namespace svcd
