// SPDX-License-Identifier: BSL-1.0
#pragma once

/// \file
/// The containers under names that say where they live, for programs that have those of
/// std or of Boost.Interprocess in sight as well. Aliases: nothing else is different.

#include <functional>

#include "cairn/box.hpp"
#include "cairn/hash_map.hpp"
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

}  // namespace cairn
