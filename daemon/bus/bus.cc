#include "bus/bus.h"

#include <time.h>

#include <cerrno>

#include "bus/api_table.h"
#include "bus/bus_link.h"
#include "bus/dispatch.h"
#include "bus/private_socket.h"

namespace svcd {

namespace {

constexpr const char* kManager = "org.svcd1.Manager";

std::uint64_t monotonic_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

struct Bus::Impl {
    Impl(sd_event* event_loop,
         ManagerApi& manager_api,
         const std::vector<PropertyDescription>& settings,
         BusOptions given)
        : options(std::move(given)),
          loop(event_loop),
          api{manager_api, options, requests, long_answers, Authority{options.owner_uid}},
          dispatcher(api, settings),
          private_socket(loop, dispatcher, requests, costs, api.authority),
          link(loop, dispatcher, manager_api, options) {}

    bool has_subscribers() const {
        return private_socket.has_subscribers() || link.has_subscribers();
    }

    /// A signal of org.svcd1.Manager, to everyone who wants signals, and to the callers of the job
    /// that it is about.
    template <typename Fill>
    void emit(const char* member, const Fill& fill, JobId job = JobId::none) {
        const auto signal_of = [&](sd_bus* bus) {
            Writer writer = Writer::signal(bus, kRootPath, kManager, member);
            fill(writer);
            return writer;
        };
        const auto wants = [&](const PrivateConnection& connection) {
            return connection.wants_signals() || requests.has_caller(job, connection);
        };
        if (private_socket.has_any(wants)) {
            private_socket.send_signal(signal_of(private_socket.bus()), wants);
        }
        // To all who are on the message bus: which of them want it, the bus knows.
        if (link.has_subscribers() || requests.has_caller(job, link)) {
            link.send(signal_of(link.bus()));
        }
    }

    void mark_changed(UnitId unit);
    void announce_later();
    void announce_ended_jobs();
    void announce_changes();
    static int on_flush(sd_event_source*, void* self) {
        static_cast<Impl*>(self)->announce_changes();
        return 0;
    }

    BusOptions options;
    sd_event* loop;
    Requests requests;
    UserCosts costs;
    LongAnswers long_answers{costs};
    Api api;
    Dispatcher dispatcher;
    PrivateSocket private_socket;
    BusLink link;
    std::uint64_t created_at = monotonic_now();
    // Units whose PropertiesChanged is due, each once: all changes of one turn become one signal.
    std::vector<UnitId> changed;
    std::vector<bool> is_changed;
    // JobRemoved comes after them: whoever has waited for it and then looks at what a proxy keeps
    // of the unit must find what the job has made of it.
    struct EndedJob {
        JobId job;
        std::string unit;
        JobResult result;
    };
    std::vector<EndedJob> ended;
    EventSource flush;
};

void Bus::Impl::mark_changed(UnitId unit) {
    if (!has_subscribers()) {
        return;
    }
    const std::size_t index = index_of(unit);
    if (index >= is_changed.size()) {
        is_changed.resize(index + 1);
    }
    if (is_changed[index]) {
        return;
    }
    is_changed[index] = true;
    changed.push_back(unit);
    announce_later();
}

void Bus::Impl::announce_later() {
    if (flush) {
        sd_event_source_set_enabled(flush.get(), SD_EVENT_ONESHOT);
        return;
    }
    sd_event_source* source = nullptr;
    if (sd_event_add_defer(loop, &source, &Impl::on_flush, this) >= 0) {
        flush.reset(source);
        sd_event_source_set_priority(source, options.event_priority);
    }
}

void Bus::Impl::announce_changes() {
    for (const UnitId unit : changed) {
        is_changed[index_of(unit)] = false;
        if (!api.manager.is_known(
                unit)) {  // forgotten since: its id must not be asked for any more
            continue;
        }
        if (private_socket.has_subscribers()) {
            dispatcher.announce_change([&] { return private_socket.bus(); }, unit,
                                       [&](const Writer& signal) {
                                           private_socket.send_signal(
                                               signal, &PrivateConnection::is_subscribed);
                                       });
        }
        if (link.has_subscribers()) {
            dispatcher.announce_change([&] { return link.bus(); }, unit,
                                       [&](const Writer& signal) { link.send(signal); });
        }
    }
    changed.clear();
    announce_ended_jobs();
}

void Bus::Impl::announce_ended_jobs() {
    for (const EndedJob& job : ended) {
        const auto fill = [&](Writer& writer) {
            writer.u32(static_cast<std::uint32_t>(job.job))
                .path(job_path(job.job))
                .string(job.unit)
                .string(name_of(job.result));
        };
        emit("JobRemoved", fill, job.job);
        requests.job_ended(job.job);
    }
    ended.clear();
}

Bus::Bus(sd_event* loop,
         ManagerApi& manager,
         const std::vector<PropertyDescription>& settings,
         BusOptions options)
    : impl_(std::make_unique<Impl>(loop, manager, settings, std::move(options))) {}

Bus::~Bus() = default;

Result<void> Bus::start() {
    Result<void> listening = impl_->private_socket.listen(
        impl_->options.socket, {impl_->options.owner_socket}, impl_->options.event_priority,
        impl_->options.client_descriptors);
    if (const int why = impl_->long_answers.attach(impl_->loop, impl_->options.event_priority);
        why != 0) {
        return failure(why, "prepare the answers of the bus");
    }
    if (listening) {
        impl_->link.start();
    }
    return listening;
}

Result<void> Bus::listen_anew(const std::string& path) {
    return impl_->private_socket.listen_anew(path);
}

void Bus::leave_to_successor() {
    impl_->private_socket.leave_to_successor();
}

void Bus::reconnect() {
    impl_->link.reconnect();
}

void Bus::reply(const Reply& reply) {
    impl_->requests.answer(reply, impl_->api.manager);
}

void Bus::remember(const Reply& reply) {
    impl_->requests.remember(reply);
}

Answers& Bus::answers() {
    return impl_->requests.answers();
}

void Bus::job_new(JobId job, std::string_view unit) {
    const auto fill = [&](Writer& writer) {
        writer.u32(static_cast<std::uint32_t>(job)).path(job_path(job)).string(unit);
    };
    impl_->emit("JobNew", fill, job);
}

void Bus::job_removed(JobId job, std::string_view unit, JobResult result) {
    impl_->ended.push_back({job, std::string(unit), result});
    impl_->announce_later();
}

void Bus::unit_changed(UnitId unit) {
    impl_->mark_changed(unit);
}

void Bus::unit_new(UnitId unit) {
    const std::string name(impl_->api.manager.status(unit).name);
    impl_->emit("UnitNew", [&](Writer& writer) { writer.string(name).path(unit_path(name)); });
}

void Bus::unit_removed(std::string_view name) {
    impl_->emit("UnitRemoved", [&](Writer& writer) { writer.string(name).path(unit_path(name)); });
}

void Bus::watch_name(UnitId unit, const std::string& name) {
    impl_->link.names().watch(unit, name);
}

void Bus::unwatch_name(UnitId unit) {
    impl_->link.names().unwatch(unit);
}

void Bus::reloading(bool active) {
    impl_->emit("Reloading", [&](Writer& writer) { writer.boolean(active); });
}

void Bus::startup_finished() {
    // Firmware, loader, kernel and initrd are not ours to measure.
    const std::uint64_t userspace = monotonic_now() - impl_->created_at;
    impl_->emit("StartupFinished", [&](Writer& writer) {
        writer.u64(0).u64(0).u64(0).u64(0).u64(userspace).u64(userspace);
    });
}

}  // namespace svcd
