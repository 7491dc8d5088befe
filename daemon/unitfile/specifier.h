// Specifiers of unit files (systemd.unit(5)): "%i" and the like, replaced while the file is read.
#pragma once

#include <string>
#include <string_view>

#include "unitfile/unit_name.h"
#include "unitfile/values.h"

namespace svcd {

/// What specifiers stand for in this instance of svcd. Nothing is looked up before a unit asks for
/// it, and no user but the one svcd runs as is ever looked up: name services may hang.
class Specifiers {
public:
    explicit Specifiers(bool user_instance) : user_instance_{user_instance} {}

    /// `text` with its specifiers replaced. One that does not exist is an error; a '%' before
    /// anything but a letter or digit stays.
    Parsed<std::string> expand(std::string_view text, const UnitName& unit) const;

    /// %t: what is below it is gone after a reboot.
    std::string runtime_directory() const;

private:
    Parsed<std::string> value_of(char specifier, const UnitName& unit) const;
    std::string directory(const char* variable,
                          std::string_view below_home,
                          std::string_view of_system) const;

    bool user_instance_;
};

}  // namespace svcd
