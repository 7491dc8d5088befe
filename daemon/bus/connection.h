// One client: of the private socket (private_connection.h), or all of them that are on a message
// bus (our connection to it). Sending never waits and is bounded: a peer that doesn't read loses
// its connection, and nobody else notices.
#pragma once

#include <systemd/sd-bus.h>

#include <cstddef>

#include "bus/message.h"

namespace svcd {

/// What may wait to be written to one peer. The message that goes beyond it cuts the connection (a
/// single answer may be larger).
inline constexpr std::size_t kQueuedBytesMax = 4 << 20;
/// The text of an error has at most so many bytes: what a caller sent does not come back to it, and
/// to a log, at any length.
inline constexpr std::size_t kErrorTextMax = 2048;

class Connection {
public:
    Connection() = default;
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Manager.Subscribe and Unsubscribe of the caller of this message. False: too many have.
    virtual bool subscribe(sd_bus_message* call) = 0;
    virtual void unsubscribe(sd_bus_message* call) = 0;

    /// What messages to it are made with.
    virtual sd_bus* bus() const = 0;
    virtual bool is_open() const = 0;
    /// Sends, or queues, or cuts the connection.
    virtual void send(const Writer& message) = 0;
    /// An answer is being made: it need not be asked for anything else meanwhile.
    virtual void wait_for_answer(bool /*waits*/) {}
    /// Ends the connection now. The object itself stays: it may be in use further up the stack.
    virtual void cut() = 0;

    /// Sends an answer; nothing when the caller expects none. A message that could not be built is
    /// answered with an error.
    void answer(sd_bus_message* call, const Writer& reply);
    void answer_error(sd_bus_message* call, const char* name, std::string_view text);
};

/// One with an sd-bus connection of its own.
class SdConnection : public Connection {
public:
    sd_bus* bus() const override { return bus_.get(); }
    bool is_open() const override { return bus_ && !broken_; }
    void send(const Writer& message) override;
    void cut() override;

protected:
    /// Cleans up after cut().
    virtual void on_cut() = 0;
    void open(sd_bus* bus);

private:
    SdBusRef bus_;
    bool broken_ = false;
    std::size_t queued_bytes_ = 0;
};

}  // namespace svcd
