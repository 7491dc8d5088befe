#include "simulation/clients.h"

#include <algorithm>
#include <csignal>

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array<JobVerb, 12> kVerbs = {JobVerb::start,   JobVerb::start,
                                            JobVerb::start,   JobVerb::stop,
                                            JobVerb::stop,    JobVerb::restart,
                                            JobVerb::restart, JobVerb::try_restart,
                                            JobVerb::reload,  JobVerb::reload_or_restart,
                                            JobVerb::reload,  JobVerb::reload};
constexpr std::array<JobMode, 7> kModes = {JobMode::replace,
                                           JobMode::fail,
                                           JobMode::isolate,
                                           JobMode::replace_irreversibly,
                                           JobMode::flush,
                                           JobMode::ignore_dependencies,
                                           JobMode::ignore_requirements};
constexpr std::array<int, 8> kSignals = {SIGTERM, SIGKILL, SIGHUP, SIGUSR1,
                                         SIGSEGV, SIGABRT, SIGINT, SIGQUIT};

ClientCommand::Kind draw_kind(Random& random) {
    const std::size_t roll = random.below(100);
    if (roll < 74) {
        return ClientCommand::Kind::job;
    }
    if (roll < 80) {
        return ClientCommand::Kind::cancel;
    }
    if (roll < 82) {
        return ClientCommand::Kind::cancel_all;
    }
    if (roll < 89) {
        return ClientCommand::Kind::kill;
    }
    if (roll < 92) {
        return ClientCommand::Kind::reset_failed;
    }
    if (roll < 94) {
        return ClientCommand::Kind::reset_all;
    }
    return roll < 97 ? ClientCommand::Kind::reload : ClientCommand::Kind::reload_all;
}

ClientCommand draw_command(const Plan& plan, std::size_t index) {
    constexpr std::array<Duration, 5> kOffsets = {0ms, 0ms, 1ms, 50ms, 700ms};
    Random burst{stream(plan.seed, purpose::kCommand, 1'000'000 + index / 4)};
    Random random{stream(plan.seed, purpose::kCommand, index)};
    ClientCommand command;
    command.index = index;
    command.at = (index < 4 ? 0s : burst.between(0s, kCommandsEnd - 1s)) + random.pick(kOffsets);
    command.kind = draw_kind(random);
    command.verb = random.percent(4) ? JobVerb::try_reload_or_restart : random.pick(kVerbs);
    command.mode = random.percent(70) ? JobMode::replace : random.pick(kModes);
    command.whom = static_cast<KillRequested::Whom>(random.below(3));
    command.signal = random.pick(kSignals);
    command.choice = random.next();
    command.unit = random.below(plan.units + (random.percent(3) ? 2 : 0));
    if (command.mode == JobMode::isolate) {
        command.verb = JobVerb::start;
    }
    if (random.percent(10)) {
        for (std::size_t others = 1 + random.below(3); others > 0; --others) {
            command.more.push_back(random.below(plan.units));
        }
    }
    return command;
}

}  // namespace

std::vector<ClientCommand> draw_commands(const Plan& plan) {
    std::vector<ClientCommand> commands;
    for (std::size_t index = 0; index < plan.commands; ++index) {
        if (plan.has_command(index)) {
            commands.push_back(draw_command(plan, index));
        }
    }
    std::stable_sort(commands.begin(), commands.end(),
                     [](const auto& one, const auto& other) { return one.at < other.at; });
    return commands;
}

}  // namespace svcd::simulation
