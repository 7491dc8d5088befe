// Clients for the tests: an sd-bus connection that blocks, and real programs.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <string>
#include <vector>

extern char** environ;

namespace svcd::test {

struct CallError {
    std::string name;
    std::string message;
};

/// A connection as to a message bus.
class Client {
public:
    explicit Client(const std::string& address) {
        EXPECT_GE(sd_bus_new(&bus_), 0);
        EXPECT_GE(sd_bus_set_address(bus_, address.c_str()), 0);
        EXPECT_GE(sd_bus_set_bus_client(bus_, 1), 0);
        started_ = sd_bus_start(bus_);
    }
    ~Client() {
        // Each holds a reference to the connection.
        sd_bus_message_unref(reply_);
        sd_bus_message_unref(signal_);
        sd_bus_close_unref(bus_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    int started() const { return started_; }
    sd_bus* bus() const { return bus_; }

    /// Calls and expects success. The reply is valid until the next call.
    template <typename... Arguments>
    sd_bus_message* call(const char* path,
                         const char* interface,
                         const char* member,
                         const char* signature = "",
                         Arguments... arguments) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        reply_ = sd_bus_message_unref(reply_);
        const int status = sd_bus_call_method(bus_, "org.svcd1", path, interface, member, &error,
                                              &reply_, signature, arguments...);
        EXPECT_GE(status, 0) << member << ": " << (error.message ? error.message : "");
        sd_bus_error_free(&error);
        return reply_;
    }
    template <typename... Arguments>
    CallError refused(const char* path,
                      const char* interface,
                      const char* member,
                      const char* signature = "",
                      Arguments... arguments) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        reply_ = sd_bus_message_unref(reply_);
        const int status = sd_bus_call_method(bus_, "org.svcd1", path, interface, member, &error,
                                              &reply_, signature, arguments...);
        EXPECT_LT(status, 0) << member << " succeeded";
        CallError result{error.name ? error.name : "", error.message ? error.message : ""};
        sd_bus_error_free(&error);
        return result;
    }
    std::string text(const char* path, const char* interface, const char* property) {
        char* value = nullptr;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const int status = sd_bus_get_property_string(bus_, "org.svcd1", path, interface, property,
                                                      &error, &value);
        EXPECT_GE(status, 0) << property << ": " << (error.message ? error.message : "");
        sd_bus_error_free(&error);
        std::string result = value ? value : "";
        std::free(value);
        return result;
    }
    /// The next signal of this name; other messages on the way are dropped. Null after 10 s.
    sd_bus_message* wait_for_signal(const char* interface, const char* member) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < end) {
            sd_bus_message* message = nullptr;
            const int status = sd_bus_process(bus_, &message);
            if (status < 0) {
                return nullptr;
            }
            if (message) {
                if (sd_bus_message_is_signal(message, interface, member) > 0) {
                    sd_bus_message_unref(signal_);
                    signal_ = message;
                    return message;
                }
                sd_bus_message_unref(message);
                continue;
            }
            if (status == 0) {
                sd_bus_wait(bus_, 1'000'000);
            }
        }
        return nullptr;
    }

private:
    sd_bus* bus_ = nullptr;
    sd_bus_message* reply_ = nullptr;
    sd_bus_message* signal_ = nullptr;
    int started_ = 0;
};

inline std::string object_path(sd_bus_message* reply) {
    const char* path = "";
    EXPECT_GE(sd_bus_message_read(reply, "o", &path), 0);
    return path;
}

struct ProgramResult {
    int status = -1;
    std::string output;  ///< stdout and stderr
};

/// A running program whose output is read.
class Program {
public:
    Program(const std::vector<std::string>& command,
            const std::vector<std::string>& more_environment = {}) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
        std::vector<char*> argv;
        for (const std::string& word : command) {
            argv.push_back(const_cast<char*>(word.c_str()));
        }
        argv.push_back(nullptr);
        std::vector<char*> environment;
        for (const std::string& word : more_environment) {
            environment.push_back(const_cast<char*>(word.c_str()));
        }
        for (char** word = environ; *word; ++word) {
            environment.push_back(*word);
        }
        environment.push_back(nullptr);
        EXPECT_EQ(
            ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environment.data()), 0)
            << command[0];
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        output_ = ends[0];
    }
    ~Program() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(output_);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    pid_t pid() const { return pid_; }
    /// Reads until the text has come; false when the program ended, or after 10 s.
    bool wait_for(const std::string& text) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (seen_.find(text) == std::string::npos) {
            pollfd ready{output_, POLLIN, 0};
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                end - std::chrono::steady_clock::now());
            if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0 ||
                !read_some()) {
                return seen_.find(text) != std::string::npos;
            }
        }
        return true;
    }
    ProgramResult finish() {
        while (read_some()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
        return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), seen_};
    }
    const std::string& seen() const { return seen_; }

private:
    bool read_some() {
        char buffer[4096];
        const ssize_t count = ::read(output_, buffer, sizeof buffer);
        if (count <= 0) {
            return false;
        }
        seen_.append(buffer, static_cast<std::size_t>(count));
        return true;
    }

    pid_t pid_ = 0;
    int output_ = -1;
    std::string seen_;
};

/// The names of a GetAll reply, and the value of Environment when it is there.
inline std::map<std::string, std::vector<std::string>> read_all(sd_bus_message* reply) {
    std::map<std::string, std::vector<std::string>> all;
    sd_bus_message_enter_container(reply, 'a', "{sv}");
    while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
        const char* name = "";
        sd_bus_message_read(reply, "s", &name);
        EXPECT_FALSE(all.contains(name)) << name << " comes twice";
        std::vector<std::string>& values = all[name];
        if (std::string(name) == "Environment") {
            sd_bus_message_enter_container(reply, 'v', "as");
            sd_bus_message_enter_container(reply, 'a', "s");
            const char* value = nullptr;
            while (sd_bus_message_read(reply, "s", &value) > 0) {
                values.emplace_back(value);
            }
            sd_bus_message_exit_container(reply);
            sd_bus_message_exit_container(reply);
        } else {
            sd_bus_message_skip(reply, "v");
        }
        sd_bus_message_exit_container(reply);
    }
    return all;
}

inline ProgramResult run(const std::vector<std::string>& command,
                         const std::vector<std::string>& more_environment = {}) {
    return Program(command, more_environment).finish();
}

}  // namespace svcd::test
