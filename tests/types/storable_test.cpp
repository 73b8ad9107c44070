// SPDX-License-Identifier: BSL-1.0
// What cannot be stored, and the messages that say so, is in storable_compile_fail.cpp.
#include "cairn/storable.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cairn/box.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/ptr.hpp"
#include "cairn/shared.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"

namespace cairn::test {
namespace {

struct Described {
  String name;
  std::array<std::optional<std::pair<int, double>>, 3> parts;
  std::tuple<char, bool> more;
};
BOOST_DESCRIBE_STRUCT(Described, (), (name, parts, more))

struct Derived : Described {
  Vec<Derived> children;
  Box<Derived> next;
  Ptr<Derived> other;
  HashMap<String, Derived> named;
};
BOOST_DESCRIBE_STRUCT(Derived, (Described), (children, next, other, named))

class Private {
 public:
  std::uint64_t sum() const { return a_ + b_; }

 private:
  std::uint64_t a_ = 1;
  std::uint64_t b_ = 2;
  BOOST_DESCRIBE_CLASS(Private, (), (), (), (a_, b_))
};

struct Empty {};
BOOST_DESCRIBE_STRUCT(Empty, (), ())

struct alignas(64) Line {
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Line, (), (value))

enum class Color : std::uint8_t { red };

static_assert(Storable<int> && Storable<bool> && Storable<char> && Storable<double>);
static_assert(Storable<std::byte> && Storable<Color>);
static_assert(Storable<Described> && Storable<Derived> && Storable<Private>);
static_assert(Storable<std::chrono::nanoseconds>);
static_assert(Storable<std::chrono::system_clock::time_point>);
static_assert(Storable<int[4]> && Storable<Ref<Described>>);

// The names for newcomers, with the arguments that are left out and with those of one's own.
template <class Shared, class Own>
constexpr bool same = std::is_same_v<Shared, Own>;
struct OwnHash {};
struct OwnEqual {};
static_assert(same<SharedString, String> && same<SharedBox<int>, Box<int>>);
static_assert(same<SharedVec<int>, Vec<int>> && same<SharedVecDeque<int>, Deque<int>>);
static_assert(same<SharedHashMap<int, char>, HashMap<int, char>>);
static_assert(
    same<SharedHashMap<String, int, OwnHash, OwnEqual>, HashMap<String, int, OwnHash, OwnEqual>>);
static_assert(same<SharedHashSet<int>, HashSet<int>>);
static_assert(same<SharedHashSet<String, OwnHash, OwnEqual>, HashSet<String, OwnHash, OwnEqual>>);
static_assert(same<SharedBTreeMap<int, char>, BTreeMap<int, char>>);
static_assert(same<SharedBTreeMap<int, char, std::greater<>>, BTreeMap<int, char, std::greater<>>>);
static_assert(same<SharedBTreeSet<int>, BTreeSet<int>>);
static_assert(same<SharedBTreeSet<int, std::greater<>>, BTreeSet<int, std::greater<>>>);

struct Undescribed {
  int value = 0;
};
struct Forgetful {
  int value = 0;
  int* hidden = nullptr;
};
BOOST_DESCRIBE_STRUCT(Forgetful, (), (value))
struct Virtual {
  virtual ~Virtual() = default;
};
BOOST_DESCRIBE_STRUCT(Virtual, (), ())
struct HoldsText {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(HoldsText, (), (text))
union Either {
  int a;
  float b;
};

template <class T>
constexpr Storability why = detail::storability<T>();

static_assert(why<int*> == Storability::raw_pointer);
static_assert(why<std::nullptr_t> == Storability::raw_pointer);
static_assert(why<int&> == Storability::reference);
static_assert(why<const int> == Storability::qualified);
static_assert(why<int Described::*> == Storability::pointer_to_member);
static_assert(why<void()> == Storability::process_object);
static_assert(why<Virtual> == Storability::polymorphic);
static_assert(why<std::string> == Storability::owning_container);
static_assert(why<std::vector<int>> == Storability::owning_container);
static_assert(why<std::unique_ptr<int>> == Storability::smart_pointer);
static_assert(why<std::shared_ptr<int>> == Storability::smart_pointer);
static_assert(why<std::string_view> == Storability::view);
static_assert(why<std::span<int>> == Storability::view);
static_assert(why<long double> == Storability::wide_scalar);
static_assert(why<Either> == Storability::union_type);
static_assert(why<Undescribed> == Storability::undescribed);
static_assert(why<std::function<void()>> == Storability::undescribed);
static_assert(why<Forgetful> == Storability::partly_described);
static_assert(why<HoldsText> == Storability::owning_container);
static_assert(why<std::pair<int, int*>> == Storability::raw_pointer);
static_assert(why<std::array<std::optional<std::string>, 2>> == Storability::owning_container);

TEST(Storable, an_empty_struct_and_an_over_aligned_one_need_no_more_than_their_fields) {
  EXPECT_TRUE(Storable<Empty>);
  EXPECT_EQ(why<Line>, Storability::ok);
}

}  // namespace
}  // namespace cairn::test
