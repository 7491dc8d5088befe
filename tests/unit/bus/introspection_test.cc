// packaging/dbus/*.xml is what the daemon says of itself. To write the files anew after a change of
// the API or of the table of settings: SVCD_UPDATE_DBUS_XML=1 bus_introspection_test
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "bus_daemon.h"
#include "client.h"
#include "unitfile/schema.h"

namespace svcd::test {
namespace {

constexpr const char* kHead =
    "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
    "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
    "<node>\n";

std::string introspect(Client& client, const char* path) {
    const char* xml = "";
    sd_bus_message_read(client.call(path, "org.freedesktop.DBus.Introspectable", "Introspect"), "s",
                        &xml);
    return xml;
}

/// One interface cut out of an object's XML, as a file of its own.
std::string interface_file(const std::string& xml, const std::string& interface) {
    const std::string begin = " <interface name=\"" + interface + "\">\n";
    const std::string end = " </interface>\n";
    const std::size_t from = xml.find(begin);
    if (from == std::string::npos) {
        return {};
    }
    return kHead + xml.substr(from, xml.find(end, from) + end.size() - from) + "</node>\n";
}

void expect_file_is(const std::string& interface, const std::string& xml) {
    const std::string path = std::string(SVCD_DBUS_XML_FOLDER) + "/" + interface + ".xml";
    if (std::getenv("SVCD_UPDATE_DBUS_XML")) {
        std::ofstream(path) << xml;
    }
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), xml) << path
                               << " is not what the daemon says; SVCD_UPDATE_DBUS_XML=1 writes it";
}

TEST(BusIntrospection, TheFilesInPackagingAreWhatTheDaemonSays) {
    BusDaemon daemon("none", setting_properties());
    daemon.in_loop([](FakeManager& manager) { manager.hold_jobs = true; });
    Client client(daemon.address());
    client.call("/org/svcd1", "org.svcd1.Manager", "StartUnit", "ss", "web.service", "replace");
    const std::pair<const char*, const char*> objects[] = {
        {"org.svcd1.Manager", "/org/svcd1"},
        {"org.svcd1.Unit", "/org/svcd1/unit/web_2eservice"},
        {"org.svcd1.Service", "/org/svcd1/unit/web_2eservice"},
        {"org.svcd1.Target", "/org/svcd1/unit/default_2etarget"},
        {"org.svcd1.Slice", "/org/svcd1/unit/web_2eslice"},
        {"org.svcd1.Job", "/org/svcd1/job/1"},
    };
    for (const auto& [interface, path] : objects) {
        expect_file_is(interface, interface_file(introspect(client, path), interface));
    }
}

TEST(BusIntrospection, FoldersListTheirObjects) {
    BusDaemon daemon;
    Client client(daemon.address());
    using ::testing::HasSubstr;
    EXPECT_THAT(introspect(client, "/"), HasSubstr("<node name=\"org\"/>"));
    EXPECT_THAT(introspect(client, "/org/svcd1"), HasSubstr("<node name=\"unit\"/>"));
    EXPECT_THAT(introspect(client, "/org/svcd1/unit"),
                HasSubstr("<node name=\"default_2etarget\"/>"));
}

}  // namespace
}  // namespace svcd::test
