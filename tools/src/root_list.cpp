// SPDX-License-Identifier: BSL-1.0
#include "root_list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "cairn/error.hpp"
#include "cairn/store/root_walk.hpp"

namespace cairn::tool {
namespace {

class ShareCounter final : public ObjectVisitor {
 public:
  ShareCounter(Shares& shares, std::uint64_t heap_end, SlowProgress& progress)
      : shares_(shares), starts_(heap_end), progress_(progress) {}

  void follow(const ObjectWalker& walker) noexcept { walker_ = &walker; }
  void begin_root(RootShare& root) noexcept {
    root_ = &root;
    by_node_.clear();
    depth_zero_ = true;
  }
  /// What is told now is the catalog's.
  void begin_catalog() noexcept { root_ = nullptr; }
  bool is_start(std::uint64_t offset) const noexcept { return starts_.test(offset); }

  void block(std::uint64_t offset, std::uint64_t bytes) override {
    progress_.advance(bytes);
    starts_.set(offset);
    owned_ += bytes;
    if (root_ == nullptr) return add(shares_.catalog, bytes);
    add(root_->share, bytes);
    Share*& share = by_node_[&walker_->owner()];
    if (share == nullptr) share = &shares_.types[walker_->tree().label_of(walker_->owner())];
    add(*share, bytes);
  }
  /// The first object that is begun is the root.
  void begin(std::uint64_t /*at*/, const TypeNode& /*type*/, std::uint64_t elements) override {
    if (depth_zero_) root_->elements = elements;
    depth_zero_ = false;
  }
  std::uint64_t owned_bytes() const noexcept { return owned_; }

 private:
  static void add(Share& share, std::uint64_t bytes) noexcept {
    share.bytes += bytes;
    ++share.blocks;
  }

  Shares& shares_;
  const ObjectWalker* walker_ = nullptr;
  RootShare* root_ = nullptr;
  std::unordered_map<const TypeNode*, Share*> by_node_;
  UnitBits starts_;
  SlowProgress& progress_;
  std::uint64_t owned_ = 0;
  bool depth_zero_ = false;
};

void count_root(const RootInfo& root, const std::string& path, ObjectWalker& walker,
                ShareCounter& counter, Shares& shares) {
  RootShare& row = shares.roots.emplace_back();
  row.name = root.name;
  try {
    const TypeTree type = parse_root_type(root, path);
    row.type = type.label_of(type.root());
    row.elements = shape_of(type.root().kind) == ValueShape::structure ? type.root().fields.size()
                   : type.root().plain                                 ? 1
                                                                       : 0;
    counter.begin_root(row);
    walker.walk(type, root.offset, root.name);
  } catch (const Error& error) {
    shares.problems.emplace_back(error.what());
  }
}

void count_heap(const ReadTransaction& section, const ShareCounter& counter, Shares& shares) {
  std::uint64_t owned = 0;
  section.heap().for_each_block([&](const HeapBlock& piece) {
    switch (piece.use) {
      case BlockUse::free: shares.free_bytes += piece.bytes; break;
      case BlockUse::system: shares.allocator_bytes += piece.bytes; break;
      case BlockUse::live:
        (counter.is_start(piece.offset) ? owned : shares.unowned_bytes) += piece.bytes;
        break;
    }
  });
  shares.slack_bytes = owned - std::min(owned, counter.owned_bytes());
}

}  // namespace

std::vector<RootInfo> sorted_roots(const ReadTransaction& section) {
  std::vector<RootInfo> roots;
  section.catalog().for_each([&](const RootInfo& root) { roots.push_back(root); });
  std::sort(roots.begin(), roots.end(),
            [](const RootInfo& a, const RootInfo& b) { return a.name < b.name; });
  return roots;
}

std::uint64_t used_bytes(const ReadTransaction& section) {
  try {
    return section.heap().used();
  } catch (const Error&) {
    return 0;
  }
}

void require_printed() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw std::runtime_error("standard output: " + std::generic_category().message(errno));
}

Shares read_shares(const ReadTransaction& section, const std::string& path, const char* label) {
  Shares shares;
  SlowProgress progress(label, used_bytes(section), "bytes");
  ShareCounter counter(shares, section.bytes().end, progress);
  ObjectWalker walker(section.bytes(), counter, shares.problems);
  counter.follow(walker);
  try {
    const std::vector<RootInfo> roots = sorted_roots(section);
    shares.roots.reserve(roots.size());
    for (const RootInfo& root : roots) count_root(root, path, walker, counter, shares);
    counter.begin_catalog();
    section.catalog().for_each_block([&](std::uint64_t offset, std::uint64_t bytes) {
      walker.claim_for("the catalog", offset, bytes);
    });
    count_heap(section, counter, shares);
  } catch (const Error& error) {
    shares.problems.emplace_back(error.what());
  }
  return shares;
}

}  // namespace cairn::tool
