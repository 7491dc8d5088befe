// svcd-exec: sets up what a plain spawn can't, and becomes the service. Or it looks at a unit's
// conditions (conditions.h) and ends.
//
// The manager starts it in the service's cgroup with a request in a memfd (exec_request.h). It
// looks up users, reads environment files and drops privileges: things that allocate, lock or
// change the address space, which a child in the manager's memory must not do. A step that fails
// ends it with systemd's exit status; the reason goes to the manager through the report pipe, as
// does what was not done as the unit says, and the service starts nevertheless.
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
#include "exec/keeper.h"
#include "exec/user.h"

namespace svcd {
namespace {

/// Where the manager's standard error is kept while the service's own is set up.
int message_fd = STDERR_FILENO;

/// Says why, and ends.
[[noreturn]] void give_up(const std::string& unit, int exit_status, const ExecError& error) {
    ExecReport report;
    report.error = error;
    const std::string bytes = serialise(report);
    if (::write(kReportFd, bytes.data(), bytes.size()) < 0) {
        // The manager that asked is no more: its successor has the exit status, people have this.
        const std::string text = "svcd-exec: " + unit + ": " + describe(error) + " (exit " +
                                 std::to_string(exit_status) + ")\n";
        static_cast<void>(!::write(message_fd, text.data(), text.size()));
    }
    ::_exit(exit_status);
}

[[noreturn]] void give_up(const std::string& unit, const ChildFailure& failed) {
    ExecError error;
    error.step = failed.step;
    error.problem = failed.problem;
    error.error_number = failed.error_number;
    error.object = failed.subject == nullptr ? "" : failed.subject;
    error.detail = failed.detail.data();
    give_up(unit, failed.exit_status, error);
}

ExecError error_of(ExecStep step, const Error& error) {
    ExecError made;
    made.step = step;
    made.error_number = error.error_number;
    made.object = error.subject;
    made.detail = error.detail;
    return made;
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

/// No entry is no error of the kernel's; systemd tells it as ESRCH.
ExecError account_error(ExecStep step, const std::string& name, const Error& why) {
    ExecError error;
    error.step = step;
    error.object = name;
    error.error_number = why.error_number == 0 ? ESRCH : why.error_number;
    error.problem = why.error_number == 0 ? ExecProblem::no_such_account : ExecProblem::none;
    return error;
}

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
            give_up(request.unit, kExitUser,
                    account_error(ExecStep::user, request.exec.user, account.error()));
        }
        identity.account = std::move(*account);
        identity.gid = identity.account.gid;
        identity.changes_user = true;
        identity.changes_group = true;
    }
    if (!request.exec.group.empty()) {
        const Result<gid_t> gid = find_group(request.exec.group);
        if (!gid) {
            give_up(request.unit, kExitGroup,
                    account_error(ExecStep::group, request.exec.group, gid.error()));
        }
        identity.gid = *gid;
        identity.changes_group = true;
    }
    return identity;
}

/// Rather than there and not to be had.
bool is_missing(const ExecError& error) {
    return error.problem == ExecProblem::none &&
           (error.error_number == ENOENT || error.error_number == ENOTDIR);
}

/// What svcd sets, then what the user's account says, then Environment, then the files: the later
/// one counts.
std::vector<std::string> make_environment(const ExecRequest& request,
                                          const Identity& identity,
                                          ExecReport& report) {
    std::vector<std::string> environment = request.environment;
    if (identity.changes_user) {
        for (std::string& each : login_environment(identity.account, request.exec.user)) {
            assign(environment, std::move(each));
        }
        for (const std::string& assignment : request.exec.environment) {
            assign(environment, assignment);
        }
    }
    for (const EnvironmentFile& file : request.exec.environment_files) {
        EnvironmentRead read = read_environment_files(file.path);
        if (read.error.step != ExecStep::none) {
            if (!file.may_be_missing) {
                give_up(request.unit, kExitException, read.error);
            }
            if (!is_missing(read.error)) {
                report.warnings.push_back(describe(read.error) +
                                          "; it is left out, for its path has a '-' before it");
            }
            continue;
        }
        for (std::string& warning : read.lines.warnings) {
            report.warnings.push_back(std::move(warning));
        }
        for (std::string& assignment : read.lines.assignments) {
            assign(environment, std::move(assignment));
        }
    }
    return environment;
}

void set_oom_score(const ExecRequest& request, ExecDeviations& deviations) {
    if (!request.exec.oom_score_adjust) {
        return;
    }
    constexpr const char* kPath = "/proc/self/oom_score_adj";
    const std::string text = std::to_string(*request.exec.oom_score_adjust);
    const int fd = ::open(kPath, O_WRONLY | O_CLOEXEC);
    const bool is_set = fd >= 0 && ::write(fd, text.data(), text.size()) >= 0;
    const int error = is_set ? 0 : errno;
    if (fd >= 0) {
        ::close(fd);
    }
    if (error == EACCES || error == EPERM) {
        deviations.oom_score_errno = static_cast<std::uint8_t>(error);  // as in most containers
    } else if (error != 0) {
        give_up(request.unit, kExitOomAdjust,
                error_of(ExecStep::oom_adjust, Error{error, {}, kPath, {}}));
    }
}

void become(const ExecRequest& request, const Identity& identity) {
    const std::string group =
        request.exec.group.empty() ? std::to_string(identity.gid) : request.exec.group;
    if (identity.changes_group) {
        // The groups of the user, or none; as an ordinary user (user mode) they stay as they are.
        const bool has_groups = identity.changes_user && !identity.account.name.empty();
        int result = 0;
        if (::geteuid() == 0) {
            result = has_groups ? ::initgroups(identity.account.name.c_str(), identity.gid)
                                : ::setgroups(0, nullptr);
        }
        if (result < 0) {
            give_up(request.unit, kExitGroup,
                    error_of(ExecStep::group, Error{errno, {}, group, {}}));
        }
        if (::setresgid(identity.gid, identity.gid, identity.gid) < 0) {
            give_up(request.unit, kExitGroup,
                    error_of(ExecStep::group, Error{errno, {}, group, {}}));
        }
    }
    if (identity.changes_user) {
        const uid_t uid = identity.account.uid;
        if (::setresuid(uid, uid, uid) < 0) {
            const std::string shown =
                identity.account.name.empty() ? std::to_string(uid) : identity.account.name;
            give_up(request.unit, kExitUser, error_of(ExecStep::user, Error{errno, {}, shown, {}}));
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
    ExecReport report;
    const std::vector<std::string> environment = make_environment(request, identity, report);
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
    plan.ignored_signals = ignored_signals_of(request.exec, request.ignored_signals);
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
    ChildFailure failed;
    if (!set_up_stdio(plan, failed, report.log_size)) {
        give_up(request.unit, failed);
    }
    set_oom_score(request, report.deviations);
    if (!set_up_nice(plan, failed, report.deviations) ||
        !set_up_limits(plan, failed, report.deviations)) {
        give_up(request.unit, failed);
    }
    become(request, identity);
    if (enter_directory(plan, failed)) {
        if (!report.is_empty()) {
            const std::string bytes = serialise(report);
            static_cast<void>(!::write(kReportFd, bytes.data(), bytes.size()));
        }
        execute(plan, failed);
    }
    give_up(request.unit, failed);
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
        give_up(unit, kExitException, error_of(ExecStep::request, bytes.error()));
    }
    if (is_check_request(*bytes)) {
        Result<CheckRequest> request = parse_check_request(*bytes);
        if (!request) {
            give_up(unit, kExitException, error_of(ExecStep::request, request.error()));
        }
        return check(std::move(*request));
    }
    Result<ExecRequest> request = parse_exec_request(*bytes);
    if (!request) {
        give_up(unit, kExitException, error_of(ExecStep::request, request.error()));
    }
    if (request->kept_slot) {
        if (const int error = start_kept(
                KeptOptions{*request->kept_slot, request->takes_terminal, request->warn_orphans})) {
            give_up(unit, kExitException,
                    error_of(ExecStep::spawn, Error{error, {}, "its keeper", {}}));
        }
    }
    run(std::move(*request));
}
