// A setting as the outside sees it: a name and a value of a D-Bus type. unitfile's table of
// settings makes them, bus/ puts them on the wire; neither needs to know the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/types/ids.h"

namespace svcd {

/// One command line for a property of systemd's signature a(sasbttttuii): path, argv, ignore
/// failure; the times, PID, code and status of its last run are filled in by the bus where they are
/// known.
struct CommandProperty {
    std::string path;
    std::vector<std::string> argv;
    bool ignore_failure = false;
};

/// What systemd shows of SuccessExitStatus and its like: exit statuses, and signals by number.
struct ExitStatusProperty {
    std::vector<std::int32_t> statuses;
    std::vector<std::int32_t> signals;

    bool operator==(const ExitStatusProperty&) const = default;
};

/// The alternatives, in order, have the D-Bus signatures b i u t s as a(sb) a(sasbttttuii) (aiai).
using PropertyValue = std::variant<bool,
                                   std::int32_t,
                                   std::uint32_t,
                                   std::uint64_t,
                                   std::string,
                                   std::vector<std::string>,
                                   std::vector<std::pair<std::string, bool>>,
                                   std::vector<CommandProperty>,
                                   ExitStatusProperty>;

/// The D-Bus signature of a PropertyValue's alternative.
constexpr std::string_view signature_of(std::size_t alternative) {
    constexpr std::string_view kSignatures[] = {
        "b", "i", "u", "t", "s", "as", "a(sb)", "a(sasbttttuii)", "(aiai)"};
    return kSignatures[alternative];
}

enum class PropertyInterface : std::uint8_t { unit, service };

/// A property that shows a setting: "TimeoutStopUSec" of org.svcd1.Service, alternative 3 ("t").
struct PropertyDescription {
    PropertyInterface interface = PropertyInterface::unit;
    std::string_view name;  ///< systemd's D-Bus name
    std::size_t alternative = 0;
};

}  // namespace svcd
