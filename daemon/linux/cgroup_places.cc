#include "linux/cgroup_places.h"

#include "core/types/unit.h"
#include "linux/cgroup_mount.h"

namespace svcd {

std::string CgroupPlaces::folder_of_slice(std::string_view slice) const {
    if (slice == kRootSlice) {
        return ".";
    }
    if (slice == "system.slice") {
        return usual_;
    }
    std::string folder;
    const std::string_view stem = slice.substr(0, slice.size() - kSliceSuffix.size());
    for (std::size_t dash = stem.find('-'); dash != std::string_view::npos;
         dash = stem.find('-', dash + 1)) {
        folder.append(stem.substr(0, dash)).append(kSliceSuffix).append("/");
    }
    return folder.append(slice);
}

std::string CgroupPlaces::folder_of(std::string_view unit) const {
    if (unit.ends_with(kSliceSuffix)) {
        return folder_of_slice(unit);
    }
    const auto place = elsewhere_.find(std::string{unit});
    std::string folder = place == elsewhere_.end() ? usual_ : folder_of_slice(place->second);
    const std::string name = escape_cgroup_name(unit);
    return folder == "." ? name : folder.append("/").append(name);
}

bool CgroupPlaces::is_in(const std::string& unit, std::string_view slice) const {
    const auto place = elsewhere_.find(unit);
    return folder_of_slice(slice) ==
           (place == elsewhere_.end() ? usual_ : folder_of_slice(place->second));
}

void CgroupPlaces::put(const std::string& unit, std::string_view slice) {
    if (folder_of_slice(slice) == usual_) {
        elsewhere_.erase(unit);
    } else {
        elsewhere_[unit] = slice;
    }
}

std::string_view unit_in_folder(std::string_view folder) {
    for (;;) {
        const std::string_view name = folder.substr(0, folder.find('/'));
        if (!name.ends_with(kSliceSuffix)) {
            const std::string_view unit = unescape_cgroup_name(name);
            return unit_type_of(unit) ? unit : std::string_view{};
        }
        if (name.size() == folder.size()) {
            return {};
        }
        folder.remove_prefix(name.size() + 1);
    }
}

}  // namespace svcd
