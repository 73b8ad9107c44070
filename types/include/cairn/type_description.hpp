// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/storable.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// The layout of `T` as text: kinds, names and offsets of fields, sizes. Structural (a struct's own
/// name is not part of it) and equal for every compiler that lays `T` out in the same way. The
/// grammar is in docs/types.md; `TypeTree::parse` reads it.
///
/// Complexity: composed once a process.
/// Threads:    any.
template <class T>
const std::string& describe_type() {
  static const std::string text = [] {
    TypeWriter writer;
    writer.type<T>();
    return writer.take();
  }();
  return text;
}

/// A 64-bit digest of `describe_type<T>()`: what a `find` compares before it compares texts.
template <class T>
std::uint64_t type_fingerprint() {
  static const std::uint64_t fingerprint =
      hash_bytes(describe_type<T>().data(), describe_type<T>().size());
  return fingerprint;
}

}  // namespace cairn
