// What services send: datagrams of any bytes, each after a 0xff and a byte of time, to a supervisor
// that has a service of each type running. Whatever they say, the records of the units stay such as
// a next manager takes.
#include <algorithm>

#include "fuzz/small_manager.h"
#include "fuzz/target.h"
#include "linux/notify_socket.h"

namespace svcd::fuzz {
namespace {

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

void look_at(const Notification& notification) {
    require(!notification.main_pid || *notification.main_pid > 0);
    require(!notification.error_number || *notification.error_number >= 0);
    require(!notification.extend_timeout || *notification.extend_timeout >= Duration{0});
    require(!notification.watchdog_interval || *notification.watchdog_interval >= Duration{0});
    if (notification.status) {
        require(notification.status->size() <= kStatusTextMax);
        require(std::none_of(notification.status->begin(), notification.status->end(), is_control));
    }
}

}  // namespace

void try_input(std::string_view input) {
    SmallManager manager;
    manager.start_all();
    Bytes bytes{input};
    while (!bytes.is_over()) {
        const unsigned choice = bytes.byte();
        ParsedNotification parsed = parse_notification(bytes.until('\xff'));
        look_at(parsed.notification);
        parsed.notification.sender = static_cast<Pid>(choice % 8);
        parsed.notification.unit = manager.unit(choice / 8);
        manager.step(std::move(parsed.notification));
        manager.pass(Duration{std::int64_t{1} << (choice % 40)});
    }
}

}  // namespace svcd::fuzz
