#include "logd/options.h"

#include <string_view>

namespace svcd::logd {

std::optional<Options> parse_options(const std::vector<std::string>& words, std::string& problem) {
    Options options;
    for (const std::string& word : words) {
        const std::size_t sign = word.find('=');
        const std::string name = word.substr(0, sign);
        const std::string value = sign == std::string::npos ? "" : word.substr(sign + 1);
        if (name == "--pipes" && value.starts_with('/')) {
            options.pipes = value;
        } else if (name == "--log-dir" && value.starts_with('/')) {
            options.log_dir = value;
        } else if (name == "--prefix" && (value == "yes" || value == "no")) {
            options.prefix = value == "yes";
        } else {
            problem =
                "'" + word +
                "' is none of --pipes=DIR, --log-dir=DIR and --prefix=yes|no; the folders are "
                "absolute paths";
            return std::nullopt;
        }
    }
    if (options.pipes.empty()) {
        problem = "--pipes=DIR is missing";
        return std::nullopt;
    }
    return options;
}

}  // namespace svcd::logd
