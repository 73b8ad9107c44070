// SPDX-License-Identifier: BSL-1.0
// What a thread remembers of its marks must never outlive them: a mark that is left out because it
// was remembered wrongly is a change that no commit writes.
#include "cairn/mapping/mark_memory.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <thread>

#include "test_heap.hpp"

namespace cairn {
namespace {

using test::TestHeap;

constexpr std::uint64_t heap_bytes = heap_minimum_bytes + 64 * page_bytes;
constexpr std::uint64_t first_page = (heap_begin_bytes + heap_minimum_bytes) / page_bytes;

struct Head {
  std::array<std::uint64_t, 4> words;
};

bool is_marked(TestHeap& heap, const void* p) {
  return heap.context().write_set().is_marked(heap.context().offset_of(p));
}

class MarkMemoryTest : public ::testing::Test {
 protected:
  MarkMemoryTest() { sut_.commit(); }

  std::uint64_t& number(std::uint64_t page, std::uint64_t line = 0) {
    return *reinterpret_cast<std::uint64_t*>(sut_.base() + (first_page + page) * page_bytes +
                                             line * line_bytes);
  }
  Head& head(std::uint64_t page) { return reinterpret_cast<Head&>(number(page)); }

  /// Marks by each of the three functions, so that all of them remember.
  void mark_all() {
    for (int i = 0; i < 2; ++i) {
      mark(&number(1), 8);
      mark_object(number(2));
      mark_again(head(3));
    }
  }
  void expect_all_marked() {
    mark_all();
    for (std::uint64_t page = 1; page <= 3; ++page)
      EXPECT_TRUE(is_marked(sut_, &number(page))) << page;
  }
  /// With one kind of mark alone, as each would otherwise push the other out of the memory.
  void expect_each_marked_again_after(const std::function<void()>& end) {
    const std::array<std::function<void()>, 3> marks = {[&] { mark(&number(1), 8); },
                                                        [&] { mark_object(number(1)); },
                                                        [&] { mark_again(head(1)); }};
    for (const auto& mark_it : marks) {
      mark_it();
      mark_it();
      ASSERT_TRUE(is_marked(sut_, &number(1)));
      end();
      ASSERT_FALSE(is_marked(sut_, &number(1)));
      mark_it();
      EXPECT_TRUE(is_marked(sut_, &number(1)));
      sut_.rollback();
    }
  }

  TestHeap sut_{std::uint64_t{64} << 20, heap_bytes};
};

TEST_F(MarkMemoryTest, what_was_declared_before_a_commit_is_declared_again_after_it) {
  expect_each_marked_again_after([&] { sut_.commit(); });
}

TEST_F(MarkMemoryTest, what_was_declared_before_a_rollback_is_declared_again_after_it) {
  expect_each_marked_again_after([&] { sut_.rollback(); });
}

TEST_F(MarkMemoryTest, what_was_declared_is_declared_again_after_private_pages_were_dropped) {
  expect_each_marked_again_after([&] {
    sut_.context().write_set().clear();
    sut_.context().drop_private_pages();
  });
}

TEST_F(MarkMemoryTest, what_was_declared_is_declared_again_though_another_thread_wrote_meanwhile) {
  expect_each_marked_again_after([&] {
    ActiveWrite::pop(sut_.context());
    std::thread([&] {
      ActiveWrite::push(sut_.context());
      mark_all();
      sut_.commit();
      ActiveWrite::pop(sut_.context());
    }).join();
    ActiveWrite::push(sut_.context());
  });
}

TEST_F(MarkMemoryTest, a_range_of_pages_is_remembered_whole_and_no_further) {
  for (int times = 0; times < 2; ++times) {
    mark(&number(1, 3), 5 * page_bytes);
    EXPECT_FALSE(detail::is_remembered(&number(1, 2)));
    for (std::uint64_t page = 1; page < 6; ++page) {
      EXPECT_TRUE(detail::is_remembered(&number(page, 3))) << page;
    }
    EXPECT_TRUE(detail::is_remembered(&number(6, 2)));
    EXPECT_FALSE(detail::is_remembered(&number(6, 3)));
    // Something else in between: a range that was declared before is remembered again at once.
    for (int i = 0; i < 40; ++i) mark(&number(9), 8);
    EXPECT_FALSE(detail::is_remembered(&number(2)));
  }
}

TEST_F(MarkMemoryTest, a_range_that_goes_on_beyond_all_is_remembered_as_far_as_the_view_reaches) {
  mark(&number(1), std::uint64_t{1} << 46);
  EXPECT_TRUE(is_marked(sut_, &number(5)));
  EXPECT_LE(mark_memory.end, sut_.base() + sut_.context().reach_bytes());
}

TEST_F(MarkMemoryTest, a_run_and_what_stands_beside_it_are_declared_line_by_line) {
  const auto lines_of = [&](std::uint64_t page) {
    return sut_.context().write_set().mask(first_page + page);
  };
  mark_scattered_run(&number(1), &number(1, 2), 2 * line_bytes);
  EXPECT_EQ(lines_of(1), 0b1101U);
  mark_scattered_run(&number(2, 63), &number(2, 62), 2 * line_bytes);
  EXPECT_EQ(lines_of(2), std::uint64_t{0b11} << 62);
  mark_scattered_run(&number(3, 1), &number(3, 5), 0);
  EXPECT_EQ(lines_of(3), 0b10U);
  // Not all in one page.
  mark_scattered_run(&number(4, 60), &number(4, 63), 2 * line_bytes);
  EXPECT_EQ(lines_of(4), std::uint64_t{0b1001} << 60);
  EXPECT_EQ(lines_of(5), 1U);
  mark_scattered_run(&number(6), &number(7, 1), 8);
  EXPECT_EQ(lines_of(6), 1U);
  EXPECT_EQ(lines_of(7), 0b10U);
}

TEST_F(MarkMemoryTest, heads_that_are_remembered_in_different_places_do_not_push_each_other_out) {
  mark_again(head(1));
  mark_again<Head, MarkMemory::place_of_tables>(head(2));
  EXPECT_TRUE(detail::is_remembered_object<sizeof(Head) / MarkMemory::word>(&head(1)));
  EXPECT_TRUE(detail::is_remembered_object<MarkMemory::place_of_tables>(&head(2)));
  EXPECT_TRUE(is_marked(sut_, &head(1)));
  EXPECT_TRUE(is_marked(sut_, &head(2)));
  sut_.commit();
  EXPECT_FALSE(detail::is_remembered_object<MarkMemory::place_of_tables>(&head(2)));
}

TEST_F(MarkMemoryTest, two_stores_that_one_thread_writes_in_turn_each_get_their_marks) {
  TestHeap other(std::uint64_t{64} << 20, heap_bytes);
  other.commit();
  const auto there = [&](std::uint64_t page) {
    return other.base() + (first_page + page) * page_bytes;
  };
  for (std::uint64_t page = 0; page < 8; ++page) {
    for (int i = 0; i < 40; ++i) {
      mark(&number(page), 8);
      mark(there(page), 8);
      mark_again(head(page));
      mark_again(*reinterpret_cast<Head*>(there(page)));
    }
    EXPECT_TRUE(is_marked(sut_, &number(page)));
    EXPECT_TRUE(is_marked(other, there(page)));
  }
  // The end of one leaves the other as it was.
  sut_.commit();
  EXPECT_TRUE(is_marked(other, there(0)));
  expect_all_marked();
  other.rollback();
  expect_all_marked();
  mark(there(1), 8);
  EXPECT_TRUE(is_marked(other, there(1)));
}

TEST_F(MarkMemoryTest, a_store_written_within_the_transaction_of_another_gets_its_marks) {
  mark_all();
  {
    TestHeap inner(std::uint64_t{64} << 20, heap_bytes);
    inner.commit();
    expect_all_marked();
    mark(inner.base() + first_page * page_bytes, 8);
    EXPECT_TRUE(is_marked(inner, inner.base() + first_page * page_bytes));
  }
  sut_.commit();
  expect_all_marked();
}

TEST_F(MarkMemoryTest, fresh_pages_need_no_mark_until_a_commit_makes_them_others_to_see) {
  const std::uint64_t before = sut_.heap_end();
  sut_.extend_heap(before + 4 * page_bytes);
  auto& fresh = *reinterpret_cast<Head*>(sut_.base() + before + page_bytes);
  for (int i = 0; i < 3; ++i) {
    mark(&fresh, sizeof fresh);
    mark_object(fresh.words[0]);
    mark_again(fresh);
  }
  EXPECT_TRUE(sut_.context().write_set().touched().empty());
  sut_.commit();
  mark_object(fresh.words[0]);
  EXPECT_TRUE(is_marked(sut_, &fresh));
  sut_.rollback();
  mark_again(fresh);
  EXPECT_TRUE(is_marked(sut_, &fresh));
}

TEST_F(MarkMemoryTest, a_mark_that_was_refused_is_refused_again_and_made_once_there_is_room) {
  sut_.context().write_set().set_touch_limit(0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THROW(mark(&number(1), 8), Error);
    EXPECT_THROW(mark_object(number(1)), Error);
    EXPECT_THROW(mark_again(head(1)), Error);
  }
  sut_.context().write_set().set_touch_limit(~0ULL);
  mark_again(head(1));
  EXPECT_TRUE(is_marked(sut_, &number(1)));
}

TEST_F(MarkMemoryTest, a_small_object_that_was_declared_does_not_stand_for_a_larger_one_there) {
  struct Small {
    std::array<std::uint64_t, 2> words;
  };
  auto& small = *reinterpret_cast<Small*>(&number(1, 1) - 2);  // the last 16 bytes of line 0
  mark_again(small);
  mark_again(small);
  EXPECT_FALSE(is_marked(sut_, &number(1, 1)));
  mark_again(reinterpret_cast<Head&>(small));
  EXPECT_TRUE(is_marked(sut_, &number(1, 1)));
}

TEST_F(MarkMemoryTest, a_range_that_begins_in_what_is_remembered_is_declared_to_its_end) {
  mark(&number(1), 8);
  mark(&number(1), 8);
  mark(&number(1), page_bytes + 1);
  EXPECT_EQ(sut_.context().write_set().mask(first_page + 1), ~0ULL);
  EXPECT_EQ(sut_.context().write_set().mask(first_page + 2), 1U);
}

TEST_F(MarkMemoryTest, an_object_in_no_store_is_put_to_the_foreign_check_each_time) {
  static int checks;
  checks = 0;
  set_foreign_address_check([](const void*) { ++checks; });
  Head temporary{};
  for (int i = 0; i < 3; ++i) mark_again(temporary);
  set_foreign_address_check(nullptr);
  EXPECT_EQ(checks, 3);
}

/// Two heaps, each with the lines that should be declared in it.
struct Model {
  TestHeap heap{std::uint64_t{64} << 20, heap_bytes};
  std::map<std::uint64_t, std::uint64_t> masks;

  Model() { heap.commit(); }
  void declare(std::uint64_t offset, std::uint64_t bytes) {
    for (std::uint64_t at = offset / line_bytes; at <= (offset + bytes - 1) / line_bytes; ++at) {
      masks[at / lines_per_page] |= 1ULL << at % lines_per_page;
    }
  }
  void check() {
    std::map<std::uint64_t, std::uint64_t> found;
    const WriteSet& set = heap.context().write_set();
    for (const std::uint32_t page : set.touched()) found[page] = set.mask(page);
    RC_ASSERT(found == masks);
  }
};

RC_GTEST_PROP(MarkMemoryProperty, exactly_what_was_marked_is_declared_whatever_is_remembered, ()) {
  std::array<Model, 2> models;
  const auto steps = *rc::gen::inRange(1, 400);
  for (int step = 0; step < steps; ++step) {
    Model& model = models.at(*rc::gen::inRange<std::size_t>(0, 2));
    // Few places, so that most were marked before, or lie next to some that were.
    const std::uint64_t offset = first_page * page_bytes +
                                 *rc::gen::inRange<std::uint64_t>(0, 3) * page_bytes +
                                 *rc::gen::inRange<std::uint64_t>(0, page_bytes / 8) * 8;
    std::byte* const at = model.heap.base() + offset;
    switch (*rc::gen::inRange(0, 40)) {
      case 0:
        model.heap.commit();
        model.masks.clear();
        break;
      case 1:
        model.heap.rollback();
        model.masks.clear();
        break;
      case 2: {
        const auto bytes = *rc::gen::inRange<std::uint64_t>(1, 2 * page_bytes);
        mark(at, bytes);
        model.declare(offset, bytes);
        break;
      }
      default:
        if (step % 3 == 0) {
          mark(at, 24);
          model.declare(offset, 24);
        } else if (step % 3 == 1) {
          mark_object(*reinterpret_cast<std::uint64_t*>(at));
          model.declare(offset, 8);
        } else {
          mark_again(*reinterpret_cast<Head*>(at));
          model.declare(offset, sizeof(Head));
        }
    }
    model.check();
  }
}

}  // namespace
}  // namespace cairn
