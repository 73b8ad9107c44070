// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <iterator>
#include <type_traits>

/// \file
/// What the deduction guides of maps make of iterators over pairs.
namespace cairn::detail {

template <class It>
using KeyAt = std::remove_const_t<typename std::iter_value_t<It>::first_type>;
template <class It>
using MappedAt = typename std::iter_value_t<It>::second_type;

}  // namespace cairn::detail
