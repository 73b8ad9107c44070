// SPDX-License-Identifier: BSL-1.0
// A heap that has no room left: each block that an operation asks for is refused in turn. What was
// to be moved in is still whole, so the caller can make room and try again; what went half of its
// way is in one place, and nothing leaks.
#include "failure_sweep.hpp"

namespace cairn::test {
namespace {

template <class T>
class NoRoomTest : public FailureSweepTest<T> {
 protected:
  /// Refuses `add(container, moved)` each block in turn; `moved` keeps what it has until it is in,
  /// if not where the elements that are there have to be copied after it, as in std::vector.
  template <class Container, class Add>
  void keeps_what_is_moved_in(const std::vector<int>& sizes, Add add) {
    constexpr bool keeps = detail::relocates_quietly<T>() ||
                           std::is_same_v<Container, typename NoRoomTest::OrderedSet> ||
                           std::is_same_v<Container, typename NoRoomTest::OrderedMap> ||
                           std::is_same_v<Container, Segmented<T>>;
    auto& moved = this->template make<T>(0);
    int refused = 0;
    for (const int size : sizes) {
      auto& sut = this->template filled<Container>(size);
      for (const int value : {99, -1}) {
        this->commit();
        moved = T(value);
        const std::vector<int> before = this->content(sut);
        refused += this->refuse_in_turn([&] { add(sut, moved); },
                                        [&] {
                                          if (keeps) {
                                            ASSERT_EQ(moved.value, value);
                                            ASSERT_EQ(moved.text, T().text);
                                          }
                                          ASSERT_EQ(this->content(sut), before);
                                        });
        EXPECT_TRUE(moved.text.empty());
        EXPECT_EQ(sut.size(), static_cast<std::size_t>(size) + 1);
        this->rollback();
      }
    }
    EXPECT_GT(refused, 0);
  }

  static std::vector<int> sorted(std::vector<int> numbers) {
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }
  /// Merges with each block refused in turn, and with each construction, hash and comparison
  /// throwing: every element is in one of both.
  template <class Container>
  void merges_or_keeps_apart(int in_target, int in_source) {
    const auto with = [&](auto attempt) {
      auto& target = this->template filled<Container>(in_target);
      auto& source = this->template make<Container>();
      for (int i = 0; i < in_source; ++i) {
        if constexpr (requires { source.try_emplace(T(i), T(i)); }) {
          source.try_emplace(T(1000 + i), T(i));
        } else {
          source.insert(T(1000 + i));
        }
      }
      this->commit();
      const auto all = [&] {
        std::vector<int> numbers = this->content(target);
        const std::vector<int> rest = this->content(source);
        numbers.insert(numbers.end(), rest.begin(), rest.end());
        return sorted(numbers);
      };
      const std::vector<int> before = all();
      attempt([&] { target.merge(source); }, [&] { ASSERT_EQ(all(), before); });
      EXPECT_EQ(all(), before);
      EXPECT_TRUE(source.empty());
    };
    with([&](auto merge, auto check) { this->refuse_in_turn(merge, check); });
    with([&](auto merge, auto check) { this->burn_in_turn(merge, check); });
  }
};

TYPED_TEST_SUITE(NoRoomTest, ThrowingTypes);

TYPED_TEST(NoRoomTest, sequences_keep_what_is_moved_in) {
  const std::vector<int> sizes = {0, 1, 4, 7, 16};
  const auto at_the_end = [](auto& sut, auto& moved) { sut.push_back(std::move(moved)); };
  const auto in_front = [](auto& sut, auto& moved) { sut.push_front(std::move(moved)); };
  this->template keeps_what_is_moved_in<Vec<TypeParam>>(sizes, at_the_end);
  this->template keeps_what_is_moved_in<Deque<TypeParam>>(sizes, at_the_end);
  this->template keeps_what_is_moved_in<Deque<TypeParam>>(sizes, in_front);
  this->template keeps_what_is_moved_in<Segmented<TypeParam>>(sizes, at_the_end);
}

TYPED_TEST(NoRoomTest, keyed_containers_keep_what_is_moved_in) {
  std::vector<int> sizes;
  for (int size = 0; size <= 40; ++size) sizes.push_back(size);
  const auto insert = [](auto& sut, auto& moved) { sut.insert(std::move(moved)); };
  this->template keeps_what_is_moved_in<typename TestFixture::OrderedSet>(sizes, insert);
  this->template keeps_what_is_moved_in<typename TestFixture::Set>(sizes, insert);
  // The key is a copy, whose block is refused as well.
  const auto emplace = [](auto& sut, auto& moved) {
    sut.try_emplace(std::as_const(moved), std::move(moved));
  };
  this->template keeps_what_is_moved_in<typename TestFixture::OrderedMap>(sizes, emplace);
  this->template keeps_what_is_moved_in<typename TestFixture::Map>(sizes, emplace);
}

TYPED_TEST(NoRoomTest, a_box_keeps_what_is_moved_in) {
  auto& sut = this->template make<Box<TypeParam>>(std::in_place, 1);
  auto& moved = this->template make<TypeParam>(2);
  const int refused = this->refuse_in_turn([&] { sut.emplace(std::move(moved)); },
                                           [&] {
                                             ASSERT_EQ(std::as_const(sut)->value, 1);
                                             ASSERT_EQ(moved.text, TypeParam().text);
                                           });
  EXPECT_GT(refused, 0);
  EXPECT_EQ(std::as_const(sut)->value, 2);
}

TYPED_TEST(NoRoomTest, merged_elements_are_in_one_of_both) {
  for (const int in_target : {0, 1, 7, 20}) {
    this->template merges_or_keeps_apart<typename TestFixture::Set>(in_target, 12);
    this->template merges_or_keeps_apart<typename TestFixture::Map>(in_target, 12);
    this->template merges_or_keeps_apart<typename TestFixture::OrderedSet>(in_target, 12);
    this->template merges_or_keeps_apart<typename TestFixture::OrderedMap>(in_target, 12);
  }
}

TYPED_TEST(NoRoomTest, ranges_are_inserted_as_far_as_there_is_room) {
  const auto& more = this->template filled<Vec<TypeParam>>(30);
  const auto fill = [&](auto& sut) {
    std::size_t before = 0;
    const int refused = this->refuse_in_turn([&] { sut.insert(more.begin(), more.end()); },
                                             [&] {
                                               EXPECT_GE(sut.size(), before);
                                               before = sut.size();
                                             });
    EXPECT_GT(refused, 5);
    EXPECT_EQ(sut.size(), 30U);
  };
  fill(this->template make<typename TestFixture::Set>());
  fill(this->template make<typename TestFixture::OrderedSet>());
}

TYPED_TEST(NoRoomTest, inserting_in_the_middle_leaves_a_whole_container) {
  const auto& value = this->template make<TypeParam>(99);
  auto& vec = this->template filled<Vec<TypeParam>>(9);
  auto& deque = this->template filled<Deque<TypeParam>>(9);
  this->sweep_refusals(vec, [&](auto& sut) { sut.insert(sut.cbegin() + 4, 2, value); });
  this->sweep_refusals(deque, [&](auto& sut) { sut.insert(sut.cbegin() + 4, 2, value); });
  this->sweep_refusals(deque, [&](auto& sut) { sut.insert(sut.cbegin() + 7, value); });
}

}  // namespace
}  // namespace cairn::test
