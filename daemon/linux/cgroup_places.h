// Where the cgroups of units and slices are, as folders below the root of svcd's tree: a slice
// a-b.slice is a.slice/a-b.slice (systemd.slice(5)), the root slice "-.slice" is ".", the root
// itself, and a unit is a folder in its slice. Names only: whether a folder exists is not known
// here.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace svcd {

inline constexpr std::string_view kSliceSuffix = ".slice";
inline constexpr std::string_view kRootSlice = "-.slice";

class CgroupPlaces {
public:
    /// `usual`: the folder of system.slice, which a user instance calls app.slice. Units of which
    /// nothing else is known are there.
    explicit CgroupPlaces(std::string_view usual = {}) : usual_(usual) {}

    const std::string& usual() const { return usual_; }
    std::string folder_of_slice(std::string_view slice) const;
    /// Of a unit, or of a slice.
    std::string folder_of(std::string_view unit) const;
    bool is_in(const std::string& unit, std::string_view slice) const;
    void put(const std::string& unit, std::string_view slice);
    void forget(const std::string& unit) { elsewhere_.erase(unit); }

    /// Units in another slice than the usual one, and which.
    const std::unordered_map<std::string, std::string>& elsewhere() const { return elsewhere_; }

private:
    std::string usual_;
    std::unordered_map<std::string, std::string> elsewhere_;
};

/// The unit in whose cgroup a folder is that is given below the root's, "a.slice/web.service/x"; or
/// empty: a slice, svcd's own, or what others put there.
std::string_view unit_in_folder(std::string_view folder);

}  // namespace svcd
