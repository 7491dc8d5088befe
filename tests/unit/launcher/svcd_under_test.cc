#include "unit/launcher/svcd_under_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace svcd::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        std::abort();
    }
    return Pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

/// /proc, /sys and /dev out of the way, as they are when a kernel starts its first process.
void take_mounts_away() {
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    for (const char* path : {"/proc", "/sys", "/dev"}) {
        ::umount2(path, MNT_DETACH);
    }
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string pattern = "/tmp/svcd-launcher-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
        std::abort();
    }
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

SvcdUnderTest::SvcdUnderTest(const TemporaryFolder& runtime_dir, const SvcdSetup& setup) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe log = make_pipe();
    const char* from_outside = std::getenv("SVCD_UNDER_TEST");
    const std::string built = from_outside != nullptr ? from_outside : SVCD_BINARY;
    std::vector<std::string> words{setup.program.empty() ? built : setup.program,
                                   "--runtime-dir=" + runtime_dir.path(),
                                   std::string("--manager=") + FAKE_MANAGER_BINARY};
    words.insert(words.end(), setup.arguments.begin(), setup.arguments.end());
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    const auto become_svcd = [&] {
        ::dup2(in.read.get(), STDIN_FILENO);
        ::dup2(out.write.get(), STDOUT_FILENO);
        ::dup2(log.write.get(), STDERR_FILENO);
        if (::chdir(runtime_dir.path().c_str()) == 0) {
            setup.before();
            ::execv(arguments[0], arguments.data());
        }
        ::_exit(98);
    };
    pid_ = ::fork();
    if (pid_ == 0) {
        if (!setup.is_pid1) {
            become_svcd();
        }
        if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
            ::_exit(98);
        }
        // The first child is PID 1 of the namespace; this process hands on how it ended.
        const pid_t first = ::fork();
        if (first == 0) {
            take_mounts_away();
            become_svcd();
        }
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        int status = 0;
        ::waitpid(first, &status, 0);
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
    }
    to_ = std::move(in.write);
    from_ = std::move(out.read);
    log_ = std::move(log.read);
}

SvcdUnderTest::~SvcdUnderTest() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
    }
    // We are the subreaper of all that is left.
    do {
        for (const pid_t child : children_of(::getpid())) {
            ::kill(child, SIGKILL);
        }
    } while (::waitpid(-1, nullptr, 0) > 0);
}

void SvcdUnderTest::signal(int number) const {
    ::kill(pid_, number);
}

std::string SvcdUnderTest::read_line(int fd) {
    std::string line;
    for (;;) {
        pollfd waiting{fd, POLLIN, 0};
        const auto patience = std::chrono::milliseconds{kPatience}.count();
        char letter = 0;
        if (::poll(&waiting, 1, static_cast<int>(patience)) <= 0 || ::read(fd, &letter, 1) != 1) {
            is_silent_ = true;
            ADD_FAILURE() << "svcd fell silent after '" << line << "'";
            return line;
        }
        if (letter == '\n') {
            return line;
        }
        line += letter;
    }
}

std::string SvcdUnderTest::line() {
    return read_line(from_.get());
}

void SvcdUnderTest::say(const std::string& text) {
    const std::string whole = text + "\n";
    ASSERT_EQ(::write(to_.get(), whole.data(), whole.size()), static_cast<ssize_t>(whole.size()));
}

std::string SvcdUnderTest::ask(const std::string& text) {
    say(text);
    return line();
}

std::string SvcdUnderTest::log_line(const std::string& text) {
    for (;;) {
        std::string line = read_line(log_.get());
        if (is_silent_ || line.find(text) != std::string::npos) {
            return line;
        }
    }
}

int SvcdUnderTest::wait() {
    int status = 0;
    if (::waitpid(std::exchange(pid_, -1), &status, 0) < 0) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

std::string signal_text(const std::string& verb, int signal) {
    return verb + " " + std::to_string(signal);
}

pid_t pid_in(const std::string& line) {
    const std::size_t at = line.find("pid ");
    return at == std::string::npos ? -1 : std::stoi(line.substr(at + 4));
}

bool eventually(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        ::sched_yield();
    }
    return true;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    std::error_code error;
    for (std::filesystem::directory_iterator entry{"/proc", error}, end; entry != end;
         entry.increment(error)) {
        std::ifstream stat(entry->path() / "stat");
        std::string text;
        std::getline(stat, text);
        const std::size_t close = text.rfind(')');  // the name may have anything in it
        if (close == std::string::npos) {
            continue;
        }
        std::istringstream rest(text.substr(close + 1));
        char state = 0;
        pid_t its_parent = 0;
        rest >> state >> its_parent;
        if (its_parent == parent) {
            children.push_back(std::stoi(entry->path().filename()));
        }
    }
    return children;
}

bool exists(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

}  // namespace svcd::test
