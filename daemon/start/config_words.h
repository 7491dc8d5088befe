// What must be known of svcd.yaml before a manager can read it: the words that say what happens
// when none can. The manager judges the file and says what is wrong there (manager/config.h).
#pragma once

#include "launcher/protocol.h"

namespace svcd {

/// Reads RescueShell, CrashAction and BusyboxSignals. What is missing or wrong stays as it is.
void read_config_words(const char* path, LauncherSettings& settings);

}  // namespace svcd
