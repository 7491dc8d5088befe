// A fault of our own: SIGSEGV and its like, from the kernel and not from kill(2).
#pragma once

namespace svcd {

/// To be called when signals are blocked already. `act` is what PID 1 of a machine does after a
/// fault, once disks are synced (for 10 s at most); when it returns, we wait for ever. Null: a
/// fault ends us, as it ends every process.
void catch_faults(void (*act)());

}  // namespace svcd
