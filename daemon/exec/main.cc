// svcd-exec: sets up what a plain spawn can't, and becomes the service. Or it looks at a unit's
// conditions (conditions.h) and ends.
//
// The manager starts it in the service's cgroup with a request in a memfd (exec_request.h). It
// looks up users, reads environment files and drops privileges: things that allocate, lock or
// change the address space, which a child in the manager's memory must not do. A step that fails
// ends it with systemd's exit status; the reason goes to the manager through the report pipe, and
// to the manager's standard error.
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "exec/argument_expansion.h"
#include "exec/child_steps.h"
#include "exec/conditions.h"
#include "exec/environment_file.h"
#include "exec/exec_request.h"
#include "exec/exit_status.h"
#include "exec/user.h"

namespace svcd {
namespace {

/// Where the manager's standard error is kept while the service's own is set up.
int message_fd = STDERR_FILENO;

/// Says why, and ends.
[[noreturn]] void give_up(const std::string& unit, int exit_status, Error error) {
    error.operation = unit + ": " + error.operation;
    const std::string text =
        "svcd-exec: " + to_string(error) + " (exit " + std::to_string(exit_status) + ")\n";
    const std::string report = serialise_report(error);
    // Neither can be helped when it fails: the exit status says the rest.
    static_cast<void>(!::write(message_fd, text.data(), text.size()));
    static_cast<void>(!::write(kReportFd, report.data(), report.size()));
    ::_exit(exit_status);
}

[[noreturn]] void give_up(const std::string& unit, const ChildFailure& step) {
    give_up(
        unit, step.exit_status,
        Error{step.error_number, step.operation, step.subject == nullptr ? "" : step.subject, {}});
}

/// The request, out of a memfd that nobody can change any more.
Result<std::string> read_request() {
    struct stat facts {};
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    const int seals = ::fcntl(kRequestFd, F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals || ::fstat(kRequestFd, &facts) < 0) {
        return failure(0, "read the request", {}, "svcd-exec is for svcd to start, not for people");
    }
    if (facts.st_size < 0 || static_cast<std::size_t>(facts.st_size) > kExecRequestMax) {
        return failure(E2BIG, "read the request");
    }
    std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
    if (::pread(kRequestFd, bytes.data(), bytes.size(), 0) != facts.st_size) {
        return failure(EIO, "read the request");
    }
    ::close(kRequestFd);
    return bytes;
}

/// Out of the way of the service's descriptors, and gone with its execve.
void keep_message_fd() {
    const int fd = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    if (fd >= 0) {
        message_fd = fd;
    }
    ::fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
}

/// The strings of an execve: pointers into `strings`, which must stay as they are.
std::vector<const char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<const char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& text : strings) {
        pointers.push_back(text.c_str());
    }
    pointers.push_back(nullptr);
    return pointers;
}

struct Identity {
    Account account;
    gid_t gid = 0;
    bool changes_user = false;
    bool changes_group = false;
};

Identity find_identity(const ExecRequest& request) {
    Identity identity;
    identity.account = own_account();
    identity.gid = ::getgid();
    if (request.command.full_privileges) {
        return identity;
    }
    if (!request.exec.user.empty()) {
        Result<Account> account = find_user(request.exec.user);
        if (!account) {
            give_up(request.unit, kExitUser, account.error());
        }
        identity.account = std::move(*account);
        identity.gid = identity.account.gid;
        identity.changes_user = true;
        identity.changes_group = true;
    }
    if (!request.exec.group.empty()) {
        const Result<gid_t> gid = find_group(request.exec.group);
        if (!gid) {
            give_up(request.unit, kExitGroup, gid.error());
        }
        identity.gid = *gid;
        identity.changes_group = true;
    }
    return identity;
}

/// What svcd sets, then what the user's account says, then Environment, then the files: the later
/// one counts.
std::vector<std::string> make_environment(const ExecRequest& request, const Identity& identity) {
    std::vector<std::string> environment = request.environment;
    if (identity.changes_user) {
        const Account& account = identity.account;
        const std::string& name = account.name.empty() ? request.exec.user : account.name;
        assign(environment, "HOME=" + account.home);
        assign(environment, "LOGNAME=" + name);
        assign(environment, "USER=" + name);
        if (!account.shell.empty()) {
            assign(environment, "SHELL=" + account.shell);
        }
        for (const std::string& assignment : request.exec.environment) {
            assign(environment, assignment);
        }
    }
    for (const EnvironmentFile& file : request.exec.environment_files) {
        Result<std::vector<std::string>> assignments = read_environment_files(file.path);
        if (!assignments && file.may_be_missing) {
            continue;
        }
        if (!assignments) {
            give_up(request.unit, kExitException, assignments.error());
        }
        for (std::string& assignment : *assignments) {
            assign(environment, std::move(assignment));
        }
    }
    return environment;
}

void set_oom_score(const ExecRequest& request) {
    if (!request.exec.oom_score_adjust) {
        return;
    }
    constexpr const char* kPath = "/proc/self/oom_score_adj";
    const std::string text = std::to_string(*request.exec.oom_score_adjust);
    const int fd = ::open(kPath, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) {
        give_up(request.unit, kExitOomAdjust, Error{errno, "write " + text + " to", kPath, {}});
    }
    ::close(fd);
}

void become(const ExecRequest& request, const Identity& identity) {
    const std::string group = std::to_string(identity.gid);
    if (identity.changes_group) {
        // The groups of the user, or none; as an ordinary user (user mode) they stay as they are.
        const bool has_groups = identity.changes_user && !identity.account.name.empty();
        int result = 0;
        if (::geteuid() == 0) {
            result = has_groups ? ::initgroups(identity.account.name.c_str(), identity.gid)
                                : ::setgroups(0, nullptr);
        }
        if (result < 0) {
            give_up(request.unit, kExitGroup, Error{errno, "initgroups", group, {}});
        }
        if (::setresgid(identity.gid, identity.gid, identity.gid) < 0) {
            give_up(request.unit, kExitGroup, Error{errno, "setresgid", group, {}});
        }
    }
    if (identity.changes_user) {
        const uid_t uid = identity.account.uid;
        if (::setresuid(uid, uid, uid) < 0) {
            give_up(request.unit, kExitUser, Error{errno, "setresuid", std::to_string(uid), {}});
        }
    }
}

/// Names without a '/' are looked up here, as for a plain spawn.
std::vector<std::string> executables_of(const Command& command) {
    if (command.path.find('/') != std::string::npos) {
        return {command.path};
    }
    std::vector<std::string> paths;
    for (const std::string_view folder : kSearchPath) {
        paths.push_back(std::string{folder} + command.path);
    }
    return paths;
}

/// Standard input, output and error of the plan, as the request says.
void plan_stdio(ExecRequest& request, ChildPlan& plan) {
    ExecSettings& exec = request.exec;
    const auto path_of = [&](Output& output) {
        return output.kind == OutputKind::log ? request.log_file.data() : output.path.data();
    };
    plan.input = exec.standard_input;
    plan.input_path = exec.standard_input_path.c_str();
    plan.output = exec.standard_output.kind;
    plan.output_path = path_of(exec.standard_output);
    plan.error_is_output = error_is_output(exec);
    if (!plan.error_is_output) {
        plan.error = exec.standard_error->kind;
        plan.error_path = path_of(*exec.standard_error);
    }
}

[[noreturn]] void run(ExecRequest request) {
    const Identity identity = find_identity(request);
    const std::vector<std::string> environment = make_environment(request, identity);
    std::vector<std::string> arguments = request.command.no_expansion
                                             ? request.command.argv
                                             : expand_arguments(request.command.argv, environment);
    if (arguments.empty()) {
        arguments.push_back(request.command.path);
    }
    const std::vector<std::string> executables = executables_of(request.command);
    const std::vector<const char*> executable_pointers = pointers_to(executables);
    const std::vector<const char*> argument_pointers = pointers_to(arguments);
    const std::vector<const char*> environment_pointers = pointers_to(environment);

    ChildPlan plan;
    plan_stdio(request, plan);
    plan.limits = request.exec.limits.data();
    plan.limit_count = request.exec.limits.size();
    plan.has_nice = request.exec.nice.has_value();
    plan.nice = request.exec.nice.value_or(0);
    plan.umask = request.exec.umask;
    const std::string& folder = request.exec.working_directory;
    plan.directory = folder == "~"    ? identity.account.home.c_str()
                     : folder.empty() ? request.default_directory.c_str()
                                      : folder.c_str();
    plan.fallback_directory =
        request.exec.working_directory_may_be_missing ? request.default_directory.c_str() : nullptr;
    plan.executables = executable_pointers.data();
    plan.arguments = argument_pointers.data();
    plan.environment = environment_pointers.data();

    // Outputs, limits and the OOM score are root's to set; the folder is entered as the user.
    ChildFailure step;
    if (!set_up_stdio(plan, step)) {
        give_up(request.unit, step);
    }
    set_oom_score(request);
    if (!set_up_nice(plan, step) || !set_up_limits(plan, step)) {
        give_up(request.unit, step);
    }
    become(request, identity);
    if (enter_directory(plan, step)) {
        execute(plan, step);
    }
    give_up(request.unit, step);
}

int check(CheckRequest request) {
    ::close(kReportFd);  // no execve follows, and nothing is to wait for one
    return look_at_conditions(
        request.conditions,
        ConditionView{{}, std::move(request.environment), std::move(request.cgroup_folder)});
}

}  // namespace
}  // namespace svcd

int main(int, char** arguments) {
    using namespace svcd;
    keep_message_fd();
    const std::string unit =
        arguments[0] == nullptr || arguments[1] == nullptr ? "?" : arguments[1];
    const Result<std::string> bytes = read_request();
    if (!bytes) {
        give_up(unit, kExitException, bytes.error());
    }
    if (is_check_request(*bytes)) {
        Result<CheckRequest> request = parse_check_request(*bytes);
        if (!request) {
            give_up(unit, kExitException, request.error());
        }
        return check(std::move(*request));
    }
    Result<ExecRequest> request = parse_exec_request(*bytes);
    if (!request) {
        give_up(unit, kExitException, request.error());
    }
    run(std::move(*request));
}
