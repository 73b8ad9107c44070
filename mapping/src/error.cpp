// SPDX-License-Identifier: BSL-1.0
#include "cairn/error.hpp"

#include <cstring>

namespace cairn {
namespace {

const char* describe(errc code) noexcept {
  switch (code) {
    case errc::not_a_store: return "not a cairn store";
    case errc::empty_file: return "the file is empty";
    case errc::is_directory: return "a directory, not a store";
    case errc::not_a_regular_file: return "not a regular file";
    case errc::not_found: return "not found";
    case errc::already_exists: return "already exists";
    case errc::permission_denied: return "permission denied";
    case errc::version_mismatch: return "made by an incompatible version or machine";
    case errc::truncated: return "the file is shorter than its header says";
    case errc::corrupt: return "the store is damaged";
    case errc::needs_recovery: return "the store needs recovery";
    case errc::power_lost: return "power was lost under a store that is only kill-safe";
    case errc::durability_mismatch: return "the store was created for another durability";
    case errc::type_mismatch: return "the stored type is another one";
    case errc::no_space: return "no space left";
    case errc::too_large: return "larger than the limit";
    case errc::io: return "input or output failed";
    case errc::read_only: return "opened for reading only";
    case errc::timeout: return "timed out";
    case errc::fenced: return "the write lock was taken over by another process";
    case errc::forked: return "the handle belongs to the parent process";
    case errc::too_many_processes: return "no free slot";
    case errc::no_transaction: return "no write transaction is active here";
    case errc::write_inside_read: return "a write inside a read section";
    case errc::transaction_active: return "a transaction is active";
    case errc::unmarked_write: return "a change that nothing declared";
    case errc::replaced: return "the path now names another file";
    case errc::closed: return "the store is closed";
    case errc::invalid_argument: return "invalid argument";
    case errc::copied_while_open: return "the store is a copy of files that were not closed";
    case errc::unsupported_file_system:
      return "its file system cannot keep what the store promises";
  }
  return "unknown error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "cairn"; }
  std::string message(int value) const override { return describe(static_cast<errc>(value)); }
};

std::string compose(errc code, const std::string& path, std::string_view detail, int system_errno) {
  std::string text = path.empty() ? std::string("cairn") : path;
  text += ": ";
  text += describe(code);
  if (!detail.empty()) {
    text += ": ";
    text += detail;
  }
  if (system_errno != 0) {
    text += " (";
    text += std::generic_category().message(system_errno);
    text += ")";
  }
  return text;
}

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

Error::Error(errc code, std::string path, std::string_view detail, int system_errno)
    : std::system_error(make_error_code(code)),
      path_(std::move(path)),
      what_(compose(code, path_, detail, system_errno)),
      system_errno_(system_errno) {}

}  // namespace cairn
