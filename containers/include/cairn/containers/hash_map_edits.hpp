// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

#include "cairn/hash_map.hpp"

/// \file
/// The longer members of HashMap, and what a stored map is to others.
namespace cairn {

template <class K, class V, class H, class E>
void HashMap<K, V, H, E>::take(HashMap& other) {
  if (!other.table_.has_table()) return;
  if (detail::may_own(this, other.table_.base())) {
    other.table_.mark_header();
    table_.steal(other.table_);
  } else if constexpr (std::is_copy_constructible_v<V> && std::is_copy_constructible_v<K>) {
    table_.copy_from(other.table_);
    other.clear();
  } else {
    // Keys or values that cannot be copied know themselves how to change stores.
    reserve(other.size());
    for (auto& [key, value] : other) emplace_key(std::move(const_cast<K&>(key)), std::move(value));
    other.clear();
  }
}

template <class K, class V, class H, class E>
HashMap<K, V, H, E>& HashMap<K, V, H, E>::operator=(const HashMap& other) {
  if (this == &other) return *this;
  table_.mark_header();
  // The copy is made in the store that this map stands in.
  Table aside;
  aside.copy_from_for(this, other.table_);
  table_.clear();
  table_.steal(aside);
  return *this;
}

template <class K, class V, class H, class E>
HashMap<K, V, H, E>& HashMap<K, V, H, E>::operator=(HashMap&& other) {
  if (this == &other) return *this;
  table_.mark_header();
  if (other.table_.has_table() && !detail::may_own(this, other.table_.base())) {
    table_.clear();
    take(other);
    return *this;
  }
  other.table_.mark_header();
  table_.clear();
  table_.steal(other.table_);
  return *this;
}

template <class K, class V, class H, class E>
void HashMap<K, V, H, E>::swap(HashMap& other) {
  if (this == &other) return;
  table_.mark_header();
  other.table_.mark_header();
  const bool here = !other.table_.has_table() || detail::may_own(this, other.table_.base());
  const bool there = !table_.has_table() || detail::may_own(&other, table_.base());
  if (here && there) return table_.swap_marked(other.table_);
  HashMap aside(std::move(other));
  other = std::move(*this);
  *this = std::move(aside);
}

/// Erases the elements for which `condition` holds; returns how many.
template <class K, class V, class H, class E, class Condition>
std::size_t erase_if(HashMap<K, V, H, E>& map, Condition condition) {
  const std::size_t before = map.size();
  for (auto at = std::as_const(map).begin(); at != std::as_const(map).end();) {
    if (condition(*at)) {
      at = map.erase(at);
    } else {
      ++at;
    }
  }
  return before - map.size();
}

template <class K, class V, class H, class E>
struct detail::Relocation<HashMap<K, V, H, E>> {
  using Map = HashMap<K, V, H, E>;

  static void relocate(Map* from, Map* to) noexcept {
    HashTable<HashMapPolicy<K, V, H, E>>::relocate(&from->table_, &to->table_);
  }
};

namespace detail {

/// What a hash function calls itself in type descriptions.
template <class H>
constexpr std::string_view hash_name() {
  if constexpr (requires { std::string_view(H::hash_name); }) {
    return H::hash_name;
  } else {
    return {};
  }
}

}  // namespace detail

template <class K, class V, class H, class E>
struct TypeOf<HashMap<K, V, H, E>> {
  static void describe(TypeWriter& writer) {
    using Map = HashMap<K, V, H, E>;
    constexpr bool is_default = std::is_same_v<H, Hash<K>>;
    static_assert(sizeof(Map) == sizeof(HashMapFormat) && alignof(Map) == alignof(HashMapFormat));
    static_assert(is_default || !detail::hash_name<H>().empty(),
                  "cairn: a hash function of a stored map needs a hash_name");
    static_assert(!is_default || std::is_same_v<E, std::equal_to<>> ||
                      std::is_same_v<E, std::equal_to<K>>,
                  "cairn: an equality of one's own goes with a named hash function of one's own");
    detail::require_movable<V>();
    writer.text("HashMap<");
    writer.type<K>();
    writer.text(",");
    writer.type<V>();
    writer.text(",");
    if constexpr (is_default) {
      writer.text("cairn");
      writer.number(hash_version);
    } else {
      writer.text(detail::hash_name<H>());
    }
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn
