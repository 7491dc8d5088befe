// svcd, the launcher: the one process that must not die.
//
// It is the parent of every service (the manager spawns with CLONE_PARENT) and does four things
// for as long as it lives: it reaps, writing each end into the process table first (reaper.h,
// table.h); it keeps descriptors for the manager (manager_link.h); it starts the manager again when
// that dies (manager_process.h); and it leaves signals that are meant for the manager in the table.
// All policy is the manager's. After the start it allocates nothing, waits for nobody, and leaves
// only when the manager told it to (TableHeader::final_status), by the last steps (last_steps.h).
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "launcher/last_steps.h"
#include "launcher/manager_link.h"
#include "launcher/manager_process.h"
#include "launcher/notify.h"
#include "launcher/options.h"
#include "launcher/os.h"
#include "launcher/pid1.h"
#include "launcher/protocol.h"
#include "launcher/reaper.h"
#include "launcher/runtime_dir.h"
#include "launcher/signals.h"
#include "launcher/table.h"

namespace svcd {
namespace {

/// What we inherited from whoever started us must not reach services, nor hold us up.
void start_clean() {
    // An ignored SIGCHLD would have the kernel throw exit statuses away; SIGPIPE and others would
    // stay ignored in every service.
    for (int signal = 1; signal < NSIG; ++signal) {
        std::signal(signal, SIG_DFL);
    }
    ::umask(022);
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR);
        if (fd < 0 || fd > STDERR_FILENO) {
            if (fd >= 0) {
                ::close(fd);
            }
            break;
        }
    }
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

/// Stored descriptors need room here; the manager and the services get the limit as it was.
rlimit raise_descriptor_limit() {
    rlimit given{1024, 1024};
    ::getrlimit(RLIMIT_NOFILE, &given);
    rlimit raised = given;
    raised.rlim_cur = given.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
    return given;
}

/// A first manager that leaves by itself before it was ready and before it spawned anything has
/// refused to start (a bad option, no cgroup to write to): starting it again would not help, and
/// whoever started svcd should know.
bool has_refused(const Reaped& end, const Table& table, const ManagerProcess& manager) {
    return end.code == CLD_EXITED && end.status != 0 && !manager.was_ready() &&
           !table.has_processes() && ::getpid() != 1;
}

/// Passes on what was asked for. True: there is no time to ask the manager, and `end` says for
/// what.
bool obey(const SignalsTaken& taken, Table& table, ManagerProcess& manager, EndOrder& end) {
    if (taken.requests != 0) {
        table.request(taken.requests);
    }
    if (taken.is_stop) {
        manager.hurry();
    }
    if (!taken.skips_units) {
        return false;
    }
    wait_for_log();
    say("going down without stopping units in order");
    manager.kill();
    end.kind = taken.kind;
    return true;
}

/// Everything from here on goes on until the manager says otherwise.
EndOrder serve(Signals& signals,
               Table& table,
               ManagerLink& link,
               ManagerProcess& manager,
               ReadyNotice& ready,
               bool is_machine) {
    // Whoever executed us may have left us children.
    bool may_have_exits = true;
    bool is_first = true;
    EndOrder end;
    for (;;) {
        if (manager.wait_ms() == 0) {
            manager.start(table, link);
        }
        pollfd sources[] = {{signals.fd(), POLLIN, 0}, {link.fd(), link.events(), 0}};
        if (::poll(sources, 2, may_have_exits ? 0 : manager.wait_ms()) < 0) {
            sources[0].revents = sources[1].revents = 0;
        }
        if (sources[0].revents != 0) {
            const SignalsTaken taken = signals.take(is_machine);
            may_have_exits |= taken.has_child;
            if (obey(taken, table, manager, end)) {
                return end;
            }
        }
        if (sources[1].revents != 0 && link.serve()) {
            manager.is_ready();
            ready.send();
        }
        if (!may_have_exits) {
            continue;
        }
        const Reaped reaped = reap(table, manager.pid());
        may_have_exits = reaped.is_more;
        if (!reaped.manager_ended) {
            continue;
        }
        if (table.read_end(end)) {
            return end;
        }
        if (is_first && has_refused(reaped, table, manager)) {
            say("svcd-manager could not start (status %d), so svcd leaves", reaped.status);
            end.status = reaped.status;
            return end;
        }
        is_first = false;
        manager.ended(reaped.code, reaped.status);
    }
}

int run(char** arguments) {
    start_clean();
    Options options;
    if (!read_options(arguments, options)) {
        return 2;
    }
    if (options.help || options.version) {
        std::fputs(options.help ? kHelp : "svcd " SVCD_VERSION "\n", stdout);
        return std::fflush(stdout) == 0 ? 0 : 1;
    }
    if (::getpid() == 1 && !options.is_container && !is_in_container()) {
        mount_api_file_systems();
    }
    open_log();
    if (!take_runtime_dir(options.runtime_dir)) {
        return 1;
    }
    if (::access(options.manager, X_OK) != 0) {
        say("can't execute %s: %s; is svcd installed whole?", options.manager,
            std::strerror(errno));
        return 1;
    }
    ReadyNotice ready;
    ready.take_from_environment();
    const ManagerCommand command{options.manager, arguments, raise_descriptor_limit()};
    ManagerLink link;
    rlimit limit{1024, 1024};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    link.set_limit(limit.rlim_cur / 2);
    Table table;
    Signals signals;
    if (!signals.open() || !table.create()) {
        return 1;
    }
    const bool is_machine = take_machine();
    // Whatever a service leaves behind comes to us, not to somebody's PID 1.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ManagerProcess manager{command};
    arguments[0] = options.manager;
    // ── Beyond this line nothing may exit, and nothing allocates.
    // ────────────────────────────────────────────────────────────
    const EndOrder end = serve(signals, table, link, manager, ready, is_machine);
    return take_last_steps(end, is_machine, signals.fd());
}

}  // namespace
}  // namespace svcd

int main(int, char** arguments) {
    return svcd::run(arguments);
}
