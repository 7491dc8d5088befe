#include "print_plan.h"

#include <algorithm>

#include "counted.h"

namespace svcd {
namespace {

std::string at_most(Usec time) {
    return time == kUsecInfinity ? "as long as it takes" : "at most " + timespan(time);
}

/// "stop web.service", with what a restart is made of.
std::string deed(const PlannedJob& job) {
    return job.type + (job.is_restart ? "*" : "") + " " + job.unit;
}

std::string times_of(const PlannedJob& job, const Plan& plan) {
    std::string text = at_most(job.limit);
    if (job.limit < job.wanted) {
        text += " (not " +
                (job.wanted == kUsecInfinity ? "as long as it takes" : timespan(job.wanted)) +
                ", by the shutdown budget)";
    }
    if (job.is_critical) {
        text += ", critical";
    } else if (job.limit != 0 && job.slack != kUsecInfinity && plan.longest != 0) {
        text += ", slack " + rough_timespan(job.slack);
    }
    return text;
}

std::string job_line(const PlannedJob& job,
                     const Plan& plan,
                     std::size_t deed_width,
                     std::size_t time_width,
                     const Screen& screen) {
    const std::string times = job.limit == 0 ? "at once" : times_of(job, plan);
    std::string line =
        "  " + padded(deed(job), deed_width) + "  " + padded(times, time_width) + "  " + job.reason;
    line = cut(line, screen.width);
    return (job.is_critical ? coloured(screen, Colour::strong, line) : line) + "\n";
}

std::string waves_text(const Plan& plan, const Screen& screen) {
    std::size_t deed_width = 0;
    std::size_t time_width = 0;
    for (const PlannedJob& job : plan.jobs) {
        deed_width = std::max(deed_width, width_of(deed(job)));
        time_width =
            std::max(time_width, width_of(job.limit == 0 ? "at once" : times_of(job, plan)));
    }
    std::string text;
    std::size_t wave = 0;
    for (const PlannedJob& job : plan.jobs) {
        if (job.wave != wave) {
            wave = job.wave;
            text += "Wave " + std::to_string(wave) +
                    (job.begins == 0 ? ""
                     : job.begins == kUsecInfinity
                         ? ", when those before have ended"
                         : ", after " + timespan(job.begins) + " at the latest") +
                    "\n";
        }
        text += job_line(job, plan, deed_width, time_width, screen);
    }
    return text;
}

std::string critical_text(const Plan& plan) {
    std::string chain;
    for (const PlannedJob& job : plan.jobs) {
        if (job.is_critical) {
            chain += (chain.empty() ? "" : " → ") + deed(job) +
                     (job.limit == kUsecInfinity ? "" : " (" + timespan(job.limit) + ")");
        }
    }
    return chain.empty() ? "" : "What decides: " + chain + "\n";
}

/// The budget of a shutdown, and what falls outside of it.
std::string budget_text(const Plan& plan) {
    if (!plan.budget) {
        return "";
    }
    const auto cut_short = static_cast<std::size_t>(
        std::count_if(plan.jobs.begin(), plan.jobs.end(),
                      [](const PlannedJob& job) { return job.limit < job.wanted; }));
    std::string text =
        "Budget: " + timespan(*plan.budget) + " (ShutdownBudgetSec less ShutdownMarginSec)";
    text += cut_short == 0 ? "; everything fits into it"
                           : "; " + counted(cut_short, "stop") +
                                 " would take longer and get less than TimeoutStopSec";
    return text + "\n";
}

}  // namespace

std::string plan_text(const Plan& plan, const std::string& request, const Screen& screen) {
    std::string text;
    // A shutdown that is refused has a plan nevertheless.
    if (plan.refused && plan.jobs.empty()) {
        return request + " would be refused: " + *plan.refused + "\n";
    }
    if (!plan.jobs.empty()) {
        const bool has_restart = std::any_of(plan.jobs.begin(), plan.jobs.end(),
                                             [](const PlannedJob& job) { return job.is_restart; });
        text += request + ": " + counted(plan.jobs.size(), "job") + " in " +
                counted(plan.jobs.back().wave, "wave") + ", " + at_most(plan.longest) +
                (has_restart ? " (*: half of a restart)" : "") + "\n";
        text += waves_text(plan, screen) + critical_text(plan) + budget_text(plan);
    }
    for (const std::string& note : plan.notes) {
        text += wrapped("Note: " + note, "  ", screen.width) + "\n";
    }
    if (plan.refused) {
        text += "svcd would refuse it: " + *plan.refused + "\n";
    }
    return text + "Nothing was changed.\n";
}

}  // namespace svcd
