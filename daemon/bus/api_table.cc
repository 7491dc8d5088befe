#include "bus/api_table.h"

#include <time.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "bus/arguments.h"

namespace svcd {

namespace {

std::optional<KillRequested::Whom> whom_named(std::string_view name) {
    // The "-fail" words are systemd's for "and fail when there is none", which we always do.
    if (name.empty() || name == "all" || name == "all-fail" || name == "cgroup") {
        return KillRequested::Whom::all;
    }
    if (name == "main" || name == "main-fail") {
        return KillRequested::Whom::main;
    }
    if (name == "control" || name == "control-fail") {
        return KillRequested::Whom::control;
    }
    return std::nullopt;
}

}  // namespace

BusError too_many_requests() {
    return {kErrorLimitsExceeded,
            std::to_string(kRequestsMax) +
                " requests wait for their answer already; try again when some have ended."};
}

BusError too_many_subscribers() {
    return {
        kErrorLimitsExceeded,
        "Too many clients have subscribed already; of callers who may change nothing only a few "
        "are told of every change. Ask again when some have gone, or ask for what you want to "
        "know."};
}

std::string unit_path(std::string_view unit_name) {
    const std::string name(unit_name);
    char* path = nullptr;
    if (sd_bus_path_encode(kUnitFolder, name.c_str(), &path) < 0) {
        return kUnitFolder;
    }
    std::string result(path);
    std::free(path);
    return result;
}

Subject::Subject(Api& api, MissingUnit unit)
    : api_(api), missing_(std::make_unique<const MissingUnit>(std::move(unit))) {
    status_ = UnitStatus{};
    status_->name = missing_->name;
    status_->description = missing_->name;
    status_->type = missing_->type;
    status_->load_state = LoadState::not_found;
    facts_ = UnitFacts{};
}

const UnitStatus& Subject::status() {
    if (!status_) {
        status_ = api_.manager.status(*unit_);
    }
    return *status_;
}

const UnitFacts& Subject::facts() {
    if (!facts_) {
        facts_ = api_.manager.facts(*unit_);
    }
    return *facts_;
}

std::vector<std::string> Subject::related(Relation relation) const {
    return unit_ ? api_.manager.related(*unit_, relation) : std::vector<std::string>{};
}

PropertyValue Subject::setting(std::size_t property) const {
    return api_.manager.setting(unit_, property);
}

Outcome request_job(const Call& call,
                    Api& api,
                    UnitId unit,
                    JobVerb verb,
                    std::string_view mode_name,
                    std::string reason,
                    AnswerShape shape,
                    Requests::ClientId id,
                    bool force) {
    const auto mode = job_mode_named(mode_name);
    if (!mode) {
        return tl::unexpected(mode.error());
    }
    if (*mode == JobMode::isolate && verb != JobVerb::start) {
        return bus_error(kErrorInvalidArgs, "The job mode isolate is for starting a unit only.");
    }
    const auto request = api.requests.hold(call.connection, call.message, shape, std::move(id));
    if (!request) {
        return tl::unexpected(too_many_requests());
    }
    JobRequested event{*request, unit, verb, *mode, requester_of(call.caller, std::move(reason))};
    event.force = force;
    api.manager.submit(std::move(event));
    return Answered::later;
}

namespace {

Outcome request_signal(const Call& call,
                       Api& api,
                       UnitId unit,
                       std::string_view whom_name,
                       std::int32_t signal,
                       std::optional<std::int32_t> value) {
    const std::optional<KillRequested::Whom> whom = whom_named(whom_name);
    if (!whom) {
        return bus_error(kErrorInvalidArgs, "There is nobody called '" + shown_name(whom_name) +
                                                "' to signal; there are all, main, control.");
    }
    if (signal < 1 || signal > SIGRTMAX) {
        return bus_error(kErrorInvalidArgs, std::to_string(signal) +
                                                " is no signal; they go from 1 to " +
                                                std::to_string(SIGRTMAX) + ".");
    }
    if (value && signal < SIGRTMIN) {
        return bus_error(kErrorInvalidArgs, "A value goes with a real-time signal only, " +
                                                std::to_string(SIGRTMIN) + " to " +
                                                std::to_string(SIGRTMAX) + ", and " +
                                                std::to_string(signal) + " is none.");
    }
    const auto request = api.requests.hold(call.connection, call.message, AnswerShape::nothing);
    if (!request) {
        return tl::unexpected(too_many_requests());
    }
    api.manager.submit(
        KillRequested{*request, unit, *whom, signal, requester_of(call.caller, {}), value});
    return Answered::later;
}

}  // namespace

Outcome request_kill(
    const Call& call, Api& api, UnitId unit, std::string_view whom, std::int32_t signal) {
    return request_signal(call, api, unit, whom, signal, std::nullopt);
}

Outcome request_queued_signal(const Call& call,
                              Api& api,
                              UnitId unit,
                              std::string_view whom,
                              std::int32_t signal,
                              std::int32_t value) {
    return request_signal(call, api, unit, whom, signal, value);
}

Outcome request_reexecution(const Call& call, Api& api) {
    const auto request = api.requests.hold(call.connection, call.message, AnswerShape::nothing);
    if (!request) {
        return tl::unexpected(too_many_requests());
    }
    api.manager.reexecute(*request);
    return Answered::later;
}

Outcome request_reset_failed(const Call& call, Api& api, std::optional<UnitId> unit) {
    const auto request = api.requests.hold(call.connection, call.message, AnswerShape::nothing);
    if (!request) {
        return tl::unexpected(too_many_requests());
    }
    api.manager.submit(ResetFailedRequested{*request, unit});
    return Answered::later;
}

Outcome request_cancel(const Call& call, Api& api, JobId job) {
    const auto request = api.requests.hold(call.connection, call.message, AnswerShape::nothing);
    if (!request) {
        return tl::unexpected(too_many_requests());
    }
    api.manager.submit(CancelRequested{*request, job, requester_of(call.caller, {})});
    return Answered::later;
}

Outcome in_pieces(const Call& call, Api& api, Writer& reply, const LongAnswers::Piece& piece) {
    constexpr std::chrono::microseconds kMoment{200};
    std::optional<uid_t> stranger;
    if (!api.authority.trusts(call.caller)) {
        stranger = call.caller.uid.value_or(UINT32_MAX);
    }
    const Stopwatch watch;
    while (api.long_answers.is_idle() && reply.ok() && watch.elapsed() < kMoment) {
        if (piece(reply)) {
            return Answered::now;
        }
    }
    if (!reply.ok()) {
        return Answered::now;  // which says why
    }
    if (!api.long_answers.add(call.connection, call.message, std::move(reply), stranger, piece)) {
        return tl::unexpected(too_many_requests());
    }
    return Answered::later;
}

Outcome answer_text(const Call& call, Api& api, Writer& reply, const TextPieces& append_piece) {
    const auto text = std::make_shared<std::string>();
    return in_pieces(call, api, reply, [=](Writer& writer) {
        const bool is_whole = append_piece(*text);
        if (is_whole) {
            writer.string(*text);
        }
        return is_whole;
    });
}

Outcome answer_processes(const Call& call, Api& api, UnitId unit, Writer& reply) {
    struct Progress {
        std::vector<Pid> pids;
        std::size_t next = 0;
        bool has_begun = false;
    };
    const auto progress = std::make_shared<Progress>();
    return in_pieces(call, api, reply, [progress, unit, &manager = api.manager](Writer& writer) {
        if (!std::exchange(progress->has_begun, true)) {
            writer.open(SD_BUS_TYPE_ARRAY, "(sus)");
            progress->pids = manager.is_known(unit) ? manager.pids(unit) : std::vector<Pid>{};
        } else if (progress->next < progress->pids.size() && manager.is_known(unit)) {
            if (const auto process = manager.process(unit, progress->pids[progress->next++])) {
                writer.open(SD_BUS_TYPE_STRUCT, "sus")
                    .string(process->cgroup)
                    .u32(static_cast<std::uint32_t>(process->pid))
                    .string(process->command)
                    .close();
            }
        } else {
            writer.close();
            return true;
        }
        return false;
    });
}

void append_duration(Writer& value, Duration duration) {
    value.u64(duration == kInfinity ? UINT64_MAX : static_cast<std::uint64_t>(duration.count()));
}

std::uint64_t monotonic_usec(Time time) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(to_usec(time), 0));
}

std::uint64_t realtime_usec(Time time) {
    if (to_usec(time) <= 0) {
        return 0;
    }
    timespec realtime{};
    timespec monotonic{};
    ::clock_gettime(CLOCK_REALTIME, &realtime);
    ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
    const std::int64_t offset = (realtime.tv_sec - monotonic.tv_sec) * 1'000'000 +
                                (realtime.tv_nsec - monotonic.tv_nsec) / 1'000;
    return static_cast<std::uint64_t>(to_usec(time) + offset);
}

std::vector<std::string> complete_types(std::string_view signature) {
    std::vector<std::string> types;
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i < signature.size(); ++i) {
        const char c = signature[i];
        if (c == '(' || c == '{') {
            ++depth;
        } else if (c == ')' || c == '}') {
            --depth;
        }
        if (depth == 0 && c != 'a') {
            types.emplace_back(signature.substr(begin, i + 1 - begin));
            begin = i + 1;
        }
    }
    return types;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> result;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) {
            result.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

}  // namespace svcd
