// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cairn/allocator/write_context.hpp"
#include "cairn/containers/atomic_wait.hpp"
#include "cairn/ref.hpp"
#include "cairn/types/atomic_format.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

namespace detail {

template <class T>
inline constexpr bool is_ref = false;
template <class T>
inline constexpr bool is_ref<Ref<T>> = true;

/// What an Atomic can hold. A bool is kept as a byte, so that no foreign byte is ever read as one.
template <class T>
concept AtomicValue = StoredScalar<T> || std::is_enum_v<T> || is_ref<T>;
template <class T>
concept AtomicInteger = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept AtomicNumber = AtomicInteger<T> || std::floating_point<T>;

template <class T>
using AtomicCell = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

}  // namespace detail

/// A value that all processes read and change at once, outside of transactions: the interface of
/// std::atomic, in read sections as well as in write transactions. Fills a line of its own.
///
/// It always acts on the shared image. What is stored is visible to every process at once, is never
/// torn, is not taken back by a rollback and not covered by a commit of anything near it. Only in
/// the transaction that makes it does it act on what that transaction has to itself.
///
/// A kill loses nothing. A power cut leaves a value that it had at some moment: it may go back as
/// far as the last checkpoint, or its creation where that came later.
///
/// All operations are const, since read sections hand out const objects. The address stays good
/// beyond the section, for as long as the Atomic exists and the store is open; so one can wait for
/// it without holding back commits.
///
/// It stands in roots, boxes, Segmenteds, arrays, and fields of described structs that do. It
/// cannot be copied or moved: increments made in between would be lost.
///
/// Throws:  where the object stands in another thread's working view: errc::no_transaction.
/// Threads: any.
template <class T>
class alignas(sizeof(AtomicFormat)) Atomic {
  static_assert(detail::AtomicValue<T>,
                "cairn: an Atomic holds a number, bool, enum or Ref of up to 8 bytes");
  using Cell = detail::AtomicCell<T>;
  static_assert(sizeof(Cell) <= atomic_value_bytes_max &&
                std::atomic_ref<Cell>::is_always_lock_free);

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  Atomic() : Atomic(T{}) {}
  /// Marks its line, which by that belongs to the transaction until it commits.
  Atomic(T value) : stored_(marked_line(this)) {
    stored_.magic = atomic_magic;
    const Cell cell = static_cast<Cell>(value);
    std::memcpy(&stored_.value, &cell, sizeof cell);
  }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  bool is_lock_free() const noexcept { return true; }

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    return value_of(cell(false).load(order));
  }
  operator T() const { return load(); }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) const {
    cell().store(static_cast<Cell>(value), order);
  }
  T operator=(T value) const {
    store(value);
    return value;
  }
  /// For non-const objects, where the one above is no better a match than the deleted copy.
  T operator=(T value) { return std::as_const(*this) = value; }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) const {
    return value_of(cell().exchange(static_cast<Cell>(value), order));
  }

  /// Compares bytes, as std::atomic does; `expected` is what was found where they differ.
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) const {
    return compare_exchange(expected, desired, [&](auto cell, Cell& found, Cell next) {
      return cell.compare_exchange_weak(found, next, success, failure);
    });
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order order = std::memory_order_seq_cst) const {
    return compare_exchange(expected, desired, [&](auto cell, Cell& found, Cell next) {
      return cell.compare_exchange_weak(found, next, order);
    });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) const {
    return compare_exchange(expected, desired, [&](auto cell, Cell& found, Cell next) {
      return cell.compare_exchange_strong(found, next, success, failure);
    });
  }
  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order order = std::memory_order_seq_cst) const {
    return compare_exchange(expected, desired, [&](auto cell, Cell& found, Cell next) {
      return cell.compare_exchange_strong(found, next, order);
    });
  }

  // Numbers. Integers wrap around. Each gives the value before.

  T fetch_add(T value, std::memory_order order =
                           std::memory_order_seq_cst) const requires detail::AtomicNumber<T> {
    return cell().fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order =
                           std::memory_order_seq_cst) const requires detail::AtomicNumber<T> {
    return cell().fetch_sub(value, order);
  }
  T fetch_max(T value, std::memory_order order =
                           std::memory_order_seq_cst) const requires detail::AtomicNumber<T> {
    return replace_unless([&](T found) { return !(found < value); }, value, order);
  }
  T fetch_min(T value, std::memory_order order =
                           std::memory_order_seq_cst) const requires detail::AtomicNumber<T> {
    return replace_unless([&](T found) { return !(value < found); }, value, order);
  }
  T fetch_and(T value, std::memory_order order =
                           std::memory_order_seq_cst) const requires detail::AtomicInteger<T> {
    return cell().fetch_and(value, order);
  }
  T fetch_or(T value, std::memory_order order =
                          std::memory_order_seq_cst) const requires detail::AtomicInteger<T> {
    return cell().fetch_or(value, order);
  }
  T fetch_xor(T value, std::memory_order order =
                           std::memory_order_seq_cst) const requires detail::AtomicInteger<T> {
    return cell().fetch_xor(value, order);
  }
  // Each gives the value afterwards, but for the last two.
  T operator+=(T value) const requires detail::AtomicNumber<T> { return cell() += value; }
  T operator-=(T value) const requires detail::AtomicNumber<T> { return cell() -= value; }
  T operator&=(T value) const requires detail::AtomicInteger<T> { return cell() &= value; }
  T operator|=(T value) const requires detail::AtomicInteger<T> { return cell() |= value; }
  T operator^=(T value) const requires detail::AtomicInteger<T> { return cell() ^= value; }
  T operator++() const requires detail::AtomicInteger<T> { return *this += T{1}; }
  T operator--() const requires detail::AtomicInteger<T> { return *this -= T{1}; }
  T operator++(int) const requires detail::AtomicInteger<T> { return fetch_add(T{1}); }
  T operator--(int) const requires detail::AtomicInteger<T> { return fetch_sub(T{1}); }

  // Waiting, across processes. A change wakes nobody by itself: whoever makes it notifies.

  /// Sleeps while the value is `old`. A read section that waits holds back every commit; wait with
  /// an address that was found in one that has ended.
  void wait(T old, std::memory_order order = std::memory_order_seq_cst) const {
    while (!wait_for(old, detail::atomic_wait_forever, order)) {
    }
  }
  /// The same for at most `timeout`. False where the value is `old` even then.
  bool wait_for(T old, std::chrono::nanoseconds timeout,
                std::memory_order order = std::memory_order_seq_cst) const {
    return detail::atomic_wait(line(), timeout,
                               [&] { return !same_bytes(cell().load(order), old); });
  }
  template <class Clock, class Duration>
  bool wait_until(T old, std::chrono::time_point<Clock, Duration> deadline,
                  std::memory_order order = std::memory_order_seq_cst) const {
    return wait_for(old, std::chrono::ceil<std::chrono::nanoseconds>(deadline - Clock::now()),
                    order);
  }
  /// Wakes one of those who wait, or all.
  void notify_one() const { detail::atomic_notify(line(), 1); }
  void notify_all() const { detail::atomic_notify(line(), detail::atomic_wake_all); }

 private:
  /// Zeros, once the line that they are for is marked. Not inlined and not const: the compiler
  /// would take it for a use of bytes that are not there yet.
  [[gnu::noinline]] static AtomicFormat marked_line(void* at) {
    mark(at, sizeof(AtomicFormat));
    return {};
  }
  AtomicFormat& line() const { return *reinterpret_cast<AtomicFormat*>(live_line(this)); }
  std::atomic_ref<Cell> cell(bool to_change = true) const {
    return std::atomic_ref<Cell>(*reinterpret_cast<Cell*>(live_line(this, to_change)));
  }
  static T value_of(Cell cell) noexcept {
    if constexpr (std::is_same_v<T, bool>) {
      return cell != 0;
    } else {
      return cell;
    }
  }
  static bool same_bytes(Cell found, T value) noexcept {
    const Cell expected = static_cast<Cell>(value);
    return std::memcmp(&found, &expected, sizeof found) == 0;
  }
  template <class Exchange>
  bool compare_exchange(T& expected, T desired, Exchange exchange_if) const {
    Cell found = static_cast<Cell>(expected);
    if (exchange_if(cell(), found, static_cast<Cell>(desired))) return true;
    expected = value_of(found);
    return false;
  }
  template <class IsEnough>
  T replace_unless(IsEnough is_enough, T value, std::memory_order order) const {
    const auto here = cell();
    T found = here.load(std::memory_order_relaxed);
    // Written back even where it stays, so that it takes its place in the order of changes.
    while (!here.compare_exchange_weak(found, is_enough(found) ? found : value, order,
                                       std::memory_order_relaxed)) {
    }
    return found;
  }

  AtomicFormat stored_;
};

template <class T>
struct TypeOf<Atomic<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(Atomic<T>) == sizeof(AtomicFormat) &&
                  alignof(Atomic<T>) == sizeof(AtomicFormat));
    writer.text("Atomic<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return detail::first_problem<T>(); }
};

}  // namespace cairn
