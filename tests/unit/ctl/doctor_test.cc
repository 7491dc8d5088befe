// What svctl doctor finds, check by check, and that a service that is well has nothing.
#include "doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

ProcessFacts process(ProcessId pid, ProcessId parent, const char* name) {
    ProcessFacts facts;
    facts.pid = pid;
    facts.parent = parent;
    facts.name = name;
    facts.state = 'S';
    return facts;
}

/// A service that is well: it catches SIGTERM and has one child.
Patient healthy() {
    Patient patient;
    patient.properties = {{"Id", "web.service"},
                          {"ActiveState", "active"},
                          {"Type", "exec"},
                          {"MainPID", 812},
                          {"KillMode", "control-group"},
                          {"KillSignal", 15},
                          {"SendSIGKILL", true},
                          {"TimeoutStopUSec", 20'000'000},
                          {"Requires", {"db.service", "system.slice"}},
                          {"After", {"db.service"}},
                          {"PIDFile", ""}};
    patient.processes = {process(812, 1, "web"), process(815, 812, "worker")};
    patient.processes[0].caught = {"SIGTERM"};
    patient.active_states = {{"db.service", "active"}};
    return patient;
}

std::vector<std::string> kinds(const Patient& patient) {
    std::vector<std::string> names;
    for (const Finding& finding : examine(patient)) {
        names.push_back(finding.kind);
    }
    return names;
}

std::string first_text(const Patient& patient) {
    const auto findings = examine(patient);
    return findings.empty() ? "" : findings.front().text;
}

TEST(Doctor, FindsNothingWhereAllIsWell) {
    EXPECT_THAT(kinds(healthy()), IsEmpty());
    EXPECT_EQ(findings_text({{"web.service", {}}}, {}), "1 service examined, nothing found.\n");
}

TEST(Doctor, AShellThatTheStopSignalEndsAlone) {
    Patient patient = healthy();
    patient.processes = {process(812, 1, "sh"), process(815, 812, "python3")};
    EXPECT_THAT(kinds(patient), IsEmpty());  // the default KillMode reaches the child
    patient.properties["KillMode"] = "mixed";
    EXPECT_THAT(kinds(patient), ElementsAre("shell-wrapper"));
    EXPECT_THAT(first_text(patient), HasSubstr("PID 815 (python3) gets SIGKILL without a warning"));
    patient.processes[0].caught = {"SIGTERM"};
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, SignalsThatAreIgnoredOrBlocked) {
    Patient patient = healthy();
    patient.processes[0].ignored = {"SIGTERM"};
    EXPECT_THAT(first_text(patient), AllOf(HasSubstr("PID 812 (web) ignores SIGTERM"),
                                           HasSubstr("all of TimeoutStopSec (20 s)")));
    patient.properties["SendSIGKILL"] = false;
    EXPECT_THAT(examine(patient).front().text, HasSubstr("and leaves it running"));
    patient = healthy();
    patient.processes[0].caught.clear();
    patient.processes[1].blocked = {"SIGTERM"};
    EXPECT_THAT(kinds(patient), IsEmpty());  // by a thread, or not always
    patient.blockers = {815};
    EXPECT_THAT(kinds(patient), ElementsAre("blocks-signal"));
}

TEST(Doctor, WhoMayBeEndedByAnotherIsNotAccused) {
    Patient patient = healthy();
    patient.processes[1].ignored = {"SIGTERM"};
    EXPECT_THAT(kinds(patient), IsEmpty());  // the main process may end it
    patient.processes[0].caught.clear();
    EXPECT_THAT(kinds(patient), ElementsAre("ignores-signal"));
    patient.properties["KillMode"] = "mixed";  // the signal doesn't go to it
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.properties["KillMode"] = "control-group";
    patient.properties["ExecStop"] = Json::array({Json::array({"/opt/ctl"})});
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, PidOneOfANamespaceHasToCatchIt) {
    Patient patient = healthy();
    patient.processes[0].caught.clear();
    patient.processes[1].is_namespace_init = true;
    EXPECT_THAT(kinds(patient), ElementsAre("namespace-init"));
    patient.processes[1].caught = {"SIGTERM"};
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, AServiceWithoutAMainProcess) {
    Patient patient = healthy();
    patient.properties["MainPID"] = 0;
    EXPECT_THAT(kinds(patient), ElementsAre("no-main-process"));
    patient.properties["Type"] = "forking";
    EXPECT_THAT(first_text(patient), HasSubstr("without a PIDFile"));
}

TEST(Doctor, ProcessesThatAreHeldOrDead) {
    Patient patient = healthy();
    patient.frozen = true;
    patient.processes[0].state = 't';
    patient.processes[0].tracer = 99;
    patient.processes[1].state = 'T';
    patient.zombies = {{900, 812}, {901, 812}};
    EXPECT_THAT(kinds(patient), ElementsAre("frozen", "stopped", "traced", "zombies"));
    patient = healthy();
    patient.processes[1].state = 'D';
    patient.processes[1].wait_channel = "fuse_wait";
    EXPECT_THAT(first_text(patient), HasSubstr("at fuse_wait in the kernel"));
    EXPECT_THAT(examine(patient).front().mend, HasSubstr("a FUSE file system"));
    patient.processes[1].wait_channel = "__refrigerator";
    EXPECT_THAT(kinds(patient), ElementsAre("frozen"));
    EXPECT_THAT(examine(patient).front().mend, HasSubstr("/proc/815/cgroup"));
    patient.processes[1].wait_channel = "do_vfork";
    EXPECT_THAT(kinds(patient), ElementsAre("vfork"));
}

TEST(Doctor, LimitsThatDoNotFitOrAreNone) {
    Patient patient = healthy();
    patient.budget = 10'000'000;
    EXPECT_THAT(kinds(patient), ElementsAre("exceeds-budget"));
    patient.budget = 60'000'000;
    EXPECT_THAT(kinds(patient), ElementsAre());
    patient.shutdown_limit = 3'000'000;  // with others before and after it
    EXPECT_THAT(kinds(patient), ElementsAre("exceeds-budget"));
    patient.properties["TimeoutStopUSec"] = 90'000'000;  // the default, which nobody has chosen
    EXPECT_THAT(kinds(patient), ElementsAre());
    patient = healthy();
    patient.properties["TimeoutStopUSec"] = UINT64_MAX;
    patient.properties["SendSIGKILL"] = false;
    EXPECT_THAT(kinds(patient), ElementsAre("no-stop-limit", "no-sigkill"));
}

StopRecord stop(Usec duration, bool killed) {
    StopRecord record;
    record.unit = "web.service";
    record.limit = 20'000'000;
    record.duration = duration;
    record.result = killed ? "timeout" : "success";
    record.sigkill = killed;
    record.asked_by = Requester{};
    if (killed) {
        StopEvent event;
        event.what = "signal";
        event.signal = "SIGKILL";
        event.cause = "deadline";
        event.pids = {812};
        record.events = {event};
    }
    return record;
}

TEST(Doctor, StopsThatWereSlowOrNeededSigkill) {
    Patient patient = healthy();
    patient.records = {stop(1'000'000, false), stop(11'000'000, false)};
    EXPECT_THAT(kinds(patient), ElementsAre("slow-stop"));
    EXPECT_EQ(examine(patient).front().severity, Severity::note);
    patient.records.push_back(stop(17'000'000, false));
    EXPECT_EQ(examine(patient).front().severity, Severity::warning);
    EXPECT_THAT(first_text(patient), HasSubstr("took 85 % of its limit"));
    patient.records = {stop(20'000'000, true), stop(1'000'000, false)};
    EXPECT_THAT(kinds(patient), ElementsAre("needed-sigkill"));
    EXPECT_THAT(first_text(patient), StartsWith("1 of its last 2 stops needed SIGKILL"));
}

TEST(Doctor, WhatWasMeasuredOutweighsWhatAMaskSuggests) {
    Patient patient = healthy();
    patient.processes[0].ignored = {"SIGTERM"};
    patient.properties["ExecStart"] =
        Json::array({Json::array({"/opt/web", Json::array({"/opt/web", "--fast"}), false})});
    StopRecord record = stop(300'000, false);
    record.asked_by = Requester{};
    record.kill_mode = "control-group";
    record.stop_signal = "SIGTERM";
    record.command = "/opt/web --fast";
    StopEvent sent;
    sent.what = "signal";
    sent.signal = "SIGTERM";
    sent.cause = "stop";
    sent.pids = {700};
    record.events = {sent};
    patient.records = {record};
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.properties["KillSignal"] = 2;  // another signal now
    patient.processes[0].ignored = {"SIGINT"};
    EXPECT_THAT(kinds(patient), ElementsAre("ignores-signal"));
    patient.properties["KillSignal"] = 15;
    patient.processes[0].ignored = {"SIGTERM"};
    patient.program_changed = record.began_realtime + 1;
    EXPECT_THAT(kinds(patient), ElementsAre("ignores-signal"));
    patient.program_changed = 0;
    patient.records[0].command = "/opt/web --slow";  // another program then
    EXPECT_THAT(kinds(patient), ElementsAre("ignores-signal"));
}

TEST(Doctor, WhatTheUnitNamesAndIsNotThere) {
    Patient patient = healthy();
    patient.file_faults = {{"ExecStop", "/opt/ctl is not there", "Install it again."}};
    EXPECT_THAT(kinds(patient), ElementsAre("missing-file"));
    EXPECT_EQ(first_text(patient), "ExecStop: /opt/ctl is not there");
}

TEST(Doctor, WhatIsMendedInTheFileIsNotToBeMendedAgain) {
    Patient patient = healthy();
    FileFault fault{"ExecStop", "/opt/ctl is not there", "Install it again."};
    fault.is_mended = true;
    patient.file_faults = {fault};
    EXPECT_EQ(first_text(patient),
              "ExecStop: /opt/ctl is not there; that is mended in the unit's file, which is not "
              "loaded yet");
    EXPECT_EQ(examine(patient).front().mend, "'svctl daemon-reload' reads the file.");
}

TEST(Doctor, BashThatCanNotForkIsNotDeaf) {
    Patient patient = healthy();
    ProcessFacts& process = patient.processes[0];
    process.name = "bash";
    process.caught.clear();
    process.blocked = {"SIGTERM"};
    patient.blockers = {process.pid};
    process.wait_channel = "do_wait";
    EXPECT_THAT(kinds(patient), ElementsAre("blocks-signal"));
    process.wait_channel = "hrtimer_nanosleep";
    EXPECT_THAT(kinds(patient), ElementsAre("fork-fails"));
    patient.properties["LimitNPROCSoft"] = 2U;
    EXPECT_THAT(examine(patient).front().mend, HasSubstr("LimitNPROC (2) counts"));
}

TEST(Doctor, AStartThatIsNearlyTooSlowIsOneWait) {
    Patient patient = healthy();
    patient.properties["Type"] = "notify";
    patient.properties["TimeoutStartUSec"] = 10'000'000;
    patient.properties["InactiveExitTimestampMonotonic"] = 100'000'000;
    patient.properties["ActiveEnterTimestampMonotonic"] = 104'000'000;
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.properties["ActiveEnterTimestampMonotonic"] = 109'000'000;
    EXPECT_THAT(kinds(patient), ElementsAre("slow-start"));
    patient.properties["ExecStartPre"] = {{"/bin/migrate", {"/bin/migrate"}, false}};
    EXPECT_THAT(kinds(patient), IsEmpty()) << "which had a time of its own";
    patient.properties["ExecStartPre"] = Json::array();
    patient.properties["ActiveEnterTimestampMonotonic"] = 130'000'000;
    EXPECT_THAT(kinds(patient), IsEmpty()) << "it got more time, and may get it again";
}

TEST(Doctor, AConditionThatCouldNotRunIsNoCondition) {
    Patient patient = healthy();
    patient.processes.clear();
    patient.properties["ActiveState"] = "inactive";
    patient.properties["MainPID"] = 0;
    patient.properties["Result"] = "exec-condition";
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.properties["ExecError"] = {"EXEC", "/opt/may", "ENOENT"};
    patient.properties["ExecErrorText"] = "ExecCondition: /opt/may can't be executed";
    EXPECT_THAT(kinds(patient), ElementsAre("condition-not-run"));
    EXPECT_THAT(first_text(patient), HasSubstr("/opt/may can't be executed"));
    EXPECT_THAT(only_of_trouble(examine(patient)), testing::SizeIs(1));
}

TEST(Doctor, AWatchdogThatNobodyHasPinged) {
    Patient patient = healthy();
    patient.properties["WatchdogUSec"] = 20'000'000;
    patient.properties["ActiveEnterTimestampMonotonic"] = 100'000'000;
    patient.now_monotonic = 101'000'000;
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.is_named = true;
    EXPECT_EQ(examine(patient).front().severity, Severity::note);
    patient.now_monotonic = 111'000'000;
    EXPECT_EQ(examine(patient).front().severity, Severity::warning);
    patient.properties["WatchdogTimestampMonotonic"] = 105'000'000;
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, ExecStopPostAndTheDrainAreNoPartOfASlowStop) {
    const auto enters = [](Usec at, const char* name) {
        StopEvent event;
        event.at = at;
        event.what = "state";
        event.state = name;
        return event;
    };
    Patient patient = healthy();
    StopRecord record = stop(30'000'000, false);
    record.events = {enters(0, "pre-stop"), enters(10'000'000, "stop-sigterm"),
                     enters(11'000'000, "stop-post"), enters(30'000'000, "dead")};
    patient.records = {record};
    EXPECT_THAT(kinds(patient), IsEmpty());
    record.events[2].at = 16'000'000;
    patient.records = {record};
    EXPECT_THAT(first_text(patient), HasSubstr("took 60 % of its limit"));
}

TEST(Doctor, AProgramThatPutItselfIntoTheBackground) {
    Patient patient = healthy();
    StopRecord record = stop(1'000, false);
    record.asked_by.reset();
    record.main_code = "exited";
    StopEvent left;
    left.what = "left";
    left.pids = {815};
    left.processes.resize(1);
    left.processes[0].pid = 815;
    record.events = {left};
    patient.records = {record};
    EXPECT_THAT(kinds(patient), IsEmpty()) << "who started it is not known";
    patient.records[0].events[0].processes[0].origin = "main";
    EXPECT_THAT(kinds(patient), ElementsAre("double-fork"));
    patient.properties["Type"] = "forking";
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, OrderAndNeedBelongTogether) {
    Patient patient = healthy();
    patient.properties["After"] = Json::array();
    EXPECT_THAT(first_text(patient), HasSubstr("Requires: db.service without After"));
    patient.properties["After"] = {"db.service", "cache.service"};
    EXPECT_THAT(kinds(patient), ElementsAre("order-without-need"));
    patient.active_states["cache.service"] = "active";
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, AWishForEnableThatNoLinkFulfils) {
    Patient patient = healthy();
    patient.properties["FragmentPath"] = "/etc/svcd/units/web.service.yaml";
    patient.properties["Install"] = {"WantedBy=shop.target", "Alias=www.service"};
    EXPECT_THAT(kinds(patient), IsEmpty()) << "nobody asked for this unit";
    patient.is_named = true;
    EXPECT_THAT(kinds(patient), ElementsAre("not-enabled"));
    EXPECT_THAT(first_text(patient), StartsWith("Install: WantedBy: shop.target is a wish"));
    EXPECT_THAT(examine(patient).front().mend,
                HasSubstr("ln -s ../web.service.yaml "
                          "/etc/svcd/units/shop.target.wants/web.service.yaml"));
    patient.properties["WantedBy"] = {"shop.target"};
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, FilesThatSayOtherwise) {
    Patient patient = healthy();
    patient.properties["NeedDaemonReload"] = true;
    EXPECT_THAT(kinds(patient), ElementsAre("file-changed"));
    patient = healthy();
    patient.properties["PIDFile"] = "/run/web.pid";
    EXPECT_THAT(kinds(patient), ElementsAre("pid-file-missing"));
    patient.pid_file = "99\n";
    EXPECT_THAT(kinds(patient), ElementsAre("pid-file-stale"));
    patient.pid_file = "812\n";
    EXPECT_THAT(kinds(patient), IsEmpty());
}

TEST(Doctor, TellsWhyTheSystemIsDegraded) {
    const Json reasons = {{"boot", "x.target", "the boot has not reached x.target"},
                          {"ordering-cycle", "a.service", "is not ordered after b.service"},
                          "damaged"};
    std::vector<Examined> units;
    add_degraded_reasons(reasons, false, units);
    ASSERT_EQ(units.size(), 2U);
    EXPECT_EQ(units[0].findings[0].kind, "boot");
    EXPECT_THAT(units[0].findings[0].mend, HasSubstr("svctl start x.target"));
    EXPECT_EQ(units[1].unit, "a.service");
    units = {{"a.service", {}}};
    add_degraded_reasons(reasons, true, units);  // of the unit that was asked for
    ASSERT_EQ(units.size(), 1U);
    EXPECT_EQ(units[0].findings.size(), 1U);
}

TEST(Doctor, AFileThatCanNotBeLoaded) {
    Patient patient = healthy();
    patient.processes.clear();
    patient.properties["ActiveState"] = "inactive";
    patient.properties["LoadState"] = "bad-setting";
    patient.properties["LoadError"] = {"org.svcd1.BadUnitSetting",
                                       "/u/web.yaml:3:5: first\n/u/web.yaml:4:5: second"};
    patient.properties["RequiredBy"] = {"shop.service", "idle.service"};
    patient.active_states["shop.service"] = "failed";
    patient.active_states["idle.service"] = "active";
    const auto findings = only_of_trouble(examine(patient));
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].kind, "load-error");
    EXPECT_EQ(findings[0].severity, Severity::problem);
    EXPECT_EQ(
        findings[0].text,
        "/u/web.yaml:3:5: first; the unit can't be started; shop.service, which needs it, is down");
    patient.properties["LoadState"] = "loaded";  // without a drop-in
    EXPECT_EQ(only_of_trouble(examine(patient))[1].text, "/u/web.yaml:4:5: second");
    patient.properties["LoadState"] = "masked";
    EXPECT_THAT(only_of_trouble(examine(patient)), IsEmpty());
}

TEST(Doctor, TellsTheWorstFirstWithTheMend) {
    Patient patient = healthy();
    patient.properties["NeedDaemonReload"] = true;
    patient.processes[0].ignored = {"SIGTERM"};
    EXPECT_THAT(findings_text({{"web.service", examine(patient)}}, {}),
                AllOf(StartsWith("web.service\n  problem  PID 812 (web) ignores SIGTERM"),
                      HasSubstr("\n           → Remove what has it ignored"),
                      HasSubstr("1 service examined, 2 findings.\n")));
    const Json json = findings_json({{"web.service", examine(patient)}});
    EXPECT_EQ(json["examined"], 1);
    EXPECT_EQ(json["findings"][0]["kind"], "ignores-signal");
    EXPECT_EQ(json["findings"][0]["severity"], "problem");
    EXPECT_EQ(json["findings"][1]["unit"], "web.service");
}

TEST(Doctor, WhyTheSystemIsDegraded) {
    Patient patient = healthy();
    patient.properties["ActiveState"] = "failed";
    patient.properties["Result"] = "exit-code";
    patient.properties["Failure"] = {"command-failed", "ExecStartPre (/opt/check) failed"};
    patient.processes.clear();
    EXPECT_EQ(first_text(patient), "it has failed: ExecStartPre (/opt/check) failed");
    EXPECT_EQ(only_of_trouble(examine(patient)).size(), 1u);
    patient = healthy();
    patient.needed_down = {{"db.service", "is not running"}};
    EXPECT_EQ(first_text(patient), "it is up, and db.service, which it needs, is not running");
    patient = healthy();
    patient.properties["ReloadFailure"] = {"command-failed", "ExecReload (/opt/r) failed"};
    EXPECT_THAT(kinds(patient), ElementsAre("reload-failed"));
}

TEST(Doctor, WhatACommandOfTheStopDidLastOutweighsWhatItDidBefore) {
    const auto stop = [](int status) {
        StopRecord record;
        record.result = status == 0 ? "success" : "exit-code";
        StopEvent spawn;
        spawn.what = "spawn";
        spawn.pid = 90;
        StopEvent exit = spawn;
        exit.what = "exit";
        exit.role = "control";
        exit.code = "exited";
        exit.status = status;
        exit.setting = "ExecStop";
        exit.command = "/opt/ctl stop";
        StopEvent failure;
        failure.what = "failure";
        failure.kind = "command-failed";
        record.events = {spawn, exit};
        if (status != 0) {
            record.events.push_back(failure);
        }
        return record;
    };
    Patient patient = healthy();
    patient.properties["ExecStop"] = {{"/opt/ctl", {"/opt/ctl", "stop"}, false}};
    patient.records = {stop(124)};
    EXPECT_THAT(kinds(patient), ElementsAre("exec-stop-failed"));
    patient.records = {stop(0), stop(124)};
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.records = {stop(124)};
    patient.properties["ExecStop"] = {{"/opt/ctl", {"/opt/ctl", "halt"}, false}};
    EXPECT_THAT(kinds(patient), IsEmpty());
    patient.properties["ExecStop"] = Json::array();
    EXPECT_THAT(kinds(patient), IsEmpty());
}

}  // namespace
}  // namespace svcd
