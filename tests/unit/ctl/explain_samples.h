// Stop records to be explained, and what is said of them.
#pragma once

#include <string>
#include <vector>

#include "explanation.h"

namespace svcd {

inline Json state(Usec at, const char* name) {
    return {{"at_usec", at}, {"what", "state"}, {"state", name}};
}

inline Json sent(Usec at, const char* signal, const char* cause, const Json& to) {
    return {{"at_usec", at}, {"what", "signal"}, {"signal", signal}, {"cause", cause}, {"to", to}};
}

inline Json main_exit(Usec at, const char* code, int status) {
    return {{"at_usec", at}, {"what", "exit"}, {"role", "main"},
            {"pid", 812},    {"code", code},   {"status", status}};
}

inline Json left(Usec at, const Json& processes) {
    return {{"at_usec", at},
            {"what", "processes"},
            {"why", "sigkill"},
            {"processes", processes},
            {"more", 0}};
}

inline Json process(ProcessId pid,
                    ProcessId parent,
                    const char* name,
                    Json changes = Json::object()) {
    Json facts = {{"pid", pid},
                  {"parent", parent},
                  {"name", name},
                  {"command", name},
                  {"state", "S"},
                  {"threads", 1},
                  {"tracer", 0},
                  {"is_namespace_init", false},
                  {"core_dumping", false},
                  {"wait_channel", "do_wait"},
                  {"syscall", ""},
                  {"stack", Json::array()},
                  {"sockets", 0},
                  {"caught", Json::array()},
                  {"ignored", Json::array()},
                  {"blocked", Json::array()},
                  {"pending", Json::array()}};
    facts.update(changes);
    return facts;
}

/// web.service, main process 812, stopped by somebody; at 20 s what is left gets SIGKILL.
inline Json killed(const Json& processes,
                   Json changes = Json::object(),
                   Json early = Json::array()) {
    Json pids = Json::array();
    for (const Json& one : processes) {
        pids.push_back(one["pid"]);
    }
    Json events = {state(0, "stop-sigterm"), sent(200, "SIGTERM", "stop", pids)};
    for (const Json& event : early) {
        events.push_back(event);
    }
    events.push_back(left(20'000'000, processes));
    events.push_back(sent(20'000'100, "SIGKILL", "deadline", pids));
    events.push_back(state(20'000'100, "stop-sigkill"));
    events.push_back(main_exit(20'010'000, "killed", 9));
    events.push_back(state(20'020'000, "failed"));
    Json record = {{"unit", "web.service"},
                   {"id", 42},
                   {"began_usec", 1'000'000'000},
                   {"began_realtime_usec", 1'790'000'000'000'000},
                   {"from", "running"},
                   {"main_pid", 812},
                   {"command", "/opt/web --port 80"},
                   {"asked_by",
                    {{"job", 7},
                     {"type", "stop"},
                     {"at_usec", 999'999'900},
                     {"uid", 0},
                     {"pid", 4711},
                     {"command", "svctl stop web"},
                     {"reason", "deploy 42"}}},
                   {"shutdown", false},
                   {"kill_mode", "control-group"},
                   {"stop_signal", "SIGTERM"},
                   {"send_sigkill", true},
                   {"timeout_usec", 20'000'000},
                   {"limit_usec", 20'000'000},
                   {"events", events},
                   {"duration_usec", 20'020'000},
                   {"sub", "failed"},
                   {"result", "timeout"},
                   {"main_code", "killed"},
                   {"main_status", 9},
                   {"sigkill", true}};
    record.update(changes);
    return record;
}

/// A stop that went well in 0.2 s.
inline Json clean(Json changes = Json::object()) {
    Json record = killed(Json::array({process(812, 1, "web")}));
    record["events"] = {state(0, "stop-sigterm"), sent(200, "SIGTERM", "stop", {812}),
                        main_exit(200'000, "killed", 15), state(210'000, "dead")};
    record["duration_usec"] = 210'000;
    record["sub"] = "dead";
    record["result"] = "success";
    record["main_status"] = 15;
    record["sigkill"] = false;
    record.update(changes);
    return record;
}

/// The main process ended, nobody had asked.
inline Json by_itself(const char* result,
                      const char* code,
                      int status,
                      Json events = Json::array()) {
    Json record = clean();
    record["asked_by"] = nullptr;
    record["result"] = result;
    record["main_code"] = code;
    record["main_status"] = status;
    Json all = Json::array({main_exit(0, code, status)});
    for (const Json& event : events) {
        all.push_back(event);
    }
    all.push_back(state(3'000, "failed"));
    record["events"] = all;
    record["duration_usec"] = 3'000;
    record["sub"] = "failed";
    return record;
}

inline Explanation explained(const Json& record, Json properties = Json::object()) {
    Surroundings around;
    around.properties = std::move(properties);
    around.now = 1'790'000'100'000'000;
    around.now_monotonic = 1'005'000'000;
    return explain_stop(read_record(record), around);
}

/// The first verdict, as a sentence.
inline std::string why(const Json& record) {
    const auto verdicts = explained(record).verdicts;
    return verdicts.empty() ? "" : sentence(verdicts.front());
}

inline std::vector<std::string> kinds(const Json& record) {
    std::vector<std::string> names;
    for (const Verdict& verdict : explained(record).verdicts) {
        names.push_back(verdict.kind);
    }
    return names;
}

inline std::string fact(const Explanation& explanation, const std::string& label) {
    for (const LabelledText& fact : explanation.facts) {
        if (fact.label == label) {
            return fact.text;
        }
    }
    return "";
}

}  // namespace svcd
