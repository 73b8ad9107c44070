// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cairn/heap_bytes.hpp"
#include "cairn/type_tree.hpp"

namespace cairn {

/// A stored number, in the widest type of its kind.
using StoredNumber = std::variant<bool, char, std::int64_t, std::uint64_t, double>;

/// The number or enum at `at`. Requires: shape_of(type.kind) is number; its bytes lie in the heap.
StoredNumber stored_number(const TypeNode& type, const HeapBytes& heap, std::uint64_t at) noexcept;

/// Such that reading it back gives the same number: all digits of integers; of a double as many as
/// it takes, with a point or an exponent; "nan", "inf" and "-inf". A char is shown quoted.
std::string to_text(const StoredNumber& number);

/// `"..."` with what is not printable ASCII as \xNN, quotes and backslashes escaped. Longer texts
/// are cut after `most` characters and end in `"...`.
std::string quoted(std::string_view text, std::size_t most);

/// The characters of the String at `at`; nothing where its own numbers lead outside of the heap.
std::optional<std::string_view> stored_string(const HeapBytes& heap, std::uint64_t at) noexcept;

/// A number, enum or String in a few characters, such as names a map's value by its key; empty for
/// other types, and for a String whose own numbers lead outside of the heap.
std::string value_text(const TypeNode& type, const HeapBytes& heap, std::uint64_t at);

}  // namespace cairn
