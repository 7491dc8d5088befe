// Random numbers of our own: the same on every machine and with every library, so that a seed tells
// the same story everywhere.
//
// Everything that is drawn for a unit, a command or a process comes from a stream of its own,
// seeded by what it is for (stream()). So leaving out one unit or one command leaves the others as
// they were, which is what lets shrink.h cut a failing run down.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/types/time.h"

namespace svcd::simulation {

/// One round of splitmix64: turns any number into one that looks random.
constexpr std::uint64_t scramble(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/// The seed of a stream that serves one purpose only.
constexpr std::uint64_t stream(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index = 0) {
    return scramble(scramble(seed ^ scramble(purpose)) ^ index);
}

/// xoshiro256**.
class Random {
public:
    explicit Random(std::uint64_t seed) {
        for (std::uint64_t& word : state_) {
            seed = scramble(seed);
            word = seed;
        }
    }

    std::uint64_t next() {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// 0 ... bound - 1; the tiny bias towards small numbers does not matter here.
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
    bool percent(unsigned chance) { return below(100) < chance; }
    bool per_mille(unsigned chance) { return below(1000) < chance; }

    Duration between(Duration low, Duration high) {
        return low + Duration{static_cast<std::int64_t>(
                         below(static_cast<std::size_t>((high - low).count()) + 1))};
    }

    template <typename T, std::size_t N>
    T pick(const std::array<T, N>& choices) {
        return choices[below(N)];
    }

private:
    std::array<std::uint64_t, 4> state_{};
};

}  // namespace svcd::simulation
