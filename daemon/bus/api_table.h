// The API as data: for each interface of org.svcd1 one table of methods, properties and signals.
// Dispatch, org.freedesktop.DBus.Properties, PropertiesChanged and the introspection (from which
// packaging/dbus/*.xml comes) all read these rows, so a new method or property is one row with its
// function. Names and signatures are systemd's wherever the same thing exists there.
//
// The tables are used directly instead of through sd-bus's vtables: those are copied into each
// connection (a hundred allocations a client), and their handlers are called before it is known
// who the caller is, which on a message bus takes a question that must not be waited for.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bus/authorisation.h"
#include "bus/bus.h"
#include "bus/connection.h"
#include "bus/error_names.h"
#include "bus/long_answers.h"
#include "bus/manager_api.h"
#include "bus/message.h"
#include "bus/requests.h"

namespace svcd {

inline constexpr const char* kBusName = "org.svcd1";
inline constexpr const char* kRootPath = "/org/svcd1";
inline constexpr const char* kUnitFolder = "/org/svcd1/unit";
inline constexpr const char* kJobFolder = "/org/svcd1/job";

/// "/org/svcd1/unit/web_2eservice": systemd's escaping.
std::string unit_path(std::string_view unit_name);

/// What the rows work on.
struct Api {
    ManagerApi& manager;
    const BusOptions& options;
    Requests& requests;
    LongAnswers& long_answers;
    Authority authority;
};

/// A method call whose sender is known.
struct Call {
    Connection& connection;
    sd_bus_message* message;
    Caller caller;
};

/// A unit name that has no file. It has an object all the same, which shows LoadState not-found, as
/// with systemd. Nothing of it is kept, so whoever asks for a million of them costs no memory.
struct MissingUnit {
    std::string name;
    UnitType type;
};

/// The object of a call, with what its properties show, asked for once and when needed. Made for
/// one call: the views in it end with the supervisor's next step.
class Subject {
public:
    explicit Subject(Api& api) : api_(api) {}
    Subject(Api& api, UnitId unit) : api_(api), unit_(unit) {}
    Subject(Api& api, MissingUnit unit);
    Subject(Api& api, JobStatus job) : api_(api), job_(std::move(job)) {}

    Api& api() { return api_; }
    bool is_missing() const { return missing_ != nullptr; }
    /// Of a unit that is not missing.
    UnitId unit() const { return *unit_; }
    const UnitStatus& status();
    const UnitFacts& facts();
    std::vector<std::string> related(Relation relation) const;
    PropertyValue setting(std::size_t property) const;
    const JobStatus& job() const { return *job_; }

private:
    Api& api_;
    std::optional<UnitId> unit_;
    std::unique_ptr<const MissingUnit> missing_;
    std::optional<JobStatus> job_;
    std::optional<UnitStatus> status_;
    std::optional<UnitFacts> facts_;
};

/// How a method ended, when it didn't fail: `now` with the answer in the Writer, or `later` with
/// the call held in Requests.
enum class Answered : std::uint8_t { now, later };
using Outcome = tl::expected<Answered, BusError>;

enum class Access : std::uint8_t { read, change };

struct MethodRow {
    const char* name;
    const char* signature;
    const char* result;
    const char* arguments;  ///< names of the arguments, in and out, separated by spaces
    Access access;
    Outcome (*handle)(const Call& call, Subject& subject, Writer& reply);
};

/// EmitsChangedSignal of the D-Bus specification.
enum class Emits : std::uint8_t { nothing, change, constant };

struct PropertyRow {
    const char* name;
    const char* signature;
    Emits emits;
    void (*get)(Subject& subject, Writer& value);
    /// Null: every object has it. What can't be known on this machine is no property: better none
    /// than one that is wrong.
    bool (*is_there)(Subject& subject) = nullptr;
};

struct SignalRow {
    const char* name;
    const char* signature;
    const char* arguments;
};

struct InterfaceTable {
    const char* name;
    std::span<const MethodRow> methods;
    std::span<const PropertyRow> properties;
    std::span<const SignalRow> signals;
    /// Whose settings follow the fixed properties.
    std::optional<PropertyInterface> settings;
};

const InterfaceTable& manager_interface();
const InterfaceTable& unit_interface();
const InterfaceTable& service_interface();
const InterfaceTable& target_interface();
const InterfaceTable& slice_interface();
const InterfaceTable& job_interface();

// What several of the objects' methods are made of.

/// Asks for a job. `shape` is job, or job_and_flag for a call with a client's own ID. `force`: a
/// reload that the program would end of is not refused.
Outcome request_job(const Call& call,
                    Api& api,
                    UnitId unit,
                    JobVerb verb,
                    std::string_view mode,
                    std::string reason = {},
                    AnswerShape shape = AnswerShape::job,
                    Requests::ClientId id = {},
                    bool force = false);
Outcome request_kill(
    const Call& call, Api& api, UnitId unit, std::string_view whom, std::int32_t signal);
/// The same with a value for it: real-time signals only, as of systemd's QueueSignalUnit.
Outcome request_queued_signal(const Call& call,
                              Api& api,
                              UnitId unit,
                              std::string_view whom,
                              std::int32_t signal,
                              std::int32_t value);
Outcome request_reexecution(const Call& call, Api& api);
Outcome request_reset_failed(const Call& call, Api& api, std::optional<UnitId> unit);
/// The key under which a caller's own ID is remembered: two users' IDs are never the same request.
std::string request_key(const Caller& caller, const std::string& id);
/// a{sv} of a call: what a client may say beside what it asks for.
struct CallOptions {
    std::string request_id;
    std::string reason;
    bool force = false;
};
enum OptionName : unsigned { kRequestId = 1, kReason = 2, kForce = 4 };
tl::expected<CallOptions, BusError> read_options(sd_bus_message* call, unsigned known);
BusError misused_request_id(const std::string& id);
BusError too_many_requests();
BusError too_many_subscribers();

/// Manager.RequestJobs (request_jobs_call.cc).
Outcome request_jobs(const Call& call, Subject& subject, Writer& reply);
/// Manager.GetRequestResult (request_result_call.cc).
Outcome get_request_result(const Call& call, Subject& subject, Writer& reply);
/// Would svcd do this to the machine (poweroff, reboot, halt, kexec, exit)?
tl::expected<void, BusError> check_shutdown(const Api& api, std::string_view kind);

/// Manager.ListUnits and its kin (list_calls.cc).
Outcome list_units(const Call& call, Subject& subject, Writer& reply);
Outcome list_units_by_patterns(const Call& call, Subject& subject, Writer& reply);
Outcome list_units_by_names(const Call& call, Subject& subject, Writer& reply);
Outcome list_units_detailed(const Call& call, Subject& subject, Writer& reply);
Outcome list_jobs(const Call& call, Subject& subject, Writer& reply);

/// Makes a text in pieces.
Outcome answer_text(const Call& call, Api& api, Writer& reply, const TextPieces& append_piece);

/// Manager.Plan and PlanJobs (plan_call.cc).
Outcome plan_request(const Call& call, Subject& subject, Writer& reply);
Outcome plan_jobs(const Call& call, Subject& subject, Writer& reply);
Outcome request_cancel(const Call& call, Api& api, JobId job);
/// Answers with what the pieces append: at once when that is a matter of a moment.
Outcome in_pieces(const Call& call, Api& api, Writer& reply, const LongAnswers::Piece& piece);
/// a(sus)
Outcome answer_processes(const Call& call, Api& api, UnitId unit, Writer& reply);
/// µs of CLOCK_MONOTONIC, and the same moment as a date (µs of CLOCK_REALTIME by today's clock). 0,
/// which is "never happened", stays 0.
std::uint64_t monotonic_usec(Time time);
std::uint64_t realtime_usec(Time time);
/// µs, UINT64_MAX for infinity.
void append_duration(Writer& value, Duration duration);
/// Splits "ssa{sv}" into "s", "s", "a{sv}".
std::vector<std::string> complete_types(std::string_view signature);
std::vector<std::string> words(std::string_view text);

}  // namespace svcd
