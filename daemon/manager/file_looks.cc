#include "manager/file_looks.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "linux/pid_file.h"
#include "linux/pidfd.h"

namespace svcd {
namespace {

constexpr int kAnswerFd = 3;

/// What goes through the pipe, in one write.
struct AnswerBytes {
    Pid pid;  ///< 0: none
    std::int32_t error_number;
    bool is_error;
    std::array<char, 64> operation;
    std::array<char, 512> detail;
};

template <std::size_t Size>
void put(std::array<char, Size>& place, const std::string& text) {
    std::memcpy(place.data(), text.data(), std::min(text.size(), Size - 1));
}

/// The child: keeps nothing of the manager's open, and ends with it.
[[noreturn]] void look(pid_t manager, int answer_fd, const std::function<FileAnswer()>& work) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "svcd-file-look");
    if (::getppid() != manager || ::dup2(answer_fd, kAnswerFd) < 0) {
        ::_exit(1);
    }
    ::close_range(kAnswerFd + 1, ~0U, 0);
    const FileAnswer answer = work();
    AnswerBytes bytes{};
    if (answer) {
        bytes.pid = answer->value_or(0);
    } else {
        bytes.is_error = true;
        bytes.error_number = answer.error().error_number;
        put(bytes.operation, answer.error().operation);
        put(bytes.detail, answer.error().detail);
    }
    ::_exit(::write(kAnswerFd, &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
}

Result<FileLooks::Child> begin(const std::string& path, const std::function<FileAnswer()>& work) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return failure(errno, "pipe2", "to look at " + path);
    }
    FileLooks::Child child{UniqueFd{}, UniqueFd{ends[0]}};
    const UniqueFd write_end{ends[1]};
    const pid_t manager = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        return failure(errno, "fork", "to look at " + path);
    }
    if (pid == 0) {
        look(manager, write_end.get(), work);
    }
    Result<UniqueFd> process = open_pidfd(pid);
    if (!process) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, WNOHANG);
        return Failure{process.error()};
    }
    child.process = std::move(*process);
    return child;
}

/// False while the child runs.
bool reap(const FileLooks::Child& child) {
    siginfo_t end{};
    return ::waitid(P_PIDFD, static_cast<id_t>(child.process.get()), &end, WEXITED | WNOHANG) !=
               0 ||
           end.si_pid != 0;
}

Failure no_answer(const std::string& path) {
    return failure(ETIMEDOUT, "look at", path,
                   "its file system does not answer; put it on one that does, as /run");
}

FileAnswer answer_of(const FileLooks::Child& child, const std::string& path) {
    AnswerBytes bytes{};
    if (::read(child.answer.get(), &bytes, sizeof bytes) != sizeof bytes) {
        return failure(0, "look at", path, "the process that did so was killed");
    }
    if (bytes.is_error) {
        return failure(bytes.error_number, bytes.operation.data(), path, bytes.detail.data());
    }
    return bytes.pid == 0 ? std::optional<Pid>{} : std::optional{bytes.pid};
}

bool wait_for_end(const FileLooks::Child& child, Duration limit) {
    pollfd end{child.process.get(), POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
    return ::poll(&end, 1, static_cast<int>(left.count())) > 0;
}

}  // namespace

FileLooks::~FileLooks() {
    for (Look& look : looks_) {
        if (!look.has_ended) {
            static_cast<void>(send_signal(look.child.process, SIGKILL));
        }
    }
}

/// A handler can't destroy its own Watch.
void FileLooks::collect() {
    std::erase_if(looks_, [](const Look& look) { return look.has_ended; });
}

void FileLooks::start(const std::string& path,
                      const std::function<FileAnswer()>& work,
                      std::function<void(const FileAnswer&)> done) {
    const bool is_stuck = std::any_of(looks_.begin(), looks_.end(), [&](const Look& look) {
        return look.path == path && !look.done && !look.has_ended;
    });
    if (is_stuck) {
        done(no_answer(path));
        return;
    }
    Result<Child> child = begin(path, work);
    if (!child) {
        done(Failure{child.error()});
        return;
    }
    Look& look = looks_.emplace_back();
    look.path = path;
    look.child = std::move(*child);
    look.done = std::move(done);
    auto watch =
        loop_.watch(look.child.process.get(), EventOrder::execs, [this, &look] { on_end(look); });
    auto timer = loop_.timer(EventOrder::execs, [this, &look] { on_timeout(look); });
    if (!watch || !timer) {
        static_cast<void>(send_signal(look.child.process, SIGKILL));
        std::exchange(look.done, nullptr)(Failure{!watch ? watch.error() : timer.error()});
        static_cast<void>(reap(look.child));
        look.has_ended = true;
        return;
    }
    look.watch = std::move(*watch);
    look.timer = std::move(*timer);
    look.timer->arm(loop_.now() + kFilePatience);
}

void FileLooks::on_end(Look& look) {
    if (look.has_ended || !reap(look.child)) {
        return;
    }
    look.has_ended = true;
    look.watch->silence();  // a pidfd stays readable, and each time would cost a wakeup
    look.timer->arm(std::nullopt);
    if (look.done) {
        std::exchange(look.done, nullptr)(answer_of(look.child, look.path));
    }
}

void FileLooks::on_timeout(Look& look) {
    if (look.done) {
        static_cast<void>(send_signal(look.child.process, SIGKILL));
        std::exchange(look.done, nullptr)(no_answer(look.path));
    }
}

void FileLooks::finish(Duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (Look& look : looks_) {
        const auto left = std::chrono::duration_cast<Duration>(
            std::max(end - std::chrono::steady_clock::now(), std::chrono::nanoseconds{0}));
        if (!look.has_ended && look.done && wait_for_end(look.child, left)) {
            on_end(look);
        }
    }
    collect();
}

Result<Pid> read_pid_file_within(const std::string& path, Duration limit) {
    Result<FileLooks::Child> child = begin(path, [&]() -> FileAnswer {
        const Result<Pid> pid = read_pid_file(path);
        return pid ? FileAnswer{*pid} : FileAnswer{Failure{pid.error()}};
    });
    if (!child) {
        return Failure{child.error()};
    }
    if (!wait_for_end(*child, limit)) {
        static_cast<void>(send_signal(child->process, SIGKILL));
        static_cast<void>(reap(*child));
        return no_answer(path);
    }
    static_cast<void>(reap(*child));
    const FileAnswer answer = answer_of(*child, path);
    if (!answer) {
        return Failure{answer.error()};
    }
    return answer->value_or(0);
}

}  // namespace svcd
