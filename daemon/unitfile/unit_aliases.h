// Second names of units: links from one unit file to another (systemd.unit(5), "Alias").
//
//   other.service.yaml -> web.service.yaml       other.service is web.service
//   other@.service.yaml -> web@.service.yaml     other@x.service is web@x.service, for each x
//   other@x.service.yaml -> web@.service.yaml    other@x.service is web@x.service
//
// A link that can't make a name is a fault of its own name: another type, a template for a plain
// name, another instance, a loop.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "unitfile/diagnostic.h"
#include "unitfile/unit_name.h"

namespace svcd {

class UnitAliases {
public:
    using Names = std::map<std::string, std::string, std::less<>>;

    /// A link `path` by the name `name` to the file of the unit `other`.
    void add(const UnitName& name, const UnitName& other, std::string path);
    bool is_link(std::string_view name) const { return links_.contains(name); }
    /// What the link of this name says, or the name itself.
    std::string_view linked_to(std::string_view name) const;

    /// Once all files are known. `fragments` maps names to paths; those of second names and of
    /// faulty links are taken out of it.
    void settle(Names& fragments, std::vector<Diagnostic>& diagnostics);

    /// The name under which a unit is loaded.
    std::string resolve(std::string_view name) const;

    /// What is wrong with the link of this name, or with that of its template; empty: nothing.
    const std::string& fault_of(const UnitName& name) const;

    /// Units that have a link with a fault for a file.
    std::vector<std::string> faulty_names() const;

    /// All second names that a unit has by links of their own. Those of a template's instances are
    /// countless: of an instance these are the ones that it has as that.
    std::vector<std::string> names_for(const UnitName& name) const;

    /// Each second name and the name that it stands for; of templates too.
    const Names& all() const { return settled_; }

private:
    struct Link {
        UnitName name;
        UnitName other;
        std::string path;
    };

    std::string next_of(const UnitName& name) const;
    void settle_link(const Link& link, std::vector<Diagnostic>& diagnostics);
    void fail(const Link& link, std::string problem, std::vector<Diagnostic>& diagnostics);

    std::map<std::string, Link, std::less<>> links_;
    std::set<std::string, std::less<>> own_instances_;  ///< have a file, whatever their template is
    std::map<std::string, std::string, std::less<>> faults_;
    Names settled_;
    std::map<std::string, std::vector<std::string>, std::less<>> names_by_unit_;
};

}  // namespace svcd
