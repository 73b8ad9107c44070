// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "cairn/containers/marking_iterator.hpp"
#include "cairn/containers/vec_core.hpp"
#include "cairn/nd_view.hpp"
#include "cairn/types/nd_array_format.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// An array of `Rank` dimensions in a store, its elements in one block in row-major order: the last
/// index runs fastest. Elements are reached as in std::mdspan, a(i, j) or a[{i, j}]; `view` gives
/// slices and strided parts.
///
/// It allocates, moves and throws as Vec does. Non-const access marks what it hands out: one
/// element, or all of them by data() and fill(); `std::as_const` reads without marks.
///
/// Invalidates: resize, assignment, swap: everything; reshape: views.
/// Threads:     one writer, or any number of readers in read sections.
template <class T, std::size_t Rank>
class NdArray {
  static_assert(Rank > 0 && Rank <= nd_array_rank_max);

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using iterator = MarkingIterator<T>;
  using const_iterator = const T*;
  using Index = std::array<std::size_t, Rank>;

  /// Nothing: all extents are 0.
  NdArray() noexcept = default;
  explicit NdArray(const Index& extents) { resize(extents); }
  NdArray(const Index& extents, const T& value) { resize(extents, value); }
  NdArray(const NdArray& other) {
    core_.append_built(other.size(),
                       [&](auto& built) { built.add_range(other.begin(), other.end()); });
    extents_ = other.extents_;
  }
  NdArray(NdArray&& other) { take(other); }
  ~NdArray() {
    require_storable<T>();
    detail::require_movable<T>();
  }
  NdArray& operator=(const NdArray& other) {
    if (this == &other) return *this;
    mark_extents();
    // `other` may stand in an element that goes.
    const Index extents = other.extents_;
    core_.replace_built(other.size(),
                        [&](auto& built) { built.add_range(other.begin(), other.end()); });
    extents_ = extents;
    return *this;
  }
  NdArray& operator=(NdArray&& other) {
    if (this == &other) return *this;
    mark_extents();
    core_.mark_header();
    if (other.core_.capacity() != 0 && !detail::may_own(this, other.core_.block())) {
      take_foreign(other);
      return *this;
    }
    other.core_.mark_header();
    other.mark_extents();
    const Index extents = std::exchange(other.extents_, Index{});
    core_.replace_by(other.core_);
    extents_ = extents;
    return *this;
  }

  // Shape.

  static constexpr std::size_t rank() noexcept { return Rank; }
  const Index& extents() const noexcept { return extents_; }
  size_type extent(std::size_t dimension) const noexcept { return extents_[dimension]; }
  size_type size() const noexcept { return core_.size(); }
  bool empty() const noexcept { return size() == 0; }
  static constexpr size_type max_size() noexcept { return detail::VecCore<T>::max_size(); }

  /// The same elements in the same order under other indices.
  /// Throws std::invalid_argument where the extents make another number of elements.
  void reshape(const Index& extents) {
    if (product_of(extents) != size()) {
      throw std::invalid_argument("cairn::NdArray: a shape of " +
                                  std::to_string(product_of(extents)) + " elements for " +
                                  std::to_string(size()));
    }
    mark_extents();
    extents_ = extents;
  }
  /// Another shape: elements whose index is still there keep their value, others are new. All or,
  /// where a copy or a new element throws, nothing; elements that can only be moved are lost where
  /// their move throws.
  void resize(const Index& extents) {
    rebuild(extents, [](auto& built) { built.add(); });
  }
  void resize(const Index& extents, const T& value) {
    rebuild(extents, [&](auto& built) { built.add(value); });
  }
  void clear() { resize(Index{}); }

  // Elements.

  template <std::integral... I>
    requires(sizeof...(I) == Rank)
  reference operator()(I... index) { return (*this)[Index{static_cast<std::size_t>(index)...}]; }
  template <std::integral... I>
    requires(sizeof...(I) == Rank)
  const_reference operator()(I... index) const {
    return (*this)[Index{static_cast<std::size_t>(index)...}];
  }
  reference operator[](const Index& index) {
    T* const element = core_.block() + position(extents_, index);
    mark_object(*element);
    return *element;
  }
  const_reference operator[](const Index& index) const noexcept {
    return core_.block()[position(extents_, index)];
  }
  template <std::integral... I>
    requires(sizeof...(I) == Rank)
  reference at(I... index) { return at(Index{static_cast<std::size_t>(index)...}); }
  template <std::integral... I>
    requires(sizeof...(I) == Rank)
  const_reference at(I... index)
  const { return at(Index{static_cast<std::size_t>(index)...}); }
  reference at(const Index& index) { return (*this)[checked(index)]; }
  const_reference at(const Index& index) const { return (*this)[checked(index)]; }

  /// All elements in their order; marked where they may be written.
  T* data() {
    if (!empty()) mark(core_.block(), size() * sizeof(T));
    return core_.block_or_null();
  }
  const T* data() const noexcept { return core_.block_or_null(); }
  iterator begin() noexcept { return iterator(core_.block_or_null()); }
  iterator end() noexcept { return iterator(core_.block_or_null() + size()); }
  const_iterator begin() const noexcept { return core_.block_or_null(); }
  const_iterator end() const noexcept { return core_.block_or_null() + size(); }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }

  void fill(const T& value) {
    const T copy(value);
    std::fill_n(data(), size(), copy);
  }

  /// All of it, to take parts of.
  NdView<T, Rank> view() noexcept { return {core_.block_or_null(), extents_, strides()}; }
  NdView<const T, Rank> view() const noexcept {
    return {core_.block_or_null(), extents_, strides()};
  }
  NdView<T, Rank - 1> slice(std::size_t dimension, std::size_t index) requires(Rank > 1) {
    return view().slice(dimension, index);
  }
  NdView<const T, Rank - 1> slice(std::size_t dimension, std::size_t index) const
      requires(Rank > 1) {
    return view().slice(dimension, index);
  }

  void swap(NdArray& other) {
    if (this == &other) return;
    NdArray aside(std::move(other));
    other = std::move(*this);
    *this = std::move(aside);
  }
  friend void swap(NdArray& a, NdArray& b) { a.swap(b); }

  friend bool operator==(const NdArray& a, const NdArray& b) {
    return a.extents_ == b.extents_ && std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  friend struct detail::Relocation<NdArray>;

  void mark_extents() { mark(&extents_, sizeof extents_); }
  /// Of extents that an array can have: even where another one is 0, none is above max_size().
  static size_type product_of(const Index& extents) {
    const bool none = std::find(extents.begin(), extents.end(), size_type{0}) != extents.end();
    size_type product = none ? 0 : 1;
    for (const std::size_t extent : extents) {
      if (extent > max_size() || __builtin_mul_overflow(product, extent, &product)) {
        throw std::length_error("cairn::NdArray: longer than max_size()");
      }
    }
    return product;
  }
  static size_type position(const Index& extents, const Index& index) noexcept {
    size_type at = index[0];
    for (std::size_t d = 1; d < Rank; ++d) at = at * extents[d] + index[d];
    return at;
  }
  static bool is_within(const Index& index, const Index& extents) noexcept {
    for (std::size_t d = 0; d < Rank; ++d) {
      if (index[d] >= extents[d]) return false;
    }
    return true;
  }
  /// All 0 where there is no element: then there is no block to step through either.
  std::array<std::ptrdiff_t, Rank> strides() const noexcept {
    std::array<std::ptrdiff_t, Rank> strides{};
    if (empty()) return strides;
    std::ptrdiff_t stride = 1;
    for (std::size_t d = Rank; d-- != 0;) {
      strides[d] = stride;
      stride *= static_cast<std::ptrdiff_t>(extents_[d]);
    }
    return strides;
  }
  const Index& checked(const Index& index) const {
    detail::check_nd_index("cairn::NdArray", index, extents_);
    return index;
  }

  template <class AddNew>
  void rebuild(const Index& extents, AddNew add_new) {
    const size_type count = product_of(extents);
    if (count > max_size()) throw std::length_error("cairn::NdArray: longer than max_size()");
    mark_extents();
    if constexpr (detail::is_copyable<T>()) {
      const T* const old = core_.block_or_null();
      core_.replace_built(count, [&](auto& built) {
        detail::for_each_nd_index(extents, [&](const Index& index) {
          if (is_within(index, extents_)) return built.add(old[position(extents_, index)]);
          add_new(built);
        });
      });
    } else {
      rebuild_moving(extents, count, add_new);
    }
    extents_ = extents;
  }
  /// For elements that can only be moved. The new ones are made first, since until the others move
  /// nothing has changed.
  template <class AddNew>
  void rebuild_moving(const Index& extents, size_type count, AddNew& add_new) {
    core_.mark_header();
    if (count == 0) return core_.reset();
    T* const old = core_.block_or_null();
    const size_type old_bytes = core_.bytes_of(core_.capacity());
    constexpr bool quiet = detail::relocates_quietly<T>();
    if (!quiet && !empty()) mark(old, size() * sizeof(T));
    const size_type capacity = core_.rounded_capacity(count);
    detail::NewBlock fresh(this, core_.bytes_of(capacity), alignof(T), core_.bytes_of(count));
    T* const data = reinterpret_cast<T*>(fresh.data());
    make_and_move(extents, data, old, add_new);
    if constexpr (quiet) {
      detail::for_each_nd_index(extents_, [&](const Index& index) {
        if (!is_within(index, extents)) detail::destroy_stored(old + position(extents_, index));
      });
    } else {
      std::destroy_n(old, size());
    }
    core_.adopt(fresh.release(), count, capacity);
    if (old != nullptr) detail::free_block(old, old_bytes);
  }
  /// Fills `data`: the elements of `old` that have an index still, and new ones.
  template <class AddNew>
  void make_and_move(const Index& extents, T* data, T* old, AddNew& add_new) {
    size_type made = 0;
    size_type moved = 0;
    try {
      detail::for_each_nd_index(extents, [&](const Index& index) {
        if (is_within(index, extents_)) return;
        detail::PartlyBuilt<T> one(data + position(extents, index));
        add_new(one);
        made += one.release();
      });
      detail::for_each_nd_index(extents, [&](const Index& index) {
        if (!is_within(index, extents_)) return;
        T* const from = old + position(extents_, index);
        T* const to = data + position(extents, index);
        if constexpr (detail::relocates_quietly<T>()) {
          detail::relocate_quietly(from, to);
        } else {
          ::new (static_cast<void*>(to)) T(std::move(*from));
          ++moved;
        }
      });
    } catch (...) {
      detail::for_each_nd_index(extents, [&](const Index& index) {
        size_type& left = is_within(index, extents_) ? moved : made;
        if (left == 0) return;
        --left;
        std::destroy_at(data + position(extents, index));
      });
      throw;
    }
  }
  /// Requires: this one is empty; its extents are new or marked.
  void take(NdArray& other) {
    if (other.core_.capacity() == 0) {
      extents_ = other.extents_;
      return;
    }
    if (!detail::may_own(this, other.core_.block())) return take_foreign(other);
    other.core_.mark_header();
    other.mark_extents();
    core_.steal(other.core_);
    extents_ = std::exchange(other.extents_, Index{});
  }
  /// What is here stays where one of the new elements cannot be made.
  /// Requires: the elements of `other` stand in another store.
  void take_foreign(NdArray& other) {
    other.core_.mark_header();
    other.mark_extents();
    core_.replace_built(other.size(), [&](auto& built) { detail::add_foreign(built, other); });
    extents_ = std::exchange(other.extents_, Index{});
    other.core_.reset();
  }

  detail::VecCore<T> core_;
  Index extents_{};
};

template <class T, std::size_t Rank>
struct detail::Relocation<NdArray<T, Rank>> {
  static void relocate(NdArray<T, Rank>* from, NdArray<T, Rank>* to) noexcept {
    VecCore<T>::relocate(&from->core_, &to->core_);
    to->extents_ = from->extents_;
  }
};

template <class T, std::size_t Rank>
struct TypeOf<NdArray<T, Rank>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(NdArray<T, Rank>) == sizeof(NdArrayFormat<Rank>) &&
                  alignof(NdArray<T, Rank>) == alignof(NdArrayFormat<Rank>));
    detail::require_movable<T>();
    writer.text("NdArray<");
    writer.type<T>();
    writer.text(",");
    writer.number(Rank);
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn
