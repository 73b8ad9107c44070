// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

#include "cairn/store.hpp"

namespace cairn::tool {

/// Opens a store for a command that changes nothing: as any process does, which recovers it where
/// that is due, or for reading only where the files cannot be written or readers hold them still.
Store open_to_look(const std::string& path, const std::string& label);

}  // namespace cairn::tool
