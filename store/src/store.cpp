// SPDX-License-Identifier: BSL-1.0
#include "cairn/store.hpp"

#include "cairn/store/checker.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {

Store::Store(std::shared_ptr<Engine> engine, bool read_only)
    : engine_(std::move(engine)), lanes_(&engine_->lanes()), read_only_(read_only) {}

void Store::require_writable() const {
  engine_->require_open();
  if (read_only_) throw Error(errc::read_only, path(), "the handle came from open_read_only");
}

Store Store::open(const std::string& path, const Options& options) {
  return Store(Engine::open(path, options, OpenMode::open_or_create));
}

Store Store::create(const std::string& path, const Options& options) {
  return Store(Engine::open(path, options, OpenMode::create));
}

Store Store::open_existing(const std::string& path, const Options& options) {
  return Store(Engine::open(path, options, OpenMode::open_existing));
}

Store Store::open_read_only(const std::string& path, const Options& options) {
  return Store(Engine::open_read_only(path, options), true);
}

WriteTransaction Store::begin_write() {
  require_writable();
  return WriteTransaction(*engine_);
}

void Store::sync() {
  require_writable();
  engine_->sync();
}

void Store::checkpoint() {
  require_writable();
  engine_->checkpoint();
}

void Store::close() {
  engine_->close();
}

std::uint64_t Store::snapshot(const std::string& path, const SnapshotOptions& how) const {
  return engine_->snapshot(path, how);
}

std::uint64_t Store::sequence() const {
  engine_->require_open();
  return engine_->sequence();
}

std::uint64_t Store::wait_for_change(std::uint64_t sequence,
                                     std::chrono::nanoseconds timeout) const {
  return engine_->wait_for_change(sequence, timeout);
}

std::uint64_t Store::size() const {
  return engine_->file_bytes();
}

std::uint64_t Store::used() const {
  const ReadTransaction section = begin_read();
  return section.heap().used();
}

std::uint64_t Store::limit() const {
  engine_->require_open();
  return engine_->limit_bytes();
}

void Store::resize_file(std::uint64_t bytes) {
  require_writable();
  engine_->resize_file(bytes);
}

std::uint64_t Store::shrink_to_usage() {
  require_writable();
  return engine_->shrink_to_usage();
}

std::optional<ResizeInfo> Store::check_operation_timeout() const {
  return engine_->resize_under_way();
}

RecoveryReport Store::cleanup_failed_resize() {
  require_writable();
  return engine_->cleanup_failed_resize();
}

RecoveryReport Store::recover(const RecoverOptions& how) {
  require_writable();
  return engine_->recover(how);
}

RecoveryReport Store::last_recovery() const {
  engine_->require_open();
  return engine_->last_recovery();
}

std::vector<ProcessInfo> Store::processes() const {
  engine_->require_open();
  return engine_->processes();
}

void Store::update_heartbeat() {
  engine_->require_open();
  engine_->process_table().beat();
}

CheckReport Store::check() const {
  const ReadTransaction section = begin_read();
  return check_store(*engine_, section.bytes());
}

const std::string& Store::path() const {
  return engine_->path();
}

Durability Store::durability() const {
  engine_->require_open();
  return engine_->durability();
}

}  // namespace cairn
