#include "plot_svg.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "svg_text.h"
#include "timeline_text.h"

namespace svcd {
namespace {

constexpr double kWidth = 1200;
constexpr double kMargin = 24;
constexpr double kGap = 12;  ///< between the columns
constexpr double kRow = 20;
constexpr double kBar = 12;  ///< height of a bar in its row
constexpr double kNameMax = 320;
constexpr double kNoteMax = 190;
constexpr double kFont = 12;
constexpr double kSmallFont = 11;
constexpr double kBold = 1.15;            ///< how much wider a bold font is
constexpr std::size_t kRowsPerAxis = 40;  ///< then the ticks' labels come again
constexpr double kTickRoom = 80;          ///< a tick's label has room in this

struct PhaseLook {
    Phase phase;
    std::string_view fill;
};
// Colours that also people with a colour vision deficiency tell apart (after Okabe and Ito), of
// different lightness for a black and white print.
// clang-format off
constexpr auto kLooks = std::to_array<PhaseLook>({
    {Phase::activating,    "#0072b2"},
    {Phase::active,        "#cfe6d8"},
    {Phase::pre_stop,      "#b8b8c8"},
    {Phase::exec_stop,     "#56b4e9"},
    {Phase::after_signal,  "#f0c040"},
    {Phase::after_sigkill, "#c23b00"},
    {Phase::stop_post,     "#009e73"},
});
// clang-format on

constexpr std::string_view kStyle =
    "text{font-family:sans-serif;font-size:12px;fill:#222}"
    ".title{font-size:20px;font-weight:bold}"
    ".small{font-size:11px;fill:#555}"
    ".critical{font-weight:bold}"
    ".right{text-anchor:end}"
    ".middle{text-anchor:middle}"
    ".bad{fill:#a32c00}"
    ".grid{stroke:#ddd;stroke-width:1}"
    ".axis{stroke:#777;stroke-width:1}"
    ".band{fill:#f5f6f8}"
    ".outline{fill:none;stroke:#111;stroke-width:1.5}"
    ".path{fill:none;stroke:#111;stroke-width:1.2;stroke-dasharray:3 2}"
    ".kill{stroke:#111;stroke-width:2;fill:none}";

std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value);
    std::string digits{text.data()};
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) {
        digits.pop_back();
    }
    return digits;
}

std::string fill_of(Phase phase) {
    return std::string{std::ranges::find(kLooks, phase, &PhaseLook::phase)->fill};
}

std::string rect(double x, double y, double width, double height, const std::string& look) {
    return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) +
           "\" height=\"" + number(height) + "\" " + look + "/>";
}

std::string line(double x1, double y1, double x2, double y2, const char* look) {
    return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) +
           "\" y2=\"" + number(y2) + "\" class=\"" + look + "\"/>";
}

std::string text_at(double x, double y, const char* look, const std::u32string& text) {
    return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + look + "\">" +
           xml_text(std::u32string_view{text}) + "</text>";
}

std::string text_at(double x, double y, const char* look, std::string_view text) {
    return text_at(x, y, look, code_points(text));
}

/// A cross: SIGKILL was sent here.
std::string kill_mark(double x, double y) {
    constexpr double kArm = 4;
    return "<path class=\"kill\" d=\"M" + number(x - kArm) + " " + number(y - kArm) + "L" +
           number(x + kArm) + " " + number(y + kArm) + "M" + number(x - kArm) + " " +
           number(y + kArm) + "L" + number(x + kArm) + " " + number(y - kArm) + "\"/>";
}

double widest(const std::vector<std::u32string>& texts) {
    double width = 0;
    for (const std::u32string& text : texts) {
        width = std::max(width, text_width(text));
    }
    return width;
}

/// "250 ms", "1.5 s", "2min 30s": a time on the axis, with as many digits as its step needs.
std::string tick_text(Usec time, Usec step, Usec length) {
    std::array<char, 32> text{};
    if (time == 0) {
        return "0";
    }
    if (length < 1'000'000) {
        std::snprintf(text.data(), text.size(), "%.*f ms",
                      step < 100     ? 2
                      : step < 1'000 ? 1
                                     : 0,
                      static_cast<double>(time) / 1e3);
        return text.data();
    }
    if (length < 120'000'000) {
        std::snprintf(text.data(), text.size(), "%.*f s",
                      step < 100'000     ? 2
                      : step < 1'000'000 ? 1
                                         : 0,
                      static_cast<double>(time) / 1e6);
        return text.data();
    }
    return rough_timespan(time);
}

class Plot {
public:
    explicit Plot(const Timeline& timeline);
    std::string draw();

private:
    double x(Usec time) const {
        return left_ + static_cast<double>(time) / static_cast<double>(span_) * (right_ - left_);
    }
    double row(std::size_t index) const {
        return top_ + static_cast<double>(index + index / kRowsPerAxis) * kRow;
    }
    double middle(std::size_t index) const { return row(index) + kRow / 2; }
    double bottom() const {
        return timeline_.units.empty() ? top_ : row(timeline_.units.size() - 1) + kRow;
    }

    void head();
    void legend();
    void axis();
    void unit(std::size_t index);
    std::string bar(std::size_t index) const;
    void critical_path();
    void foot();
    /// Adds a line to the picture.
    void put(const std::string& piece) { body_ += piece + "\n"; }

    const Timeline& timeline_;
    Usec span_;  ///< what the axis shows
    std::vector<std::u32string> names_;
    std::vector<std::u32string> notes_;
    double left_ = 0;   ///< where the bars begin
    double right_ = 0;  ///< where they end
    double took_ = 0;   ///< right edge of the column of lengths
    double top_ = 0;
    double height_ = 0;
    std::string body_;
};

Plot::Plot(const Timeline& timeline)
    : timeline_(timeline), span_(std::max<Usec>(timeline.length, 1'000)) {
    std::vector<std::u32string> lengths = {code_points("took")};
    for (const TimelineUnit& one : timeline.units) {
        const double factor = one.is_critical ? kBold : 1;
        names_.push_back(cut_middle(code_points(one.name), kNameMax / kFont / factor));
        notes_.push_back(cut_end(code_points(note_of(one)), kNoteMax / kSmallFont));
        lengths.push_back(code_points(took_text(one.took())));
    }
    const double notes = widest(notes_) * kSmallFont;
    left_ = kMargin + std::min(kNameMax, widest(names_) * kFont * kBold) + kGap;
    took_ = kWidth - kMargin - (notes > 0 ? notes + kGap : 0);
    right_ = took_ - widest(lengths) * kFont * kBold - kGap;
}

std::string Plot::draw() {
    head();
    legend();
    axis();
    for (std::size_t i = 0; i < timeline_.units.size(); ++i) {
        unit(i);
    }
    critical_path();
    foot();
    const std::string size = "width=\"" + number(kWidth) + "\" height=\"" + number(height_) + "\"";
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<svg xmlns=\"http://www.w3.org/2000/svg\" " +
           size + " viewBox=\"0 0 " + number(kWidth) + " " + number(height_) + "\">\n<title>" +
           xml_text(title_of(timeline_)) + "</title>\n<style>" + std::string{kStyle} +
           "</style>\n" + rect(0, 0, kWidth, height_, "fill=\"#fff\"") + "\n" + body_ + "</svg>\n";
}

void Plot::head() {
    constexpr double kRoom = (kWidth - 2 * kMargin) / kFont;
    put(text_at(kMargin, 40, "title", title_of(timeline_)));
    put(text_at(kMargin, 62, "", cut_end(code_points(subtitle_of(timeline_)), kRoom)));
    top_ = 62;
}

/// Of the phases only those that occur.
void Plot::legend() {
    constexpr double kSwatch = 18;
    double at = kMargin;
    double y = top_ + 28;
    const auto entry = [&](const std::string& sample, std::string_view text) {
        const double width = kSwatch + 6 + text_width(code_points(text)) * kFont;
        if (at + width > kWidth - kMargin) {
            at = kMargin;
            y += kRow;
        }
        put("<g transform=\"translate(" + number(at) + " " + number(y) + ")\">" + sample +
            text_at(kSwatch + 6, 0, "", text) + "</g>");
        at += width + 2 * kGap;
    };
    for (const PhaseLook& look : kLooks) {
        const auto has_it = [&look](const TimelineUnit& one) {
            return std::ranges::find(one.phases, look.phase, &PhaseSpan::phase) != one.phases.end();
        };
        if (std::ranges::any_of(timeline_.units, has_it)) {
            entry(rect(0, -10, kSwatch, kBar, "fill=\"" + std::string{look.fill} + "\""),
                  name_of(look.phase));
        }
    }
    if (std::ranges::any_of(timeline_.units,
                            [](const TimelineUnit& one) { return !one.sigkills.empty(); })) {
        entry(kill_mark(kSwatch / 2, -4), "SIGKILL sent");
    }
    entry(rect(0.75, -9.25, kSwatch - 1.5, kBar - 1.5, "class=\"outline\""),
          "critical path: what decided how long it took in all");
    top_ = y + 44;
}

/// Bands behind every other row, and the ticks above, below and in between.
void Plot::axis() {
    const std::size_t units = timeline_.units.size();
    for (std::size_t i = 1; i < units; i += 2) {
        put(rect(kMargin - 6, row(i), kWidth - 2 * kMargin + 12, kRow, "class=\"band\""));
    }
    const auto most = static_cast<std::size_t>((right_ - left_) / kTickRoom);
    const Usec step = tick_step(span_, most);
    for (Usec time = 0; time <= span_; time += step) {
        const std::string text = tick_text(time, step, span_);
        for (std::size_t first = 0; first < units; first += kRowsPerAxis) {
            const std::size_t last = std::min(first + kRowsPerAxis, units) - 1;
            put(line(x(time), row(first) - 4, x(time), row(last) + kRow, "grid"));
            put(text_at(x(time), row(first) - 8, "small middle", text));
        }
        put(text_at(x(time), bottom() + 17, "small middle", text));
    }
    put(line(left_, top_, right_, top_, "axis"));
    put(line(left_, bottom(), right_, bottom(), "axis"));
    put(text_at(took_, top_ - 8, "small right", "took"));
}

std::string tooltip(const TimelineUnit& unit) {
    std::string text = unit.name + ": @" + took_text(unit.begin) + " +" + took_text(unit.took());
    for (const PhaseSpan& span : unit.phases) {
        text += "\n" + std::string{name_of(span.phase)} + " " + took_text(span.end - span.begin);
    }
    return "<title>" + xml_text(text) + "</title>";
}

void Plot::unit(std::size_t index) {
    const TimelineUnit& one = timeline_.units[index];
    const double baseline = middle(index) + 4;
    std::string piece = "<g>" + tooltip(one);
    piece += text_at(left_ - kGap, baseline, one.is_critical ? "right critical" : "right",
                     names_[index]);
    piece += bar(index);
    piece += text_at(took_, baseline, one.is_critical ? "right critical" : "right",
                     took_text(one.took()));
    if (!notes_[index].empty()) {
        piece +=
            text_at(took_ + kGap, baseline, one.goes_on ? "small" : "small bad", notes_[index]);
    }
    put(piece + "</g>");
}

/// Also what took no time has to be seen.
std::string Plot::bar(std::size_t index) const {
    constexpr double kThin = 2;
    const TimelineUnit& one = timeline_.units[index];
    const double y = middle(index) - kBar / 2;
    // A bar at the right edge of the picture stays in it.
    const double begin = std::min(x(one.begin), right_ - kThin);
    const double end = std::max(x(one.end), begin + kThin);
    std::string piece;
    // The earlier ones on top, where they are made wider than they are.
    for (auto span = one.phases.rbegin(); span != one.phases.rend(); ++span) {
        if (span->end > span->begin) {
            piece += rect(std::min(x(span->begin), right_ - kThin), y,
                          std::max(x(span->end) - x(span->begin), kThin), kBar,
                          "fill=\"" + fill_of(span->phase) + "\"");
        }
    }
    if (one.took() == 0) {
        piece += rect(begin, y, kThin, kBar, "fill=\"#444\"");
    }
    if (one.is_critical) {
        piece += rect(begin, y, end - begin, kBar, "class=\"outline\"");
    }
    if (one.goes_on) {
        piece += "<path class=\"outline\" d=\"M" + number(end - 5) + " " + number(y) + "l5 " +
                 number(kBar / 2) + "l-5 " + number(kBar / 2) + "\"/>";
    }
    for (const Usec kill : one.sigkills) {
        piece += kill_mark(x(kill), middle(index));
    }
    return piece;
}

/// From where one was done to where the next could begin.
void Plot::critical_path() {
    for (std::size_t i = 0; i + 1 < timeline_.critical.size(); ++i) {
        const std::size_t later = timeline_.critical[i];
        const std::size_t earlier = timeline_.critical[i + 1];
        const double from = x(timeline_.units[earlier].end);
        const double edge = later > earlier ? kBar / 2 : -kBar / 2;
        put("<path class=\"path\" d=\"M" + number(from) + " " + number(middle(earlier) + edge) +
            "V" + number(middle(later)) + "H" + number(x(timeline_.units[later].begin)) + "\"/>");
    }
}

void Plot::foot() {
    height_ = bottom() + 40;
    const std::string left_out = left_out_text(timeline_);
    if (!left_out.empty()) {
        put(text_at(kMargin, height_, "small", left_out));
        height_ += kRow;
    }
}

}  // namespace

Usec tick_step(Usec length, std::size_t most) {
    constexpr Usec kSecond = 1'000'000;
    constexpr Usec kMinute = 60 * kSecond;
    constexpr Usec kHour = 60 * kMinute;
    static constexpr auto kLong =
        std::to_array<Usec>({10 * kSecond, 15 * kSecond, 20 * kSecond, 30 * kSecond, kMinute,
                             2 * kMinute, 5 * kMinute, 10 * kMinute, 15 * kMinute, 30 * kMinute,
                             kHour, 2 * kHour, 6 * kHour, 12 * kHour, 24 * kHour});
    const Usec least = length / std::max<Usec>(most, 1) + 1;
    for (Usec decimal = 1; decimal < 10 * kSecond; decimal *= 10) {
        for (const Usec factor : std::to_array<Usec>({1, 2, 5})) {
            if (decimal * factor >= least) {
                return decimal * factor;
            }
        }
    }
    const auto* step = std::ranges::find_if(kLong, [least](Usec one) { return one >= least; });
    return step != kLong.end() ? *step : (least / kLong.back() + 1) * kLong.back();
}

std::string plot_svg(const Timeline& timeline) {
    return Plot{timeline}.draw();
}

}  // namespace svcd
