// SPDX-License-Identifier: BSL-1.0
#include "cairn/segmented.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <ranges>

#include "cairn/atomic.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/ptr.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

static_assert(std::random_access_iterator<Segmented<int>::iterator>);
static_assert(std::random_access_iterator<Segmented<int>::const_iterator>);
static_assert(std::ranges::random_access_range<const Segmented<int>>);
static_assert(std::sized_sentinel_for<Segmented<int>::iterator, Segmented<int>::iterator>);
static_assert(std::convertible_to<Segmented<int>::iterator, Segmented<int>::const_iterator>);

class SegmentedTest : public ContainerTest {};

template <class T>
std::vector<T> listed(const Segmented<T>& sut) {
  return {sut.begin(), sut.end()};
}

TEST_F(SegmentedTest, growth_moves_no_element) {
  auto& sut = make<Segmented<std::uint64_t>>();
  std::vector<const std::uint64_t*> places;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    places.push_back(&sut.emplace_back(i * i));
    if (i % 20000 == 0) commit();
  }
  for (std::uint64_t i = 0; i < sut.size(); ++i) {
    ASSERT_EQ(&std::as_const(sut)[i], places[i]);
    ASSERT_EQ(*places[i], i * i);
  }
  EXPECT_EQ(sut.segment_count(), 12U);
}

TEST_F(SegmentedTest, pointers_to_elements_hold) {
  auto& sut = make<Segmented<Ptr<std::uint64_t>>>();
  auto& targets = make<Segmented<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    targets.push_back(i);
    sut.emplace_back(&std::as_const(targets).back());
  }
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(*std::as_const(sut)[i], i);
}

TEST_F(SegmentedTest, segments_are_the_elements_in_order) {
  auto& sut = make<Segmented<std::uint32_t>>();
  for (std::uint32_t i = 0; i < 1000; ++i) sut.push_back(i);
  sut.reserve(5000);
  std::vector<std::uint32_t> seen;
  for (std::size_t k = 0; k < sut.segment_count(); ++k) {
    for (const std::uint32_t value : sut.segment(k)) seen.push_back(value);
  }
  EXPECT_EQ(seen, listed(sut));
}

TEST_F(SegmentedTest, ranges_algorithms_work_and_mark_what_they_change) {
  auto& sut = make<Segmented<std::uint32_t>>();
  for (std::uint32_t i = 0; i < 3000; ++i) sut.push_back(i * 7919 % 3000);
  commit();
  std::ranges::sort(sut);
  commit();
  EXPECT_TRUE(std::ranges::is_sorted(std::as_const(sut)));
  EXPECT_EQ(std::ranges::lower_bound(std::as_const(sut), 1234U) - std::as_const(sut).begin(), 1234);
  std::reverse(sut.begin(), sut.end());
  EXPECT_EQ(std::as_const(sut).front(), 2999U);
  EXPECT_EQ(*std::as_const(sut).rbegin(), 0U);
}

TEST_F(SegmentedTest, at_names_the_index) {
  auto& sut = make<Segmented<int>>(std::initializer_list<int>{1, 2});
  EXPECT_EQ(sut.at(1), 2);
  EXPECT_THROW((void)sut.at(2), std::out_of_range);
  EXPECT_THROW(sut.reserve(std::size_t{1} << 60), std::length_error);
}

TEST_F(SegmentedTest, a_copy_that_throws_leaves_it_as_it_was) {
  auto& sut = make<Segmented<Fussy>>();
  for (int i = 0; i < 5; ++i) sut.emplace_back(i);
  const std::vector<int> more(40, 9);
  int failures = 0;
  for (int fuse = 0;; ++fuse) {
    Fuse::left = fuse;
    try {
      sut.append(more.begin(), more.end());
      Fuse::left = -1;
      break;
    } catch (const std::runtime_error&) {
      ++failures;
    }
    ASSERT_EQ(sut.size(), 5U);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(std::as_const(sut)[static_cast<unsigned>(i)].value, i);
    verify();
  }
  EXPECT_EQ(failures, 40);
  EXPECT_EQ(sut.size(), 45U);
}

TEST_F(SegmentedTest, a_full_disk_leaves_it_as_it_was) {
  auto& sut = make<Segmented<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 480; ++i) sut.push_back(i);
  ASSERT_EQ(sut.size(), sut.capacity()) << "the directory has to grow as well";
  const auto before = listed(sut);
  fail_on_a_full_disk([&] { sut.push_back(480); }, [&] { return listed(sut) == before; });
  EXPECT_EQ(std::as_const(sut).back(), 480U);
}

TEST_F(SegmentedTest, over_budget_at_any_page_a_rollback_makes_it_whole) {
  auto& sut = make<Segmented<String>>();
  for (int i = 0; i < 150; ++i) sut.emplace_back("a text that does not fit into the object");
  const int failures = fail_at_every_page(
      [&] {
        for (int i = 0; i < 200; ++i) sut.emplace_back("another that does not fit in its place");
      },
      [&] { return sut.size() >= 150; });
  EXPECT_GT(failures, 0);
}

TEST_F(SegmentedTest, elements_that_cannot_move_to_another_store_change_neither) {
  using Sut = Segmented<Atomic<std::uint64_t>>;
  auto& sut = make<Sut>();
  for (std::uint64_t i = 0; i < 20; ++i) sut.emplace_back().store(i);
  commit();
  TestHeap other;
  auto* const source = ::new (other.heap().allocate(sizeof(Sut))) Sut;
  source->emplace_back().store(99);
  const auto refused = [](auto change) {
    try {
      change();
      ADD_FAILURE() << "elements that cannot be moved were moved";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), errc::invalid_argument);
    }
  };
  refused([&] { sut = std::move(*source); });
  refused([&] { sut.swap(*source); });
  refused([&] { source->swap(sut); });
  ASSERT_EQ(sut.size(), 20U);
  EXPECT_EQ(std::as_const(sut)[19].load(), 19U);
  ASSERT_EQ(source->size(), 1U);  // NOLINT(bugprone-use-after-move): it was refused
  EXPECT_EQ(std::as_const(*source)[0].load(), 99U);
  verify();
  source->~Sut();
  other.commit();
}

TEST_F(SegmentedTest, in_a_growing_vec_it_goes_along) {
  auto& sut = make<Vec<Segmented<String>>>();
  for (std::size_t i = 0; i < 30; ++i) {
    sut.emplace_back(i, String("a text that does not fit into the object itself"));
    verify();
  }
  for (std::size_t i = 0; i < 30; ++i) ASSERT_EQ(std::as_const(sut)[i].size(), i);
}

struct Command {
  int kind;
  std::uint32_t number;
};
std::ostream& operator<<(std::ostream& out, const Command& command) {
  return out << "{" << command.kind << ", " << command.number << "}";
}
std::vector<Command> program(int kinds) {
  return *rc::gen::container<std::vector<Command>>(rc::gen::build<Command>(
      rc::gen::set(&Command::kind, rc::gen::inRange(0, kinds)),
      rc::gen::set(&Command::number, rc::gen::inRange<std::uint32_t>(0, 500))));
}

/// Every operation there is, as std::deque has it.
template <class T, class Model, class Make>
void run(Segmented<T>& sut, Segmented<T>& other, const std::vector<Command>& commands, Make value,
         const std::function<void()>& commit, const std::function<void()>& rollback) {
  std::deque<Model> model;
  std::deque<Model> other_model;
  std::deque<Model> committed;
  std::deque<Model> other_committed;
  const auto equal = [](const Segmented<T>& a, const std::deque<Model>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  commit();
  for (const auto& [kind, number] : commands) {
    const std::vector<Model> some(number % 70, value(number));
    switch (kind) {
      case 0:
      case 1:
        sut.push_back(T(value(number)));
        model.push_back(value(number));
        break;
      case 2:
        if (model.empty()) break;
        sut.pop_back();
        model.pop_back();
        break;
      case 3:
        sut.append(some.begin(), some.end());
        model.insert(model.end(), some.begin(), some.end());
        break;
      case 4:
        sut.resize(number, T(value(number)));
        model.resize(number, value(number));
        break;
      case 5:
        sut.resize(number);
        model.resize(number);
        break;
      case 6:
        if (model.empty()) break;
        sut[number % model.size()] = T(value(number));
        model[number % model.size()] = value(number);
        break;
      case 7: sut.shrink_to_fit(); break;
      case 8: sut.reserve(number * 2); break;
      case 9:
        sut.swap(other);
        model.swap(other_model);
        break;
      case 10:
        sut = other;
        model = other_model;
        break;
      case 11:
        other = std::move(sut);
        sut.clear();  // NOLINT(bugprone-use-after-move): what moving leaves may be used
        other_model = std::move(model);
        model.clear();
        break;
      case 12:
        sut.assign(number % 90, T(value(number)));
        model.assign(number % 90, value(number));
        break;
      case 13:
        std::reverse(sut.begin(), sut.end());
        std::reverse(model.begin(), model.end());
        break;
      case 14:
        commit();
        committed = model;
        other_committed = other_model;
        break;
      default:
        rollback();
        model = committed;
        other_model = other_committed;
        break;
    }
    RC_ASSERT(sut.size() == model.size());
    RC_ASSERT(sut.capacity() >= sut.size());
  }
  RC_ASSERT(equal(sut, model));
  RC_ASSERT(equal(other, other_model));
}

RC_GTEST_FIXTURE_PROP(SegmentedTest, numbers_do_what_std_deque_does, ()) {
  auto& sut = make<Segmented<std::uint64_t>>();
  run<std::uint64_t, std::uint64_t>(
      sut, make<Segmented<std::uint64_t>>(), program(16), [](std::uint32_t n) { return n; },
      [&] { commit(); }, [&] { rollback(); });
  verify();
}

RC_GTEST_FIXTURE_PROP(SegmentedTest, strings_do_what_std_deque_does, ()) {
  auto& sut = make<Segmented<String>>();
  run<String, std::string>(
      sut, make<Segmented<String>>(), program(16),
      [](std::uint32_t n) { return std::string(n % 60, static_cast<char>('a' + n % 26)); },
      [&] { commit(); }, [&] { rollback(); });
  verify();
}

RC_GTEST_FIXTURE_PROP(SegmentedTest, large_elements_have_segments_of_one_and_more,
                      (std::uint8_t count)) {
  using Large = std::array<std::uint64_t, 100>;
  auto& sut = make<Segmented<Large>>();
  for (std::uint8_t i = 0; i < count; ++i) {
    sut.emplace_back()[i % 100] = i;
    if (i % 16 == 0) commit();
  }
  commit();
  for (std::uint8_t i = 0; i < count; ++i) RC_ASSERT(std::as_const(sut)[i][i % 100] == i);
}

RC_GTEST_FIXTURE_PROP(SegmentedTest, places_of_elements_never_change_while_they_live, ()) {
  auto& sut = make<Segmented<std::uint32_t>>();
  std::vector<const std::uint32_t*> places;
  for (const auto& [kind, number] : program(4)) {
    if (kind < 2) {
      for (std::uint32_t i = 0; i < number; ++i) places.push_back(&sut.emplace_back(i));
    } else if (kind == 2) {
      sut.resize(std::min<std::size_t>(number, sut.size()));
      places.resize(sut.size());
    } else {
      sut.shrink_to_fit();
    }
    commit();
  }
  for (std::size_t i = 0; i < places.size(); ++i) RC_ASSERT(&std::as_const(sut)[i] == places[i]);
}

RC_GTEST_FIXTURE_PROP(SegmentedTest, iterators_move_as_numbers_do,
                      (std::uint16_t size, const std::vector<std::int16_t>& steps)) {
  auto& sut = make<Segmented<std::uint32_t>>();
  for (std::uint32_t i = 0; i < size % 1000U + 1; ++i) sut.push_back(i);
  const auto& constant = std::as_const(sut);
  auto at = constant.begin();
  std::ptrdiff_t model = 0;
  const auto count = static_cast<std::ptrdiff_t>(sut.size());
  for (const std::int16_t step : steps) {
    const std::ptrdiff_t next = ((model + step) % count + count) % count;
    at += next - model;
    model = next;
    RC_ASSERT(*at == static_cast<std::uint32_t>(model));
    RC_ASSERT(at - constant.begin() == model);
    RC_ASSERT((at < constant.end()) && constant.end() - at == count - model);
    RC_ASSERT(at[-model] == 0U);
  }
}

}  // namespace
}  // namespace cairn::test
