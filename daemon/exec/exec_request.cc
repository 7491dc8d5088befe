#include "exec/exec_request.h"

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstring>
#include <type_traits>

namespace svcd {
namespace {

constexpr std::uint64_t kMagic = 0x32'4345'5845'4456'53;        // "SVDEXEC2"
constexpr std::uint64_t kCheckMagic = 0x31'4B43'4843'4456'53;   // "SVDCHCK1"
constexpr std::uint64_t kReportMagic = 0x31'5452'5052'4456'53;  // "SVDRPRT1"
/// Entries of a list at most: more than ARG_MAX has room for.
constexpr std::uint64_t kEntriesMax = 1024 * 1024;

/// The fields in their order, for writing and reading alike: transfer() below names each once.
class Writer {
public:
    template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void field(const T& value) {
        char raw[sizeof(T)];
        std::memcpy(raw, &value, sizeof(T));
        bytes_.append(raw, sizeof(T));
    }
    void field(const std::string& value) {
        field(std::uint64_t{value.size()});
        bytes_ += value;
    }
    template <typename T, typename Each>
    void list(const std::vector<T>& values, Each each) {
        field(std::uint64_t{values.size()});
        for (const T& value : values) {
            each(*this, value);
        }
    }
    template <typename T, typename Each>
    void optional(const std::optional<T>& value, Each each) {
        field(value.has_value());
        if (value) {
            each(*this, *value);
        }
    }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void field(T& value) {
        if (bytes_.size() < sizeof(T)) {
            ok_ = false;
            return;
        }
        if constexpr (std::same_as<T, bool>) {
            value = bytes_[0] != 0;
        } else {
            std::memcpy(&value, bytes_.data(), sizeof(T));
        }
        bytes_.remove_prefix(sizeof(T));
    }
    void field(std::string& value) {
        std::uint64_t size = 0;
        field(size);
        if (!ok_ || size > bytes_.size()) {
            ok_ = false;
            return;
        }
        value = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
    }
    template <typename T, typename Each>
    void list(std::vector<T>& values, Each each) {
        std::uint64_t count = 0;
        field(count);
        ok_ = ok_ && count <= kEntriesMax;
        for (std::uint64_t index = 0; ok_ && index < count; ++index) {
            each(*this, values.emplace_back());
        }
    }
    template <typename T, typename Each>
    void optional(std::optional<T>& value, Each each) {
        bool present = false;
        field(present);
        if (ok_ && present) {
            each(*this, value.emplace());
        }
    }
    bool is_good() const { return ok_; }
    bool is_whole() const { return ok_ && bytes_.empty(); }

private:
    std::string_view bytes_;
    bool ok_ = true;
};

constexpr auto kEach = [](auto& side, auto& value) { side.field(value); };
constexpr auto kEachOutput = [](auto& side, auto& output) {
    side.field(output.kind);
    side.field(output.path);
};

template <typename Side, typename Exec>
void transfer_exec(Side& side, Exec& exec) {
    side.field(exec.working_directory);
    side.field(exec.working_directory_may_be_missing);
    side.field(exec.user);
    side.field(exec.group);
    side.list(exec.environment, kEach);
    side.list(exec.environment_files, [](auto& inner, auto& file) {
        inner.field(file.path);
        inner.field(file.may_be_missing);
    });
    side.field(exec.umask);
    side.field(exec.ignore_sigpipe);
    side.list(exec.limits, [](auto& inner, auto& limit) {
        inner.field(limit.resource);
        inner.field(limit.soft);
        inner.field(limit.hard);
    });
    side.field(exec.standard_input);
    side.field(exec.standard_input_path);
    kEachOutput(side, exec.standard_output);
    side.optional(exec.standard_error, kEachOutput);
    side.optional(exec.nice, kEach);
    side.optional(exec.oom_score_adjust, kEach);
}

template <typename Side, typename Request>
void transfer(Side& side, Request& request) {
    side.field(request.unit);
    side.field(request.command.no_expansion);
    side.field(request.command.full_privileges);
    side.field(request.command.path);
    side.list(request.command.argv, kEach);
    side.list(request.environment, kEach);
    side.field(request.log_file);
    side.field(request.default_directory);
    side.field(request.ignored_signals);
    side.optional(request.kept_slot, kEach);
    side.field(request.takes_terminal);
    side.field(request.warn_orphans);
    transfer_exec(side, request.exec);
}

template <typename Side, typename Request>
void transfer_check(Side& side, Request& request) {
    side.field(request.unit);
    side.list(request.conditions, [](auto& inner, auto& condition) {
        inner.field(condition.kind);
        inner.field(condition.is_assert);
        inner.field(condition.trigger);
        inner.field(condition.negate);
        inner.field(condition.parameter);
    });
    side.list(request.environment, kEach);
    side.field(request.cgroup_folder);
}

template <typename Side, typename Report>
void transfer_report(Side& side, Report& report) {
    side.field(report.error.step);
    side.field(report.error.problem);
    side.field(report.error.error_number);
    side.field(report.error.object);
    side.field(report.error.detail);
    side.field(report.deviations.oom_score_errno);
    side.field(report.deviations.nice_differs);
    side.field(report.deviations.nice);
    side.field(report.deviations.limits);
    side.list(report.warnings, kEach);
    side.field(report.log_size);
}

Failure refused() {
    return failure(0, "read the request", {},
                   "it is of another version of svcd: svctl daemon-reexec, then start again");
}

bool is_valid(OutputKind kind) {
    return kind <= OutputKind::truncate;
}

}  // namespace

std::string serialise(const ExecRequest& request) {
    Writer writer;
    writer.field(kMagic);
    transfer(writer, request);
    return writer.take();
}

std::string serialise(const CheckRequest& request) {
    Writer writer;
    writer.field(kCheckMagic);
    transfer_check(writer, request);
    return writer.take();
}

bool is_check_request(std::string_view bytes) {
    Reader reader{bytes};
    std::uint64_t magic = 0;
    reader.field(magic);
    return magic == kCheckMagic;
}

Result<CheckRequest> parse_check_request(std::string_view bytes) {
    Reader reader{bytes};
    std::uint64_t magic = 0;
    reader.field(magic);
    if (magic != kCheckMagic) {
        return refused();
    }
    CheckRequest request;
    transfer_check(reader, request);
    const bool are_known = std::all_of(
        request.conditions.begin(), request.conditions.end(),
        [](const Condition& condition) { return condition.kind <= ConditionKind::mounts_for; });
    if (!reader.is_whole() || !are_known) {
        return failure(EBADMSG, "read the request");
    }
    return request;
}

Result<ExecRequest> parse_exec_request(std::string_view bytes) {
    Reader reader{bytes};
    std::uint64_t magic = 0;
    reader.field(magic);
    if (magic != kMagic) {
        return refused();
    }
    ExecRequest request;
    transfer(reader, request);
    const ExecSettings& exec = request.exec;
    if (!reader.is_whole() || !is_valid(exec.standard_output.kind) ||
        exec.standard_input > InputKind::file ||
        (exec.standard_error && !is_valid(exec.standard_error->kind))) {
        return failure(EBADMSG, "read the request");
    }
    return request;
}

std::string serialise(const ExecReport& report) {
    constexpr std::size_t kPartMax = kExecReportMax / 8;
    constexpr std::size_t kWarningsRoom = kExecReportMax / 2;
    ExecReport cut = report;
    cut.error.object.resize(std::min(cut.error.object.size(), kPartMax));
    cut.error.detail.resize(std::min(cut.error.detail.size(), kPartMax));
    std::size_t room = kWarningsRoom;
    for (std::string& warning : cut.warnings) {
        warning.resize(std::min(warning.size(), kPartMax));
        const std::size_t size = warning.size() + sizeof(std::uint64_t);
        if (size > room) {
            cut.warnings.resize(static_cast<std::size_t>(&warning - cut.warnings.data()));
            break;
        }
        room -= size;
    }
    Writer writer;
    writer.field(kReportMagic);
    transfer_report(writer, cut);
    return writer.take();
}

ExecReport parse_reports(std::string_view bytes) {
    ExecReport all;
    Reader reader{bytes};
    while (!reader.is_whole()) {
        std::uint64_t magic = 0;
        ExecReport report;
        reader.field(magic);
        transfer_report(reader, report);
        const ExecError& error = report.error;
        if (!reader.is_good() || magic != kReportMagic || error.step > kLastExecStep ||
            error.problem > kLastExecProblem) {
            break;
        }
        if (error.step != ExecStep::none) {
            all.error = std::move(report.error);
        }
        if (!report.deviations.is_empty()) {
            all.deviations = report.deviations;
        }
        all.log_size = std::max(all.log_size, report.log_size);
        for (std::string& warning : report.warnings) {
            all.warnings.push_back(std::move(warning));
        }
    }
    return all;
}

}  // namespace svcd
