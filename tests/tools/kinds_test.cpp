// SPDX-License-Identifier: BSL-1.0
// What `cairn dump`, `cairn du` and `cairn ls` make of every kind that can be stored.
#include <chrono>

#include "cairn/static_string.hpp"
#include "cairn/static_vector.hpp"
#include "json_output.hpp"

namespace cairn::test {
namespace {

enum class Colour : std::uint8_t { red = 1, blue = 200 };
using Choice = std::variant<std::monostate, bool, Box<std::uint64_t>, String>;

struct Kinds {
  Vec<bool> vec;
  Deque<String> deque;
  HashSet<String> set;
  HashMap<Colour, Choice> map;
  BTreeMap<String, std::int16_t> ordered_map;
  BTreeSet<std::uint64_t> ordered_set;
  BTreeMap<std::uint32_t, std::optional<String>> boxed;
  Segmented<std::array<std::int8_t, 2>> segmented;
  NdArray<std::uint32_t, 2> array;
  Atomic<std::uint64_t> counter;
  Atomic<bool> flag;
  boost::container::static_vector<String, 4> few;
  boost::static_string<9> label;
  Choice choice;
  std::tuple<std::uint8_t, String, std::pair<Colour, float>> mixed;
  std::chrono::milliseconds wait{0};
  std::optional<std::chrono::sys_seconds> when;
  Box<Deque<std::uint16_t>> box;
  Ptr<String> pointer;
  Ref<std::uint64_t> ref;
};
BOOST_DESCRIBE_STRUCT(Kinds, (),
                      (vec, deque, set, map, ordered_map, ordered_set, boxed, segmented, array,
                       counter, flag, few, label, choice, mixed, wait, when, box, pointer, ref))

const std::string binary("\xFF\x00\x01 no text", 11);

class KindsTest : public JsonOutputTest {
 protected:
  KindsTest() {
    Store store = open();
    store.write([](WriteTransaction& tx) { tx.construct<Kinds>("empty"); });
    store.write([](WriteTransaction& tx) { fill(tx, tx.construct<Kinds>("kinds")); });
    expect_sound(store);
    store.close();
  }
  static void fill(WriteTransaction& tx, Kinds& kinds) {
    kinds.vec = {true, false};
    // Around the end of the ring.
    kinds.deque.emplace_back("b");
    kinds.deque.emplace_front(binary);
    kinds.set.insert(binary);
    kinds.map[Colour::blue] = make_box<std::uint64_t>(17U);
    kinds.ordered_map[binary] = -1;
    kinds.ordered_map["a \"quoted\"\n text"] = 2;
    for (std::uint64_t i = 0; i < 200; ++i) kinds.ordered_set.insert(i * 7 % 200);
    kinds.boxed[3] = String(binary);
    kinds.boxed[1];
    kinds.segmented.push_back({1, -2});
    kinds.array.resize({2, 3}, 5);
    kinds.array(1, 2) = 6;
    kinds.counter = 7;
    kinds.flag = true;
    kinds.few.emplace_back(binary);
    kinds.label = "\xFF!";
    kinds.choice = String("chosen");
    kinds.mixed = {std::uint8_t{9}, String("in a tuple"), std::pair(Colour::red, 0.5F)};
    kinds.wait = std::chrono::milliseconds(-8);
    kinds.when = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
    kinds.box.emplace().push_back(12);
    kinds.pointer = &std::as_const(kinds.deque)[1];
    kinds.ref = tx.ref(*std::as_const(kinds.ordered_set).find(100));
  }
};

TEST_F(KindsTest, are_dumped_as_valid_json_with_bytes_that_are_no_text_in_hexadecimal) {
  const Json roots = json("dump")["roots"];
  const Json bytes = {{"$bytes", "ff0001206e6f2074657874"}};
  Json kinds = roots[1]["value"];
  EXPECT_EQ(kinds["vec"], Json({true, false}));
  EXPECT_EQ(kinds["deque"][0], bytes);
  EXPECT_EQ(kinds["deque"][1]["$value"], "b");
  EXPECT_EQ(kinds["pointer"]["$ref"], kinds["deque"][1]["$id"]);
  EXPECT_EQ(kinds["set"], Json::array({bytes}));
  EXPECT_EQ(kinds["map"], Json::array({{{"key", 200}, {"value", 17}}}));
  EXPECT_EQ(kinds["ordered_map"], Json::array({{{"key", "a \"quoted\"\n text"}, {"value", 2}},
                                               {{"key", bytes}, {"value", -1}}}));
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Json element = kinds["ordered_set"][i];
    EXPECT_EQ(i == 100 ? element["$value"] : element, Json(i));
  }
  EXPECT_EQ(kinds["ref"]["$ref"], kinds["ordered_set"][100]["$id"]);
  EXPECT_EQ(kinds["boxed"],
            Json::array({{{"key", 1}, {"value", nullptr}}, {{"key", 3}, {"value", bytes}}}));
  EXPECT_EQ(kinds["segmented"], Json::parse("[[1, -2]]"));
  EXPECT_EQ(kinds["array"], Json({5, 5, 5, 5, 5, 6}));
  EXPECT_EQ(kinds["counter"], 7);
  EXPECT_EQ(kinds["flag"], true);
  EXPECT_EQ(kinds["few"], Json::array({bytes}));
  EXPECT_EQ(kinds["label"], Json({{"$bytes", "ff21"}}));
  EXPECT_EQ(kinds["choice"], "chosen");
  EXPECT_EQ(kinds["mixed"], Json::parse(R"({"part0": 9, "part1": "in a tuple",
                                              "part2": {"first": 1, "second": 0.5}})"));
  EXPECT_EQ(kinds["wait"], Json({{"ticks_1_1000", -8}}));
  EXPECT_EQ(kinds["when"], Json({{"ticks_1_1", 1'700'000'000}}));
  EXPECT_EQ(kinds["box"], Json({12}));
}

TEST_F(KindsTest, that_hold_nothing_are_dumped_as_such) {
  const Json empty = json("dump")["roots"][0]["value"];
  for (const char* const name : {"vec", "deque", "set", "map", "ordered_map", "ordered_set",
                                 "boxed", "segmented", "array", "few"}) {
    EXPECT_EQ(empty[name], Json::array()) << name;
  }
  EXPECT_EQ(empty["choice"], Json::object());
  for (const char* const name : {"when", "box", "pointer", "ref"}) {
    EXPECT_EQ(empty[name], Json()) << name;
  }
}

TEST_F(KindsTest, as_text_have_a_line_each) {
  const Result result = run("dump '" + path() + "' kinds");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out,
               {"  deque: 2 elements\n", "  set: 1 element\n", "  ordered_map: 2 pairs\n",
                "  ordered_set: 200 elements\n", "  array: 6 elements\n", "  counter: 7\n",
                "  label: \"\\xff!\"\n", "  choice: \"chosen\"\n"});
}

TEST_F(KindsTest, add_up_to_every_byte_of_the_file) {
  const Json use = json("du");
  expect_every_byte_counted_once(use);
  EXPECT_EQ(use["unowned_bytes"], 0);
  const Json list = json("ls");
  for (const Json& root : list["roots"]) EXPECT_EQ(root["elements"], 20);
}

}  // namespace
}  // namespace cairn::test
