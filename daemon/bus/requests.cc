#include "bus/requests.h"

#include <algorithm>

#include "bus/bus.h"
#include "bus/error_names.h"

namespace svcd {

namespace {

/// A call that is told by a flag that there was nothing to do has no use for the job that says so.
JobId job_told(AnswerShape shape, const Reply& reply) {
    const bool has_flag = shape == AnswerShape::job_and_flag;
    return has_flag && reply.was_so_already ? JobId::none : reply.job;
}

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
        case AnswerShape::rows:
            break;  // append_rows()
    }
    return writer;
}

}  // namespace

void append_rows(Writer& writer,
                 const JobRows& rows,
                 const std::vector<LeftOut>& left_out,
                 ManagerApi& manager) {
    writer.open(SD_BUS_TYPE_ARRAY, "(sosss)");
    for (const JobRow& row : rows.rows) {
        writer.open(SD_BUS_TYPE_STRUCT, "sosss")
            .string(row.unit)
            .path(job_path(row.job))
            .string(row.outcome)
            .string(row.error)
            .string(row.message)
            .close();
    }
    writer.close().open(SD_BUS_TYPE_ARRAY, "(sss)");
    for (const LeftOut& each : left_out) {
        writer.open(SD_BUS_TYPE_STRUCT, "sss")
            .string(manager.status(each.by).name)
            .string(manager.status(each.unit).name)
            .string(each.why)
            .close();
    }
    writer.close();
}

std::string job_path(JobId job) {
    if (job == JobId::none) {
        return "/";
    }
    return "/org/svcd1/job/" + std::to_string(static_cast<std::uint32_t>(job));
}

Requests::Repeated Requests::repeated(const ClientId& id,
                                      Connection& connection,
                                      sd_bus_message* call) {
    const auto first = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& entry) {
        return entry.second.client_id.key == id.key;
    });
    if (first != waiting_.end()) {
        // A client has no reason for more than a few tries of one call.
        constexpr std::size_t kTriesMax = 16;
        Waiting& waiting = first->second;
        if (waiting.client_id.what != id.what || waiting.calls.size() >= kTriesMax) {
            return Repeated::misused;
        }
        waiting.calls.push_back({&connection, MessageRef{sd_bus_message_ref(call)}});
        return Repeated::joined;
    }
    const std::optional<Answers::Answer> known = answers_.find(id.key);
    if (!known) {
        return Repeated::no;
    }
    if (known->what != Answers::digest(id.what)) {
        return Repeated::misused;
    }
    if (!known->result) {
        add_caller(known->job, connection);
    }
    connection.answer(call, answer_for(call, AnswerShape::job_and_flag, known->job));
    return Repeated::answered;
}

std::optional<RequestId> Requests::hold(
    Connection& connection, sd_bus_message* call, AnswerShape shape, ClientId id, JobRows rows) {
    if (waiting_.size() >= kRequestsMax) {
        return std::nullopt;
    }
    const RequestId request{++last_id_};
    Waiting held;
    held.shape = shape;
    held.calls.push_back({&connection, MessageRef{sd_bus_message_ref(call)}});
    held.client_id = std::move(id);
    held.rows = std::move(rows);
    waiting_.emplace(last_id_, std::move(held));
    return request;
}

/// What was refused is not: nothing was done, so a repeated call is a new one.
void Requests::remember(const Reply& reply) {
    const auto found = waiting_.find(static_cast<std::uint64_t>(reply.request));
    if (found == waiting_.end() || reply.refusal) {
        return;
    }
    const Waiting& request = found->second;
    if (request.shape != AnswerShape::rows) {
        remember(request, job_told(request.shape, reply), request.client_id);
        return;
    }
    const JobRows& rows = request.rows;
    std::size_t next = 0;
    for (const JobRow& row : rows.rows) {
        if (row.outcome.empty() && next < reply.units.size()) {
            const UnitReply& unit = reply.units[next++];
            if (!unit.refusal) {
                remember(request, unit.job, {rows.key_of(row), rows.what_of(row)});
            }
        }
    }
    for (const UnitReply& stop : reply.isolated) {
        remember(request, stop.job, {});
    }
}

/// The callers are told of the job's end; a client's request gets the same answer when it is
/// repeated.
void Requests::remember(const Waiting& request, JobId job, const ClientId& id) {
    for (const HeldCall& call : request.calls) {
        add_caller(job, *call.connection);
    }
    if (!request.client_id.key.empty() && !id.key.empty()) {
        answers_.add(id.key, id.what, job);
    }
}

void Requests::add_caller(JobId job, const Connection& connection) {
    if (job != JobId::none && !has_caller(job, connection)) {
        callers_[static_cast<std::uint32_t>(job)].push_back(&connection);
    }
}

bool Requests::has_caller(JobId job, const Connection& connection) const {
    const auto found = callers_.find(static_cast<std::uint32_t>(job));
    return found != callers_.end() && std::find(found->second.begin(), found->second.end(),
                                                &connection) != found->second.end();
}

bool Requests::has_to_do_with(const Connection& connection) const {
    const auto is_its = [&](const HeldCall& call) { return call.connection == &connection; };
    return std::ranges::any_of(waiting_,
                               [&](const auto& entry) {
                                   return std::ranges::any_of(entry.second.calls, is_its);
                               }) ||
           std::ranges::any_of(callers_, [&](const auto& entry) {
               return std::ranges::find(entry.second, &connection) != entry.second.end();
           });
}

/// What the supervisor says of the units that it was asked for.
void Requests::fill_in(Waiting& waiting, const Reply& reply, ManagerApi& manager) {
    std::size_t next = 0;
    for (JobRow& row : waiting.rows.rows) {
        if (!row.outcome.empty() || next >= reply.units.size()) {
            continue;
        }
        const UnitReply& unit = reply.units[next++];
        row.job = unit.job;
        row.outcome = unit.job == JobId::none ? "already" : "job";
        if (unit.refusal) {
            row.outcome = "refused";
            row.error = error_name(unit.refusal->kind);
            row.message = unit.refusal->message;
        }
    }
    for (const UnitReply& stop : reply.isolated) {
        waiting.rows.rows.push_back(
            {std::string(manager.status(stop.unit).name), stop.job, "isolated", "", ""});
    }
}

void Requests::answer(const Reply& reply, ManagerApi& manager) {
    const auto found = waiting_.find(static_cast<std::uint64_t>(reply.request));
    if (found == waiting_.end()) {
        return;
    }
    // Out of the table first: sending may cut a connection, which comes back here to forget it.
    Waiting request = std::move(found->second);
    waiting_.erase(found);

    fill_in(request, reply, manager);
    for (const HeldCall& call : request.calls) {
        if (request.shape == AnswerShape::rows && !reply.refusal) {
            Writer writer = Writer::reply_to(call.message.get());
            append_rows(writer, request.rows, reply.left_out, manager);
            call.connection->answer(call.message.get(), writer);
        } else if (reply.refusal) {
            call.connection->answer_error(call.message.get(), error_name(reply.refusal->kind),
                                          reply.refusal->message);
        } else {
            call.connection->answer(
                call.message.get(),
                answer_for(call.message.get(), request.shape, job_told(request.shape, reply)));
        }
    }
}

void Requests::forget(const Connection& connection) {
    for (auto& [id, request] : waiting_) {
        std::erase_if(request.calls,
                      [&](const HeldCall& call) { return call.connection == &connection; });
    }
    for (auto& [job, callers] : callers_) {
        std::erase(callers, &connection);
    }
    std::erase_if(callers_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace svcd
