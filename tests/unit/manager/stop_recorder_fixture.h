// The recorder on a real supervisor, whose orders a made-up world carries out.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "manager/stop_recorder.h"
#include "unit/core/scenario.h"

namespace svcd {

using namespace std::chrono_literals;
using nlohmann::json;

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
        senses.cpu_time = [this](std::string_view) { return cpu_time_; };
        senses.lacks_notify_socket = [](Pid) { return false; };
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
                if (signal->cause == SignalCause::watchdog) {
                    recorder_->about_to_abort(*signal);
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
    std::optional<Duration> cpu_time_;
    std::vector<std::string> said_;
    std::vector<json> saved_before_kill_;
    int examined_ = 0;
};

}  // namespace svcd
