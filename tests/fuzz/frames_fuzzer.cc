// What a client of the private socket sends, with or without a right handshake: whole messages, too
// large ones, halves, anything. It reads its answers, or doesn't, and goes. Whatever it does, what
// it gets are whole messages, and when it has gone nothing of it is left.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "bus/frame.h"
#include "bus/private_socket.h"
#include "fuzz/scratch_file.h"
#include "fuzz/small_bus.h"
#include "fuzz/target.h"

namespace svcd::fuzz {
namespace {

constexpr std::size_t kPieceMax = 8192;
/// More than a stranger's message may have.
constexpr std::size_t kMuch = kStrangersMessageMax + 4096;

/// Nobody connects to its socket: the clients are given to it.
class Server {
public:
    Server() { require(socket_.listen({scratch_folder() / "bus", 0600}, {}, 0).has_value()); }

    SmallBus& bus() { return bus_; }
    PrivateSocket& socket() { return socket_; }

private:
    SmallBus bus_{false};
    PrivateSocket socket_{bus_.loop(), bus_.dispatcher(), bus_.requests(), bus_.costs(),
                          bus_.authority()};
};

class Client {
public:
    Client(Server& server, std::uint32_t uid, std::string refusal) : server_(server) {
        std::array<int, 2> ends{};
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) ==
                0);
        end_.reset(ends[0]);
        server_end_ = ends[1];
        DriverFacts facts{":1.1", std::string(32, 'a'), {uid, 0}};
        connection_.emplace(server.socket(), Descriptor{ends[1]}, std::move(facts),
                            uid != kStranger, std::move(refusal));
    }
    ~Client() {
        connection_->cut();
        require(connection_->held_bytes() <= kHeldByNobody);
        server_.bus().settle();
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(std::string_view bytes) {
        require(::send(end_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != 0);
        serve();
    }

    void read() {
        std::array<char, kPieceMax> piece;
        ssize_t count = 0;
        while ((count = ::recv(end_.get(), piece.data(), piece.size(), 0)) > 0) {
            answers_.append(piece.data(), static_cast<std::size_t>(count));
        }
        connection_->serve(EPOLLOUT);
    }

    void go() {
        ::shutdown(end_.get(), SHUT_WR);
        serve();
        read();
        look_at_answers();
    }

private:
    /// A string's own room.
    static constexpr std::size_t kHeldByNobody = 32;

    bool has_bytes() const {
        int count = 0;
        return connection_->is_open() && ::ioctl(server_end_, FIONREAD, &count) == 0 && count > 0;
    }

    void serve() {
        // A client that waits for an answer, or for its answers to be taken, is not read.
        for (int turns = 0; turns < 64 && connection_->is_open(); ++turns) {
            const bool had_bytes = has_bytes();
            connection_->serve(EPOLLIN);
            server_.bus().settle();
            if (!had_bytes) {
                break;
            }
        }
    }

    void look_at_answers() const {
        std::string_view left{answers_};
        // The lines of the handshake; a message begins with 'l' or 'B'.
        while (!left.empty() && left.front() != 'l' && left.front() != 'B') {
            const std::size_t end = left.find("\r\n");
            require(end != std::string_view::npos);
            left.remove_prefix(end + 2);
        }
        while (left.size() >= kFrameHeaderSize) {
            const auto header = read_frame_header(left);
            require(header.has_value());
            left.remove_prefix(std::min(header->size, left.size()));
        }
    }

    Server& server_;
    Descriptor end_;
    int server_end_ = -1;
    std::optional<PrivateConnection> connection_;
    std::string answers_;
};

}  // namespace

void try_input(std::string_view input) {
    constexpr std::string_view kGreeting{"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 30};
    constexpr unsigned kRoot = 1;
    constexpr unsigned kGreets = 2;
    constexpr unsigned kReads = 4;
    constexpr unsigned kRefused = 8;
    constexpr unsigned kSendsMuch = 16;
    Bytes bytes{input};
    const unsigned flags = bytes.byte();
    const std::size_t size = bytes.byte();
    const std::size_t piece = size == 0 ? kPieceMax : size * 4;
    Server server;
    Client client{server, (flags & kRoot) != 0 ? 0 : kStranger,
                  (flags & kRefused) != 0 ? "There is no place." : ""};
    if ((flags & kGreets) != 0) {
        client.send(kGreeting);
    }
    for (std::string_view left = bytes.rest(); !left.empty();) {
        const std::string_view next = left.substr(0, piece);
        left.remove_prefix(next.size());
        client.send(next);
        if ((flags & kReads) != 0) {
            client.read();
        }
    }
    for (std::size_t sent = 0; (flags & kSendsMuch) != 0 && sent < kMuch; sent += kPieceMax) {
        client.send(std::string(kPieceMax, 'x'));
    }
    client.go();
}

}  // namespace svcd::fuzz
