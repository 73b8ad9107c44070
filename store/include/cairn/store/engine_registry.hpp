// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {

/// The stores that this process has open, by file, so that one file opened twice (by another path,
/// a link or a bind mount) is one engine: two of them would take each other's locks for their own.
///
/// Threads: any.
class EngineRegistry {
 public:
  static EngineRegistry& instance();

  /// The engine of `id` if there is one.
  std::shared_ptr<Engine> find(const FileId& id);
  void add(const FileId& id, const std::shared_ptr<Engine>& engine);
  void remove(const Engine* engine) noexcept;

  /// Serialises opening, so that two threads do not both attach to one file.
  std::unique_lock<std::mutex> lock_opening();

  /// Throws errc::write_inside_read or no_transaction where `p` lies in a view of an open store,
  /// errc::forked where that is the parent's.
  static void explain_address(const void* p);
  /// The shared image of the open store whose read view holds `p`.
  static SharedImage shared_image_at(const void* p);

 private:
  friend class KeptFromChildren;
  EngineRegistry();
  struct Table;
  std::unique_ptr<Table> table_;
  /// Those of the parent, in a forked child, while their handles exist. Guarded by the table's
  /// mutex.
  std::vector<const Engine*> inherited_;
};

/// Opens files that a child which another thread forks meanwhile closes at once, as it does with
/// those of the stores in the registry: it would keep the locks on them when this process dies.
class KeptFromChildren {
 public:
  KeptFromChildren() = default;
  KeptFromChildren(const KeptFromChildren&) = delete;
  KeptFromChildren& operator=(const KeptFromChildren&) = delete;
  ~KeptFromChildren();

  File open(const std::string& path, File::Access access);

 private:
  std::vector<int> descriptors_;
};

}  // namespace cairn
