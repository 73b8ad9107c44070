// SPDX-License-Identifier: BSL-1.0
#include "power_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "mix.hpp"
#include "stored_structs.hpp"

namespace cairn::drills {
namespace {

/// Longer than any file of a workload becomes.
constexpr std::uint64_t mapped_bytes = 16 << 20;
/// So many images are written for each that is compared with what it should be.
constexpr std::uint64_t verified_each = 256;

ImageFiles* watching = nullptr;

[[noreturn]] void throw_image_failed(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

ImageFiles::ImageFiles(std::string path) : path_(std::move(path)) {
  slots_[static_cast<std::size_t>(StoreName::data)].name = path_;
  slots_[static_cast<std::size_t>(StoreName::log)].name = path_ + "-log";
  for (Slot& slot : slots_) slot.is_changed.resize(mapped_bytes / sector_bytes);
}

ImageFiles::~ImageFiles() {
  end_watching();
  for (Slot& slot : slots_) drop(slot);
}

void ImageFiles::create(Slot& slot) {
  slot.descriptor = ::open(slot.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  struct stat status {};
  if (slot.descriptor < 0 || ::fstat(slot.descriptor, &status) != 0) {
    throw_image_failed("create " + slot.name);
  }
  void* const at =
      ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, slot.descriptor, 0);
  if (at == MAP_FAILED) throw_image_failed("map " + slot.name);
  slot.bytes = static_cast<std::byte*>(at);
  slot.inode = status.st_ino;
  slot.length = 0;
}

void ImageFiles::drop(Slot& slot) noexcept {
  forget(slot);
  // The library may have put a file there by itself.
  ::unlink(slot.name.c_str());
  if (slot.descriptor < 0) return;
  mappings_.drop(slot.inode);
  ::munmap(slot.bytes, mapped_bytes);
  ::close(slot.descriptor);
  slot.descriptor = -1;
  slot.length.reset();
}

/// None where the file has no name any more, which the library may have taken away.
std::optional<std::uint64_t> ImageFiles::length_of(Slot& slot) {
  if (slot.descriptor < 0 || slot.length) return slot.length;
  struct stat status {};
  if (::fstat(slot.descriptor, &status) != 0) throw_image_failed("fstat of " + slot.name);
  if (status.st_nlink != 0) slot.length = static_cast<std::uint64_t>(status.st_size);
  return slot.length;
}

/// Makes the file so long, and there where it is not. Returns how long it was.
std::uint64_t ImageFiles::make_room(Slot& slot, std::uint64_t length) {
  if (!length_of(slot)) {
    drop(slot);
    create(slot);
  }
  const std::uint64_t before = *slot.length;
  if (before != length && ::ftruncate(slot.descriptor, static_cast<off_t>(length)) != 0) {
    throw_image_failed("ftruncate of " + slot.name);
  }
  slot.length = length;
  return before;
}

/// Gives the bytes what the base has there. Behind `before`, where the file ended, are zeros
/// already, for which the system needs no pages.
void ImageFiles::restore(Slot& slot, std::uint64_t begin, std::uint64_t end, std::uint64_t before) {
  const FileBytes& base = slot.base->bytes();
  const std::uint64_t middle = std::clamp<std::uint64_t>(base.size(), begin, std::max(begin, end));
  const std::uint64_t there = std::clamp(before, begin, middle);
  for (std::uint64_t at = begin; at < there;) {
    const std::uint64_t next = std::min(round_up(at + 1, page_bytes), there);
    // Reading a page maps those around it as well, writing it that one alone.
    if (std::memcmp(slot.bytes + at, base.data() + at, next - at) != 0) {
      std::memcpy(slot.bytes + at, base.data() + at, next - at);
    }
    at = next;
  }
  restore_cut_off(slot, there, middle);
  const std::uint64_t last = std::min(end, before);
  if (middle < last) std::memset(slot.bytes + middle, 0, last - middle);
}

/// Where the file has no pages the system writes them, many at once: that spares a fault for each,
/// and since nobody has them mapped it costs little to cut them off again.
void ImageFiles::restore_cut_off(const Slot& slot, std::uint64_t begin, std::uint64_t end) {
  const FileBytes& base = slot.base->bytes();
  std::uint64_t run = begin;
  const auto write_run = [&](std::uint64_t run_end) {
    if (run == run_end) return;
    const ssize_t put =
        ::pwrite(slot.descriptor, base.data() + run, run_end - run, static_cast<off_t>(run));
    if (put != static_cast<ssize_t>(run_end - run)) throw_image_failed("write " + slot.name);
  };
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t next = std::min(round_up(at + 1, page_bytes), end);
    // Some of the header counts for nothing in sums.
    const bool holds_something =
        at < heap_begin ||
        slot.base->sum(at / sector_bytes, (next + sector_bytes - 1) / sector_bytes) != 0;
    if (!holds_something) {
      write_run(at);
      run = next;
    }
    at = next;
  }
  write_run(end);
}

void ImageFiles::note(Slot& slot, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t end = std::min(offset + bytes, mapped_bytes);
  for (std::uint64_t sector = offset / sector_bytes; sector * sector_bytes < end; ++sector) {
    if (slot.is_changed[sector] != 0) continue;
    slot.is_changed[sector] = 1;
    slot.changed.push_back(static_cast<std::uint32_t>(sector));
  }
}

void ImageFiles::forget(Slot& slot) noexcept {
  slot.base_number = 0;
  for (const std::uint32_t sector : slot.changed) slot.is_changed[sector] = 0;
  slot.changed.clear();
}

void ImageFiles::forget_sectors() noexcept {
  for (Slot& slot : slots_) {
    forget(slot);
    slot.length.reset();
  }
}

void ImageFiles::write(Slot& slot, const LayeredImage::File& layers) {
  const std::uint64_t before = make_room(slot, layers.length);
  slot.base = layers.base;
  if (slot.base_number != layers.base->number()) {
    if (const auto updated = layers.base->updated_since(slot.base_number)) {
      for (const std::uint32_t sector : *updated) {
        note(slot, sector * sector_bytes, sector_bytes);
      }
      slot.base_number = layers.base->number();
    }
  }
  if (slot.base_number != layers.base->number()) {
    forget(slot);
    restore(slot, 0, layers.length, before);
    slot.base_number = layers.base->number();
  } else {
    for (const std::uint32_t sector : slot.changed) {
      const std::uint64_t begin = sector * sector_bytes;
      slot.is_changed[sector] = 0;
      if (begin >= before) continue;
      restore(slot, begin, std::min(begin + sector_bytes, layers.length), before);
    }
    slot.changed.clear();
    // What had been cut off is zeros now.
    restore(slot, before, layers.length, before);
    // Into the header of the data file processes write without telling.
    if (&slot == slots_.data()) restore(slot, 0, std::min(heap_begin, layers.length), before);
  }
  for (const auto& patch : layers.patches) note(slot, patch.offset, patch.bytes.size());
  write_patches(slot, layers, before);
}

/// Behind `before`, where the file ended, are no pages yet. Having the system write them, many at
/// once, spares a fault for each.
void ImageFiles::write_patches(const Slot& slot, const LayeredImage::File& layers,
                               std::uint64_t before) {
  std::array<iovec, 64> run;
  std::size_t parts = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  const auto write_run = [&] {
    if (parts == 0) return;
    const ssize_t put =
        ::pwritev(slot.descriptor, run.data(), static_cast<int>(parts), static_cast<off_t>(begin));
    if (put != static_cast<ssize_t>(end - begin)) throw_image_failed("write " + slot.name);
    parts = 0;
  };
  for (const auto& patch : layers.patches) {
    const std::span<const std::byte> bytes = patch.bytes;
    if (patch.offset < before) {
      std::memcpy(slot.bytes + patch.offset, bytes.data(), bytes.size());
      continue;
    }
    if (parts == run.size() || patch.offset != end) write_run();
    if (parts == 0) begin = patch.offset;
    run[parts++] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
    end = patch.offset + bytes.size();
  }
  write_run();
}

/// Throws where the file holds anything else, but for what each image is given.
void ImageFiles::verify(Slot& slot, const LayeredImage::File& layers) {
  slot.length.reset();
  const FileBytes whole = flatten(layers);
  const std::uint64_t seed = seed_of(whole);
  if (length_of(slot) != whole.size() || sum_of_sectors(0, std::span(slot.bytes, whole.size()),
                                                        seed) != sum_of_sectors(0, whole, seed)) {
    throw std::logic_error("an image was not written as it should be: " + slot.name);
  }
}

void ImageFiles::write(const LayeredImage& image) {
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    const LayeredImage::File& layers = image.files[name];
    if (layers.base == nullptr) {
      drop(slots_[name]);
    } else {
      write(slots_[name], layers);
    }
  }
  change_boot();
  if (++written_ % verified_each != 0) return;
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    if (image.files[name].base != nullptr) verify(slots_[name], image.files[name]);
  }
}

void ImageFiles::write(const CrashImage& image) {
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    Slot& slot = slots_[name];
    if (!image.files[name]) {
      drop(slot);
      continue;
    }
    const FileBytes& bytes = *image.files[name];
    make_room(slot, bytes.size());
    forget(slot);
    if (!bytes.empty()) std::memcpy(slot.bytes, bytes.data(), bytes.size());
  }
  change_boot();
}

void ImageFiles::change_boot() {
  Slot& slot = data();
  if (length_of(slot).value_or(0) < heap_begin) return;
  BootId other = current_boot_id();
  other[0] ^= std::byte{1};
  test::edit_meta_slots(slot.bytes, [&](MetaSlot& meta, std::uint64_t right_checksum) {
    if (meta.checksum != right_checksum) return false;
    // It passes for the store that the image was made of.
    meta.inode = slot.inode;
    meta.boot_id = other;
    return true;
  });
  // The live words are whatever was written back last; they are not even asked for.
  std::memset(slot.bytes + live_words_offset, 0x5A, sizeof(LiveWords));
}

void ImageFiles::begin_watching() {
  mappings_.forget_descriptors();
  watching = this;
  drill::set_io_observer(&on_operation);
}

void ImageFiles::end_watching() noexcept {
  if (watching != this) return;
  watching = nullptr;
  drill::set_io_observer(nullptr);
}

int ImageFiles::on_operation(const drill::IoOperation& operation) {
  watching->observe(operation);
  return 0;
}

void ImageFiles::observe(const drill::IoOperation& operation) {
  if (operation.kind == drill::IoKind::sync) return;
  Slot* const slot = slot_of(operation.descriptor);
  if (slot == nullptr) return;
  // All but a store may change it, or take the name away.
  if (operation.kind != drill::IoKind::store) slot->length.reset();
  if (slot->base_number == 0) return;
  const bool writes =
      operation.kind == drill::IoKind::store || operation.kind == drill::IoKind::write;
  if (writes) note(*slot, operation.offset, operation.bytes);
  // Where it grows again there are zeros.
  const std::uint64_t end = slot->base->bytes().size();
  if (operation.kind == drill::IoKind::truncate && operation.offset < end) {
    note(*slot, operation.offset, end - operation.offset);
  }
}

ImageFiles::Slot* ImageFiles::slot_of(int descriptor) {
  const std::uint64_t inode = mappings_.inode_of(descriptor);
  for (Slot& slot : slots_) {
    if (slot.descriptor >= 0 && slot.inode == inode) return &slot;
  }
  return nullptr;
}

std::uint64_t ImageFiles::heap_end() const noexcept {
  const auto& live = *reinterpret_cast<const LiveWords*>(data().bytes + live_words_offset);
  return live.heap_end.load(std::memory_order_relaxed);
}

std::uint64_t ImageFiles::recovered_hash() {
  const Slot& slot = data();
  if (slot.base_number == 0) return recovered_hash_of_all();
  const std::uint64_t end = heap_end();
  std::uint64_t sum = slot.base->sum(heap_begin / sector_bytes, end / sector_bytes);
  for (const std::uint32_t sector : slot.changed) {
    const std::uint64_t at = sector * sector_bytes;
    if (at < heap_begin || at >= end) continue;
    sum ^= slot.base->sum(sector, sector + 1) ^
           sum_of_sectors(at, std::span(slot.bytes + at, sector_bytes), 0);
  }
  return hash_around(sum, end);
}

std::uint64_t ImageFiles::recovered_hash_of_all() {
  const std::uint64_t end = heap_end();
  const std::span<const std::byte> heap(data().bytes + heap_begin, end - heap_begin);
  return hash_around(sum_of_sectors(heap_begin, heap, 0), end);
}

std::uint64_t ImageFiles::hash_around(std::uint64_t heap_sum, std::uint64_t heap_end) {
  Slot& slot = data();
  const std::span<const std::byte> header(slot.bytes, heap_begin);
  const MetaSlot meta = newest_meta(header, seed_of(header), path_);
  std::uint64_t hash = heap_sum;
  for (const std::uint64_t part :
       {heap_end, length_of(slot).value_or(0), meta.checkpoint_sequence, meta.heap_end,
        meta.file_bytes, meta.log_bytes, std::uint64_t{meta.clean}}) {
    hash = mix(hash ^ part);
  }
  return hash;
}

}  // namespace cairn::drills
