// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/static_string.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "cairn/containers/relocate.hpp"
#include "cairn/containers/text_keys.hpp"
#include "cairn/hash.hpp"
#include "cairn/types/inline_format.hpp"
#include "cairn/types/type_writer.hpp"

/// \file
/// Makes boost::static_string storable as it is. It knows nothing of marks: whoever hands it out
/// has marked all of it, so change it through a non-const element, value, Box or `modify`.
namespace cairn {

template <std::size_t N>
struct detail::Relocation<boost::static_string<N>> {
  static void relocate(boost::static_string<N>* from, boost::static_string<N>* to) noexcept {
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(from), sizeof *from);
  }
};

/// Of other texts as well: what is looked up may be longer than any key.
template <std::size_t N>
struct detail::TextOf<boost::static_string<N>> {
  static std::string_view view(const boost::static_string<N>& text) noexcept {
    return {text.data(), text.size()};
  }
};

template <std::size_t N>
struct Hash<boost::static_string<N>> : StringHash {
  using StringHash::operator();
  template <std::size_t M>
  std::uint64_t operator()(const boost::static_string<M>& text) const noexcept {
    return hash_bytes(text.data(), text.size());
  }
};

template <std::size_t N>
  requires(N > 0)
struct TypeOf<boost::static_string<N>> {
  static void describe(TypeWriter& writer) {
    constexpr std::size_t width = static_string_width(N);
    static_assert(alignof(boost::static_string<N>) == width);
    static_assert(sizeof(boost::static_string<N>) == round_up(width + N + 1, width));
    writer.text("static_string<");
    writer.number(N);
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn
