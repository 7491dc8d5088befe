// Manager.GetRequestResult: what became of a request, for a client that lost the connection on
// which it would have heard of it.
#include "bus/api_table.h"
#include "bus/arguments.h"

namespace svcd {

std::string request_key(const Caller& caller, const std::string& id) {
    return std::to_string(caller.uid.value_or(UINT32_MAX)) + ":" + id;
}

Outcome get_request_result(const Call& call, Subject& subject, Writer& reply) {
    const std::string id = read_string(call.message);
    const auto answer = subject.api().requests.answers().find(request_key(call.caller, id));
    if (!answer) {
        return bus_error(kErrorNoSuchJob, "No request of yours with the ID '" + shown_name(id) +
                                              "' is remembered; they are for five minutes.");
    }
    // Without a job there was nothing to do, which is done.
    const JobResult nothing_to_do = JobResult::done;
    const bool goes_on = answer->job != JobId::none && !answer->result;
    reply.path(job_path(answer->job));
    reply.string(goes_on ? "" : name_of(answer->result.value_or(nothing_to_do)));
    return Answered::now;
}

}  // namespace svcd
