// Unit files of any bytes: the YAML reader, every setting's reader, the rules of the whole, and
// what `show` makes of the result. The first byte chooses the kind of unit.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/target.h"
#include "unitfile/schema.h"
#include "unitfile/unit_builder.h"

namespace {

svcd::UnitSource source_of(const std::string& text) {
    auto root = svcd::read_yaml(text);
    if (!root) {
        const auto diagnostic =
            svcd::make_diagnostic("x", "x.yaml", text, root.error().mark, root.error().message);
        static_cast<void>(svcd::to_string(diagnostic));
        return {};
    }
    return {"x.yaml", text, *root};
}

void build(const char* unit, const std::string& text, bool as_drop_in) {
    const auto name = svcd::parse_unit_name(unit);
    const svcd::Specifiers specifiers{false};
    const svcd::UnitSource source = source_of(text);
    if (source.root == nullptr) {
        return;
    }
    const svcd::UnitSource base =
        source_of("Service: {ExecStart: /bin/true, Environment: {A: 1}, LimitNOFILE: 5}\n");
    svcd::BuildInput input{*name, specifiers, false, as_drop_in ? &base : &source, {}, {}};
    if (as_drop_in) {
        input.drop_ins.push_back(source);
    }
    const svcd::BuiltUnit built = svcd::build_unit(input);
    for (const svcd::Diagnostic& diagnostic : built.diagnostics) {
        static_cast<void>(svcd::to_string(diagnostic));
    }
    for (std::size_t i = 0; built.valid && i < svcd::setting_properties().size(); ++i) {
        static_cast<void>(svcd::setting_value(built.definition, i));
    }
}

}  // namespace

void svcd::fuzz::try_input(std::string_view input) {
    if (input.empty()) {
        return;
    }
    const std::string text{input.substr(1)};
    switch (static_cast<unsigned char>(input[0]) % 4) {
        case 0:
            build("x.service", text, false);
            break;
        case 1:
            build("x@a-b.service", text, false);
            break;
        case 2:
            build("x.target", text, false);
            build("x-y.slice", text, false);
            break;
        default:
            build("x.service", text, true);
            break;
    }
}
