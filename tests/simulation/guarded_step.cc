#include "simulation/guarded_step.h"

#include <csetjmp>
#include <csignal>
#include <utility>

namespace svcd::simulation {
namespace {

sigjmp_buf before_step;
volatile std::sig_atomic_t is_stepping = 0;

void on_abort(int) {
    if (is_stepping != 0) {
        is_stepping = 0;
        siglongjmp(before_step, 1);
    }
}

}  // namespace

bool step_guarded(Supervisor& supervisor, Event event, Time now, Effects& effects) {
    static const auto kBefore = std::signal(SIGABRT, on_abort);
    static_cast<void>(kBefore);
    if (sigsetjmp(before_step, 0) != 0) {
        sigset_t abort_only{};
        sigemptyset(&abort_only);
        sigaddset(&abort_only, SIGABRT);
        sigprocmask(SIG_UNBLOCK, &abort_only, nullptr);  // it was blocked for its handler
        return false;
    }
    is_stepping = 1;
    supervisor.step(std::move(event), now, effects);
    is_stepping = 0;
    return true;
}

}  // namespace svcd::simulation
