// One client of the private socket. Its bytes are read and written here; sd-bus makes messages of
// them (message_codec.h), which are measured before there is memory for them.
//
//   handshake ──BEGIN──► header ──16 bytes──► message ──all of it──► handled ──► header ...
//                           │
//                           └─larger than its limit──► skipped ──all of it──► refused ──► header
//                           ...
//
// Of a message there is in memory what has come of it, never what its header promises.
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/connection.h"
#include "bus/descriptor.h"
#include "bus/driver.h"
#include "bus/frame.h"
#include "bus/handshake.h"

namespace svcd {

/// A message of a client who may change things, and of a stranger (authorisation.h).
inline constexpr std::size_t kMessageMax = 4 << 20;
inline constexpr std::size_t kStrangersMessageMax = 64 * 1024;
/// What strangers cost in memory, all of them together: what has come of their messages, and what
/// waits to be written to them.
inline constexpr std::size_t kStrangersBytesMax = 8 << 20;

/// Bytes that wait to be written, to one client or to several. Those that wait for a stranger are
/// counted, once.
class Packet {
public:
    explicit Packet(std::string bytes) : bytes_(std::move(bytes)) {}
    ~Packet() {
        if (counter_ != nullptr) {
            *counter_ -= bytes_.size();
        }
    }
    Packet(const Packet&) = delete;
    Packet& operator=(const Packet&) = delete;

    std::string_view bytes() const { return bytes_; }
    void count_in(std::size_t& counter) {
        if (counter_ == nullptr) {
            counter_ = &counter;
            counter += bytes_.size();
        }
    }

private:
    std::string bytes_;
    std::size_t* counter_ = nullptr;
};
using PacketRef = std::shared_ptr<Packet>;

class PrivateSocket;

class PrivateConnection final : public Connection {
public:
    /// `refusal`: why there is no place for it; it is told so when it calls, and is cut then.
    PrivateConnection(PrivateSocket& owner,
                      Descriptor socket,
                      DriverFacts facts,
                      bool trusted,
                      std::string refusal);
    ~PrivateConnection() override;

    sd_bus* bus() const override;
    bool is_open() const override { return static_cast<bool>(socket_); }
    void send(const Writer& message) override;
    void cut() override;
    void wait_for_answer(bool waits) override;
    bool subscribe(sd_bus_message* call) override;
    void unsubscribe(sd_bus_message* call) override;

    void send(const PacketRef& packet);

    /// Manager's signals go to whoever asked for signals in either way, PropertiesChanged only to
    /// subscribers.
    bool wants_signals() const { return is_open() && (wants_signals_ || subscribed_); }
    bool is_subscribed() const { return is_open() && subscribed_; }
    bool is_trusted() const { return trusted_; }
    bool is_refused() const { return !refusal_.empty(); }
    /// It has called, and the answer is on its way.
    bool is_busy() const { return waits_for_answer_; }
    std::chrono::steady_clock::time_point last_called() const { return last_called_; }
    uid_t uid() const { return *facts_.client.uid; }
    /// What it costs in memory.
    std::size_t held_bytes() const { return in_.capacity() + queued_bytes_; }

    /// Does what its socket is ready for (epoll(7)'s bits): writes, and reads one message at most.
    void serve(std::uint32_t events);
    /// Writes what waits, as far as the client takes it.
    void write();

private:
    void read();
    void read_handshake();
    void read_message();
    void skip();
    bool fill(std::size_t size);
    ssize_t receive(char* buffer, std::size_t size, int flags = 0);
    void count_input();
    void handle_message();
    int handle(sd_bus_message* message);
    bool may_have_signals() const;
    void refuse_size(std::size_t size, std::uint32_t serial);
    std::size_t message_max() const { return trusted_ ? kMessageMax : kStrangersMessageMax; }
    /// Root hears of a thousand units that start and end while it does something else.
    std::size_t queue_max() const { return trusted_ ? 3 * kQueuedBytesMax : kQueuedBytesMax / 4; }
    /// Tells epoll what it waits for.
    void watch();

    PrivateSocket& owner_;
    Descriptor socket_;
    DriverFacts facts_;
    bool trusted_;
    std::string refusal_;
    bool is_done_for_ = false;  ///< to be cut when all is written
    std::chrono::steady_clock::time_point last_called_ = std::chrono::steady_clock::now();
    bool wants_signals_ = false;
    bool is_served_ = false;  ///< it is its turn: what is sent is written at its end
    bool subscribed_ = false;
    bool waits_for_answer_ = false;
    bool is_watched_ = false;
    std::uint32_t watched_for_ = 0;

    Handshake handshake_;
    std::string in_;                     ///< what has come of a message
    std::size_t counted_input_ = 0;      ///< of a stranger's, in the owner's count
    std::optional<FrameHeader> header_;  ///< of the message that is on its way
    std::size_t to_skip_ = 0;            ///< bytes of one that is too large

    std::deque<PacketRef> out_;
    std::size_t written_ = 0;       ///< of the first of them
    std::size_t queued_bytes_ = 0;  ///< in all of them
    bool waits_for_room_ = false;   ///< its socket took no more
};

}  // namespace svcd
