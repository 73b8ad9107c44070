// SPDX-License-Identifier: BSL-1.0
#include "model_program.hpp"

#include <rapidcheck.h>

namespace cairn::test {

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << "{" << step.kind << ", " << step.a << ", " << step.b << "}";
}

std::vector<Step> random_program(unsigned kinds) {
  return *rc::gen::container<std::vector<Step>>(
      rc::gen::build<Step>(rc::gen::set(&Step::kind, rc::gen::inRange(0U, kinds)),
                           rc::gen::set(&Step::a, rc::gen::inRange<std::uint32_t>(0, 1000)),
                           rc::gen::set(&Step::b, rc::gen::inRange<std::uint32_t>(0, 1000))));
}

}  // namespace cairn::test
