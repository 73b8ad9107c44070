// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cairn/mapping/page.hpp"
#include "cairn/ref.hpp"
#include "cairn/storable.hpp"
#include "cairn/types/inline_format.hpp"

namespace cairn {

/// Composes the description of a type. Structs are numbered in the order in which they open; one
/// that comes up again, within itself or later, is written as `^number`.
class TypeWriter {
 public:
  /// Writes the description of T; does not compile where T cannot be stored.
  template <class T>
  void type();

  void text(std::string_view part) { text_ += part; }
  void number(std::uint64_t value) { text_ += std::to_string(value); }

  /// Writes `struct{size,align` and returns true, or `^number` and returns false where the struct
  /// of this identity has been opened before.
  bool open_struct(const void* identity, std::size_t size, std::size_t align);
  /// Writes the part of a field before its type and, afterwards, the one behind it.
  void begin_field(std::string_view name);
  void end_field(std::size_t offset);
  void close_struct() { text_ += '}'; }

  template <class T>
  void field(std::string_view name, std::size_t offset) {
    begin_field(name);
    type<T>();
    end_field(offset);
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::vector<const void*> opened_;
  bool first_field_ = false;
};

namespace detail {

/// Its address stands for T within this process.
template <class T>
inline constexpr char type_identity = 0;

template <class T>
constexpr std::string_view scalar_name() {
  if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<T, char>) {
    return "char";
  } else if constexpr (std::is_floating_point_v<T>) {
    return sizeof(T) == 4 ? "f32" : "f64";
  } else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 1 ? "i8" : sizeof(T) == 2 ? "i16" : sizeof(T) == 4 ? "i32" : "i64";
  } else {
    return sizeof(T) == 1 ? "u8" : sizeof(T) == 2 ? "u16" : sizeof(T) == 4 ? "u32" : "u64";
  }
}

template <class T>
concept StoredScalar = (std::is_integral_v<T> && sizeof(T) <= 8 && !std::is_const_v<T> &&
                        !std::is_volatile_v<T>) ||
                       std::is_same_v<T, float> || std::is_same_v<T, double>;

/// Storage for a T that is never made, to ask for the offsets of its parts.
template <class T>
struct LayoutProbe {
  alignas(T) std::byte bytes[sizeof(T)];

  T& object() noexcept { return *reinterpret_cast<T*>(bytes); }
  std::size_t offset_of(const void* part) const noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(part) - bytes);
  }
};

template <class T>
struct DescribedWriter {
  TypeWriter& writer;
  LayoutProbe<T> probe{};
  unsigned bases = 0;

  template <class Base>
  void base() {
    const std::string name = "base" + std::to_string(bases++);
    if constexpr (!std::is_empty_v<Base>) {
      writer.field<Base>(name, probe.offset_of(static_cast<Base*>(&probe.object())));
    }
  }
  template <class Field>
  void field(Field described) {
    auto& part = probe.object().*Field::pointer;
    writer.field<std::remove_reference_t<decltype(part)>>(described.name,
                                                          probe.offset_of(std::addressof(part)));
  }
};

template <class T>
void describe_struct(TypeWriter& writer) {
  if (!writer.open_struct(&type_identity<T>, sizeof(T), alignof(T))) return;
  DescribedWriter<T> fields{writer};
  for_each_described_part<T>(fields);
  writer.close_struct();
}

}  // namespace detail

template <class T>
void TypeWriter::type() {
  require_storable<T>();
  if constexpr (detail::HasTypeOf<T>) {
    TypeOf<T>::describe(*this);
  } else {
    detail::describe_struct<T>(*this);
  }
}

template <detail::StoredScalar T>
struct TypeOf<T> {
  static void describe(TypeWriter& writer) { writer.text(detail::scalar_name<T>()); }
  static consteval Storability parts() { return Storability::ok; }
};

template <class T>
  requires std::is_enum_v<T>
struct TypeOf<T> {
  static void describe(TypeWriter& writer) {
    writer.text("enum{");
    writer.type<std::underlying_type_t<T>>();
    writer.text("}");
  }
  static consteval Storability parts() { return Storability::ok; }
};

template <class T, std::size_t N>
struct TypeOf<T[N]> {
  static void describe(TypeWriter& writer) {
    writer.text("array<");
    writer.type<T>();
    writer.text(",");
    writer.number(N);
    writer.text(">");
  }
  static consteval Storability parts() { return detail::first_problem<T>(); }
};

template <class T, std::size_t N>
  requires(N > 0)
struct TypeOf<std::array<T, N>> : TypeOf<T[N]> {
  static_assert(sizeof(std::array<T, N>) == sizeof(T[N]));
};

template <class A, class B>
struct TypeOf<std::pair<A, B>> {
  using Pair = std::pair<A, B>;

  static void describe(TypeWriter& writer) {
    if (!writer.open_struct(&detail::type_identity<Pair>, sizeof(Pair), alignof(Pair))) return;
    detail::LayoutProbe<Pair> probe;
    writer.field<A>("first", probe.offset_of(std::addressof(probe.object().first)));
    writer.field<B>("second", probe.offset_of(std::addressof(probe.object().second)));
    writer.close_struct();
  }
  static consteval Storability parts() { return detail::first_problem_of_moved<A, B>(); }
};

template <class... Ts>
  requires(sizeof...(Ts) > 0)
struct TypeOf<std::tuple<Ts...>> {
  using Tuple = std::tuple<Ts...>;

  static void describe(TypeWriter& writer) {
    if (!writer.open_struct(&detail::type_identity<Tuple>, sizeof(Tuple), alignof(Tuple))) return;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      detail::LayoutProbe<Tuple> probe;
      (writer.field<Ts>("part" + std::to_string(I),
                        probe.offset_of(std::addressof(std::get<I>(probe.object())))),
       ...);
    }
    (std::index_sequence_for<Ts...>{});
    writer.close_struct();
  }
  static consteval Storability parts() { return detail::first_problem_of_moved<Ts...>(); }
};

/// The value first, then a bool that tells whether there is one: what every standard library does.
template <class T>
struct TypeOf<std::optional<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(std::optional<T>) ==
                  (sizeof(T) + 1 + alignof(T) - 1) / alignof(T) * alignof(T));
    writer.text("optional<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return detail::first_problem_of_moved<T>(); }
};

/// An alternative first, then which one it is: libstdc++'s layout.
template <class... Ts>
struct TypeOf<std::variant<Ts...>> {
  static void describe(TypeWriter& writer) {
    constexpr std::size_t align = std::max({alignof(Ts)...});
    constexpr std::size_t index_at = round_up(std::max({sizeof(Ts)...}), align);
    static_assert(sizeof...(Ts) <= variant_alternatives_max);
    static_assert(sizeof(std::variant<char>) == 2, "this standard library's index is wider");
    static_assert(sizeof(std::variant<Ts...>) == round_up(index_at + 1, align));
    writer.text("variant<");
    bool first = true;
    ((writer.text(std::exchange(first, false) ? "" : ","), writer.type<Ts>()), ...);
    writer.text(">");
  }
  static consteval Storability parts() { return detail::first_problem_of_moved<Ts...>(); }
};

template <>
struct TypeOf<std::monostate> {
  static void describe(TypeWriter& writer) {
    if (writer.open_struct(&detail::type_identity<std::monostate>, 1, 1)) writer.close_struct();
  }
  static consteval Storability parts() { return Storability::ok; }
};

template <class Rep, class Period>
struct TypeOf<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;

  static void describe(TypeWriter& writer) {
    if (!writer.open_struct(&detail::type_identity<Duration>, sizeof(Rep), alignof(Rep))) return;
    writer.field<Rep>("ticks_" + std::to_string(Period::num) + "_" + std::to_string(Period::den),
                      0);
    writer.close_struct();
  }
  static consteval Storability parts() { return detail::first_problem<Rep>(); }
};

template <class Clock, class Duration>
struct TypeOf<std::chrono::time_point<Clock, Duration>> : TypeOf<Duration> {};

template <class T>
struct TypeOf<Ref<T>> {
  static void describe(TypeWriter& writer) {
    writer.text("Ref<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn
