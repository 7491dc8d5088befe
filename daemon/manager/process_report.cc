#include "manager/process_report.h"

#include "unitfile/signal_names.h"

namespace svcd {
namespace {

constexpr int kSignals = 64;

/// The fields of a process are at most so long in the log and in a record.
std::string_view shortened(std::string_view text) {
    return text.substr(0, kCommandLineMax);
}

std::vector<std::string> names_of(std::uint64_t signals) {
    std::vector<std::string> names;
    for (int signal = 1; signal <= kSignals; ++signal) {
        if ((signals >> (signal - 1) & 1U) != 0) {
            names.push_back(signal_name(signal));
        }
    }
    return names;
}

std::string_view words_for(char state) {
    switch (state) {
        case 'D':
            return "in uninterruptible sleep";
        case 'T':
            return "stopped";
        case 't':
            return "stopped by its tracer";
        case 'Z':
            return "a zombie that its tracer or parent does not collect";
        case 'R':
            return "running";
        default:
            return "asleep";
    }
}

}  // namespace

void append_process(JsonWriter& json, const ProcessExamination& process) {
    json.open_object()
        .field("pid", process.pid)
        .field("parent", process.parent)
        .field("session", process.session)
        .field("name", process.name)
        .field("command", shortened(process.command))
        .field("executable", shortened(process.executable))
        .field("state", std::string_view{&process.state, 1})
        .field("threads", process.threads)
        .field("started_usec", process.started_usec)
        .field("tracer", process.tracer)
        .field("is_namespace_init", process.is_namespace_init)
        .field("core_dumping", process.core_dumping)
        .field("freezer", process.freezer)
        .field("wait_channel", process.wait_channel)
        .field("syscall", process.system_call)
        .field("stack", process.stack)
        .field("sockets", process.sockets)
        .field("caught", names_of(process.caught))
        .field("ignored", names_of(process.ignored))
        .field("blocked", names_of(process.blocked))
        .field("pending", names_of(process.pending))
        .close_object();
}

std::optional<ProcessExamination> ProcessTexts::add(Pid pid, const Examine& examine) {
    if (is_full_ || shown_ >= limit_) {
        ++more_;
        return std::nullopt;
    }
    std::optional<ProcessExamination> process = examine(pid);
    if (!process) {
        return std::nullopt;
    }
    const std::size_t before = all_.size();
    JsonWriter list{all_};
    append_process(list, *process);
    if (all_.size() > kProcessesTextMax) {
        all_.resize(before);
        is_full_ = true;
        ++more_;
        return std::nullopt;
    }
    ++shown_;
    return process;
}

void ProcessTexts::append_to(JsonWriter& json) const {
    json.key("processes").raw("[" + all_ + "]").field("more", more_);
}

std::vector<ProcessExamination> append_processes(JsonWriter& json,
                                                 const std::vector<Pid>& pids,
                                                 const Examine& examine,
                                                 std::size_t limit) {
    std::vector<ProcessExamination> shown;
    ProcessTexts texts{limit};
    for (const Pid pid : pids) {
        if (auto process = texts.add(pid, examine)) {
            shown.push_back(*std::move(process));
        }
    }
    texts.append_to(json);
    return shown;
}

std::string describe_hang(const ProcessExamination& process) {
    std::string text = "PID " + std::to_string(process.pid) + " (" + process.name + ") ";
    if (!process.freezer.empty()) {
        return text + "held by the freezer of cgroup v1 (" + process.freezer + ")";
    }
    if (process.wait_channel == "__refrigerator") {
        return text + "held by the freezer of cgroup v1 (/proc/" + std::to_string(process.pid) +
               "/cgroup names its cgroup)";
    }
    text += words_for(process.state);
    if (!process.wait_channel.empty()) {
        text += " in " + process.wait_channel;
    }
    if (process.core_dumping) {
        text += ", its core is being written";
    }
    return text;
}

}  // namespace svcd
