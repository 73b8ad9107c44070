// SPDX-License-Identifier: BSL-1.0
#include "cairn/allocator/write_context.hpp"

#include <atomic>

#include "cairn/error.hpp"

namespace cairn {
namespace {

// Release and acquire pair, so that whatever the check looks at was set up before it is called.
std::atomic<ForeignAddressCheck> foreign_address_check{nullptr};
std::atomic<SharedImageLookup> shared_image_lookup{nullptr};

}  // namespace

void ActiveWrite::push(WriteContext& context) noexcept {
  mark_memory.forget();
  context.outer_ = current_write;
  current_write = &context;
}

void ActiveWrite::pop(WriteContext& context) noexcept {
  mark_memory.forget();
  WriteContext** link = &current_write;
  while (*link != nullptr && *link != &context) link = &(*link)->outer_;
  if (*link == nullptr) return;
  *link = context.outer_;
  context.outer_ = nullptr;
}

WriteContext* ActiveWrite::find(const void* p) noexcept {
  WriteContext* context = current_write;
  while (context != nullptr && !context->contains(p)) context = context->outer_;
  return context;
}

constinit thread_local const MadeFor* MadeFor::innermost = nullptr;

void MadeFor::declare(const void* object, std::size_t bytes, const void* home) {
  WriteContext* const store = home_of(home);
  begin_ = static_cast<const std::byte*>(object);
  bytes_ = bytes;
  store_ = store != nullptr ? store : current_write;
  outer_ = innermost;
  innermost = this;
}

WriteContext* MadeFor::find(const void* p) noexcept {
  const auto* const at = static_cast<const std::byte*>(p);
  for (const MadeFor* made = innermost; made != nullptr; made = made->outer_) {
    if (made->begin_ <= at && at < made->begin_ + made->bytes_) return made->store_;
  }
  return nullptr;
}

WriteContext* home_of(const void* self) noexcept {
  WriteContext* const store = ActiveWrite::find(self);
  return store != nullptr ? store : MadeFor::find(self);
}

void set_foreign_address_check(ForeignAddressCheck check) noexcept {
  foreign_address_check.store(check, std::memory_order_release);
}

void set_shared_image_lookup(SharedImageLookup lookup) noexcept {
  shared_image_lookup.store(lookup, std::memory_order_release);
}

std::byte* detail::live_line_elsewhere(const void* p, bool to_change) {
  auto* const line = static_cast<std::byte*>(const_cast<void*>(p));
  const SharedImageLookup lookup = shared_image_lookup.load(std::memory_order_acquire);
  if (lookup == nullptr) return line;
  const SharedImage image = lookup(p);
  if (image.bytes != 0) {
    if (image.read_only && to_change) {
      throw Error(errc::read_only, "", "an Atomic of a store that was opened by open_read_only");
    }
    // Only what may be changed is remembered: there nobody has to ask.
    if (!image.read_only) hot_image = image;
    return line + image.to_window;
  }
  const ForeignAddressCheck check = foreign_address_check.load(std::memory_order_acquire);
  if (check != nullptr) check(p);
  return line;
}

bool detail::mark_anew(const void* p, std::size_t bytes) {
  WriteContext* const context = ActiveWrite::find(p);
  if (context != nullptr) return context->mark_and_remember(p, bytes);
  const ForeignAddressCheck check = foreign_address_check.load(std::memory_order_acquire);
  if (check != nullptr) check(p);
  return false;
}

void detail::mark_object_anew(const void* object, std::size_t bytes, std::size_t place) {
  const auto* const at = static_cast<const std::byte*>(object);
  const bool remembered = at >= mark_memory.begin && at + bytes <= mark_memory.end;
  // What lies in no store now may lie in one later: it is not remembered.
  if (remembered || mark_anew(object, bytes)) {
    mark_memory.objects[place] = object;
  }
}

FreeListAllocator& heap_for(const void* self) {
  WriteContext* context = home_of(self);
  if (context == nullptr) {
    // In a store that this thread may not write, the check says so by throwing.
    const ForeignAddressCheck check = foreign_address_check.load(std::memory_order_acquire);
    if (check != nullptr) check(self);
    context = current_write;
  }
  if (context == nullptr) {
    throw Error(errc::no_transaction, {},
                "a container outside all stores can hold something only within a write "
                "transaction, whose store it allocates from");
  }
  return context->heap();
}

}  // namespace cairn
