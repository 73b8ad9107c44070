// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

#include "cairn/transaction.hpp"

namespace cairn::golden {

/// One kind of content. What is listed here never changes once a set of files holds it: new kinds
/// are new parts, with roots of their own.
struct Part {
  const char* name;
  void (*build)(WriteTransaction&);
  /// Throws std::runtime_error where something reads otherwise than it was built.
  void (*verify)(const ReadTransaction&);
  /// Uses what was built as a program would: inserts, erases, grows.
  void (*change)(WriteTransaction&);
};

const std::vector<Part>& parts();
/// Throws std::runtime_error where there is no such part.
const Part& part(const std::string& name);

/// Files as text: a line for each 64 bytes that are not all zero, its offset and its bytes in
/// hexadecimal without the zeros at the end, or `=` for the same bytes as in the line before; and
/// the length of the file. A store's files are mostly holes.
void write_packed(const std::string& file, const std::string& packed);
void unpack(const std::string& packed, const std::string& file);

/// The two kinds of files in a set: closed, with an empty log; and as a power cut leaves them, with
/// commits that are in the log alone.
inline constexpr const char* closed_name = "closed";
inline constexpr const char* unfinished_name = "unfinished";

/// Makes a new set of files in `directory`, which must not exist.
void write_set(const std::string& directory);

}  // namespace cairn::golden
