#include "linux/spawn.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <deque>

#include "exec/argument_expansion.h"
#include "exec/exec_request.h"
#include "linux/spawn_child.h"
#include "linux/spawn_memory.h"

namespace svcd {
namespace {

/// Slots that keep their stacks when nothing is in flight; a burst that used more gives them back.
constexpr std::size_t kSlotsKept = 4;

/// A spawn in flight: all that its child uses.
struct Slot {
    ChildContext context;
    Stack stack;
    StringBlock strings;
    std::vector<ResourceLimit> limits;
    Token token = Token::none;
    CommandRole role = CommandRole::start;
    std::string report;  ///< what svcd-exec told
    UniqueFd report_fd;
    std::atomic<std::int32_t> pid{0};
};

/// What a clone needs to be told, besides what its slot was prepared with.
struct Start {
    Token token;
    const std::string& unit;
    int cgroup_fd;
    std::atomic<std::int32_t>* pid;
    bool is_helper;
    bool report_exec;
    CommandRole role = CommandRole::start;
    bool takes_terminal = false;
    const KeptSpawn* kept = nullptr;
};

class SignalsBlocked {
public:
    SignalsBlocked() {
        // The kernel's call, not sigprocmask(3), which leaves libc's own two signals out.
        const std::uint64_t all = ~std::uint64_t{0};
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof(before_));
    }
    ~SignalsBlocked() {
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof(before_));
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    std::uint64_t before_ = 0;
};

std::uint64_t ignored_signals() {
    std::uint64_t ignored = 0;
    for (int signal = 1; signal < NSIG; ++signal) {
        struct sigaction action {};
        if (signal != SIGPIPE && ::sigaction(signal, nullptr, &action) == 0 &&
            (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN) {
            ignored |= std::uint64_t{1} << (signal - 1);
        }
    }
    return ignored;
}

Failure explain_clone(int error_number, const std::string& unit) {
    std::string why;
    if (error_number == ENOSYS || error_number == EINVAL || error_number == E2BIG) {
        why =
            "svcd needs Linux 5.11 or later, and clone3 allowed by the container's seccomp filter";
    } else if (error_number == EBUSY) {
        why = "its cgroup has controllers enabled for its children, so no process may be in it";
    } else if (error_number == ENODEV || error_number == ENOENT) {
        why = "its cgroup was removed by somebody else";
    } else if (error_number == EAGAIN) {
        why = "a limit on the number of processes is reached";
    }
    return failure(error_number, unit + ": clone3", {}, std::move(why));
}

}  // namespace

struct Spawner::Impl {
    std::string exec_helper;
    std::uint64_t ignored = ignored_signals();
    bool lacks_clone3 = !has_clone3();
    std::array<std::unique_ptr<Slot>, kSpawnsInFlight> slots;
    std::size_t in_flight = 0;
    std::size_t used = 0;  ///< slots below this have been made
    std::vector<Token> started;
    struct Told {
        Token token;
        ExecReport report;
    };
    std::deque<Told> told;

    Result<Slot*> take_slot(const std::string& unit);
    Slot* free_slot();
    bool has_left(Slot& slot);
    void finish(Slot& slot);
    void sweep();
    void prepare_plain(Slot& slot, const SpawnRequest& request);
    Result<void> prepare_helper(Slot& slot,
                                const std::string& unit,
                                const std::string& bytes,
                                const KeptSpawn* kept,
                                UniqueFd& request_fd);
    Result<SpawnOutcome> start(Slot& slot, const Start& start);
    Result<SpawnOutcome> start_helper(Slot& slot, const Start& start, const std::string& request);
};

Slot* Spawner::Impl::free_slot() {
    for (std::size_t index = 0; index < slots.size(); ++index) {
        if (slots[index] == nullptr) {
            slots[index] = std::make_unique<Slot>();
            used = index + 1;
        }
        if (slots[index]->token == Token::none) {
            return slots[index].get();
        }
    }
    return nullptr;
}

/// The child is gone from our memory, and svcd-exec (if it is one) has closed its report, or said
/// in it that it ends.
bool Spawner::Impl::has_left(Slot& slot) {
    if (slot.context.running.load(std::memory_order_acquire) != 0) {
        return false;
    }
    while (slot.report_fd) {
        std::array<char, kExecReportMax> buffer;
        const ssize_t size = ::read(slot.report_fd.get(), buffer.data(), buffer.size());
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return parse_reports(slot.report).error.step != ExecStep::none;
        }
        if (size <= 0) {
            slot.report_fd.reset();
        } else if (slot.report.size() < 2 * kExecReportMax) {
            slot.report.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }
    return true;
}

void Spawner::Impl::finish(Slot& slot) {
    ExecReport report;
    const ChildContext& context = slot.context;
    if (context.failure.exit_status != 0) {
        report.error.step = context.failure.step;
        report.error.problem = context.failure.problem;
        report.error.error_number = context.failure.error_number;
        report.error.object = context.failure.subject == nullptr ? "" : context.failure.subject;
        report.error.detail = context.failure.detail.data();
        report.deviations = context.deviations;
        report.log_size = context.log_size;
    } else if (!slot.report.empty()) {
        report = parse_reports(slot.report);
    } else {
        report.deviations = context.deviations;
        report.log_size = context.log_size;
    }
    if (!report.is_empty()) {
        report.error.role = slot.role;
        if (told.size() == kSpawnsInFlight) {
            told.pop_front();
        }
        told.push_back(Told{slot.token, std::move(report)});
    }
    started.push_back(std::exchange(slot.token, Token::none));
    slot.strings.trim();
    slot.report.clear();
    slot.report_fd.reset();
    --in_flight;
}

void Spawner::Impl::sweep() {
    for (std::size_t index = 0; index < used && in_flight != 0; ++index) {
        Slot& slot = *slots[index];
        if (slot.token != Token::none && has_left(slot)) {
            finish(slot);
        }
    }
    if (in_flight == 0 && used > kSlotsKept) {
        for (std::size_t index = kSlotsKept; index < used; ++index) {
            slots[index].reset();
        }
        used = kSlotsKept;
    }
}

/// Everything the child will need, as it will need it.
void Spawner::Impl::prepare_plain(Slot& slot, const SpawnRequest& request) {
    const Command& command = *request.command;
    const ExecSettings& exec = *request.exec;
    StringBlock& strings = slot.strings;
    strings.clear();

    std::vector<std::string> expanded;
    const bool expands = !command.no_expansion && has_variables(command.argv);
    if (expands) {
        expanded = expand_arguments(command.argv, request.environment);
    }
    const std::vector<std::string>& arguments = expands ? expanded : command.argv;
    const std::size_t argument_list = arguments.empty() ? strings.add_list(std::array{command.path})
                                                        : strings.add_list(arguments);
    const std::size_t environment_list = strings.add_list(request.environment);
    std::size_t executable_list = 0;
    if (command.path.find('/') != std::string::npos) {
        executable_list = strings.add_list(std::array{std::string_view{command.path}});
    } else {
        std::array<std::string, kSearchPath.size()> candidates;
        for (std::size_t index = 0; index < candidates.size(); ++index) {
            candidates[index] = std::string{kSearchPath[index]} + command.path;
        }
        executable_list = strings.add_list(candidates);
    }
    const auto path_of = [&](const Output& output) {
        return strings.add(output.kind == OutputKind::log ? request.log_file : output.path);
    };
    const std::size_t input_path = strings.add(exec.standard_input_path);
    const std::size_t output_path = path_of(exec.standard_output);
    const bool shares = error_is_output(exec);
    const std::size_t error_path = shares ? output_path : path_of(*exec.standard_error);
    const std::size_t fallback = strings.add(request.default_directory);
    const std::size_t directory =
        exec.working_directory.empty() ? fallback : strings.add(exec.working_directory);
    strings.finish();

    ChildPlan& plan = slot.context.plan;
    plan = ChildPlan{};
    plan.input = exec.standard_input;
    plan.input_path = strings.text(input_path);
    plan.output = exec.standard_output.kind;
    plan.output_path = strings.text(output_path);
    plan.error_is_output = shares;
    plan.error = shares ? plan.output : exec.standard_error->kind;
    plan.error_path = strings.text(error_path);
    slot.limits = exec.limits;  // the unit may be reloaded while its process is in flight
    plan.limits = slot.limits.data();
    plan.limit_count = slot.limits.size();
    plan.has_nice = exec.nice.has_value();
    plan.nice = exec.nice.value_or(0);
    plan.umask = exec.umask;
    plan.ignored_signals = ignored_signals_of(exec, request.ignored_signals);
    plan.directory = strings.text(directory);
    plan.fallback_directory =
        exec.working_directory_may_be_missing ? strings.text(fallback) : nullptr;
    plan.executables = strings.list(executable_list);
    plan.arguments = strings.list(argument_list);
    plan.environment = strings.list(environment_list);
}

/// `bytes`: the request of svcd-exec.
Result<void> Spawner::Impl::prepare_helper(Slot& slot,
                                           const std::string& unit,
                                           const std::string& bytes,
                                           const KeptSpawn* kept,
                                           UniqueFd& request_fd) {
    if (bytes.size() > kExecRequestMax) {
        return failure(E2BIG, unit + ": spawn", {}, "what svcd-exec has to be told of it");
    }
    request_fd.reset(::memfd_create("svcd-exec-request", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!request_fd) {
        return failure(errno, unit + ": memfd_create");
    }
    if (::write(request_fd.get(), bytes.data(), bytes.size()) !=
            static_cast<ssize_t>(bytes.size()) ||
        ::fcntl(request_fd.get(), F_ADD_SEALS,
                F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
        return failure(errno, unit + ": write the request of svcd-exec");
    }
    StringBlock& strings = slot.strings;
    strings.clear();
    const std::size_t executable_list = strings.add_list(std::array{std::string_view{exec_helper}});
    std::vector<std::string> arguments{"svcd-exec", unit};
    if (kept != nullptr) {
        arguments.push_back(kept->slice);
    }
    const std::size_t argument_list = strings.add_list(arguments);
    const std::size_t environment_list = strings.add_list(std::array<std::string_view, 0>{});
    strings.finish();
    slot.context.plan = ChildPlan{};
    slot.context.plan.ignored_signals = ignored_signals_of({}, 0);  // it reports through a pipe
    slot.context.plan.stays_deaf = kept != nullptr;
    slot.context.plan.executables = strings.list(executable_list);
    slot.context.plan.arguments = strings.list(argument_list);
    slot.context.plan.environment = strings.list(environment_list);
    slot.context.request_fd = request_fd.get();
    return {};
}

Result<SpawnOutcome> Spawner::Impl::start_helper(Slot& slot,
                                                 const Start& start_as,
                                                 const std::string& request) {
    UniqueFd request_fd;
    auto prepared = prepare_helper(slot, start_as.unit, request, start_as.kept, request_fd);
    if (!prepared) {
        return Failure{prepared.error()};
    }
    return start(slot, start_as);
}

/// The clone, once the slot is prepared. Descriptors that only the child needs are closed on
/// return: it has a copy of the table where there are any.
Result<SpawnOutcome> Spawner::Impl::start(Slot& slot, const Start& start_as) {
    UniqueFd read_end;
    UniqueFd write_end;
    if (start_as.is_helper || start_as.report_exec) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
            return failure(errno, start_as.unit + ": pipe2");
        }
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
    }
    SpawnOutcome outcome;
    if (start_as.is_helper && start_as.report_exec) {
        outcome.exec_report.reset(::fcntl(read_end.get(), F_DUPFD_CLOEXEC, 3));
        if (!outcome.exec_report) {
            return failure(errno, start_as.unit + ": fcntl F_DUPFD_CLOEXEC");
        }
    }
    ChildContext& context = slot.context;
    context.failure = ChildFailure{};
    context.deviations = ExecDeviations{};
    context.log_size = -1;
    context.ignored_signals = ignored;
    context.takes_terminal = start_as.takes_terminal;
    context.lacks_clone3 = lacks_clone3 && start_as.cgroup_fd < 0;
    context.is_helper = start_as.is_helper;
    context.table_fd = start_as.kept == nullptr ? -1 : start_as.kept->table_fd;
    context.poke_fd = start_as.kept == nullptr ? -1 : start_as.kept->poke_fd;
    context.report_fd = write_end.get();
    context.shares_files = !start_as.is_helper && !start_as.report_exec;
    context.running.store(1, std::memory_order_relaxed);
    std::atomic<std::int32_t>* pid_cell = start_as.pid == nullptr ? &slot.pid : start_as.pid;
    long pid = 0;
    {
        const SignalsBlocked blocked;
        pid = clone_child(context, start_as.cgroup_fd, slot.stack.low(), Stack::kSize,
                          reinterpret_cast<std::int32_t*>(pid_cell));
    }
    if (pid < 0) {
        context.running.store(0, std::memory_order_relaxed);
        return explain_clone(static_cast<int>(-pid), start_as.unit);
    }
    slot.token = start_as.token;
    slot.role = start_as.role;
    ++in_flight;
    outcome.pid = static_cast<Pid>(pid);
    if (start_as.is_helper) {
        slot.report_fd = std::move(read_end);
    } else {
        outcome.exec_report = std::move(read_end);
    }
    return outcome;
}

/// A free slot, with a stack.
Result<Slot*> Spawner::Impl::take_slot(const std::string& unit) {
    Slot* slot = free_slot();
    if (slot == nullptr) {
        sweep();
        slot = free_slot();
    }
    if (slot == nullptr) {
        return failure(EAGAIN, unit + ": spawn", {},
                       std::to_string(in_flight) +
                           " processes have not reached their execve: is a file system hanging?");
    }
    if (!slot->stack.allocate()) {
        return failure(ENOMEM, unit + ": mmap", "a stack");
    }
    return slot;
}

Spawner::Spawner(std::string exec_helper) : impl_(std::make_unique<Impl>()) {
    impl_->exec_helper = std::move(exec_helper);
}

Spawner::~Spawner() {
    // A child that still runs in our memory keeps its slot: better a leak at the manager's end than
    // a stack that vanishes below a process.
    for (std::unique_ptr<Slot>& slot : impl_->slots) {
        if (slot != nullptr && slot->context.running.load(std::memory_order_acquire) != 0) {
            static_cast<void>(slot.release());
        }
    }
}

Result<SpawnOutcome> Spawner::spawn(const SpawnRequest& request) {
    Result<Slot*> slot = impl_->take_slot(request.unit);
    if (!slot) {
        return Failure{slot.error()};
    }
    const bool is_helper = request.kept || needs_exec_helper(*request.command, *request.exec);
    const Start start{request.token,
                      request.unit,
                      request.cgroup_fd,
                      request.pid,
                      is_helper,
                      request.report_exec,
                      request.command->role,
                      request.takes_terminal,
                      request.kept ? &*request.kept : nullptr};
    if (is_helper) {
        return impl_->start_helper(
            **slot, start,
            serialise(
                ExecRequest{request.unit, *request.command, *request.exec, request.environment,
                            request.log_file, request.default_directory, request.ignored_signals,
                            request.kept ? std::optional{request.kept->slot} : std::nullopt,
                            request.takes_terminal, request.kept && request.kept->warn_orphans}));
    }
    impl_->prepare_plain(**slot, request);
    return impl_->start(**slot, start);
}

Result<SpawnOutcome> Spawner::spawn(const CheckSpawn& request) {
    Result<Slot*> slot = impl_->take_slot(request.unit);
    if (!slot) {
        return Failure{slot.error()};
    }
    return impl_->start_helper(
        **slot, Start{request.token, request.unit, request.cgroup_fd, request.pid, true, false},
        serialise(CheckRequest{request.unit, *request.conditions, request.environment,
                               request.cgroup_folder}));
}

std::vector<Token> Spawner::take_started() {
    if (impl_->in_flight != 0) {
        impl_->sweep();
    }
    return std::exchange(impl_->started, {});
}

std::size_t Spawner::in_flight() const {
    return impl_->in_flight;
}

ExecReport Spawner::report_of(Token process) {
    auto& told = impl_->told;
    const auto found = std::find_if(
        told.begin(), told.end(), [process](const auto& entry) { return entry.token == process; });
    if (found == told.end()) {
        return {};
    }
    ExecReport report = std::move(found->report);
    told.erase(found);
    return report;
}

bool may_spawn_into_cgroups() {
    return has_clone3();
}

bool needs_exec_helper(const Command& command, const ExecSettings& exec) {
    const bool drops_privileges =
        !command.full_privileges && (!exec.user.empty() || !exec.group.empty());
    return drops_privileges || !exec.environment_files.empty() ||
           exec.oom_score_adjust.has_value() || exec.working_directory == "~";
}

}  // namespace svcd
