// SPDX-License-Identifier: BSL-1.0
#include "cairn/string.hpp"

#include <algorithm>
#include <random>
#include <sstream>
#include <unordered_set>

#include "container_test.hpp"

namespace cairn::test {
namespace {

static_assert(std::random_access_iterator<String::iterator>);
static_assert(std::contiguous_iterator<String::const_iterator>);
static_assert(std::ranges::random_access_range<String>);
static_assert(std::ranges::contiguous_range<const String> &&
              std::ranges::sized_range<const String>);

class StringTest : public ContainerTest {};

TEST_F(StringTest, lengths_around_the_inline_buffer_all_work) {
  for (std::size_t length = 0; length < 100; ++length) {
    const std::string text(length, static_cast<char>('a' + length % 26));
    String sut(text);
    ASSERT_EQ(sut, text);
    ASSERT_EQ(sut.size(), length);
    ASSERT_EQ(std::strlen(sut.c_str()), length);
    String copy(sut);
    String moved(std::move(sut));
    ASSERT_EQ(copy, moved);
    ASSERT_TRUE(sut.empty() || length <= 23);  // NOLINT(bugprone-use-after-move): the test
  }
}

TEST_F(StringTest, short_ones_need_no_transaction) {
  ActiveWrite::pop(heap_.context());
  String sut("twenty-three characters");
  EXPECT_EQ(sut.size(), 23U);
  EXPECT_THROW(sut.push_back('x'), Error);
  EXPECT_EQ(sut, "twenty-three characters");
  ActiveWrite::push(heap_.context());
}

TEST_F(StringTest, agrees_with_std_string_through_random_changes) {
  auto& sut = make<String>();
  std::string model;
  std::mt19937_64 random(5);
  for (int step = 0; step < 30000; ++step) {
    const std::string text(random() % 12, static_cast<char>('a' + random() % 26));
    const std::size_t at = random() % (model.size() + 1);
    const std::size_t count = random() % 9;
    switch (random() % 10) {
      case 0: sut.append(text), model.append(text); break;
      case 1: sut.insert(at, text), model.insert(at, text); break;
      case 2: sut.erase(at, count), model.erase(at, count); break;
      case 3: sut.replace(at, count, text), model.replace(at, count, text); break;
      case 4: sut.push_back('!'), model.push_back('!'); break;
      case 5: sut.resize(at, 'r'), model.resize(at, 'r'); break;
      case 6:
        if (random() % 8 == 0) sut.shrink_to_fit();
        break;
      case 7: {
        // A part of itself, which must not change under its own hands.
        const std::string_view part = std::string_view(model).substr(at / 2, count);
        const std::string kept(part);
        sut.replace(at, count, sut.view().substr(at / 2, count));
        model.replace(at, count, kept);
        break;
      }
      case 8:
        if (!model.empty()) sut[at % model.size()] = '?', model[at % model.size()] = '?';
        break;
      default:
        if (model.size() > 200) sut.assign(text), model.assign(text);
    }
    ASSERT_EQ(sut, model);
    ASSERT_EQ(std::as_const(sut).data()[sut.size()], '\0');
    if (step % 100 == 0) commit();
  }
}

TEST_F(StringTest, an_assignment_that_fits_keeps_the_block) {
  auto& sut = make<String>(std::string(100, 'x'));
  const char* const before = sut.c_str();
  sut = std::string(90, 'y');
  sut = "short";
  EXPECT_EQ(sut.c_str(), before);
  sut.shrink_to_fit();
  EXPECT_EQ(static_cast<const void*>(sut.c_str()), static_cast<const void*>(&sut));
  EXPECT_EQ(sut, "short");
}

TEST_F(StringTest, moving_within_a_store_takes_the_block) {
  auto& a = make<String>(std::string(100, 'x'));
  const char* const block = a.c_str();
  auto& b = make<String>("b");
  b = std::move(a);
  EXPECT_EQ(b.c_str(), block);
  String temporary(std::move(b));
  EXPECT_EQ(temporary.c_str(), block);
  swap(a, temporary);
  EXPECT_EQ(a.c_str(), block);
  EXPECT_TRUE(temporary.empty());
}

TEST_F(StringTest, moving_between_two_stores_copies) {
  auto& here = make<String>(std::string(100, 'x'));
  TestHeap other;
  auto* const there = ::new (other.heap().allocate(24)) String;
  *there = std::move(here);
  EXPECT_EQ(*there, std::string(100, 'x'));
  EXPECT_TRUE(other.context().contains(there->c_str()));
  *there = "";
  there->shrink_to_fit();
  other.commit();
}

TEST_F(StringTest, compares_searches_and_prints_like_std_string) {
  const String sut("the quick brown fox");
  EXPECT_LT(sut, "zebra");
  EXPECT_GT("zebra", sut);
  EXPECT_TRUE("the quick brown fox" == sut);
  EXPECT_TRUE(sut == std::string("the quick brown fox"));
  EXPECT_EQ(sut.find("quick"), 4U);
  EXPECT_EQ(sut.rfind('o'), 17U);
  EXPECT_EQ(sut.find_first_of("aeiou"), 2U);
  EXPECT_EQ(sut.find("cat"), String::npos);
  EXPECT_TRUE(sut.starts_with("the"));
  EXPECT_TRUE(sut.ends_with("fox"));
  EXPECT_TRUE(sut.contains("brown"));
  EXPECT_EQ(sut.substr(4, 5), "quick");
  EXPECT_EQ(sut + "!", "the quick brown fox!");
  EXPECT_EQ("see " + sut, "see the quick brown fox");
  std::ostringstream out;
  out << sut;
  EXPECT_EQ(out.str(), "the quick brown fox");
  String word;
  std::istringstream in("one two");
  in >> word;
  EXPECT_EQ(word, "one");
  EXPECT_THROW((void)sut.at(19), std::out_of_range);
  EXPECT_THROW(word.insert(4, "x"), std::out_of_range);
}

TEST_F(StringTest, hashes_like_the_text_it_holds) {
  const std::unordered_set<String, std::hash<String>, std::equal_to<>> set{"a", "b"};
  EXPECT_TRUE(set.contains(std::string_view("a")));
  EXPECT_EQ(Hash<String>{}(String("ada")), Hash<std::string_view>{}("ada"));
}

TEST_F(StringTest, characters_handed_out_for_writing_are_marked) {
  auto& sut = make<String>(std::string(5000, 'z'));
  commit();
  sut.front() = 'a';
  sut.at(4000) = 'b';
  *(sut.begin() + 2000) = 'c';
  commit();
  std::sort(sut.begin(), sut.end());
  commit();
  EXPECT_TRUE(sut.starts_with("abcz"));
  std::fill_n(sut.data(), 5, 'q');
  commit();
}

TEST_F(StringTest, zero_bytes_are_characters_like_others) {
  auto& sut = make<String>(std::string_view("a\0b", 3));
  sut.append(std::string(30, '\0'));
  EXPECT_EQ(sut.size(), 33U);
  EXPECT_EQ(sut.find('b'), 2U);
}

TEST_F(StringTest, too_long_is_the_standards_exception) {
  auto& sut = make<String>("x");
  EXPECT_THROW(sut.reserve(String::max_size() + 1), std::length_error);
  EXPECT_THROW(sut.resize(~std::size_t{0} - 2), std::length_error);
  EXPECT_EQ(sut, "x");
}

TEST_F(StringTest, a_change_that_fails_changes_nothing) {
  auto& sut = make<String>(std::string(64, 'x'));
  sut.shrink_to_fit();
  const std::string before = sut.str();
  fail_on_a_full_disk([&] { sut.append(std::string(60000, 'y')); }, [&] { return sut == before; });
  EXPECT_EQ(sut.size(), 60064U);
  const std::string grown = sut.str();
  EXPECT_GT(fail_at_every_page([&] { sut.insert(10, std::string(100000, 'z')); },
                               [&] { return sut == grown; }),
            0);
  EXPECT_EQ(sut.size(), 160064U);
}

}  // namespace
}  // namespace cairn::test
