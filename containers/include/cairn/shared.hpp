// SPDX-License-Identifier: BSL-1.0
#pragma once

/// \file
/// The containers under names that say where they live, for programs that have those of
/// std or of Boost.Interprocess in sight as well. Aliases: nothing else is different.

#include <functional>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"

namespace cairn {

using SharedString = String;
template <class T>
using SharedVec = Vec<T>;
template <class T>
using SharedBox = Box<T>;
template <class K, class V, class H = Hash<K>, class E = std::equal_to<>>
using SharedHashMap = HashMap<K, V, H, E>;
template <class T, class H = Hash<T>, class E = std::equal_to<>>
using SharedHashSet = HashSet<T, H, E>;
template <class K, class V, class C = std::less<>>
using SharedBTreeMap = BTreeMap<K, V, C>;
template <class T, class C = std::less<>>
using SharedBTreeSet = BTreeSet<T, C>;
template <class T>
using SharedVecDeque = Deque<T>;

}  // namespace cairn
