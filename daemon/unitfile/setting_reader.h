// What the rows of settings are made of: readers for the shapes that YAML values come in.
//
// In every setting null, an empty string and an empty list reset: to the default, or to an empty
// list. In a list an item that is null does so too, so that one drop-in can clear and set.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/types/time.h"
#include "unitfile/setting_row.h"
#include "unitfile/suggestion.h"
#include "unitfile/values.h"

namespace svcd {

/// Whether the value takes back what was set before.
bool is_reset(const YamlNode& value);

/// A `~` without quotes where a path or a command is wanted: to YAML it is nothing, to people home.
bool is_bare_tilde(const SettingRow& row, const YamlNode& value);
void fail_bare_tilde(Reading& reading, const YamlNode& value);

/// The text of a setting that has one value; null, and a fault, when it is a list or a map.
const std::string* single_text(Reading& reading, const YamlNode& value);

/// "KEY: PROBLEM", the fault of a value.
void fail_value(Reading& reading, const YamlNode& value, const std::string& problem);

/// Specifiers replaced; on an error a fault, and nothing.
std::optional<std::string> expand(Reading& reading, const YamlNode& value, std::string_view text);

/// Calls `clear` for each reset and `add` for each word of a list (its items word for word, or a
/// string split at blanks). Specifiers are replaced.
void read_words(Reading& reading,
                const YamlNode& value,
                const std::function<void()>& clear,
                const std::function<void(const std::string&, const YamlNode&)>& add);

/// A name in a list of units: "db.service", or "db@.service" in a template's instance, where the
/// instance is meant. On an error a fault, and nothing.
std::optional<UnitName> read_unit_name(Reading& reading,
                                       const std::string& word,
                                       const YamlNode& node);

/// The part of the draft that a pointer to member points into.
inline UnitDefinition& part_of(UnitDraft& draft, const UnitDefinition* /*tag*/) {
    return draft.unit;
}
inline ServiceSettings& part_of(UnitDraft& draft, const ServiceSettings* /*tag*/) {
    return draft.service;
}
inline ExecSettings& part_of(UnitDraft& draft, const ExecSettings* /*tag*/) {
    return draft.exec;
}
inline RareUnitSettings& part_of(UnitDraft& draft, const RareUnitSettings* /*tag*/) {
    return draft.rare_unit;
}
inline RareServiceSettings& part_of(UnitDraft& draft, const RareServiceSettings* /*tag*/) {
    return draft.rare_service;
}

template <typename>
struct MemberTypes;
template <typename Part, typename Field>
struct MemberTypes<Field Part::*> {
    using PartType = Part;
};

/// A setting of one value that `Parse` makes of its text and `Member` holds.
template <auto Parse, auto Member>
void read_single(Reading& reading, const YamlNode& value) {
    using Part = typename MemberTypes<decltype(Member)>::PartType;
    Part& part = part_of(reading.draft, static_cast<const Part*>(nullptr));
    if (is_reset(value)) {
        part.*Member = Part{}.*Member;
        return;
    }
    const std::string* text = single_text(reading, value);
    if (text == nullptr) {
        return;
    }
    auto parsed = Parse(*text);
    if (!parsed) {
        fail_value(reading, value, parsed.error());
        return;
    }
    part.*Member = *parsed;
}

/// The same, its specifiers replaced first.
template <auto Parse, auto Member>
void read_expanded(Reading& reading, const YamlNode& value) {
    using Part = typename MemberTypes<decltype(Member)>::PartType;
    Part& part = part_of(reading.draft, static_cast<const Part*>(nullptr));
    if (is_reset(value)) {
        part.*Member = Part{}.*Member;
        return;
    }
    const std::string* text = single_text(reading, value);
    const auto expanded = text == nullptr ? std::nullopt : expand(reading, value, trim(*text));
    if (!expanded) {
        return;
    }
    auto parsed = Parse(*expanded);
    if (!parsed) {
        fail_value(reading, value, parsed.error());
        return;
    }
    part.*Member = *std::move(parsed);
}

/// A setting of one string, its specifiers replaced.
template <auto Member>
void read_text(Reading& reading, const YamlNode& value) {
    using Part = typename MemberTypes<decltype(Member)>::PartType;
    Part& part = part_of(reading.draft, static_cast<const Part*>(nullptr));
    if (is_reset(value)) {
        part.*Member = {};
        return;
    }
    if (const std::string* text = single_text(reading, value)) {
        if (auto expanded = expand(reading, value, *text)) {
            part.*Member = *std::move(expanded);
        }
    }
}

/// For parse_enum() where every word works.
inline constexpr std::array<std::string_view, 0> kNoWords{};

/// The index of `text` among the words of an enum, in its order.
Parsed<std::size_t> parse_choice(std::string_view text,
                                 std::span<const std::string_view> words,
                                 std::span<const std::string_view> not_yet);

template <typename Enum, const auto& Words, const auto& NotYet>
Parsed<Enum> parse_enum(std::string_view text) {
    const auto index = parse_choice(text, Words, NotYet);
    if (!index) {
        return Unparsable{index.error()};
    }
    return static_cast<Enum>(*index);
}

/// The word of an enumerator.
template <const auto& Words, typename Enum>
std::string word_of(Enum value) {
    return std::string{Words[static_cast<std::size_t>(value)]};
}

/// Microseconds as D-Bus has them: infinity is UINT64_MAX.
inline std::uint64_t shown_duration(Duration duration) {
    return duration == kInfinity ? UINT64_MAX : static_cast<std::uint64_t>(duration.count());
}

/// The alternative of PropertyValue that a C++ type is.
template <typename T, std::size_t Index = 0>
constexpr std::size_t alternative_of() {
    if constexpr (std::is_same_v<T, std::variant_alternative_t<Index, PropertyValue>>) {
        return Index;
    } else {
        return alternative_of<T, Index + 1>();
    }
}

/// A property whose value `Get` returns, of Get's type.
template <auto Get>
constexpr SettingProperty property(std::string_view name) {
    using T = std::invoke_result_t<decltype(Get), const UnitDefinition&>;
    return {name, alternative_of<T>(),
            [](const UnitDefinition& unit) -> PropertyValue { return Get(unit); }};
}

}  // namespace svcd
