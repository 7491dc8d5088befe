// The recorder on a real supervisor, whose orders a made-up world carries out.
#include "manager/stop_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "unit/core/scenario.h"

namespace svcd {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::service;
using test::target;
using test::UnitSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StopRecorderTest : public testing::Test {
protected:
    StopRecorderTest() {
        std::string name = testing::TempDir() + "svcd-recorder-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        begin_manager();
    }
    ~StopRecorderTest() override { std::filesystem::remove_all(folder_); }

    /// Another manager on the same log.
    void begin_manager() {
        recorder_.reset();
        supervisor_ = std::make_unique<Supervisor>(SupervisorOptions{1, 5s});
        log_ = std::make_unique<StopLog>(std::move(StopLog::open(folder_ + "/stops")->log));
        recorder_ = std::make_unique<StopRecorder>(*supervisor_, *log_, senses());
    }

    StopSenses senses() {
        StopSenses senses;
        senses.processes = [this](std::string_view) { return cgroup_; };
        senses.examine = [this](Pid pid) -> std::optional<ProcessExamination> {
            ++examined_;
            ProcessExamination process;
            process.pid = pid;
            process.name = "dd";
            process.command = "dd \xff";
            process.state = 'D';
            process.wait_channel = "nfs_wait";
            process.ignored = 1U << (SIGTERM - 1);
            process.stack.assign(kStackLinesMax, std::string(100, 'f'));
            return process;
        };
        senses.throttled = [this](std::string_view) { return throttled_; };
        senses.pid_of = [this](Token token) { return pids_[token]; };
        senses.realtime_usec = [this] { return to_usec(now_) + 1'000'000'000'000; };
        senses.say = [this](Severity, std::string_view unit, const std::string& text) {
            said_.push_back(std::string(unit) + ": " + text);
        };
        return senses;
    }

    template <typename... Units>
    void load(Units&&... units) {
        UnitsLoaded event;
        event.complete = true;
        (event.units.push_back(std::move(units).loaded()), ...);
        step(std::move(event));
    }

    void step(Event event) {
        Effects effects;
        recorder_->before(event, now_);
        supervisor_->step(std::move(event), now_, effects);
        recorder_->after(effects, now_);
        std::vector<Event> answers;
        for (const Effect& effect : effects.orders) {
            if (const auto* spawn = std::get_if<SpawnProcess>(&effect)) {
                pids_[spawn->process] = ++last_pid_;
                (spawn->role == ProcessRole::main ? main_ : control_) = spawn->process;
                answers.emplace_back(ProcessSpawned{spawn->process, last_pid_});
            } else if (const auto* signal = std::get_if<SignalUnit>(&effect)) {
                std::vector<Pid> doomed;
                if (signal->signal == SIGKILL) {
                    doomed = recorder_->about_to_kill(*signal);
                    saved_before_kill_ = records(supervisor_->name(signal->unit), false);
                }
                recorder_->signalled(*signal, reached_by(*signal, doomed));
            }
        }
        for (Event& answer : answers) {
            step(std::move(answer));
        }
    }

    /// As the effect runner does it.
    std::vector<Pid> reached_by(const SignalUnit& signal, const std::vector<Pid>& doomed) {
        if (signal.scope == SignalScope::control) {
            return {pids_[signal.control]};
        }
        return signal.signal == SIGKILL && signal.cause != SignalCause::user ? doomed : cgroup_;
    }

    void ask(JobVerb verb, const std::string& unit) {
        JobRequested event;
        event.request = RequestId{1};
        event.unit = id(unit);
        event.verb = verb;
        event.requester = Requester{1000, 4711, "svctl stop \xfe", "a roll-out"};
        step(std::move(event));
    }
    UnitId id(const std::string& unit) { return *supervisor_->find(unit); }
    void start(const std::string& unit) {
        ask(JobVerb::start, unit);
        cgroup_ = {last_pid_};
        recorder_->end_turn();
    }
    void main_exits(int status = 0) { step(ProcessExited{main_, ExitCode::exited, status}); }
    void empties(const std::string& unit) {
        cgroup_.clear();
        step(CgroupEmptied{id(unit)});
    }
    /// From deadline to deadline: before a kill the supervisor looks whether a core is being
    /// dumped.
    void advance(Duration time) {
        const Time end = now_ + time;
        for (auto next = supervisor_->next_deadline(); next && *next <= end;
             next = supervisor_->next_deadline()) {
            now_ = std::max(now_, *next);
            step(DeadlineReached{});
        }
        now_ = end;
    }

    std::vector<json> records(std::string_view unit, bool flush = true) {
        if (flush) {
            recorder_->flush();
        }
        std::vector<json> found;
        for (const StopSummary& stop : log_->stops_of(unit)) {
            found.push_back(json::parse(log_->read(stop.id)->text));
        }
        return found;
    }
    json record(std::string_view unit) {
        const auto all = records(unit);
        return all.empty() ? json{} : all.front();
    }
    static std::vector<std::string> outline(const json& record) {
        std::vector<std::string> words;
        for (const json& event : record["events"]) {
            std::string word = event["what"];
            for (const char* key : {"state", "setting", "role", "signal", "cause", "why"}) {
                if (event.contains(key)) {
                    word += " " + event[key].get<std::string>();
                }
            }
            words.push_back(word);
        }
        return words;
    }

    std::string folder_;
    Time now_ = time_from_usec(1'000'000);
    std::unique_ptr<Supervisor> supervisor_;
    std::unique_ptr<StopLog> log_;
    std::unique_ptr<StopRecorder> recorder_;
    std::map<Token, Pid> pids_;
    std::vector<Pid> cgroup_;
    Pid last_pid_ = 100;
    Token main_ = Token::none;
    Token control_ = Token::none;
    std::optional<Duration> throttled_;
    std::vector<std::string> said_;
    std::vector<json> saved_before_kill_;
    int examined_ = 0;
};

TEST_F(StopRecorderTest, AStopByAJobFromItsSignalToItsEnd) {
    load(service("a"));
    start("a.service");
    now_ += 10s;
    ask(JobVerb::stop, "a.service");
    const json begun = record("a.service");
    EXPECT_TRUE(begun["duration_usec"].is_null());
    EXPECT_EQ(begun["sub"], "stop-sigterm");
    now_ += 30ms;
    main_exits();
    empties("a.service");
    const json ended = record("a.service");
    EXPECT_THAT(outline(ended), ElementsAre("state stop-sigterm", "signal SIGTERM stop",
                                            "exit main", "empty", "state dead"));
    EXPECT_EQ(ended["duration_usec"], 30'000);
    EXPECT_EQ(ended["began_usec"], 11'000'000);
    EXPECT_EQ(ended["began_realtime_usec"], 1'000'011'000'000);
    EXPECT_EQ(ended["from"], "running");
    EXPECT_EQ(ended["main_pid"], 101);
    EXPECT_EQ(ended["asked_by"]["type"], "stop");
    EXPECT_EQ(ended["asked_by"]["uid"], 1000);
    EXPECT_EQ(ended["asked_by"]["command"], "svctl stop \xef\xbf\xbd");
    EXPECT_EQ(ended["asked_by"]["reason"], "a roll-out");
    EXPECT_EQ(ended["sub"], "dead");
    EXPECT_EQ(ended["main_code"], "exited");
    EXPECT_FALSE(ended["sigkill"]);
    EXPECT_FALSE(ended.contains("throttled_usec"));
    EXPECT_THAT(records("a.service"), SizeIs(1));
    EXPECT_EQ(examined_, 0) << "an ordinary stop looks at no process";
}

TEST_F(StopRecorderTest, WhatIsKnownIsWrittenBeforeSigkillIsSent) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    advance(90s);
    ASSERT_THAT(saved_before_kill_, SizeIs(1));
    const json saved = saved_before_kill_[0];
    EXPECT_EQ(outline(saved).back(), "processes sigkill");
    const json process = saved["events"].back()["processes"][0];
    EXPECT_EQ(process["pid"], 101);
    EXPECT_EQ(process["ignored"], json::array({"SIGTERM"}));
    EXPECT_EQ(process["state"], "D");
    EXPECT_FALSE(saved["sigkill"]) << "not yet";
    const json now = record("a.service");
    EXPECT_EQ(outline(now).back(), "signal SIGKILL deadline");
    EXPECT_EQ(now["events"].back()["to"], json::array({101}));
    EXPECT_TRUE(now["sigkill"]);
}

TEST_F(StopRecorderTest, AWedgedUnitsRecordSaysWhereItHangsAndGoesOn) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    advance(90s);
    advance(5s);
    const json wedged = record("a.service");
    EXPECT_EQ(wedged["sub"], "stop-wedged");
    EXPECT_TRUE(wedged["duration_usec"].is_null());
    EXPECT_EQ(outline(wedged).back(), "processes wedged");
    EXPECT_THAT(said_, ElementsAre("a.service: PID 101 (dd) in uninterruptible sleep in nfs_wait"));
    step(ProcessExited{main_, ExitCode::killed, SIGKILL});
    empties("a.service");
    EXPECT_EQ(record("a.service")["sub"], "failed");
    EXPECT_EQ(record("a.service")["duration_usec"], 95'000'000);
}

TEST_F(StopRecorderTest, WhatTheUnitDidItselfComesFirst) {
    load(service("a").restart(RestartPolicy::always));
    start("a.service");
    main_exits(3);
    empties("a.service");
    const json ended = record("a.service");
    EXPECT_TRUE(ended["asked_by"].is_null());
    EXPECT_EQ(outline(ended).front(), "exit main");
    EXPECT_EQ(ended["events"][0]["at_usec"], 0);
    EXPECT_EQ(ended["sub"], "auto-restart");
    EXPECT_EQ(ended["result"], "exit-code");
    EXPECT_EQ(ended["main_status"], 3);
    recorder_->end_turn();
    advance(100ms);  // the restart itself is no stop
    EXPECT_THAT(records("a.service"), SizeIs(1));
}

TEST_F(StopRecorderTest, ARestartKeepsTheOldLifesInvocationAndResult) {
    load(service("a"));
    start("a.service");
    const auto old_life = supervisor_->status(id("a.service")).invocation_id;
    ask(JobVerb::restart, "a.service");
    main_exits();
    empties("a.service");  // and starts in the same step
    const json ended = record("a.service");
    ASSERT_NE(supervisor_->status(id("a.service")).invocation_id, old_life);
    EXPECT_EQ(ended["sub"], "dead");
    EXPECT_EQ(ended["main_pid"], 101);
    EXPECT_EQ(ended["asked_by"]["type"], "restart");
    EXPECT_EQ(std::stoull(ended["invocation"].get<std::string>().substr(0, 16), nullptr, 16),
              old_life[0]);
}

TEST_F(StopRecorderTest, AKillShortlyBeforeBelongsToTheStopThatItCauses) {
    load(service("a"), service("b"));
    start("a.service");
    KillRequested kill;
    kill.request = RequestId{2};
    kill.unit = id("a.service");
    kill.signal = SIGUSR1;
    kill.requester.uid = 7;
    step(kill);
    EXPECT_THAT(records("a.service"), IsEmpty());
    now_ += 2s;
    main_exits(1);
    EXPECT_THAT(outline(record("a.service")), testing::Contains("asked-kill SIGUSR1"));
    EXPECT_EQ(record("a.service")["events"][0]["at_usec"], -2'000'000);
    EXPECT_EQ(record("a.service")["events"][1]["cause"], "user");
    empties("a.service");
    start("a.service");
    step(KillRequested{kill});
    now_ += 1min;
    main_exits(1);
    EXPECT_EQ(outline(record("a.service"))[0], "exit main") << "that is too long ago";
}

TEST_F(StopRecorderTest, AKillOfASliceBelongsToTheStopsOfItsServices) {
    UnitSpec in = service("in");
    in.rarely([](RareUnitSettings& rare) { rare.slice = "big-small.slice"; });
    load(std::move(in), service("other"), test::slice("big"), test::slice("big-small"));
    ask(JobVerb::start, "big.slice");
    start("other.service");
    start("in.service");
    KillRequested kill;
    kill.request = RequestId{2};
    kill.unit = id("big.slice");
    kill.signal = SIGKILL;
    step(kill);
    step(ProcessExited{main_, ExitCode::killed, SIGKILL});
    const json record_of_in = record("in.service");
    ASSERT_THAT(outline(record_of_in),
                testing::IsSupersetOf({"asked-kill SIGKILL", "signal SIGKILL user"}));
    EXPECT_EQ(record_of_in["events"][1]["to"], json::array({last_pid_}));
    ask(JobVerb::stop, "other.service");
    EXPECT_EQ(outline(record("other.service"))[0], "state stop-sigterm")
        << "it is in another slice";
}

TEST_F(StopRecorderTest, AReloadThatWasKilledBelongsToTheStopThatFollows) {
    load(service("a").command(CommandRole::reload, "/bin/reload"));
    start("a.service");
    step(ExecSucceeded{main_});
    ask(JobVerb::reload, "a.service");
    step(ExecSucceeded{control_});
    advance(90s);
    EXPECT_THAT(records("a.service"), IsEmpty()) << "the unit is still up";
    ask(JobVerb::stop, "a.service");
    EXPECT_EQ(outline(record("a.service"))[0], "signal SIGKILL kill-control");
}

TEST_F(StopRecorderTest, ControlProcessesAreNamedByTheirSetting) {
    load(service("a").command(CommandRole::stop, "/bin/stopper"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    step(ProcessExited{control_, ExitCode::exited, 5});
    const json now = record("a.service");
    EXPECT_THAT(outline(now), ElementsAre("state stop", "spawn ExecStop", "exit ExecStop control",
                                          "state stop-sigterm", "signal SIGTERM stop"));
    EXPECT_EQ(now["events"][2]["status"], 5);
    EXPECT_THAT(now["events"][1]["command"].get<std::string>(), HasSubstr("/bin/stopper"));
}

TEST_F(StopRecorderTest, WhoIsLeftAfterTheMainProcessIsToldOnce) {
    load(service("a"));
    start("a.service");
    cgroup_ = {101, 150};
    ask(JobVerb::stop, "a.service");
    cgroup_ = {150};
    main_exits();
    recorder_->exit_handled(id("a.service"));
    recorder_->exit_handled(id("a.service"));
    const json now = record("a.service");
    EXPECT_EQ(outline(now).back(), "left");
    EXPECT_EQ(now["events"].back()["pids"], json::array({150}));
}

TEST_F(StopRecorderTest, NotificationsCountOnlyWhenTheySaySomethingOfTheStop) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification ready;
    ready.unit = id("a.service");
    ready.sender = 101;
    ready.ready = true;
    step(ready);
    ask(JobVerb::stop, "a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.watchdog = true;
    step(word);
    word.status = "closing \"files\"";
    word.extend_timeout = 120s;
    step(word);
    const json now = record("a.service");
    EXPECT_THAT(outline(now), ElementsAre("state stop-sigterm", "signal SIGTERM stop", "notify"));
    EXPECT_EQ(now["events"][2]["status"], "closing \"files\"");
    EXPECT_EQ(now["events"][2]["extend_usec"], 120'000'000);
    EXPECT_FALSE(now["events"][2].contains("stopping"));
}

TEST_F(StopRecorderTest, AUnitThatSaysThatItStopsHasARecordThatBeginsWithIt) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.ready = true;
    step(word);
    word.ready = false;
    word.stopping = true;
    step(word);
    EXPECT_THAT(outline(record("a.service")), ElementsAre("notify", "state stop-sigterm"));
}

TEST_F(StopRecorderTest, HasLimitsOfItsEventsAndOfItsLength) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    Notification word;
    word.unit = id("a.service");
    word.sender = 101;
    word.ready = true;
    step(word);
    cgroup_.clear();
    for (Pid pid = 101; pid < 400; ++pid) {
        cgroup_.push_back(pid);
    }
    ask(JobVerb::stop, "a.service");
    word.ready = false;
    word.status = std::string(kStatusTextMax, '\x01');  // six bytes each in JSON
    for (int count = 0; count < 1000; ++count) {
        step(word);
    }
    advance(90s);
    advance(5s);
    const json now = record("a.service");
    EXPECT_LE(now["events"].size(), kStopEventsMax);
    EXPECT_EQ(now["sub"], "stop-wedged");
    EXPECT_GT(now["events_dropped"], 0);
    EXPECT_LE(log_->read(now["id"])->text.size(), kStopTextMax);
}

TEST_F(StopRecorderTest, OfManyProcessesOnlySomeAreLookedAt) {
    load(service("a"));
    start("a.service");
    for (Pid pid = 200; pid < 1200; ++pid) {
        cgroup_.push_back(pid);
    }
    ask(JobVerb::stop, "a.service");
    advance(90s);
    const json processes = record("a.service")["events"][3];
    ASSERT_EQ(processes["what"], "processes");
    EXPECT_LE(processes["processes"].size(), kProcessesShown);
    EXPECT_EQ(processes["processes"].size() + processes["more"].get<std::size_t>(), 1001U);
    EXPECT_LE(examined_, static_cast<int>(kProcessesShown) + 1);
}

TEST_F(StopRecorderTest, TheCpuQuotaIsCountedWhereThereIsOne) {
    load(service("a"));
    start("a.service");
    throttled_ = 500us;
    ask(JobVerb::stop, "a.service");
    throttled_ = 2500us;
    main_exits();
    empties("a.service");
    EXPECT_EQ(record("a.service")["throttled_usec"], 2000);
}

TEST_F(StopRecorderTest, ATargetHasARecordToo) {
    load(target("t"));
    throttled_ = 1ms;  // an answer that nobody should ask for
    ask(JobVerb::start, "t.target");
    ask(JobVerb::stop, "t.target");
    const json ended = record("t.target");
    EXPECT_EQ(ended["from"], "active");
    EXPECT_EQ(ended["kill_mode"], "none");
    EXPECT_FALSE(ended.contains("throttled_usec"));
    EXPECT_TRUE(ended["timeout_usec"].is_null());
    EXPECT_EQ(ended["duration_usec"], 0);
}

TEST_F(StopRecorderTest, AShutdownIsMarkedAlsoInStopsThatWereGoingOnAlready) {
    load(service("a"), service("b"));
    start("a.service");
    start("b.service");
    ask(JobVerb::stop, "a.service");
    EXPECT_FALSE(record("a.service")["shutdown"]);
    now_ += 1s;
    step(ShutdownRequested{});
    EXPECT_TRUE(record("a.service")["shutdown"]);
    EXPECT_TRUE(record("b.service")["shutdown"]);
    for (const StopSummary& stop : log_->stops()) {
        EXPECT_EQ(stop.shutdown_usec, to_usec(now_));
    }
}

// ── after a death of the manager

class AfterAManager : public StopRecorderTest {
protected:
    /// What the state file holds now.
    void write_state() {
        saved_ = StateRestored{};
        saved_.supervisor = supervisor_->record();
        RestoredUnit unit;
        unit.record = supervisor_->record(id("a.service"));
        unit.main = ProcessFact{ProcessFact::State::alive, 101};
        unit.populated = true;
        saved_.units.push_back(unit);
    }
    void die_and_restore(bool with_state = true) {
        write_state();
        restore(with_state);
    }
    void restore(bool with_state = true) {
        StateRestored event = saved_;
        begin_manager();
        load(service("a"));
        if (with_state) {
            step(std::move(event));
        } else {
            recorder_->give_up_unfinished();
        }
    }

    StateRestored saved_;
};

TEST_F(AfterAManager, ARecordGoesOn) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    const json before = record("a.service");
    now_ += 1s;
    die_and_restore();
    now_ += 1s;
    main_exits();
    empties("a.service");
    const json after = record("a.service");
    ASSERT_THAT(records("a.service"), SizeIs(1));
    EXPECT_EQ(after["id"], before["id"]);
    EXPECT_EQ(after["asked_by"], before["asked_by"]);
    EXPECT_THAT(outline(after),
                ElementsAre("state stop-sigterm", "signal SIGTERM stop", "signal SIGTERM again",
                            "exit main", "empty", "state dead"));
    EXPECT_EQ(after["duration_usec"], 2'000'000);
}

TEST_F(AfterAManager, AStopWhoseRecordWasNotWrittenGetsOne) {
    load(service("a"));
    start("a.service");
    now_ += 1s;
    ask(JobVerb::stop, "a.service");  // no flush
    now_ += 1s;
    die_and_restore();
    const json now = record("a.service");
    EXPECT_EQ(now["began_usec"], 2'000'000);
    EXPECT_EQ(now["from"], "");
    EXPECT_EQ(now["asked_by"]["uid"], 1000);
    EXPECT_THAT(outline(now), ElementsAre("state stop-sigterm", "signal SIGTERM again"));
}

TEST_F(AfterAManager, AnEndIsInTheLogBeforeItIsInTheStateFile) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    main_exits();
    empties("a.service");  // the turn goes on
    die_and_restore();
    const std::vector<json> all = records("a.service", false);
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0]["asked_by"]["uid"], 1000);
    EXPECT_THAT(outline(all[0]), ElementsAre("state stop-sigterm", "signal SIGTERM stop",
                                             "exit main", "empty", "state dead"));
}

TEST_F(AfterAManager, AnEndThatTheStateFileDoesNotKnowComesAgain) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    now_ += 1s;
    main_exits();
    write_state();
    now_ += 1s;
    empties("a.service");  // and its state is not written any more
    restore();
    EXPECT_TRUE(record("a.service")["duration_usec"].is_null());
    now_ += 1s;
    empties("a.service");
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0]["duration_usec"], 3'000'000);
    EXPECT_THAT(outline(all[0]), ElementsAre("state stop-sigterm", "signal SIGTERM stop",
                                             "exit main", "empty", "state dead"));
}

TEST_F(AfterAManager, AStopThatBeganAndEndedAtOneTimeComesAgain) {
    load(service("a"));
    start("a.service");
    main_exits(3);
    write_state();
    empties("a.service");
    restore();
    empties("a.service");
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_THAT(outline(all[0]),
                ElementsAre("exit main", "state stop-sigterm", "empty", "state failed"));
}

TEST_F(AfterAManager, AStopThatTheStateFileDoesNotKnowIsRecordedOnce) {
    load(service("a"));
    start("a.service");
    write_state();
    now_ += 1s;
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    restore();
    EXPECT_TRUE(record("a.service")["lost"]);
    ask(JobVerb::stop, "a.service");
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_FALSE(all[0].contains("lost"));
}

TEST_F(AfterAManager, ACrashThatTheStateFileDoesNotKnowIsRecordedOnce) {
    load(service("a"));
    start("a.service");
    write_state();
    now_ += 1s;
    cgroup_.clear();
    saved_.units[0].populated = false;
    saved_.units[0].main = ProcessFact{ProcessFact::State::exited, 101};
    main_exits(3);
    empties("a.service");
    const json before = record("a.service");
    now_ += 1s;
    restore();
    main_exits(3);
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0]["id"], before["id"]);
    EXPECT_EQ(all[0]["main_status"], 3);
    EXPECT_EQ(all[0]["began_usec"], 3'000'000);
}

TEST_F(AfterAManager, AStopWhoseEndWasNotWrittenIsEnded) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    now_ += 1s;
    main_exits();
    empties("a.service");  // no flush
    die_and_restore();
    const json now = record("a.service");
    EXPECT_EQ(now["duration_usec"], 1'000'000);
    EXPECT_EQ(now["sub"], "dead");
    EXPECT_FALSE(now.contains("lost"));
}

TEST_F(AfterAManager, WithoutItsStateARecordIsLost) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    die_and_restore(false);
    const json now = record("a.service");
    EXPECT_TRUE(now["duration_usec"].is_null());
    EXPECT_TRUE(now["lost"]);
    EXPECT_EQ(now["sub"], "stop-sigterm");
    EXPECT_TRUE(log_->stops()[0].ended);
}

}  // namespace
}  // namespace svcd
