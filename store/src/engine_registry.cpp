// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/engine_registry.hpp"

#include <pthread.h>
#include <sys/stat.h>
#include <tsl/robin_map.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <shared_mutex>

#include "cairn/error.hpp"

namespace cairn {

namespace {

/// Release pairs with the acquire in `live_line`.
void forget_shared_images() noexcept {
  shared_image_generation.fetch_add(1, std::memory_order_release);
}

}  // namespace

struct EngineRegistry::Table {
  struct Entry {
    Engine* engine;
    std::weak_ptr<Engine> owner;
  };
  std::mutex opening;
  std::shared_mutex mutex;
  tsl::robin_map<FileId, Entry> engines;  ///< guarded by mutex
  struct Attaching {
    int descriptor;
    FileId id;
  };
  std::vector<Attaching> attaching;  ///< guarded by mutex

  /// Not those whose number another file has got meanwhile.
  void close_attaching() const noexcept {
    for (const Attaching& file : attaching) {
      struct stat found {};
      if (::fstat(file.descriptor, &found) != 0) continue;
      if (FileId{found.st_dev, found.st_ino} == file.id) ::close(file.descriptor);
    }
  }
};

EngineRegistry& EngineRegistry::instance() {
  // Never destroyed: stores may be closed by static objects that outlive this one.
  static auto* const registry = new EngineRegistry;
  return *registry;
}

EngineRegistry::EngineRegistry() : table_(std::make_unique<Table>()) {
  set_foreign_address_check(&EngineRegistry::explain_address);
  set_shared_image_lookup(&EngineRegistry::shared_image_at);
  // In a forked child every handle is the parent's: its locks, lanes and slot go on being the
  // parent's whatever the child does. The child begins with a table of its own, so that it can open
  // the same files for itself; the old one stays, since its locks may be held by threads that the
  // child does not have.
  const int failure = ::pthread_atfork(
      [] {
        instance().table_->mutex.lock();
        ReaderLanes::lock_for_fork();
      },
      [] {
        ReaderLanes::unlock_after_fork();
        instance().table_->mutex.unlock();
      },
      [] {
        ReaderLanes::unlock_after_fork();
        const Table* const inherited = instance().table_.release();
        inherited->close_attaching();
        for (auto& entry : inherited->engines) {
          entry.second.engine->abandon_in_child();
          instance().inherited_.push_back(entry.second.engine);
        }
        instance().table_ = std::make_unique<Table>();
        forget_shared_images();
      });
  // It fails for want of memory alone.
  if (failure != 0) throw std::bad_alloc();
}

std::shared_ptr<Engine> EngineRegistry::find(const FileId& id) {
  const std::shared_lock guard(table_->mutex);
  const auto found = table_->engines.find(id);
  return found == table_->engines.end() ? nullptr : found->second.owner.lock();
}

void EngineRegistry::add(const FileId& id, const std::shared_ptr<Engine>& engine) {
  const std::unique_lock guard(table_->mutex);
  table_->engines.insert_or_assign(id, Table::Entry{engine.get(), engine});
}

void EngineRegistry::remove(const Engine* engine) noexcept {
  const std::unique_lock guard(table_->mutex);
  std::erase(inherited_, engine);
  for (auto entry = table_->engines.begin(); entry != table_->engines.end(); ++entry) {
    if (entry->second.engine == engine) {
      table_->engines.erase(entry);
      forget_shared_images();
      return;
    }
  }
}

File KeptFromChildren::open(const std::string& path, File::Access access) {
  EngineRegistry::Table& table = *EngineRegistry::instance().table_;
  const std::unique_lock guard(table.mutex);
  descriptors_.reserve(descriptors_.size() + 1);
  table.attaching.reserve(table.attaching.size() + 1);
  File file = File::open(path, access);
  descriptors_.push_back(file.descriptor());
  table.attaching.push_back({file.descriptor(), file.id()});
  return file;
}

KeptFromChildren::~KeptFromChildren() {
  EngineRegistry::Table& table = *EngineRegistry::instance().table_;
  const std::unique_lock guard(table.mutex);
  for (const int descriptor : descriptors_) {
    const auto found = std::ranges::find(table.attaching, descriptor,
                                         &EngineRegistry::Table::Attaching::descriptor);
    if (found != table.attaching.end()) table.attaching.erase(found);
  }
}

std::unique_lock<std::mutex> EngineRegistry::lock_opening() {
  return std::unique_lock(table_->opening);
}

void EngineRegistry::explain_address(const void* p) {
  EngineRegistry& self = instance();
  const std::shared_lock guard(self.table_->mutex);
  for (const auto& entry : self.table_->engines) {
    const Engine& engine = *entry.second.engine;
    if (engine.is_in_read_view(p)) {
      throw Error(errc::write_inside_read, engine.path(),
                  "the object was found in a read section; find it in a write transaction");
    }
    if (engine.is_in_working_view(p)) {
      throw Error(errc::no_transaction, engine.path(),
                  "this thread has no write transaction on the store that the object stands in");
    }
  }
  for (const Engine* const engine : self.inherited_) {
    if (engine->is_in_read_view(p) || engine->is_in_working_view(p)) {
      throw Error(errc::forked, engine->path(),
                  "the object is the parent's; open the store again in the child process");
    }
  }
}

SharedImage EngineRegistry::shared_image_at(const void* p) {
  EngineRegistry& self = instance();
  const std::shared_lock guard(self.table_->mutex);
  for (const auto& entry : self.table_->engines) {
    SharedImage image = entry.second.engine->shared_image(p);
    if (image.bytes == 0) continue;
    // Closing raises it under the lock that is held here.
    image.generation = shared_image_generation.load(std::memory_order_relaxed);
    return image;
  }
  return {};
}

}  // namespace cairn
