#include "bus/requests.h"

#include <algorithm>

#include "bus/bus.h"
#include "bus/error_names.h"

namespace svcd {

namespace {

Writer answer_for(sd_bus_message* call, AnswerShape shape, JobId job) {
    Writer writer = Writer::reply_to(call);
    switch (shape) {
        case AnswerShape::nothing:
            break;
        case AnswerShape::job:
            writer.path(job_path(job));
            break;
        case AnswerShape::job_and_flag:
            writer.path(job_path(job)).boolean(job == JobId::none);
            break;
    }
    return writer;
}

}  // namespace

std::string job_path(JobId job) {
    if (job == JobId::none) {
        return "/";
    }
    return "/org/svcd1/job/" + std::to_string(static_cast<std::uint32_t>(job));
}

void Requests::expire() {
    const Clock::time_point now = Clock::now();
    while (!remembered_order_.empty()) {
        const auto found = remembered_.find(remembered_order_.front());
        if (found != remembered_.end() && found->second.until > now &&
            remembered_order_.size() < kRememberedMax) {
            return;
        }
        if (found != remembered_.end()) {
            remembered_.erase(found);
        }
        remembered_order_.pop_front();
    }
}

Requests::Repeated Requests::repeated(const ClientId& id,
                                      Connection& connection,
                                      sd_bus_message* call) {
    expire();
    const auto found = remembered_.find(id.key);
    if (found == remembered_.end()) {
        return Repeated::no;
    }
    if (found->second.what != id.what) {
        return Repeated::misused;
    }
    const auto first = waiting_.find(static_cast<std::uint64_t>(found->second.request));
    if (first != waiting_.end()) {
        // A client has no reason for more than a few tries of one call.
        constexpr std::size_t kTriesMax = 16;
        if (first->second.calls.size() < kTriesMax) {
            first->second.calls.push_back({&connection, MessageRef{sd_bus_message_ref(call)}});
            return Repeated::joined;
        }
        return Repeated::misused;
    }
    connection.answer(call, answer_for(call, AnswerShape::job_and_flag, found->second.job));
    return Repeated::answered;
}

std::optional<RequestId> Requests::hold(Connection& connection,
                                        sd_bus_message* call,
                                        AnswerShape shape,
                                        ClientId id) {
    if (waiting_.size() >= kRequestsMax) {
        return std::nullopt;
    }
    const RequestId request{++last_id_};
    Waiting held;
    held.shape = shape;
    held.calls.push_back({&connection, MessageRef{sd_bus_message_ref(call)}});
    if (!id.key.empty()) {
        expire();
        remembered_[id.key] =
            Remembered{id.what, request, JobId::none, Clock::now() + kRememberFor};
        remembered_order_.push_back(id.key);
        held.client_id = std::move(id);
    }
    waiting_.emplace(last_id_, std::move(held));
    return request;
}

void Requests::answer(const Reply& reply) {
    const auto found = waiting_.find(static_cast<std::uint64_t>(reply.request));
    if (found == waiting_.end()) {
        return;
    }
    // Out of the table first: sending may cut a connection, which comes back here to forget it.
    Waiting request = std::move(found->second);
    waiting_.erase(found);

    const auto remembered = remembered_.find(request.client_id.key);
    if (remembered != remembered_.end() && remembered->second.request == reply.request) {
        if (reply.refusal) {
            // Nothing was done, so a repeated call is a new one.
            remembered_.erase(remembered);
            std::erase(remembered_order_, request.client_id.key);
        } else {
            remembered->second.request = RequestId::none;
            remembered->second.job = reply.job;
            remembered->second.until = Clock::now() + kRememberFor;
        }
    }
    for (const HeldCall& call : request.calls) {
        if (reply.refusal) {
            call.connection->answer_error(call.message.get(), error_name(reply.refusal->kind),
                                          reply.refusal->message);
        } else {
            call.connection->answer(call.message.get(),
                                    answer_for(call.message.get(), request.shape, reply.job));
        }
    }
}

void Requests::forget(const Connection& connection) {
    for (auto& [id, request] : waiting_) {
        std::erase_if(request.calls,
                      [&](const HeldCall& call) { return call.connection == &connection; });
    }
}

}  // namespace svcd
