#include "session.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "unit_names.h"

namespace svcd {
namespace {

std::optional<std::string> from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

void write_to(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

}  // namespace

Session::Session(Options options)
    : options_(std::move(options)),
      out_(screen_of(STDOUT_FILENO, options_.plain)),
      err_(screen_of(STDERR_FILENO, options_.plain)) {}

ListLook Session::look() const {
    return {out_, out_.terminal && !options_.no_legend && !options_.plain, options_.plain};
}

Connection& Session::connection() {
    if (!connection_) {
        connection_ = std::make_unique<Connection>(endpoints(options_, from_environment));
    }
    return *connection_;
}

Daemon& Session::daemon() {
    if (!daemon_) {
        daemon_ = std::make_unique<Daemon>(connection().bus());
    }
    return *daemon_;
}

void Session::reconnect() {
    daemon_.reset();
    connection().reconnect();
}

void Session::print_now(std::string_view text) {
    write_to(stdout, text);
}

void Session::remark(std::string_view text) {
    if (!options_.quiet && err_.terminal && !options_.json) {
        write_to(stderr, text);
    }
}

void Session::warn(std::string_view text) {
    if (!options_.quiet) {
        write_to(stderr, coloured(err_, Colour::busy, "warning:") + " " + std::string{text} + "\n");
    }
}

void Session::report(const Trouble& trouble) {
    write_to(stderr, trouble_text(trouble, options_.json, err_));
}

bool Session::fits_screen() const {
    const auto lines = static_cast<std::size_t>(std::ranges::count(answer_, '\n'));
    return out_.height == 0 || lines < out_.height;
}

void Session::present() {
    const bool page = out_.terminal && !options_.no_pager && !options_.json && !fits_screen();
    if (page) {
        std::optional<std::string> pager = from_environment("SVCTL_PAGER");
        if (!pager) {
            pager = from_environment("PAGER");
        }
        // -F -R -X: ends when it fits, lets colours through, leaves the text on the screen.
        const std::string command = pager.value_or("less -FRX");
        if (std::FILE* stream = command.empty() ? nullptr : ::popen(command.c_str(), "we")) {
            write_to(stream, answer_);
            if (::pclose(stream) == 0) {
                return;
            }
        }
    }
    write_to(stdout, answer_);
}

std::vector<std::string> named_units(Session& session, bool changes_something) {
    std::vector<std::string> units;
    std::optional<std::vector<UnitRow>> loaded;
    const auto add = [&](const std::string& name) {
        if (std::ranges::find(units, name) == units.end()) {
            units.push_back(name);
        }
    };
    for (const std::string& argument : session.options().arguments) {
        if (!is_glob(argument)) {
            add(complete_unit_name(argument));
            continue;
        }
        if (!loaded) {
            loaded = session.daemon().units();
        }
        const std::size_t before = units.size();
        bool matched = false;
        for (const UnitRow& row : *loaded) {
            if (glob_matches(argument, row.name)) {
                matched = true;
                add(row.name);
            }
        }
        if (!matched && changes_something) {
            units.resize(before);
            throw Trouble{ExitStatus::no_such_unit,
                          "org.svcd1.NoSuchUnit",
                          "no loaded unit matches '" + argument + "'",
                          "",
                          "'svctl list-units --all' shows the loaded units",
                          ""};
        }
    }
    return units;
}

}  // namespace svcd
