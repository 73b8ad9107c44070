// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/cairn.hpp"
#include "golden_store.hpp"

/// \file
/// What the files that make up the parts have in common.
namespace cairn::golden {

inline void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("golden content: ") + what);
}

template <class T>
const T& root(const ReadTransaction& tx, const char* name) {
  const T* const found = tx.find<T>(name);
  if (found == nullptr) throw std::runtime_error(std::string("golden content: no root ") + name);
  return *found;
}

/// The parts that came with the containers of 0.1-containers (golden_containers.cpp).
std::vector<Part> container_parts();

}  // namespace cairn::golden
