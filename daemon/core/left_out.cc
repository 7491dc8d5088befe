// What units go on without: they wished for it (Wants, Upholds), and it could not be had. It is
// told for as long as they are up and it is not.
#include <algorithm>
#include <utility>

#include "core/machine.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// A unit that has no file may be meant to be optional.
bool is_fault(const LeftOut& left_out) {
    return left_out.kind != RefusalKind::no_such_unit;
}

}  // namespace

/// What the unit wished for and its transaction leaves out.
void Machine::set_left_out(Unit& unit, std::vector<LeftOut> its) {
    if (its.empty() && unit.left_out.empty()) {
        return;
    }
    unit.left_out = std::move(its);
    if (unit.left_out.empty()) {
        going_without_.erase(unit.id);
    } else {
        going_without_.insert(unit.id);
    }
    touch(unit);
}

/// The unit has come up: nobody goes without it any more.
void Machine::forget_left_out(const Unit& unit) {
    for (auto id = going_without_.begin(); id != going_without_.end();) {
        Unit& other = this->unit(*id);
        const std::size_t erased = std::erase_if(
            other.left_out, [&](const LeftOut& each) { return each.unit == unit.id; });
        if (erased > 0) {
            touch(other);
        }
        id = other.left_out.empty() ? going_without_.erase(id) : std::next(id);
    }
}

/// Of a unit that went without something when the last manager died: the reasons are not in the
/// record, so they are found anew.
void Machine::find_left_out_again(Unit& unit) {
    Transaction transaction{*this};
    transaction.build(unit.id, JobType::start, JobMode::replace);
    std::vector<LeftOut> its = transaction.left_out();
    std::erase_if(its,
                  [&unit](const LeftOut& each) { return each.by != unit.id || is_meant(each); });
    set_left_out(unit, std::move(its));
}

bool Machine::goes_without_something() const {
    return std::any_of(going_without_.begin(), going_without_.end(), [this](UnitId id) {
        const Unit& unit = this->unit(id);
        return !is_down(unit.active_state()) &&
               std::any_of(unit.left_out.begin(), unit.left_out.end(), is_fault);
    });
}

}  // namespace svcd
