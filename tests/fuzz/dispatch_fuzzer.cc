// Calls of the D-Bus API: any method of any object, with arguments of its signature or of another,
// then bytes of the message changed. An input is whether the units
// have been started, and a row of calls of root and of strangers, between which time passes. Each
// call that wants an answer gets exactly one, and each answer is a message.
#include <array>
#include <set>

#include "bus/frame.h"
#include "bus/message_codec.h"
#include "fuzz/small_bus.h"
#include "fuzz/target.h"
#include "fuzz/wire_call.h"

namespace svcd::fuzz {
namespace {

constexpr std::size_t kCallsMax = 24;
constexpr std::size_t kDamagesMax = 4;
constexpr std::size_t kMessageMaxOfInput = 64 * 1024;

/// All clients are on it, as on a message bus.
class MemoryConnection final : public Connection {
public:
    explicit MemoryConnection(MessageCodec& codec) : codec_(codec) {}

    bool subscribe(sd_bus_message*) override { return true; }
    void unsubscribe(sd_bus_message*) override {}
    sd_bus* bus() const override { return codec_.bus(); }
    bool is_open() const override { return true; }
    void cut() override {}
    void send(const Writer& message) override {
        require(message.ok());
        std::uint64_t answered = 0;
        require(sd_bus_message_get_reply_cookie(message.get(), &answered) >= 0);
        require(waiting_.erase(answered) == 1);
        const std::string bytes = codec_.encode(message.get());
        const auto header =
            bytes.size() < kFrameHeaderSize ? std::nullopt : read_frame_header(bytes);
        require(header && header->size == bytes.size());
    }

    void expect(std::uint64_t serial) { waiting_.insert(serial); }
    bool waits() const { return !waiting_.empty(); }

private:
    MessageCodec& codec_;
    std::set<std::uint64_t> waiting_;
};

struct Place {
    const char* path;
    std::array<const InterfaceTable*, 2> interfaces;
};

constexpr MethodRow kStandard[] = {
    {"Get", "ss", "v", "", Access::read, nullptr},
    {"GetAll", "s", "a{sv}", "", Access::read, nullptr},
    {"Set", "ssv", "", "", Access::read, nullptr},
    {"Introspect", "", "s", "", Access::read, nullptr},
};

const Place& place_of(unsigned choice) {
    static const auto kPlaces = std::to_array<Place>({
        {"/org/svcd1", {&manager_interface(), &manager_interface()}},
        {"/org/svcd1/unit/s0_2eservice", {&unit_interface(), &service_interface()}},
        {"/org/svcd1/unit/s1_2eservice", {&unit_interface(), &service_interface()}},
        {"/org/svcd1/unit/s7_2eservice", {&unit_interface(), &service_interface()}},
        {"/org/svcd1/unit/more_401_2eservice", {&unit_interface(), &service_interface()}},
        {"/org/svcd1/unit/none_2eservice", {&unit_interface(), &service_interface()}},
        {"/org/svcd1/unit/t_2etarget", {&unit_interface(), &target_interface()}},
        {"/org/svcd1/unit/u_2eslice", {&unit_interface(), &slice_interface()}},
        {"/org/svcd1/job/11", {&job_interface(), &job_interface()}},
        {"/org/svcd1/unit", {&unit_interface(), &manager_interface()}},
        {"/org/svcd1/job", {&job_interface(), &manager_interface()}},
        {"/", {&manager_interface(), &unit_interface()}},
    });
    // Most methods are the manager's.
    return kPlaces[choice < 0x80 ? 0 : choice % kPlaces.size()];
}

const char* standard_interface(const MethodRow& row) {
    return std::string_view{row.name} == "Introspect" ? "org.freedesktop.DBus.Introspectable"
                                                      : "org.freedesktop.DBus.Properties";
}

WireCall call_of(Bytes& input, unsigned flags) {
    constexpr unsigned kNoInterface = 4;
    constexpr unsigned kOtherSignature = 8;
    constexpr unsigned kNoAnswer = 16;
    WireCall call;
    const Place& place = place_of(input.byte());
    const unsigned choice = input.byte();
    const InterfaceTable& table = *place.interfaces[choice % 2];
    const std::size_t index = choice / 2 % (table.methods.size() + std::size(kStandard));
    const bool is_own = index < table.methods.size();
    const MethodRow& row = is_own ? table.methods[index] : kStandard[index - table.methods.size()];
    call.path = place.path;
    call.interface =
        (flags & kNoInterface) != 0 ? "" : (is_own ? table.name : standard_interface(row));
    call.member = row.name;
    call.signature =
        (flags & kOtherSignature) != 0 ? std::string{input.until('\xff')} : row.signature;
    call.wants_answer = (flags & kNoAnswer) == 0;
    call.body = ValuesOfInput{input}.body_of(call.signature);
    return call;
}

/// Of a size that its header tells; empty: it begins no message.
std::string damaged(std::string bytes, Bytes& input) {
    for (std::size_t count = input.byte() % kDamagesMax; count > 0; --count) {
        const std::size_t at = input.number(2) % bytes.size();
        bytes[at] = static_cast<char>(input.byte());
    }
    const auto header = read_frame_header(bytes);
    if (!header || header->size > kMessageMaxOfInput) {
        return {};
    }
    bytes.resize(header->size);
    return bytes;
}

class Session {
public:
    explicit Session(bool starts_units) : bus_(starts_units) {}

    void call(Bytes& input) {
        constexpr unsigned kRoot = 1;
        constexpr unsigned kDamaged = 2;
        constexpr unsigned kTimePasses = 32;
        const unsigned flags = input.byte();
        WireCall made = call_of(input, flags);
        made.serial = ++serial_;
        std::string bytes = made.bytes();
        if ((flags & kDamaged) != 0) {
            bytes = damaged(std::move(bytes), input);
        }
        if (!bytes.empty()) {
            deliver(bytes, (flags & kRoot) != 0 ? 0 : kStranger);
        }
        if ((flags & kTimePasses) != 0) {
            bus_.manager().pass(Duration{std::int64_t{1} << (input.byte() % 40)});
        }
        // Else it still waits when the next one comes.
        if (flags < 0x80) {
            bus_.settle();
        }
    }

    void end() {
        bus_.settle();
        require(!connection_.waits() || bus_.manager().is_exhausted());
        bus_.dispatcher().forget(connection_);
    }

private:
    static MessageCodec& codec() {
        static MessageCodec kept;
        static const bool is_open = kept.open().has_value();
        require(is_open);
        return kept;
    }

    void deliver(const std::string& bytes, std::uint32_t uid) {
        const std::uint32_t serial = read_frame_header(bytes)->serial;
        codec().decode(bytes, serial, [&](sd_bus_message* message) {
            std::uint8_t type = 0;
            sd_bus_message_get_type(message, &type);
            if (type != SD_BUS_MESSAGE_METHOD_CALL) {
                return 1;
            }
            if (sd_bus_message_get_expect_reply(message) > 0) {
                connection_.expect(serial);
            }
            bus_.dispatcher().dispatch({connection_, message, {uid, 0}});
            return 1;
        });
        codec().take_answer();
    }

    SmallBus bus_;
    MemoryConnection connection_{codec()};
    std::uint32_t serial_ = 0;
};

}  // namespace

void try_input(std::string_view bytes) {
    Bytes input{bytes};
    Session session{input.byte() % 2 == 1};
    for (std::size_t count = 0; count < kCallsMax && !input.is_over(); ++count) {
        session.call(input);
    }
    session.end();
}

}  // namespace svcd::fuzz
