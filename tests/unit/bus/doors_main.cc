// svcd-doors PAGE: prints the page (docs/security.md) with its table of doors as it is now.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "unit/bus/doors_text.h"

int main(int count, char** words) {
    std::ifstream file{count == 2 ? words[1] : ""};
    std::ostringstream page;
    page << file.rdbuf();
    const std::string text = svcd::with_doors(page.str());
    std::fputs(text.c_str(), stdout);
    return text.empty() ? 1 : 0;
}
