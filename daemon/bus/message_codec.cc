#include "bus/message_codec.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <new>

#include "bus/api_table.h"

namespace svcd {
namespace {

/// The memfd is given back to the kernel when it has grown beyond this.
constexpr off_t kKeptBytes = 64 * 1024;

}  // namespace

Result<void> MessageCodec::open() {
    constexpr char kHandshake[] = "\0AUTH ANONYMOUS 73766364\r\nBEGIN\r\n";
    const char* const what = "prepare the private socket's messages";
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return failure(errno, what, "pipe2");
    }
    Descriptor to_read(ends[0]);
    in_.reset(ends[1]);
    out_.reset(::memfd_create("svcd-bus", MFD_CLOEXEC));
    Descriptor to_write(out_ ? ::fcntl(out_.get(), F_DUPFD_CLOEXEC, 0) : -1);
    if (!to_write) {
        return failure(errno, what, "memfd_create");
    }
    sd_id128_t id{};
    sd_bus* bus = nullptr;
    int status = sd_id128_randomize(&id);
    status = status < 0 ? status : sd_bus_new(&bus);
    if (status < 0) {
        return failure(-status, what);
    }
    filter_.reset();
    bus_.reset(bus);
    sd_bus_slot* filter = nullptr;
    status = sd_bus_set_fd(bus, to_read.get(), to_write.get());
    if (status >= 0) {
        to_read.release();
        to_write.release();
    }
    // Who a client is, its own handshake and the kernel have said (handshake.h).
    status = status < 0 ? status : sd_bus_set_server(bus, 1, id);
    status = status < 0 ? status : sd_bus_set_anonymous(bus, 1);
    status = status < 0 ? status : sd_bus_negotiate_fds(bus, 0);
    status = status < 0 ? status : sd_bus_set_sender(bus, kBusName);
    status = status < 0 ? status : sd_bus_add_filter(bus, &filter, &MessageCodec::on_message, this);
    filter_.reset(filter);
    status = status < 0 ? status : sd_bus_start(bus);
    if (status >= 0 && (!feed({kHandshake, sizeof kHandshake - 1}) || sd_bus_is_ready(bus) <= 0)) {
        status = -EPROTO;
    }
    if (status < 0) {
        return failure(-status, what, "sd-bus");
    }
    take();
    is_broken_ = false;
    return {};
}

/// Has sd-bus read the bytes. False: it is of no use any more.
bool MessageCodec::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(in_.get(), bytes.data(), bytes.size());
        if (count <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
        // It reads up to a message or the end of what there is, and handles one message a call.
        int status = 1;
        for (int calls = 0; status > 0 && calls < 8; ++calls) {
            status = sd_bus_process(bus_.get(), nullptr);
        }
        if (status != 0) {
            return false;
        }
    }
    return true;
}

MessageCodec::Decoded MessageCodec::decode(std::string_view bytes,
                                           std::uint32_t serial,
                                           const Handler& handler) {
    handler_ = &handler;
    serial_ = serial;
    result_ = Decoded::unreadable;
    const bool is_possible = is_usable();
    is_decoding_ = true;
    const bool was_fed = is_possible && feed(bytes);
    is_decoding_ = false;
    handler_ = nullptr;
    // Nothing of one client's bytes may be taken for the beginning of another's: begun afresh.
    is_broken_ = is_broken_ || !was_fed || result_ != Decoded::handled;
    return was_fed ? result_ : Decoded::no_memory;
}

int MessageCodec::on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    return static_cast<MessageCodec*>(self)->hand_over(message);
}

int MessageCodec::hand_over(sd_bus_message* message) {
    std::uint64_t cookie = 0;
    if (handler_ == nullptr || sd_bus_message_get_cookie(message, &cookie) < 0 ||
        cookie != serial_) {
        return 1;  // our own connection's end, or nothing that was asked for
    }
    const Handler& handler = *std::exchange(handler_, nullptr);  // one message a call
    result_ = Decoded::handled;
    try {
        return handler(message);
    } catch (const std::bad_alloc&) {
        result_ = Decoded::no_memory;
    }
    return 1;
}

bool MessageCodec::is_usable() {
    return !is_broken_ || open().has_value();
}

std::string MessageCodec::encode(sd_bus_message* message) {
    // Not afresh while a message is being handled: sd-bus is up the stack.
    if ((is_decoding_ && is_broken_) || (!is_decoding_ && !is_usable())) {
        return {};
    }
    std::uint64_t queued = 0;
    if (sd_bus_send(bus_.get(), message, nullptr) < 0 ||
        sd_bus_get_n_queued_write(bus_.get(), &queued) < 0 || queued > 0) {
        is_broken_ = true;
    }
    std::string bytes = take();
    return is_broken_ ? std::string{} : bytes;
}

/// What sd-bus has written since the last time; empty also when there is no memory for it.
std::string MessageCodec::take() {
    std::string bytes;
    const off_t size = ::lseek(out_.get(), 0, SEEK_CUR);
    if (size <= 0) {
        return bytes;
    }
    try {
        bytes.resize(static_cast<std::size_t>(size));
    } catch (const std::bad_alloc&) {
        is_broken_ = true;
    }
    if (::pread(out_.get(), bytes.data(), bytes.size(), 0) != size) {
        is_broken_ = true;
    }
    ::lseek(out_.get(), 0, SEEK_SET);
    if (size > kKeptBytes) {
        [[maybe_unused]] const int truncated = ::ftruncate(out_.get(), 0);
    }
    return bytes;
}

}  // namespace svcd
