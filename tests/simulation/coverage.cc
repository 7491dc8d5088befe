#include "simulation/coverage.h"

#include <cstdio>
#include <fstream>

#include "core/service_edges.h"

namespace svcd::simulation {
namespace {

std::uint64_t count_of(const TransitionTable& counts, SubState from, SubState to) {
    return counts[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

template <std::size_t Size>
bool print_table(const TransitionTable& counts, const std::array<StateEdge, Size>& table) {
    bool all_reached = true;
    for (const StateEdge& edge : table) {
        std::printf("\n%.*s: %.*s\n", static_cast<int>(name_of(edge.to).size()),
                    name_of(edge.to).data(), static_cast<int>(edge.when.size()), edge.when.data());
        for (std::size_t index = 0; index < kSubStateCount; ++index) {
            const auto from = static_cast<SubState>(index);
            if (!edge.leads_from(from)) {
                continue;
            }
            const std::uint64_t count = count_of(counts, from, edge.to);
            all_reached = all_reached && count != 0;
            std::printf("    from %-14s %12llu%s%s\n", std::string{name_of(from)}.c_str(),
                        static_cast<unsigned long long>(count),
                        edge.also.contains(from) ? "  also" : "",
                        count == 0 ? "  NEVER REACHED" : "");
        }
    }
    return all_reached;
}

}  // namespace

void add(TransitionTable& sum, const TransitionTable& counts) {
    for (std::size_t from = 0; from < kSubStateCount; ++from) {
        for (std::size_t to = 0; to < kSubStateCount; ++to) {
            sum[from][to] += counts[from][to];
        }
    }
}

bool write_edges(const TransitionTable& counts, const std::string& path) {
    std::ofstream file{path};
    for (const auto& row : counts) {
        for (const std::uint64_t count : row) {
            file << count << ' ';
        }
        file << '\n';
    }
    if (!file.flush()) {
        std::fprintf(stderr, "svcd-simulate: cannot write %s\n", path.c_str());
        return false;
    }
    return true;
}

bool read_edges(TransitionTable& counts, const std::string& path) {
    std::ifstream file{path};
    TransitionTable read{};
    for (auto& row : read) {
        for (std::uint64_t& count : row) {
            file >> count;
        }
    }
    if (!file) {
        std::fprintf(stderr, "svcd-simulate: cannot read %s\n", path.c_str());
        return false;
    }
    add(counts, read);
    return true;
}

bool print_edges(const TransitionTable& counts) {
    const bool services = print_table(counts, edges::kService);
    const bool others = print_table(counts, edges::kOthers);
    std::printf("\n%s\n",
                services && others ? "Every row was reached." : "FAILED: a row was never reached.");
    return services && others;
}

}  // namespace svcd::simulation
