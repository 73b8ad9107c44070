// SPDX-License-Identifier: BSL-1.0
#include "cairn/object_locator.hpp"

#include <algorithm>
#include <utility>

namespace cairn {

ObjectLocator::ObjectLocator(std::vector<std::uint64_t> offsets) : offsets_(std::move(offsets)) {
  std::sort(offsets_.begin(), offsets_.end());
  offsets_.erase(std::unique(offsets_.begin(), offsets_.end()), offsets_.end());
  places_.resize(offsets_.size());
}

const ObjectPlace& ObjectLocator::place_of(std::uint64_t offset) const {
  static const ObjectPlace none;
  const auto found = std::lower_bound(offsets_.begin(), offsets_.end(), offset);
  if (found == offsets_.end() || *found != offset) return none;
  return places_[static_cast<std::size_t>(found - offsets_.begin())];
}

/// What covers an offset later covers it more closely: parts are told after what they are part of.
void ObjectLocator::cover(std::uint64_t at, std::uint64_t bytes, const TypeNode& type,
                          bool in_block) {
  const auto first = std::lower_bound(offsets_.begin(), offsets_.end(), at);
  for (auto it = first; it != offsets_.end() && *it - at < bytes; ++it) {
    places_[static_cast<std::size_t>(it - offsets_.begin())] = {
        walker_->path(), walker_->tree().label_of(type), at, bytes, in_block};
  }
}

void ObjectLocator::block(std::uint64_t offset, std::uint64_t bytes) {
  cover(offset, bytes, walker_->owner(), true);
}

void ObjectLocator::pointer(std::uint64_t at, std::uint64_t /*target*/, const TypeNode& /*type*/) {
  cover(at, walker_->owner().size, walker_->owner(), false);
}

void ObjectLocator::begin(std::uint64_t at, const TypeNode& type, std::uint64_t /*elements*/) {
  cover(at, type.size, type, false);
}

void ObjectLocator::value(std::uint64_t at, const TypeNode& type) {
  cover(at, type.size, type, false);
}

void ObjectLocator::empty(std::uint64_t at, const TypeNode& type) {
  cover(at, type.size, type, false);
}

void ObjectLocator::damaged(std::uint64_t at, const TypeNode& type) {
  cover(at, type.size, type, false);
}

}  // namespace cairn
