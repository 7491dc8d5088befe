#include "manager/idle.h"

#include "manager/output_pipes.h"

namespace svcd {

bool Idle::is_busy(UnitId unit) const {
    if (!supervisor_.is_known(unit) || supervisor_.name(unit) == kLogdUnit) {
        return false;
    }
    const UnitStatus status = supervisor_.status(unit);
    const bool is_down =
        status.active_state == ActiveState::inactive || status.active_state == ActiveState::failed;
    const bool is_over = is_down || status.sub_state == SubState::exited;
    return status.type == UnitType::service && (!is_over || status.populated);
}

bool Idle::is_something_left() {
    if (supervisor_.record().start_finished == 0 || !supervisor_.jobs().empty()) {
        return true;
    }
    if (busy_ && is_busy(*busy_)) {
        return true;
    }
    busy_.reset();
    for (std::size_t index = 0; index < supervisor_.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        if (is_busy(unit)) {
            busy_ = unit;
            return true;
        }
    }
    return false;
}

std::optional<Time> Idle::due(Time now) {
    if (is_something_left()) {
        since_.reset();
        return std::nullopt;
    }
    since_ = since_.value_or(now);
    return *since_ + kIdlePatience;
}

}  // namespace svcd
