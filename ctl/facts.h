// What svctl has been told by the daemon, as plain data: asked for in ask.h, printed by print_*.h.
// Neither of the two knows the other.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace svcd {

/// Properties keep the order in which the daemon sent them.
using Json = nlohmann::ordered_json;

struct UnitRow {
    std::string name;
    std::string description;
    std::string load;
    std::string active;
    std::string sub;
    std::string result;
    std::uint32_t job_id = 0;  ///< 0: no job
    std::string job_type;
    std::uint32_t main_pid = 0;
    std::uint64_t memory = UINT64_MAX;  ///< UINT64_MAX: not known
    bool flapping = false;
};

struct JobRow {
    std::uint32_t id = 0;
    std::string unit;
    std::string type;
    std::string state;
};

struct ProcessRow {
    std::string cgroup;
    std::uint32_t pid = 0;
    std::string command;
};

/// A unit with what it pulls in, as far as it is to be drawn.
struct DependencyTree {
    std::string name;
    std::string active;
    bool seen_above = false;  ///< it is its own ancestor, or was drawn already
    std::vector<DependencyTree> children;
};

/// A text of the object, or empty when it has none of that name.
inline std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// A whole number of the object, or `otherwise`: also where it is too large to be one.
inline std::uint64_t number_of(const Json& object, const char* name, std::uint64_t otherwise = 0) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_integer() ? found->get<std::uint64_t>()
                                                               : otherwise;
}

inline bool truth_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

/// One line; a byte that is no UTF-8 (in a command line, a log) is replaced, never an error.
inline std::string json_text(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace svcd
