#include "linux/prod.h"

#include <sys/time.h>

#include <csignal>

namespace svcd {
namespace {

constexpr suseconds_t kProdUsec = 500;

unsigned living = 0;

void set_timer(suseconds_t usec) {
    const itimerval timer{{0, usec}, {0, usec}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

/// Calls that a signal must not end go on after it (SA_RESTART).
bool allow_signal() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    return ::sigaction(SIGALRM, &action, nullptr) == 0;
}

}  // namespace

Prod::Prod(bool is_needed) : is_needed_(is_needed) {
    static const bool is_allowed = allow_signal();
    if (is_needed_ && living++ == 0 && is_allowed) {
        set_timer(kProdUsec);
    }
}

Prod::~Prod() {
    if (is_needed_ && --living == 0) {
        set_timer(0);
    }
}

}  // namespace svcd
