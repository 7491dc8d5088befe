// A bug in svcd itself: say where and abort. On in every build; the launcher starts the manager
// again and nothing is lost.
#pragma once

#include <cstdlib>

#define SVCD_ASSERT(condition)           \
    do {                                 \
        if (!(condition)) [[unlikely]] { \
            std::abort();                \
        }                                \
    } while (false)
