// SPDX-License-Identifier: BSL-1.0
// What holds of every container in a store: check() sees blocks without an owner, with two, and
// pointers that dangle; and whoever uses one where or as he must not is told by name.
#include "cairn/containers/relocate.hpp"
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
  if constexpr (std::is_same_v<C, Box<String>>) {
    return container.get();
  } else if constexpr (requires { container.begin()->second; }) {
    return &container.begin()->second;
  } else {
    return &*container.begin();
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

}  // namespace
}  // namespace cairn::test
