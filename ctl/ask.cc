#include "ask.h"

#include <array>
#include <cstdio>

#include "unit_names.h"

namespace svcd {
namespace {

constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
constexpr const char* kUnitInterface = "org.svcd1.Unit";
constexpr const char* kManagerInterface = "org.svcd1.Manager";

template <typename T>
Json read_basic(sdbus::Message& message) {
    T value{};
    message >> value;
    return Json(std::move(value));
}

Json read_path(sdbus::Message& message) {
    sdbus::ObjectPath path;
    message >> path;
    return Json(static_cast<const std::string&>(path));
}

bool at_end(const sdbus::Message& message, std::string& type, std::string& contents) {
    message.peekType(type, contents);
    return type.empty() || type[0] == '\0';
}

Json read_bytes(sdbus::Message& message) {
    std::vector<std::uint8_t> bytes;
    message >> bytes;
    std::string text;
    for (const std::uint8_t byte : bytes) {
        std::array<char, 4> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(byte));
        text += digits.data();
    }
    return text;
}

Json read_dictionary(sdbus::Message& message, const std::string& entry) {
    Json object = Json::object();
    message.enterContainer(entry);
    std::string type;
    std::string contents;
    while (!at_end(message, type, contents)) {
        message.enterDictEntry(contents);
        const Json key = read_value(message);
        object[key.is_string() ? key.get<std::string>() : key.dump()] = read_value(message);
        message.exitDictEntry();
    }
    message.clearFlags();
    message.exitContainer();
    return object;
}

Json read_array(sdbus::Message& message, const std::string& element) {
    Json list = Json::array();
    message.enterContainer(element);
    std::string type;
    std::string contents;
    while (!at_end(message, type, contents)) {
        list.push_back(read_value(message));
    }
    message.clearFlags();
    message.exitContainer();
    return list;
}

Json read_struct(sdbus::Message& message, const std::string& fields) {
    Json list = Json::array();
    message.enterStruct(fields);
    std::string type;
    std::string contents;
    while (!at_end(message, type, contents)) {
        list.push_back(read_value(message));
    }
    message.clearFlags();
    message.exitStruct();
    return list;
}

bool is_unknown_object(const sdbus::Error& error) {
    return error.getName() == "org.freedesktop.DBus.Error.UnknownObject" ||
           error.getName() == "org.svcd1.NoSuchUnit";
}

std::string interface_of(const std::string& unit) {
    std::string type = unit.substr(unit.rfind('.') + 1);
    if (!type.empty() && type[0] >= 'a' && type[0] <= 'z') {
        type[0] = static_cast<char>(type[0] - 'a' + 'A');
    }
    return "org.svcd1." + type;
}

}  // namespace

Json read_value(sdbus::Message& message) {
    std::string type;
    std::string contents;
    if (at_end(message, type, contents)) {
        return nullptr;
    }
    switch (type[0]) {
        case 'b':
            return read_basic<bool>(message);
        case 'y':
            return read_basic<std::uint8_t>(message);
        case 'n':
            return read_basic<std::int16_t>(message);
        case 'q':
            return read_basic<std::uint16_t>(message);
        case 'i':
            return read_basic<std::int32_t>(message);
        case 'u':
            return read_basic<std::uint32_t>(message);
        case 'x':
            return read_basic<std::int64_t>(message);
        case 't':
            return read_basic<std::uint64_t>(message);
        case 'd':
            return read_basic<double>(message);
        case 's':
            return read_basic<std::string>(message);
        case 'o':
            return read_path(message);
        case 'v': {
            message.enterVariant(contents);
            Json value = read_value(message);
            message.exitVariant();
            return value;
        }
        case 'r':
            return read_struct(message, contents);
        case 'a':
            if (contents == "y") {
                return read_bytes(message);
            }
            return contents.starts_with('{') ? read_dictionary(message, contents)
                                             : read_array(message, contents);
        default:
            throw sdbus::Error("org.freedesktop.DBus.Error.InvalidSignature",
                               "the daemon sent a value of the unexpected type '" + type + "'");
    }
}

void throw_no_such_unit(const std::string& unit) {
    throw sdbus::Error("org.svcd1.NoSuchUnit", "there is no unit " + unit);
}

Daemon::Daemon(sdbus::IConnection& connection) : connection_(connection), manager_(connection) {}

Json Daemon::unit_property(const std::string& unit,
                           const std::string& interface,
                           const char* name) {
    const auto proxy = sdbus::createProxy(connection_, kService, unit_path(unit));
    auto call = proxy->createMethodCall(kPropertiesInterface, "Get");
    call << interface << name;
    auto reply = proxy->callMethod(call);
    return read_value(reply);
}

std::string Daemon::active_state(const std::string& unit) {
    std::string state;
    try {
        state = unit_property(unit, kUnitInterface, "ActiveState").get<std::string>();
    } catch (const sdbus::Error& error) {
        if (!is_unknown_object(error)) {
            throw;
        }
        manager_.LoadUnit(unit);
        state = unit_property(unit, kUnitInterface, "ActiveState").get<std::string>();
    }
    if (state == "inactive" && unit_property(unit, kUnitInterface, "LoadState") == "not-found") {
        throw_no_such_unit(unit);
    }
    return state;
}

std::string Daemon::id_of(const std::string& unit) {
    return unit_property(unit, kUnitInterface, "Id").get<std::string>();
}

Json Daemon::all_properties(const std::string& path, const char* interface) {
    const auto proxy = sdbus::createProxy(connection_, kService, path);
    auto call = proxy->createMethodCall(kPropertiesInterface, "GetAll");
    call << interface;
    auto reply = proxy->callMethod(call);
    return read_value(reply);
}

Json Daemon::unit_properties(const std::string& unit) {
    Json properties;
    try {
        properties = all_properties(unit_path(unit), kUnitInterface);
    } catch (const sdbus::Error& error) {
        if (!is_unknown_object(error)) {
            throw;
        }
        manager_.LoadUnit(unit);
        properties = all_properties(unit_path(unit), kUnitInterface);
    }
    try {
        const Json special = all_properties(unit_path(unit), interface_of(unit).c_str());
        for (const auto& [name, value] : special.items()) {
            properties[name] = value;
        }
    } catch (const sdbus::Error& error) {
        // A unit of a type that this daemon doesn't have (a mount that something Requires).
        if (error.getName() != "org.freedesktop.DBus.Error.UnknownInterface") {
            throw;
        }
    }
    return properties;
}

Json Daemon::manager_properties() {
    return all_properties(kManagerPath, kManagerInterface);
}

Json Daemon::job_properties(std::uint32_t job) {
    return all_properties(std::string{kManagerPath} + "/job/" + std::to_string(job),
                          "org.svcd1.Job");
}

std::vector<UnitRow> Daemon::units() {
    std::vector<UnitRow> rows;
    for (const auto& unit : manager_.ListUnitsDetailed()) {
        UnitRow row;
        row.name = unit.get<0>();
        row.description = unit.get<1>();
        row.load = unit.get<2>();
        row.active = unit.get<3>();
        row.sub = unit.get<4>();
        row.result = unit.get<5>();
        row.job_type = unit.get<6>();
        row.job_id = unit.get<7>();
        row.main_pid = unit.get<9>();
        row.memory = unit.get<10>();
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<JobRow> Daemon::jobs() {
    std::vector<JobRow> rows;
    for (const auto& job : manager_.ListJobs()) {
        rows.push_back({job.get<0>(), job.get<1>(), job.get<2>(), job.get<3>()});
    }
    return rows;
}

std::string Daemon::request_result(const std::string& request_id) {
    try {
        return std::get<1>(manager_.GetRequestResult(request_id));
    } catch (const sdbus::Error& error) {
        if (error.getName() == "org.svcd1.NoSuchJob") {
            return {};
        }
        throw;
    }
}

std::vector<Json> Daemon::stop_records(const std::string& unit, std::uint32_t max) {
    std::vector<Json> records;
    for (const std::string& text : manager_.GetStopRecords(unit, max)) {
        records.push_back(Json::parse(text, nullptr, false));
    }
    std::erase_if(records, [](const Json& record) { return !record.is_object(); });
    return records;
}

Json Daemon::examine(const std::string& unit) {
    Json examined = Json::parse(manager_.ExamineUnit(unit), nullptr, false);
    return examined.is_object() && examined.contains("processes") ? examined : Json{};
}

std::vector<ProcessRow> Daemon::processes(const std::string& unit) {
    std::vector<ProcessRow> rows;
    for (const auto& process : manager_.GetUnitProcesses(unit)) {
        rows.push_back({process.get<0>(), process.get<1>(), process.get<2>()});
    }
    return rows;
}

}  // namespace svcd
