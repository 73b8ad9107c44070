// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cairn::detail {

/// What std::string answers without being changed, for a class with `view()`.
template <class Text>
class TextReading {
 public:
  using size_type = std::size_t;
  static constexpr size_type npos = std::string_view::npos;

  std::string substr(size_type at = 0, size_type count = npos) const {
    return std::string(view().substr(at, count));
  }
  size_type copy(char* to, size_type count, size_type at = 0) const {
    return view().copy(to, count, at);
  }

  int compare(std::string_view other) const noexcept { return view().compare(other); }
  int compare(size_type at, size_type count, std::string_view other) const {
    return view().compare(at, count, other);
  }
  int compare(size_type at, size_type count, std::string_view other, size_type other_at,
              size_type other_count = npos) const {
    return view().compare(at, count, other, other_at, other_count);
  }
  int compare(size_type at, size_type count, const char* other, size_type other_count) const {
    return view().compare(at, count, other, other_count);
  }
  bool starts_with(std::string_view part) const noexcept { return view().starts_with(part); }
  bool starts_with(char c) const noexcept { return view().starts_with(c); }
  bool ends_with(std::string_view part) const noexcept { return view().ends_with(part); }
  bool ends_with(char c) const noexcept { return view().ends_with(c); }
  bool contains(std::string_view part) const noexcept { return find(part) != npos; }
  bool contains(char c) const noexcept { return find(c) != npos; }

  size_type find(std::string_view part, size_type from = 0) const noexcept {
    return view().find(part, from);
  }
  size_type find(const char* part, size_type from, size_type count) const {
    return view().find(part, from, count);
  }
  size_type find(char c, size_type from = 0) const noexcept { return view().find(c, from); }
  size_type rfind(std::string_view part, size_type from = npos) const noexcept {
    return view().rfind(part, from);
  }
  size_type rfind(const char* part, size_type from, size_type count) const {
    return view().rfind(part, from, count);
  }
  size_type rfind(char c, size_type from = npos) const noexcept { return view().rfind(c, from); }

  size_type find_first_of(std::string_view set, size_type from = 0) const noexcept {
    return view().find_first_of(set, from);
  }
  size_type find_first_of(const char* set, size_type from, size_type count) const {
    return view().find_first_of(set, from, count);
  }
  size_type find_first_of(char c, size_type from = 0) const noexcept { return find(c, from); }
  size_type find_last_of(std::string_view set, size_type from = npos) const noexcept {
    return view().find_last_of(set, from);
  }
  size_type find_last_of(const char* set, size_type from, size_type count) const {
    return view().find_last_of(set, from, count);
  }
  size_type find_last_of(char c, size_type from = npos) const noexcept { return rfind(c, from); }
  size_type find_first_not_of(std::string_view set, size_type from = 0) const noexcept {
    return view().find_first_not_of(set, from);
  }
  size_type find_first_not_of(const char* set, size_type from, size_type count) const {
    return view().find_first_not_of(set, from, count);
  }
  size_type find_first_not_of(char c, size_type from = 0) const noexcept {
    return view().find_first_not_of(c, from);
  }
  size_type find_last_not_of(std::string_view set, size_type from = npos) const noexcept {
    return view().find_last_not_of(set, from);
  }
  size_type find_last_not_of(const char* set, size_type from, size_type count) const {
    return view().find_last_not_of(set, from, count);
  }
  size_type find_last_not_of(char c, size_type from = npos) const noexcept {
    return view().find_last_not_of(c, from);
  }

 private:
  std::string_view view() const noexcept { return static_cast<const Text*>(this)->view(); }
};

}  // namespace cairn::detail
