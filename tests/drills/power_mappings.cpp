// SPDX-License-Identifier: BSL-1.0
#include "power_mappings.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace cairn::drills {
namespace {

bool are_alike(const drill::SharedMapping& one, const drill::SharedMapping& other) noexcept {
  return one.inode == other.inode && one.offset == other.offset && one.bytes == other.bytes &&
         one.writable == other.writable && one.twice == other.twice;
}

}  // namespace

KeptMappings::~KeptMappings() {
  drill::set_mapping_keeper(nullptr);
  while (!kept_.empty()) drop(kept_.back().mapping.inode);
}

void KeptMappings::drop(std::uint64_t inode) noexcept {
  std::erase_if(kept_, [&](const Kept& one) {
    if (one.mapping.inode != inode) return false;
    ::munmap(one.at, one.mapping.twice ? 2 * one.mapping.bytes : one.mapping.bytes);
    return true;
  });
}

std::uint64_t KeptMappings::inode_of(int descriptor) const noexcept {
  const auto known = std::ranges::find(descriptors_, descriptor, &Descriptor::descriptor);
  return known == descriptors_.end() ? 0 : known->inode;
}

std::byte* KeptMappings::lend(const drill::SharedMapping& wanted) noexcept {
  if (!lends_) return nullptr;
  if (inode_of(wanted.descriptor) == 0) descriptors_.push_back({wanted.descriptor, wanted.inode});
  for (Kept& one : kept_) {
    if (one.is_lent || !are_alike(one.mapping, wanted)) continue;
    one.is_lent = true;
    return one.at;
  }
  return nullptr;
}

void KeptMappings::note(const drill::SharedMapping& made, std::byte* at) noexcept {
  if (lends_) kept_.push_back({made, at, true});
}

void KeptMappings::forget(const std::byte* at) noexcept {
  std::erase_if(kept_, [&](const Kept& one) { return one.at == at; });
}

bool KeptMappings::keep(const std::byte* at) noexcept {
  const auto kept = std::ranges::find(kept_, at, &Kept::at);
  if (kept == kept_.end()) return false;
  kept->is_lent = false;
  return true;
}

}  // namespace cairn::drills
