// The sockets in the runtime folder, when somebody has deleted their files.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "linux/notify_socket.h"
#include "linux/prod.h"
#include "manager/manager.h"

namespace svcd {

Result<void> Manager::watch_notifications() {
    auto watch = loop_.watch(kernel_.notify.get(), EventOrder::notify,
                             [this] { notify_.drain([this] { settle(); }); });
    if (!watch) {
        return Failure{watch.error()};
    }
    notify_watch_ = std::move(*watch);
    return {};
}

void Manager::keep_sockets() {
    for (const char* name : {"bus", "owner-bus"}) {
        const std::string path = runtime_path(options_, name);
        sockets_.keep(path, [this, path] { return bus_.listen_anew(path); });
    }
    sockets_.keep(runtime_path(options_, "notify"), [this] { return make_notify_anew(); });
    if (const auto watched = sockets_.watch(options_.runtime_dir); !watched) {
        log_.say(Severity::warning, to_string(watched.error()));
        return;
    }
    auto watch =
        loop_.watch(sockets_.watch_fd(), EventOrder::had_its_turn, [this] { look_at_sockets(); });
    if (!watch) {
        log_.say(Severity::warning, to_string(watch.error()));
        return;
    }
    watches_.push_back(std::move(*watch));
}

void Manager::look_at_sockets() {
    sockets_.look([this](const std::string& path, const Result<void>& made) {
        const std::string gone = "The socket " + path + " had been deleted or replaced";
        if (made) {
            log_.say(Severity::warning, gone + ": it is made anew");
        } else {
            log_.say(Severity::error, gone +
                                          ", and can't be made anew: " + to_string(made.error()) +
                                          ". SIGHUP to svcd's launcher has it tried again");
        }
    });
}

/// In the place of the old one, which nobody can send to any more.
Result<void> Manager::make_notify_anew() {
    Result<UniqueFd> made = make_notify_socket(runtime_path(options_, "notify"));
    if (!made) {
        return Failure{made.error()};
    }
    hear_words();
    notify_watch_.reset();
    const Prod prod;  // descriptors may wait in the old one
    if (::dup3(made->get(), kernel_.notify.get(), O_CLOEXEC) < 0) {
        const Failure failed = failure(errno, "dup3", "the notify socket");
        static_cast<void>(watch_notifications());  // who has the old one open is heard
        return failed;
    }
    if (const auto stored = kernel_.store.put(kNotifyName, kernel_.notify.get()); !stored) {
        log_.say(Severity::warning, to_string(stored.error()));
    }
    return watch_notifications();
}

}  // namespace svcd
