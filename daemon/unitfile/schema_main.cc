// svcd-schema: prints what is generated from the table of settings, "json" or "markdown". The files
// that are checked in come from it, and a test compares them.
#include <cstdio>
#include <string>
#include <string_view>

#include "unitfile/schema.h"

int main(int argc, char** argv) {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what != "json" && what != "markdown") {
        std::fputs("usage: svcd-schema json|markdown\n", stderr);
        return 2;
    }
    const std::string text = what == "json" ? svcd::json_schema() : svcd::settings_markdown();
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
