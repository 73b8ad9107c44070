// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace cairn {

/// The first place where two descriptions differ, with what either has there, for people:
///
///     visits[].x: stored u32@8, asked u64@8
///
/// Fields are compared in their order, and what they are of before where they lie. Empty where
/// either text is no description or nothing differs but how it is written.
///
/// Complexity: O(nodes of one * nodes of the other) at worst, O(nodes) for types that were meant to
///             be the same.
std::string first_type_difference(std::string_view stored, std::string_view asked);

}  // namespace cairn
