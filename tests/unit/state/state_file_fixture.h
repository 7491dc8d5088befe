// A state file in a folder of its own.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "core/types/checksum.h"
#include "linux/unique_fd.h"
#include "state/state_file.h"

namespace svcd::test {

inline constexpr off_t kPage = 4096;
/// Of the first unit that was written: after the header, the supervisor and the answers.
inline constexpr off_t kFirstUnit = 34 * kPage;

/// Every field that is filled says `number`, so that a mixture of two would show. No two units have
/// one job.
inline UnitRecord record(const std::string& name, std::uint32_t number) {
    UnitRecord record{};
    name.copy(record.name.data(), kUnitNameMax);
    record.restarts = number;
    record.state_deadline = number;
    record.start_times.fill(number);
    const std::uint64_t sum = checksum_of(name.data(), name.size());
    record.job.id = (number << 16U) + static_cast<std::uint16_t>(sum);
    record.status_text.fill(static_cast<char>('a' + number % 26));
    record.status_text.back() = '\0';
    return record;
}

inline bool is_whole(const UnitRecord& found) {
    const UnitRecord written = record(found.name.data(), found.restarts);
    return std::memcmp(&written, &found, sizeof found) == 0;
}

class StateFileTest : public ::testing::Test {
protected:
    StateFileTest() {
        std::string pattern = "/tmp/svcd-state-XXXXXX";
        folder_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : std::string{};
        path_ = folder_ + "/state";
    }
    ~StateFileTest() override { std::filesystem::remove_all(folder_); }

    StateFile::Opened open() const {
        Result<StateFile::Opened> opened = StateFile::open(path_);
        EXPECT_TRUE(opened) << to_string(opened.error());
        return std::move(*opened);
    }
    void overwrite(off_t offset, const std::string& bytes) const {
        const UniqueFd file{::open(path_.c_str(), O_WRONLY | O_CLOEXEC)};
        ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), offset),
                  static_cast<ssize_t>(bytes.size()));
    }
    void expect_set_aside(const std::string& because) const {
        StateFile::Opened opened = open();
        EXPECT_EQ(opened.saved, nullptr);
        EXPECT_THAT(opened.set_aside, ::testing::HasSubstr(because));
        EXPECT_TRUE(std::filesystem::exists(path_ + ".old"));
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("new.service", 1)));
        StateFile::Opened again = open();
        EXPECT_THAT(again.set_aside, ::testing::IsEmpty());
        ASSERT_NE(again.saved, nullptr);
        EXPECT_THAT(again.saved->units, ::testing::SizeIs(1));
    }

    std::string folder_;
    std::string path_;
};

}  // namespace svcd::test
