// SPDX-License-Identifier: BSL-1.0
// Compiled once for each value of CAIRN_CASE, must fail each time, and with the message that the
// case's test expects. Cases 0, 27 and 32 compile: they prove that the others fail for their own
// reason.
#include <boost/describe/class.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "cairn/atomic.hpp"
#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/segmented.hpp"
#include "cairn/static_vector.hpp"
#include "cairn/string.hpp"
#include "cairn/transaction.hpp"
#include "cairn/type_description.hpp"
#include "cairn/vec.hpp"

struct Other {
  int value = 0;
};
struct Counted {
  cairn::Atomic<int> count;
};
BOOST_DESCRIBE_STRUCT(Counted, (), (count))

#if CAIRN_CASE == 0
using Field = cairn::String;
#elif CAIRN_CASE == 1
using Field = int*;
#elif CAIRN_CASE == 2
using Field = std::string;
#elif CAIRN_CASE == 3
struct Field {
  int value;
};
#elif CAIRN_CASE == 4
struct Field {
  virtual ~Field() = default;
};
#elif CAIRN_CASE == 5
using Field = std::unique_ptr<int>;
#elif CAIRN_CASE == 6
using Field = std::string_view;
#elif CAIRN_CASE == 7
using Field = long double;
#elif CAIRN_CASE == 8
struct Field {
  int value = 0;
  void* hidden = nullptr;
};
BOOST_DESCRIBE_STRUCT(Field, (), (value))
#elif CAIRN_CASE == 9
using Field = cairn::Vec<std::string>;
#elif CAIRN_CASE == 10
struct Named {
  std::uint64_t operator()(int) const { return 0; }
};
using Field = cairn::HashMap<int, int, Named>;
#elif CAIRN_CASE == 11
using Field = cairn::HashMap<int, const char*>;
#elif CAIRN_CASE == 12
using Field = std::pair<int, int&>;
#elif CAIRN_CASE == 13
using Field = std::array<const int, 2>;
#elif CAIRN_CASE == 14
using Field = int Other::*;
#elif CAIRN_CASE == 15
using Field = int (*)(int);
#elif CAIRN_CASE == 16
union Field {
  int a;
  float b;
};
#elif CAIRN_CASE == 17
using Field = std::variant<int, std::string>;
#elif CAIRN_CASE == 18
using Field = boost::container::static_vector<int*, 3>;
#elif CAIRN_CASE == 19
using Field = cairn::Vec<cairn::Atomic<int>>;
#elif CAIRN_CASE == 20
using Field = cairn::HashMap<int, Counted>;
#elif CAIRN_CASE == 21
using Field = std::optional<Counted>;
#elif CAIRN_CASE == 22
using Field = cairn::Atomic<cairn::String>;
#elif CAIRN_CASE == 23
using Field = cairn::Atomic<int>;
void copy(const Field& from) {
  Field to = from;
}
#elif CAIRN_CASE == 24
using Field = Counted;
void move(Field& from) {
  Field to = std::move(from);
}
#elif CAIRN_CASE == 25
using Field = cairn::NdArray<cairn::Atomic<int>, 2>;
#elif CAIRN_CASE == 26
using Field = cairn::Segmented<int*>;
#elif CAIRN_CASE == 27
// Storable: an Atomic in whatever does not move it.
struct Field {
  Counted counted;
  std::array<cairn::Atomic<bool>, 2> flags;
  cairn::Box<Counted> boxed;
  cairn::Segmented<Counted> many;
};
BOOST_DESCRIBE_STRUCT(Field, (), (counted, flags, boxed, many))
#elif CAIRN_CASE == 28
struct Unnamed {
  bool operator()(int a, int b) const { return a > b; }
};
using Field = cairn::BTreeMap<int, int, Unnamed>;
#elif CAIRN_CASE == 29
using Field = cairn::BTreeMap<int, Counted>;
#elif CAIRN_CASE == 30
using Field = cairn::Deque<cairn::BTreeSet<const char*>>;
#elif CAIRN_CASE == 31
struct Field : Other, Counted {
  int base1 = 0;
};
BOOST_DESCRIBE_STRUCT(Other, (), (value))
BOOST_DESCRIBE_STRUCT(Field, (Other, Counted), (base1))
#elif CAIRN_CASE == 32
// Storable: no base has the name of a field.
struct Plain {
  int base0 = 0;
};
struct Empty {};
struct Field : Empty, Counted {
  int base0 = 0;
  int base2 = 0;
  int base01 = 0;
  int base = 0;
  Plain plain;
};
BOOST_DESCRIBE_STRUCT(Plain, (), (base0))
BOOST_DESCRIBE_STRUCT(Empty, (), ())
BOOST_DESCRIBE_STRUCT(Field, (Empty, Counted), (base0, base2, base01, base, plain))
#elif CAIRN_CASE == 33
struct Field {
  Field() : value(1) {}
  Field(const Field& from) : value(from.value) {}
  ~Field() { value = 0; }
  int value;
  cairn::String text;
};
#elif CAIRN_CASE == 34
struct Field {
  int& value;
};
BOOST_DESCRIBE_STRUCT(Field, (), (value))
#elif CAIRN_CASE == 35
// As a root, whose name alone tells what to describe.
using Field = int;
bool is_there(const cairn::ReadTransaction& tx) {
  return tx.find<const char*>("root") != nullptr;
}
#endif

struct Root {
  int number = 0;
  Field field;
};
BOOST_DESCRIBE_STRUCT(Root, (), (number, field))

int main() {
  return cairn::describe_type<Root>().empty() ? 1 : 0;
}
