// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/root_walk.hpp"

#include <utility>

#include "cairn/error.hpp"

namespace cairn {

TypeTree parse_root_type(const RootInfo& root, const std::string& path) {
  const auto fail = [&](const std::string& detail) {
    throw Error(errc::corrupt, path, "root \"" + std::string(root.name) + "\": " + detail);
  };
  TypeTree type;
  try {
    type = TypeTree::parse(root.type);
  } catch (const Error& error) {
    fail(error.what());
  }
  if (type.root().size != root.bytes || type.root().align != root.align) {
    fail(std::to_string(root.bytes) + " bytes aligned to " + std::to_string(root.align) +
         ", its type has " + std::to_string(type.root().size) + " aligned to " +
         std::to_string(type.root().align));
  }
  return type;
}

void walk_roots(const CatalogReader& catalog, const std::string& path, ObjectWalker& walker,
                std::vector<std::string>& problems) {
  const auto attempt = [&](auto part) {
    try {
      part();
    } catch (const Error& error) {
      problems.emplace_back(error.what());
    }
  };
  attempt([&] {
    catalog.for_each([&](const RootInfo& root) {
      attempt([&] { walker.walk(parse_root_type(root, path), root.offset, root.name); });
    });
  });
}

ObjectLocator locate_in_roots(const CatalogReader& catalog, const std::string& path, HeapBytes heap,
                              std::vector<std::uint64_t> offsets) {
  ObjectLocator locator(std::move(offsets));
  std::vector<std::string> known;
  ObjectWalker walker(heap, locator, known);
  locator.follow(walker);
  walk_roots(catalog, path, walker, known);
  return locator;
}

}  // namespace cairn
