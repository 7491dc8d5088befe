// Requests with an ID of the client's own, and those for what is so already.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <set>

#include "bus_daemon.h"
#include "client.h"

namespace svcd::test {
namespace {

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";

const JobRequested* last_job_request(const FakeManager& manager) {
    return manager.events.empty() ? nullptr : std::get_if<JobRequested>(&manager.events.back());
}

sd_bus_message* request_job(Client& client, const char* verb, const char* id) {
    return client.call(kRoot, kManager, "RequestJob", "sssa{sv}", verb, "web.service", "replace", 2,
                       "request_id", "s", id, "reason", "s", "because");
}

TEST(BusApi, ARepeatedRequestGetsTheSameJobAndIsDoneOnce) {
    BusDaemon daemon;
    std::string first;
    {
        Client client(daemon.address());
        first = object_path(request_job(client, "restart", "id-1"));
    }
    Client again(daemon.address());
    EXPECT_EQ(object_path(request_job(again, "restart", "id-1")), first);
    EXPECT_NE(object_path(request_job(again, "restart", "id-2")), first);
    daemon.in_loop([](FakeManager& manager) {
        EXPECT_EQ(manager.events.size(), 2U);
        EXPECT_EQ(last_job_request(manager)->requester.reason, "because");
    });
    const CallError error = again.refused(kRoot, kManager, "RequestJob", "sssa{sv}", "stop",
                                          "web.service", "replace", 1, "request_id", "s", "id-1");
    EXPECT_EQ(error.name, "org.freedesktop.DBus.Error.InvalidArgs");
}

TEST(BusApi, ARequestRepeatedWhileTheFirstWaitsJoinsIt) {
    BusDaemon daemon;
    daemon.in_loop([](FakeManager& manager) { manager.hold_replies = true; });
    {
        // Asks, and is gone before the answer.
        Client client(daemon.address());
        sd_bus_call_method_async(client.bus(), nullptr, "org.svcd1", kRoot, kManager, "RequestJob",
                                 nullptr, nullptr, "sssa{sv}", "start", "web.service", "replace", 1,
                                 "request_id", "s", "same");
        client.call(kRoot, kManager, "GetUnit", "s", "web.service");
    }
    Client again(daemon.address());
    std::thread answer([&] {
        // When the second call has come, a third one from elsewhere proves it: calls are answered
        // in the order of the loop, so the reply goes out only after the join.
        Client third(daemon.address());
        bool joined = false;
        while (!joined) {
            third.call(kRoot, kManager, "GetUnit", "s", "web.service");
            daemon.in_loop([&](FakeManager& manager) {
                joined = manager.held_replies.size() == 1;
                if (joined) {
                    manager.hold_replies = false;
                    manager.bus->remember(manager.held_replies[0]);
                    manager.bus->reply(manager.held_replies[0]);
                }
            });
        }
    });
    EXPECT_EQ(object_path(request_job(again, "start", "same")), "/org/svcd1/job/1");
    answer.join();
    daemon.in_loop([](FakeManager& manager) { EXPECT_EQ(manager.events.size(), 1U); });
}

TEST(BusApi, ARequestForTheStateThatIsThereSaysSo) {
    BusDaemon daemon;
    Client client(daemon.address());
    sd_bus_message* reply = request_job(client, "stop", "x");
    const char* job = "";
    int done = 0;
    ASSERT_GT(sd_bus_message_read(reply, "ob", &job, &done), 0);
    EXPECT_STREQ(job, "/");
    EXPECT_TRUE(done);
}

/// A list of many jobs is made over several turns of the loop, in which jobs end and units go.
TEST(BusApi, AListOfJobsTellsOfEachWhatIsSoWhenItsTurnComes) {
    BusDaemon daemon;
    Client client(daemon.address());
    daemon.in_loop([](FakeManager& manager) { manager.hold_jobs = true; });
    client.call(kRoot, kManager, "StartUnit", "ss", "web.service", "replace");
    client.call(kRoot, kManager, "StartUnit", "ss", "db.service", "replace");
    daemon.in_loop([](FakeManager& manager) {
        manager.before_job_is_told = [&manager](JobId) {
            if (manager.jobs_table.size() == 2) {
                manager.end_job(manager.jobs_table.rbegin()->first);
                manager.units_table[0].name = "another-name-than-before.service";
            }
        };
    });
    sd_bus_message* reply = client.call(kRoot, kManager, "ListJobs");
    sd_bus_message_enter_container(reply, 'a', "(usssoo)");
    const char *unit, *type, *state, *job_path, *path;
    std::uint32_t id = 0;
    ASSERT_GT(sd_bus_message_read(reply, "(usssoo)", &id, &unit, &type, &state, &job_path, &path),
              0);
    EXPECT_STREQ(unit, "another-name-than-before.service");
    EXPECT_EQ(sd_bus_message_read(reply, "(usssoo)", &id, &unit, &type, &state, &job_path, &path),
              0);
}

}  // namespace
}  // namespace svcd::test
