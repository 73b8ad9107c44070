// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "cairn/cairn.hpp"
#include "cairn/store/root_walk.hpp"
#include "commands.hpp"
#include "dump_visitors.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"
#include "root_list.hpp"

namespace cairn::tool {
namespace {

/// What is pointed to in the roots to be printed. What is wrong with them the printing will tell.
void collect_targets(const ReadTransaction& section, const std::vector<RootInfo>& roots,
                     PointerTargets& targets, const std::string& path) {
  std::vector<std::string> known;
  ObjectWalker walker(section.bytes(), targets, known);
  for (const RootInfo& root : roots) {
    if (root.type.find("Ptr<") == std::string_view::npos &&
        root.type.find("Ref<") == std::string_view::npos) {
      continue;
    }
    try {
      walker.walk(parse_root_type(root, path), root.offset, root.name);
    } catch (const Error&) {
      continue;
    }
  }
}

/// Prints one root after the other; `print_root` is given a function that prints the object.
template <class Dump, class PrintRoot>
bool print_roots(const std::vector<RootInfo>& roots, Dump& dump, const ReadTransaction& section,
                 const std::string& path, PrintRoot print_root) {
  std::vector<std::string> problems;
  ObjectWalker walker(section.bytes(), dump, problems);
  dump.follow(walker);
  for (const RootInfo& root : roots) {
    print_root(root, [&] {
      try {
        const TypeTree type = parse_root_type(root, path);
        const std::size_t before = walker.problems_found();
        if (before <= ObjectWalker::max_problems) walker.walk(type, root.offset, root.name);
      } catch (const Error& error) {
        problems.emplace_back(error.what());
      }
    });
  }
  print_problems(problems);
  if (walker.problems_found() > ObjectWalker::max_problems) {
    fmt::print(stderr, "cairn: {}: too much is damaged; what is printed is not all\n", path);
  }
  return problems.empty();
}

bool print_json(const std::vector<RootInfo>& roots, bool only_one, const ReadTransaction& section,
                const PointerTargets& targets, SlowProgress& progress, const std::string& path) {
  JsonStream json(stdout);
  JsonDump dump(json, section.bytes(), targets, progress);
  if (!only_one) {
    json.begin_object();
    json.key("path");
    json.string(path);
    json.key("sequence");
    json.number(section.sequence());
    json.key("roots");
    json.begin_array();
  }
  const bool sound = print_roots(roots, dump, section, path, [&](const RootInfo& root, auto print) {
    if (!only_one) {
      json.begin_object();
      json.key("name");
      json.string(root.name);
      json.key("type");
      json.string(root.type);
      json.key("value");
    }
    dump.begin_root();
    const std::uint64_t tokens = json.tokens();
    print();
    dump.finish_root();
    // A root whose type or place is damaged has printed nothing.
    if (json.tokens() == tokens) json.plain("null");
    if (!only_one) json.end();
  });
  json.close_to(0);
  json.finish();
  return sound;
}

bool print_text(const std::vector<RootInfo>& roots, const ReadTransaction& section,
                const PointerTargets& targets, SlowProgress& progress, const std::string& path) {
  TextDump dump(stdout, section.bytes(), targets, progress);
  return print_roots(roots, dump, section, path, [&](const RootInfo&, auto print) {
    print();
    dump.finish_root();
  });
}

ExitStatus dump(const std::string& path, const std::string& name, bool json) {
  const Store store = open_to_look(path, "cairn dump");
  const ReadTransaction section = store.begin_read();
  std::vector<RootInfo> roots = sorted_roots(section);
  if (!name.empty()) {
    std::erase_if(roots, [&](const RootInfo& root) { return root.name != name; });
    if (roots.empty()) {
      fmt::print(stderr, "cairn: {}: no root \"{}\"; `cairn ls` shows those that there are\n", path,
                 printable(name));
      return ExitStatus::unusable;
    }
  }
  PointerTargets targets(section.bytes().end);
  collect_targets(section, roots, targets, path);
  SlowProgress progress("dump", used_bytes(section), "bytes");
  const bool sound = json ? print_json(roots, !name.empty(), section, targets, progress, path)
                          : print_text(roots, section, targets, progress, path);
  return sound ? ExitStatus::sound : ExitStatus::problems;
}

}  // namespace

ExitStatus run_dump(const Arguments& arguments) {
  const ExitStatus status = dump(arguments.path, arguments.root, arguments.json);
  require_printed();
  return status;
}

}  // namespace cairn::tool
