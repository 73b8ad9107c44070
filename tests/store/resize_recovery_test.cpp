// SPDX-License-Identifier: BSL-1.0
// Changes of the file's length that somebody began and did not end.
#include <array>
#include <atomic>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using namespace std::chrono_literals;

const char* stop_at = nullptr;
int stop_with = 0;

void on_point(const char* name) {
  if (stop_at != nullptr && std::string_view(name) == stop_at) {
    stop_at = nullptr;
    ::raise(stop_with);
  }
}
void raise_at(const char* point, int signal) {
  stop_at = point;
  stop_with = signal;
  drill::set_crash_observer(&on_point);
}

class ResizeRecovery : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() {
    Options small = GetParam() == Durability::power ? power_options() : options();
    small.label = "the resizer";
    return small;
  }
  static Options impatient() {
    Options small = how();
    small.operation_timeout = 20ms;
    return small;
  }
  static constexpr std::uint64_t many = 150'000;

  /// A process that gets to `point` while it does `work`, and stops there.
  ForkedChild stopped(const char* point, const Options& options,
                      const std::function<void(Store&)>& work) const {
    ForkedChild child([&] {
      Store store = open(options);
      raise_at(point, SIGSTOP);
      try {
        work(store);
      } catch (const Error& error) {
        return error == errc::fenced;
      }
      return true;
    });
    int status = 0;
    ::waitpid(child.pid(), &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status)) << "it did not come to " << point;
    return child;
  }
  static void grow(Store& store) {
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("large", many, 1U); });
  }
  /// As `grow`, with other values: what it stores into pages of others is found there.
  static void grow_otherwise(Store& store) {
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("large", many, 2U); });
  }
  /// A store whose file can be made shorter.
  void make_shrinkable() const {
    Store made = open(how());
    push(made, 1);
    grow(made);
    made.write([](WriteTransaction& tx) { tx.destroy<Numbers>("large"); });
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, ResizeRecovery,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(ResizeRecovery, growing_and_dead_is_cut_back) {
  for (const char* const point : {"grow.recorded", "grow.tried", "grow.allocated"}) {
    SCOPED_TRACE(point);
    const std::uint64_t committed = open(how()).size();
    ForkedChild other = stopped(point, how(), &grow);
    Store sut = open(how());
    const auto found = sut.check_operation_timeout();
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->shrinking);
    EXPECT_TRUE(found->owner_alive);
    EXPECT_FALSE(found->overdue);
    EXPECT_EQ(found->pid, static_cast<std::uint32_t>(other.pid()));
    EXPECT_EQ(found->label, "the resizer");
    EXPECT_EQ(found->old_bytes, committed);
    EXPECT_GT(found->new_bytes, many * sizeof(std::uint64_t));
    EXPECT_TRUE(contains(found->summary(), "grows"));
    other.kill_now();
    EXPECT_FALSE(sut.check_operation_timeout()->owner_alive);
    const RecoveryReport report = sut.cleanup_failed_resize();
    EXPECT_TRUE(report.took_over);
    EXPECT_EQ(sut.size(), committed);
    EXPECT_FALSE(sut.check_operation_timeout().has_value());
    expect_sound(sut);
  }
}

TEST_P(ResizeRecovery, growing_and_alive_is_left_alone_before_its_deadline) {
  { const Store made = open(how()); }
  ForkedChild other = stopped("grow.allocated", how(), &grow);
  Store sut = open(how());
  const std::uint64_t size = sut.size();
  EXPECT_FALSE(sut.cleanup_failed_resize().needed);
  EXPECT_EQ(sut.size(), size);
  other.go_on();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut, "large").size(), many);
}

TEST_P(ResizeRecovery, growing_and_alive_past_its_deadline_is_fenced_and_set_aside) {
  for (const char* const point : {"grow.recorded", "grow.tried", "grow.allocated"}) {
    SCOPED_TRACE(point);
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
    { const Store made = open(how()); }
    ForkedChild other = stopped(point, impatient(), &grow_otherwise);
    Store sut = open(how());
    std::this_thread::sleep_for(25ms);
    EXPECT_TRUE(sut.check_operation_timeout()->overdue);
    const RecoveryReport report = sut.cleanup_failed_resize();
    EXPECT_EQ(report.fenced_pid, static_cast<std::uint32_t>(other.pid()));
    EXPECT_FALSE(sut.check_operation_timeout().has_value());
    const std::uint64_t aside = sut.check().quarantined_bytes;
    EXPECT_EQ(aside, report.quarantined_bytes);
    const bool gained = std::string_view(point) != "grow.recorded";
    EXPECT_GE(aside, gained ? many * sizeof(std::uint64_t) : 0U);
    grow(sut);
    expect_sound(sut);
    other.go_on();
    EXPECT_TRUE(other.succeeded());
    EXPECT_EQ(numbers(sut, "large"), Values(many, 1));
    push(sut, 1);
    EXPECT_EQ(sut.check().quarantined_bytes, 0U);
    const std::uint64_t size = sut.size();
    const std::uint64_t values = aside / sizeof(std::uint64_t);
    sut.write([&](WriteTransaction& tx) { tx.construct<Numbers>("again", values, 2U); });
    EXPECT_EQ(sut.size(), size) << "the pages were not used again";
    expect_sound(sut);
  }
}

/// Who comes next stays in its body for as long as would have it taken for the resizer.
TEST_P(ResizeRecovery, one_that_ends_while_it_is_cleaned_up_gets_nobody_else_fenced) {
  for (int round = 0; round < 10; ++round) {
    for (const char* const suffix : {"", "-log"}) std::filesystem::remove(path() + suffix);
    { const Store made = open(how()); }
    ForkedChild resizer = stopped("grow.allocated", impatient(), &grow);
    const Channel channel;
    ForkedChild writer([&] {
      Store store = open(how());
      channel.tell_parent();
      store.write([](WriteTransaction& tx) {
        ++tx.modify(tx.find_or_construct<std::uint64_t>("writes"));
        std::this_thread::sleep_for(60ms);
      });
      return true;
    });
    channel.hear_child();
    Store sut = open(how());
    std::this_thread::sleep_for(25ms);
    std::thread soon([&] {
      std::this_thread::sleep_for(4ms);
      resizer.go_on();
    });
    sut.cleanup_failed_resize();
    soon.join();
    EXPECT_TRUE(writer.succeeded()) << "its transaction was fenced";
    EXPECT_TRUE(resizer.succeeded());
  }
}

TEST_P(ResizeRecovery, growing_committed_and_not_published_is_published) {
  { const Store made = open(how()); }
  ForkedChild other = stopped("publish.begin", how(), &grow);
  Store sut = open(how());
  EXPECT_TRUE(numbers(sut, "large").empty());
  other.kill_now();
  sut.cleanup_failed_resize();
  EXPECT_EQ(numbers(sut, "large"), Values(many, 1));
  EXPECT_FALSE(sut.check_operation_timeout().has_value());
  expect_sound(sut);
}

TEST_P(ResizeRecovery, shrinking_and_not_committed_is_forgotten) {
  make_shrinkable();
  ForkedChild other =
      stopped("append.before_tail", how(), [](Store& store) { store.shrink_to_usage(); });
  Store sut = open(how());
  const std::uint64_t size = sut.size();
  const auto found = sut.check_operation_timeout();
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->shrinking);
  EXPECT_LT(found->new_bytes, found->old_bytes);
  other.kill_now();
  sut.cleanup_failed_resize();
  EXPECT_EQ(sut.size(), size);
  EXPECT_EQ(numbers(sut), Values{1});
  EXPECT_GT(sut.shrink_to_usage(), 0U);
  expect_sound(sut);
}

TEST_P(ResizeRecovery, shrinking_past_its_deadline_is_fenced_in_its_body_and_named_behind_it) {
  make_shrinkable();
  ForkedChild other =
      stopped("shrink.recorded", impatient(), [](Store& store) { store.shrink_to_usage(); });
  Options hasty = how();
  hasty.lock_timeout = 60ms;
  {
    Store sut = open(hasty);
    std::this_thread::sleep_for(25ms);
    EXPECT_EQ(sut.cleanup_failed_resize().fenced_pid, static_cast<std::uint32_t>(other.pid()));
    push(sut, 2);
    sut.shrink_to_usage();
    other.go_on();
    EXPECT_TRUE(other.succeeded());
    EXPECT_EQ(numbers(sut), (Values{1, 2}));
    expect_sound(sut);
    grow(sut);
    sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("large"); });
    sut.close();
  }
  ForkedChild second =
      stopped("shrink.committed", impatient(), [](Store& store) { store.shrink_to_usage(); });
  Store sut = open(hasty);
  std::this_thread::sleep_for(25ms);
  expect_error(errc::timeout, path(), {"the resizer", "cannot be interrupted"}, [&] {
    sut.recover({true, 1ms});
  });
  second.go_on();
  EXPECT_TRUE(second.succeeded());
}

TEST_P(ResizeRecovery, guarded_and_past_its_deadline_is_named_and_left_alone) {
  Options hasty = how();
  hasty.lock_timeout = 60ms;
  for (const char* const point : {"commit.guarded", "append.before_tail", "publish.raised"}) {
    for (const bool grows : {true, false}) {
      SCOPED_TRACE(point);
      SCOPED_TRACE(grows);
      std::filesystem::remove(path());
      std::filesystem::remove(path() + "-log");
      make_shrinkable();
      if (grows) open(how()).shrink_to_usage();
      ForkedChild other = stopped(point, impatient(), [&](Store& store) {
        if (grows) return grow(store);
        store.shrink_to_usage();
      });
      Store sut = open(hasty);
      std::this_thread::sleep_for(25ms);
      const auto found = sut.check_operation_timeout();
      ASSERT_TRUE(found.has_value());
      EXPECT_TRUE(found->overdue);
      EXPECT_EQ(found->shrinking, !grows);
      expect_error(errc::timeout, path(), {"the resizer", "cannot be interrupted"},
                   [&] { sut.cleanup_failed_resize(); });
      other.go_on();
      EXPECT_TRUE(other.succeeded());
      EXPECT_FALSE(sut.check_operation_timeout().has_value());
      push(sut, 2);
      EXPECT_EQ(numbers(sut), (Values{1, 2}));
      EXPECT_EQ(numbers(sut, "large"), Values(grows ? many : 0, 1));
      expect_sound(sut);
    }
  }
}

TEST_P(ResizeRecovery, shrinking_committed_and_not_cut_is_cut) {
  make_shrinkable();
  ForkedChild other =
      stopped("shrink.committed", how(), [](Store& store) { store.shrink_to_usage(); });
  Store sut = open(how());
  const std::uint64_t size = sut.size();
  other.kill_now();
  EXPECT_GT(sut.cleanup_failed_resize().reclaimed_bytes, 0U);
  EXPECT_LT(sut.size(), size);
  EXPECT_EQ(numbers(sut), Values{1});
  expect_sound(sut);
}

TEST_P(ResizeRecovery, who_opens_while_the_file_changes_finds_a_whole_store) {
  make_shrinkable();
  for (const bool grows : {false, true}) {
    SCOPED_TRACE(grows);
    Store sut = open(how());
    // Between two looks, of which one is at the heap and one at the file.
    ForkedChild other([&] {
      raise_at("join.measured", SIGSTOP);
      Store store = open(how());
      push(store, grows ? 3 : 2);
      return true;
    });
    int status = 0;
    ::waitpid(other.pid(), &status, WUNTRACED);
    ASSERT_TRUE(WIFSTOPPED(status));
    if (grows) {
      grow(sut);
    } else {
      EXPECT_GT(sut.shrink_to_usage(), 0U);
    }
    other.go_on();
    EXPECT_TRUE(other.succeeded());
    expect_sound(sut);
  }
  EXPECT_EQ(numbers(open(how())), (Values{1, 2, 3}));
}

TEST_P(ResizeRecovery, a_file_that_somebody_else_made_longer_is_cut) {
  Store sut = open(how());
  push(sut, 1);
  const std::uint64_t size = sut.size();
  std::filesystem::resize_file(path(), size + (1 << 20));
  EXPECT_EQ(sut.cleanup_failed_resize().reclaimed_bytes, 1U << 20);
  EXPECT_EQ(sut.size(), size);
  EXPECT_FALSE(sut.cleanup_failed_resize().needed);
  push(sut, 2);
  expect_sound(sut);
}

TEST_P(ResizeRecovery, garbage_in_the_record_is_not_believed) {
  Store sut = open(how());
  push(sut, 1);
  for (const std::uint64_t garbage : {~std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2},
                                      std::uint64_t{0x0000'0041'0000'0001}}) {
    std::array<std::uint64_t, 8> record{};
    record.fill(garbage);
    write_struct(path(), live_words_offset + offsetof(LiveWords, resize), record);
    EXPECT_FALSE(sut.check_operation_timeout().has_value());
    EXPECT_FALSE(sut.cleanup_failed_resize().needed);
    push(sut, 2);
  }
  grow(sut);
  expect_sound(sut);
}

TEST_P(ResizeRecovery, readers_in_other_processes_outlive_every_shrinking) {
  {
    Store made = open(how());
    push(made, 1);
  }
  const Channel channel;
  std::vector<ForkedChild> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      Store store = open(how());
      channel.tell_parent();
      for (bool done = false; !done;) {
        store.read([&](const ReadTransaction& tx) {
          if (const auto* large = tx.find<Numbers>("large")) {
            for (const std::uint64_t value : *large) {
              if (value != 1) throw std::runtime_error("a value of another state");
            }
          }
          done = tx.find<Numbers>("done") != nullptr;
        });
      }
      return true;
    });
  }
  for (int i = 0; i < 2; ++i) channel.hear_child();
  Store sut = open(how());
  for (int round = 0; round < 15; ++round) {
    grow(sut);
    sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("large"); });
    EXPECT_GT(sut.shrink_to_usage(), 0U);
  }
  push(sut, 1, "done");
  for (ForkedChild& reader : readers) EXPECT_TRUE(reader.succeeded());
  expect_sound(sut);
}

}  // namespace
}  // namespace cairn::test
