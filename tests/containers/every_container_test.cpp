// SPDX-License-Identifier: BSL-1.0
// What holds of every container in a store: check() sees blocks without an owner, with two, and
// pointers that dangle; and whoever uses one where or as he must not is told by name.
#include "cairn/containers/relocate.hpp"
#include "cairn/static_vector.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

std::string long_text(std::uint64_t number) {
  return "a text that does not fit into the object itself, number " + std::to_string(number);
}

/// Adds a text, under this number where there are keys, without a String of its own outside of the
/// container.
template <class C>
void add(C& container, std::uint64_t number, const std::string& text) {
  if constexpr (std::is_same_v<C, String>) {
    container += text;
  } else if constexpr (std::is_same_v<C, Box<String>>) {
    container.emplace(text);
  } else if constexpr (std::is_same_v<C, NdArray<String, 1>>) {
    container.resize({container.size() + 1});
    try {
      container(container.size() - 1) = text;
    } catch (const Error&) {
      container.resize({container.size() - 1});
      throw;
    }
  } else if constexpr (requires { typename C::mapped_type; }) {
    container.insert_or_assign(number, text);
  } else if constexpr (requires { container.insert(text); }) {
    container.insert(text);
  } else {
    container.emplace_back(text);
  }
}

template <class C>
void add(C& container, std::uint64_t number) {
  add(container, number, long_text(number));
}

/// A text that the container holds.
template <class C>
const String* text_in(const C& container) {
  if constexpr (std::is_same_v<C, String>) {
    return &container;
  } else if constexpr (std::is_same_v<C, Box<String>>) {
    return container.get();
  } else if constexpr (requires { container.begin()->second; }) {
    return &container.begin()->second;
  } else {
    return &*container.begin();
  }
}

/// What the paths of messages put between the container's name and that of text_in().
template <class C>
std::string way_to_text(std::uint64_t first_number) {
  if constexpr (std::is_same_v<C, String>) {
    return "";
  } else if constexpr (std::is_same_v<C, Box<String>>) {
    return "->";
  } else if constexpr (requires { typename C::mapped_type; }) {
    return "[" + std::to_string(first_number) + "]";
  } else if constexpr (std::is_same_v<C, HashSet<String>>) {
    return "{slot 0}";
  } else if constexpr (requires { typename C::key_type; }) {
    return "{0}.key";
  } else {
    return "[0]";
  }
}

template <class C>
class EveryContainer : public StoreTest {
 protected:
  using Root = std::tuple<C, C, Ptr<String>>;
  static constexpr std::uint64_t count = 40;

  EveryContainer() {
    sut_.write([](WriteTransaction& tx) {
      auto& root = tx.construct<Root>("root");
      for (std::uint64_t i = 0; i < count; ++i) add(std::get<0>(root), i);
    });
    expect_sound(sut_);
  }
  const Root& root(const ReadTransaction& tx) const { return *tx.find<Root>("root"); }
  /// The store is as it was, and usable.
  void expect_untouched() {
    expect_sound(sut_);
    sut_.write([&](WriteTransaction& tx) { add(std::get<1>(*tx.find<Root>("root")), 7); });
    expect_sound(sut_);
  }

  Store sut_ = open();
};

/// Those that hold objects, as all but String do.
template <class C>
class EveryHolder : public EveryContainer<C> {};

using Holders = ::testing::Types<Vec<String>, Deque<String>, Box<String>, HashSet<String>,
                                 HashMap<std::uint64_t, String>, BTreeSet<String>,
                                 BTreeMap<std::uint64_t, String>, BTreeSet<String, std::greater<>>,
                                 Segmented<String>, NdArray<String, 1>>;
TYPED_TEST_SUITE(EveryHolder, Holders);
template <class Types>
struct WithString;
template <class... Types>
struct WithString<::testing::Types<Types...>> {
  using All = ::testing::Types<String, Types...>;
};
TYPED_TEST_SUITE(EveryContainer, WithString<Holders>::All);

TYPED_TEST(EveryContainer, whose_blocks_nobody_owns_any_more_is_a_leak) {
  this->sut_.write([&](WriteTransaction& tx) {
    auto& container = std::get<0>(*tx.find<typename TestFixture::Root>("root"));
    tx.mark(&container, sizeof container);
    // Without its destructor.
    ::new (&container) TypeParam();
  });
  const CheckReport report = this->sut_.check();
  EXPECT_TRUE(report.ok()) << ::testing::PrintToString(report.problems);
  EXPECT_FALSE(report.leak_free());
  EXPECT_GE(report.unowned_blocks, (std::is_same_v<TypeParam, String> ? 1U : 2U));
  EXPECT_GE(report.unowned_bytes, long_text(0).size());
}

TYPED_TEST(EveryContainer, whose_blocks_have_a_second_owner_is_told) {
  this->sut_.write([&](WriteTransaction& tx) {
    auto& [container, other, pointer] = *tx.find<typename TestFixture::Root>("root");
    tx.mark(&other, sizeof other);
    detail::relocate_quietly(&container, &other);
  });
  const CheckReport report = this->sut_.check();
  ASSERT_FALSE(report.ok());
  EXPECT_TRUE(contains(report.problems[0], "root.")) << report.problems[0];
  EXPECT_TRUE(contains(report.problems[0], "another owner")) << report.problems[0];
}

TYPED_TEST(EveryHolder, pointers_into_it_dangle_once_it_is_empty) {
  this->sut_.write([&](WriteTransaction& tx) {
    auto& [container, other, pointer] = *tx.find<typename TestFixture::Root>("root");
    pointer = text_in(std::as_const(container));
  });
  this->expect_sound(this->sut_);
  this->sut_.write([&](WriteTransaction& tx) {
    std::get<0>(*tx.find<typename TestFixture::Root>("root")) = TypeParam();
  });
  const CheckReport report = this->sut_.check();
  ASSERT_EQ(report.problems.size(), 1U) << ::testing::PrintToString(report.problems);
  EXPECT_TRUE(contains(report.problems[0], "Ptr<String>")) << report.problems[0];
  EXPECT_TRUE(contains(report.problems[0], "dangles")) << report.problems[0];
}

TYPED_TEST(EveryContainer, made_outside_of_transactions_with_content_is_refused_by_name) {
  const Error error = error_of([] {
    TypeParam loose;
    add(loose, 1);
  });
  EXPECT_EQ(error.code(), errc::no_transaction) << error.what();
  this->expect_untouched();
}

TYPED_TEST(EveryContainer, changed_in_a_read_section_is_refused_by_name) {
  this->sut_.read([&](const ReadTransaction& tx) {
    auto& container = const_cast<TypeParam&>(std::get<0>(this->root(tx)));
    expect_error(errc::write_inside_read, this->path(), {}, [&] { add(container, 1000); });
    expect_error(errc::write_inside_read, this->path(), {}, [&] { container = TypeParam(); });
  });
  this->expect_untouched();
}

TYPED_TEST(EveryContainer, in_which_something_changes_without_a_mark_is_named_with_it) {
  this->sut_.write([&](WriteTransaction& tx) {
    add(std::get<1>(*tx.find<typename TestFixture::Root>("root")), 1, "short");
  });
  const auto expect_named = [&](const std::string& what, auto text_in_root, std::size_t at) {
    const std::uint64_t sequence = this->sut_.sequence();
    expect_error(errc::unmarked_write, this->path(), {what + " (String, "}, [&] {
      this->sut_.write([&](WriteTransaction& tx) {
        const String& text =
            *text_in_root(std::as_const(*tx.find<typename TestFixture::Root>("root")));
        const_cast<char&>(text[at]) ^= 1;
      });
    });
    EXPECT_EQ(this->sut_.sequence(), sequence);
  };
  // In the block of an object that the container holds, and in such an object.
  expect_named(
      "bytes of root.part0" + way_to_text<TypeParam>(0),
      [](const auto& root) { return text_in(std::get<0>(root)); }, 40);
  expect_named(
      ": root.part1" + way_to_text<TypeParam>(1),
      [](const auto& root) { return text_in(std::get<1>(root)); }, 2);
  this->expect_untouched();
}

TYPED_TEST(EveryContainer, in_which_there_is_no_room_for_an_element_stays_what_it_was) {
  Options small = this->options();
  small.max_bytes = 2 << 20;
  Store store = Store::open(this->path("small"), small);
  store.write([&](WriteTransaction& tx) {
    auto& root = tx.construct<std::pair<TypeParam, TypeParam>>("root");
    TypeParam& container = root.first;
    TypeParam& copy = root.second;
    for (std::uint64_t i = 0; i < this->count; ++i) {
      const std::string too_long(8 << 20, 'x');
      const Error error = error_of([&] { add(container, i, too_long); });
      EXPECT_EQ(error.code(), errc::too_large) << error.what();
      EXPECT_TRUE(container == copy);
      add(container, i);
      copy = std::as_const(container);
    }
  });
  this->expect_sound(store);
}

TYPED_TEST(EveryContainer, opened_as_a_root_of_another_type_is_refused_with_both) {
  const auto expect_mismatch = [&](auto find) {
    const Error error = error_of([&] { this->sut_.read(find); });
    EXPECT_EQ(error.code(), errc::type_mismatch) << error.what();
    EXPECT_TRUE(contains(error.what(), "root")) << error.what();
    EXPECT_TRUE(contains(error.what(), "Ptr<String>")) << error.what();
  };
  expect_mismatch([](const ReadTransaction& tx) {
    (void)tx.find<std::tuple<TypeParam, Vec<TypeParam>, Ptr<String>>>("root");
  });
  expect_mismatch([](const ReadTransaction& tx) { (void)tx.find<TypeParam>("root"); });
  this->expect_untouched();
}

TYPED_TEST(EveryContainer, whose_transaction_throws_is_what_it_was) {
  EXPECT_THROW(this->sut_.write([&](WriteTransaction& tx) {
    auto& container = std::get<0>(*tx.find<typename TestFixture::Root>("root"));
    for (std::uint64_t i = 100; i < 200; ++i) add(container, i);
    container = TypeParam();
    throw std::runtime_error("rolled back");
  }),
               std::runtime_error);
  const Store again = this->open();
  again.read([&](const ReadTransaction& tx) {
    const auto& container = std::get<0>(this->root(tx));
    if constexpr (!std::is_same_v<TypeParam, Box<String>>) {
      const bool is_text = std::is_same_v<TypeParam, String>;
      EXPECT_EQ(container.size(), is_text ? long_text(10).size() * this->count - 10 : this->count);
    } else {
      EXPECT_EQ(*container, long_text(this->count - 1));
    }
  });
  this->expect_untouched();
}

// Parts of a fixed size, and what stands beside an Atomic, are marked and found by their holder.

using Alternatives = std::variant<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>>;
struct Parts {
  std::uint64_t before = 1;
  Atomic<std::uint64_t> counter;
  std::uint64_t after = 2;
  Alternatives either = std::pair<std::uint64_t, std::uint64_t>(3U, 4U);
  boost::container::static_vector<std::uint16_t, 5> few = {5, 6, 7};
};
BOOST_DESCRIBE_STRUCT(Parts, (), (before, counter, after, either, few))

class EveryPart : public StoreTest {
 protected:
  EveryPart() {
    sut_.write([](WriteTransaction& tx) { tx.construct<Box<Parts>>("parts").emplace(); });
  }
  /// Expects a change by a const access to be refused with this name.
  template <class Field>
  void expect_named(const std::string& what, Field field_of) {
    expect_error(errc::unmarked_write, path(), {": parts->." + what + " ("}, [&] {
      sut_.write([&](WriteTransaction& tx) {
        const Parts& parts = *std::as_const(*tx.find<Box<Parts>>("parts"));
        using Plain = std::remove_cvref_t<decltype(field_of(parts))>;
        const_cast<Plain&>(field_of(parts)) ^= 1;
      });
    });
    sut_.read([&](const ReadTransaction& tx) {
      const Parts& parts = **tx.find<Box<Parts>>("parts");
      EXPECT_EQ(parts.before, 1U);
      EXPECT_EQ(parts.after, 2U);
      EXPECT_EQ(std::get<1>(parts.either).second, 4U);
      EXPECT_EQ(parts.few[2], 7U);
    });
    expect_sound(sut_);
  }

  Store sut_ = open();
};

TEST_F(EveryPart, beside_an_atomic_that_changes_without_a_mark_is_named) {
  const auto count = [&] {
    sut_.write(
        [](WriteTransaction& tx) { (*std::as_const(*tx.find<Box<Parts>>("parts"))).counter += 1; });
  };
  count();
  expect_named(
      "before", [](const Parts& parts) -> auto& { return parts.before; });
  count();
  expect_named(
      "after", [](const Parts& parts) -> auto& { return parts.after; });
  // The Atomic itself needs no mark, and what was refused did not take it back.
  EXPECT_EQ((*sut_.begin_read().find<Box<Parts>>("parts"))->counter, 2U);
}

TEST_F(EveryPart, of_a_variant_that_changes_without_a_mark_is_named) {
  expect_named(
      "either<1>.second",
      [](const Parts& parts) -> auto& { return std::get<1>(parts.either).second; });
}

TEST_F(EveryPart, of_a_static_vector_that_changes_without_a_mark_is_named) {
  expect_named(
      "few[2]", [](const Parts& parts) -> auto& { return parts.few[2]; });
}

}  // namespace
}  // namespace cairn::test
