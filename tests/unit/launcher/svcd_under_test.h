// A real svcd with the fake manager, talked to through pipes.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "linux/unique_fd.h"

namespace svcd::test {

/// A folder of its own in /tmp, removed with everything in it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

struct SvcdSetup {
    std::vector<std::string> arguments;  ///< after --runtime-dir and --manager
    /// Runs in the new process just before svcd is executed.
    std::function<void()> before = [] {};
    /// Makes PID and mount namespaces of its own for it.
    bool is_pid1 = false;
    /// Another svcd than the one that was built.
    std::string program = {};
};

/// What is read from svcd comes within kPatience or fails the test.
class SvcdUnderTest {
public:
    explicit SvcdUnderTest(const TemporaryFolder& runtime_dir, const SvcdSetup& setup = {});
    /// Ends svcd and every process it left, all of which are our descendants.
    ~SvcdUnderTest();
    SvcdUnderTest(const SvcdUnderTest&) = delete;
    SvcdUnderTest& operator=(const SvcdUnderTest&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    /// The next line of the manager.
    std::string line();
    /// Says a line to the manager.
    void say(const std::string& text);
    /// Says it and returns the answer.
    std::string ask(const std::string& text);
    /// Reads svcd's log up to a line that contains `text`, and returns that line.
    std::string log_line(const std::string& text);
    /// Waits for svcd's end. The exit status, or 1000 + the signal.
    int wait();

private:
    std::string read_line(int fd);

    pid_t pid_ = -1;
    UniqueFd to_;
    UniqueFd from_;
    UniqueFd log_;
    bool is_silent_ = false;  ///< has kept us waiting, or closed a pipe
};

/// A line to the manager, "die 9".
std::string signal_text(const std::string& verb, int signal);
/// "started N pid P ..." of the manager.
pid_t pid_in(const std::string& line);
/// Gives the processor to others until it is so. False after kPatience.
bool eventually(const std::function<bool()>& is_so);
/// Children of a process, from /proc.
std::vector<pid_t> children_of(pid_t parent);
bool exists(pid_t pid);

}  // namespace svcd::test
