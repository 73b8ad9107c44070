// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cairn/containers/relocate.hpp"
#include "cairn/types/inline_format.hpp"
#include "cairn/types/type_writer.hpp"

/// \file
/// Makes boost::container::static_vector storable as it is. It knows nothing of marks: whoever
/// hands it out has marked all of it, so change it through a non-const element, value, Box or
/// `modify`.
namespace cairn {

namespace detail {

/// Where a static_vector keeps its size, behind its elements.
template <class T, std::size_t N>
inline constexpr std::size_t static_vector_size_at = round_up(N * sizeof(T),
                                                              static_vector_size_bytes);

/// Its destructor ends its elements and writes nothing else, so it goes quietly where they do.
template <class T, std::size_t N>
  requires(relocates_quietly<T>())
struct Relocation<boost::container::static_vector<T, N>> {
  using Vector = boost::container::static_vector<T, N>;

  static void relocate(Vector* from, Vector* to) noexcept {
    const std::uint64_t size = from->size();
    relocate_quietly_n(from->data(), size, reinterpret_cast<T*>(to));
    std::memcpy(reinterpret_cast<std::byte*>(to) + static_vector_size_at<T, N>, &size, sizeof size);
  }
};

}  // namespace detail

template <class T, std::size_t N>
  requires(N > 0)
struct TypeOf<boost::container::static_vector<T, N>> {
  using Vector = boost::container::static_vector<T, N>;

  static void describe(TypeWriter& writer) {
    static_assert(sizeof(typename Vector::size_type) == static_vector_size_bytes);
    static_assert(
        sizeof(Vector) ==
        round_up(detail::static_vector_size_at<T, N> + static_vector_size_bytes, alignof(Vector)));
    static_assert(alignof(Vector) == std::max(alignof(T), alignof(std::uint64_t)));
    writer.text("static_vector<");
    writer.type<T>();
    writer.text(",");
    writer.number(N);
    writer.text(">");
  }
  static consteval Storability parts() { return detail::first_problem_of_moved<T>(); }
};

}  // namespace cairn
