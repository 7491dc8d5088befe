// A real dbus-daemon that comes late, hangs, goes away and comes back: svcd is on it whenever it
// can be, and its loop never waits for it.
#include <gmock/gmock.h>
#include <grp.h>

#include <fstream>

#include "bus_daemon.h"
#include "client.h"

namespace svcd::test {
namespace {

constexpr const char* kManager = "org.svcd1.Manager";
constexpr const char* kRoot = "/org/svcd1";
/// A turn of the loop waits for nothing; this is the error of the measurement.
constexpr std::chrono::milliseconds kWaitMax{250};

class Broker {
public:
    explicit Broker(const std::string& folder)
        : socket_(folder + "/bus"), configuration_(folder + "/bus.conf") {
        std::ofstream(configuration_)
            << "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
               "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
               "<busconfig><type>session</type><listen>unix:path="
            << socket_
            << "</listen><auth>EXTERNAL</auth><policy context=\"default\">"
               "<allow send_destination=\"*\"/><allow eavesdrop=\"false\"/><allow own=\"*\"/>"
               "<allow user=\"*\"/></policy></busconfig>\n";
    }

    void start() {
        program_ = std::make_unique<Program>(std::vector<std::string>{
            "dbus-daemon", "--nofork", "--print-address", "--config-file=" + configuration_});
        ASSERT_TRUE(program_->wait_for("unix:path=")) << program_->seen();
    }
    void stop() {
        program_.reset();
        std::filesystem::remove(socket_);
    }
    void signal(int number) { ::kill(program_->pid(), number); }
    std::string address() const { return "unix:path=" + socket_; }

private:
    std::string socket_;
    std::string configuration_;
    std::unique_ptr<Program> program_;
};

/// Waits on the broker until org.svcd1 has an owner.
bool wait_for_name(Client& client) {
    sd_bus_slot* slot = nullptr;
    bool appeared = false;
    sd_bus_match_signal(
        client.bus(), &slot, "org.freedesktop.DBus", nullptr, nullptr, "NameOwnerChanged",
        [](sd_bus_message* signal, void* seen, sd_bus_error*) {
            const char *name = "", *before = "", *after = "";
            sd_bus_message_read(signal, "sss", &name, &before, &after);
            if (std::string(name) == "org.svcd1" && *after != '\0') {
                *static_cast<bool*>(seen) = true;
            }
            return 0;
        },
        &appeared);
    sd_bus_creds* owner = nullptr;
    if (sd_bus_get_name_creds(client.bus(), "org.svcd1", 0, &owner) >= 0) {
        sd_bus_creds_unref(owner);
        appeared = true;
    }
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!appeared && std::chrono::steady_clock::now() < end) {
        if (sd_bus_process(client.bus(), nullptr) == 0) {
            sd_bus_wait(client.bus(), 1'000'000);
        }
    }
    sd_bus_slot_unref(slot);
    return appeared;
}

std::string start_web(Client& client) {
    return object_path(client.call(kRoot, kManager, "RestartUnit", "ss", "web.service", "replace"));
}

TEST(MessageBus, ServesTheSameApiAndKnowsTheCaller) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    Client client(broker.address());
    ASSERT_TRUE(wait_for_name(client));
    EXPECT_EQ(start_web(client), "/org/svcd1/job/1");
    daemon.in_loop([](FakeManager& manager) {
        const auto& request = std::get<JobRequested>(manager.events.back());
        EXPECT_EQ(request.requester.uid, ::getuid());
        EXPECT_EQ(request.requester.pid, ::getpid());
        EXPECT_THAT(request.requester.command, ::testing::HasSubstr("message_bus_test"));
    });
    const ProgramResult busctl =
        run({"busctl", "--address=" + broker.address(), "get-property", "org.svcd1",
             "/org/svcd1/unit/web_2eservice", "org.svcd1.Service", "Environment"});
    EXPECT_EQ(busctl.output, "as 1 \"PASSWORD=secret\"\n");
}

TEST(MessageBus, SignalsComeAfterSubscribeAndEndWithTheSubscriber) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    Client watcher(broker.address());
    ASSERT_TRUE(wait_for_name(watcher));
    sd_bus_match_signal(watcher.bus(), nullptr, "org.svcd1", nullptr, nullptr, nullptr, nullptr,
                        nullptr);
    {
        Client subscriber(broker.address());
        subscriber.call(kRoot, kManager, "Subscribe");
        start_web(subscriber);
        EXPECT_NE(watcher.wait_for_signal("org.freedesktop.DBus.Properties", "PropertiesChanged"),
                  nullptr);
        EXPECT_NE(watcher.wait_for_signal(kManager, "JobRemoved"), nullptr);
    }
}

TEST(MessageBus, TheEndOfAJobIsToldToItsCallerThoughNobodyHasSubscribed) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    Client caller(broker.address());
    ASSERT_TRUE(wait_for_name(caller));
    sd_bus_match_signal(caller.bus(), nullptr, "org.svcd1", kRoot, kManager, "JobRemoved", nullptr,
                        nullptr);
    start_web(caller);
    EXPECT_NE(caller.wait_for_signal(kManager, "JobRemoved"), nullptr);
}

TEST(MessageBus, AnotherUserIsRefusedThereToo) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    {
        Client client(broker.address());
        ASSERT_TRUE(wait_for_name(client));
    }
    const pid_t child = ::fork();
    if (child == 0) {
        int result = 1;
        if (::setgroups(0, nullptr) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0) {
            Client client(broker.address());
            const CallError error =
                client.refused(kRoot, kManager, "StartUnit", "ss", "web.service", "replace");
            result = error.name == "org.freedesktop.DBus.Error.AccessDenied" &&
                             error.message.find("uid 65534") != std::string::npos
                         ? 0
                         : 2;
        }
        ::_exit(result);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(MessageBus, ABrokerThatComesLateIsFoundAtOnce) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    BusDaemon daemon(broker.address());
    Client before(daemon.address());
    start_web(before);
    broker.start();
    Client client(broker.address());
    EXPECT_TRUE(wait_for_name(client));
    start_web(client);
    EXPECT_LT(daemon.longest_wait(), kWaitMax);
}

TEST(MessageBus, ABrokerThatGoesAndComesBackHasTheNameAgain) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    for (int round = 0; round < 3; ++round) {
        {
            Client client(broker.address());
            ASSERT_TRUE(wait_for_name(client)) << round;
            client.call(kRoot, kManager, "Subscribe");
            start_web(client);
        }
        broker.stop();
        Client client(daemon.address());
        start_web(client);
        broker.start();
    }
    EXPECT_LT(daemon.longest_wait(), kWaitMax);
}

TEST(MessageBus, ABrokerThatHangsBlocksNothingAndIsCutWhenItReadsNothing) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    Client subscriber(broker.address());
    ASSERT_TRUE(wait_for_name(subscriber));
    subscriber.call(kRoot, kManager, "Subscribe");
    ASSERT_TRUE(daemon.waits_until_said("On the message bus", 1));
    broker.signal(SIGSTOP);
    Client client(daemon.address());
    bool cut = false;
    for (int i = 0; i < 200 && !cut; ++i) {
        daemon.in_loop([](FakeManager& manager) {
            for (std::uint32_t job = 1; job <= 200; ++job) {
                manager.bus->job_new(JobId{job}, "web.service");
            }
        });
        client.call(kRoot, kManager, "GetUnit", "s", "web.service");
        cut = daemon.waits_until_said("ended", 1, 0s);
    }
    EXPECT_TRUE(cut);
    start_web(client);
    EXPECT_LT(daemon.longest_wait(), kWaitMax);
    broker.signal(SIGCONT);
    // The broker may still hold the name for the connection that was cut.
    ASSERT_TRUE(daemon.waits_until_said("On the message bus", 2));
    Client again(broker.address());
    EXPECT_TRUE(wait_for_name(again));
    start_web(again);
    EXPECT_LT(daemon.longest_wait(), kWaitMax);
}

TEST(MessageBus, ABrokerThatHangsFromTheBeginningBlocksNothing) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    broker.signal(SIGSTOP);
    {
        BusDaemon daemon(broker.address());
        Client client(daemon.address());
        start_web(client);
        daemon.in_loop([](FakeManager& manager) { manager.bus->reconnect(); });
        start_web(client);
        EXPECT_LT(daemon.longest_wait(), kWaitMax);
        broker.signal(SIGCONT);
        Client later(broker.address());
        EXPECT_TRUE(wait_for_name(later));
    }
}

TEST(MessageBus, ReconnectTakesTheNameAnew) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    Client client(broker.address());
    ASSERT_TRUE(wait_for_name(client));
    ASSERT_TRUE(daemon.waits_until_said("On the message bus", 1));
    daemon.in_loop([](FakeManager& manager) { manager.bus->reconnect(); });
    ASSERT_TRUE(daemon.waits_until_said("On the message bus", 2));
    EXPECT_TRUE(wait_for_name(client));
    start_web(client);
}

// ── names of services (Type=dbus)

constexpr UnitId kUnit{3};

TEST(BusNames, AreReportedWithTheirOwnerAsTheyComeAndGo) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    daemon.in_loop([](FakeManager& manager) { manager.bus->watch_name(kUnit, "org.example.Web"); });
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, 0));
    for (int round = 0; round < 3; ++round) {
        Client service(broker.address());
        ASSERT_GE(sd_bus_request_name(service.bus(), "org.example.Web", 0), 0);
        EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, ::getpid()));
        if (round > 0) {
            ASSERT_GE(sd_bus_release_name(service.bus(), "org.example.Web"), 0);
            EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, 0));
        }
    }
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, 0));
    EXPECT_LT(daemon.longest_wait(), kWaitMax);
}

TEST(BusNames, ThatHaveAnOwnerAlreadyAreReportedAtOnce) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    Client service(broker.address());
    ASSERT_GE(sd_bus_request_name(service.bus(), "org.example.Web", 0), 0);
    BusDaemon daemon(broker.address());
    daemon.in_loop([](FakeManager& manager) { manager.bus->watch_name(kUnit, "org.example.Web"); });
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, ::getpid()));
}

TEST(BusNames, AreNotReportedWithoutABusAndNotAnyMoreOnceNobodyWantsToKnow) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    BusDaemon daemon(broker.address());
    daemon.in_loop([](FakeManager& manager) {
        manager.bus->watch_name(kUnit, "org.example.Web");
        manager.bus->watch_name(UnitId{4}, "org.example.Other");
        manager.bus->unwatch_name(kUnit);
        manager.bus->watch_name(UnitId{5}, "not a bus name',arg1='x");
        EXPECT_TRUE(manager.events.empty());
    });
    broker.start();
    Client service(broker.address());
    ASSERT_GE(sd_bus_request_name(service.bus(), "org.example.Web", 0), 0);
    ASSERT_GE(sd_bus_request_name(service.bus(), "org.example.Other", 0), 0);
    EXPECT_TRUE(daemon.waits_until_owned_by(UnitId{4}, ::getpid()));
    daemon.in_loop([](FakeManager& manager) {
        for (const Event& event : manager.events) {
            EXPECT_EQ(std::get<BusNameChanged>(event).unit, UnitId{4});
        }
    });
}

TEST(BusNames, OutliveTheBusAndAreAskedForAnewOnTheNext) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    daemon.in_loop([](FakeManager& manager) { manager.bus->watch_name(kUnit, "org.example.Web"); });
    {
        Client service(broker.address());
        ASSERT_GE(sd_bus_request_name(service.bus(), "org.example.Web", 0), 0);
        ASSERT_TRUE(daemon.waits_until_owned_by(kUnit, ::getpid()));
        broker.stop();
        ASSERT_TRUE(daemon.waits_until_said("ended", 1));
        // That svcd lost the bus says nothing about the service.
        EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, ::getpid()));
    }
    broker.start();
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, 0));
    Client service(broker.address());
    ASSERT_GE(sd_bus_request_name(service.bus(), "org.example.Web", 0), 0);
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, ::getpid()));
    daemon.in_loop([](FakeManager& manager) { manager.bus->reconnect(); });
    ASSERT_TRUE(daemon.waits_until_said("On the message bus", 3));
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, ::getpid()));
}

TEST(BusNames, OnABrokerThatHangsHoldUpNothing) {
    TemporaryFolder folder;
    Broker broker(folder.path());
    broker.start();
    BusDaemon daemon(broker.address());
    ASSERT_TRUE(daemon.waits_until_said("On the message bus", 1));
    broker.signal(SIGSTOP);
    daemon.in_loop([](FakeManager& manager) { manager.bus->watch_name(kUnit, "org.example.Web"); });
    Client client(daemon.address());
    start_web(client);
    broker.signal(SIGCONT);
    EXPECT_TRUE(daemon.waits_until_owned_by(kUnit, 0));
    EXPECT_LT(daemon.longest_wait(), kWaitMax);
}

}  // namespace
}  // namespace svcd::test
