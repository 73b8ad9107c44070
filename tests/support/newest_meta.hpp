// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

#include "stored_structs.hpp"

namespace cairn::test {

/// The meta slot that whoever opened the store at `path` now would go by, if both are whole.
inline MetaSlot newest_meta_of(const std::string& path) {
  const auto first = read_struct<MetaSlot>(path, meta_offset(0));
  const auto second = read_struct<MetaSlot>(path, meta_offset(1));
  return first.turn > second.turn ? first : second;
}

}  // namespace cairn::test
