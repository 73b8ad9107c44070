// SPDX-License-Identifier: BSL-1.0
#include "reachability.hpp"

#include <algorithm>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/store/root_walk.hpp"

namespace cairn {
namespace {

constexpr std::size_t most_findings = 100;

std::string bytes_at(std::uint64_t bytes, std::uint64_t offset) {
  return std::to_string(bytes) + " bytes at offset " + std::to_string(offset);
}

}  // namespace

/// One walk over all roots: takes in a batch of pointers, and finds what those of the batch before
/// it lead to.
class Reachability::Walk final : public ObjectVisitor {
 public:
  /// `wanted` are the pointers to resolve, `passed` how many walks before this one took in.
  Walk(Reachability& proof, std::vector<Pointer> wanted, std::uint64_t passed)
      : proof_(proof), wanted_(std::move(wanted)), passed_(passed), targets_(proof.heap_.end) {
    std::sort(wanted_.begin(), wanted_.end(),
              [](const Pointer& a, const Pointer& b) { return a.target < b.target; });
    for (const Pointer& pointer : wanted_) targets_.set(pointer.target);
    resolved_.resize(wanted_.size());
  }

  void follow(const ObjectWalker& walker) noexcept { walker_ = &walker; }
  std::vector<Pointer> take_pointers() noexcept { return std::move(pointers_); }
  std::vector<Pointer> unresolved() const {
    std::vector<Pointer> left;
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (!resolved_[i]) left.push_back(wanted_[i]);
    }
    return left;
  }

  void block(std::uint64_t offset, std::uint64_t /*bytes*/) override {
    if (passed_ != 0) return;
    proof_.starts_.set(offset);
    ++proof_.report_.blocks;
  }
  void pointer(std::uint64_t at, std::uint64_t target, const TypeNode& type) override {
    const std::uint64_t number = met_++;
    if (number >= passed_ && number - passed_ < pointers_at_once) {
      pointers_.push_back({at, target, type.size, type.kind});
    }
    resolve(at, walker_->owner());
  }
  void begin(std::uint64_t at, const TypeNode& type, std::uint64_t /*elements*/) override {
    resolve(at, type);
  }
  void value(std::uint64_t at, const TypeNode& type) override { resolve(at, type); }
  void empty(std::uint64_t at, const TypeNode& type) override { resolve(at, type); }
  bool wants_values() const override { return !wanted_.empty(); }

 private:
  /// Pointers to an object of this kind and size at `at` have found what they lead to.
  void resolve(std::uint64_t at, const TypeNode& type) {
    if (!targets_.test(at)) return;
    auto it = std::lower_bound(
        wanted_.begin(), wanted_.end(), at,
        [](const Pointer& pointer, std::uint64_t target) { return pointer.target < target; });
    for (; it != wanted_.end() && it->target == at; ++it) {
      if (it->kind == type.kind && it->bytes == type.size) {
        resolved_[static_cast<std::size_t>(it - wanted_.begin())] = true;
      }
    }
  }

  Reachability& proof_;
  const ObjectWalker* walker_ = nullptr;
  std::vector<Pointer> wanted_;  ///< ascending by target
  std::vector<bool> resolved_;
  std::vector<Pointer> pointers_;
  std::uint64_t passed_;
  std::uint64_t met_ = 0;
  UnitBits targets_;
};

void Reachability::prove() {
  Walk visitor(*this, {}, 0);
  {
    ObjectWalker walker(heap_, visitor, report_.problems);
    visitor.follow(walker);
    walk_roots(catalog_, path_, walker, report_.problems);
    if (!report_.ok()) return;
    catalog_.for_each_block([&](std::uint64_t offset, std::uint64_t bytes) {
      walker.claim_for("the catalog", offset, bytes);
    });
    if (!report_.ok()) return;
    compare_blocks(walker.claimed());
  }
  resolve_pointers(visitor.take_pointers());
  tell_findings();
}

void Reachability::find(std::uint64_t offset, std::string what,
                        std::optional<std::uint64_t> target) {
  if (findings_.size() < most_findings) findings_.push_back({offset, std::move(what), target});
}

void Reachability::compare_blocks(const UnitBits& claimed) {
  allocator_.for_each_block([&](const HeapBlock& piece) { check_piece(piece, claimed); });
}

/// An owned block lies where one of the heap's live blocks begins, and ends no later than that. So
/// whatever is claimed in any other piece belongs to a block that is none.
void Reachability::check_piece(const HeapBlock& piece, const UnitBits& claimed) {
  const bool owned = piece.use == BlockUse::live && starts_.test(piece.offset);
  if (owned) {
    if (piece.bytes == UnitBits::unit_bytes) return;
    const auto second =
        starts_.first(piece.offset + UnitBits::unit_bytes, piece.bytes - UnitBits::unit_bytes);
    if (second) find(*second, "lies within a block of the heap that has another owner as well");
    return;
  }
  if (const auto at = claimed.first(piece.offset, piece.bytes)) {
    if (*at == piece.offset && !starts_.test(*at)) {
      find(*at, "is longer than the heap's block");
    } else {
      find(*at, piece.use == BlockUse::free ? "is free in the heap" : "is none of the heap's");
    }
  } else if (piece.use == BlockUse::live) {
    ++report_.unowned_blocks;
    report_.unowned_bytes += piece.bytes;
    if (report_.unowned.size() < most_findings) {
      report_.unowned.push_back("no root owns the block of " + bytes_at(piece.bytes, piece.offset));
    }
  }
}

void Reachability::resolve_pointers(std::vector<Pointer> pointers) {
  for (std::uint64_t passed = pointers_at_once; !pointers.empty(); passed += pointers_at_once) {
    std::vector<std::string> known;
    Walk visitor(*this, std::move(pointers), passed);
    ObjectWalker walker(heap_, visitor, known);
    visitor.follow(walker);
    walk_roots(catalog_, path_, walker, known);
    judge_unresolved(visitor.unresolved());
    pointers = visitor.take_pointers();
  }
}

/// Pointers that lead to no object of a root are ascending by target. Blocks that were allocated by
/// hand may be pointed to: what is in them is not known.
void Reachability::judge_unresolved(std::vector<Pointer> pointers) {
  auto it = pointers.begin();
  if (it == pointers.end()) return;
  allocator_.for_each_block([&](const HeapBlock& piece) {
    for (; it != pointers.end() && it->target < piece.offset + piece.bytes; ++it) {
      const bool by_hand = piece.use == BlockUse::live && !starts_.test(piece.offset);
      if (by_hand && it->bytes <= piece.offset + piece.bytes - it->target) continue;
      find(it->at,
           std::string("dangles: no object of its type is at offset ") +
               std::to_string(it->target) +
               (piece.use == BlockUse::free ? ", which is free in the heap" : ""),
           it->target);
    }
  });
}

/// With the names of what lies at the offsets, which takes one more walk.
void Reachability::tell_findings() {
  if (findings_.empty()) return;
  std::vector<std::uint64_t> offsets;
  for (const Finding& finding : findings_) {
    offsets.push_back(finding.offset);
    if (finding.target) offsets.push_back(*finding.target);
  }
  const ObjectLocator places = locate_in_roots(catalog_, path_, heap_, std::move(offsets));
  for (const Finding& finding : findings_) {
    const ObjectPlace& place = places.place_of(finding.offset);
    std::string text = place.found() ? place.path + " (" + place.type + "): " : "";
    if (finding.target) {
      const ObjectPlace& target = places.place_of(*finding.target);
      text += "the pointer " + finding.what;
      if (target.found()) text += ", which is part of " + target.path + " (" + target.type + ")";
    } else {
      text += "the object's block of " + bytes_at(place.bytes, finding.offset) + " " + finding.what;
    }
    report_.problems.push_back(std::move(text));
  }
}

}  // namespace cairn
