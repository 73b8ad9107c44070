// SPDX-License-Identifier: BSL-1.0
#include "cairn/types/type_writer.hpp"

#include <algorithm>

namespace cairn {

bool TypeWriter::open_struct(const void* identity, std::size_t size, std::size_t align) {
  const auto known = std::find(opened_.begin(), opened_.end(), identity);
  if (known != opened_.end()) {
    text_ += '^';
    number(static_cast<std::uint64_t>(known - opened_.begin()));
    return false;
  }
  opened_.push_back(identity);
  text_ += "struct{";
  number(size);
  text_ += ',';
  number(align);
  text_ += ';';
  first_field_ = true;
  return true;
}

void TypeWriter::begin_field(std::string_view name) {
  if (!first_field_) text_ += ',';
  first_field_ = false;
  text_ += name;
  text_ += ':';
}

void TypeWriter::end_field(std::size_t offset) {
  text_ += '@';
  number(offset);
  first_field_ = false;
}

}  // namespace cairn
