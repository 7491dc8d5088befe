// The API over the private socket: methods, properties, signals and errors.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <set>

#include "bus_daemon.h"
#include "client.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";
constexpr const char* kWeb = "/org/svcd1/unit/web_2eservice";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

const JobRequested* last_job_request(const FakeManager& manager) {
    return manager.events.empty() ? nullptr : std::get_if<JobRequested>(&manager.events.back());
}

TEST(BusApi, EachVerbBecomesItsEventWithTheCallerInIt) {
    BusDaemon daemon;
    Client client(daemon.address());
    const std::pair<const char*, JobVerb> verbs[] = {
        {"StartUnit", JobVerb::start},
        {"StopUnit", JobVerb::stop},
        {"ReloadUnit", JobVerb::reload},
        {"RestartUnit", JobVerb::restart},
        {"TryRestartUnit", JobVerb::try_restart},
        {"ReloadOrRestartUnit", JobVerb::reload_or_restart},
        {"ReloadOrTryRestartUnit", JobVerb::try_reload_or_restart},
    };
    for (const auto& [method, verb] : verbs) {
        client.call(kRoot, kManager, method, "ss", "web.service", "fail");
        daemon.in_loop([&, wanted = verb](FakeManager& manager) {
            const JobRequested* request = last_job_request(manager);
            ASSERT_NE(request, nullptr);
            EXPECT_EQ(request->verb, wanted);
            EXPECT_EQ(request->mode, JobMode::fail);
            EXPECT_EQ(request->unit, UnitId{0});
            EXPECT_EQ(request->requester.uid, ::getuid());
            EXPECT_EQ(request->requester.pid, ::getpid());
            EXPECT_THAT(request->requester.command, HasSubstr("bus_api_test"));
        });
    }
}

TEST(BusApi, ACallIsAnsweredWhenTheSupervisorHasAnswered) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) { manager.hold_replies = true; });
    Client client(daemon.address());
    std::string answered;
    sd_bus_call_method_async(
        client.bus(), nullptr, "org.svcd1", kRoot, kManager, "StartUnit",
        [](sd_bus_message* reply, void* text, sd_bus_error*) {
            *static_cast<std::string*>(text) = object_path(reply);
            return 1;
        },
        &answered, "ss", "web.service", "replace");
    // A second call on the same connection overtakes it.
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "GetUnit", "s", "db.service")),
              "/org/svcd1/unit/db_2eservice");
    EXPECT_THAT(answered, IsEmpty());
    daemon.in_loop([](FakeManager& manager) {
        ASSERT_EQ(manager.held_replies.size(), 1U);
        manager.bus->remember(manager.held_replies[0]);
        manager.bus->reply(manager.held_replies[0]);
    });
    while (answered.empty()) {
        if (sd_bus_process(client.bus(), nullptr) == 0) {
            sd_bus_wait(client.bus(), 1'000'000);
        }
    }
    EXPECT_EQ(answered, "/org/svcd1/job/1");
}

TEST(BusApi, EveryRefusalHasItsErrorName) {
    BusDaemon daemon;
    Client client(daemon.address());
    const std::pair<RefusalKind, const char*> names[] = {
        {RefusalKind::no_such_unit, "org.svcd1.NoSuchUnit"},
        {RefusalKind::unit_masked, "org.svcd1.UnitMasked"},
        {RefusalKind::bad_setting, "org.svcd1.BadUnitSetting"},
        {RefusalKind::no_such_job, "org.svcd1.NoSuchJob"},
        {RefusalKind::job_type_not_applicable, "org.svcd1.JobTypeNotApplicable"},
        {RefusalKind::transaction_is_destructive, "org.svcd1.TransactionIsDestructive"},
        {RefusalKind::transaction_order_is_cyclic, "org.svcd1.TransactionOrderIsCyclic"},
        {RefusalKind::transaction_jobs_conflicting, "org.svcd1.TransactionJobsConflicting"},
        {RefusalKind::only_by_dependency, "org.svcd1.OnlyByDependency"},
        {RefusalKind::no_isolation, "org.svcd1.NoIsolation"},
        {RefusalKind::not_active, "org.svcd1.UnitNotActive"},
        {RefusalKind::shutting_down, "org.svcd1.ShuttingDown"},
        {RefusalKind::no_such_process, "org.svcd1.NoSuchProcess"},
        {RefusalKind::limit_reached, "org.svcd1.LimitReached"},
        {RefusalKind::reload_would_end, "org.svcd1.ReloadWouldEnd"},
        {RefusalKind::successor_fails, "org.svcd1.SuccessorFails"},
    };
    for (const auto& [kind, name] : names) {
        daemon.in_loop([&, refusal = kind](FakeManager& manager) {
            manager.refuse_with = Refusal{refusal, "No, because of \xff this."};
        });
        const CallError error =
            client.refused(kRoot, kManager, "StartUnit", "ss", "web.service", "replace");
        EXPECT_EQ(error.name, name);
        EXPECT_EQ(error.message, "No, because of ? this.");
    }
}

TEST(BusApi, BadArgumentsAreRefusedWithAReason) {
    BusDaemon daemon;
    Client client(daemon.address());
    const auto start = [&](const char* unit, const char* mode) {
        return client.refused(kRoot, kManager, "StartUnit", "ss", unit, mode);
    };
    for (const char* no_name : {"web", "../etc.service", "web.socket", ""}) {
        EXPECT_EQ(start(no_name, "replace").name, "org.svcd1.NoSuchUnit") << no_name;
        for (const char* method : {"GetUnit", "LoadUnit", "ResetFailedUnit", "GetUnitProcesses"}) {
            EXPECT_EQ(client.refused(kRoot, kManager, method, "s", no_name).name,
                      "org.svcd1.NoSuchUnit")
                << method << " " << no_name;
        }
    }
    EXPECT_EQ(start("missing.service", "replace").name, "org.svcd1.NoSuchUnit");
    EXPECT_THAT(start("web.service", "quickly").message, HasSubstr("replace-irreversibly"));
    EXPECT_EQ(client.refused(kRoot, kManager, "StopUnit", "ss", "web.service", "isolate").name,
              "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(client.refused(kRoot, kManager, "StartUnit", "s", "web.service").name,
              "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(client.refused(kRoot, kManager, "KillUnit", "ssi", "web.service", "all", 99).name,
              "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(client.refused(kRoot, kManager, "KillUnit", "ssi", "web.service", "you", 9).name,
              "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(client.refused(kRoot, kManager, "GetJob", "u", 77).name, "org.svcd1.NoSuchJob");
    EXPECT_EQ(client.refused(kRoot, kManager, "Fly").name,
              "org.freedesktop.DBus.Error.UnknownMethod");
    EXPECT_EQ(client.refused(kRoot, "org.example.Other", "Fly").name,
              "org.freedesktop.DBus.Error.UnknownInterface");
    EXPECT_EQ(client.refused("/org/svcd1/job/5", "org.svcd1.Job", "Cancel").name,
              "org.freedesktop.DBus.Error.UnknownObject");
    EXPECT_EQ(
        client.refused("/org/svcd1/unit/nothing_2eservice", "org.svcd1.Unit", "ResetFailed").name,
        "org.svcd1.NoSuchUnit");
    EXPECT_EQ(client.refused("/org/svcd1/unit/web_2esocket", "org.svcd1.Unit", "ResetFailed").name,
              "org.freedesktop.DBus.Error.UnknownObject");
    daemon.in_loop([](FakeManager& manager) { EXPECT_THAT(manager.events, IsEmpty()); });
}

TEST(BusApi, OtherRequestsBecomeEventsToo) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "KillUnit", "ssi", "web.service", "main", SIGUSR1);
    client.call(kRoot, kManager, "ResetFailed");
    client.call(kWeb, "org.svcd1.Unit", "ResetFailed");
    client.call(kRoot, kManager, "CancelJob", "u", 3);
    client.call(kRoot, kManager, "ClearJobs");
    client.call(kRoot, kManager, "Reboot");
    daemon.in_loop([](FakeManager& manager) {
        ASSERT_EQ(manager.events.size(), 6U);
        const auto& kill = std::get<KillRequested>(manager.events[0]);
        EXPECT_EQ(kill.whom, KillRequested::Whom::main);
        EXPECT_EQ(kill.signal, SIGUSR1);
        EXPECT_FALSE(std::get<ResetFailedRequested>(manager.events[1]).unit);
        EXPECT_EQ(std::get<ResetFailedRequested>(manager.events[2]).unit, UnitId{0});
        EXPECT_EQ(std::get<CancelRequested>(manager.events[3]).job, JobId{3});
        EXPECT_EQ(std::get<CancelRequested>(manager.events[3]).requester.pid, ::getpid());
        EXPECT_EQ(std::get<CancelRequested>(manager.events[4]).job, JobId::none);
        EXPECT_EQ(std::get<ShutdownRequested>(manager.events[5]).kind, ShutdownKind::reboot);
    });
}

TEST(BusApi, ReloadSucceedsDespiteFaultsWhichReloadUnitsAnswers) {
    BusDaemon daemon;
    Client client(daemon.address());
    daemon.in_loop([](FakeManager& manager) {
        manager.reload_report = {{"web.service.yaml:3:1: unknown key"}, {"a warning"}};
    });
    client.call(kRoot, kManager, "Reload");
    sd_bus_message* reply = client.call(kRoot, kManager, "ReloadUnits");
    ASSERT_GT(sd_bus_message_has_signature(reply, "asas"), 0);
    sd_bus_message_enter_container(reply, 'a', "s");
    const char* fault = "";
    EXPECT_GT(sd_bus_message_read(reply, "s", &fault), 0);
    EXPECT_STREQ(fault, "web.service.yaml:3:1: unknown key");
}

// ── looking ──────────────────────────────────────────────────────────────────────────────────

TEST(BusApi, ListsHaveSystemdsSignaturesAndTheUnits) {
    BusDaemon daemon;
    Client client(daemon.address());
    sd_bus_message* reply = client.call(kRoot, kManager, "ListUnits");
    ASSERT_GT(sd_bus_message_has_signature(reply, "a(ssssssouso)"), 0);
    sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    const char *name, *description, *load, *active, *sub, *following, *path, *job_type, *job;
    std::uint32_t id = 0;
    std::set<std::string> names;
    while (sd_bus_message_read(reply, "(ssssssouso)", &name, &description, &load, &active, &sub,
                               &following, &path, &id, &job_type, &job) > 0) {
        names.insert(name);
    }
    EXPECT_EQ(names,
              (std::set<std::string>{"web.service", "web.slice", "db.service", "default.target"}));
    EXPECT_GT(sd_bus_message_has_signature(client.call(kRoot, kManager, "ListUnitsDetailed"),
                                           "a(sssssssuouts)"),
              0);
    EXPECT_GT(sd_bus_message_has_signature(client.call(kRoot, kManager, "ListJobs"), "a(usssoo)"),
              0);
    reply = client.call(kRoot, kManager, "ListUnitsByPatterns", "asas", 0, 1, "*.target");
    sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    sd_bus_message_enter_container(reply, 'r', "ssssssouso");
    EXPECT_GT(sd_bus_message_read(reply, "s", &name), 0);
    EXPECT_STREQ(name, "default.target");
}

TEST(BusApi, AUnitIsFoundByNameByProcessAndByLoadingIt) {
    BusDaemon daemon;
    Client client(daemon.address());
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "GetUnit", "s", "web.service")), kWeb);
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "LoadUnit", "s", "worker@1.service")),
              "/org/svcd1/unit/worker_401_2eservice");
    EXPECT_EQ(client.refused(kRoot, kManager, "GetUnitByPID", "u", 4711).name,
              "org.svcd1.NoUnitForPID");
    client.call(kRoot, kManager, "StartUnit", "ss", "web.service", "replace");
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "GetUnitByPID", "u", 4711)), kWeb);
    EXPECT_EQ(object_path(client.call(kRoot, kManager, "GetUnitByPID", "u", 4712)), kWeb);
}

TEST(BusApi, ANameWithoutAFileHasAnObjectThatSaysSoAndIsNotKept) {
    BusDaemon daemon;
    Client client(daemon.address());
    const std::string path =
        object_path(client.call(kRoot, kManager, "LoadUnit", "s", "no.service"));
    EXPECT_EQ(path, "/org/svcd1/unit/no_2eservice");
    EXPECT_EQ(client.text(path.c_str(), "org.svcd1.Unit", "LoadState"), "not-found");
    EXPECT_EQ(client.text(path.c_str(), "org.svcd1.Unit", "ActiveState"), "inactive");
    EXPECT_EQ(client.text(path.c_str(), "org.svcd1.Unit", "Id"), "no.service");
    const auto all = read_all(client.call(path.c_str(), kProperties, "GetAll", "s", ""));
    const auto of_web = read_all(client.call(kWeb, kProperties, "GetAll", "s", ""));
    for (const auto& [name, value] : of_web) {
        // (Nobody counts the memory of what can't have any.)
        EXPECT_TRUE(all.contains(name) || name == "MemoryCurrent") << name;
    }
    client.call(path.c_str(), "org.svcd1.Service", "GetProcesses");
    for (const char* method : {"Start", "Stop", "Reload"}) {
        EXPECT_EQ(client.refused(path.c_str(), "org.svcd1.Unit", method, "s", "replace").name,
                  "org.svcd1.NoSuchUnit");
    }
    sd_bus_message* listed =
        client.call(kRoot, kManager, "ListUnitsByNames", "as", 2, "no.service", "web.service");
    sd_bus_message_enter_container(listed, 'a', "(ssssssouso)");
    const char *name = "", *description = "", *load = "";
    sd_bus_message_enter_container(listed, 'r', "ssssssouso");
    EXPECT_GT(sd_bus_message_read(listed, "sss", &name, &description, &load), 0);
    EXPECT_STREQ(name, "no.service");
    EXPECT_STREQ(load, "not-found");
    // A look by name only, as of old, is at what is loaded.
    EXPECT_EQ(client.refused(kRoot, kManager, "GetUnit", "s", "no.service").name,
              "org.svcd1.NoSuchUnit");
    daemon.in_loop([](FakeManager& manager) { EXPECT_EQ(manager.units_table.size(), 4U); });
}

TEST(BusApi, RecordsOfStopsAreHandedOutNewestFirst) {
    BusDaemon daemon;
    Client client(daemon.address());
    const auto records = [&](const char* unit, unsigned max) {
        sd_bus_message* reply = client.call(kRoot, kManager, "GetStopRecords", "su", unit, max);
        std::vector<std::string> texts;
        sd_bus_message_enter_container(reply, 'a', "s");
        for (const char* text = nullptr; sd_bus_message_read(reply, "s", &text) > 0;) {
            texts.emplace_back(text);
        }
        return texts;
    };
    const std::string first = R"({"unit":"web.service","id":1})";
    const std::string second = R"({"unit":"web.service","id":2})";
    EXPECT_EQ(records("web.service", 0), (std::vector<std::string>{second, first}));
    EXPECT_EQ(records("web.service", 1), (std::vector<std::string>{second}));
    EXPECT_TRUE(records("db.service", 0).empty());
    EXPECT_EQ(client.refused(kRoot, kManager, "GetStopRecords", "su", "nosuch.service", 0).name,
              "org.svcd1.NoSuchUnit");
    EXPECT_EQ(client.text(kWeb, "org.svcd1.Service", "StopReport"), second);
    for (const char* method : {"GetStopTimeline", "GetBootTimeline"}) {
        EXPECT_GT(sd_bus_message_has_signature(client.call(kRoot, kManager, method), "s"), 0);
    }
    client.call(kRoot, kManager, "ExamineUnit", "s", "web.service");
    EXPECT_EQ(client.refused(kRoot, kManager, "ExamineUnit", "s", "nosuch.service").name,
              "org.svcd1.NoSuchUnit");
}

TEST(BusApi, PropertiesShowStateAndSettings) {
    BusDaemon daemon;
    Client client(daemon.address());
    EXPECT_EQ(client.text(kRoot, kManager, "Version"), "0.1.0");
    EXPECT_EQ(client.text(kRoot, kManager, "ControlGroup"), "/svcd");
    EXPECT_EQ(client.text(kWeb, "org.svcd1.Unit", "Description"), "Web front end");
    EXPECT_EQ(client.text(kWeb, "org.svcd1.Service", "Tracking"), "cgroup");
    std::uint64_t number = 0;
    EXPECT_GE(sd_bus_get_property_trivial(client.bus(), "org.svcd1", kWeb, "org.svcd1.Service",
                                          "TimeoutStopUSec", nullptr, 't', &number),
              0);
    EXPECT_EQ(number, 90'000'000U);
    sd_bus_message* reply =
        client.call(kWeb, kProperties, "Get", "ss", "org.svcd1.Unit", "InvocationID");
    const void* bytes = nullptr;
    std::size_t size = 0;
    sd_bus_message_enter_container(reply, 'v', "ay");
    ASSERT_GE(sd_bus_message_read_array(reply, 'y', &bytes, &size), 0);
    ASSERT_EQ(size, 16U);
    EXPECT_EQ(static_cast<const std::uint8_t*>(bytes)[0], 0x01);
    EXPECT_EQ(static_cast<const std::uint8_t*>(bytes)[15], 0x10);

    EXPECT_EQ(client.refused(kWeb, kProperties, "Get", "ss", "org.svcd1.Unit", "Colour").name,
              "org.freedesktop.DBus.Error.UnknownProperty");
    EXPECT_EQ(
        client.refused(kWeb, kProperties, "Set", "ssv", "org.svcd1.Unit", "Id", "s", "x").name,
        "org.freedesktop.DBus.Error.PropertyReadOnly");
    EXPECT_EQ(client.refused(kWeb, kProperties, "GetAll", "s", "org.svcd1.Socket").name,
              "org.freedesktop.DBus.Error.UnknownInterface");
}

TEST(BusApi, GetAllGivesEveryPropertyOnce) {
    BusDaemon daemon;
    Client client(daemon.address());
    const auto unit = read_all(client.call(kWeb, kProperties, "GetAll", "s", "org.svcd1.Unit"));
    EXPECT_TRUE(unit.contains("ActiveState"));
    EXPECT_TRUE(unit.contains("Description"));
    EXPECT_TRUE(unit.contains("AllowIsolate"));
    EXPECT_FALSE(unit.contains("MainPID"));
    const auto both = read_all(client.call(kWeb, kProperties, "GetAll", "s", ""));
    EXPECT_TRUE(both.contains("ActiveState"));
    EXPECT_TRUE(both.contains("MainPID"));
    EXPECT_EQ(both.at("Environment"), std::vector<std::string>{"PASSWORD=secret"});
}

TEST(BusApi, BytesThatAreNoUtf8AreShownAsQuestionMarks) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) {
        manager.units_table[0].description = "caf\xc3\xa9 \xc3 \xed\xa0\x80 \xf0\x9f\x98\x80";
    });
    Client client(daemon.address());
    EXPECT_EQ(client.text(kWeb, "org.svcd1.Unit", "Description"),
              "caf\xc3\xa9 ? ??? \xf0\x9f\x98\x80");
}

// ── signals ──────────────────────────────────────────────────────────────────────────────────

TEST(BusApi, SubscribersSeeJobsAndChangedProperties) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "Subscribe");
    Client other(daemon.address());
    other.call(kRoot, kManager, "StartUnit", "ss", "web.service", "replace");
    EXPECT_NE(client.wait_for_signal(kManager, "JobNew"), nullptr);
    // The job's end is told after what it changed, so whoever waits for it finds the new state in
    // what a proxy keeps.
    sd_bus_message* changed = client.wait_for_signal(kProperties, "PropertiesChanged");
    ASSERT_NE(changed, nullptr);
    EXPECT_STREQ(sd_bus_message_get_path(changed), kWeb);
    const char* interface = "";
    sd_bus_message_read(changed, "s", &interface);
    EXPECT_STREQ(interface, "org.svcd1.Unit");
    const auto all = read_all(changed);
    EXPECT_TRUE(all.contains("ActiveState"));
    EXPECT_FALSE(all.contains("Requires"));
    sd_bus_message* removed = client.wait_for_signal(kManager, "JobRemoved");
    ASSERT_NE(removed, nullptr);
    EXPECT_STREQ(sd_bus_message_get_sender(removed), "org.svcd1");
}

/// The job of a JobRemoved, and how it ended.
std::pair<std::string, std::string> removed_job(sd_bus_message* signal) {
    std::uint32_t id = 0;
    const char *job = "", *unit = "", *result = "";
    EXPECT_NE(signal, nullptr);
    if (signal != nullptr) {
        EXPECT_GT(sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result), 0);
    }
    return {job, result};
}

TEST(BusApi, TheCallerOfAJobIsToldOfItsEndWithoutHavingAskedForSignals) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) { manager.hold_jobs = true; });
    Client caller(daemon.address());
    Client other(daemon.address());
    const std::string job =
        object_path(caller.call(kRoot, kManager, "StartUnit", "ss", "web.service", "replace"));
    daemon.in_loop([](FakeManager& manager) { manager.end_job(1); });
    EXPECT_EQ(removed_job(caller.wait_for_signal(kManager, "JobRemoved")),
              (std::pair<std::string, std::string>{job, "done"}));
    other.call(kRoot, kManager, "GetUnit", "s", "web.service");
    sd_bus_message* message = nullptr;
    while (sd_bus_process(other.bus(), &message) > 0) {
        EXPECT_EQ(message, nullptr);
    }
}

// coreos/go-systemd#334: a client has the path of the job and its JobRemoved to wait by, and
// nothing else.
TEST(BusApi, WhatIsSoAlreadyIsAJobWhoseEndIsTold) {
    BusDaemon daemon;
    Client client(daemon.address());
    std::string before;
    for (int times = 0; times < 3; ++times) {
        const std::string job =
            object_path(client.call(kRoot, kManager, "StartUnit", "ss", "web.service", "replace"));
        EXPECT_NE(job, "/");
        EXPECT_NE(job, before);
        EXPECT_EQ(removed_job(client.wait_for_signal(kManager, "JobRemoved")),
                  (std::pair<std::string, std::string>{job, "done"}));
        before = job;
    }
}

TEST(BusApi, ChangesOfOneTurnBecomeOneSignal) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "Subscribe");
    daemon.in_loop([](FakeManager& manager) {
        for (int i = 0; i < 100; ++i) {
            manager.bus->unit_changed(UnitId{2});
        }
    });
    daemon.in_loop([](FakeManager& manager) { manager.bus->reloading(false); });
    int changes = 0;
    while (true) {
        sd_bus_message* message = nullptr;
        const int status = sd_bus_process(client.bus(), &message);
        ASSERT_GE(status, 0);
        if (status == 0) {
            sd_bus_wait(client.bus(), 1'000'000);
        }
        if (message) {
            changes += sd_bus_message_is_signal(message, kProperties, nullptr) > 0 ? 1 : 0;
            const bool last = sd_bus_message_is_signal(message, kManager, "Reloading") > 0;
            sd_bus_message_unref(message);
            if (last) {
                break;
            }
        }
    }
    EXPECT_EQ(changes, 1);
}

TEST(BusApi, WithoutSubscriptionThereAreNoSignalsButOfJobsThatWereAskedFor) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "Subscribe");
    client.call(kRoot, kManager, "Unsubscribe");
    client.call(kRoot, kManager, "StartUnit", "ss", "web.service", "replace");
    client.call(kRoot, kManager, "GetUnit", "s", "web.service");
    sd_bus_message* message = nullptr;
    while (sd_bus_process(client.bus(), &message) > 0) {
        if (message != nullptr) {
            EXPECT_STREQ(sd_bus_message_get_interface(message), kManager);
            EXPECT_TRUE(std::string_view{sd_bus_message_get_member(message)}.starts_with("Job"));
        }
        message = sd_bus_message_unref(message);
    }
}

TEST(BusApi, AValueGoesWithARealTimeSignalOnly) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "QueueSignalUnit", "ssii", "web.service", "main", SIGRTMIN + 1,
                -42);
    client.call(kWeb, "org.svcd1.Unit", "QueueSignal", "sii", "all", SIGRTMAX, 7);
    EXPECT_THAT(
        client
            .refused(kRoot, kManager, "QueueSignalUnit", "ssii", "web.service", "main", SIGUSR1, 1)
            .message,
        HasSubstr("real-time signal only"));
    daemon.in_loop([](FakeManager& manager) {
        ASSERT_EQ(manager.events.size(), 2U);
        const auto& kill = std::get<KillRequested>(manager.events[0]);
        EXPECT_EQ(kill.whom, KillRequested::Whom::main);
        EXPECT_EQ(kill.signal, SIGRTMIN + 1);
        EXPECT_EQ(kill.value, -42);
        EXPECT_EQ(std::get<KillRequested>(manager.events[1]).value, 7);
    });
}

TEST(BusApi, AMachineIsRebootedByItsInitOnly) {
    BusDaemon daemon{"none", fake_settings(), fake_setting, false};
    Client client(daemon.address());
    for (const char* method : {"PowerOff", "Reboot", "Halt"}) {
        EXPECT_EQ(client.refused(kRoot, kManager, method).name, "org.svcd1.NotInit") << method;
    }
    for (const char* kind : {"poweroff", "reboot", "halt", "kexec"}) {
        const auto refusal =
            client.refused(kRoot, kManager, "Shutdown", "sa{sv}", kind, 1, "force", "b", 1);
        EXPECT_EQ(refusal.name, "org.svcd1.NotInit") << kind;
        EXPECT_THAT(refusal.message,
                    HasSubstr("this svcd is not the machine's init; 'svctl exit' ends it"));
    }
    for (const char* kind : {"poweroff", "reboot", "halt", "kexec"}) {
        const char* plan = "";
        sd_bus_message_read(client.call(kRoot, kManager, "Plan", "sass", kind, 0, "replace"), "s",
                            &plan);
        EXPECT_THAT(plan, HasSubstr("this svcd is not the machine's init")) << kind;
    }
    daemon.in_loop([](FakeManager& manager) { EXPECT_THAT(manager.events, IsEmpty()); });
    client.call(kRoot, kManager, "Exit");
    client.call(kRoot, kManager, "Shutdown", "sa{sv}", "exit", 0);
    daemon.in_loop([](FakeManager& manager) { EXPECT_EQ(manager.events.size(), 2U); });
}

TEST(BusApi, AShutdownCanBeToldWhyAndToHurry) {
    BusDaemon daemon;
    Client client(daemon.address());
    client.call(kRoot, kManager, "Shutdown", "sa{sv}", "halt", 2, "force", "b", 1, "reason", "s",
                "because");
    client.call(kRoot, kManager, "Shutdown", "sa{sv}", "exit", 0);
    daemon.in_loop([](FakeManager& manager) {
        ASSERT_EQ(manager.events.size(), 2U);
        const auto& first = std::get<ShutdownRequested>(manager.events[0]);
        EXPECT_EQ(first.kind, ShutdownKind::halt);
        EXPECT_EQ(first.requester.reason, "because");
        EXPECT_TRUE(first.hurry);
        EXPECT_FALSE(std::get<ShutdownRequested>(manager.events[1]).hurry);
    });
    const auto refusal = [&](const char* kind, const char* option) {
        return client.refused(kRoot, kManager, "Shutdown", "sa{sv}", kind, 1, option, "s", "x")
            .message;
    };
    EXPECT_THAT(refusal("explode", "reason"), HasSubstr("There is no 'explode'"));
    EXPECT_THAT(refusal("halt", "request_id"), HasSubstr("There is no option 'request_id'"));
    EXPECT_THAT(refusal("halt", "force"), HasSubstr("takes a boolean"));
}

}  // namespace
}  // namespace svcd::test
