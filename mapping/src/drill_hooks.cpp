// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/drill_hooks.hpp"

#include <atomic>

namespace cairn::drill {
namespace {
// Relaxed: a drill installs its observers before it starts the threads that it watches.
std::atomic<IoObserver> io_observer{nullptr};
std::atomic<CrashObserver> crash_observer{nullptr};
std::atomic<AllocationObserver> allocation_observer{nullptr};
std::atomic<MappingKeeper*> keeper{nullptr};
}  // namespace

void set_io_observer(IoObserver observer) noexcept {
  io_observer.store(observer, std::memory_order_relaxed);
}

int observe(const IoOperation& operation) noexcept {
  const IoObserver observer = io_observer.load(std::memory_order_relaxed);
  return observer == nullptr ? 0 : observer(operation);
}

void set_mapping_keeper(MappingKeeper* one) noexcept {
  keeper.store(one, std::memory_order_relaxed);
}

MappingKeeper* mapping_keeper() noexcept {
  return keeper.load(std::memory_order_relaxed);
}

CrashObserver set_crash_observer(CrashObserver observer) noexcept {
  return crash_observer.exchange(observer, std::memory_order_relaxed);
}

void reach_crash_point(const char* name) noexcept {
  const CrashObserver observer = crash_observer.load(std::memory_order_relaxed);
  if (observer != nullptr) observer(name);
}

void set_allocation_observer(AllocationObserver observer) noexcept {
  allocation_observer.store(observer, std::memory_order_relaxed);
}

bool refuses_allocation(std::size_t bytes) noexcept {
  const AllocationObserver observer = allocation_observer.load(std::memory_order_relaxed);
  return observer != nullptr && observer(bytes);
}

}  // namespace cairn::drill
