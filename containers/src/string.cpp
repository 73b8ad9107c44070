// SPDX-License-Identifier: BSL-1.0
#include "cairn/string.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <istream>
#include <ostream>
#include <stdexcept>

#include "cairn/containers/block.hpp"

namespace cairn {
namespace {

/// Copies few characters without a call. All are read before any is written, so that the two may
/// overlap. Requires: `count` at most 32 and at least 1.
void copy_few(char* to, const char* from, std::size_t count) noexcept {
  const auto copy_both_ends = [&]<class Part>(Part first) {
    Part last;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&last, from + count - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + count - sizeof last, &last, sizeof last);
  };
  if (count >= 16) return copy_both_ends(std::array<std::uint64_t, 2>{});
  if (count >= 8) return copy_both_ends(std::uint64_t{});
  if (count >= 4) return copy_both_ends(std::uint32_t{});
  if (count >= 2) return copy_both_ends(std::uint16_t{});
  *to = *from;
}
constexpr std::size_t few = 32;

}  // namespace

String& String::operator=(String&& other) {
  if (this == &other) return *this;
  if (!other.is_long() || !detail::may_own(this, other.chars())) return assign(other.view());
  mark_header();
  other.mark_header();
  if (is_long()) detail::free_block(chars(), capacity() + 1);
  steal(other);
  return *this;
}

String::size_type String::checked(size_type index) const {
  if (index >= size()) {
    throw std::out_of_range("cairn::String: index " + std::to_string(index) + " of " +
                            std::to_string(size()));
  }
  return index;
}

/// The capacity to grow to for `count` characters: doubling, and all of the block that that takes.
String::size_type String::grown(size_type count) const {
  if (count > string_max_size) throw std::length_error("cairn::String: longer than max_size()");
  const size_type more = std::max(count, std::min(2 * capacity(), string_max_size));
  return FreeListAllocator::usable_bytes(more + 1) - 1;
}

/// Lengthens the block where it stands: large ones only, since small ones are rounded up to begin
/// with.
bool String::expand_in_place(size_type count) {
  if (!is_long() || long_capacity() < FreeListAllocator::max_small) return false;
  const size_type capacity = grown(count);
  char* const block = long_chars();
  mark_header();
  if (!heap_for(block).try_expand(block, long_capacity() + 1, capacity + 1)) return false;
  stored_.long_form.capacity_and_tag = capacity | string_long_tag_bits;
  return true;
}

void String::push_back_elsewhere(char c) {
  const size_type count = size();
  if (count == capacity() && !expand_in_place(count + 1)) {
    move_to_new_block(grown(count + 1), count, 0, {&c, 1});
    return;
  }
  char* const at = chars() + count;
  mark(at, 2);
  mark_header();
  at[0] = c;
  at[1] = '\0';
  set_size(count + 1);
}

void String::drop() noexcept {
  char* block = chars();
  if (detail::block_is_writable(block)) detail::drop_block(block, capacity() + 1);
}

/// Takes the block of `other`, which is left empty. Requires: both headers marked.
void String::steal(String& other) noexcept {
  set_long(other.chars(), other.size(), other.capacity());
  other.set_empty();
}

void String::take(String& other) {
  if (other.is_long() && detail::may_own(this, other.chars())) {
    other.mark_header();
    steal(other);
  } else {
    append(other.view());
  }
}

void String::make_long(std::string_view text) {
  if (text.size() > string_max_size) {
    throw std::length_error("cairn::String: longer than max_size()");
  }
  const size_type capacity = FreeListAllocator::usable_bytes(text.size() + 1) - 1;
  auto* const block = reinterpret_cast<char*>(
      detail::new_block(this, capacity + 1, FreeListAllocator::min_align, text.size() + 1));
  std::memcpy(block, text.data(), text.size());
  block[text.size()] = '\0';
  set_long(block, text.size(), capacity);
}

/// Moves to a block for `count` characters, `removed` of them at `at` replaced by `text`, which may
/// lie in the old one.
void String::move_to_new_block(size_type count, size_type at, size_type removed,
                               std::string_view text) {
  const size_type old_size = size();
  const size_type old_bytes = capacity() + 1;
  const size_type new_size = old_size - removed + text.size();
  char* const old = chars();
  const bool was_long = is_long();
  const size_type capacity = FreeListAllocator::usable_bytes(count + 1) - 1;
  mark_header();
  detail::NewBlock fresh(this, capacity + 1, FreeListAllocator::min_align, new_size + 1);
  char* const block = reinterpret_cast<char*>(fresh.data());
  std::memcpy(block, old, at);
  if (!text.empty()) std::memcpy(block + at, text.data(), text.size());
  std::memcpy(block + at + text.size(), old + at + removed, old_size - at - removed);
  block[new_size] = '\0';
  if (was_long) detail::free_block(old, old_bytes);
  fresh.release();
  set_long(block, new_size, capacity);
}

void String::reserve(size_type count) {
  if (count <= capacity()) return;
  if (count > string_max_size) throw std::length_error("cairn::String: longer than max_size()");
  move_to_new_block(count, size(), 0, {});
}

void String::shrink_to_fit() {
  if (!is_long()) return;
  const size_type count = size();
  if (count > string_short_capacity) {
    if (FreeListAllocator::usable_bytes(count + 1) < capacity() + 1) {
      move_to_new_block(count, count, 0, {});
    }
    return;
  }
  char* const block = chars();
  char aside[string_short_capacity];
  std::memcpy(aside, block, count);
  mark_header();
  detail::free_block(block, capacity() + 1);
  set_empty();
  std::memcpy(stored_.short_chars, aside, count);
  if (count < string_short_capacity) stored_.short_chars[count] = '\0';
  set_size(count);
}

void String::truncate(size_type count) {
  if (count == size()) return;
  mark_header();
  mark(chars() + count, 1);
  chars()[count] = '\0';
  set_size(count);
}

void String::resize(size_type count, char c) {
  const size_type before = size();
  if (count <= before) return truncate(count);
  if (count > capacity()) reserve(before == 0 ? count : grown(count));
  char* const at = chars() + before;
  mark(at, count - before + 1);
  mark_header();
  std::memset(at, c, count - before);
  at[count - before] = '\0';
  set_size(count);
}

String& String::append(std::string_view text) {
  // Most appends: few characters to a long string with room for them, where all is marked. Nothing
  // is called on this way.
  if (is_long() && text.size() - 1 < few) [[likely]] {
    const size_type before = stored_.long_form.size;
    const size_type count = before + text.size();
    char* const at = long_chars() + before;
    if (count <= long_capacity() && detail::is_remembered(at) &&
        detail::is_remembered(at + text.size()) &&
        detail::is_remembered_object<sizeof stored_ / MarkMemory::word>(&stored_)) [[likely]] {
      copy_few(at, text.data(), text.size());
      at[text.size()] = '\0';
      stored_.long_form.size = count;
      return *this;
    }
  }
  if (!text.empty()) append_elsewhere(text);
  return *this;
}

void String::append_elsewhere(std::string_view text) {
  const size_type before = size();
  if (text.size() > string_max_size - before) {
    throw std::length_error("cairn::String: longer than max_size()");
  }
  const size_type count = before + text.size();
  if (count > capacity() && !expand_in_place(count)) {
    // The first content takes what it needs; what has grown once is likely to grow on.
    move_to_new_block(before == 0 ? count : grown(count), before, 0, text);
    return;
  }
  char* const at = chars() + before;
  mark(at, text.size() + 1);
  mark_header();
  std::memmove(at, text.data(), text.size());
  at[text.size()] = '\0';
  set_size(count);
}

String& String::replace(size_type at, size_type count, std::string_view text) {
  const size_type before = size();
  if (at > before) {
    throw std::out_of_range("cairn::String: position " + std::to_string(at) + " of " +
                            std::to_string(before));
  }
  count = std::min(count, before - at);
  if (text.size() > string_max_size - (before - count)) {
    throw std::length_error("cairn::String: longer than max_size()");
  }
  const size_type after = before - count + text.size();
  if (after > capacity()) {
    move_to_new_block(before == 0 || count == before ? after : grown(after), at, count, text);
    return *this;
  }
  char* const data = chars();
  const std::less<const char*> is_before;
  const bool own =
      !text.empty() && !is_before(text.data(), data) && is_before(text.data(), data + before + 1);
  // Moving the tail would change the text under our hands, unless there is no tail to move.
  if (own && at + count != before) return replace(at, count, std::string(text));
  if (count == text.size()) {
    if (count == 0) return *this;
    mark(data + at, count);
    std::memmove(data + at, text.data(), count);
    return *this;
  }
  mark(data + at, after + 1 - at);
  mark_header();
  std::memmove(data + at + text.size(), data + at + count, before - at - count);
  if (!text.empty()) std::memmove(data + at, text.data(), text.size());
  data[after] = '\0';
  set_size(after);
  return *this;
}

String& String::replace(size_type at, size_type count, size_type times, char c) {
  // Past what any string can hold it must not be made first.
  if (times > string_max_size) throw std::length_error("cairn::String: longer than max_size()");
  return replace(at, count, std::string(times, c));
}

void String::swap(String& other) {
  if (this == &other) return;
  const bool here = !other.is_long() || detail::may_own(this, other.chars());
  const bool there = !is_long() || detail::may_own(&other, chars());
  mark_header();
  other.mark_header();
  if (here && there) {
    String aside;
    detail::Relocation<String>::relocate(this, &aside);
    detail::Relocation<String>::relocate(&other, this);
    detail::Relocation<String>::relocate(&aside, &other);
    aside.set_empty();
  } else {
    String aside(std::move(other));
    other = std::move(*this);
    *this = std::move(aside);
  }
}

std::ostream& operator<<(std::ostream& out, const String& text) {
  return out << text.view();
}

std::istream& operator>>(std::istream& in, String& text) {
  std::string word;
  if (in >> word) text.assign(word);
  return in;
}

std::istream& getline(std::istream& in, String& text, char end) {
  std::string line;
  if (std::getline(in, line, end)) text.assign(line);
  return in;
}

}  // namespace cairn
