// SPDX-License-Identifier: BSL-1.0
#include "cairn/type_difference.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/type_tree.hpp"

namespace cairn {
namespace {

/// Longer ways through a type lead to what nobody would read.
constexpr std::size_t deepest_difference = 200;
constexpr int shown_levels = 2;

std::string text_of(const TypeTree& tree, const TypeNode& node, int levels);

std::string element_text(const TypeTree& tree, const TypeNode& node, const char* name, int levels,
                         bool with_count = false) {
  std::string text = std::string(name) + '<' + text_of(tree, tree.element_of(node), levels - 1);
  if (with_count) text += ',' + std::to_string(node.count);
  return text + '>';
}

/// Of a map or set: with the name of its hash function or comparator.
std::string keyed_text(const TypeTree& tree, const TypeNode& node, const char* name, int levels) {
  std::string text = std::string(name) + '<' + text_of(tree, tree.element_of(node), levels - 1);
  if (shape_of(node.kind) == ValueShape::map)
    text += ',' + text_of(tree, tree.value_of(node), levels - 1);
  text += ',' + node.key_function;
  if (node.boxed) text += ",boxed";
  return text + '>';
}

/// As the description has it, but short: structs by their size, inner levels left out.
std::string text_of(const TypeTree& tree, const TypeNode& node, int levels) {
  if (levels == 0) return "...";
  const std::string bits = std::to_string(node.size * 8);
  switch (node.kind) {
    case TypeKind::boolean: return "bool";
    case TypeKind::character: return "char";
    case TypeKind::signed_integer: return "i" + bits;
    case TypeKind::unsigned_integer: return "u" + bits;
    case TypeKind::floating: return "f" + bits;
    case TypeKind::enumeration: return "enum{" + text_of(tree, tree.element_of(node), 1) + "}";
    case TypeKind::structure: return "struct of " + std::to_string(node.size) + " bytes";
    case TypeKind::string: return "String";
    case TypeKind::static_string: return "static_string<" + std::to_string(node.count) + ">";
    case TypeKind::array: return element_text(tree, node, "array", levels, true);
    case TypeKind::static_vector: return element_text(tree, node, "static_vector", levels, true);
    case TypeKind::nd_array: return element_text(tree, node, "NdArray", levels, true);
    case TypeKind::optional: return element_text(tree, node, "optional", levels);
    case TypeKind::vec: return element_text(tree, node, "Vec", levels);
    case TypeKind::box: return element_text(tree, node, "Box", levels);
    case TypeKind::ptr: return element_text(tree, node, "Ptr", levels);
    case TypeKind::ref: return element_text(tree, node, "Ref", levels);
    case TypeKind::atomic: return element_text(tree, node, "Atomic", levels);
    case TypeKind::segmented: return element_text(tree, node, "Segmented", levels);
    case TypeKind::variant:
      return "variant of " + std::to_string(node.fields.size()) + " alternatives";
    case TypeKind::deque: return element_text(tree, node, "Deque", levels);
    case TypeKind::hash_map: return keyed_text(tree, node, "HashMap", levels);
    case TypeKind::hash_set: return keyed_text(tree, node, "HashSet", levels);
    case TypeKind::btree_map: return keyed_text(tree, node, "BTreeMap", levels);
    case TypeKind::btree_set: return keyed_text(tree, node, "BTreeSet", levels);
  }
  return "a type of " + std::to_string(node.size) + " bytes";
}

/// What the path to an element adds to that of what it is in.
const char* element_step(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::enumeration:
    case TypeKind::atomic: return "";
    case TypeKind::optional:
    case TypeKind::box:
    case TypeKind::ptr:
    case TypeKind::ref: return "->";
    default: return "[]";
  }
}

bool has_element(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::boolean:
    case TypeKind::character:
    case TypeKind::signed_integer:
    case TypeKind::unsigned_integer:
    case TypeKind::floating:
    case TypeKind::structure:
    case TypeKind::string:
    case TypeKind::static_string:
    case TypeKind::variant: return false;
    default: return true;
  }
}

class TypeComparison {
 public:
  TypeComparison(const TypeTree& stored, const TypeTree& asked) : stored_(stored), asked_(asked) {}

  std::string run() {
    differ(stored_.root(), asked_.root());
    return std::move(found_);
  }

 private:
  /// A way to walk on, taken back at the end of the scope.
  class Step {
   public:
    Step(std::string& path, std::string_view text) : path_(path), before_(path.size()) {
      path += text;
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() { path_.resize(before_); }

   private:
    std::string& path_;
    std::size_t before_;
  };

  bool report(const std::string& stored, const std::string& asked) {
    found_ = (path_.empty() ? "the root" : path_) + ": stored " + stored + ", asked " + asked;
    return true;
  }
  bool report_types(const TypeNode& stored, const TypeNode& asked) {
    return report(text_of(stored_, stored, shown_levels) + at_stored_,
                  text_of(asked_, asked, shown_levels) + at_asked_);
  }

  bool differ(const TypeNode& stored, const TypeNode& asked) {
    if (stored.kind != asked.kind || stored.count != asked.count ||
        stored.key_function != asked.key_function || stored.boxed != asked.boxed) {
      return report_types(stored, asked);
    }
    // What is being compared already, or was, needs no second look: types refer to themselves.
    if (!seen_.emplace(&stored, &asked).second || depth_ == deepest_difference) return false;
    ++depth_;
    const bool found = parts_differ(stored, asked);
    --depth_;
    return found;
  }

  bool parts_differ(const TypeNode& stored, const TypeNode& asked) {
    if (stored.kind == TypeKind::structure) return fields_differ(stored, asked);
    if (stored.kind == TypeKind::variant) return alternatives_differ(stored, asked);
    if (shape_of(stored.kind) == ValueShape::map) {
      return element_differs(stored, asked, "{}.key") || value_differs(stored, asked);
    }
    if (has_element(stored.kind)) {
      return element_differs(stored, asked, element_step(stored.kind));
    }
    return stored.size != asked.size && report_types(stored, asked);
  }

  bool element_differs(const TypeNode& stored, const TypeNode& asked, const char* step) {
    const Step here(path_, step);
    return differ(stored_.element_of(stored), asked_.element_of(asked));
  }
  bool value_differs(const TypeNode& stored, const TypeNode& asked) {
    const Step here(path_, "{}.value");
    return differ(stored_.value_of(stored), asked_.value_of(asked));
  }
  bool alternatives_differ(const TypeNode& stored, const TypeNode& asked) {
    if (stored.fields.size() != asked.fields.size()) return report_types(stored, asked);
    for (std::size_t i = 0; i < stored.fields.size(); ++i) {
      const Step here(path_, '<' + std::to_string(i) + '>');
      if (differ(stored_[stored.fields[i].type], asked_[asked.fields[i].type])) return true;
    }
    return false;
  }

  std::string dotted(const std::string& name) const {
    return path_.empty() || path_.ends_with("->") ? name : '.' + name;
  }
  static std::string place(const TypeNode::Field& field) {
    return '@' + std::to_string(field.offset);
  }
  std::string field_text(const TypeTree& tree, const TypeNode& node, std::size_t i) const {
    if (i >= node.fields.size()) return "nothing";
    const TypeNode::Field& field = node.fields[i];
    return field.name + ':' + text_of(tree, tree[field.type], shown_levels) + place(field);
  }
  bool fields_differ(const TypeNode& stored, const TypeNode& asked) {
    const std::size_t count = std::max(stored.fields.size(), asked.fields.size());
    for (std::size_t i = 0; i < count; ++i) {
      const bool both = i < stored.fields.size() && i < asked.fields.size();
      if (!both || stored.fields[i].name != asked.fields[i].name) {
        const Step here(path_, dotted("field " + std::to_string(i)));
        return report(field_text(stored_, stored, i), field_text(asked_, asked, i));
      }
      const TypeNode::Field& mine = stored.fields[i];
      const TypeNode::Field& theirs = asked.fields[i];
      const Step here(path_, dotted(mine.name));
      at_stored_ = place(mine);
      at_asked_ = place(theirs);
      if (differ(stored_[mine.type], asked_[theirs.type])) return true;
      if (mine.offset != theirs.offset) {
        at_stored_ = place(mine);
        at_asked_ = place(theirs);
        return report_types(stored_[mine.type], asked_[theirs.type]);
      }
    }
    if (stored.size == asked.size && stored.align == asked.align) return false;
    const auto shape = [](const TypeNode& node) {
      return "struct of " + std::to_string(node.size) + " bytes aligned to " +
             std::to_string(node.align);
    };
    return report(shape(stored), shape(asked));
  }

  const TypeTree& stored_;
  const TypeTree& asked_;
  std::string path_;
  std::string at_stored_;  ///< of the field that was entered last
  std::string at_asked_;
  std::string found_;
  std::set<std::pair<const TypeNode*, const TypeNode*>> seen_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string first_type_difference(std::string_view stored, std::string_view asked) {
  try {
    const TypeTree stored_tree = TypeTree::parse(stored);
    const TypeTree asked_tree = TypeTree::parse(asked);
    return TypeComparison(stored_tree, asked_tree).run();
  } catch (const Error&) {
    // A damaged text has no places to name; both texts are shown in any case.
    return {};
  }
}

}  // namespace cairn
