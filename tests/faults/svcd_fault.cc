// svcd-fault: kills svcd-manager at a system call of one's choice, or lets the call fail.
//
// It is two things. `svcd --manager=svcd-fault` starts it in the manager's place: it asks the
// tracer, which is somebody else's child, to seize it, and becomes the manager by execve. So the
// manager is the launcher's child, has its descriptors and its death signal, and no process beside
// it is in svcd's tree. `svcd-fault --serve SOCKET LOG` is the tracer: it takes rules (rule.h) from
// whoever connects, writes down each call, and ends when that connection is closed.
//
// Messages to the socket (SOCK_SEQPACKET), each with one answer:
//     manager    seize me (of the first role)
//     rule ...   "ok", or what is wrong with it
//     clear      forgets all rules
//     status     "managers=2 calls=341 acts=1", calls being those of the newest manager
//
// Only the manager itself is traced. The processes that it clones are not: they run at full speed,
// and their parent is the launcher.
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "faults/rule.h"
#include "faults/tracee.h"

namespace svcd::faults {
namespace {

constexpr int kFailed = 1;
constexpr std::size_t kMessageMax = 1024;
constexpr int kSyscallStop = SIGTRAP | 0x80;

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "svcd-fault: %s: %s\n", what, std::strerror(errno));
    std::exit(kFailed);
}

sockaddr_un address_of(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >=
        static_cast<int>(sizeof address.sun_path)) {
        errno = ENAMETOOLONG;
        give_up(path);
    }
    return address;
}

int make_socket() {
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd < 0 ? (give_up("socket"), -1) : fd;
}

// ── in the manager's place

int become_manager(char** arguments) {
    const char* path = std::getenv("SVCD_FAULT_SOCKET");
    const char* manager = std::getenv("SVCD_FAULT_MANAGER");
    if (path == nullptr || manager == nullptr) {
        std::fputs("svcd-fault: set SVCD_FAULT_SOCKET and SVCD_FAULT_MANAGER\n", stderr);
        return kFailed;
    }
    const int fd = make_socket();
    const sockaddr_un address = address_of(path);
    char answer[8] = {};
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::send(fd, "manager", 7, MSG_NOSIGNAL) != 7 || ::recv(fd, answer, sizeof answer, 0) <= 0) {
        give_up("ask the tracer");
    }
    arguments[0] = const_cast<char*>(manager);
    ::execv(manager, arguments);
    give_up(manager);
}

// ── the tracer

struct Manager {
    int number;  ///< 1: the first
    std::size_t calls = 0;
    bool is_executed = false;
    bool is_inside = false;  ///< of a call
    int failure = 0;         ///< what the call that it is in is to fail with
    bool dies_after = false;
};

class Tracer {
public:
    Tracer(const char* socket, const char* log);
    [[noreturn]] void run();

private:
    void take_stops();
    void stopped(pid_t pid, int status);
    void at_call(pid_t pid, Manager& manager);
    void enter(pid_t pid, Manager& manager, const Stop& stop);
    void leave(pid_t pid, Manager& manager, const Stop& stop);
    void go_on(pid_t pid, const Manager& manager, int signal);
    void kill(pid_t pid, const char* when);

    void accept_client();
    /// False: the client has gone.
    bool serve(int client);
    std::string answer(int client, const std::string& message);
    std::string seize(int client);

    int listener_;
    std::FILE* log_;
    int controller_ = -1;
    std::vector<int> clients_;
    std::vector<Rule> rules_;
    std::map<pid_t, Manager> managers_;
    int started_ = 0;
    std::size_t calls_ = 0;
    std::size_t acts_ = 0;
};

Tracer::Tracer(const char* socket, const char* log)
    : listener_(make_socket()), log_(std::fopen(log, "we")) {
    const sockaddr_un address = address_of(socket);
    if (log_ == nullptr ||
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 16) != 0) {
        give_up(log_ == nullptr ? log : socket);
    }
}

void Tracer::run() {
    sigset_t blocked;
    sigset_t waiting;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &blocked, &waiting);
    struct sigaction action {};
    action.sa_handler = [](int) {};  // it only has to end the ppoll
    ::sigaction(SIGCHLD, &action, nullptr);
    for (;;) {
        take_stops();
        std::vector<pollfd> sources{{listener_, POLLIN, 0}};
        for (const int client : clients_) {
            sources.push_back({client, POLLIN, 0});
        }
        if (::ppoll(sources.data(), sources.size(), nullptr, &waiting) <= 0) {
            continue;
        }
        for (std::size_t index = 1; index < sources.size(); ++index) {
            const int client = sources[index].fd;
            if (sources[index].revents != 0 && !serve(client)) {
                ::close(client);
                std::erase(clients_, client);
                if (client == controller_) {
                    std::fflush(log_);
                    std::_Exit(0);
                }
            }
        }
        if (sources[0].revents != 0) {
            accept_client();
        }
    }
}

void Tracer::take_stops() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
        if (WIFSTOPPED(status)) {
            stopped(pid, status);
            continue;
        }
        std::fprintf(log_, "%d ended, status 0x%x\n", managers_[pid].number,
                     static_cast<unsigned>(status));
        std::fflush(log_);
        managers_.erase(pid);
    }
}

void Tracer::stopped(pid_t pid, int status) {
    Manager& manager = managers_[pid];
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (signal == kSyscallStop) {
        at_call(pid, manager);
        go_on(pid, manager, 0);
    } else if (event == PTRACE_EVENT_EXEC) {
        manager.is_executed = true;
        go_on(pid, manager, 0);
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        ::ptrace(PTRACE_LISTEN, pid, nullptr, nullptr);  // it stays stopped until SIGCONT
    } else {
        go_on(pid, manager, event == 0 ? signal : 0);
    }
}

void Tracer::go_on(pid_t pid, const Manager& manager, int signal) {
    ::ptrace(manager.is_executed ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, signal);
}

void Tracer::at_call(pid_t pid, Manager& manager) {
    const std::optional<Stop> stop = stop_of(pid);
    if (stop && stop->is_entry) {
        enter(pid, manager, *stop);
    } else if (stop && manager.is_inside) {
        leave(pid, manager, *stop);
    }
}

void Tracer::enter(pid_t pid, Manager& manager, const Stop& stop) {
    const Call call = call_of(pid, stop);
    calls_ = ++manager.calls;
    manager.is_inside = true;
    std::fprintf(log_, "%d %zu %s %s", manager.number, manager.calls, call.name.data(),
                 call.path.c_str());
    for (Rule& rule : rules_) {
        if (!acts_on(rule, call)) {
            continue;
        }
        ++acts_;
        switch (rule.act) {
            case Rule::Act::kill_before:
                kill(pid, "before");
                return;
            case Rule::Act::kill_after:
                manager.dies_after = true;
                break;
            case Rule::Act::fail:
                manager.failure = skip_call(pid) ? rule.error : 0;
                break;
        }
    }
}

void Tracer::leave(pid_t pid, Manager& manager, const Stop& stop) {
    manager.is_inside = false;
    std::int64_t result = stop.result;
    if (manager.failure != 0) {
        result = -manager.failure;
        set_result(pid, result);
    }
    const char* error =
        result < 0 && result > -4096 ? ::strerrorname_np(static_cast<int>(-result)) : nullptr;
    std::fprintf(log_, " = %lld%s%s%s", static_cast<long long>(result), error != nullptr ? " " : "",
                 error != nullptr ? error : "", manager.failure != 0 ? " (made to fail)" : "");
    manager.failure = 0;
    if (manager.dies_after) {
        kill(pid, "after");
        return;
    }
    std::fputc('\n', log_);
}

/// The process stands in a stop of ptrace's: it wakes up dead, and a call whose entry that was is
/// not done.
void Tracer::kill(pid_t pid, const char* when) {
    std::fprintf(log_, " KILLED %s\n", when);
    std::fflush(log_);
    ::kill(pid, SIGKILL);
}

// ── who asks

void Tracer::accept_client() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) {
        clients_.push_back(client);
    }
}

bool Tracer::serve(int client) {
    std::array<char, kMessageMax> message{};
    const ssize_t size = ::recv(client, message.data(), message.size(), MSG_DONTWAIT);
    if (size <= 0) {
        return size < 0 && (errno == EAGAIN || errno == EINTR);
    }
    const std::string said =
        answer(client, std::string{message.data(), static_cast<std::size_t>(size)});
    return ::send(client, said.data(), said.size(), MSG_NOSIGNAL) >= 0;
}

std::string Tracer::answer(int client, const std::string& message) {
    if (message == "manager") {
        return seize(client);
    }
    controller_ = client;
    std::fflush(log_);
    if (message == "status") {
        return "managers=" + std::to_string(started_) + " calls=" + std::to_string(calls_) +
               " acts=" + std::to_string(acts_);
    }
    if (message == "clear") {
        rules_.clear();
        return "ok";
    }
    std::string complaint = "\"" + message + "\" is not understood";
    if (message.rfind("rule ", 0) == 0) {
        if (std::optional<Rule> rule = parse_rule(message.substr(5), complaint)) {
            rules_.push_back(std::move(*rule));
            return "ok";
        }
    }
    return complaint;
}

std::string Tracer::seize(int client) {
    ucred peer{};
    socklen_t size = sizeof peer;
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        ::ptrace(PTRACE_SEIZE, peer.pid, nullptr, kOptions) != 0) {
        return std::string{"can't seize it: "} + std::strerror(errno);
    }
    managers_[peer.pid] = Manager{++started_};
    for (Rule& rule : rules_) {
        rule.matched = rule.per_manager ? 0 : rule.matched;
    }
    return "go";
}

}  // namespace
}  // namespace svcd::faults

int main(int count, char** arguments) {
    if (count == 4 && std::strcmp(arguments[1], "--serve") == 0) {
        svcd::faults::Tracer{arguments[2], arguments[3]}.run();
    }
    return svcd::faults::become_manager(arguments);
}
