// SPDX-License-Identifier: BSL-1.0
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Limits are named errors that leave the store as it was, and usable.
class Limits : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }
  static void expect_untouched(Store& sut, const Values& content, std::uint64_t size,
                               std::uint64_t used) {
    EXPECT_EQ(numbers(sut), content);
    EXPECT_EQ(sut.size(), size);
    EXPECT_EQ(sut.used(), used);
    push(sut, 42);
    EXPECT_EQ(numbers(sut).back(), 42U);
    expect_sound(sut);
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, Limits, ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(Limits, a_heap_over_max_bytes) {
  Options how = this->how();
  how.max_bytes = 2 << 20;
  Store sut = open(how);
  push(sut, 1);
  const std::uint64_t size = sut.size();
  const std::uint64_t used = sut.used();
  EXPECT_EQ(sut.limit(), 2U << 20);
  expect_error(errc::too_large, path(), {"2097152"}, [&] {
    sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 300'000U, 1U); });
  });
  expect_untouched(sut, {1}, size, used);
  expect_error(errc::too_large, path(), {"2097152"}, [&] {
    sut.write([](WriteTransaction& tx) {
      for (std::uint64_t i = 0;; ++i) tx.construct<String>(std::to_string(i), "some text");
    });
  });
  EXPECT_EQ(sut.size(), size);
  // The whole room can be used.
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 200'000U, 1U); });
  EXPECT_EQ(numbers(sut, "big").size(), 200'000U);
  expect_sound(sut);
}

TEST_P(Limits, a_file_over_max_bytes) {
  Options how = this->how();
  how.max_bytes = 2 << 20;
  Store sut = open(how);
  const std::uint64_t size = sut.size();
  expect_error(errc::too_large, path(), {"2097152", "4194304"}, [&] { sut.resize_file(4 << 20); });
  EXPECT_EQ(sut.size(), size);
  sut.resize_file(2 << 20);
  EXPECT_EQ(sut.size(), 2U << 20);
}

TEST_P(Limits, a_file_of_more_bytes_than_can_be_rounded_up) {
  Store sut = open(how());
  const std::uint64_t size = sut.size();
  const std::uint64_t most = ~std::uint64_t{0};
  for (const std::uint64_t bytes : {most, most - page_bytes + 2}) {
    expect_error(errc::too_large, path(), {std::to_string(bytes)}, [&] { sut.resize_file(bytes); });
    EXPECT_EQ(sut.size(), size);
  }
}

TEST_P(Limits, a_max_bytes_that_is_no_multiple_of_the_page_size) {
  Options how = this->how();
  how.max_bytes = (2 << 20) + 1;
  Store sut = open(how);
  EXPECT_EQ(sut.limit(), (2U << 20) + page_bytes);
  sut.resize_file(sut.limit());
  EXPECT_EQ(sut.size(), sut.limit());
}

TEST_P(Limits, a_max_bytes_over_what_can_be_addressed_is_refused_at_every_opening) {
  const std::uint64_t largest = std::uint64_t{8} << 40;
  for (const std::uint64_t bytes : {largest + 1, ~std::uint64_t{0}}) {
    Options how = this->how();
    how.max_bytes = bytes;
    const auto refused = [&] {
      expect_error(errc::invalid_argument, path(),
                   {"max_bytes", std::to_string(bytes), std::to_string(largest)},
                   [&] { open(how); });
    };
    refused();
    { const Store made = open(this->how()); }
    refused();
    const Store other = open(this->how());
    refused();
  }
}

TEST_P(Limits, any_private_bytes_suffices_for_a_small_transaction) {
  for (const std::uint64_t bytes :
       {std::uint64_t{1}, std::uint64_t{2047}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    Options how = this->how();
    how.private_bytes = bytes;
    Store sut = open(how);
    const std::uint64_t before = numbers(sut).size();
    push(sut, bytes);
    EXPECT_EQ(numbers(sut).size(), before + 1);
    expect_sound(sut);
  }
}

TEST_P(Limits, a_range_to_mark_that_ends_outside_the_store) {
  Store sut = open(how());
  push(sut, 1);
  WriteTransaction tx = sut.begin_write();
  const auto& first = std::as_const(*tx.find<Numbers>("numbers"))[0];
  for (const std::size_t bytes : {std::size_t{0} - 1, std::size_t{0} - 4000, sut.limit()}) {
    expect_error(errc::no_transaction, path(), {"outside this store"},
                 [&] { tx.mark(&first, bytes); });
  }
  // Within it, what the heap has not got yet needs no mark.
  tx.mark(&first, sut.size());
}

TEST_P(Limits, a_transaction_over_its_memory) {
  Options how = this->how();
  how.private_bytes = 32 * page_bytes;
  Store sut = open(how);
  push(sut, 1);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 100'000U, 1U); });
  const std::uint64_t size = sut.size();
  const std::uint64_t used = sut.used();
  expect_error(errc::too_large, path(), {"64 pages", "private_bytes"}, [&] {
    sut.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("wide")) each = 2;
    });
  });
  EXPECT_EQ(numbers(sut, "wide"), Values(100'000, 1));
  expect_untouched(sut, {1}, size, used);
  // What fits goes on being possible, many times over.
  for (std::uint64_t round = 0; round < 10; ++round) {
    sut.write([&](WriteTransaction& tx) {
      auto& wide = *tx.find<Numbers>("wide");
      for (std::uint64_t i = 0; i < 20'000; ++i) wide[round * 10'000 + i % 10'000] = round;
    });
  }
  const Values wide = numbers(sut, "wide");
  for (std::uint64_t i = 0; i < wide.size(); ++i) ASSERT_EQ(wide[i], i / 10'000) << i;
}

TEST_P(Limits, destroying_more_than_the_memory_allows_is_all_or_nothing) {
  Options how = this->how();
  how.private_bytes = 32 * page_bytes;
  Store sut = open(how);
  push(sut, 1);
  sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("numbers"); });
  const std::uint64_t bare = sut.used();
  sut.write([](WriteTransaction& tx) {
    auto& texts = tx.construct<Vec<String>>("texts");
    for (int i = 0; i < 20'000; ++i) texts.emplace_back(std::string(100, 'x'));
  });
  const std::uint64_t used = sut.used();
  bool refused = false;
  try {
    sut.write([](WriteTransaction& tx) { tx.destroy<Vec<String>>("texts"); });
  } catch (const Error& error) {
    refused = true;
    EXPECT_EQ(error.code(), make_error_code(errc::too_large)) << error.what();
  }
  EXPECT_EQ(sut.used(), refused ? used : bare) << "blocks were leaked by a commit";
  EXPECT_EQ(sut.check().unowned_bytes, 0U);
  expect_sound(sut);
}

TEST_P(Limits, a_record_over_max_log_bytes) {
  Options how = this->how();
  how.log_bytes = 64 << 10;
  how.max_log_bytes = 128 << 10;
  Store sut = open(how);
  push(sut, 1);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 100'000U, 1U); });
  const std::uint64_t size = sut.size();
  const std::uint64_t used = sut.used();
  expect_error(errc::too_large, path(), {"max_log_bytes", "131072"}, [&] {
    sut.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("wide")) each = 2;
    });
  });
  EXPECT_EQ(numbers(sut, "wide"), Values(100'000, 1));
  expect_untouched(sut, {1}, size, used);
  EXPECT_LE(std::filesystem::file_size(path() + "-log"), log_ring_offset + (128U << 10));
}

TEST_P(Limits, a_record_larger_than_the_log_was) {
  Options how = this->how();
  how.log_bytes = 64 << 10;
  {
    Store sut = open(how);
    sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 100'000U, 1U); });
    sut.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("wide")) each = 2;
    });
    EXPECT_GT(std::filesystem::file_size(path() + "-log"), 800'000U);
    EXPECT_EQ(numbers(sut, "wide"), Values(100'000, 2));
  }
  if (GetParam() == Durability::power) pretend_reboot(path());
  const Store sut = open(how);
  EXPECT_EQ(numbers(sut, "wide"), Values(100'000, 2));
  expect_sound(sut);
}

TEST_P(Limits, private_pages_over_the_budget_are_dropped_between_transactions) {
  Options how = this->how();
  how.private_bytes = 8 * page_bytes;
  Store sut = open(how);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 100'000U, 0U); });
  for (std::uint64_t i = 0; i < 400; ++i) {
    sut.write([&](WriteTransaction& tx) { (*tx.find<Numbers>("wide"))[i * 250] = i + 1; });
  }
  const Values wide = numbers(sut, "wide");
  for (std::uint64_t i = 0; i < 400; ++i) ASSERT_EQ(wide[i * 250], i + 1);
  expect_sound(sut);
}

TEST_P(Limits, the_file_grows_ahead_and_gives_back) {
  Store sut = open(how());
  push(sut, 1);
  const std::uint64_t before = sut.size();
  sut.resize_file(8 << 20);
  EXPECT_EQ(sut.size(), 8U << 20);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 500'000U, 1U); });
  EXPECT_EQ(sut.size(), 8U << 20);
  sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("big"); });
  const std::uint64_t given_back = sut.shrink_to_usage();
  EXPECT_EQ(sut.size(), (8U << 20) - given_back);
  EXPECT_LE(sut.size(), before);
  EXPECT_EQ(sut.shrink_to_usage(), 0U);
  EXPECT_EQ(numbers(sut), Values{1});
  sut.resize_file(1);  // as far as the content allows
  EXPECT_EQ(numbers(sut), Values{1});
  push(sut, 2);
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
  expect_sound(sut);
}

TEST_P(Limits, shrinking_in_a_store_that_is_full_changes_nothing) {
  Store sut = open(how());
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 500'000U, 1U); });
  sut.shrink_to_usage();
  const std::uint64_t sequence = sut.sequence();
  EXPECT_EQ(sut.shrink_to_usage(), 0U);
  EXPECT_EQ(sut.sequence(), sequence);
  EXPECT_EQ(numbers(sut, "big").size(), 500'000U);
}

TEST_P(Limits, shrinking_waits_for_no_transaction_of_its_own_thread) {
  Store sut = open(how());
  const WriteTransaction tx = sut.begin_write();
  expect_error(errc::transaction_active, path(), {"let it go, first"},
               [&] { sut.shrink_to_usage(); });
  expect_error(errc::transaction_active, path(), {"let it go, first"}, [&] { sut.checkpoint(); });
  EXPECT_TRUE(tx.active());
}

/// `ulimit -f`. Going over it would raise SIGXFSZ, which ends a process.
TEST_P(Limits, a_file_over_the_limit_of_the_process) {
  EXPECT_TRUE(ForkedChild([&] {
                std::signal(SIGXFSZ, SIG_DFL);
                Store sut = open(how());
                push(sut, 1);
                const std::uint64_t size = sut.size();
                const std::uint64_t used = sut.used();
                const rlimit most{2 << 20, 2 << 20};
                if (::setrlimit(RLIMIT_FSIZE, &most) != 0) return false;
                const auto grow = [&](std::size_t count) {
                  sut.write([&](WriteTransaction& tx) { tx.construct<Numbers>("big", count, 1U); });
                };
                expect_error(errc::too_large, path(), {}, [&] { grow(400'000); });
                expect_error(errc::too_large, path(), {}, [&] { sut.resize_file(4 << 20); });
                expect_untouched(sut, {1}, size, used);
                grow(150'000);
                // More lines than the log has room for below the limit.
                expect_error(errc::too_large, path(), {"-log"}, [&] {
                  sut.write([](WriteTransaction& tx) {
                    for (auto& each : *tx.find<Numbers>("big")) each = 2;
                  });
                });
                EXPECT_EQ(numbers(sut, "big"), Values(150'000, 1));
                expect_sound(sut);
                expect_error(errc::too_large, path("other"), {}, [&] {
                  Options large = how();
                  large.initial_bytes = 3 << 20;
                  Store::create(path("other"), large);
                });
                const SnapshotOptions copying;
                sut.snapshot(path("copy"), copying);
                return !HasFailure();
              }).succeeded());
  Store sut = open(how());
  EXPECT_EQ(numbers(sut, "big"), Values(150'000, 1));
  expect_sound(sut);
}

/// Where the machine or its user allows no more address space, as with `ulimit -v`.
TEST_P(Limits, a_store_larger_than_the_address_space) {
  Options made_large = how();
  made_large.max_bytes = std::uint64_t{128} << 30;
  { const Store made = Store::create(path("large"), made_large); }
  EXPECT_TRUE(ForkedChild([&] {
                Options large = how();
                large.max_bytes = std::uint64_t{1} << 40;
                // Sanitizers take a lot for themselves.
                std::uint64_t taken_pages = 0;
                std::ifstream("/proc/self/statm") >> taken_pages;
                const std::uint64_t bytes = taken_pages * page_bytes + (std::uint64_t{64} << 30);
                const rlimit most{bytes, bytes};
                if (::setrlimit(RLIMIT_AS, &most) != 0) return false;
                const std::vector<std::string> advice = {
                    "raise the limit (ulimit -v)", "create the store with a smaller max_bytes"};
                expect_error(errc::too_large, path() + ": ", advice, [&] { open(large); });
                // Nobody lowers what a store was created with.
                expect_error(errc::too_large, path("large") + ": ", advice,
                             [&] { Store::open(path("large"), how()); });
                // Nothing of the attempt is in the way of a smaller one.
                EXPECT_FALSE(std::filesystem::exists(path()));
                Store sut = open(how());
                push(sut, 1);
                return numbers(sut) == Values{1} && !HasFailure();
              }).succeeded());
}

}  // namespace
}  // namespace cairn::test
