// SPDX-License-Identifier: BSL-1.0
#include "cairn/error.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/store/snapshot.hpp"
#include "cairn/transaction.hpp"

namespace cairn {

/// The section keeps commits out of the shared image, so what is copied from the file is one state:
/// of the heap's pages only the lines of Atomics change, which belong to no state.
std::uint64_t Engine::snapshot(const std::string& path, const SnapshotOptions& how) {
  require_open();
  if (ActiveWrite::find(context_.shown_base()) != nullptr) {
    throw Error(errc::transaction_active, this->path(),
                "a snapshot holds what is committed; commit this thread's write transaction, or "
                "let it go, before taking one");
  }
  Snapshot made(path, options_, identity_.durability, reach_bytes_);
  std::uint64_t sequence = 0;
  {
    // Neither syncing nor naming needs it, and the sooner it ends the less it holds back.
    const ReadTransaction section(*this, lanes_);
    sequence = section.sequence();
    made.copy({data_, section.bytes(), read_view_.data(), sequence}, how);
  }
  made.finish(how);
  return sequence;
}

}  // namespace cairn
