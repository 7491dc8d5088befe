// One sd-bus connection: a client's on the private socket, or ours to a message bus. Sending never
// waits and is bounded: a peer that doesn't read loses its connection, and nobody else notices.
#pragma once

#include <systemd/sd-bus.h>

#include <cstddef>

#include "bus/message.h"

namespace svcd {

/// What may wait to be written to one peer. The message that goes beyond it cuts the connection (a
/// single answer may be larger).
inline constexpr std::size_t kQueuedBytesMax = 4 << 20;

class Connection {
public:
    explicit Connection(std::size_t queued_bytes_max) : queued_bytes_max_(queued_bytes_max) {}
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Manager.Subscribe and Unsubscribe of the caller of this message. False: too many have.
    virtual bool subscribe(sd_bus_message* call) = 0;
    virtual void unsubscribe(sd_bus_message* call) = 0;

    sd_bus* bus() const { return bus_.get(); }
    bool is_open() const { return bus_ && !broken_; }

    /// Sends, or queues, or cuts the connection.
    void send(const Writer& message);
    /// The same for an answer; nothing when the caller expects none. A message that could not be
    /// built is answered with an error.
    void answer(sd_bus_message* call, const Writer& reply);
    void answer_error(sd_bus_message* call, const char* name, std::string_view text);

    /// Ends the connection now; on_cut() cleans up later, out of sd-bus's own frames.
    void cut();

protected:
    virtual void on_cut() = 0;
    void open(sd_bus* bus);

private:
    SdBusRef bus_;
    bool broken_ = false;
    std::size_t queued_bytes_max_;
    std::size_t queued_bytes_ = 0;
};

}  // namespace svcd
