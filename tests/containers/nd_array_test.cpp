// SPDX-License-Identifier: BSL-1.0
#include "cairn/nd_array.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <numeric>

#include "cairn/box.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {

/// What can only be moved; making a new one may throw.
class Owned {
 public:
  Owned() { Fuse::burn(); }
  Owned(Owned&&) = default;
  Owned& operator=(Owned&&) = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() = default;

  int value = 0;
  Box<int> boxed;
  BOOST_DESCRIBE_CLASS(Owned, (), (value, boxed), (), ())
};

/// The same, but only by its move constructor.
class LoudOwned : public Owned {
  BOOST_DESCRIBE_CLASS(LoudOwned, (Owned), (), (), ())
};

}  // namespace cairn::test

template <>
inline constexpr bool cairn::moves_by_fields<cairn::test::LoudOwned> = false;

namespace cairn::test {
namespace {

static_assert(std::random_access_iterator<NdArray<int, 2>::iterator>);
static_assert(std::contiguous_iterator<NdArray<int, 2>::const_iterator>);
static_assert(std::ranges::random_access_range<NdArray<int, 2>>);
static_assert(std::ranges::contiguous_range<const NdArray<int, 2>> &&
              std::ranges::sized_range<const NdArray<int, 2>>);

class NdArrayTest : public ContainerTest {};

using Cube = NdArray<std::uint32_t, 3>;
using Index = Cube::Index;
/// The elements by their index: what an array of several dimensions is.
using Model = std::map<Index, std::uint32_t>;

template <class Visit>
void for_each_index(const Index& extents, Visit visit) {
  for (std::size_t i = 0; i < extents[0]; ++i) {
    for (std::size_t j = 0; j < extents[1]; ++j) {
      for (std::size_t k = 0; k < extents[2]; ++k) visit(Index{i, j, k});
    }
  }
}
void number(Cube& sut) {
  std::iota(sut.data(), sut.data() + sut.size(), 0U);
}
Index arbitrary_extents() {
  return {*rc::gen::inRange<std::size_t>(0, 7), *rc::gen::inRange<std::size_t>(0, 7),
          *rc::gen::inRange<std::size_t>(0, 7)};
}
Index some_extents() {
  return {*rc::gen::inRange<std::size_t>(1, 7), *rc::gen::inRange<std::size_t>(1, 7),
          *rc::gen::inRange<std::size_t>(1, 7)};
}

TEST_F(NdArrayTest, elements_lie_in_row_major_order) {
  auto& sut = make<NdArray<std::uint16_t, 2>>(std::array<std::size_t, 2>{2, 3});
  sut(0, 0) = 1;
  sut(1, 2) = 6;
  sut[{0, 2}] = 3;
  EXPECT_EQ(std::vector<std::uint16_t>(std::as_const(sut).begin(), std::as_const(sut).end()),
            (std::vector<std::uint16_t>{1, 0, 3, 0, 0, 6}));
  EXPECT_EQ(std::as_const(sut)(1, 2), 6);
  EXPECT_EQ(sut.extent(1), 3U);
  commit();
}

TEST_F(NdArrayTest, at_names_the_dimension_and_the_index) {
  auto& sut = make<NdArray<int, 2>>(std::array<std::size_t, 2>{2, 3});
  EXPECT_EQ(sut.at(1, 2), 0);
  try {
    (void)std::as_const(sut).at(1, 3);
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "cairn::NdArray: index 3 of 3 in dimension 1");
  }
  EXPECT_THROW((void)sut.view().at(2, 0), std::out_of_range);
  EXPECT_THROW((void)sut.view().slice(2, 0), std::out_of_range);
  EXPECT_THROW((void)sut.view().slice(0, 2), std::out_of_range);
  EXPECT_THROW((void)sut.view().part(1, 0, 3, 2), std::out_of_range);
  EXPECT_THROW((void)sut.view().part(1, 0, 1, 0), std::out_of_range);
}

TEST_F(NdArrayTest, shapes_that_do_not_fit_are_refused) {
  auto& sut = make<Cube>(Index{2, 3, 4}, 5U);
  EXPECT_THROW(sut.reshape({5, 5, 1}), std::invalid_argument);
  EXPECT_THROW(sut.resize({std::size_t{1} << 30, std::size_t{1} << 30, 2}), std::length_error);
  EXPECT_THROW(sut.resize({std::size_t{1} << 40, std::size_t{1} << 40, 2}), std::length_error);
  EXPECT_EQ(sut.extents(), (Index{2, 3, 4}));
  EXPECT_EQ(std::as_const(sut)(1, 2, 3), 5U);
}

TEST_F(NdArrayTest, without_elements_it_has_any_shape_that_it_could_have) {
  constexpr std::size_t huge = std::size_t{1} << 63;
  auto& sut = make<Cube>(Index{2, 3, 4}, 5U);
  EXPECT_THROW(sut.resize({0, huge, 4}), std::length_error);
  EXPECT_THROW(sut.resize({huge, 4, 0}), std::length_error);
  EXPECT_THROW(sut.reshape({4, huge, 0}), std::length_error);
  EXPECT_EQ(sut.extents(), (Index{2, 3, 4}));
  for (const Index& extents : {Index{0, Cube::max_size(), Cube::max_size()},
                               Index{Cube::max_size(), Cube::max_size(), 0}, Index{0, 5, 7}}) {
    sut.resize(extents);
    EXPECT_EQ(sut.extents(), extents);
    EXPECT_TRUE(sut.view().empty());
    EXPECT_EQ(sut.view().stride(0), 0);
    const auto slice = sut.slice(1, 3);
    EXPECT_TRUE(slice.empty());
    EXPECT_TRUE(sut.view().part(1, 2, 3).reversed(1).empty());
    verify();
  }
  commit();
}

TEST_F(NdArrayTest, a_copy_that_throws_leaves_it_as_it_was) {
  auto& sut = make<NdArray<Fussy, 2>>(std::array<std::size_t, 2>{3, 2});
  sut(2, 1).value = 7;
  int failures = 0;
  for (int fuse = 0;; ++fuse) {
    Fuse::left = fuse;
    try {
      sut.resize({4, 4});
      Fuse::left = -1;
      break;
    } catch (const std::runtime_error&) {
      ++failures;
    }
    ASSERT_EQ(sut.extents(), (std::array<std::size_t, 2>{3, 2}));
    ASSERT_EQ(std::as_const(sut)(2, 1).value, 7);
    verify();
  }
  // Those that are copied, and those that are made.
  EXPECT_EQ(failures, 6 + 10);
  EXPECT_EQ(std::as_const(sut)(2, 1).value, 7);
}

TEST_F(NdArrayTest, a_full_disk_leaves_it_as_it_was) {
  auto& sut = make<Cube>(Index{2, 3, 4}, 5U);
  fail_on_a_full_disk(
      [&] {
        sut.resize({100, 100, 10}, 1U);
      },
      [&] {
        return sut.size() == 24 && sut.extents() == Index{2, 3, 4};
      });
  EXPECT_EQ(std::as_const(sut)(99, 99, 9), 1U);
}

TEST_F(NdArrayTest, in_a_growing_vec_it_goes_along) {
  auto& sut = make<Vec<NdArray<String, 2>>>();
  for (std::size_t i = 0; i < 20; ++i) {
    sut.emplace_back(std::array<std::size_t, 2>{i, 2},
                     String("a text that does not fit into the object itself"));
    verify();
  }
  EXPECT_EQ(std::as_const(sut)[19].extents(), (std::array<std::size_t, 2>{19, 2}));
}

TEST_F(NdArrayTest, extents_that_contradict_the_size_are_found) {
  auto& sut = make<Cube>(Index{2, 3, 4});
  auto& stored = *reinterpret_cast<NdArrayFormat<3>*>(&sut);
  mark(&stored, sizeof stored);
  stored.extents[1] = 4;
  const auto found = problems();
  stored.extents[1] = 3;
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found[0].find("extents make 32 elements"), std::string::npos) << found[0];
}

template <class T>
class NdArrayOfMovedTest : public NdArrayTest {
 protected:
  using Sut = NdArray<T, 2>;

  Sut& numbered(const typename Sut::Index& extents) {
    auto& sut = this->template make<Sut>(extents);
    int next = 0;
    for (T& element : sut) {
      element.value = ++next;
      element.boxed.emplace(next);
    }
    this->commit();
    return sut;
  }
  static bool holds(const Sut& sut, std::size_t row, std::size_t column, int number) {
    const T& element = sut(row, column);
    if (number == 0) return element.value == 0 && !element.boxed;
    return element.value == number && element.boxed && *element.boxed == number;
  }
};
using MovedTypes = ::testing::Types<Owned, LoudOwned>;
TYPED_TEST_SUITE(NdArrayOfMovedTest, MovedTypes);

TYPED_TEST(NdArrayOfMovedTest, resizing_keeps_what_can_only_be_moved) {
  auto& sut = this->numbered({3, 2});
  sut.resize({2, 4});
  this->verify();
  this->commit();
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      const int number = column < 2 ? static_cast<int>(row * 2 + column + 1) : 0;
      EXPECT_TRUE(this->holds(sut, row, column, number)) << row << ", " << column;
    }
  }
  sut.clear();
  this->commit();
  EXPECT_TRUE(sut.empty());
  sut.resize({1, 1});
  EXPECT_TRUE(this->holds(sut, 0, 0, 0));
}

TYPED_TEST(NdArrayOfMovedTest, a_new_element_that_throws_leaves_it_as_it_was) {
  auto& sut = this->numbered({3, 2});
  const auto is_unchanged = [&] {
    bool same = sut.extents() == std::array<std::size_t, 2>{3, 2};
    for (std::size_t i = 0; i < 6; ++i) {
      same = same && this->holds(sut, i / 2, i % 2, static_cast<int>(i + 1));
    }
    return same;
  };
  int failures = 0;
  for (bool completed = false; !completed;) {
    Fuse::left = failures;
    try {
      sut.resize({2, 4});
      completed = true;
    } catch (const std::runtime_error&) {
      ASSERT_TRUE(is_unchanged()) << "after failure " << failures;
      ++failures;
    }
    Fuse::left = -1;
    this->verify();
  }
  EXPECT_EQ(failures, 4);
  this->rollback();
  // Over budget, a rollback makes it whole.
  EXPECT_GT(this->fail_at_every_page(
                [&] {
                  EXPECT_TRUE(is_unchanged());
                  sut.resize({2, 500});
                },
                [] { return true; }),
            0);
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, every_index_has_an_element_of_its_own, ()) {
  const Index extents = arbitrary_extents();
  auto& sut = make<Cube>(extents);
  Model model;
  for_each_index(extents, [&](const Index& index) {
    sut[index] = model[index] = static_cast<std::uint32_t>(model.size() * 3);
  });
  commit();
  RC_ASSERT(sut.size() == model.size());
  for (const auto& [index, value] : model) {
    RC_ASSERT(std::as_const(sut)[index] == value);
    RC_ASSERT(sut.at(index[0], index[1], index[2]) == value);
    RC_ASSERT(sut.view()(index[0], index[1], index[2]) == value);
  }
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, resizing_keeps_what_has_an_index_still, ()) {
  const Index before = arbitrary_extents();
  const Index after = arbitrary_extents();
  auto& sut = make<Cube>(before);
  number(sut);
  const Cube old(sut);
  commit();
  sut.resize(after, 777U);
  for_each_index(after, [&](const Index& i) {
    const bool kept = i[0] < before[0] && i[1] < before[1] && i[2] < before[2];
    RC_ASSERT(std::as_const(sut)[i] == (kept ? old[i] : 777U));
  });
  rollback();
  RC_ASSERT(sut == old);
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, reshaping_keeps_the_order, ()) {
  const Index extents = some_extents();
  auto& sut = make<Cube>(extents);
  number(sut);
  commit();
  sut.reshape({extents[2], extents[0] * extents[1], 1});
  commit();
  std::uint32_t expected = 0;
  for (const std::uint32_t value : std::as_const(sut)) RC_ASSERT(value == expected++);
  RC_ASSERT(std::as_const(sut)(0U, extents[0] * extents[1] - 1, 0U) == extents[0] * extents[1] - 1);
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, a_slice_is_what_has_that_index, ()) {
  const Index extents = some_extents();
  auto& sut = make<Cube>(extents);
  number(sut);
  const std::size_t dimension = *rc::gen::inRange<std::size_t>(0, 3);
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, extents[dimension]);
  const auto slice = std::as_const(sut).slice(dimension, at);
  RC_ASSERT(slice.size() == sut.size() / extents[dimension]);
  std::vector<std::uint32_t> expected;
  for_each_index(extents, [&](const Index& index) {
    if (index[dimension] == at) expected.push_back(std::as_const(sut)[index]);
  });
  std::vector<std::uint32_t> seen;
  slice.for_each([&](std::uint32_t value) { seen.push_back(value); });
  RC_ASSERT(seen == expected);
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, parts_reversed_and_transposed_reach_the_elements_that_they_say,
                      ()) {
  const Index extents = some_extents();
  auto& sut = make<Cube>(extents);
  number(sut);
  const std::size_t d = *rc::gen::inRange<std::size_t>(0, 3);
  const std::size_t step = *rc::gen::inRange<std::size_t>(1, 4);
  const std::size_t first = *rc::gen::inRange<std::size_t>(0, extents[d]);
  const std::size_t count = *rc::gen::inRange<std::size_t>(0, (extents[d] - 1 - first) / step + 2);
  const auto part = std::as_const(sut).view().part(d, first, count, step).reversed(d).transposed();
  RC_ASSERT(part.size() == sut.size() / extents[d] * count);
  detail::for_each_nd_index(part.extents(), [&](const Index& turned) {
    Index index{turned[2], turned[1], turned[0]};
    index[d] = first + (count - 1 - index[d]) * step;
    RC_ASSERT(part[turned] == std::as_const(sut)[index]);
  });
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, writing_through_a_view_is_declared_and_changes_nothing_else,
                      (std::uint32_t value)) {
  const Index extents = some_extents();
  auto& sut = make<Cube>(extents);
  number(sut);
  Cube expected(sut);
  commit();
  const std::size_t d = *rc::gen::inRange<std::size_t>(0, 3);
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, extents[d]);
  sut.slice(d, at).fill(value);
  // A change without a mark would fail the commit.
  commit();
  for_each_index(extents, [&](const Index& index) {
    if (index[d] == at) expected[index] = value;
  });
  RC_ASSERT(sut == expected);
}

RC_GTEST_FIXTURE_PROP(NdArrayTest, copies_moves_and_swaps_are_those_of_values, ()) {
  auto& a = make<Cube>(arbitrary_extents());
  auto& b = make<Cube>(arbitrary_extents());
  number(a);
  number(b);
  const Cube a_before(a);
  const Cube b_before(b);
  commit();
  a.swap(b);
  RC_ASSERT(a == b_before);
  RC_ASSERT(b == a_before);
  a = b;
  commit();
  RC_ASSERT(a == b);
  b = std::move(a);
  RC_ASSERT(b == a_before);
  RC_ASSERT(a.size() == 0U);  // NOLINT(bugprone-use-after-move): what moving leaves is said
  b.clear();
  commit();
  RC_ASSERT(b.empty());
}

}  // namespace
}  // namespace cairn::test
