// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#include "cairn/containers/btree_node.hpp"
#include "cairn/containers/text_keys.hpp"

/// \file
/// Looking for a key in one node. Numbers and texts in their usual order are compared in ways of
/// their own, all else by the comparator alone.
namespace cairn::detail {

template <class C, class K>
inline constexpr bool orders_by_less =
    std::is_same_v<C, std::less<>> || std::is_same_v<C, std::less<K>>;
template <class C, class K>
inline constexpr bool orders_by_greater =
    std::is_same_v<C, std::greater<>> || std::is_same_v<C, std::greater<K>>;
template <class C, class K>
inline constexpr bool orders_as_usual = orders_by_less<C, K> || orders_by_greater<C, K>;

template <class C, class K, class Q>
concept Orders = requires(const Q& key, const K& stored) {
  { C{}(key, stored) } -> std::convertible_to<bool>;
  { C{}(stored, key) } -> std::convertible_to<bool>;
};
template <class C, class K, class Q>
concept OrdersTexts = orders_as_usual<C, K> && Text<K> && Text<Q>;

template <class Q, class K, class C>
concept LooksUpInTree = IsTransparent<C> && !std::same_as<Q, K> &&
                        !(std::is_arithmetic_v<Q> &&
                          std::is_arithmetic_v<K>)&&(Orders<C, K, Q> || OrdersTexts<C, K, Q>);

/// Whether Q, another type than the key, may be used to look keys up. Numbers are turned into keys
/// instead.
template <class Q, class K, class C>
concept BTreeLookup = LooksUpInTree<std::remove_cvref_t<Q>, K, C>;

/// Where a key belongs in a node.
struct BTreeSpot {
  unsigned index;
  bool exact;  ///< the element there is known to have the key
};

/// A key that is looked up. `is_before` says whether it comes before a stored key, `is_behind`
/// whether behind it.
template <class K, class C, class Q>
class BTreeProbe {
 public:
  explicit BTreeProbe(const Q& key) noexcept : key_(key) {}

  bool is_before(const K& stored) const { return C{}(key_, stored); }
  bool is_behind(const K& stored) const { return C{}(stored, key_); }

  template <class Node>
  BTreeSpot lower(Node node) const {
    return {halve(node, [this](const K& stored) { return is_behind(stored); }), false};
  }
  template <class Node>
  unsigned upper(Node node) const {
    return halve(node, [this](const K& stored) { return !is_before(stored); });
  }

 private:
  /// The first element for which `is_left` does not hold.
  template <class Node, class IsLeft>
  static unsigned halve(Node node, IsLeft is_left) {
    unsigned first = 0;
    unsigned last = node.count();
    while (first < last) {
      const unsigned middle = (first + last) / 2;
      if (is_left(node.key(middle))) {
        first = middle + 1;
      } else {
        last = middle;
      }
    }
    return first;
  }

  const Q& key_;
};

/// Numbers: what halving without branches leaves of a node with many is compared as a whole. The
/// comparisons do not wait for each other, nor does any branch depend on them.
template <class K, class C, class Q>
  requires(std::is_arithmetic_v<K>&& orders_as_usual<C, K>)
class BTreeProbe<K, C, Q> {
 public:
  explicit BTreeProbe(const Q& key) noexcept : key_(ordered(static_cast<K>(key))) {}

  bool is_before(const K& stored) const noexcept { return precedes(key_, ordered(stored)); }
  bool is_behind(const K& stored) const noexcept { return precedes(ordered(stored), key_); }

  template <class Node>
  BTreeSpot lower(Node node) const noexcept {
    return {count_left(node, [this](const K& stored) { return is_behind(stored); }), false};
  }
  template <class Node>
  unsigned upper(Node node) const noexcept {
    return count_left(node, [this](const K& stored) { return !is_before(stored); });
  }

 private:
  static constexpr unsigned compared_together = 16;

  /// For how many elements `is_left` holds: all in front of the first for which it does not.
  template <class Node, class IsLeft>
  static unsigned count_left(Node node, IsLeft is_left) noexcept {
    unsigned first = 0;
    unsigned left = node.count();
    if constexpr (Node::max_slots > compared_together) {
      while (left > compared_together) {
        const unsigned half = left / 2;
        first += is_left(node.key(first + half - 1)) ? half : 0;
        left -= half;
      }
    }
    unsigned index = first;
    for (unsigned i = 0; i < left; ++i) index += is_left(node.key(first + i)) ? 1U : 0U;
    return index;
  }

  // Plain char is signed on some machines and unsigned on others; files are the same on all.
  using Ordered = std::conditional_t<std::is_same_v<K, char>, signed char, K>;

  static Ordered ordered(K value) noexcept { return static_cast<Ordered>(value); }
  static bool precedes(Ordered a, Ordered b) noexcept {
    return orders_by_less<C, K> ? a < b : a > b;
  }

  Ordered key_;
};

/// The next eight characters as a number that is in order as they are.
inline std::uint64_t text_rank(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}
/// The rank of a text: that of its first eight characters, zeros behind the end of shorter ones. Of
/// two texts of different ranks that of the lower comes first.
inline std::uint64_t rank_of_text(std::string_view text) noexcept {
  if (text.size() >= sizeof(std::uint64_t)) [[likely]]
    return text_rank(text.data());
  char first[sizeof(std::uint64_t)] = {};
  text.copy(first, text.size());
  return text_rank(first);
}

/// As `a.compare(b)`. Written out: texts mostly differ in their first words, and a call to memcmp
/// costs more than comparing these.
inline int compare_texts(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t word = sizeof(std::uint64_t);
  const std::size_t common = std::min(a.size(), b.size());
  std::size_t at = 0;
  for (const std::size_t end = std::min<std::size_t>(common, 4 * word); at + word <= end;
       at += word) {
    const std::uint64_t left = text_rank(a.data() + at);
    const std::uint64_t right = text_rank(b.data() + at);
    if (left != right) return left < right ? -1 : 1;
  }
  if (at != common) {
    const int order = std::char_traits<char>::compare(a.data() + at, b.data() + at, common - at);
    if (order != 0) return order;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

/// Texts: one comparison tells less, equal and greater, so a search may end in an inner node.
///
/// Only those of the key's own rank are compared; the ranks of a node wait for each other as little
/// as numbers do, and for no branch.
template <class K, class C, class Q>
  requires OrdersTexts<C, K, Q>
class BTreeProbe<K, C, Q> {
 public:
  explicit BTreeProbe(const Q& key) noexcept : key_(text_view(key)), rank_(rank_of_text(key_)) {}

  bool is_before(const K& stored) const noexcept { return to(stored) < 0; }
  bool is_behind(const K& stored) const noexcept { return to(stored) > 0; }

  template <class Node>
  BTreeSpot lower(Node node) const noexcept {
    const unsigned count = node.count();
    std::uint64_t ranks[Node::max_slots];
    for (unsigned i = 0; i < count; ++i) ranks[i] = rank_of_text(text_view(node.key(i)));
    unsigned first = 0;
    for (unsigned i = 0; i < count; ++i) {
      first += (orders_by_less<C, K> ? ranks[i] < rank_ : ranks[i] > rank_) ? 1U : 0U;
    }
    unsigned last = first;
    while (last < count && ranks[last] == rank_) ++last;
    while (first < last) {
      const unsigned middle = (first + last) / 2;
      const int order = to(node.key(middle));
      if (order == 0) return {middle, true};
      if (order > 0) {
        first = middle + 1;
      } else {
        last = middle;
      }
    }
    return {first, false};
  }
  template <class Node>
  unsigned upper(Node node) const noexcept {
    const BTreeSpot spot = lower(node);
    return spot.index + (spot.exact ? 1U : 0U);
  }

 private:
  /// Below 0 where the key comes before `stored`.
  int to(const K& stored) const noexcept {
    const std::string_view other = text_view(stored);
    return orders_by_less<C, K> ? compare_texts(key_, other) : compare_texts(other, key_);
  }

  std::string_view key_;
  std::uint64_t rank_;
};

/// What a comparator calls itself in type descriptions.
template <class C, class K>
constexpr std::string_view order_name() {
  if constexpr (orders_by_less<C, K>) {
    return "less";
  } else if constexpr (orders_by_greater<C, K>) {
    return "greater";
  } else if constexpr (requires { std::string_view(C::order_name); }) {
    return C::order_name;
  } else {
    return {};
  }
}

}  // namespace cairn::detail
