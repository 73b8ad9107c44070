// SPDX-License-Identifier: BSL-1.0
// Every operation that has the strong guarantee, with a failure at each construction, copy, move,
// hash and comparison in turn, in a second sweep at each page that is touched, and in a third at
// each block that is allocated: whatever fails, nothing has changed, and what remains has no leak
// and no double owner.
#include "failure_sweep.hpp"

namespace cairn::test {
namespace {

TYPED_TEST_SUITE(FailureSweepTest, FailingTypes);

TYPED_TEST(FailureSweepTest, vec_adds_at_its_end_or_changes_nothing) {
  using Sut = Vec<TypeParam>;
  const auto& value = this->template make<TypeParam>(99);
  const auto& more = this->template make<Vec<TypeParam>>(std::size_t{3}, value);
  for (const int size : {0, 1, 4, 7, 16}) {
    auto& sut = this->template filled<Sut>(size);
    sut.shrink_to_fit();
    this->sweep(sut, [&](Sut& vec) { vec.push_back(value); });
    this->sweep(sut, [&](Sut& vec) { vec.emplace_back(7); });
    this->sweep(sut, [&](Sut& vec) { vec.append(more.begin(), more.end()); });
    this->sweep(sut, [&](Sut& vec) { vec.resize(vec.size() + 3, value); });
    this->sweep(sut, [&](Sut& vec) { vec.resize(vec.size() + 3); });
    this->sweep(sut, [&](Sut& vec) { vec.insert(std::as_const(vec).end(), value); });
  }
}

TYPED_TEST(FailureSweepTest, deque_adds_at_its_ends_or_changes_nothing) {
  using Sut = Deque<TypeParam>;
  const auto& value = this->template make<TypeParam>(99);
  const auto& more = this->template make<Vec<TypeParam>>(std::size_t{3}, value);
  for (const int size : {0, 1, 4, 7, 16}) {
    auto& sut = this->template filled<Sut>(size);
    sut.shrink_to_fit();
    this->sweep(sut, [&](Sut& deque) { deque.push_back(value); });
    this->sweep(sut, [&](Sut& deque) { deque.push_front(value); });
    this->sweep(sut, [&](Sut& deque) { deque.emplace_front(7); });
    this->sweep(sut, [&](Sut& deque) { deque.emplace_back(7); });
    this->sweep(sut, [&](Sut& deque) { deque.append(more.begin(), more.end()); });
    this->sweep(sut, [&](Sut& deque) { deque.prepend_range(more); });
    this->sweep(sut, [&](Sut& deque) { deque.resize(deque.size() + 3, value); });
    this->sweep(sut, [&](Sut& deque) { deque.resize(deque.size() + 3); });
  }
}

TYPED_TEST(FailureSweepTest, sequences_are_assigned_or_stay_what_they_were) {
  const auto& value = this->template make<TypeParam>(99);
  const auto sweep = [&](auto& sut, auto change) {
    this->sweep_throws(sut, change);
    this->sweep_refusals(sut, change);
    // Where the budget ends while the old elements are given up, those are gone.
    if (!std::is_same_v<TypeParam, Paged>) this->sweep_pages(sut, change);
  };
  auto& vec = this->template filled<Vec<TypeParam>>(5);
  auto& deque = this->template filled<Deque<TypeParam>>(5);
  using Array = NdArray<TypeParam, 1>;
  auto& array = this->template make<Array>(std::array<std::size_t, 1>{5}, value);
  sweep(vec, [&](auto& sut) { sut.assign(9, value); });
  sweep(deque, [&](auto& sut) { sut.assign(9, value); });
  sweep(array, [&](auto& sut) { sut.resize({9}, value); });
  const auto copied = [&](auto& target, const auto& from) {
    sweep(target, [&](auto& sut) { sut = from; });
  };
  copied(vec, this->template filled<Vec<TypeParam>>(9));
  copied(deque, this->template filled<Deque<TypeParam>>(9));
  copied(array, this->template make<Array>(std::array<std::size_t, 1>{9}, value));
}

TYPED_TEST(FailureSweepTest, segmented_adds_at_its_end_or_changes_nothing) {
  using Sut = Segmented<TypeParam>;
  const auto& value = this->template make<TypeParam>(99);
  const auto& more = this->template make<Vec<TypeParam>>(std::size_t{9}, value);
  for (const int size : {0, 1, 7, 16}) {
    auto& sut = this->template filled<Sut>(size);
    sut.shrink_to_fit();
    this->sweep(sut, [&](Sut& segmented) { segmented.push_back(value); });
    this->sweep(sut, [&](Sut& segmented) { segmented.emplace_back(7); });
    this->sweep(sut, [&](Sut& segmented) { segmented.append(more.begin(), more.end()); });
    this->sweep(sut, [&](Sut& segmented) { segmented.resize(segmented.size() + 9, value); });
    this->sweep(sut, [&](Sut& segmented) { segmented.resize(segmented.size() + 9); });
  }
}

TYPED_TEST(FailureSweepTest, a_keyed_container_is_assigned_or_stays_what_it_was) {
  const auto assigned = [&](auto& target, const auto& from) {
    this->sweep(target, [&](auto& sut) { sut = from; });
  };
  assigned(this->template filled<typename TestFixture::Set>(3),
           this->template filled<typename TestFixture::Set>(20));
  assigned(this->template filled<typename TestFixture::Map>(3),
           this->template filled<typename TestFixture::Map>(20));
  assigned(this->template filled<typename TestFixture::OrderedSet>(3),
           this->template filled<typename TestFixture::OrderedSet>(20));
  auto& tree = this->template filled<typename TestFixture::OrderedMap>(3);
  const auto& other = this->template filled<typename TestFixture::OrderedMap>(20);
  assigned(tree, other);
  this->sweep(tree, [&](auto& sut) { sut.assign_sorted(other.begin(), other.end()); });
}

TYPED_TEST(FailureSweepTest, an_ordered_set_inserts_or_changes_nothing) {
  using Sut = typename TestFixture::OrderedSet;
  const auto& value = this->template make<TypeParam>(99);
  for (const int size : {0, 1, 7, 8, 20, 63, 64}) {
    auto& sut = this->template filled<Sut>(size);
    this->sweep(sut, [&](Sut& set) { set.insert(value); });
    this->sweep(sut, [&](Sut& set) { set.emplace(-1); });
    this->sweep(sut, [&](Sut& set) { set.insert(set.cend(), value); });
  }
}

TYPED_TEST(FailureSweepTest, an_ordered_map_inserts_or_changes_nothing) {
  using Sut = typename TestFixture::OrderedMap;
  const auto& value = this->template make<TypeParam>(99);
  const auto& before = this->template make<TypeParam>(-1);
  for (const int size : {0, 1, 3, 4, 20, 63}) {
    auto& sut = this->template filled<Sut>(size);
    this->sweep(sut, [&](Sut& map) { map.try_emplace(value, value); });
    this->sweep(sut, [&](Sut& map) { map.insert_or_assign(before, value); });
    this->sweep(sut, [&](Sut& map) { map.try_emplace(map.cbegin(), value, value); });
    this->sweep(sut, [&](Sut& map) { map.insert(map.cend(), {value, value}); });
    this->sweep(sut, [&](Sut& map) { map[value]; });
  }
}

TYPED_TEST(FailureSweepTest, a_hash_set_inserts_or_changes_nothing) {
  using Sut = typename TestFixture::Set;
  const auto& value = this->template make<TypeParam>(99);
  for (const int size : {0, 1, 2, 6, 15, 26}) {
    auto& sut = this->template filled<Sut>(size);
    this->sweep(sut, [&](Sut& set) { set.insert(value); });
    this->sweep(sut, [&](Sut& set) { set.emplace(77); });
    this->sweep(sut, [&](Sut& set) { set.insert(set.cend(), value); });
  }
}

TYPED_TEST(FailureSweepTest, a_hash_map_inserts_or_changes_nothing) {
  using Sut = typename TestFixture::Map;
  const auto& value = this->template make<TypeParam>(99);
  for (const int size : {0, 1, 2, 6, 15, 26}) {
    auto& sut = this->template filled<Sut>(size);
    this->sweep(sut, [&](Sut& map) { map.try_emplace(value, value); });
    this->sweep(sut, [&](Sut& map) { map.insert_or_assign(value, value); });
    this->sweep(sut, [&](Sut& map) { map.emplace(value, 5); });
    this->sweep(sut, [&](Sut& map) { map.insert(map.cend(), {value, value}); });
    this->sweep(sut, [&](Sut& map) { map[value]; });
  }
}

TYPED_TEST(FailureSweepTest, erasing_by_key_erases_or_changes_nothing) {
  auto& set = this->template filled<typename TestFixture::Set>(20);
  const auto& key = this->template make<TypeParam>(7);
  this->sweep_throws(set, [&](auto& sut) { ASSERT_EQ(sut.erase(key), 1U); });
  auto& map = this->template filled<typename TestFixture::Map>(20);
  this->sweep_throws(map, [&](auto& sut) { ASSERT_EQ(sut.erase(key), 1U); });
  auto& ordered_set = this->template filled<typename TestFixture::OrderedSet>(20);
  this->sweep_throws(ordered_set, [&](auto& sut) { ASSERT_EQ(sut.erase(key), 1U); });
  auto& ordered_map = this->template filled<typename TestFixture::OrderedMap>(20);
  this->sweep_throws(ordered_map, [&](auto& sut) { ASSERT_EQ(sut.erase(key), 1U); });
}

/// Capacity is no content: a failed change of it shows in nothing.
TYPED_TEST(FailureSweepTest, a_capacity_changes_or_nothing_does) {
  const auto resized = [&](auto& sut, std::size_t more) {
    this->sweep_capacity(sut, [&](auto& container) { container.reserve(more); });
    sut.reserve(more);
    this->sweep_capacity(sut, [&](auto& container) { container.shrink_to_fit(); });
  };
  resized(this->template filled<Vec<TypeParam>>(5), 60);
  resized(this->template filled<Deque<TypeParam>>(5), 60);
  auto& turned = this->template filled<Deque<TypeParam>>(5);
  for (int i = 0; i < 3; ++i) turned.emplace_front(i);
  resized(turned, 60);
  resized(this->template filled<typename TestFixture::Set>(20), 100);
  auto& map = this->template filled<typename TestFixture::Map>(20);
  resized(map, 100);
  for (const std::size_t size : {std::size_t{200}, std::size_t{0}}) {
    this->sweep_capacity(map, [&](auto& sut) { sut.rehash(size); });
  }
}

/// What promises less still leaves nothing behind: no leak, no second owner, and a usable object.
TYPED_TEST(FailureSweepTest, inserting_in_the_middle_leaves_a_whole_container) {
  const auto& value = this->template make<TypeParam>(99);
  int failures = 0;
  int completed = 0;
  for (const std::size_t at : {std::size_t{1}, std::size_t{4}, std::size_t{8}}) {
    for (int fuse = 0; fuse < 40; ++fuse) {
      auto& vec = this->template filled<Vec<TypeParam>>(9);
      auto& deque = this->template filled<Deque<TypeParam>>(9);
      Fuse::left = fuse;
      try {
        vec.insert(std::as_const(vec).begin() + at, 2, value);
        deque.insert(deque.cbegin() + static_cast<std::ptrdiff_t>(at), 2, value);
        ++completed;
      } catch (const std::runtime_error&) {
        ++failures;
      }
      Fuse::left = -1;
      this->verify();
      EXPECT_GE(vec.size(), 9U);
      EXPECT_GE(deque.size(), 9U);
      vec.push_back(value);
      deque.push_front(value);
    }
  }
  EXPECT_GT(failures, 0);
  EXPECT_GT(completed, 0);
}

/// Its elements are assigned where they stand, since references to them hold on.
TYPED_TEST(FailureSweepTest, assigning_to_a_segmented_leaves_a_whole_one) {
  auto& sut = this->template filled<Segmented<TypeParam>>(5);
  const auto& value = this->template make<TypeParam>(99);
  const auto& other = this->template filled<Segmented<TypeParam>>(20);
  const auto is_whole = [&] { ASSERT_EQ(sut.size(), 5U); };
  EXPECT_GT(this->refuse_in_turn([&] { sut.assign(9, value); }, is_whole), 0);
  sut.resize(5);
  EXPECT_GT(this->burn_in_turn([&] { sut = other; }, is_whole), 0);
  EXPECT_EQ(this->content(sut), this->content(other));
}

TYPED_TEST(FailureSweepTest, a_box_is_replaced_or_stays_what_it_was) {
  using Sut = Box<TypeParam>;
  auto& sut = this->template make<Sut>(std::in_place, 1);
  const auto& value = this->template make<TypeParam>(2);
  const auto& other = this->template make<Sut>(std::in_place, 4);
  this->sweep(sut, [&](Sut& box) { box.emplace(value); });
  this->sweep(sut, [&](Sut& box) { box = Sut(std::in_place, 3); });
  this->sweep(sut, [&](Sut& box) { box = other; });
  auto& empty = this->template make<Sut>();
  this->sweep(empty, [&](Sut& box) { box.emplace(value); });
  this->sweep(empty, [&](Sut& box) { box = other; });
}

}  // namespace
}  // namespace cairn::test
