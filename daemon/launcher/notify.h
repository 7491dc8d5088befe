// READY=1 to whoever started svcd (sd_notify(3)), e.g. systemd when svcd is one of its units.
#pragma once

#include <sys/un.h>

namespace svcd {

class ReadyNotice {
public:
    /// Takes NOTIFY_SOCKET out of the environment, so that neither the manager nor any service
    /// speaks to it.
    void take_from_environment();
    /// Sends READY=1, the first time only.
    void send();

private:
    char path_[sizeof sockaddr_un::sun_path] = {};  ///< empty: nobody waits
};

}  // namespace svcd
