#include "reasons.h"

#include <cstdint>

#include "messages.h"
#include "time_text.h"

namespace svcd {

RecordedFailure recorded_failure(const Json& properties, const char* name) {
    const auto failure = properties.find(name);
    const bool is_there = failure != properties.end() && failure->is_array() &&
                          failure->size() == 2 && (*failure)[0].is_string() &&
                          (*failure)[1].is_string();
    return is_there
               ? RecordedFailure{(*failure)[0].get<std::string>(), (*failure)[1].get<std::string>()}
               : RecordedFailure{};
}

std::vector<DegradedReason> read_degraded_reasons(const Json& rows) {
    std::vector<DegradedReason> reasons;
    for (const Json& row : rows) {
        const bool is_whole = row.is_array() && row.size() == 3 && row[0].is_string() &&
                              row[1].is_string() && row[2].is_string();
        if (is_whole) {
            reasons.push_back({row[0], row[1], row[2]});
        }
    }
    return reasons;
}

bool is_moment(Usec time) {
    return time != 0 && time < static_cast<Usec>(INT64_MAX);
}

std::string unmet_condition(const Json& properties) {
    for (const char* list : {"Conditions", "Asserts"}) {
        const auto rows = properties.find(list);
        if (rows == properties.end() || !rows->is_array()) {
            continue;
        }
        for (const Json& row : *rows) {
            if (row.is_array() && row.size() == 5 && row[4] == -1) {
                return row[0].get<std::string>() + "=" + (row[1] == true ? "|" : "") +
                       (row[2] == true ? "!" : "") + row[3].get<std::string>();
            }
        }
    }
    return {};
}

Json exec_error_json(const Json& properties) {
    const auto error = properties.find("ExecError");
    constexpr std::size_t kFields = 3;
    if (error == properties.end() || !error->is_array() || error->size() != kFields ||
        (*error)[0] == "") {
        return nullptr;
    }
    return {{"step", (*error)[0]},
            {"object", (*error)[1]},
            {"errno", (*error)[2]},
            {"text", text_of(properties, "ExecErrorText")}};
}

std::string reload_reason_text(const Json& properties) {
    const RecordedFailure failure = recorded_failure(properties, "ReloadFailure");
    if (failure.kind != "not-executed") {
        return failure.text;
    }
    // There is one such text, and what failed later takes its place.
    const std::string text = text_of(properties, "ExecErrorText");
    return text.starts_with("ExecReload:") ? text : "ExecReload could not be executed";
}

std::string load_error_text(const Json& properties) {
    const auto error = properties.find("LoadError");
    const bool has_text = error != properties.end() && error->is_array() && error->size() == 2 &&
                          (*error)[1].is_string();
    return has_text ? (*error)[1].get<std::string>() : "";
}

std::string reason_text(const Json& properties) {
    const std::string result = text_of(properties, "Result");
    if (result.empty() || result == "success") {
        return "";
    }
    const RecordedFailure failure = recorded_failure(properties, "Failure");
    if (failure.kind == "not-executed") {
        return text_of(properties, "ExecErrorText");
    }
    return !failure.text.empty()
               ? failure.text
               : describe_result(result, static_cast<int>(number_of(properties, "ExecMainCode")),
                                 static_cast<int>(number_of(properties, "ExecMainStatus")),
                                 truth_of(properties, "ExecStarted"));
}

}  // namespace svcd
