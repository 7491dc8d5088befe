#include "job_wait.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "guard.h"
#include "messages.h"
#include "phase_text.h"
#include "watch.h"

namespace svcd {
namespace {

/// A terminal is told what is waited for once it takes so long, and again so often.
constexpr Usec kProgressAfter = 500'000;
constexpr Usec kProgressEvery = 250'000;

}  // namespace

std::string random_request_id() {
    std::array<unsigned char, 16> bytes{};
    // It can't fail for so few bytes once the machine has booted; before, the clock will do.
    if (::getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) !=
        static_cast<ssize_t>(bytes.size())) {
        const Usec now = monotonic_now();
        std::copy_n(reinterpret_cast<const unsigned char*>(&now), sizeof now, bytes.begin());
    }
    std::string text;
    for (const unsigned char byte : bytes) {
        std::array<char, 4> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(byte));
        text += digits.data();
    }
    return text;
}

JobWait::JobWait(Session& session)
    : session_(session), deadline_(deadline_of(session.options())), begun_(monotonic_now()) {
    if (!session.options().no_block) {
        listen();
    }
}

/// Again as long as the connection breaks over it.
void JobWait::listen() {
    asked(
        session_, [this] { subscribe(); }, [this] { signals_.reset(); });
}

void JobWait::subscribe() {
    signals_ = std::make_unique<Signals>(session_.connection());
    signals_->on_job_removed(
        [this](const std::string& path, const std::string&, const std::string& result) {
            ledger_.removed(path, result, monotonic_now());
        });
    signals_->subscribe();
}

RequestedJobs JobWait::request(const std::string& verb,
                               const std::vector<std::string>& units,
                               const std::string& mode) {
    std::map<std::string, sdbus::Variant> options;
    const std::string request_id = random_request_id();
    options["request_id"] = sdbus::Variant{request_id};
    if (!session_.options().reason.empty()) {
        options["reason"] = sdbus::Variant{session_.options().reason};
    }
    if (session_.options().force) {
        options["force"] = sdbus::Variant{true};
    }
    const Usec asked_at = monotonic_now();
    const auto [jobs, left_out] = asked(
        session_,
        [&] { return session_.daemon().manager().RequestJobs(verb, units, mode, options); },
        [this] { signals_.reset(); });
    RequestedJobs requested;
    for (const auto& job : jobs) {
        const std::string& unit = job.get<0>();
        const std::string& outcome = job.get<2>();
        if (outcome == "job" || outcome == "isolated") {
            ledger_.expect(unit, outcome == "isolated" ? "stop" : session_.options().verb_name,
                           job.get<1>(), request_id + "/" + unit, asked_at);
            ledger_.jobs().back().in_passing = outcome == "isolated";
        }
        if (outcome != "isolated") {
            requested.rows.push_back({unit, outcome, job.get<3>(), job.get<4>()});
        }
    }
    for (const auto& each : left_out) {
        requested.left_out.push_back({each.get<0>(), each.get<1>(), each.get<2>()});
    }
    // It took another connection: ends of this job and of those before may have been told already.
    if (signals_ == nullptr && !session_.options().no_block) {
        listen_again();
    }
    return requested;
}

void JobWait::expect_stops_along() {
    constexpr std::size_t kJobsLookedAt = 512;
    const auto own_pid = static_cast<std::uint64_t>(::getpid());
    const auto is_expected = [&](const JobRow& job) {
        return std::ranges::any_of(
            ledger_.jobs(), [&](const WatchedJob& known) { return known.number() == job.id; });
    };
    std::vector<JobRow> jobs = asked(
        session_, [&] { return session_.daemon().jobs(); }, [this] { signals_.reset(); });
    std::erase_if(jobs, [&](const JobRow& job) { return job.type != "stop" || is_expected(job); });
    jobs.resize(std::min(jobs.size(), kJobsLookedAt));
    for (const JobRow& job : jobs) {
        try {
            if (number_of(session_.daemon().job_properties(job.id), "RequesterPID") == own_pid) {
                ledger_.expect(job.unit, "stop", "/org/svcd1/job/" + std::to_string(job.id), "",
                               begun_);
                ledger_.jobs().back().in_passing = true;
            }
        } catch (const sdbus::Error&) {
            continue;  // it has ended
        }
    }
    if (signals_ == nullptr) {
        listen_again();
    }
}

Signals::End JobWait::wait() {
    if (session_.options().no_block) {
        return Signals::End::satisfied;
    }
    const Signals::End end = wait_for_jobs();
    signals_.reset();  // what is asked now may have to be asked on another connection
    return end;
}

Signals::End JobWait::wait_until_inactive(const std::vector<std::string>& units) {
    if (session_.options().no_block) {
        return Signals::End::satisfied;
    }
    return StateWait{session_, units, "inactive"}.wait(deadline_);
}

Signals::End JobWait::wait_for_jobs() {
    const bool show = session_.err().terminal && !session_.options().quiet;
    while (true) {
        const Signals::End end = signals_->wait([this] { return ledger_.all_ended(); }, deadline_,
                                                show ? begun_ + kProgressAfter : kUsecInfinity,
                                                [this] { return show_progress(); });
        clear_progress();
        if (end != Signals::End::connection_lost) {
            return end;
        }
        signals_.reset();
        session_.reconnect();
        listen_again();
    }
}

/// After a reconnection: what ended meanwhile is not told again, neither of the jobs that are
/// waited for nor, while more are being asked for, of those before.
void JobWait::listen_again() {
    asked(
        session_,
        [this] {
            subscribe();
            settle_after_reconnection();
        },
        [this] { signals_.reset(); });
}

void JobWait::settle_after_reconnection() {
    std::set<std::uint32_t> alive;
    for (const JobRow& job : session_.daemon().jobs()) {
        alive.insert(job.id);
    }
    for (WatchedJob& job : ledger_.jobs()) {
        if (job.result.empty() && !alive.contains(job.number())) {
            job.result = result_of(job);
            job.ended = monotonic_now();
        }
    }
}

/// Of a job that is no more. A daemon whose memory was lost can't tell: then the unit has to.
std::string JobWait::result_of(const WatchedJob& job) {
    if (!job.request_id.empty()) {
        const std::string result = session_.daemon().request_result(job.request_id);
        if (!result.empty()) {
            return result;
        }
    }
    const std::string state = session_.daemon().active_state(job.unit);
    const bool is_down = state == "inactive" || state == "failed";
    return (job.verb == "stop") == is_down ? "done" : "failed";
}

/// The unit's own way, or that of a unit whose job goes first.
std::string JobWait::what_is_waited_for(const WatchedJob& job, Usec now) {
    Daemon& daemon = session_.daemon();
    const auto phase_of = [&](const std::string& unit) {
        const Json properties = daemon.unit_properties(unit);
        std::string text = phase_text(properties, daemon.processes(unit), now);
        const std::string said = text_of(properties, "StatusText");
        return text + (said.empty() ? "" : "; it says \"" + harmless(said) + "\"");
    };
    std::string running;
    for (const JobRow& other : daemon.jobs()) {
        if (other.id == job.number() && other.state == "running") {
            return phase_of(job.unit);
        }
        if (other.state == "running" && running.empty()) {
            running = other.unit;
        }
    }
    return running.empty() ? phase_of(job.unit) : "waits for " + running + ": " + phase_of(running);
}

Usec JobWait::show_progress() {
    const Usec now = monotonic_now();
    const WatchedJob* job = ledger_.first_pending();
    if (job == nullptr) {
        return now + kProgressEvery;
    }
    std::string line = "  " + job->unit + ": ";
    try {
        line += what_is_waited_for(*job, now);
    } catch (const sdbus::Error&) {
        line += "no answer from svcd";  // the wait itself finds out whether the connection is gone
    }
    line += " (" + rough_timespan((now - begun_) / 100'000 * 100'000) + ", job " +
            std::to_string(job->number());
    if (ledger_.pending() > 1) {
        line += ", and " + std::to_string(ledger_.pending() - 1) + " more";
    }
    line += ")";
    const std::size_t width = session_.err().width;
    session_.remark("\r\x1b[K" + cut(line, width > 1 ? width - 1 : 0));
    progress_shown_ = true;
    return now + kProgressEvery;
}

void JobWait::clear_progress() {
    if (std::exchange(progress_shown_, false)) {
        session_.remark("\r\x1b[K");
    }
}

}  // namespace svcd
