// What holds for each method of the API, also for one that is added.
#include <gmock/gmock.h>

#include "bus/api_table.h"
#include "bus/body_limits.h"
#include "bus_daemon.h"
#include "client.h"
#include "strangers.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTooMuch = "org.freedesktop.DBus.Error.LimitsExceeded";

struct Method {
    const char* path;
    const char* interface;
    const MethodRow* row;
};

/// Those that take a text.
std::vector<Method> methods_with_texts() {
    std::vector<Method> found;
    const auto add = [&](const char* path, const InterfaceTable& table) {
        for (const MethodRow& row : table.methods) {
            if (std::string_view(row.signature).find('s') != std::string_view::npos) {
                found.push_back({path, table.name, &row});
            }
        }
    };
    add("/org/svcd1", manager_interface());
    add("/org/svcd1/unit/web_2eservice", unit_interface());
    add("/org/svcd1/unit/web_2eservice", service_interface());
    return found;
}

/// A value of this type: every text is `text`, every list has `count` elements.
void append(sd_bus_message* call,
            const std::string& type,
            const std::string& text,
            std::size_t count) {
    const std::string inner = type.substr(1);
    if (type == "a{sv}") {
        sd_bus_message_append(call, "a{sv}", 1, text.c_str(), "s", text.c_str());
    } else if (type[0] == 'a') {
        sd_bus_message_open_container(call, 'a', inner.c_str());
        for (std::size_t i = 0; i < count; ++i) {
            append(call, inner, text, count);
        }
        sd_bus_message_close_container(call);
    } else if (type == "s") {
        sd_bus_message_append(call, "s", text.c_str());
    } else {
        const std::uint32_t number = 1;
        sd_bus_message_append_basic(call, type[0], &number);
    }
}

/// What the call is refused with; nothing: it isn't.
CallError refusal_of(Client& client,
                     const Method& method,
                     const std::string& text,
                     std::size_t count) {
    sd_bus_message* call = nullptr;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message_new_method_call(client.bus(), &call, "org.svcd1", method.path, method.interface,
                                   method.row->name);
    for (const std::string& type : complete_types(method.row->signature)) {
        append(call, type, text, count);
    }
    sd_bus_call(client.bus(), call, 0, &error, nullptr);
    CallError refused{error.name ? error.name : "", error.message ? error.message : ""};
    sd_bus_error_free(&error);
    sd_bus_message_unref(call);
    return refused;
}

TEST(EveryMethod, CutsWhatItSaysOfALongText) {
    BusDaemon daemon;
    Client client(daemon.address());
    for (const Method& method : methods_with_texts()) {
        SCOPED_TRACE(method.row->name);
        const std::string message = refusal_of(client, method, std::string(5000, 'x'), 2).message;
        EXPECT_LT(message.size(), 600U) << message;
        EXPECT_THAT(message, Not(HasSubstr(std::string(129, 'x'))));
    }
}

TEST(EveryMethod, SaysNothingThatATerminalWouldObey) {
    BusDaemon daemon;
    Client client(daemon.address());
    for (const Method& method : methods_with_texts()) {
        SCOPED_TRACE(method.row->name);
        const std::string message = refusal_of(client, method,
                                               "a\x1b[31m\xc2\x9b"
                                               "31m\n",
                                               1)
                                        .message;
        EXPECT_THAT(message, Not(HasSubstr("\x1b")));
        EXPECT_THAT(message, Not(HasSubstr("\xc2\x9b")));
    }
}

TEST(EveryMethod, RefusesALongList) {
    BusDaemon daemon;
    Client client(daemon.address());
    std::size_t lists = 0;
    for (const Method& method : methods_with_texts()) {
        if (std::string_view(method.row->signature).find("as") != std::string_view::npos) {
            SCOPED_TRACE(method.row->name);
            EXPECT_EQ(refusal_of(client, method, "a.service", kElementsMax + 1).name, kTooMuch);
            ++lists;
        }
    }
    EXPECT_GE(lists, 5U);
}

TEST(EveryMethod, TakesLittleTextFromAStranger) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to become another user";
    }
    BusDaemon daemon;
    const std::string address = daemon.address();
    EXPECT_EQ(as_nobody([&]() -> int {
                  Client client(address);
                  const std::string text(kStrangersTextMax + 1, 'x');
                  int untold = 0;
                  for (const Method& method : methods_with_texts()) {
                      untold += refusal_of(client, method, text, 1).name == kTooMuch ? 0 : 1;
                  }
                  return untold;
              }),
              0);
}

}  // namespace
}  // namespace svcd::test
