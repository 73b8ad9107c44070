// SPDX-License-Identifier: BSL-1.0
#include "dump_visitors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cairn/stored_value.hpp"
#include "printable.hpp"

namespace cairn::tool {
namespace {

/// Deeper lines are not indented further: a chain of a million boxes would take up 10^12 blanks.
constexpr std::uint64_t deepest_indentation = 32;

bool is_container(const TypeNode& type) noexcept {
  const ValueShape shape = shape_of(type.kind);
  return shape == ValueShape::sequence || shape == ValueShape::map;
}

}  // namespace

// --- JSON ----------------------------------------------------------------------------------------

void JsonDump::finish_root() {
  json_.close_to(depth_);
  levels_.clear();
}

bool JsonDump::wrap(std::uint64_t at) {
  if (!takes_id(at)) return false;
  json_.begin_object();
  json_.key("$id");
  json_.number(at);
  return true;
}

template <class Print>
void JsonDump::print(std::uint64_t at, Print print) {
  const bool wrapped = wrap(at);
  if (wrapped) json_.key("$value");
  print();
  if (wrapped) json_.end();
}

void JsonDump::part(const ObjectPart& part) {
  if (part.role == PartRole::field) {
    json_.key(part.name);
  } else if (part.role == PartRole::key) {
    Level& map = levels_.back();
    if (map.pair_open) json_.end();
    map.pair_open = true;
    json_.begin_object();
    json_.key("key");
  } else if (part.role == PartRole::value) {
    json_.key("value");
  }
}

void JsonDump::begin(std::uint64_t at, const TypeNode& type, std::uint64_t /*elements*/) {
  const ValueShape shape = shape_of(type.kind);
  const bool wrapped = wrap(at);
  levels_.push_back({wrapped, false});
  if (shape == ValueShape::structure) {
    // An id is the first of a struct's own fields; no field is called so.
    if (!wrapped) json_.begin_object();
    return;
  }
  if (wrapped) json_.key("$value");
  if (shape != ValueShape::holder) json_.begin_array();
}

void JsonDump::end(std::uint64_t /*at*/, const TypeNode& type) {
  const ValueShape shape = shape_of(type.kind);
  const Level level = levels_.back();
  levels_.pop_back();
  if (level.pair_open) json_.end();
  if (shape != ValueShape::holder) json_.end();
  if (level.wrapped && shape != ValueShape::structure) json_.end();
}

void JsonDump::pointer(std::uint64_t at, std::uint64_t target, const TypeNode& /*type*/) {
  print(at, [&] {
    json_.begin_object();
    json_.key("$ref");
    json_.number(target);
    json_.end();
  });
}

void JsonDump::value(std::uint64_t at, const TypeNode& type) {
  print(at, [&] {
    const StoredNumber number = stored_number(type, heap_, at);
    if (const char* const c = std::get_if<char>(&number)) return json_.string({c, 1});
    const std::string digits = to_text(number);
    const double* const real = std::get_if<double>(&number);
    if (real == nullptr || std::isfinite(*real)) return json_.plain(digits);
    json_.begin_object();
    json_.key("$float");
    json_.string(digits);
    json_.end();
  });
}

void JsonDump::text(std::uint64_t at, const TypeNode& /*type*/, std::string_view characters) {
  print(at, [&] { json_.string(characters); });
}

void JsonDump::empty(std::uint64_t at, const TypeNode& type) {
  print(at, [&] {
    if (!is_container(type)) return json_.plain("null");
    json_.begin_array();
    json_.end();
  });
}

void JsonDump::damaged(std::uint64_t at, const TypeNode& /*type*/) {
  print(at, [&] {
    json_.begin_object();
    json_.key("$damaged");
    json_.plain("true");
    json_.end();
  });
}

// --- text ----------------------------------------------------------------------------------------

void TextDump::part(const ObjectPart& part) {
  // What a Box or optional holds goes by the name of its holder.
  if (within_holder_) {
    within_holder_ = false;
    return;
  }
  switch (part.role) {
    case PartRole::root:
    case PartRole::field:
      label_ = is_utf8(part.name) ? printable(part.name) : quoted(part.name, part.name.size());
      break;
    case PartRole::element: label_ = fmt::format("[{}]", part.index); break;
    case PartRole::key: label_ = "key"; break;
    case PartRole::value: label_ = "value"; break;
  }
}

void TextDump::begin_line(std::uint64_t at) {
  fmt::print(out_, "{:{}}{}:", "", 2 * std::min(indent_, deepest_indentation), label_);
  if (takes_id(at)) fmt::print(out_, " @{}", at);
}

void TextDump::line(std::uint64_t at, std::string_view value) {
  begin_line(at);
  fmt::print(out_, " {}\n", value);
}

void TextDump::begin(std::uint64_t at, const TypeNode& type, std::uint64_t elements) {
  const ValueShape shape = shape_of(type.kind);
  if (shape == ValueShape::holder) {
    within_holder_ = true;
    return;
  }
  begin_line(at);
  if (shape != ValueShape::structure) {
    fmt::print(out_, " {} {}{}", elements, shape == ValueShape::map ? "pair" : "element",
               elements == 1 ? "" : "s");
  }
  std::fputc('\n', out_);
  ++indent_;
}

void TextDump::end(std::uint64_t /*at*/, const TypeNode& type) {
  if (shape_of(type.kind) != ValueShape::holder) --indent_;
}

void TextDump::pointer(std::uint64_t at, std::uint64_t target, const TypeNode& /*type*/) {
  line(at, fmt::format("-> @{}", target));
}

void TextDump::value(std::uint64_t at, const TypeNode& type) {
  line(at, to_text(stored_number(type, heap_, at)));
}

void TextDump::text(std::uint64_t at, const TypeNode& /*type*/, std::string_view characters) {
  begin_line(at);
  std::fputc(' ', out_);
  if (is_utf8(characters)) {
    write_json_string(out_, characters);
  } else {
    fmt::print(out_, "{}", quoted(characters, characters.size()));
  }
  std::fputc('\n', out_);
}

void TextDump::empty(std::uint64_t at, const TypeNode& type) {
  line(at, is_container(type) ? "empty" : "none");
}

void TextDump::damaged(std::uint64_t at, const TypeNode& /*type*/) {
  line(at, "damaged");
}

}  // namespace cairn::tool
