#include "bus/private_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

#include "bus/error_names.h"
#include "bus/private_socket.h"
#include "linux/prod.h"

namespace svcd {
namespace {

/// Read in one piece.
constexpr std::size_t kPiece = 16 * 1024;
/// Pieces of one client in its turn.
constexpr int kPiecesPerTurn = 4;
/// The kernel's own room for what a stranger doesn't read; it doubles this.
constexpr int kStrangersSocketBytes = 64 * 1024;

}  // namespace

PrivateConnection::PrivateConnection(
    PrivateSocket& owner, Descriptor socket, DriverFacts facts, bool trusted, std::string refusal)
    : owner_(owner),
      socket_(std::move(socket)),
      facts_(std::move(facts)),
      trusted_(trusted),
      refusal_(std::move(refusal)),
      handshake_(*facts_.client.uid, facts_.server_id) {
    if (!trusted_) {
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &kStrangersSocketBytes,
                     sizeof kStrangersSocketBytes);
    }
    watch();
}

PrivateConnection::~PrivateConnection() {
    owner_.strangers_bytes_ -= counted_input_;
}

sd_bus* PrivateConnection::bus() const {
    return owner_.codec_.bus();
}

bool PrivateConnection::may_have_signals() const {
    return trusted_ || wants_signals() || owner_.has_room_for_subscriber(uid());
}

bool PrivateConnection::subscribe(sd_bus_message*) {
    subscribed_ = subscribed_ || may_have_signals();
    return subscribed_;
}

void PrivateConnection::unsubscribe(sd_bus_message*) {
    subscribed_ = false;
}

void PrivateConnection::cut() {
    if (!is_open()) {
        return;
    }
    // Closing it would not do while a child on its way to execve has a copy.
    if (is_watched_) {
        ::epoll_ctl(owner_.ready_.get(), EPOLL_CTL_DEL, socket_.get(), nullptr);
    }
    ::shutdown(socket_.get(), SHUT_RDWR);
    {
        const Prod prod{owner_.may_bring_descriptors_};
        socket_.reset();
    }
    out_.clear();
    queued_bytes_ = 0;
    std::string().swap(in_);  // an assignment would keep the memory
    count_input();
    owner_.dispatcher_.forget(*this);
    owner_.bury_later();
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────

void PrivateConnection::serve(std::uint32_t events) {
    is_served_ = true;
    if ((events & EPOLLOUT) != 0) {
        write();
    }
    if (is_open() && (events & EPOLLIN) != 0) {
        try {
            read();
        } catch (const std::bad_alloc&) {
            cut();
        }
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        cut();  // it has gone, and nothing of it is to be read
    }
    is_served_ = false;
    write();
}

void PrivateConnection::read() {
    if (!handshake_.is_done()) {
        read_handshake();
    } else if (to_skip_ > 0) {
        skip();
    } else {
        read_message();
    }
}

/// What follows the handshake stays in the socket.
void PrivateConnection::read_handshake() {
    std::array<char, 512> bytes;
    const ssize_t count = receive(bytes.data(), bytes.size(), MSG_PEEK);
    if (count <= 0) {
        return;
    }
    std::string answer;
    const std::size_t taken =
        handshake_.take({bytes.data(), static_cast<std::size_t>(count)}, answer);
    receive(bytes.data(), taken);
    if (handshake_.has_failed()) {
        cut();
    } else if (!answer.empty()) {
        send(std::make_shared<Packet>(std::move(answer)));
    }
}

void PrivateConnection::read_message() {
    if (!header_) {
        if (!fill(kFrameHeaderSize)) {
            return;
        }
        header_ = read_frame_header(in_);
        if (!header_) {
            cut();
            return;
        }
        if (header_->size > message_max()) {
            to_skip_ = header_->size - kFrameHeaderSize;
            in_.clear();
            return;
        }
    }
    if (fill(header_->size)) {
        handle_message();
    }
}

/// Reads until `size` bytes of the message are there, and not beyond. False: they have not come
/// yet, or the client has had its turn.
bool PrivateConnection::fill(std::size_t size) {
    std::array<char, kPiece> piece;
    for (int i = 0; i < kPiecesPerTurn && in_.size() < size; ++i) {
        const std::size_t wanted = std::min(size - in_.size(), piece.size());
        const ssize_t count = receive(piece.data(), wanted);
        if (count <= 0) {
            return false;
        }
        in_.append(piece.data(), static_cast<std::size_t>(count));
        count_input();
        owner_.relieve();
        if (!is_open()) {
            return false;
        }
    }
    return in_.size() == size;
}

void PrivateConnection::skip() {
    std::array<char, kPiece> piece;
    for (int i = 0; i < kPiecesPerTurn && to_skip_ > 0; ++i) {
        const ssize_t count = receive(piece.data(), std::min(to_skip_, piece.size()));
        if (count <= 0) {
            return;
        }
        to_skip_ -= static_cast<std::size_t>(count);
    }
    if (to_skip_ == 0) {
        const FrameHeader header = *header_;
        header_.reset();
        if (header.wants_answer) {
            refuse_size(header.size, header.serial);
        }
    }
}

/// How many bytes came; 0 or less: none, and the connection is cut when there will be no more.
ssize_t PrivateConnection::receive(char* buffer, std::size_t size, int flags) {
    const ssize_t count = ::recv(socket_.get(), buffer, size, flags | MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        cut();
    }
    return count;
}

void PrivateConnection::count_input() {
    if (trusted_) {
        return;
    }
    owner_.strangers_bytes_ += in_.capacity() - counted_input_;
    counted_input_ = in_.capacity();
}

void PrivateConnection::handle_message() {
    last_called_ = std::chrono::steady_clock::now();
    const std::string bytes = std::exchange(in_, {});
    const std::uint32_t serial = header_->serial;
    header_.reset();
    count_input();
    const auto handler = [this](sd_bus_message* message) { return handle(message); };
    if (owner_.codec_.decode(bytes, serial, handler) != MessageCodec::Decoded::handled) {
        cut();
        return;
    }
    std::string answer = owner_.codec_.take_answer();
    if (!answer.empty()) {
        send(std::make_shared<Packet>(std::move(answer)));
    }
}

void PrivateConnection::refuse_size(std::size_t size, std::uint32_t serial) {
    const std::string text = "A message of " + std::to_string(size) +
                             " bytes was not read, nothing was done: it may have " +
                             std::to_string(message_max()) +
                             (trusted_ ? "." : " of a caller who may change nothing.");
    owner_.codec_.decode(stand_in_call(serial), serial, [&](sd_bus_message* call) {
        answer_error(call, kErrorLimitsExceeded, text);
        return 1;
    });
}

int PrivateConnection::handle(sd_bus_message* message) {
    std::uint8_t type = 0;
    sd_bus_message_get_type(message, &type);
    if (type != SD_BUS_MESSAGE_METHOD_CALL) {
        return 1;  // a client has nothing to tell us but calls
    }
    const char* interface = sd_bus_message_get_interface(message);
    if (interface && std::string_view(interface) == "org.freedesktop.DBus.Peer") {
        return 0;  // sd-bus answers
    }
    const char* destination = sd_bus_message_get_destination(message);
    const std::string_view to = destination ? destination : kBusName;
    if (to == "org.freedesktop.DBus") {
        answer_as_driver(*this, message, facts_, [this] {
            wants_signals_ = wants_signals_ || (may_have_signals() && !is_refused());
            return wants_signals_ || is_refused();
        });
    } else if (is_refused()) {
        answer_error(message, kErrorLimitsExceeded, refusal_);
        is_done_for_ = true;
    } else if (to == kBusName) {
        owner_.dispatcher_.dispatch({*this, message, facts_.client});
    } else {
        answer_error(
            message, kErrorServiceUnknown,
            "There is no " + shown_name(to) + " on svcd's private socket; there is org.svcd1.");
    }
    return 1;
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────

void PrivateConnection::send(const Writer& message) {
    if (!is_open() || !message.ok()) {
        return;
    }
    std::string bytes = owner_.codec_.encode(message.get());
    if (bytes.empty()) {
        cut();
        return;
    }
    send(std::make_shared<Packet>(std::move(bytes)));
}

void PrivateConnection::send(const PacketRef& packet) {
    if (!is_open()) {
        return;
    }
    if (queued_bytes_ > queue_max()) {
        cut();
        return;
    }
    out_.push_back(packet);
    queued_bytes_ += packet->bytes().size();
    if (trusted_) {
        write();
        return;
    }
    packet->count_in(owner_.strangers_bytes_);
    if (!is_served_) {
        owner_.write_later(*this);
    }
    owner_.relieve();
}

void PrivateConnection::write() {
    constexpr std::size_t kAtOnce = 16;
    waits_for_room_ = false;
    while (is_open() && !out_.empty() && !waits_for_room_) {
        std::array<iovec, kAtOnce> parts{};
        std::size_t count = 0;
        for (; count < parts.size() && count < out_.size(); ++count) {
            std::string_view bytes = out_[count]->bytes();
            bytes.remove_prefix(count == 0 ? written_ : 0);
            parts[count] = {const_cast<char*>(bytes.data()), bytes.size()};
        }
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            cut();
            return;
        }
        waits_for_room_ = sent < 0;
        written_ += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        while (!out_.empty() && written_ >= out_.front()->bytes().size()) {
            written_ -= out_.front()->bytes().size();
            queued_bytes_ -= out_.front()->bytes().size();
            out_.pop_front();
        }
    }
    if (is_done_for_ && out_.empty()) {
        cut();
    }
    watch();
}

void PrivateConnection::wait_for_answer(bool waits) {
    waits_for_answer_ = waits;
    watch();
}

/// A stranger has no more of its calls read before it has taken their answers.
void PrivateConnection::watch() {
    const bool reads = !waits_for_answer_ && (trusted_ || out_.empty());
    const std::uint32_t wanted = (reads ? EPOLLIN : 0U) | (waits_for_room_ ? EPOLLOUT : 0U);
    if (!is_open() || (is_watched_ && wanted == watched_for_)) {
        return;
    }
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = this;
    const int operation = is_watched_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (::epoll_ctl(owner_.ready_.get(), operation, socket_.get(), &event) < 0) {
        cut();
        return;
    }
    is_watched_ = true;
    watched_for_ = wanted;
}

}  // namespace svcd
