// Scripted lives: what a process of the fake kernel does from its first moment on, how it takes
// signals, and how it ends. Plain data, so that a process costs no allocation.
//
// A life is drawn for each spawn from the unit's temper (what kind of program this is), so that a
// unit behaves alike from start to start and yet never quite the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/types/states.h"
#include "core/types/unit.h"
#include "simulation/faults.h"
#include "simulation/random.h"

namespace svcd::simulation {

/// One thing that a process does.
enum class Act : std::uint8_t {
    exit,          ///< with `code` and `status`: exit(2), or a crash
    fork_helper,   ///< a child that obeys SIGTERM
    fork_stray,    ///< a child that ignores SIGTERM
    fork_daemon,   ///< a child that becomes the main process of a Type=forking service
    fork_brief,    ///< a child that ends by itself after `span`
    pid_file,      ///< write the last child's PID to the PID file
    pid_file_bad,  ///< write the PID of something else to it
    ready,
    reloading,        ///< RELOADING=1
    reloading_now,    ///< ... with MONOTONIC_USEC, as Type=notify-reload has to
    reloading_stale,  ///< ... of a moment long past
    stopping,
    extend,        ///< EXTEND_TIMEOUT_USEC=span
    main_pid,      ///< MAINPID= the last child
    main_pid_bad,  ///< MAINPID= a process that isn't the service's
    watchdog,
    watchdog_trigger,
    watchdog_interval,  ///< WATCHDOG_USEC=span
    status,             ///< STATUS=
    stop_main,          ///< ask the main process of the unit to end, as ExecStop does
    take_name,          ///< own the unit's bus name
    drop_name,
    out_of_memory,  ///< the OOM killer takes this process, or another of the unit
};

struct Doing {
    Duration after{0};  ///< since the one before, or since execve
    Act act = Act::exit;
    ExitCode code = ExitCode::exited;
    int status = 0;
    Duration span{0};
};

enum class OnTerm : std::uint8_t {
    dies,     ///< of the signal
    exits,    ///< cleans up for `term_delay`, then exit status 0
    exits143  ///< as a JVM does, after `term_delay`
    ,
    fails,   ///< cleans up, then exit status 1
    ignores  ///< only SIGKILL ends it
};

/// How a process takes the signal that asks it to reload.
struct ReloadAnswer {
    int signal = 0;               ///< 0: none does
    Act begins = Act::reloading;  ///< what it says at first; `exit`: it crashes
    bool ends = true;             ///< READY=1 follows
    Duration begin_after{0};
    Duration end_after{0};
};

struct Life {
    static constexpr std::size_t kDoings = 10;
    std::array<Doing, kDoings> doings{};
    std::uint8_t count = 0;
    /// Where the script goes on after its end, e.g. a watchdog's pings; `count`: nowhere, it waits.
    std::uint8_t repeat_from = kDoings;
    OnTerm on_term = OnTerm::dies;
    bool dies_of_hangup = false;
    bool says_stopping = false;         ///< STOPPING=1 when it gets the stop signal
    bool bloats_in_stop = false;        ///< ... and runs out of memory in cleaning up
    std::array<int, 2> stop_signals{};  ///< what the unit's files name as such
    ReloadAnswer reload;
    Duration term_delay{0};
    Duration exec_after{0};     ///< until execve succeeds; kInfinity: hangs there
    Duration survives_kill{0};  ///< how long after SIGKILL it is still there

    void add(const Doing& doing) {
        if (count < kDoings) {
            doings[count++] = doing;
        }
    }
};

/// What kind of program a unit runs.
struct Temper {
    OnTerm on_term = OnTerm::dies;
    Duration term_delay{0};
    bool leaves_helpers = false;
    bool leaves_strays = false;
    bool crashes = false;      ///< the main process ends by itself, badly
    bool finishes = false;     ///< the main process ends by itself, well
    bool ready_late = false;   ///< later than most start timeouts
    bool ready_never = false;  ///< also: a forking parent that stays, a oneshot that hangs
    bool changes_main = false;
    bool weird_pid_file = false;
    bool pings = false;       ///< answers to its watchdog
    bool pings_stop = false;  ///< ... and then no more
    bool commands_fail = false;
    bool commands_hang = false;
    unsigned conditions_fail = 0;  ///< how often one doesn't hold, in percent
    bool conditions_hang = false;
};

Temper draw_temper(Random& random);

/// What a life is drawn for.
struct LifeRequest {
    const ServiceSettings* settings = nullptr;
    CommandRole role = CommandRole::start;
    Temper temper;
    FaultSet faults;
    /// After the faults were healed: nothing hangs for ever, nothing crashes in a tight loop.
    bool calm = false;
};

Life draw_life(Random& random, const LifeRequest& request);
/// The process that looks at a unit's conditions, of which there are so many.
Life draw_look(Random& random, const LifeRequest& request, std::size_t conditions);

/// The life of a child that a process forks.
Life child_life(Random& random, Act fork, Duration span, const Life& parent);

}  // namespace svcd::simulation
