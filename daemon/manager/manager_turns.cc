// The manager's turns: what comes in goes through the supervisor, and what that orders is carried
// out.
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "manager/manager.h"
#include "manager/unit_lines.h"

namespace svcd {
namespace {

/// Events of one turn; even if all processes that svcd can have end in it, it is not so many.
constexpr std::size_t kStepsPerTurnMax = 16 * kUnitsMax;

/// Steps of one turn that show the launcher that we go on.
constexpr std::size_t kStepsShown = 100'000;

}  // namespace

/// What an order's answer orders again may go on for ever, where a rule of ours has a hole: others
/// get their turn, and what is left follows in the next.
void Manager::settle() {
    while (!queue_.empty()) {
        if (++steps_of_turn_ > kStepsPerTurnMax) {
            if (!std::exchange(has_told_of_echo_, true)) {
                log_.say(Severity::error,
                         "More than " + std::to_string(kStepsPerTurnMax) +
                             " events follow from one another: a fault of svcd's own. The rest "
                             "waits until others had their turn");
            }
            return;
        }
        Event event = std::move(queue_.front());
        queue_.pop_front();
        step(std::move(event));
    }
    if (heard_requests_ != 0) {
        kernel_.table.clear_requests(std::exchange(heard_requests_, 0));
    }
}

void Manager::step(Event event) {
    effects_.clear();
    const Time now = loop_.now();
    recorder_.before(event, now);
    supervisor_.step(std::move(event), now, effects_);
    recorder_.after(effects_, now);
    runner_.run(effects_);
    for (const UnitLine& line : lines_of_step(effects_, supervisor_, now)) {
        log_.say(line.severity, supervisor_.name(line.unit), line.text);
    }
    boot_.look(effects_);
    if (console_.is_open()) {
        say_failures();
    }
    // One that goes round and round for ever is not to look as if it went on.
    if (++steps_ < kStepsShown) {
        kernel_.table.show_progress();
    }
}

/// The launcher has put something into its table.
Drained Manager::handle_poke() {
    asked_ = kernel_.table.asked();
    std::uint64_t pokes = 0;
    if (::read(kernel_.poke.get(), &pokes, sizeof(pokes)) < 0 && errno != EAGAIN) {
        log_.say(Severity::error, to_string(Error{errno, "read", "the poke descriptor", {}}));
    }
    sweeper_.sweep(loop_.now());
    settle();
    const std::vector<ExitRecord> exits = kernel_.table.take_exits();
    if (!exits.empty()) {
        hear_words();  // what they said before they ended
    }
    for (const ExitRecord& record : exits) {
        handle_exit(record);
    }
    handle_requests();
    if (exits.size() < kExitsPerTake) {
        return Drained::yes;
    }
    // There may be more, for which the launcher won't poke again: do it ourselves.
    const std::uint64_t one = 1;
    if (::write(kernel_.poke.get(), &one, sizeof(one)) < 0) {
        log_.say(Severity::error, to_string(Error{errno, "write", "the poke descriptor", {}}));
    }
    return Drained::no;
}

/// A process has ended that the launcher can't reap.
Drained Manager::handle_adopted() {
    const std::vector<ExitRecord> exits = kernel_.adopted.take_exits(loop_.now());
    for (const ExitRecord& record : exits) {
        handle_exit(record);
    }
    return exits.size() < kExitsPerTake ? Drained::yes : Drained::no;
}

/// All notifications that can have waited when this began, and no more: who floods the socket does
/// not keep us here.
void Manager::hear_words() {
    for (std::size_t taken = 0; taken < std::size_t{kNotifyQueueLength}; taken += kItemsPerTurn) {
        if (notify_.drain([this] { settle(); }) == Drained::yes) {
            break;
        }
    }
    settle();
}

/// Words before deaths, and both before what is due. There are no more exits than the table has
/// slots.
void Manager::hear_what_waits() {
    hear_words();
    while (handle_poke() == Drained::no || handle_adopted() == Drained::no) {
    }
}

/// Nobody is left below it, if it ended as it should.
void Manager::handle_end_of_keeper(const ExitRecord& record) {
    if (kernel_.keepers == nullptr) {
        kernel_.table.release(record.token);
        return;
    }
    const Keepers::Ended ended = kernel_.keepers->ended(record);
    const std::optional<UnitId> unit = supervisor_.find(ended.unit);
    if (!ended.note.empty()) {
        log_.say(Severity::warning, ended.unit, ended.note);
    }
    if (unit) {
        check_cgroup(*unit);
        settle();
    }
}

void Manager::handle_exit(const ExitRecord& record) {
    sweeper_.look_for_births();  // it began before it ended
    settle();
    if (is_keeper(record.token)) {
        handle_end_of_keeper(record);
        return;
    }
    const std::optional<UnitId> unit = supervisor_.unit_of(record.token);
    if (!unit) {
        // Of a process that belongs to nobody any more.
        kernel_.table.release(record.token);
        kernel_.adopted.forget(record.token);
        return;
    }
    // Why comes before that it ended.
    if (kernel_.tracker->take_oom_kill(supervisor_.name(*unit))) {
        queue_.emplace_back(OomKilled{*unit});
    }
    queue_.emplace_back(ProcessExited{record.token, record.code, record.status});
    settle();
    // The kernel notifies of an empty cgroup up to 20 ms late, but reads right at once.
    check_cgroup(*unit);
    settle();
    recorder_.exit_handled(*unit);
}

void Manager::check_cgroup(UnitId unit) {
    if (!supervisor_.is_known(unit) || !supervisor_.status(unit).populated) {
        return;
    }
    runner_.carry_out(CheckCgroup{unit});
}

/// Nothing more is ready, or the others have waited long enough.
void Manager::end_turn() {
    runner_.try_again(loop_.now());
    settle();
    sweeper_.sweep(loop_.now());
    settle();
    runner_.start_waiting();
    settle();
    finish_left_reload();
    if (reading_ == nullptr && std::exchange(reload_follows_, false)) {
        reload();
    }
    settle();
    const auto is_due = [&] {
        const std::optional<Time> due = supervisor_.next_deadline();
        return due && *due <= loop_.now();
    };
    if (is_due()) {
        hear_what_waits();
    }
    if (is_due()) {
        queue_.emplace_back(DeadlineReached{});
        settle();
    }
    judge_boot();
    settle();
    const std::optional<Time> idle_due = leave_when_idle();
    recorder_.end_turn();
    runner_.publish();
    file_looks_.collect();
    if (successor_ && successor_->is_over()) {
        successor_.reset();
    }
    if (!startup_finished_ && system_state() >= SystemState::running) {
        startup_finished_ = true;
        bus_.startup_finished();
    }
    console_.flush();
    log_.tell_left_out();
    look_for_room(loop_.now());
    steps_of_turn_ = 0;
    std::optional<Time> next = queue_.empty() ? supervisor_.next_deadline() : loop_.now();
    for (const std::optional<Time>& other :
         {runner_.again_at(loop_.now()), say_what_is_waited_for(loop_.now()),
          console_.again_at(loop_.now()), log_.left_out_due(), memory_.due(), idle_due}) {
        if (other && (!next || *other < *next)) {
            next = other;
        }
    }
    deadline_->arm(next);
    steps_ = 0;
    kernel_.table.answer(asked_);
}

/// Of memory, and for strangers.
void Manager::look_for_room(Time now) {
    memory_.look(
        now, [this](Severity severity, const std::string& text) { log_.report(severity, text); });
    if (now >= strangers_wait_until_) {
        stops_before_strangers_.clear();
    }
    forget_ended_stops();
}

void Manager::forget_ended_stops() {
    std::erase_if(stops_before_strangers_, [this](UnitId unit) {
        return !is_known(unit) ||
               supervisor_.status(unit).active_state != ActiveState::deactivating;
    });
}

}  // namespace svcd
