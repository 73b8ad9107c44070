// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <ranges>
#include <string>
#include <string_view>

#include "cairn/containers/marking_iterator.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/containers/sequence.hpp"
#include "cairn/containers/text_reading.hpp"
#include "cairn/types/string_format.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

namespace detail {

/// A place in a String. Not by conversion: a literal 0 is an index and no null pointer.
template <class It>
concept TextIterator = std::same_as<It, MarkingIterator<char>> || std::same_as<It, const char*>;

}  // namespace detail

/// A string in a store, with the interface of std::string. Up to 23 characters stand in the object
/// itself; longer ones in a block.
///
/// It allocates, moves, marks and throws as Vec does. Short strings need no allocation and so work
/// outside of transactions too. Reading functions take and give std::string_view; `substr` and
/// `operator+` give a std::string, since a result is rarely meant for the store.
///
/// Changes of content happen or throw with nothing changed.
class String : public detail::TextReading<String> {
 public:
  using value_type = char;
  using traits_type = std::char_traits<char>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = char&;
  using const_reference = const char&;
  using pointer = char*;
  using const_pointer = const char*;
  using iterator = MarkingIterator<char>;
  using const_iterator = const char*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  String() noexcept { set_empty(); }
  String(std::string_view text) { make(text); }
  String(const char* text) : String(std::string_view(text)) {}
  String(const std::string& text) : String(std::string_view(text)) {}
  String(std::nullptr_t) = delete;
  String(const char* text, size_type count) : String(std::string_view(text, count)) {}
  String(const String& other, size_type at) : String(other.view().substr(at)) {}
  String(std::string_view text, size_type at, size_type count) : String(text.substr(at, count)) {}
  String(size_type count, char c) : String() { resize(count, c); }
  String(std::initializer_list<char> chars)
      : String(std::string_view(chars.begin(), chars.size())) {}
  template <std::input_iterator It>
  String(It first, It last) : String() {
    append(first, last);
  }
  String(const String& other) : String(other.view()) {}
  String(String&& other) : String() { take(other); }
  ~String() {
    if (is_long()) drop();
  }

  String& operator=(const String& other) { return assign(other.view()); }
  String& operator=(String&& other);
  String& operator=(std::string_view text) { return assign(text); }
  String& operator=(const char* text) { return assign(text); }
  String& operator=(const std::string& text) { return assign(text); }
  String& operator=(std::initializer_list<char> chars) { return assign(chars); }
  String& operator=(std::nullptr_t) = delete;
  String& operator=(char c) { return assign(std::string_view(&c, 1)); }

  // Reading.

  std::string_view view() const noexcept { return {data(), size()}; }
  operator std::string_view() const noexcept { return view(); }
  explicit operator std::string() const { return std::string(view()); }
  std::string str() const { return std::string(view()); }

  size_type size() const noexcept {
    const size_type short_size = string_short_capacity - tag();
    return short_size + ((stored_.long_form.size - short_size) & long_mask());
  }
  size_type length() const noexcept { return size(); }
  bool empty() const noexcept { return size() == 0; }
  size_type capacity() const noexcept {
    return is_long() ? long_capacity() : string_short_capacity;
  }
  static constexpr size_type max_size() noexcept { return string_max_size; }

  const char* data() const noexcept {
    const auto distance = static_cast<std::uint64_t>(stored_.long_form.distance);
    return target_at<const char>(&stored_, static_cast<std::int64_t>(distance & long_mask()));
  }
  const char* c_str() const noexcept { return data(); }
  const_reference operator[](size_type index) const noexcept { return data()[index]; }
  const_reference at(size_type index) const { return data()[checked(index)]; }
  const_reference front() const noexcept { return *data(); }
  const_reference back() const noexcept { return data()[size() - 1]; }
  const_iterator begin() const noexcept { return data(); }
  const_iterator end() const noexcept { return data() + size(); }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }
  const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
  const_reverse_iterator crbegin() const noexcept { return rbegin(); }
  const_reverse_iterator crend() const noexcept { return rend(); }

  // Access that marks.

  reference operator[](size_type index) {
    char* c = chars() + index;
    mark_object(*c);
    return *c;
  }
  reference at(size_type index) { return (*this)[checked(index)]; }
  reference front() { return (*this)[0]; }
  reference back() { return (*this)[size() - 1]; }
  /// All characters, marked.
  char* data() {
    if (!empty()) mark(chars(), size());
    return chars();
  }
  iterator begin() noexcept { return iterator(chars()); }
  iterator end() noexcept { return iterator(chars() + size()); }
  reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
  reverse_iterator rend() noexcept { return reverse_iterator(begin()); }

  // Changes.

  void reserve(size_type count);
  void shrink_to_fit();
  void clear() { truncate(0); }
  void resize(size_type count, char c = '\0');
  void push_back(char c) {
    if (is_long()) [[likely]] {
      const size_type count = stored_.long_form.size;
      if (count != long_capacity()) [[likely]] {
        char* const at = long_chars() + count;
        mark(at, 2);
        mark_header();
        // The size first: a store to a character may change anything, for all that compilers know.
        stored_.long_form.size = count + 1;
        at[0] = c;
        at[1] = '\0';
        return;
      }
    }
    push_back_elsewhere(c);
  }
  void pop_back() { truncate(size() - 1); }

  /// Makes room for `count` characters, lets `fill(char*, count)` write them, and keeps as many as
  /// that returns. The string is empty where `fill` throws.
  template <class Fill>
  void resize_and_overwrite(size_type count, Fill fill);

  String& assign(std::string_view text) { return replace(0, size(), text); }
  String& assign(const char* text, size_type count) { return assign({text, count}); }
  String& assign(std::string_view text, size_type at, size_type count = npos) {
    return assign(text.substr(at, count));
  }
  String& assign(size_type count, char c) { return replace(0, size(), count, c); }
  template <std::input_iterator It>
  String& assign(It first, It last) {
    return assign(std::string(first, last));
  }
  String& assign(std::initializer_list<char> chars) { return assign(text_of(chars)); }
  template <std::ranges::input_range Range>
  String& assign_range(Range&& range) {
    return assign(text_of_range(range));
  }

  String& append(std::string_view text);
  String& append(const char* text, size_type count) { return append({text, count}); }
  String& append(std::string_view text, size_type at, size_type count = npos) {
    return append(text.substr(at, count));
  }
  String& append(size_type count, char c) {
    resize(size() + count, c);
    return *this;
  }
  template <std::input_iterator It>
  String& append(It first, It last) {
    return append(std::string(first, last));
  }
  String& append(std::initializer_list<char> chars) { return append(text_of(chars)); }
  template <std::ranges::input_range Range>
  String& append_range(Range&& range) {
    return append(text_of_range(range));
  }
  String& operator+=(std::string_view text) { return append(text); }
  String& operator+=(std::initializer_list<char> chars) { return append(chars); }
  String& operator+=(char c) {
    push_back(c);
    return *this;
  }

  String& insert(size_type at, std::string_view text) { return replace(at, 0, text); }
  String& insert(size_type at, const char* text, size_type count) {
    return replace(at, 0, {text, count});
  }
  String& insert(size_type at, std::string_view text, size_type text_at, size_type count = npos) {
    return replace(at, 0, text.substr(text_at, count));
  }
  String& insert(size_type at, size_type count, char c) { return replace(at, 0, count, c); }
  template <detail::TextIterator Place>
  iterator insert(Place at, char c) {
    return insert_at(at, std::string_view(&c, 1));
  }
  template <detail::TextIterator Place>
  iterator insert(Place at, size_type count, char c) {
    const size_type index = index_of(at);
    replace(index, 0, count, c);
    return begin() + static_cast<difference_type>(index);
  }
  template <detail::TextIterator Place, std::input_iterator It>
  iterator insert(Place at, It first, It last) {
    return insert_at(at, std::string(first, last));
  }
  template <detail::TextIterator Place>
  iterator insert(Place at, std::initializer_list<char> chars) {
    return insert_at(at, text_of(chars));
  }
  template <detail::TextIterator Place, std::ranges::input_range Range>
  iterator insert_range(Place at, Range&& range) {
    return insert_at(at, text_of_range(range));
  }

  String& erase(size_type at = 0, size_type count = npos) { return replace(at, count, {}); }
  template <detail::TextIterator Place>
  iterator erase(Place at) {
    return erase(const_iterator(at), const_iterator(at) + 1);
  }
  template <detail::TextIterator First, detail::TextIterator Last>
  iterator erase(First first, Last last) {
    const size_type index = index_of(first);
    replace(index, index_of(last) - index, {});
    return begin() + static_cast<difference_type>(index);
  }

  /// `text` may be part of this string. Throws std::out_of_range where `at` > size().
  String& replace(size_type at, size_type count, std::string_view text);
  String& replace(size_type at, size_type count, std::string_view text, size_type text_at,
                  size_type text_count = npos) {
    return replace(at, count, text.substr(text_at, text_count));
  }
  String& replace(size_type at, size_type count, const char* text, size_type text_count) {
    return replace(at, count, std::string_view(text, text_count));
  }
  String& replace(size_type at, size_type count, size_type times, char c);
  template <detail::TextIterator First, detail::TextIterator Last>
  String& replace(First first, Last last, std::string_view text) {
    return replace(index_of(first), index_of(last) - index_of(first), text);
  }
  template <detail::TextIterator First, detail::TextIterator Last>
  String& replace(First first, Last last, const char* text, size_type count) {
    return replace(first, last, std::string_view(text, count));
  }
  template <detail::TextIterator First, detail::TextIterator Last>
  String& replace(First first, Last last, size_type times, char c) {
    return replace(index_of(first), index_of(last) - index_of(first), times, c);
  }
  template <detail::TextIterator First, detail::TextIterator Last, std::input_iterator It>
  String& replace(First first, Last last, It from, It to) {
    return replace(first, last, std::string_view(std::string(from, to)));
  }
  template <detail::TextIterator First, detail::TextIterator Last>
  String& replace(First first, Last last, std::initializer_list<char> chars) {
    return replace(first, last, text_of(chars));
  }
  template <detail::TextIterator First, detail::TextIterator Last, std::ranges::input_range Range>
  String& replace_with_range(First first, Last last, Range&& range) {
    return replace(first, last, std::string_view(text_of_range(range)));
  }

  /// Exchanges the content, or copies where the two stand in different stores.
  void swap(String& other);
  friend void swap(String& a, String& b) { a.swap(b); }

  friend bool operator==(const String& a, const String& b) noexcept { return a.view() == b.view(); }
  friend auto operator<=>(const String& a, const String& b) noexcept {
    return a.view() <=> b.view();
  }
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, String>)
  friend bool operator==(const String& a, const Text& b) noexcept {
    return a.view() == std::string_view(b);
  }
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, String>)
  friend auto operator<=>(const String& a, const Text& b) noexcept {
    return a.view() <=> std::string_view(b);
  }

 private:
  friend struct detail::Relocation<String>;

  std::uint8_t tag() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(&stored_)[string_tag_byte];
  }
  bool is_long() const noexcept { return tag() > string_short_capacity; }
  /// All bits of a long string, none of a short one. By it both are read without a branch: which
  /// of many strings are long is not to be predicted.
  std::uint64_t long_mask() const noexcept { return -static_cast<std::uint64_t>(is_long()); }
  /// The next two require a long string.
  char* long_chars() noexcept { return target_at<char>(&stored_, stored_.long_form.distance); }
  size_type long_capacity() const noexcept {
    return stored_.long_form.capacity_and_tag & ~string_long_tag_bits;
  }
  bool expand_in_place(size_type count);
  char* chars() noexcept { return const_cast<char*>(std::as_const(*this).data()); }

  static std::string_view text_of(std::initializer_list<char> chars) noexcept {
    return {chars.begin(), chars.size()};
  }
  template <class Range>
  static std::string text_of_range(Range& range) {
    auto&& common = detail::common(range);
    return std::string(std::ranges::begin(common), std::ranges::end(common));
  }
  size_type index_of(const_iterator at) const noexcept {
    return static_cast<size_type>(at - data());
  }
  iterator insert_at(const_iterator at, std::string_view text) {
    const size_type index = index_of(at);
    replace(index, 0, text);
    return begin() + static_cast<difference_type>(index);
  }
  size_type checked(size_type index) const;
  size_type grown(size_type count) const;
  void push_back_elsewhere(char c);
  void append_elsewhere(std::string_view text);
  /// All of it, since size() and data() look at more than what a short string needs.
  void set_empty() noexcept {
    stored_.long_form = {0, 0, string_short_capacity << (8 * (string_tag_byte % 8))};
  }
  /// Without the terminating zero: where a short string is full, the size byte is that zero.
  void set_size(size_type count) noexcept {
    if (is_long()) {
      stored_.long_form.size = count;
    } else {
      stored_.short_chars[string_tag_byte] = static_cast<char>(string_short_capacity - count);
    }
  }
  void set_long(char* block, size_type count, size_type capacity) noexcept {
    stored_.long_form.distance = distance_to(&stored_, block);
    stored_.long_form.size = count;
    stored_.long_form.capacity_and_tag = capacity | string_long_tag_bits;
  }
  /// Gives a string that is being made its text. Marks nothing, as set_empty(): whoever makes an
  /// object has marked its place or needs no mark, and to mark one on the stack, as maps make their
  /// new elements, would be to look for its store.
  void make(std::string_view text) {
    if (text.size() > string_short_capacity) {
      make_long(text);
      return;
    }
    set_empty();
    if (text.empty()) return;
    std::memcpy(stored_.short_chars, text.data(), text.size());
    if (text.size() < string_short_capacity) stored_.short_chars[text.size()] = '\0';
    set_size(text.size());
  }
  void make_long(std::string_view text);
  void mark_header() { mark_again(stored_); }
  void truncate(size_type count);
  void drop() noexcept;
  void take(String& other);
  void steal(String& other) noexcept;
  void move_to_new_block(size_type count, size_type at, size_type removed, std::string_view text);

  StringFormat stored_;
};

template <class Fill>
void String::resize_and_overwrite(size_type count, Fill fill) {
  reserve(count);
  mark(chars(), count + 1);
  mark_header();
  try {
    const auto kept = static_cast<size_type>(std::move(fill)(chars(), count));
    chars()[kept] = '\0';
    set_size(kept);
  } catch (...) {
    *chars() = '\0';
    set_size(0);
    throw;
  }
}

inline std::string operator+(const String& a, char b) {
  return a.str() + b;
}
inline std::string operator+(char a, const String& b) {
  return std::string(1, a).append(b.view());
}
inline std::string operator+(const String& a, const String& b) {
  return a.str().append(b.view());
}
template <class Text>
  requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, String>)
std::string operator+(const String& a, const Text& b) {
  return a.str().append(std::string_view(b));
}
template <class Text>
  requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, String>)
std::string operator+(const Text& a, const String& b) {
  return std::string(std::string_view(a)).append(b.view());
}

std::ostream& operator<<(std::ostream& out, const String& text);
std::istream& operator>>(std::istream& in, String& text);
/// Reads up to `end`, which is taken and left out, as std::getline.
std::istream& getline(std::istream& in, String& text, char end = '\n');

/// Removes the characters for which `condition` holds; returns how many.
template <class Condition>
std::size_t erase_if(String& text, Condition condition) {
  std::string kept(text.view());
  const std::size_t removed = std::erase_if(kept, condition);
  if (removed != 0) text.assign(kept);
  return removed;
}
/// Removes the characters equal to `c`; returns how many.
template <class C = char>
std::size_t erase(String& text, const C& c) {
  return erase_if(text, [&](char found) { return found == c; });
}

template <>
struct Hash<String> : StringHash {};

template <>
struct detail::Relocation<String> {
  static void relocate(String* from, String* to) noexcept {
    const StringFormat before = from->stored_;
    const auto moved = static_cast<std::uint64_t>(distance_to(&to->stored_, &from->stored_));
    const std::uint64_t mask = from->long_mask();
    to->stored_ = before;
    to->stored_.long_form.distance += static_cast<std::int64_t>(moved & mask);
  }
};

template <>
struct TypeOf<String> {
  static void describe(TypeWriter& writer) { writer.text("String"); }
  static consteval Storability parts() { return Storability::ok; }
};

static_assert(sizeof(String) == sizeof(StringFormat) && alignof(String) == alignof(StringFormat));

}  // namespace cairn

template <>
struct std::hash<cairn::String> {
  using is_transparent = void;

  std::size_t operator()(std::string_view text) const noexcept {
    return cairn::hash_bytes(text.data(), text.size());
  }
};
