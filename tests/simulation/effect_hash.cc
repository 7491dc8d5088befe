#include "simulation/effect_hash.h"

#include <array>
#include <cstring>

namespace svcd::simulation {
namespace {

/// Enough of an order to tell it from another.
struct OrderHash {
    std::uint64_t hash;

    std::uint64_t operator()(const SpawnProcess& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.process)), order.command);
    }
    std::uint64_t operator()(const CheckConditions& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.process));
    }
    std::uint64_t operator()(const WatchBusName& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.unit)), order.watch ? 1 : 0);
    }
    std::uint64_t operator()(const SignalUnit& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.unit)),
                     static_cast<std::uint64_t>(order.signal) * 256 +
                         static_cast<std::uint64_t>(order.cause) * 16 +
                         static_cast<std::uint64_t>(order.scope));
    }
    std::uint64_t operator()(const IdentifyMainProcess& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.process));
    }
    std::uint64_t operator()(const LookIfReaped& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.pid));
    }
    std::uint64_t operator()(const RetireProcess& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.process));
    }
    std::uint64_t operator()(const CheckCgroup& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.unit));
    }
    std::uint64_t operator()(const LookForCoreDump& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.unit));
    }
    std::uint64_t operator()(const ReleaseCgroup& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.unit));
    }
    std::uint64_t operator()(const RemovePidFile& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.unit));
    }
    std::uint64_t operator()(const AnnounceJob& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.job));
    }
    std::uint64_t operator()(const AnnounceJobEnd& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.job)),
                     static_cast<std::uint64_t>(order.result));
    }
    std::uint64_t operator()(const Reply& order) const {
        return mixed(mixed(hash, static_cast<std::uint64_t>(order.request)),
                     static_cast<std::uint64_t>(order.job));
    }
    std::uint64_t operator()(const Say& order) const {
        std::uint64_t result = hash;
        for (const char letter : order.text) {
            result = mixed(result, static_cast<unsigned char>(letter));
        }
        return result;
    }
    std::uint64_t operator()(const Exit& order) const {
        return mixed(hash, static_cast<std::uint64_t>(order.status));
    }
};

}  // namespace

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
    return (hash ^ value) * 0x100000001b3 + (hash >> 29);
}

std::uint64_t mixed(std::uint64_t hash, const UnitRecord& record) {
    std::array<std::uint64_t, sizeof(UnitRecord) / sizeof(std::uint64_t)> words_of{};
    std::memcpy(words_of.data(), &record, sizeof words_of);
    for (const std::uint64_t word : words_of) {
        hash = mixed(hash, word);
    }
    return hash;
}

std::uint64_t mixed(std::uint64_t hash, const Effect& effect) {
    return std::visit(OrderHash{mixed(hash, effect.index())}, effect);
}

}  // namespace svcd::simulation
