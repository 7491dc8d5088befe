// svcd-service-states: prints docs/service-states.md.
#include <cstdio>

#include "unit/core/service_states_text.h"

int main() {
    std::fputs(svcd::service_states_markdown().c_str(), stdout);
    return 0;
}
