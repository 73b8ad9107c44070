// SPDX-License-Identifier: BSL-1.0
// What `cairn dump` prints, read back and held against what the program itself sees.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <rapidcheck/gtest.h>

#include "forked_child.hpp"
#include "json_output.hpp"

namespace cairn::test {
namespace {

enum class Colour : std::uint8_t { red = 1, blue = 200 };

struct Leaf {
  std::int64_t small = 0;
  std::uint64_t large = 0;
  std::int8_t byte = 0;
  double real = 0;
  float short_real = 0;
  bool flag = false;
  Colour colour = Colour::red;
  String text;
  std::optional<std::uint16_t> maybe;
  std::array<std::uint32_t, 3> three{};
};
BOOST_DESCRIBE_STRUCT(Leaf, (),
                      (small, large, byte, real, short_real, flag, colour, text, maybe, three))

struct Tree {
  Vec<Leaf> leaves;
  HashMap<String, Vec<std::uint64_t>> lists;
  HashMap<std::int32_t, Leaf> by_number;
  Box<Tree> below;
  Ptr<Leaf> best;
  Ref<Tree> far;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (leaves, lists, by_number, below, best, far))

class Dump : public JsonOutputTest {
 protected:
  Json dump(const std::string& root = "") const { return json("dump", root); }
};

std::string hex(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    result += digits[static_cast<unsigned char>(c) >> 4];
    result += digits[static_cast<unsigned char>(c) & 15];
  }
  return result;
}

/// Independent of the tool's own test for it: the library's strict printing throws.
Json expected_text(const std::string& text) {
  try {
    const std::string printed = Json(text).dump();
    return printed.empty() ? Json() : Json(text);
  } catch (const Json::type_error&) {
    return {{"$bytes", hex(text)}};
  }
}

Json expected_real(double value) {
  if (std::isnan(value)) return {{"$float", "nan"}};
  if (std::isinf(value)) return {{"$float", value < 0 ? "-inf" : "inf"}};
  return value;
}

Json expected(const Leaf& leaf) {
  return {{"small", leaf.small},
          {"large", leaf.large},
          {"byte", leaf.byte},
          {"real", expected_real(leaf.real)},
          {"short_real", expected_real(leaf.short_real)},
          {"flag", leaf.flag},
          {"colour", static_cast<int>(leaf.colour)},
          {"text", expected_text(std::string(leaf.text))},
          {"maybe", leaf.maybe ? Json(*leaf.maybe) : Json()},
          {"three", leaf.three}};
}

/// Pairs in an order that does not depend on the hash table's.
Json sorted_pairs(Json pairs) {
  std::sort(pairs.begin(), pairs.end(),
            [](const Json& a, const Json& b) { return a["key"].dump() < b["key"].dump(); });
  return pairs;
}

Json expected(const Tree& tree) {
  Json json = {{"leaves", Json::array()}, {"lists", Json::array()}, {"by_number", Json::array()},
               {"below", nullptr},        {"best", nullptr},        {"far", nullptr}};
  for (const Leaf& leaf : tree.leaves) json["leaves"].push_back(expected(leaf));
  for (const auto& [key, list] : tree.lists) {
    json["lists"].push_back({{"key", expected_text(std::string(key))},
                             {"value", std::vector<std::uint64_t>(list.begin(), list.end())}});
  }
  for (const auto& [key, leaf] : tree.by_number) {
    json["by_number"].push_back({{"key", key}, {"value", expected(leaf)}});
  }
  json["lists"] = sorted_pairs(json["lists"]);
  json["by_number"] = sorted_pairs(json["by_number"]);
  if (tree.below) json["below"] = expected(*tree.below);
  return json;
}

Json in_order(Json tree) {
  tree["lists"] = sorted_pairs(tree["lists"]);
  tree["by_number"] = sorted_pairs(tree["by_number"]);
  if (!tree["below"].is_null()) tree["below"] = in_order(tree["below"]);
  return tree;
}

void fill(Leaf& leaf) {
  leaf.small = *rc::gen::arbitrary<std::int64_t>();
  leaf.large = *rc::gen::arbitrary<std::uint64_t>() | std::uint64_t{1} << 63;
  leaf.byte = *rc::gen::arbitrary<std::int8_t>();
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  std::memcpy(&leaf.real, &bits, sizeof bits);
  leaf.short_real = static_cast<float>(*rc::gen::arbitrary<double>());
  leaf.flag = *rc::gen::arbitrary<bool>();
  leaf.colour = *rc::gen::element(Colour::red, Colour::blue);
  // Bytes of any value: most of what is not empty is no UTF-8.
  leaf.text =
      *rc::gen::oneOf(rc::gen::arbitrary<std::string>(),
                      rc::gen::map(rc::gen::arbitrary<std::vector<std::uint8_t>>(),
                                   [](const std::vector<std::uint8_t>& bytes) {
                                     return std::string(bytes.begin(), bytes.end());
                                   }),
                      rc::gen::just(std::string("gr\xC3\xBC\xC3\x9F \"\\\n\x01 \xF0\x9F\x8C\xB2")));
  if (*rc::gen::arbitrary<bool>()) leaf.maybe = *rc::gen::arbitrary<std::uint16_t>();
  leaf.three = *rc::gen::arbitrary<std::array<std::uint32_t, 3>>();
}

void fill(Tree& tree, int depth) {
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) fill(tree.leaves.emplace_back());
  for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
    auto& list = tree.lists[*rc::gen::arbitrary<std::string>()];
    for (const std::uint64_t v : *rc::gen::arbitrary<std::vector<std::uint64_t>>()) {
      list.push_back(v);
    }
  }
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    fill(tree.by_number[*rc::gen::arbitrary<std::int32_t>()]);
  }
  if (depth > 0 && *rc::gen::arbitrary<bool>()) {
    tree.below = make_box<Tree>();
    fill(*tree.below, depth - 1);
  }
}

RC_GTEST_FIXTURE_PROP(Dump, random_contents_are_printed_as_the_program_sees_them, ()) {
  Store store = open();
  store.write([](WriteTransaction& tx) {
    tx.destroy<Tree>("tree");
    fill(tx.construct<Tree>("tree"), 3);
  });
  const Json seen =
      store.read([](const ReadTransaction& tx) { return expected(*tx.find<Tree>("tree")); });
  const Result result = run("dump --json '" + path() + "' tree");
  RC_ASSERT(result.status == 0);
  RC_ASSERT(in_order(Json::parse(result.out)) == seen);
}

TEST_F(Dump, all_roots_stand_in_one_object_by_name) {
  Store store = open();
  store.write([](WriteTransaction& tx) {
    tx.construct<Numbers>("numbers", 2U, 7U);
    tx.construct<std::uint64_t>("answer", 42U);
    tx.construct<char>("letter", 'x');
    tx.construct<char>("no letter", '\xFF');
    tx.construct<std::optional<Numbers>>("none");
    tx.construct<Numbers>("\xFF odd", 0U, 0U);
  });
  const Json json = dump();
  EXPECT_EQ(json["path"], path());
  EXPECT_EQ(json["sequence"], 2);
  std::vector<Json> names;
  std::vector<Json> values;
  for (const Json& root : json["roots"]) {
    names.push_back(root["name"]);
    values.push_back(root["value"]);
  }
  EXPECT_EQ(
      names,
      (std::vector<Json>{
          "answer", "letter", "no letter", "none", "numbers", {{"$bytes", hex("\xFF odd")}}}));
  EXPECT_EQ(values,
            (std::vector<Json>{42, "x", {{"$bytes", "ff"}}, nullptr, {7, 7}, Json::array()}));
  EXPECT_EQ(json["roots"][4]["type"], "Vec<u64>");
}

TEST_F(Dump, numbers_are_exact_to_the_last_bit) {
  Store store = open();
  const std::vector<double> reals = {0.1,     -0.0, 5e-324, std::numeric_limits<double>::max(),
                                     1.0 / 3, 0.1F};
  store.write([&](WriteTransaction& tx) {
    auto& numbers = tx.construct<Vec<double>>("reals");
    for (const double real : reals) numbers.push_back(real);
    tx.construct<std::pair<std::uint64_t, std::int64_t>>("limits",
                                                         std::numeric_limits<std::uint64_t>::max(),
                                                         std::numeric_limits<std::int64_t>::min());
  });
  const Json printed = dump("reals");
  ASSERT_EQ(printed.size(), reals.size());
  for (std::size_t i = 0; i < reals.size(); ++i) {
    const double got = printed[i].get<double>();
    EXPECT_EQ(std::bit_cast<std::uint64_t>(got), std::bit_cast<std::uint64_t>(reals[i]))
        << reals[i];
  }
  const Json limits = dump("limits");
  EXPECT_EQ(limits["first"].get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(limits["second"].get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
}

TEST_F(Dump, pointers_are_references_to_objects_that_say_where_they_are) {
  Store store = open();
  store.write([](WriteTransaction& tx) {
    auto& tree = tx.construct<Tree>("tree");
    tree.leaves.resize(3);
    tree.below = make_box<Tree>();
    tree.best = &tree.leaves[1];
    tree.far = tx.ref(*tree.below);
    // A ring: its owner prints it once.
    tree.below->far = tx.ref(tree);
    tx.construct<Ptr<std::uint64_t>>("elsewhere", &tree.leaves[2].large);
  });
  const Json json = dump();
  const Json& tree = json["roots"][1]["value"];
  EXPECT_EQ(tree["best"]["$ref"], tree["leaves"][1]["$id"]);
  EXPECT_FALSE(tree["leaves"][0].contains("$id"));
  EXPECT_EQ(tree["far"]["$ref"], tree["below"]["$id"]);
  EXPECT_EQ(tree["below"]["far"]["$ref"], tree["$id"]);
  EXPECT_EQ(json["roots"][0]["value"]["$ref"], tree["leaves"][2]["large"]["$id"]);
  EXPECT_EQ(tree["leaves"][2]["large"]["$value"], 0);
}

TEST_F(Dump, long_chains_take_no_stack_and_no_indentation_without_end) {
  constexpr int length = 20'000;
  Store store = open();
  store.write([&](WriteTransaction& tx) {
    Tree* last = &tx.construct<Tree>("chain");
    for (int i = 0; i < length; ++i) {
      last->below = make_box<Tree>();
      last = last->below.get();
    }
  });
  const auto run_with_little_stack = [&](const std::string& how) {
    return run_command("ulimit -s 1024; exec '" CAIRN_PROGRAM "' dump " + how + " '" + path() +
                       "' chain");
  };
  const Result chain = run_with_little_stack("--json");
  EXPECT_EQ(chain.status, 0) << chain.err;
  std::size_t found = 0;
  for (std::size_t at = 0; (at = chain.out.find("\"below\"", at)) != std::string::npos; ++at)
    ++found;
  EXPECT_EQ(found, length + 1U);
  EXPECT_LT(chain.out.size(), length * 100U);
  EXPECT_TRUE(Json::accept(chain.out));
  const Result as_text = run_with_little_stack("");
  EXPECT_EQ(as_text.status, 0) << as_text.err;
  EXPECT_LT(as_text.out.size(), length * 700U);
  // One by one: the destructors of such a chain would need the stack.
  store.write([](WriteTransaction& tx) {
    Tree& chain_root = *tx.find<Tree>("chain");
    while (chain_root.below) {
      Box<Tree> rest = std::move(chain_root.below->below);
      chain_root.below = std::move(rest);
    }
  });
}

/// Three bytes of which a dump says a hundred times as much.
struct Wordy {
  bool a_field_with_a_name_that_is_so_long_that_nobody_would_ever_want_to_write_it = false;
  bool another_field_with_a_name_that_is_so_long_that_nobody_would_ever_write_it = false;
  bool the_last_field_with_a_name_that_is_so_long_that_nobody_would_ever_write_it = false;
};
BOOST_DESCRIBE_STRUCT(Wordy, (),
                      (a_field_with_a_name_that_is_so_long_that_nobody_would_ever_want_to_write_it,
                       another_field_with_a_name_that_is_so_long_that_nobody_would_ever_write_it,
                       the_last_field_with_a_name_that_is_so_long_that_nobody_would_ever_write_it))

/// What a dump printed, and how much memory it had needed at most when much of that was read.
struct Streamed {
  std::uint64_t printed_bytes = 0;
  std::uint64_t memory_bytes = 0;
};

class StreamedDump : public Dump {
 protected:
  /// The dump waits in a pipe, so it is still there to be looked at.
  Streamed streamed(const std::string& how_and_root) const {
    // What is freed must not be kept by a sanitizer that is built in.
    const std::string command =
        "echo $$ >'" + path("pid") +
        "'; export ASAN_OPTIONS=\"$ASAN_OPTIONS:quarantine_size_mb=1\"; exec '" CAIRN_PROGRAM
        "' dump " +
        how_and_root;
    std::FILE* const out = ::popen(command.c_str(), "r");  // NOLINT(cert-env33-c): the test's own
    if (out == nullptr) throw std::runtime_error("popen failed");
    Streamed result;
    std::vector<char> block(1 << 14);
    std::uint64_t next_look = 0;
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), out)) {
      result.printed_bytes += got;
      if (result.printed_bytes < next_look) continue;
      next_look = result.printed_bytes + (1 << 20);
      result.memory_bytes = std::max(result.memory_bytes, peak_of("/proc/" + pid() + "/status"));
    }
    EXPECT_EQ(::pclose(out), 0);
    return result;
  }
  std::string json_of(const std::string& root) const { return "--json '" + path() + "' " + root; }
  std::string text_of(const std::string& root) const { return "'" + path() + "' " + root; }

 private:
  std::string pid() const {
    const std::string line = text("pid");
    return line.substr(0, line.find('\n'));
  }
  /// Zero of a process that has ended.
  static std::uint64_t peak_of(const std::string& status_file) {
    std::ifstream status(status_file);
    for (std::string word; status >> word;) {
      std::uint64_t kibibytes = 0;
      if (word == "VmHWM:" && status >> kibibytes) return kibibytes << 10;
    }
    return 0;
  }
};

TEST_F(StreamedDump, needs_no_more_memory_for_much_than_for_little) {
  constexpr std::uint64_t little = 1'000;
  constexpr std::uint64_t much = 36'000;
  // For the pages of the file that are looked at, mostly.
  constexpr std::uint64_t allowance_bytes = 5 << 20;
  {
    Store store = open();
    store.write([](WriteTransaction& tx) {
      tx.construct<Vec<Wordy>>("little").resize(little);
      tx.construct<Vec<Wordy>>("much").resize(much);
      // Of each of these bytes six are printed.
      tx.construct<String>("short text", std::string(100 * little, '\1'));
      tx.construct<String>("long text", std::string(45 * much, '\1'));
    });
  }
  const std::pair<std::string, std::string> pairs[] = {
      {json_of("little"), json_of("much")},
      {text_of("little"), text_of("much")},
      {json_of("'short text'"), json_of("'long text'")},
      {text_of("'short text'"), text_of("'long text'")}};
  for (const auto& [small, large] : pairs) {
    SCOPED_TRACE(large);
    const Streamed few = streamed(small);
    const Streamed many = streamed(large);
    ASSERT_GT(few.memory_bytes, 0U);
    EXPECT_GT(many.printed_bytes, few.printed_bytes + allowance_bytes * 3 / 2);
    EXPECT_LT(many.memory_bytes, few.memory_bytes + allowance_bytes);
  }
}

TEST_F(Dump, a_long_string_is_printed_as_it_is) {
  Store store = open();
  std::string text;
  while (text.size() < 300'000) text += "gr\xC3\xBC\xC3\x9F\n";
  store.write([&](WriteTransaction& tx) { tx.construct<String>("text", text); });
  EXPECT_EQ(dump("text"), Json(text));
}

TEST_F(Dump, as_text_it_has_a_line_for_each_value) {
  Store store = open();
  store.write([](WriteTransaction& tx) {
    auto& tree = tx.construct<Tree>("tree");
    tree.lists["a \"b\""] = {1, 2};
    tree.leaves.emplace_back().text = "\xFF!";
    tree.best = &tree.leaves[0];
    tree.below = make_box<Tree>();
  });
  const Result result = run("dump '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out,
               {"tree:\n  leaves: 1 element\n    [0]: @", "      text: \"\\xff!\"\n",
                "      maybe: none\n",
                "  lists: 1 pair\n    key: \"a \\\"b\\\"\"\n    value: 2 elements\n      [0]: 1\n",
                "  below:\n    leaves: empty\n", "  best: -> @"});
}

TEST_F(Dump, a_text_does_not_steer_the_terminal) {
  const std::string text = "\x1B[2J \x7F \xC2\x80\xC2\x9B"
                           "5n \xC2\xA0\xC3\xBC";
  Store store = open();
  store.write([&](WriteTransaction& tx) { tx.construct<String>("text", text); });
  EXPECT_EQ(dump("text"), Json(text));
  for (const char* const how : {"dump '", "dump --json '"}) {
    const Result result = run(how + path() + "' text");
    expect_lines(result.out, {"\"\\u001b[2J \\u007f \\u0080\\u009b5n \xC2\xA0\xC3\xBC\""});
  }
}

TEST_F(Dump, a_name_that_is_none_is_a_message) {
  push(*std::make_unique<Store>(open()), 1);
  const Result result = run("dump '" + path() + "' nothing");
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  expect_lines(result.err, {"no root \"nothing\"", "cairn ls"});
}

TEST_F(Dump, damage_is_told_and_the_rest_is_printed_as_valid_json) {
  std::uint64_t at = 0;
  {
    Store store = open();
    store.write([](WriteTransaction& tx) {
      auto& tree = tx.construct<Tree>("tree");
      tree.lists["list"] = {1, 2, 3};
      tx.construct<Numbers>("other", 1U, 5U);
    });
    store.read([&](const ReadTransaction& tx) {
      at = tx.ref(tx.find<Tree>("tree")->lists.at("list")).offset();
    });
  }
  write_struct(path(), at + 8, std::uint64_t{1} << 40);
  const Result result = run("dump --json '" + path() + "'");
  EXPECT_EQ(result.status, 1);
  expect_lines(result.err, {"tree.lists[\"list\"]", "a Vec of size"});
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["roots"][1]["value"]["lists"][0]["value"], Json({{"$damaged", true}}));
  EXPECT_EQ(json["roots"][1]["value"]["far"], nullptr);
  EXPECT_EQ(json["roots"][0]["value"], Json({5}));
}

TEST_F(Dump, what_cannot_be_written_is_an_error) {
  push(*std::make_unique<Store>(open()), 1);
  const std::string command = std::string("'") + CAIRN_PROGRAM + "' dump '" + path() +
                              "' >/dev/full 2>'" + path("err") + "'";
  const int raw = std::system(command.c_str());  // NOLINT(cert-env33-c): the test's own words
  EXPECT_EQ(WEXITSTATUS(raw), 2);
  expect_lines(text("err"), {"standard output", "No space left"});
}

TEST_F(Dump, it_sees_one_commit_while_another_process_writes) {
  Store store = open();
  store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 3'000U, 0U); });
  ForkedChild writer([&] {
    Store mine = open();
    for (std::uint64_t i = 1;; ++i) {
      mine.write([&](WriteTransaction& tx) {
        for (std::uint64_t& number : *tx.find<Numbers>("numbers")) number = i;
      });
    }
    return true;
  });
  while (numbers(store)[0] < 3) store.wait_for_change(store.sequence(), std::chrono::seconds(1));
  for (int i = 0; i < 5; ++i) {
    const Json json = dump("numbers");
    ASSERT_EQ(json.size(), 3'000U);
    EXPECT_EQ(json, Json(std::vector<Json>(3'000, json[0])));
    EXPECT_GE(json[0], 3);
  }
  writer.kill_now();
}

}  // namespace
}  // namespace cairn::test
