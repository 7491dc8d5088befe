// A bus with a fake manager on an event loop in a thread of its own, as svcd-manager runs it, and
// the longest that a turn of the loop waited for something: what every other part of a manager
// would have been delayed by.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fake_manager.h"

namespace svcd::test {

using namespace std::chrono_literals;

class TemporaryFolder {
public:
    TemporaryFolder() {
        char pattern[] = "/tmp/svcd-bus-test-XXXXXX";
        path_ = ::mkdtemp(pattern);
        // Another user's client has to get in, too.
        std::filesystem::permissions(path_, std::filesystem::perms(0755));
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

class BusDaemon {
public:
    explicit BusDaemon(
        std::string message_bus = "none",
        const std::vector<PropertyDescription>& settings = fake_settings(),
        std::function<PropertyValue(const FakeUnit&, std::size_t)> setting = fake_setting,
        bool is_init = true) {
        manager_.setting_of = std::move(setting);
        manager_.on_submit = [this](const Event& event) {
            if (const auto* changed = std::get_if<BusNameChanged>(&event)) {
                const std::lock_guard lock(mutex_);
                owners_[changed->unit] = changed->has_owner ? changed->owner : 0;
                said_something_.notify_all();
            }
        };
        std::promise<bool> started;
        thread_ = std::thread([&, message_bus] {
            sd_event_new(&loop_);
            wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
            sd_event_source* source = nullptr;
            sd_event_add_io(loop_, &source, wake_, EPOLLIN, &BusDaemon::on_wake, this);
            BusOptions options;
            options.socket = {folder_.path() + "/bus", 0666};
            options.owner_socket = folder_.path() + "/owner-bus";
            options.address = message_bus;
            options.owner_uid = ::getuid();
            options.unit_path = {"/etc/svcd/units"};
            options.control_group = "/svcd";
            options.is_init = is_init;
            options.say = [this](Severity, const std::string& text) {
                const std::lock_guard lock(mutex_);
                said_.push_back(text);
                said_something_.notify_all();
            };
            {
                Bus bus(loop_, manager_, settings, options);
                manager_.bus = &bus;
                started.set_value(bus.start().has_value());
                run();
            }
            sd_event_source_disable_unref(source);
            sd_event_unref(loop_);
            ::close(wake_);
        });
        EXPECT_TRUE(started.get_future().get());
    }
    ~BusDaemon() {
        stop_ = true;
        wake();
        thread_.join();
    }
    BusDaemon(const BusDaemon&) = delete;
    BusDaemon& operator=(const BusDaemon&) = delete;

    std::string socket() const { return folder_.path() + "/bus"; }
    std::string address() const { return "unix:path=" + socket(); }

    /// Runs something on the loop, and waits until it has run.
    void in_loop(const std::function<void(FakeManager&)>& task) {
        std::promise<void> done;
        {
            const std::lock_guard lock(mutex_);
            tasks_.push_back([&] {
                task(manager_);
                done.set_value();
            });
        }
        wake();
        done.get_future().get();
    }
    /// Waits until a unit's bus name has this owner (0: none), as the manager was told. False after
    /// 20 s.
    bool waits_until_owned_by(UnitId unit, Pid owner) {
        std::unique_lock lock(mutex_);
        return said_something_.wait_for(lock, 20s, [&] {
            const auto found = owners_.find(unit);
            return found != owners_.end() && found->second == owner;
        });
    }
    std::chrono::microseconds longest_wait() const { return std::chrono::microseconds(longest_); }
    /// Whether this many lines of the log have the text in them, now or within 20 s.
    bool waits_until_said(const std::string& text,
                          std::ptrdiff_t times,
                          std::chrono::seconds limit = 20s) {
        std::unique_lock lock(mutex_);
        return said_something_.wait_for(lock, limit, [&] {
            return std::count_if(said_.begin(), said_.end(), [&](const std::string& line) {
                       return line.find(text) != std::string::npos;
                   }) >= times;
        });
    }

private:
    void wake() {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(wake_, &one, sizeof one), 8);
    }
    static int on_wake(sd_event_source*, int fd, std::uint32_t, void* self) {
        std::uint64_t count = 0;
        EXPECT_EQ(::read(fd, &count, sizeof count), 8);
        auto* daemon = static_cast<BusDaemon*>(self);
        std::vector<std::function<void()>> tasks;
        {
            const std::lock_guard lock(daemon->mutex_);
            tasks.swap(daemon->tasks_);
        }
        for (const auto& task : tasks) {
            task();
        }
        return 0;
    }
    void run() {
        while (!stop_) {
            const int ready = sd_event_prepare(loop_);
            if (ready == 0) {
                sd_event_wait(loop_, UINT64_MAX);
            }
            const auto begin = std::chrono::steady_clock::now();
            const std::int64_t busy_before = busy_nanoseconds();
            if (sd_event_get_state(loop_) == SD_EVENT_PENDING) {
                sd_event_dispatch(loop_);
            }
            const std::int64_t busy = busy_nanoseconds() - busy_before;
            const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
            longest_ = std::max<std::int64_t>(longest_, (took.count() - busy) / 1000);
        }
    }
    /// What this thread has run, and waited for a CPU: on a machine with other work to do, the time
    /// that passed says little about what a turn waited for. (A kernel without schedstats has
    /// none.)
    static std::int64_t busy_nanoseconds() {
        std::int64_t running = 0;
        std::int64_t waiting = 0;
        std::ifstream("/proc/thread-self/schedstat") >> running >> waiting;
        return running + waiting;
    }

    TemporaryFolder folder_;
    FakeManager manager_;
    sd_event* loop_ = nullptr;
    int wake_ = -1;
    std::atomic<bool> stop_ = false;
    std::atomic<std::int64_t> longest_ = 0;
    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;
    std::vector<std::string> said_;
    std::map<UnitId, Pid> owners_;  ///< of bus names
    std::condition_variable said_something_;
    std::thread thread_;
};

}  // namespace svcd::test
