// SPDX-License-Identifier: BSL-1.0
#include "disk_places.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "sweep.hpp"
#include "temp_store.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint64_t stride_bytes = 128 << 10;
constexpr std::uint64_t piece_bytes = 4096;

/// Data at every multiple of `stride_bytes`, and holes between.
void write_pieces(const std::string& path, std::uint64_t pieces) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  const std::string data(piece_bytes, 'x');
  for (std::uint64_t i = 0; i < pieces; ++i) {
    ASSERT_EQ(::pwrite(descriptor, data.data(), data.size(), static_cast<off_t>(i * stride_bytes)),
              static_cast<ssize_t>(data.size()));
  }
  ::close(descriptor);
}

/// Nothing where the file system does not tell.
std::optional<DiskPlaces> places_of(const std::string& path) {
  try {
    return DiskPlaces(path);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::operation_not_supported) throw;
  }
  return {};
}

TEST(DiskPlaces, knows_all_of_a_file_in_many_pieces) {
  const test::TempDirectory directory;
  for (const std::uint64_t pieces : {1U, 255U, 256U, 257U, 1000U}) {
    SCOPED_TRACE(pieces);
    const std::string path = directory / std::to_string(pieces);
    write_pieces(path, pieces);
    const auto sut = places_of(path);
    if (!sut) GTEST_SKIP() << "the file system does not tell where its files lie";
    std::set<std::uint64_t> places;
    for (std::uint64_t i = 0; i < pieces; ++i) places.insert(sut->of(i * stride_bytes));
    EXPECT_EQ(places.size(), pieces) << "each has a place of its own";
    EXPECT_EQ(sut->end_of(0, pieces * stride_bytes), *places.rbegin() + piece_bytes);
    EXPECT_THROW(static_cast<void>(sut->of(pieces * stride_bytes)), DrillFailure);
  }
}

TEST(DiskPlaces, of_no_file_are_an_error) {
  const test::TempDirectory directory;
  EXPECT_THROW(DiskPlaces(directory / "absent"), std::system_error);
}

}  // namespace
}  // namespace cairn::drills
