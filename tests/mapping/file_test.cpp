// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

class FileTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name = "file") const { return directory_ / name; }
  static std::vector<std::byte> pattern(std::size_t bytes) {
    std::vector<std::byte> made(bytes);
    for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<std::byte>(i * 31 % 251);
    return made;
  }
  TempDirectory directory_;
};

TEST_F(FileTest, open_tells_what_it_found_instead_of_a_file) {
  const auto code = [](const std::string& at) {
    return error_of([&] { File::open(at, File::Access::read_write); }).code();
  };
  EXPECT_EQ(code(path()), errc::not_found);
  EXPECT_EQ(code(directory_.path()), errc::is_directory);
  EXPECT_EQ(error_of([&] { File::open(directory_.path(), File::Access::read_only); }).code(),
            errc::is_directory);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(code(path("fifo")), errc::not_a_regular_file);
  ASSERT_EQ(::symlink("nowhere", path("symbolic").c_str()), 0);
  EXPECT_EQ(code(path("symbolic")), errc::not_a_regular_file);
}

TEST_F(FileTest, a_failed_open_leaks_no_descriptor) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const auto before = count();
  for (int i = 0; i < 50; ++i) {
    EXPECT_THROW(File::open(path("fifo"), File::Access::read_write), Error);
    EXPECT_THROW(File::open(directory_.path(), File::Access::read_only), Error);
  }
  EXPECT_EQ(count(), before);
}

TEST_F(FileTest, reading_past_the_end_is_short_and_behind_it_nothing) {
  const File sut = File::open_or_create(path(), 0600);
  sut.write_at(0, pattern(1000));
  std::vector<std::byte> buffer(600, std::byte{0xEE});
  EXPECT_EQ(sut.read_at(0, buffer), 600U);
  EXPECT_EQ(sut.read_at(700, buffer), 300U);
  EXPECT_EQ(buffer[299], pattern(1000)[999]);
  EXPECT_EQ(sut.read_at(1000, buffer), 0U);
  EXPECT_EQ(sut.read_at(1 << 30, buffer), 0U);
  EXPECT_EQ(sut.read_at(0, {}), 0U);
}

TEST_F(FileTest, a_write_behind_the_end_leaves_zeros_between) {
  const File sut = File::open_or_create(path(), 0600);
  sut.write_at(5000, pattern(10));
  EXPECT_EQ(sut.size(), 5010U);
  std::vector<std::byte> buffer(5000, std::byte{0xEE});
  EXPECT_EQ(sut.read_at(0, buffer), 5000U);
  EXPECT_EQ(buffer, std::vector<std::byte>(5000));
}

TEST_F(FileTest, allocate_gives_room_on_the_disk_behind_every_byte) {
  const File sut = File::open_or_create(path(), 0600);
  sut.allocate(0, 256 << 10);
  EXPECT_EQ(sut.size(), 256U << 10);
  EXPECT_GE(sut.disk_bytes(), 256U << 10);
  sut.allocate(256 << 10, 300 << 10);
  EXPECT_EQ(sut.size(), 300U << 10);
}

/// The system would end the process by SIGXFSZ before anybody could be told.
TEST_F(FileTest, a_file_over_the_limit_of_the_process_is_named_and_cut_back) {
  EXPECT_TRUE(ForkedChild([&] {
                std::signal(SIGXFSZ, SIG_DFL);
                const File sut = File::open_or_create(path(), 0600);
                sut.allocate(0, 64 << 10);
                const File longer = File::open_or_create(path("longer"), 0600);
                longer.allocate(0, 256 << 10);
                const rlimit limit{128 << 10, 128 << 10};
                if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
                for (const bool zeroed : {false, true}) {
                  const Error error = error_of([&] {
                    if (zeroed) {
                      sut.allocate_zeroed(64 << 10, 1 << 20);
                    } else {
                      sut.allocate(64 << 10, 1 << 20);
                    }
                  });
                  if (error.code() != make_error_code(errc::too_large)) return false;
                  if (!contains(error.what(), path())) return false;
                  if (sut.size() != 64 << 10) return false;
                }
                const Error written = error_of([&] { sut.write_at(128 << 10, pattern(1)); });
                const Error copied = error_of([&] { sut.copy_from(longer, 128 << 10, 1); });
                const Error shared = error_of([&] { sut.share_blocks(longer, 0, 256 << 10); });
                if (!(shared == errc::too_large)) return false;
                if (!(written == errc::too_large) || !(copied == errc::too_large)) return false;
                sut.write_at((128 << 10) - 1, pattern(1));
                if (sut.size() != 128 << 10) return false;
                return !::testing::Test::HasFailure();
              }).succeeded());
}

TEST_F(FileTest, a_path_that_nobody_can_look_up_is_not_taken_for_another_files) {
  const std::string directory = path("directory");
  std::filesystem::create_directory(directory);
  const File sut = File::open_or_create(directory + "/file", 0600);
  EXPECT_TRUE(sut.is_still_at_path());
  std::filesystem::rename(directory, path("moved"));
  EXPECT_FALSE(sut.is_still_at_path());
  std::filesystem::create_symlink(directory, directory);
  expect_error(errc::not_a_regular_file, directory, {}, [&] { sut.is_still_at_path(); });
}

TEST_F(FileTest, new_files_have_exactly_the_permissions_asked_for) {
  for (const mode_t mask : {0000U, 0777U}) {
    for (const std::uint32_t wanted : {0600U, 0640U, 0666U}) {
      const mode_t before = ::umask(mask);
      const std::string named = path("n" + std::to_string(mask) + std::to_string(wanted));
      const File created = File::open_or_create(named, wanted);
      File unnamed = File::create_unnamed(named + "u", wanted);
      EXPECT_TRUE(unnamed.link());
      ::umask(before);
      for (const std::string& each : {named, named + "u"}) {
        struct stat status {};
        ASSERT_EQ(::stat(each.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, wanted) << mask;
      }
    }
  }
}

TEST_F(FileTest, an_existing_file_keeps_its_permissions_and_content) {
  {
    const File made = File::open_or_create(path(), 0640);
    made.write_at(0, pattern(10));
  }
  const File sut = File::open_or_create(path(), 0600);
  EXPECT_EQ(sut.size(), 10U);
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST_F(FileTest, an_unnamed_file_appears_whole_or_not_at_all) {
  File sut = File::create_unnamed(path(), 0600);
  sut.write_at(0, pattern(5));
  EXPECT_TRUE(directory_.names().empty());
  EXPECT_TRUE(sut.link());
  EXPECT_TRUE(sut.is_still_at_path());
  File late = File::create_unnamed(path(), 0600);
  EXPECT_FALSE(late.link());
  EXPECT_EQ(File::open(path(), File::Access::read_only).size(), 5U);
  EXPECT_FALSE(late.is_still_at_path());
}

TEST_F(FileTest, identity_follows_the_file_and_not_the_name) {
  const File sut = File::open_or_create(path(), 0600);
  ASSERT_EQ(::link(path().c_str(), path("second").c_str()), 0);
  EXPECT_EQ(File::open(path("second"), File::Access::read_only).id(), sut.id());
  ASSERT_EQ(::unlink(path().c_str()), 0);
  EXPECT_FALSE(sut.is_still_at_path());
  const File other = File::open_or_create(path(), 0600);
  EXPECT_FALSE(other.id() == sut.id());
  EXPECT_FALSE(sut.is_still_at_path());
  sut.unlink();  // no longer its own name
  EXPECT_TRUE(other.is_still_at_path());
  other.unlink();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(FileTest, a_write_to_a_file_opened_for_reading_is_an_error) {
  { File::open_or_create(path(), 0600).write_at(0, pattern(5)); }
  const File sut = File::open(path(), File::Access::read_only);
  expect_error(errc::io, path(), {"write 5 bytes at offset 0"},
               [&] { sut.write_at(0, pattern(5)); });
}

TEST_F(FileTest, a_range_is_copied_to_the_same_place_and_nothing_beside_it) {
  constexpr std::size_t bytes = (3U << 20) + 100;
  const File from = File::open_or_create(path("from"), 0600);
  from.write_at(0, pattern(bytes));
  for (const std::uint64_t offset : {0U, 4096U, 777U}) {
    const File sut = File::create_unnamed(path(), 0600);
    sut.write_at(0, std::vector<std::byte>(bytes, std::byte{0xEE}));
    sut.copy_from(from, offset, bytes - offset - 10);
    sut.begin_writing(offset, bytes);
    sut.finish_writing(offset, bytes);
    std::vector<std::byte> expected = pattern(bytes);
    std::fill_n(expected.begin(), offset, std::byte{0xEE});
    std::fill_n(expected.end() - 10, 10, std::byte{0xEE});
    std::vector<std::byte> got(bytes);
    EXPECT_EQ(sut.read_at(0, got), bytes);
    EXPECT_EQ(got, expected) << offset;
  }
}

TEST_F(FileTest, copying_past_the_end_of_the_source_is_truncated_and_says_where_it_ends) {
  const File from = File::open_or_create(path("from"), 0600);
  from.write_at(0, pattern(10'000));
  const File sut = File::open_or_create(path(), 0600);
  expect_error(errc::truncated, path("from"), {"ends at byte 10000"},
               [&] { sut.copy_from(from, 4096, 8192); });
}

TEST_F(FileTest, blocks_are_shared_or_the_file_is_as_it_was) {
  const File from = File::open_or_create(path("from"), 0600);
  from.write_at(0, pattern(64 << 10));
  const File sut = File::open_or_create(path(), 0600);
  const bool shared = sut.share_blocks(from, 8192, 16384);
  ASSERT_EQ(sut.size(), shared ? 24576U : 0U);
  if (!shared) return;
  std::vector<std::byte> got(16384);
  EXPECT_EQ(sut.read_at(8192, got), got.size());
  const auto whole = pattern(64 << 10);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), whole.begin() + 8192));
  // What one of them changes the other does not.
  sut.write_at(8192, std::vector<std::byte>(100, std::byte{0xEE}));
  std::vector<std::byte> original(whole.size());
  from.read_at(0, original);
  EXPECT_EQ(original, whole);
}

TEST_F(FileTest, moves_hand_the_descriptor_over) {
  File first = File::open_or_create(path(), 0600);
  const int descriptor = first.descriptor();
  File second = std::move(first);
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): the test
  EXPECT_EQ(second.descriptor(), descriptor);
  second = File::open_or_create(path("other"), 0600);
  EXPECT_EQ(::fcntl(descriptor, F_GETFD) == -1 || second.descriptor() == descriptor, true);
}

TEST_F(FileTest, store_mapped_copies_any_length) {
  const File sut = File::open_or_create(path(), 0600);
  for (const std::size_t bytes : {1U, 63U, 64U, 65U, 128U, 512U, 576U, 4096U, 5000U}) {
    const auto from = pattern(bytes + 1);
    std::vector<std::byte> to(bytes + 2, std::byte{0xEE});
    sut.store_mapped(0, to.data() + 1, from.data() + 1, bytes);
    EXPECT_EQ(std::memcmp(to.data() + 1, from.data() + 1, bytes), 0) << bytes;
    EXPECT_EQ(to.front(), std::byte{0xEE});
    EXPECT_EQ(to.back(), std::byte{0xEE});
  }
}

}  // namespace
}  // namespace cairn::test
