// Which rows of service_edges.h the runs have been through, and how often.
#pragma once

#include <string>
#include <vector>

#include "simulation/simulation.h"

namespace svcd::simulation {

void add(TransitionTable& sum, const TransitionTable& counts);

/// So that runs of several processes can be added up. False, and said on stderr, when it can't.
bool write_edges(const TransitionTable& counts, const std::string& path);
bool read_edges(TransitionTable& counts, const std::string& path);

/// Prints the table with its counts. False when there is a row that was never reached.
bool print_edges(const TransitionTable& counts);

}  // namespace svcd::simulation
