#include "explanation.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "explain_stop.h"
#include "explain_wait.h"
#include "explain_words.h"
#include "messages.h"
#include "phase_text.h"

namespace svcd {
namespace {

constexpr std::size_t kLabelWidth = 10;
constexpr Usec kWorthMentioning = 100'000;

std::string labelled(std::string_view label, std::string_view text, const Screen& screen) {
    const std::string indent(kLabelWidth + 2, ' ');
    return wrapped("  " + padded(label, kLabelWidth) + harmless(text), indent, screen.width) + "\n";
}

std::string title(std::string_view text, const Screen& screen) {
    return "\n" + coloured(screen, Colour::strong, text) + "\n";
}

std::string bullet(std::string_view text, const Screen& screen) {
    return wrapped("  - " + harmless(text), "    ", screen.width) + "\n";
}

std::vector<std::vector<const Verdict*>> groups_of(const std::vector<Verdict>& verdicts) {
    std::vector<std::vector<const Verdict*>> groups;
    for (const Verdict& verdict : verdicts) {
        const auto alike = std::ranges::find_if(groups, [&](const auto& group) {
            const Verdict& first = *group.front();
            return verdict.pid != 0 && first.pid != 0 && first.kind == verdict.kind &&
                   first.name == verdict.name && first.text == verdict.text;
        });
        if (alike == groups.end()) {
            groups.push_back({&verdict});
        } else {
            alike->push_back(&verdict);
        }
    }
    return groups;
}

std::string time_column(const TimelineRow& row) {
    std::array<char, 40> text{};
    const double at =
        row.before >= 5'000 ? -static_cast<double>(row.before) : static_cast<double>(row.at);
    std::snprintf(text.data(), text.size(), "%8.2f s", at / 1e6);
    return text.data();
}

std::string timeline_text(const std::vector<TimelineRow>& rows, const Screen& screen) {
    std::string text;
    for (const TimelineRow& row : rows) {
        const std::string begin = time_column(row) + (row.is_phase ? "  " : "    ");
        const std::string line =
            begin + harmless(row.text) + (row.share.empty() ? "" : " (" + row.share + ")");
        const std::string fitting = wrapped(line, std::string(width_of(begin), ' '), screen.width);
        text += row.is_phase ? coloured(screen, Colour::strong, fitting) : fitting;
        text += "\n";
    }
    return text;
}

std::string when_text(const StopRecord& record, Usec now) {
    if (const StopEvent* gap = ended_without_svcd(record)) {
        return "while no svcd ran: between " + timestamp(gap->left_realtime) +
               ", when svcd wrote down its state the last time, and " +
               timestamp(gap->came_realtime) + ", when another one came" +
               (now > gap->came_realtime ? "; " + rough_timespan(now - gap->came_realtime) + " ago"
                                         : "");
    }
    std::string text = timestamp(record.began_realtime);
    if (now > record.began_realtime) {
        text += "; " + rough_timespan(now - record.began_realtime) + " ago";
    }
    return text;
}

std::string rest_text(const StopRecord& record, const Surroundings& around) {
    const Usec deadline = number_of(around.properties, "StopDeadlineUSec", kUsecInfinity);
    const StopEvent* killed = first_sigkill(record);
    if (killed != nullptr && killed->cause != "kill-control") {
        return "the kernel to end what got SIGKILL";
    }
    const std::string sub = text_of(around.properties, "SubState");
    std::string text = phase_name(sub, record);
    if (deadline == 0 || deadline >= static_cast<Usec>(INT64_MAX)) {
        return text + "; there is no limit, SIGKILL never comes";
    }
    const Usec left = deadline > around.now_monotonic ? deadline - around.now_monotonic : 0;
    const std::string signal =
        signal_at_deadline({record.failure_mode == "abort", record.watchdog_signal,
                            record.send_sigkill && record.kill_mode != "none", record.final_signal},
                           sub);
    return text + "; " +
           (signal.empty() ? short_time(left) + " left, and no SIGKILL (SendSIGKILL: no)"
                           : signal + " in " + short_time(left));
}

std::string processes_text(const std::vector<ProcessFacts>& processes) {
    std::vector<ProcessId> pids;
    for (const ProcessFacts& process : processes) {
        pids.push_back(process.pid);
    }
    return processes.size() == 1 ? pid_text(pids.front(), processes.front().name)
                                 : pids_text(pids, 8);
}

/// Of the end that the unit is in still, its settings and its log tell more.
void add_what_is_known_now(std::vector<Verdict>& verdicts,
                           const StopRecord& record,
                           const Surroundings& around) {
    const std::string look = look_at_log(record);
    const auto say_where = [&](const std::string& where) {
        for (Verdict& each : verdicts) {
            if (const std::size_t at = each.mend.find(look); at != std::string::npos) {
                each.mend.replace(at, look.size(), where);
            }
        }
    };
    const auto say_none = [&](const std::string& none) {
        say_where(around.log_fault.empty()
                      ? none + ": run it by hand."
                      : none + ", and can take none: " + around.log_fault + ". Make room there.");
    };
    const std::string path = text_of(around.properties, "LogPath");
    if (around.log_is_void) {
        say_none("Its log has no line at all");
    }
    if (text_of(around.properties, "SubState") == "auto-restart") {
        return;
    }
    if (around.last_stop != record.id) {
        if (!path.empty()) {
            say_where("See what it wrote last, in " + path +
                      " ('svctl status' shows a later life).");
        }
        return;
    }
    if (around.log_is_empty) {
        say_none("Its log has no line of it");
    }
    const std::string restart = text_of(around.properties, "Restart");
    for (Verdict& each : verdicts) {
        const bool was_clean = each.kind == "ended-unasked" ||
                               (each.kind == "ended-by-signal" && record.result == "success");
        if (was_clean && restart.starts_with("on-") && restart != "on-success") {
            each.text += ". Restart: " + restart + " does not act, since it counts as a clean end";
        }
    }
}

/// Has a stop that goes on used less than half of its time?
bool is_early(const StopRecord& record, Usec now) {
    return record.limit == kUsecInfinity ? false : length_of(record, now) < record.limit / 2;
}

/// A process that may well end in time has nothing to mend.
void forget_mends_of_slowness(std::vector<Verdict>& verdicts) {
    for (Verdict& each : verdicts) {
        const bool may_end = each.kind == "slow" || each.kind == "ending" ||
                             each.kind == "stopping-hung" || each.kind == "extension-used-up" ||
                             each.kind == "not-signalled";
        if (may_end) {
            each.mend.clear();
        }
    }
}

}  // namespace

Explanation explain_stop(const StopRecord& record, const Surroundings& around) {
    Explanation result;
    const std::optional<StopWait> wait = wait_before_stop(record, around.stops_before);
    result.headline = headline(record, around.now_monotonic) + wait_part(wait);
    result.active = goes_on(record) ? "deactivating" : is_bad(record) ? "failed" : "inactive";
    const auto fact = [&](const char* label, const std::string& text) {
        if (!text.empty()) {
            result.facts.push_back({label, text});
        }
    };
    fact("Asked by", asked_text(record, around.properties));
    fact("When", when_text(record, around.now));
    fact("Ended", main_end_text(record));
    // Where nobody stopped it and it took no time, nothing was limited.
    const bool is_ongoing = goes_on(record);
    const bool is_service = record.unit.ends_with(".service");
    const bool was_limited = record.asked_by || record.shutdown || is_ongoing ||
                             length_of(record, around.now_monotonic) >= kWorthMentioning;
    fact("Limit", is_service && was_limited ? limit_text(record) : "");
    if (is_ongoing) {
        fact("Waiting", rest_text(record, around));
        fact("Left", around.processes.empty() ? "" : processes_text(around.processes));
    }
    const bool is_left_still = record.left_over && around.last_stop == record.id &&
                               truth_of(around.properties, "LeftOver");
    const std::vector<ProcessFacts> recorded = left_processes(record);
    const bool shows_now =
        (is_ongoing || (is_left_still && recorded.empty())) && !around.processes.empty();
    StopRecord judged = record;
    if (const StopEvent* told = first_stop_signal(record);
        told != nullptr && told->cause == "watchdog") {
        judged.stop_signal = told->signal;
    }
    const Scene scene{judged, shows_now ? around.processes : recorded, around.frozen,
                      around.frozen_cgroup};
    result.verdicts = judge_processes(scene);
    if (is_ongoing && is_early(record, around.now_monotonic)) {
        forget_mends_of_slowness(result.verdicts);
    }
    if (wait) {
        result.verdicts.insert(result.verdicts.begin(), waited_for_others(*wait));
    }
    std::vector<Verdict> unit = judge_unit(record);
    add_what_is_known_now(unit, record, around);
    const std::string sub = text_of(around.properties, "SubState");
    if (record.lost && !sub.empty() && sub != "stop-wedged") {
        for (Verdict& each : unit) {
            if (each.kind == "wedged") {
                each.text = "processes outlived SIGKILL; they are gone by now";
                each.mend.clear();
            }
        }
    }
    result.verdicts.insert(result.verdicts.end(), std::make_move_iterator(unit.begin()),
                           std::make_move_iterator(unit.end()));
    result.timeline = timeline(record, around.now_monotonic);
    if (wait && !wait->unit.empty()) {
        result.timeline.insert(result.timeline.begin(), waiting_row(*wait));
    }
    if (around.last_stop == record.id && speaks_of_its_end(record)) {
        result.last_words = around.last_words;
        result.words_title = failed_by(record, "command-failed")
                                 ? "Its last words in the log, perhaps of another command:"
                                 : "Its last words in the log:";
    }
    return result;
}

std::string sentence(const std::vector<const Verdict*>& alike) {
    const Verdict& first = *alike.front();
    std::string text = first.text;
    if (first.pid != 0) {
        std::vector<ProcessId> pids;
        for (const Verdict* verdict : alike) {
            pids.push_back(verdict->pid);
        }
        const std::string name = first.name.empty() ? "" : " (" + first.name + ")";
        text = (pids.size() == 1 ? "" : "each of ") + pids_text(pids) + name + " " + text;
    }
    return as_sentence(std::move(text));
}

std::string sentence(const Verdict& verdict) {
    return sentence(std::vector<const Verdict*>{&verdict});
}

std::vector<std::string> mends_of(const std::vector<Verdict>& verdicts) {
    std::vector<std::string> mends;
    for (const Verdict& verdict : verdicts) {
        if (!verdict.mend.empty() && std::ranges::find(mends, verdict.mend) == mends.end()) {
            mends.push_back(verdict.mend);
        }
    }
    return mends;
}

std::string explanation_text(const Explanation& explanation, const Screen& screen) {
    const std::string_view sign = glyph_of(explanation.active);
    const Colour colour = explanation.active == "failed" ? Colour::bad : Colour::strong;
    std::string text = coloured(screen, colour,
                                wrapped(std::string{sign} + " " + harmless(explanation.headline),
                                        "  ", screen.width)) +
                       "\n";
    for (const LabelledText& fact : explanation.facts) {
        text += labelled(fact.label, fact.text, screen);
    }
    if (!explanation.verdicts.empty()) {
        text += title("Why", screen);
        for (const auto& group : groups_of(explanation.verdicts)) {
            text += bullet(sentence(group), screen);
        }
    }
    if (const auto mends = mends_of(explanation.verdicts); !mends.empty()) {
        text += title("What to change", screen);
        for (const std::string& mend : mends) {
            text += bullet(mend, screen);
        }
    }
    if (!explanation.last_words.empty()) {
        text += title(explanation.words_title, screen);
        for (const std::string& line : explanation.last_words) {
            text += wrapped("  | " + harmless(line), "  | ", screen.width) + "\n";
        }
    }
    if (!explanation.timeline.empty()) {
        text += title("How it went", screen) + timeline_text(explanation.timeline, screen);
    }
    return text;
}

Json verdicts_json(const std::vector<Verdict>& verdicts) {
    Json list = Json::array();
    for (const Verdict& verdict : verdicts) {
        list.push_back({{"pid", verdict.pid},
                        {"name", verdict.name},
                        {"kind", verdict.kind},
                        {"text", sentence(verdict)},
                        {"mend", verdict.mend}});
    }
    return list;
}

std::string records_text(const std::vector<StopRecord>& records, Usec now, const Screen& screen) {
    std::string text;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const StopRecord& record = records[i];
        std::string number = std::to_string(i + 1);
        number.insert(0, number.size() < 3 ? 3 - number.size() : 0, ' ');
        const std::string line = number + "  " + when_text(record, now) + "  " +
                                 harmless(headline(record, record.began));
        text += coloured(screen, is_bad(record) ? Colour::bad : Colour::plain,
                         cut(line, screen.width)) +
                "\n";
    }
    return text;
}

}  // namespace svcd
