#include "bus/connection.h"

#include "bus/error_names.h"

namespace svcd {

void SdConnection::open(sd_bus* bus) {
    bus_.reset(bus);
    broken_ = false;
    queued_bytes_ = 0;
}

void SdConnection::cut() {
    if (!is_open()) {
        return;
    }
    broken_ = true;
    // Drops what is queued, too. The object itself may be in use further up the stack.
    sd_bus_close(bus_.get());
    on_cut();
}

void SdConnection::send(const Writer& message) {
    if (!is_open() || !message.ok()) {
        return;
    }
    std::uint64_t queued = 0;
    if (sd_bus_get_n_queued_write(bus_.get(), &queued) < 0 || queued == 0) {
        queued_bytes_ = 0;
    }
    if (queued_bytes_ > kQueuedBytesMax) {
        cut();
        return;
    }
    if (sd_bus_send(bus_.get(), message.get(), nullptr) < 0) {
        cut();
        return;
    }
    if (sd_bus_get_n_queued_write(bus_.get(), &queued) >= 0 && queued > 0) {
        queued_bytes_ += message.size();
    }
}

void Connection::answer(sd_bus_message* call, const Writer& reply) {
    if (!is_open() || sd_bus_message_get_expect_reply(call) <= 0) {
        return;
    }
    if (reply.is_too_large()) {
        answer_error(call, kErrorLimitsExceeded,
                     "The answer has more bytes than a caller gets who may change nothing; ask for "
                     "less at a time.");
        return;
    }
    if (!reply.ok()) {
        answer_error(call, kErrorFailed, "The answer could not be put into a message.");
        return;
    }
    send(reply);
}

void Connection::answer_error(sd_bus_message* call, const char* name, std::string_view text) {
    if (!is_open() || sd_bus_message_get_expect_reply(call) <= 0) {
        return;
    }
    send(Writer::error_to(call, name, shortened(text, kErrorTextMax)));
}

}  // namespace svcd
