#include "print_lists.h"

#include <algorithm>
#include <array>

#include "counted.h"
#include "unit_names.h"

namespace svcd {
namespace {

struct Cell {
    std::string text;
    Colour colour = Colour::plain;
};
using Row = std::vector<Cell>;

/// Columns as wide as their widest cell; only the last is cut at the screen's edge.
std::string table(std::vector<Row> rows, const Screen& screen) {
    std::vector<std::size_t> widths;
    for (Row& row : rows) {
        for (Cell& cell : row) {
            cell.text = harmless(cell.text);
        }
        widths.resize(std::max(widths.size(), row.size()), 0);
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i].text));
        }
    }
    std::string text;
    for (const Row& row : rows) {
        std::size_t used = 0;
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool last = i + 1 == row.size();
            std::string cell = last ? row[i].text : padded(row[i].text, widths[i]);
            if (last && screen.width > used) {
                cell = cut(cell, screen.width - used);
            }
            used += width_of(cell) + 1;
            line += coloured(screen, row[i].colour, cell);
            line += last ? "" : " ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::ranges::find(list, word) != list.end();
}

std::string type_of(const std::string& unit) {
    const std::size_t dot = unit.rfind('.');
    return dot == std::string::npos ? "" : unit.substr(dot + 1);
}

void append_branch(const DependencyTree& tree,
                   const std::string& indent,
                   const ListLook& look,
                   std::string& text) {
    for (std::size_t i = 0; i < tree.children.size(); ++i) {
        const DependencyTree& child = tree.children[i];
        const bool last = i + 1 == tree.children.size();
        const std::string glyph{glyph_of(child.active)};
        text += look.plain ? indent
                           : coloured(look.screen, colour_of(child.active), glyph) + " " + indent +
                                 (last ? "└─" : "├─");
        text += child.name + (child.seen_above ? " (shown above)" : "") + "\n";
        append_branch(child, indent + (look.plain ? "  " : last ? "  " : "│ "), look, text);
    }
}

}  // namespace

bool is_shown(const UnitFilter& filter, const UnitRow& unit) {
    const auto& states = filter.states;
    if (!states.empty() && !contains(states, unit.load) && !contains(states, unit.active) &&
        !contains(states, unit.sub) && !(unit.flapping && contains(states, "flapping"))) {
        return false;
    }
    if (!filter.types.empty() && !contains(filter.types, type_of(unit.name))) {
        return false;
    }
    if (!filter.patterns.empty() && !contains(filter.units, unit.name) &&
        std::ranges::none_of(filter.patterns, [&](const std::string& pattern) {
            return glob_matches(pattern, unit.name);
        })) {
        return false;
    }
    const bool asked_for = filter.all || !states.empty() || !filter.patterns.empty();
    return asked_for || unit.active != "inactive" || unit.job_id != 0;
}

std::string units_text(const std::vector<UnitRow>& units,
                       std::size_t hidden,
                       const ListLook& look) {
    const bool any_job =
        std::ranges::any_of(units, [](const UnitRow& unit) { return unit.job_id != 0; });
    const bool glyphs = look.screen.terminal && !look.plain;
    std::vector<Row> rows;
    const auto add = [&](const std::string& glyph, Colour colour,
                         const std::array<std::string, 6>& cells) {
        Row row;
        if (glyphs) {
            row.push_back({glyph, colour});
        }
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (i == 4 && !any_job) {
                continue;
            }
            const bool state = i == 2 || i == 3;
            row.push_back({cells[i], state || i == 0 ? colour : Colour::plain});
        }
        rows.push_back(std::move(row));
    };
    if (look.legend) {
        add("", Colour::strong, {"UNIT", "LOAD", "ACTIVE", "SUB", "JOB", "DESCRIPTION"});
    }
    for (const UnitRow& unit : units) {
        const Colour colour = unit.flapping             ? Colour::busy
                              : unit.active == "active" ? Colour::plain
                                                        : colour_of(unit.active);
        add(std::string{glyph_of(unit.active)}, colour,
            {unit.name, unit.load, unit.active, unit.sub, unit.job_type,
             (unit.flapping ? "(flapping) " : "") + unit.description});
    }
    std::string text = table(rows, look.screen);
    if (look.legend) {
        text += "\n" + counted(units.size(), "unit");
        text +=
            hidden == 0 ? ".\n" : "; " + std::to_string(hidden) + " inactive, shown with --all.\n";
    }
    return text;
}

Json units_json(const std::vector<UnitRow>& units) {
    Json list = Json::array();
    for (const UnitRow& unit : units) {
        Json entry = {
            {"unit", unit.name},         {"load", unit.load},    {"active", unit.active},
            {"sub", unit.sub},           {"job", unit.job_type}, {"result", unit.result},
            {"main_pid", unit.main_pid}, {"memory", nullptr},    {"description", unit.description}};
        if (unit.flapping) {
            entry["flapping"] = true;
        }
        if (unit.job_id == 0) {
            entry["job"] = nullptr;
        }
        if (unit.memory != UINT64_MAX) {
            entry["memory"] = unit.memory;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

std::string jobs_text(const std::vector<JobRow>& jobs, const ListLook& look) {
    if (jobs.empty()) {
        return look.legend ? "No jobs.\n" : "";
    }
    std::vector<Row> rows;
    if (look.legend) {
        rows.push_back({{"JOB", Colour::strong},
                        {"UNIT", Colour::strong},
                        {"TYPE", Colour::strong},
                        {"STATE", Colour::strong}});
    }
    for (const JobRow& job : jobs) {
        rows.push_back({{std::to_string(job.id)},
                        {job.unit},
                        {job.type},
                        {job.state, job.state == "running" ? Colour::busy : Colour::plain}});
    }
    std::string text = table(rows, look.screen);
    if (look.legend) {
        text += "\n" + counted(jobs.size(), "job") + ".\n";
    }
    return text;
}

Json jobs_json(const std::vector<JobRow>& jobs) {
    Json list = Json::array();
    for (const JobRow& job : jobs) {
        list.push_back(
            {{"job", job.id}, {"unit", job.unit}, {"type", job.type}, {"state", job.state}});
    }
    return list;
}

std::string tree_text(const DependencyTree& tree, const ListLook& look) {
    std::string text = tree.name + "\n";
    append_branch(tree, look.plain ? "  " : "", look, text);
    return text;
}

Json tree_json(const DependencyTree& tree) {
    Json children = Json::array();
    for (const DependencyTree& child : tree.children) {
        children.push_back(tree_json(child));
    }
    return {{"unit", tree.name},
            {"active", tree.active},
            {"shown_above", tree.seen_above},
            {"dependencies", std::move(children)}};
}

}  // namespace svcd
