#include "file_change.h"

#include <algorithm>

#include "reasons.h"

namespace svcd {

std::optional<FileChange> file_change(const Json& properties) {
    if (!truth_of(properties, "NeedDaemonReload")) {
        return std::nullopt;
    }
    const std::string own = text_of(properties, "FragmentPath");
    if (text_of(properties, "LoadState") == "masked") {
        return std::nullopt;  // that is said already
    }
    const auto gone = properties.find("GoneFiles");
    if (gone == properties.end() || !gone->is_array() || gone->empty()) {
        if (!load_error_text(properties).empty()) {
            return std::nullopt;  // svcd has refused it, and says why
        }
        return FileChange{
            "its unit file has changed since it was loaded: what is in force is the old one",
            "the file has changed since, see 'svctl daemon-reload'",
            "Have it read with 'svctl daemon-reload'."};
    }
    if (std::ranges::find(*gone, Json(own)) != gone->end()) {
        if (text_of(properties, "LoadState") == "not-found") {
            return FileChange{"its unit file " + own +
                                  " is gone: it goes on as it was loaded, and can't be started "
                                  "any more once it has ended",
                              "the file is gone since",
                              "Put the file back, if the unit is to stay; then 'svctl "
                              "daemon-reload'."};
        }
        return FileChange{"its unit file " + own +
                              " is gone: what was loaded from it is in force until the next "
                              "'svctl daemon-reload', and then the unit can't be started any more",
                          "the file is gone since", "Put the file back, if the unit is to stay."};
    }
    const std::string path = (*gone)[0].is_string() ? (*gone)[0].get<std::string>() : "";
    return FileChange{"its drop-in " + path + " is gone: what it said is in force still",
                      "the drop-in " + path + " is gone since, see 'svctl daemon-reload'",
                      "'svctl daemon-reload' has svcd forget what it said."};
}

}  // namespace svcd
