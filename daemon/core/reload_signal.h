// The signal by which a service is reloaded, where that can be told from its settings: a program
// that has no use for it dies of it, and what was to be reloaded is gone.
#pragma once

#include <string>

#include "core/types/unit.h"

namespace svcd {

/// ReloadSignal of Type=notify-reload; what ExecReload sends when it is nothing but one
/// `kill -HUP $MAINPID`, in whatever spelling. 0: there is none, or it can't be told.
int reload_signal_of(const ServiceSettings& settings);

/// Does the last command of ExecReload send a signal, as far as its words tell? It is `kill` or
/// `pkill`, or a shell's line with one of them. Its effect comes after the command has ended.
bool signals_at_reload(const ServiceSettings& settings);

/// Does a process that neither catches, blocks nor ignores the signal end of it?
bool ends_a_process(int signal);

/// "SIGHUP"; "signal 99" for one without a name.
std::string signal_text(int signal);

}  // namespace svcd
