// SPDX-License-Identifier: BSL-1.0
// Compiled once for each value of CAIRN_CASE, must fail each time, and with the message that the
// case's test expects. Case 0 compiles: it proves that the others fail for their own reason.
#include <boost/describe/class.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cairn/hash_map.hpp"
#include "cairn/string.hpp"
#include "cairn/type_description.hpp"
#include "cairn/vec.hpp"

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
#endif

struct Root {
  int number = 0;
  Field field;
};
BOOST_DESCRIBE_STRUCT(Root, (), (number, field))

int main() {
  return cairn::describe_type<Root>().empty() ? 1 : 0;
}
