// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cairn/allocator/heap_space.hpp"
#include "cairn/allocator/write_context.hpp"
#include "cairn/error.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/mapping/shared_view.hpp"

namespace cairn::test {

/// The path of a file that is not there yet, in a directory of its own that goes with this object.
class TemporaryPath {
 public:
  TemporaryPath() {
    std::string pattern = ::testing::TempDir() + "cairn-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    directory_ = pattern;
  }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
  ~TemporaryPath() {
    ::unlink(path().c_str());
    ::rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/store"; }

 private:
  std::string directory_;
};

/// A heap over a real file with what a store does around it, and nothing else: transactions that
/// publish marked lines, or take them back, and a comparison that finds changes nobody marked.
///
/// A transaction is active from construction on; commit and rollback begin the next one.
class TestHeap : public HeapSpace {
 public:
  explicit TestHeap(std::uint64_t limit_bytes = std::uint64_t{64} << 20,
                    std::uint64_t heap_bytes = heap_minimum_bytes)
      : limit_bytes_(limit_bytes),
        file_(File::open_or_create(place_.path(), 0600)),
        shared_(map_shared(file_, limit_bytes, ViewAccess::read_write)),
        context_(file_, limit_bytes, *this) {
    extend_heap(heap_begin_bytes + heap_bytes);
    context_.heap().format();
    ActiveWrite::push(context_);
  }
  TestHeap(const TestHeap&) = delete;
  TestHeap& operator=(const TestHeap&) = delete;
  ~TestHeap() { ActiveWrite::pop(context_); }

  WriteContext& context() noexcept { return context_; }
  FreeListAllocator& heap() noexcept { return context_.heap(); }
  std::byte* base() const noexcept { return context_.base(); }
  /// What readers would see: the state of the last commit.
  std::byte* shared_base() const noexcept { return shared_.data(); }
  std::uint64_t committed_end() const noexcept { return committed_end_; }

  /// Publishes. A change without a mark fails the test.
  void commit() {
    for (const std::string& text : unmarked_changes()) ADD_FAILURE() << text;
    WriteSet& set = context_.write_set();
    for (const std::uint32_t page : set.touched()) {
      copy_lines(shared_.data(), context_.base(), page, set.mask(page));
    }
    set.clear();
    context_.set_tracked_bytes(heap_end_);
    context_.drop_private_pages();
    if (heap_end_ < file_bytes_) {
      file_.truncate(heap_end_);
      file_bytes_ = heap_end_;
    }
    committed_end_ = heap_end_;
    context_.heap().reload();
  }

  /// Takes back everything since the last commit.
  void rollback() {
    WriteSet& set = context_.write_set();
    for (const std::uint32_t page : set.touched()) {
      copy_lines(context_.base(), shared_.data(), page, set.mask(page));
    }
    set.clear();
    heap_end_ = committed_end_;
    context_.heap().reload();
  }

  /// Lines of committed pages that differ from the shared file and are not marked.
  std::vector<std::string> unmarked_changes() const {
    std::vector<std::string> found;
    const std::uint64_t end = std::min(context_.tracked_bytes(), heap_end_) / page_bytes;
    for (std::uint64_t page = 0; page < end; ++page) {
      const std::uint64_t at = page * page_bytes;
      if (std::memcmp(context_.base() + at, shared_.data() + at, page_bytes) == 0) continue;
      for (std::uint64_t line = 0; line < lines_per_page; ++line) {
        const std::uint64_t from = at + line * line_bytes;
        if ((context_.write_set().mask(page) >> line & 1) == 0 &&
            std::memcmp(context_.base() + from, shared_.data() + from, line_bytes) != 0) {
          found.push_back("line " + std::to_string(line) + " of page " + std::to_string(page) +
                          " was changed without a mark");
        }
      }
    }
    return found;
  }

  std::vector<std::string> problems() const {
    std::vector<std::string> found;
    HeapReader(context_.base(), heap_end_, path()).verify(found);
    return found;
  }

  /// From now on a heap that would end behind `bytes` meets a full disk.
  void set_disk_bytes(std::uint64_t bytes) noexcept { disk_bytes_ = bytes; }

  std::uint64_t heap_end() const noexcept override { return heap_end_; }
  void extend_heap(std::uint64_t bytes) override {
    if (bytes > limit_bytes_) throw Error(errc::too_large, path(), std::to_string(bytes));
    if (bytes > disk_bytes_) throw Error(errc::no_space, path(), std::to_string(bytes));
    if (bytes > file_bytes_) {
      file_.allocate(file_bytes_, bytes);
      // Pages that the heap gains may hold anything.
      const std::uint64_t from = std::max(file_bytes_, heap_begin_bytes);
      std::memset(shared_.data() + from, 0xEE, bytes - from);
      file_bytes_ = bytes;
    }
    heap_end_ = bytes;
  }
  void shrink_heap(std::uint64_t bytes) override { heap_end_ = bytes; }
  const std::string& path() const noexcept override { return file_.path(); }

 private:
  static void copy_lines(std::byte* to, const std::byte* from, std::uint64_t page,
                         std::uint64_t mask) {
    for (std::uint64_t line = 0; line < lines_per_page; ++line) {
      if ((mask >> line & 1) == 0) continue;
      const std::uint64_t at = page * page_bytes + line * line_bytes;
      std::memcpy(to + at, from + at, line_bytes);
    }
  }

  TemporaryPath place_;
  std::uint64_t limit_bytes_;
  std::uint64_t disk_bytes_ = ~std::uint64_t{0};
  std::uint64_t file_bytes_ = 0;
  std::uint64_t heap_end_ = 0;
  std::uint64_t committed_end_ = 0;
  File file_;
  Reservation shared_;
  WriteContext context_;
};

}  // namespace cairn::test
