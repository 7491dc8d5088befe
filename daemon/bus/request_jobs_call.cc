// Manager.RequestJobs: one verb for several units, as one transaction. What can't be done for a
// unit stands in its row; the call fails as a whole only for what the units can't be together.
//
// A client's own request ID counts for each unit by itself ("ID/UNIT" for GetRequestResult): when
// the call is repeated, units that were accepted are answered from memory, and those that were
// refused are asked for anew.
#include "bus/api_table.h"
#include "bus/arguments.h"

namespace svcd {
namespace {

struct Known {
    bool is_misused = false;
    bool is_answered = false;
};

/// What is remembered of the unit under the client's ID.
Known remembered(JobRow& row, const JobRows& rows, Api& api) {
    const auto answer =
        rows.key.empty() ? std::nullopt : api.requests.answers().find(rows.key_of(row));
    if (!answer) {
        return {};
    }
    if (answer->what != Answers::digest(rows.what_of(row))) {
        return {true, false};
    }
    row.job = answer->job;
    row.outcome = answer->job == JobId::none ? "already" : "job";
    return {false, true};
}

tl::expected<std::vector<UnitId>, BusError> units_to_ask_for(const Call& call,
                                                             Api& api,
                                                             JobRows& rows,
                                                             const std::string& request_id) {
    std::vector<UnitId> units;
    for (JobRow& row : rows.rows) {
        const Known known = remembered(row, rows, api);
        if (known.is_misused) {
            return tl::unexpected(misused_request_id(request_id));
        }
        if (known.is_answered) {
            continue;
        }
        if (const FoundUnit unit = unit_named(call, api, row.unit)) {
            units.push_back(*unit);
        } else {
            row.outcome = "refused";
            row.error = unit.error().name;
            row.message = unit.error().message;
        }
    }
    return units;
}

}  // namespace

Outcome request_jobs(const Call& call, Subject& subject, Writer& reply) {
    Api& api = subject.api();
    const std::string verb_name = read_string(call.message);
    const std::vector<std::string> names = read_strings(call.message);
    const std::string mode_name = read_string(call.message);
    const auto options = read_options(call.message, kRequestId | kReason | kForce);
    const auto verb = verb_named(verb_name);
    const auto mode = job_mode_named(mode_name);
    if (!options || !verb || !mode) {
        return tl::unexpected(!options ? options.error() : (!verb ? verb.error() : mode.error()));
    }
    if (*mode == JobMode::isolate && *verb != JobVerb::start) {
        return bus_error(kErrorInvalidArgs, "The job mode isolate is for starting a unit only.");
    }
    JobRows rows;
    rows.what = verb_name + " " + mode_name;
    Requests::ClientId id;
    id.what = rows.what;
    for (const std::string& name : names) {
        rows.rows.push_back({valid_utf8(name), JobId::none, "", "", ""});
        id.what += " " + name;
    }
    if (!options->request_id.empty()) {
        rows.key = request_key(call.caller, options->request_id);
        id.key = rows.key;
        switch (api.requests.repeated(id, call.connection, call.message)) {
            case Requests::Repeated::no:
                break;
            case Requests::Repeated::joined:
            case Requests::Repeated::answered:
                return Answered::later;
            case Requests::Repeated::misused:
                return tl::unexpected(misused_request_id(options->request_id));
        }
    }
    const auto units = units_to_ask_for(call, api, rows, options->request_id);
    if (!units) {
        return tl::unexpected(units.error());
    }
    if (units->empty()) {
        append_rows(reply, rows, {}, api.manager);
        return Answered::now;
    }
    JobRequested event{RequestId::none, units->front(), *verb, *mode,
                       requester_of(call.caller, options->reason)};
    event.more.assign(units->begin() + 1, units->end());
    event.force = options->force;
    const auto request = api.requests.hold(call.connection, call.message, AnswerShape::rows,
                                           std::move(id), std::move(rows));
    if (!request) {
        return tl::unexpected(too_many_requests());
    }
    event.request = *request;
    api.manager.submit(std::move(event));
    return Answered::later;
}

}  // namespace svcd
