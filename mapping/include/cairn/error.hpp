// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace cairn {

/// What went wrong, one value a cause that a caller may want to tell from the others.
enum class errc : int {
  not_a_store = 1,          ///< the bytes are not those of a store
  empty_file,               ///< a file of no bytes where a store was expected
  is_directory,             ///< a directory where a store was expected
  not_a_regular_file,       ///< a FIFO, socket or device where a store was expected
  not_found,                ///< no file under that path, or no root under that name
  already_exists,           ///< `create` found a file, or `construct` a root of that name
  permission_denied,        ///< the system refused access to the file
  version_mismatch,         ///< another format version, feature, byte order or page size
  truncated,                ///< the file is shorter than its header says
  corrupt,                  ///< stored bytes contradict themselves or their checksum
  needs_recovery,           ///< unclean, and opened in a way that may not repair it
  power_lost,               ///< power failed under a store that does not promise to survive that
  durability_mismatch,      ///< the store was created for another durability
  type_mismatch,            ///< a root exists under that name with another type
  no_space,                 ///< the disk is full, or read sections keep the log full
  too_large,                ///< over `max_bytes`, `max_log_bytes` or the private-page budget
  io,                       ///< the system failed to read, write or sync
  read_only,                ///< a write to something opened for reading
  timeout,                  ///< somebody else held on for too long
  fenced,                   ///< another process took the write lock away from this one
  forked,                   ///< a handle that was inherited through fork(2)
  too_many_processes,       ///< the process table or the reader lanes are full
  no_transaction,           ///< a change outside a write transaction
  write_inside_read,        ///< a change through, or a write begun inside, a read section
  transaction_active,       ///< a write transaction of this thread, or a section, is in the way
  unmarked_write,           ///< `verify_writes` found a change that nothing declared
  replaced,                 ///< the path now names another file
  closed,                   ///< the store was closed
  invalid_argument,         ///< an argument outside its documented range
  copied_while_open,        ///< a copy of files that were not closed: may mix several states
  unsupported_file_system,  ///< one that cannot keep what a store of that level promises
};

const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

/// Every failure that cairn reports: the cause as `code()`, the file as `path()`, and both with the
/// numbers at fault in `what()`.
class Error : public std::system_error {
 public:
  /// `detail` says what was found and what was expected, with numbers, and what to do next where
  /// that is known. `system_errno` is the errno behind the failure, 0 if there is none.
  Error(errc code, std::string path, std::string_view detail, int system_errno = 0);

  const char* what() const noexcept override { return what_.c_str(); }
  const std::string& path() const noexcept { return path_; }
  int system_errno() const noexcept { return system_errno_; }

 private:
  std::string path_;
  std::string what_;
  int system_errno_;
};

/// True where `error` carries exactly this cause.
inline bool operator==(const Error& error, errc code) noexcept {
  return error.code() == make_error_code(code);
}

}  // namespace cairn

template <>
struct std::is_error_code_enum<cairn::errc> : std::true_type {};
