#include "manager/effect_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace svcd {
namespace {

using ::testing::ElementsAre;

/// Takes notes of what it is asked to do.
struct Notes {
    std::vector<std::string> lines;

    void write_down(const Effects& effects) {
        lines.push_back("write " + std::to_string(effects.dirty.size()) + " units");
    }
    void changed(UnitId unit) { lines.push_back("changed " + std::to_string(index_of(unit))); }
    void carry_out(const SpawnProcess&) { lines.push_back("spawn"); }
    void carry_out(const SignalUnit&) { lines.push_back("signal"); }
    void carry_out(const RetireProcess&) { lines.push_back("retire"); }
    template <typename Other>
    void carry_out(const Other&) {
        lines.push_back("other");
    }
};

TEST(EffectOrder, EverythingIsWrittenBeforeTheFirstOrderIsCarriedOut) {
    Effects effects;
    effects.orders = {RetireProcess{}, SpawnProcess{}, SignalUnit{}};
    effects.dirty = {UnitId{3}, UnitId{1}};
    Notes notes;
    carry_out_in_order(effects, notes);
    EXPECT_THAT(notes.lines, ElementsAre("write 2 units", "retire", "spawn", "signal", "changed 3",
                                         "changed 1"));
}

}  // namespace
}  // namespace svcd
