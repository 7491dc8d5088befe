#include <gtest/gtest.h>

#include "core/service_edges.h"
#include "core/sub_state.h"
#include "unit/core/service_states_text.h"
#include "unit/source_file.h"

namespace svcd {
namespace {

TEST(ServiceStates, PageIsWhatTheTablesSay) {
    EXPECT_EQ(service_states_markdown(), test::source_file("docs/service-states.md"))
        << "write it anew: svcd-service-states > docs/service-states.md";
}

TEST(ServiceStates, NoRowNamesAStateTwiceOrLeadsToItself) {
    for (const StateEdge& edge : edges::kService) {
        EXPECT_FALSE(edge.leads_from(edge.to)) << name_of(edge.to);
        for (const SubStateTraits& each : kSubStates) {
            EXPECT_FALSE(edge.from.contains(each.state) && edge.also.contains(each.state))
                << name_of(each.state) << " to " << name_of(edge.to);
        }
    }
}

TEST(ServiceStates, EachStateOfAServiceIsReachedAndLeft) {
    for (const SubStateTraits& each : kSubStates) {
        if (each.state == SubState::active) {
            continue;  // of targets and slices
        }
        bool is_reached = false;
        bool is_left = false;
        for (const StateEdge& edge : edges::kService) {
            is_reached = is_reached || edge.to == each.state;
            is_left = is_left || edge.leads_from(each.state);
        }
        EXPECT_TRUE(is_reached && is_left) << name_of(each.state);
    }
}

TEST(ServiceStates, EachEdgeIsInOneRow) {
    for (const SubStateTraits& from : kSubStates) {
        for (const SubStateTraits& to : kSubStates) {
            int rows = 0;
            for (const StateEdge& edge : edges::kService) {
                rows += edge.to == to.state && edge.leads_from(from.state) ? 1 : 0;
            }
            EXPECT_LE(rows, 1) << name_of(from.state) << " to " << name_of(to.state);
        }
    }
}

}  // namespace
}  // namespace svcd
