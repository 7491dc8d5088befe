// Settings as property values: one overload for each alternative of PropertyValue.
#include "bus/dispatch.h"

namespace svcd {

namespace {

struct SettingWriter {
    Writer& writer;
    bool hidden;
    const ProcessStatus* last_run;

    void operator()(bool value) const { writer.boolean(!hidden && value); }
    void operator()(std::int32_t value) const { writer.i32(hidden ? 0 : value); }
    void operator()(std::uint32_t value) const { writer.u32(hidden ? 0 : value); }
    void operator()(std::uint64_t value) const { writer.u64(hidden ? 0 : value); }
    void operator()(const std::string& value) const {
        writer.string(hidden ? std::string_view{} : value);
    }
    void operator()(const std::vector<std::string>& values) const {
        writer.strings(hidden ? std::vector<std::string>{} : values);
    }
    void operator()(const std::vector<std::pair<std::string, bool>>& values) const {
        writer.open(SD_BUS_TYPE_ARRAY, "(sb)");
        for (const auto& [text, flag] : values) {
            if (!hidden) {
                writer.open(SD_BUS_TYPE_STRUCT, "sb").string(text).boolean(flag).close();
            }
        }
        writer.close();
    }
    void operator()(const std::vector<CommandProperty>& commands) const {
        writer.open(SD_BUS_TYPE_ARRAY, "(sasbttttuii)");
        for (const CommandProperty& command : commands) {
            if (!hidden) {
                append(command, commands.size() == 1 ? last_run : nullptr);
            }
        }
        writer.close();
    }

    void operator()(const ExitStatusProperty& set) const {
        writer.open(SD_BUS_TYPE_STRUCT, "aiai");
        for (const std::vector<std::int32_t>* numbers : {&set.statuses, &set.signals}) {
            writer.open(SD_BUS_TYPE_ARRAY, "i");
            for (const std::int32_t number : *numbers) {
                if (!hidden) {
                    writer.i32(number);
                }
            }
            writer.close();
        }
        writer.close();
    }

    void append(const CommandProperty& command, const ProcessStatus* run) const {
        const ProcessStatus never;
        const ProcessStatus& last = run ? *run : never;
        writer.open(SD_BUS_TYPE_STRUCT, "sasbttttuii")
            .string(command.path)
            .strings(command.argv)
            .boolean(command.ignore_failure)
            .u64(realtime_usec(last.started_at))
            .u64(monotonic_usec(last.started_at))
            .u64(realtime_usec(last.exited_at))
            .u64(monotonic_usec(last.exited_at))
            .u32(static_cast<std::uint32_t>(last.last_pid))
            .i32(static_cast<std::int32_t>(last.code))
            .i32(last.status)
            .close();
    }
};

}  // namespace

void append_setting(Writer& writer,
                    const PropertyValue& value,
                    bool hidden,
                    const ProcessStatus* last_run) {
    std::visit(SettingWriter{writer, hidden, last_run}, value);
}

}  // namespace svcd
