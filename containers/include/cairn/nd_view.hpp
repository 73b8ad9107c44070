// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "cairn/allocator/write_context.hpp"

namespace cairn {

namespace detail {

/// Throws std::out_of_range where an index is not below its extent.
template <std::size_t Rank>
void check_nd_index(const char* who, const std::array<std::size_t, Rank>& index,
                    const std::array<std::size_t, Rank>& extents) {
  for (std::size_t d = 0; d < Rank; ++d) {
    if (index[d] < extents[d]) continue;
    throw std::out_of_range(std::string(who) + ": index " + std::to_string(index[d]) + " of " +
                            std::to_string(extents[d]) + " in dimension " + std::to_string(d));
  }
}

/// Calls `visit` with each index, the last dimension fastest.
template <std::size_t Rank, class Visit>
void for_each_nd_index(const std::array<std::size_t, Rank>& extents, Visit visit) {
  for (const std::size_t extent : extents) {
    if (extent == 0) return;
  }
  std::array<std::size_t, Rank> index{};
  for (;;) {
    visit(std::as_const(index));
    std::size_t d = Rank;
    while (d-- != 0) {
      if (++index[d] < extents[d]) break;
      index[d] = 0;
      if (d == 0) return;
    }
  }
}

}  // namespace detail

/// Some of an NdArray's elements, by as many indices as it has dimensions: the whole, a slice,
/// every n-th of them, or the same turned around. Owns nothing and is not stored; good for as long
/// as the array keeps its size and shape.
///
/// A view of non-const elements marks each that it hands out.
template <class T, std::size_t Rank>
class NdView {
 public:
  using element_type = T;
  using value_type = std::remove_const_t<T>;
  using size_type = std::size_t;
  using Index = std::array<std::size_t, Rank>;
  using Strides = std::array<std::ptrdiff_t, Rank>;

  NdView() noexcept = default;
  /// Element (i, j, ...) is at data + i * strides[0] + j * strides[1] + ...
  NdView(T* data, const Index& extents, const Strides& strides) noexcept
      : data_(data), extents_(extents), strides_(strides) {}
  /// As a view for reading.
  operator NdView<const T, Rank>() const noexcept requires(!std::is_const_v<T>) {
    return {data_, extents_, strides_};
  }

  static constexpr std::size_t rank() noexcept { return Rank; }
  const Index& extents() const noexcept { return extents_; }
  size_type extent(std::size_t dimension) const noexcept { return extents_[dimension]; }
  std::ptrdiff_t stride(std::size_t dimension) const noexcept { return strides_[dimension]; }
  size_type size() const noexcept {
    size_type product = 1;
    for (const std::size_t extent : extents_) product *= extent;
    return product;
  }
  bool empty() const noexcept { return size() == 0; }

  template <std::integral... I>
    requires(sizeof...(I) == Rank)
  T& operator()(I... index) const { return (*this)[Index{static_cast<std::size_t>(index)...}]; }
  T& operator[](const Index& index) const {
    T* const element = data_ + offset_of(index);
    if constexpr (!std::is_const_v<T>) mark_object(*element);
    return *element;
  }
  template <std::integral... I>
    requires(sizeof...(I) == Rank)
  T& at(I... index) const { return at(Index{static_cast<std::size_t>(index)...}); }
  T& at(const Index& index) const {
    detail::check_nd_index("cairn::NdView", index, extents_);
    return (*this)[index];
  }

  /// Those with `index` in that dimension, which the result lacks. Throws std::out_of_range.
  NdView<T, Rank - 1> slice(std::size_t dimension, std::size_t index) const requires(Rank > 1) {
    check_range(dimension, index, 1);
    std::array<std::size_t, Rank - 1> extents{};
    std::array<std::ptrdiff_t, Rank - 1> strides{};
    for (std::size_t d = 0, to = 0; d < Rank; ++d) {
      if (d == dimension) continue;
      extents[to] = extents_[d];
      strides[to++] = strides_[d];
    }
    return {data_ + static_cast<std::ptrdiff_t>(index) * strides_[dimension], extents, strides};
  }
  /// Of that dimension `count` indices from `first` on, `step` apart. Throws std::out_of_range.
  NdView part(std::size_t dimension, std::size_t first, std::size_t count,
              std::size_t step = 1) const {
    if (step == 0) throw std::out_of_range("cairn::NdView: a step of 0");
    check_range(dimension, first, count, step);
    NdView result = *this;
    result.data_ += static_cast<std::ptrdiff_t>(first) * strides_[dimension];
    result.extents_[dimension] = count;
    result.strides_[dimension] *= static_cast<std::ptrdiff_t>(step);
    return result;
  }
  /// That dimension from its end to its begin.
  NdView reversed(std::size_t dimension) const {
    check_range(dimension, 0, 0);
    NdView result = *this;
    if (!empty()) {
      result.data_ += static_cast<std::ptrdiff_t>(extents_[dimension] - 1) * strides_[dimension];
    }
    result.strides_[dimension] = -strides_[dimension];
    return result;
  }
  /// The dimensions in reverse order: of a matrix, rows for columns.
  NdView transposed() const noexcept {
    NdView result = *this;
    for (std::size_t d = 0; d < Rank; ++d) {
      result.extents_[d] = extents_[Rank - 1 - d];
      result.strides_[d] = strides_[Rank - 1 - d];
    }
    return result;
  }

  /// Calls `visit` with each element, the last index running fastest.
  template <class Visit>
  void for_each(Visit visit) const {
    detail::for_each_nd_index(extents_, [&](const Index& index) { visit((*this)[index]); });
  }
  void fill(const value_type& value) const requires(!std::is_const_v<T>) {
    const value_type copy(value);
    for_each([&](T& element) { element = copy; });
  }

 private:
  std::ptrdiff_t offset_of(const Index& index) const noexcept {
    std::ptrdiff_t offset = 0;
    for (std::size_t d = 0; d < Rank; ++d) {
      offset += static_cast<std::ptrdiff_t>(index[d]) * strides_[d];
    }
    return offset;
  }
  void check_range(std::size_t dimension, std::size_t first, std::size_t count,
                   std::size_t step = 1) const {
    if (dimension >= Rank) {
      throw std::out_of_range("cairn::NdView: dimension " + std::to_string(dimension) + " of " +
                              std::to_string(Rank));
    }
    const std::size_t extent = extents_[dimension];
    if (first <= extent &&
        (count == 0 || (first < extent && (count - 1) <= (extent - 1 - first) / step))) {
      return;
    }
    throw std::out_of_range("cairn::NdView: " + std::to_string(count) + " indices from " +
                            std::to_string(first) + " on, of " + std::to_string(extent) +
                            " in dimension " + std::to_string(dimension));
  }

  T* data_ = nullptr;
  Index extents_{};
  Strides strides_{};
};

}  // namespace cairn
