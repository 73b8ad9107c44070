// SPDX-License-Identifier: BSL-1.0
#include "cairn/transaction.hpp"

#include <utility>

#include "cairn/error.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/type_difference.hpp"

namespace cairn {
namespace {

bool is_of_type(const RootInfo& root, const detail::RootType& type) noexcept {
  const bool same_shape = root.bytes == type.bytes && root.align == type.align;
  return same_shape && root.fingerprint == type.fingerprint && root.type == type.text;
}

[[noreturn]] void throw_mismatch(const RootInfo& root, const detail::RootType& type,
                                 const std::string& path) {
  std::string message = "root \"" + std::string(root.name) + "\"\n  is stored as  " +
                        std::string(root.type) + "\n  asked for as  " + type.text;
  const std::string difference = first_type_difference(root.type, type.text);
  if (!difference.empty()) message += "\n  they differ at  " + difference;
  throw Error(errc::type_mismatch, path, message);
}

void require_type(const RootInfo& root, const detail::RootType& type, const std::string& path) {
  if (!is_of_type(root, type)) [[unlikely]]
    throw_mismatch(root, type, path);
}

void require_block(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align,
                   std::uint64_t heap_end, const std::string& path) {
  if (offset >= heap_begin && offset <= heap_end && bytes <= heap_end - offset &&
      offset % align == 0) {
    return;
  }
  throw Error(errc::invalid_argument, path,
              "no object of " + std::to_string(bytes) + " bytes at offset " +
                  std::to_string(offset) + "; the heap reaches from " + std::to_string(heap_begin) +
                  " to " + std::to_string(heap_end));
}

std::vector<std::string> names_in(const CatalogReader& catalog) {
  std::vector<std::string> names;
  catalog.for_each([&](const RootInfo& root) { names.emplace_back(root.name); });
  return names;
}

}  // namespace

CatalogReader ReadTransaction::catalog() const {
  const HeapBytes seen = bytes();
  return {seen.base, seen.end, engine_->path()};
}

HeapBytes ReadTransaction::bytes() const {
  // In a forked child nothing keeps in place what the parent's section reads.
  engine_->require_open();
  return engine_->section_bytes(*lane_);
}

HeapReader ReadTransaction::heap() const {
  const HeapBytes seen = bytes();
  return {seen.base, seen.end, engine_->path()};
}

const void* ReadTransaction::find_root(std::string_view name, const detail::RootType& type) const {
  const auto root = catalog().find(name);
  if (!root) return nullptr;
  require_type(*root, type, engine_->path());
  return bytes().base + root->offset;
}

const void* ReadTransaction::resolve(std::uint64_t offset, std::uint64_t bytes,
                                     std::uint64_t align) const {
  const HeapBytes seen = this->bytes();
  require_block(offset, bytes, align, seen.end, engine_->path());
  return seen.base + offset;
}

std::uint64_t ReadTransaction::offset_of(const void* object, std::uint64_t bytes) const {
  const HeapBytes seen = this->bytes();
  const auto offset =
      reinterpret_cast<std::uintptr_t>(object) - reinterpret_cast<std::uintptr_t>(seen.base);
  require_block(offset, bytes, 1, seen.end, engine_->path());
  return offset;
}

std::vector<std::string> ReadTransaction::names() const {
  return names_in(catalog());
}

WriteTransaction::WriteTransaction(Engine& engine) : engine_(&engine) {
  engine_->begin_write();
  try {
    engine_->require_own_paths();
  } catch (...) {
    engine_->rollback();
    throw;
  }
}

WriteTransaction& WriteTransaction::operator=(WriteTransaction&& other) noexcept {
  if (this != &other) {
    rollback();
    engine_ = std::exchange(other.engine_, nullptr);
  }
  return *this;
}

WriteTransaction::~WriteTransaction() {
  rollback();
}

void WriteTransaction::rollback() noexcept {
  if (engine_ == nullptr) return;
  std::exchange(engine_, nullptr)->rollback();
}

Engine& WriteTransaction::engine() const {
  if (engine_ == nullptr) {
    throw Error(errc::no_transaction, "", "this transaction has ended; begin another");
  }
  // In a forked child it is the parent's.
  engine_->require_open();
  return *engine_;
}

std::uint64_t WriteTransaction::commit() {
  return commit(engine().durability());
}

std::uint64_t WriteTransaction::commit(Durability durability) {
  Engine& ending = engine();
  engine_ = nullptr;
  return ending.commit(durability);
}

Catalog WriteTransaction::catalog() const {
  Engine& store = engine();
  return {store.context().base(), store.transaction_heap_end(), store.path(),
          store.context().heap()};
}

void* WriteTransaction::find_root(std::string_view name, const detail::RootType& type) const {
  const auto root = catalog().find(name);
  if (!root) return nullptr;
  require_type(*root, type, engine().path());
  return engine().context().base() + root->offset;
}

void* WriteTransaction::find_to_migrate(std::string_view name, const detail::RootType& from,
                                        const detail::RootType& to) const {
  const auto root = catalog().find(name);
  if (!root || is_of_type(*root, to)) return nullptr;
  return find_root(name, from);
}

void WriteTransaction::require_free_name(std::string_view name) const {
  if (!catalog().find(name)) return;
  throw Error(errc::already_exists, engine().path(), "root \"" + std::string(name) + "\"");
}

void WriteTransaction::insert_name(std::string_view name, const detail::RootType& type,
                                   const void* object) {
  RootInfo root;
  root.name = name;
  root.type = type.text;
  root.fingerprint = type.fingerprint;
  root.offset = engine().context().offset_of(object);
  root.bytes = type.bytes;
  root.align = type.align;
  catalog().insert(root);
}

void WriteTransaction::erase_name(std::string_view name) {
  catalog().erase(name);
}

std::vector<std::string> WriteTransaction::names() const {
  return names_in(catalog());
}

void* WriteTransaction::resolve(std::uint64_t offset, std::uint64_t bytes,
                                std::uint64_t align) const {
  Engine& store = engine();
  require_block(offset, bytes, align, store.transaction_heap_end(), store.path());
  return store.context().base() + offset;
}

std::uint64_t WriteTransaction::offset_of(const void* object, std::uint64_t bytes) const {
  Engine& store = engine();
  const std::uint64_t offset = store.context().offset_of(object);
  require_block(offset, bytes, 1, store.transaction_heap_end(), store.path());
  return offset;
}

FreeListAllocator& WriteTransaction::heap() {
  return engine().context().heap();
}

void WriteTransaction::require_own(const void* p, std::size_t bytes) const {
  const WriteContext& context = engine().context();
  if (context.contains(p) && bytes <= context.reach_bytes() - context.offset_of(p)) return;
  throw Error(errc::no_transaction, engine().path(),
              "what is to be changed lies outside this store as the transaction sees it; find it "
              "in this transaction, by find, a Ref or a container. What is in no store needs no "
              "mark and no modify");
}

void WriteTransaction::mark(const void* p, std::size_t bytes) {
  require_own(p, bytes);
  engine().context().mark(p, bytes);
}

std::uint64_t WriteTransaction::sequence() const {
  return engine().transaction_sequence();
}

}  // namespace cairn
