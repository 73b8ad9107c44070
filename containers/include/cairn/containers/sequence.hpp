// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <iterator>
#include <ranges>
#include <utility>

/// \file
/// What sequences have in common with those of the standard library.
namespace cairn::detail {

/// A range whose begin and end are of different types, as one where they are of one type. What
/// std::views::common does, but clang 14 does not understand the views of libstdc++.
template <class Range>
struct CommonRange {
  using Iterator =
      std::common_iterator<std::ranges::iterator_t<Range>, std::ranges::sentinel_t<Range>>;

  Iterator begin() const { return std::ranges::begin(range); }
  Iterator end() const { return std::ranges::end(range); }

  Range& range;
};

/// The range itself where begin and end are of one type, else one where they are.
template <class Range>
decltype(auto) common(Range& range) {
  if constexpr (std::ranges::common_range<Range>) {
    return (range);
  } else {
    return CommonRange<Range>{range};
  }
}

/// Can be ordered by <=>, or by < as the standard's containers do for older types.
template <class T>
concept Ordered = std::three_way_comparable<T> || requires(const T& a, const T& b) {
  { a < b } -> std::convertible_to<bool>;
};

struct CompareThreeWay {
  template <class T>
  auto operator()(const T& a, const T& b) const {
    if constexpr (std::three_way_comparable<T>) {
      return a <=> b;
    } else {
      if (a < b) return std::weak_ordering::less;
      return b < a ? std::weak_ordering::greater : std::weak_ordering::equivalent;
    }
  }
};

template <class Sequence>
auto compare_sequences(const Sequence& a, const Sequence& b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end(),
                                                CompareThreeWay());
}

}  // namespace cairn::detail
