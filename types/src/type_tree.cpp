// SPDX-License-Identifier: BSL-1.0
#include "cairn/type_tree.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include "cairn/error.hpp"
#include "cairn/mapping/page.hpp"
#include "cairn/types/atomic_format.hpp"
#include "cairn/types/btree_format.hpp"
#include "cairn/types/hash_map_format.hpp"
#include "cairn/types/inline_format.hpp"
#include "cairn/types/nd_array_format.hpp"

namespace cairn {

ElementLayout element_layout(const TypeTree& tree, const TypeNode& node) noexcept {
  const TypeNode& key = tree.element_of(node);
  if (shape_of(node.kind) != ValueShape::map) return {key.size, key.size, key.align};
  const TypeNode& value = tree.value_of(node);
  const std::uint64_t value_offset = round_up(key.size, value.align);
  const std::uint32_t align = std::max(key.align, value.align);
  return {value_offset, round_up(value_offset + value.size, align), align};
}

BTreeSlotLayout btree_slot_layout(const TypeTree& tree, const TypeNode& node) noexcept {
  const ElementLayout element = element_layout(tree, node);
  if (!node.boxed) return {element, element.size, element.align};
  return {element, stored_pointer_bytes, stored_pointer_bytes};
}

/// Recursive descent over hostile text: depth, sizes and names are bounded before they are used.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {
    if (text.size() > TypeTree::max_text_bytes) fail("longer than a description can be");
  }

  TypeTree parse() {
    tree_.text_ = text_;
    tree_.root_ = type(0);
    if (at_ != text_.size()) fail("something follows the type");
    return std::move(tree_);
  }

 private:
  struct Scalar {
    std::string_view name;
    TypeKind kind;
    std::uint32_t bytes;
  };
  static constexpr Scalar scalars[] = {
      {"bool", TypeKind::boolean, 1},         {"char", TypeKind::character, 1},
      {"i8", TypeKind::signed_integer, 1},    {"i16", TypeKind::signed_integer, 2},
      {"i32", TypeKind::signed_integer, 4},   {"i64", TypeKind::signed_integer, 8},
      {"u8", TypeKind::unsigned_integer, 1},  {"u16", TypeKind::unsigned_integer, 2},
      {"u32", TypeKind::unsigned_integer, 4}, {"u64", TypeKind::unsigned_integer, 8},
      {"f32", TypeKind::floating, 4},         {"f64", TypeKind::floating, 8},
  };
  static constexpr std::uint32_t max_nesting = 256;

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(errc::corrupt, "",
                "type description, position " + std::to_string(at_) + ": " + std::string(what));
  }

  bool at_word(std::string_view word) const noexcept {
    return text_.substr(at_, word.size()) == word;
  }
  bool take(std::string_view word) {
    if (!at_word(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(std::string_view word) {
    if (!take(word)) fail("expected '" + std::string(word) + "'");
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    const char* first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error != std::errc{}) fail("expected a number");
    at_ += static_cast<std::size_t>(end - first);
    return value;
  }
  std::string_view name() {
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.';
    };
    const std::size_t first = at_;
    while (at_ < text_.size() && is_part(text_[at_])) ++at_;
    if (at_ == first) fail("expected a name");
    return text_.substr(first, at_ - first);
  }

  std::uint32_t add(TypeNode node, std::uint32_t by_value_depth) {
    if (by_value_depth > TypeTree::max_depth) fail("nested too deep");
    if (node.kind != TypeKind::enumeration) node.number = node.kind;
    tree_.nodes_.push_back(std::move(node));
    depth_.push_back(by_value_depth);
    open_.push_back(false);
    return static_cast<std::uint32_t>(tree_.nodes_.size() - 1);
  }

  std::uint32_t type(std::uint32_t nesting) {
    if (nesting > max_nesting) fail("nested too deep");
    if (take("^")) return back_reference();
    const std::size_t first = at_;
    const std::uint32_t index = new_type(nesting);
    tree_.nodes_[index].text_begin = static_cast<std::uint32_t>(first);
    tree_.nodes_[index].text_end = static_cast<std::uint32_t>(at_);
    return index;
  }

  std::uint32_t new_type(std::uint32_t nesting) {
    if (take("struct{")) return structure(nesting);
    if (take("enum{")) return enumeration();
    if (take("array<")) return array(nesting);
    if (take("optional<")) return optional(nesting);
    if (take("String")) return container(TypeKind::string, 24);
    if (take("Vec<")) return container_of(TypeKind::vec, 24, nesting);
    if (take("Box<")) return container_of(TypeKind::box, 8, nesting);
    if (take("Ptr<")) return container_of(TypeKind::ptr, 8, nesting);
    if (take("Ref<")) return container_of(TypeKind::ref, 8, nesting);
    if (take("Deque<")) return container_of(TypeKind::deque, 32, nesting);
    if (take("HashMap<")) {
      return keyed(TypeKind::hash_map, sizeof(HashMapFormat), nesting);
    }
    if (take("HashSet<")) {
      return keyed(TypeKind::hash_set, sizeof(HashMapFormat), nesting);
    }
    if (take("Atomic<")) return atomic(nesting);
    if (take("variant<")) return variant(nesting);
    if (take("static_vector<")) return static_vector(nesting);
    if (take("static_string<")) return static_string();
    if (take("Segmented<")) return container_of(TypeKind::segmented, 24, nesting);
    if (take("NdArray<")) return nd_array(nesting);
    if (take("BTreeMap<")) {
      return keyed(TypeKind::btree_map, sizeof(BTreeFormat), nesting);
    }
    if (take("BTreeSet<")) {
      return keyed(TypeKind::btree_set, sizeof(BTreeFormat), nesting);
    }
    return scalar();
  }

  std::uint32_t scalar() {
    const std::string_view word = name();
    for (const Scalar& known : scalars) {
      if (known.name != word) continue;
      TypeNode node;
      node.kind = known.kind;
      node.size = node.align = known.bytes;
      node.plain = known.kind != TypeKind::boolean;
      return add(std::move(node), 0);
    }
    fail("no such type");
  }

  std::uint32_t enumeration() {
    TypeNode node;
    node.kind = TypeKind::enumeration;
    node.element = scalar();
    expect("}");
    const TypeNode& beneath = tree_.nodes_[node.element];
    if (beneath.kind == TypeKind::floating) fail("an enumeration of no integer");
    node.size = beneath.size;
    node.align = beneath.align;
    node.plain = beneath.plain;
    node.number = beneath.kind;
    return add(std::move(node), 0);
  }

  /// The type of something nested by value, which must be complete.
  std::uint32_t complete_type(std::uint32_t nesting) {
    const std::uint32_t index = type(nesting + 1);
    if (open_[index]) fail("a struct cannot contain itself");
    return index;
  }

  std::uint32_t array(std::uint32_t nesting) {
    TypeNode node;
    node.kind = TypeKind::array;
    node.element = complete_type(nesting);
    expect(",");
    node.count = number();
    expect(">");
    const TypeNode& element = tree_.nodes_[node.element];
    if (node.count == 0 || node.count > TypeTree::max_object_bytes / element.size) {
      fail("an array of an impossible size");
    }
    node.size = node.count * element.size;
    node.align = element.align;
    node.plain = element.plain;
    const auto depth = depth_[node.element] + 1;
    return add(std::move(node), depth);
  }

  std::uint32_t optional(std::uint32_t nesting) {
    TypeNode node;
    node.kind = TypeKind::optional;
    node.element = complete_type(nesting);
    expect(">");
    const TypeNode& element = tree_.nodes_[node.element];
    node.size = round_up(element.size + 1, element.align);
    node.align = element.align;
    const auto depth = depth_[node.element] + 1;
    return add(std::move(node), depth);
  }

  std::uint32_t container(TypeKind kind, std::uint64_t bytes) {
    TypeNode node;
    node.kind = kind;
    node.size = bytes;
    node.align = 8;
    return add(std::move(node), 0);
  }
  std::uint32_t container_of(TypeKind kind, std::uint64_t bytes, std::uint32_t nesting) {
    const std::uint32_t element = type(nesting + 1);
    expect(">");
    const std::uint32_t index = container(kind, bytes);
    tree_.nodes_[index].element = element;
    return index;
  }
  /// A map or set: key, value of a map, function that the keys are looked up by.
  std::uint32_t keyed(TypeKind kind, std::uint64_t bytes, std::uint32_t nesting) {
    const std::uint32_t key = type(nesting + 1);
    expect(",");
    std::uint32_t value = 0;
    if (shape_of(kind) == ValueShape::map) {
      value = type(nesting + 1);
      expect(",");
    }
    const std::string_view function = name();
    const bool is_btree = kind == TypeKind::btree_map || kind == TypeKind::btree_set;
    const bool boxed = is_btree && take(",boxed");
    expect(">");
    const std::uint32_t index = container(kind, bytes);
    TypeNode& node = tree_.nodes_[index];
    node.element = key;
    node.value = value;
    node.key_function = function;
    node.boxed = boxed;
    return index;
  }

  std::uint32_t atomic(std::uint32_t nesting) {
    TypeNode node;
    node.kind = TypeKind::atomic;
    node.element = complete_type(nesting);
    expect(">");
    switch (tree_.nodes_[node.element].kind) {
      case TypeKind::boolean:
      case TypeKind::character:
      case TypeKind::signed_integer:
      case TypeKind::unsigned_integer:
      case TypeKind::floating:
      case TypeKind::enumeration:
      case TypeKind::ref: break;
      default: fail("an Atomic of something larger than a word");
    }
    node.size = node.align = sizeof(AtomicFormat);
    return add(std::move(node), 1);
  }

  std::uint32_t variant(std::uint32_t nesting) {
    TypeNode node;
    node.kind = TypeKind::variant;
    std::uint32_t deepest = 0;
    do {
      if (node.fields.size() == variant_alternatives_max) fail("a variant of too many types");
      TypeNode::Field alternative;
      alternative.name = std::to_string(node.fields.size());
      alternative.type = complete_type(nesting);
      const TypeNode& type = tree_.nodes_[alternative.type];
      node.align = std::max(node.align, type.align);
      node.inner_offset = std::max(node.inner_offset, type.size);
      deepest = std::max(deepest, depth_[alternative.type]);
      node.fields.push_back(std::move(alternative));
    } while (take(","));
    expect(">");
    node.inner_offset = round_up(node.inner_offset, node.align);
    node.size = round_up(node.inner_offset + 1, node.align);
    return add(std::move(node), deepest + 1);
  }

  std::uint32_t static_vector(std::uint32_t nesting) {
    TypeNode node;
    node.kind = TypeKind::static_vector;
    node.element = complete_type(nesting);
    expect(",");
    node.count = number();
    expect(">");
    const TypeNode& element = tree_.nodes_[node.element];
    if (node.count == 0 || node.count > TypeTree::max_object_bytes / element.size) {
      fail("a static_vector of an impossible capacity");
    }
    node.align = std::max<std::uint32_t>(element.align, static_vector_size_bytes);
    node.inner_offset = round_up(node.count * element.size, static_vector_size_bytes);
    node.size = round_up(node.inner_offset + static_vector_size_bytes, node.align);
    const auto depth = depth_[node.element] + 1;
    return add(std::move(node), depth);
  }

  std::uint32_t static_string() {
    TypeNode node;
    node.kind = TypeKind::static_string;
    node.count = number();
    expect(">");
    if (node.count == 0 || node.count > TypeTree::max_object_bytes) {
      fail("a static_string of an impossible capacity");
    }
    node.inner_offset = static_string_width(node.count);
    node.align = static_cast<std::uint32_t>(node.inner_offset);
    node.size = round_up(node.inner_offset + node.count + 1, node.align);
    return add(std::move(node), 0);
  }

  std::uint32_t nd_array(std::uint32_t nesting) {
    const std::uint32_t element = type(nesting + 1);
    expect(",");
    const std::uint64_t rank = number();
    expect(">");
    if (rank == 0 || rank > nd_array_rank_max) fail("an NdArray of an impossible rank");
    const std::uint32_t index =
        container(TypeKind::nd_array, sizeof(VecFormat) + rank * sizeof(std::uint64_t));
    tree_.nodes_[index].element = element;
    tree_.nodes_[index].count = rank;
    return index;
  }

  std::uint32_t back_reference() {
    const std::uint64_t k = number();
    if (k >= tree_.structs_.size()) fail("no struct of that number yet");
    return tree_.structs_[k];
  }

  std::uint32_t structure(std::uint32_t nesting) {
    TypeNode node;
    node.size = number();
    expect(",");
    const std::uint64_t align = number();
    expect(";");
    if (align == 0 || align > page_bytes || !std::has_single_bit(align)) {
      fail("an impossible alignment");
    }
    if (node.size == 0 || node.size > TypeTree::max_object_bytes || node.size % align != 0) {
      fail("an impossible size");
    }
    node.align = static_cast<std::uint32_t>(align);
    const std::uint32_t index = add(std::move(node), 0);
    open_[index] = true;
    tree_.structs_.push_back(index);
    if (!at_word("}")) fields(index, nesting);
    expect("}");
    open_[index] = false;
    return index;
  }

  void fields(std::uint32_t index, std::uint32_t nesting) {
    std::vector<TypeNode::Field> found;
    std::uint32_t deepest = 0;
    bool plain = true;
    do {
      TypeNode::Field field;
      field.name = name();
      expect(":");
      field.type = complete_type(nesting);
      expect("@");
      field.offset = number();
      deepest = std::max(deepest, depth_[field.type]);
      plain = plain && tree_.nodes_[field.type].plain;
      found.push_back(std::move(field));
    } while (take(","));
    if (deepest >= TypeTree::max_depth) fail("nested too deep");
    depth_[index] = deepest + 1;
    check_placement(index, found);
    tree_.nodes_[index].fields = std::move(found);
    tree_.nodes_[index].plain = plain;
  }

  void check_placement(std::uint32_t index, const std::vector<TypeNode::Field>& fields) const {
    std::vector<const TypeNode::Field*> sorted;
    for (const auto& field : fields) sorted.push_back(&field);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->offset < b->offset; });
    std::uint64_t end = 0;
    for (const TypeNode::Field* field : sorted) {
      const TypeNode& type = tree_.nodes_[field->type];
      const std::uint64_t limit = tree_.nodes_[index].size;
      if (field->offset < end || field->offset % type.align != 0 || field->offset > limit ||
          type.size > limit - field->offset) {
        fail("field '" + field->name + "' does not fit where it is said to lie");
      }
      // A derived class may put its fields into its base's padding.
      end = field->offset + (type.kind == TypeKind::structure ? bytes_used(type) : type.size);
    }
  }
  std::uint64_t bytes_used(const TypeNode& node) const {
    std::uint64_t end = 0;
    for (const auto& field : node.fields) {
      end = std::max(end, field.offset + tree_.nodes_[field.type].size);
    }
    return std::max<std::uint64_t>(end, 1);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  TypeTree tree_;
  std::vector<std::uint32_t> depth_;
  std::vector<bool> open_;
};

TypeTree TypeTree::parse(std::string_view text) {
  return TypeParser(text).parse();
}

ValueShape shape_of(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::boolean:
    case TypeKind::character:
    case TypeKind::signed_integer:
    case TypeKind::unsigned_integer:
    case TypeKind::floating:
    case TypeKind::enumeration: return ValueShape::number;
    case TypeKind::static_string:
    case TypeKind::string: return ValueShape::text;
    case TypeKind::structure: return ValueShape::structure;
    case TypeKind::array:
    case TypeKind::static_vector:
    case TypeKind::segmented:
    case TypeKind::nd_array:
    case TypeKind::vec:
    case TypeKind::deque:
    case TypeKind::btree_set:
    case TypeKind::hash_set: return ValueShape::sequence;
    case TypeKind::btree_map:
    case TypeKind::hash_map: return ValueShape::map;
    case TypeKind::optional:
    case TypeKind::variant:
    case TypeKind::atomic:
    case TypeKind::box: return ValueShape::holder;
    case TypeKind::ptr:
    case TypeKind::ref: return ValueShape::pointer;
  }
  return ValueShape::number;
}

namespace {

std::string field_names(const TypeNode& structure) {
  std::string names = "{";
  for (const TypeNode::Field& field : structure.fields) {
    if (names.size() > TypeTree::max_label_bytes) break;
    if (names.size() > 1) names += ", ";
    names += field.name;
  }
  return names + '}';
}

/// Behind the `}` that ends the struct whose `{` stands before `at`.
std::size_t behind_struct(std::string_view text, std::size_t at) noexcept {
  for (std::size_t open = 1; at < text.size() && open != 0; ++at) {
    if (text[at] == '{') ++open;
    if (text[at] == '}') --open;
  }
  return at;
}

}  // namespace

std::string TypeTree::label_of(const TypeNode& node) const {
  constexpr std::string_view opening = "struct{";
  // Structs are numbered over the whole text; those before this type come first.
  const auto opened_before =
      std::partition_point(structs_.begin(), structs_.end(),
                           [&](std::uint32_t s) { return nodes_[s].text_begin < node.text_begin; });
  auto opened = static_cast<std::size_t>(opened_before - structs_.begin());
  const std::string_view text = text_of(node);
  std::string label;
  for (std::size_t at = 0; at < text.size() && label.size() <= max_label_bytes;) {
    if (text[at] == '^') {
      std::size_t number = 0;
      const char* const digits = text.data() + at + 1;
      const auto [end, error] = std::from_chars(digits, text.data() + text.size(), number);
      label += field_names(nodes_[structs_[number]]);
      at = static_cast<std::size_t>(end - text.data());
    } else if (text.substr(at, opening.size()) == opening) {
      const std::size_t end = behind_struct(text, at + opening.size());
      label += field_names(nodes_[structs_[opened]]);
      // Those within it count as well.
      for (; at < end; ++at) opened += text.substr(at, opening.size()) == opening ? 1U : 0U;
    } else {
      label += text[at++];
    }
  }
  if (label.size() > max_label_bytes) label.replace(max_label_bytes, std::string::npos, "\u2026");
  return label;
}

}  // namespace cairn
