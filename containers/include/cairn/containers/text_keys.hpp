// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <functional>
#include <string_view>
#include <type_traits>

/// \file
/// Keys that are looked up by something else. Each kind of text is compared with every other,
/// whatever library they come from.
namespace cairn::detail {

template <class F>
concept IsTransparent = requires {
  typename F::is_transparent;
};

/// Specialised for texts that do not convert to std::string_view themselves:
/// `static std::string_view view(const T&) noexcept`.
template <class T>
struct TextOf;

template <class T>
concept Text = std::convertible_to<const T&, std::string_view> || requires(const T& text) {
  { TextOf<T>::view(text) } -> std::same_as<std::string_view>;
};

template <Text T>
std::string_view text_view(const T& text) noexcept {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    return text;
  } else {
    return TextOf<T>::view(text);
  }
}

/// Whether std::equal_to<> has to be told that both are texts.
template <class E, class K, class Q>
concept EquatesTexts = std::same_as<E, std::equal_to<>> && Text<K> && Text<Q> &&
    !std::invocable<E, const K&, const Q&>;

/// E{}(stored, key), which may be texts of two libraries.
template <class E, class K, class Q>
bool equates(const K& stored, const Q& key) {
  if constexpr (EquatesTexts<E, K, Q>) {
    return text_view(stored) == text_view(key);
  } else {
    return E{}(stored, key);
  }
}

}  // namespace cairn::detail
