#include "restart_words.h"

#include <map>

#include "counted.h"
#include "messages.h"
#include "reasons.h"

namespace svcd {

std::string typed_name(std::string_view unit) {
    constexpr std::string_view kService = ".service";
    if (unit.ends_with(kService)) {
        unit.remove_suffix(kService.size());
    }
    return std::string{unit};
}

std::string given_up_text(const Json& properties) {
    if (!truth_of(properties, "GivenUp")) {
        return "";
    }
    const std::uint64_t starts = number_of(properties, "StartsCounted");
    const Usec interval = number_of(properties, "StartLimitIntervalUSec");
    return "given up: " + (starts == 0 ? "too many starts" : counted(starts, "start")) + " in " +
           timespan(interval) + "; 'svctl start " + typed_name(text_of(properties, "Id")) +
           "' tries again";
}

std::string next_start_text(const Json& properties, Usec now_monotonic) {
    const Usec at = number_of(properties, "NextStartUSec");
    if (!is_moment(at)) {
        return "";
    }
    return at <= now_monotonic ? "next start now"
                               : "next start in " + rough_timespan(at - now_monotonic);
}

namespace {

/// "5 times exited with status 1; once was killed by SIGSEGV"
std::string ends_text(const Json& restarts) {
    std::map<std::string, std::size_t> ends;
    for (const Json& restart : restarts) {
        if (restart.is_array() && restart.size() == 4) {
            std::string end = describe_end(restart[2].get<int>(), restart[3].get<int>());
            const std::string result = restart[1].get<std::string>();
            if (end.empty()) {
                end = "was not there yet (result " + result + ")";
            } else if (result != "exit-code" && result != "signal" && result != "core-dump") {
                end = "result " + result + " (" + end + ")";
            }
            ++ends[end];
        }
    }
    std::string text;
    for (const auto& [end, times] : ends) {
        text += (text.empty() ? "" : "; ") + times_text(times) + " " + end;
    }
    return text;
}

}  // namespace

std::string flapping_text(const Json& properties, Usec now_monotonic) {
    if (!truth_of(properties, "Flapping")) {
        return "";
    }
    const std::uint64_t count = number_of(properties, "NUncleanRestarts");
    const Usec since = number_of(properties, "FlappingTimestampMonotonic");
    const Usec until = number_of(properties, "FlappingUntilUSec");
    std::string text = "flapping: " + counted(count, "restart") + " after unclean ends";
    if (now_monotonic > since) {
        text += " in the last " + rough_timespan(now_monotonic - since);
    }
    const auto restarts = properties.find("UncleanRestarts");
    if (restarts != properties.end() && restarts->is_array() && !restarts->empty()) {
        text += "; its main process " +
                (restarts->size() < count ? "(the last " + times_text(restarts->size()) + ") "
                                          : std::string{}) +
                ends_text(*restarts);
    }
    if (is_moment(until) && until > now_monotonic) {
        text += "; over when none comes for another " + rough_timespan(until - now_monotonic);
    }
    return text;
}

/// The reason and the first fault of the file, without the line and the caret below it.
static std::string in_one_line(const std::string& why) {
    const std::size_t first = why.find('\n');
    if (first == std::string::npos) {
        return why;
    }
    const std::size_t second = why.find('\n', first + 1);
    return why.substr(0, first) + " " + why.substr(first + 1, second - first - 1);
}

std::vector<LeftOutUnit> left_out_of(const Json& properties) {
    std::vector<LeftOutUnit> units;
    const auto list = properties.find("GoesWithout");
    if (list == properties.end() || !list->is_array()) {
        return units;
    }
    for (const Json& each : *list) {
        if (each.is_array() && each.size() == 2) {
            units.push_back({each[0].get<std::string>(), in_one_line(each[1].get<std::string>())});
        }
    }
    return units;
}

}  // namespace svcd
