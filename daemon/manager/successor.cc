#include "manager/successor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "launcher/protocol.h"
#include "linux/pidfd.h"

namespace svcd {
namespace {

constexpr int kExecFailed = 127;

[[noreturn]] void become(const char* program) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const std::string version = std::to_string(kTableVersion);
    ::execl(program, program, kCanFollow, version.c_str(), nullptr);
    ::_exit(kExecFailed);
}

std::string objection_to(const siginfo_t& end) {
    if (end.si_code != CLD_EXITED) {
        return "was killed by signal " + std::to_string(end.si_status);
    }
    switch (end.si_status) {
        case 0:
            return {};
        case kExecFailed:
            return "can't be executed, or a library of it is missing";
        case kCanNotFollow:
            return "needs a newer svcd than the one that runs, which a reboot (or a restart of "
                   "svcd) "
                   "brings";
        default:
            return "left with status " + std::to_string(end.si_status);
    }
}

}  // namespace

SuccessorProbe::SuccessorProbe(std::function<void(const std::string&)> done)
    : done_(std::move(done)) {}

SuccessorProbe::~SuccessorProbe() {
    if (done_) {
        static_cast<void>(send_signal(process_, SIGKILL));
    }
    siginfo_t end{};
    ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &end, WEXITED | WNOHANG);
}

Result<std::unique_ptr<SuccessorProbe>> SuccessorProbe::start(
    EventLoop& loop, const std::string& program, std::function<void(const std::string&)> done) {
    // A fork: posix_spawn(3) waits until the child has executed, for as long as a disk hangs.
    const pid_t child = ::fork();
    if (child < 0) {
        return failure(errno, "fork", program);
    }
    if (child == 0) {
        become(program.c_str());
    }
    auto probe = std::unique_ptr<SuccessorProbe>{new SuccessorProbe{std::move(done)}};
    Result<UniqueFd> process = open_pidfd(child);
    if (!process) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, WNOHANG);
        probe->done_ = nullptr;
        return Failure{process.error()};
    }
    probe->process_ = std::move(*process);
    auto watch = loop.watch(probe->process_.get(), EventOrder::bus,
                            [self = probe.get()] { self->on_end(); });
    auto timer = loop.timer(EventOrder::bus, [self = probe.get()] { self->on_timeout(); });
    if (!watch || !timer) {
        return Failure{!watch ? watch.error() : timer.error()};
    }
    probe->watch_ = std::move(*watch);
    probe->timer_ = std::move(*timer);
    probe->timer_->arm(loop.now() + kProbeLimit);
    return probe;
}

void SuccessorProbe::on_end() {
    siginfo_t end{};
    if (::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &end, WEXITED | WNOHANG) != 0 ||
        end.si_pid == 0) {
        return;
    }
    is_over_ = true;
    if (!done_) {
        return;
    }
    timer_->arm(std::nullopt);
    std::exchange(done_, nullptr)(objection_to(end));
}

void SuccessorProbe::on_timeout() {
    if (done_) {
        static_cast<void>(send_signal(process_, SIGKILL));
        std::exchange(done_, nullptr)("did not end within 5 s");
    }
}

}  // namespace svcd
