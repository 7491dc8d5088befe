// svcd-logd: hands on what the services of a container write, to svcd's own standard output and
// standard error, so that the container's runtime has it (docs/container-logs.md).
//
// An ordinary unit, started by svcd before all others and stopped after them. It may die at any
// moment: the pipes that services write to are kept by the launcher, and what is in them is there
// for the next.
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "logd/options.h"
#include "logd/relay.h"

namespace {

constexpr int kUsage = 2;

int fail(int status, const std::string& why) {
    std::fprintf(stderr, "svcd-logd: %s\n", why.c_str());
    return status;
}

/// Readable when somebody asks us to leave. Who stops reading our output is no reason to end.
svcd::UniqueFd take_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return svcd::UniqueFd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
}

/// A unit has two pipes and a file.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

}  // namespace

int main(int count, char** words) {
    std::string problem;
    const auto options =
        svcd::logd::parse_options(std::vector<std::string>(words + 1, words + count), problem);
    if (!options) {
        return fail(kUsage, problem);
    }
    svcd::UniqueFd signals = take_signals();
    if (!signals) {
        return fail(1, svcd::to_string(svcd::Error{errno, "make a signalfd", {}, {}}));
    }
    raise_descriptor_limit();
    auto relay = svcd::logd::Relay::make(*options, std::move(signals));
    if (!relay) {
        return fail(1, svcd::to_string(relay.error()));
    }
    relay->run();
    return 0;
}
