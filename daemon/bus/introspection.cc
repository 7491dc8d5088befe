// The introspection XML, laid out as sd-bus does it.
#include "bus/dispatch.h"

namespace svcd {

namespace {

constexpr const char* kHead =
    "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
    "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
    "<node>\n";

constexpr const char* kStandardInterfaces =
    " <interface name=\"org.freedesktop.DBus.Peer\">\n"
    "  <method name=\"Ping\"/>\n"
    "  <method name=\"GetMachineId\">\n"
    "   <arg type=\"s\" name=\"machine_uuid\" direction=\"out\"/>\n"
    "  </method>\n"
    " </interface>\n"
    " <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
    "  <method name=\"Introspect\">\n"
    "   <arg name=\"xml_data\" type=\"s\" direction=\"out\"/>\n"
    "  </method>\n"
    " </interface>\n"
    " <interface name=\"org.freedesktop.DBus.Properties\">\n"
    "  <method name=\"Get\">\n"
    "   <arg name=\"interface_name\" direction=\"in\" type=\"s\"/>\n"
    "   <arg name=\"property_name\" direction=\"in\" type=\"s\"/>\n"
    "   <arg name=\"value\" direction=\"out\" type=\"v\"/>\n"
    "  </method>\n"
    "  <method name=\"GetAll\">\n"
    "   <arg name=\"interface_name\" direction=\"in\" type=\"s\"/>\n"
    "   <arg name=\"props\" direction=\"out\" type=\"a{sv}\"/>\n"
    "  </method>\n"
    "  <method name=\"Set\">\n"
    "   <arg name=\"interface_name\" direction=\"in\" type=\"s\"/>\n"
    "   <arg name=\"property_name\" direction=\"in\" type=\"s\"/>\n"
    "   <arg name=\"value\" direction=\"in\" type=\"v\"/>\n"
    "  </method>\n"
    "  <signal name=\"PropertiesChanged\">\n"
    "   <arg type=\"s\" name=\"interface_name\"/>\n"
    "   <arg type=\"a{sv}\" name=\"changed_properties\"/>\n"
    "   <arg type=\"as\" name=\"invalidated_properties\"/>\n"
    "  </signal>\n"
    " </interface>\n";

std::string argument(const std::string& type, const std::string& name, const char* direction) {
    std::string xml = "   <arg type=\"" + type + "\" name=\"" + name + "\"";
    if (direction) {
        xml += std::string(" direction=\"") + direction + "\"";
    }
    return xml + "/>\n";
}

std::string method_xml(const MethodRow& row) {
    const std::vector<std::string> in = complete_types(row.signature);
    const std::vector<std::string> out = complete_types(row.result);
    const std::vector<std::string> names = words(row.arguments);
    if (names.empty()) {
        return std::string("  <method name=\"") + row.name + "\"/>\n";
    }
    std::string xml = std::string("  <method name=\"") + row.name + "\">\n";
    for (std::size_t i = 0; i < names.size(); ++i) {
        xml += i < in.size() ? argument(in[i], names[i], "in")
                             : argument(out.at(i - in.size()), names[i], "out");
    }
    return xml + "  </method>\n";
}

std::string signal_xml(const SignalRow& row) {
    const std::vector<std::string> types = complete_types(row.signature);
    const std::vector<std::string> names = words(row.arguments);
    std::string xml = std::string("  <signal name=\"") + row.name + "\">\n";
    for (std::size_t i = 0; i < types.size(); ++i) {
        xml += argument(types[i], names.at(i), nullptr);
    }
    return xml + "  </signal>\n";
}

std::string property_xml(std::string_view name, std::string_view signature, Emits emits) {
    std::string xml = "  <property name=\"" + std::string(name) + "\" type=\"" +
                      std::string(signature) + "\" access=\"read\">\n";
    if (emits != Emits::change) {
        xml += std::string(
                   "   <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" "
                   "value=\"") +
               (emits == Emits::constant ? "const" : "false") + "\"/>\n";
    }
    return xml + "  </property>\n";
}

}  // namespace

std::string introspection_xml(const std::vector<const InterfaceTable*>& interfaces,
                              const std::vector<const std::vector<ShownSetting>*>& settings,
                              const std::vector<std::string>& children) {
    std::string xml = kHead;
    xml += kStandardInterfaces;
    for (std::size_t i = 0; i < interfaces.size(); ++i) {
        const InterfaceTable& table = *interfaces[i];
        xml += std::string(" <interface name=\"") + table.name + "\">\n";
        for (const MethodRow& row : table.methods) {
            xml += method_xml(row);
        }
        for (const PropertyRow& row : table.properties) {
            xml += property_xml(row.name, row.signature, row.emits);
        }
        for (const ShownSetting& row : *settings[i]) {
            xml += property_xml(row.description->name, signature_of(row.description->alternative),
                                Emits::nothing);
        }
        for (const SignalRow& row : table.signals) {
            xml += signal_xml(row);
        }
        xml += " </interface>\n";
    }
    for (const std::string& child : children) {
        xml += " <node name=\"" + child + "\"/>\n";
    }
    return xml + "</node>\n";
}

}  // namespace svcd
