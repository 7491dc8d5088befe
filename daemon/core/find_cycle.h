// Finds a cycle in a graph of `nodes` nodes, depth first and without recursion (a chain may be
// 65,536 long).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace svcd {

/// `successors(node)` returns the nodes that `node` points at, as std::vector<std::size_t>. The
/// result is a cycle in which each node is pointed at by the next, and the first by the last; empty
/// when there is none.
template <typename Successors>
std::vector<std::size_t> find_cycle(std::size_t nodes, Successors successors) {
    enum class Mark : std::uint8_t { fresh, open, done };
    struct Frame {
        std::size_t node;
        std::vector<std::size_t> rest;
    };
    std::vector<Mark> marks(nodes, Mark::fresh);
    std::vector<Frame> path;
    for (std::size_t start = 0; start < nodes; ++start) {
        if (marks[start] != Mark::fresh) {
            continue;
        }
        marks[start] = Mark::open;
        path.push_back(Frame{start, successors(start)});
        while (!path.empty()) {
            Frame& frame = path.back();
            if (frame.rest.empty()) {
                marks[frame.node] = Mark::done;
                path.pop_back();
                continue;
            }
            const std::size_t next = frame.rest.back();
            frame.rest.pop_back();
            if (marks[next] == Mark::open) {
                std::vector<std::size_t> cycle;
                for (auto at = path.rbegin(); at != path.rend(); ++at) {
                    cycle.push_back(at->node);
                    if (at->node == next) {
                        return cycle;
                    }
                }
            }
            if (marks[next] == Mark::fresh) {
                marks[next] = Mark::open;
                path.push_back(Frame{next, successors(next)});
            }
        }
    }
    return {};
}

}  // namespace svcd
