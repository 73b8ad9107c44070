// SPDX-License-Identifier: BSL-1.0
// Every change of a String with a failure at each block, at each page and at each character of a
// range that throws: whatever fails, the text is what it was.
#include <initializer_list>
#include <iterator>

#include "failure_sweep.hpp"

namespace cairn::test {
namespace {

/// An iterator over characters of a range each of whose reads may throw.
class FusedText {
 public:
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;
  using iterator_category = std::input_iterator_tag;

  explicit FusedText(const char* at = nullptr) : at_(at) {}
  char operator*() const {
    Fuse::burn();
    return *at_;
  }
  FusedText& operator++() {
    ++at_;
    return *this;
  }
  FusedText operator++(int) { return FusedText(at_++); }
  bool operator==(const FusedText&) const = default;

 private:
  const char* at_;
};
struct FusedRange {
  FusedText begin() const { return FusedText(text.data()); }
  FusedText end() const { return FusedText(text.data() + text.size()); }
  std::string_view text;
};

class StringFailureTest : public FailureSweepTest<Fussy> {
 protected:
  /// Refuses blocks and pages, of which `change` needs some.
  template <class Change>
  void sweep_room(String& sut, Change change) {
    sweep_refusals(sut, change);
    sweep_pages(sut, change);
  }
  String& text(std::size_t size) { return make<String>(size, 'x'); }

  const std::string more_ = std::string(150, 'm') + "ore";
};

/// Sizes that stand in the object, fill it, and do not fit into it.
constexpr std::initializer_list<std::size_t> sizes = {0, 5, 23, 24, 100};

TEST_F(StringFailureTest, it_is_assigned_or_stays_what_it_was) {
  const auto& other = make<String>(more_);
  for (const std::size_t size : sizes) {
    String& sut = text(size);
    sweep_room(sut, [&](String& s) { s.assign(more_); });
    sweep_room(sut, [&](String& s) { s.assign(200, 'y'); });
    sweep_room(sut, [&](String& s) { s = more_; });
    sweep_room(sut, [&](String& s) { s = other; });
    sweep_room(sut, [&](String& s) { s = String(more_); });
    sweep_throws(sut,
                 [&](String& s) { s.assign(FusedRange{more_}.begin(), FusedRange{more_}.end()); });
    sweep_throws(sut, [&](String& s) { s.assign_range(FusedRange{more_}); });
  }
}

TEST_F(StringFailureTest, it_grows_at_its_end_or_stays_what_it_was) {
  for (const std::size_t size : sizes) {
    String& sut = text(size);
    sut.shrink_to_fit();
    sweep_room(sut, [&](String& s) { s.append(more_); });
    sweep_room(sut, [&](String& s) { s.append(150, 'y'); });
    sweep_room(sut, [&](String& s) { s += more_; });
    sweep_room(sut, [&](String& s) { s.resize(200, 'y'); });
    sweep_throws(sut, [&](String& s) { s.append_range(FusedRange{more_}); });
    // As many characters as fit, so that the next one does not.
    sut.append(sut.capacity() - sut.size(), 'z');
    sweep_room(sut, [](String& s) { s.push_back('y'); });
    sweep_room(sut, [](String& s) { s += 'y'; });
  }
}

TEST_F(StringFailureTest, it_takes_text_at_any_place_or_stays_what_it_was) {
  for (const std::size_t size : sizes) {
    String& sut = text(size);
    for (const std::size_t at : {std::size_t{0}, size / 2, size}) {
      const auto place = static_cast<std::ptrdiff_t>(at);
      sweep_room(sut, [&](String& s) { s.insert(at, more_); });
      sweep_room(sut, [&](String& s) { s.insert(at, 150, 'y'); });
      sweep_room(sut, [&](String& s) { s.insert(s.cbegin() + place, 150, 'y'); });
      sweep_throws(sut, [&](String& s) { s.insert_range(s.begin() + place, FusedRange{more_}); });
      sweep_room(sut, [&](String& s) { s.replace(at, 2, more_); });
      sweep_room(sut, [&](String& s) { s.replace(at, 2, 150, 'y'); });
      sweep_throws(sut, [&](String& s) {
        s.replace_with_range(s.cbegin() + place, s.cend(), FusedRange{more_});
      });
    }
  }
}

/// What it takes is its own text, which moves with it.
TEST_F(StringFailureTest, it_takes_text_of_its_own_or_stays_what_it_was) {
  for (const std::size_t size : {std::size_t{20}, std::size_t{100}}) {
    String& sut = make<String>(std::string(size / 2, 'x') + std::string(size / 2, 'y'));
    sut.shrink_to_fit();
    sut.append(sut.capacity() - sut.size(), 'z');
    sweep_room(sut, [&](String& s) { s.append(s); });
    sweep_room(sut, [&](String& s) { s.insert(size / 3, s); });
    sweep_room(sut, [&](String& s) { s.replace(size / 3, 2, s.view().substr(1)); });
  }
}

TEST_F(StringFailureTest, its_capacity_changes_or_nothing_does) {
  for (const std::size_t size : sizes) {
    String& sut = text(size);
    sweep_capacity(sut, [](String& s) { s.reserve(500); });
    sut.reserve(500);
    if (size > string_short_capacity) {
      sweep_capacity(sut, [](String& s) { s.shrink_to_fit(); });
    }
  }
}

/// Nothing is allocated, and what is written is declared first.
TEST_F(StringFailureTest, it_changes_where_it_stands_or_stays_what_it_was) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{100}, std::size_t{20'000}}) {
    String& sut = make<String>(std::string(size / 2, 'x') + std::string(size / 2, 'y'));
    sweep_pages(sut, [](String& s) { s.erase(2, 3); });
    sweep_pages(sut, [](String& s) { s.erase(0, s.size() - 3); });
    sweep_pages(sut, [](String& s) { s.replace(1, 7, "seven"); });
    sweep_pages(sut, [](String& s) { s.assign("short"); });
    sweep_pages(sut, [](String& s) { s.resize(4); });
    sweep_pages(sut, [](String& s) { s.pop_back(); });
    sweep_pages(sut, [](String& s) { s.clear(); });
  }
}

/// The exception among the changes: what the function wrote is not taken back.
TEST_F(StringFailureTest, it_is_empty_where_overwriting_it_throws) {
  for (const std::size_t size : sizes) {
    String& sut = text(size);
    const auto overwrite = [](String& s) {
      s.resize_and_overwrite(200, [](char* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) to[i] = *FusedText("y");
        return count;
      });
    };
    sweep_room(sut, overwrite);
    EXPECT_EQ(burn_in_turn([&] { overwrite(sut); }, [&] { ASSERT_TRUE(sut.empty()); }), 200);
  }
}

}  // namespace
}  // namespace cairn::test
