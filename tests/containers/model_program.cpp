// SPDX-License-Identifier: BSL-1.0
#include "model_program.hpp"

#include <rapidcheck.h>

namespace cairn::test {

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << "{" << step.kind << ", " << step.a << ", " << step.b << "}";
}

namespace {

std::vector<Step> program_of(const rc::Gen<unsigned>& kind) {
  return *rc::gen::container<std::vector<Step>>(
      rc::gen::build<Step>(rc::gen::set(&Step::kind, kind),
                           rc::gen::set(&Step::a, rc::gen::inRange<std::uint32_t>(0, 1000)),
                           rc::gen::set(&Step::b, rc::gen::inRange<std::uint32_t>(0, 1000))));
}

}  // namespace

std::vector<Step> random_program(unsigned kinds) {
  return program_of(rc::gen::inRange(0U, kinds));
}

std::vector<Step> random_program(unsigned kinds, unsigned rare_kinds) {
  return program_of(rc::gen::weightedOneOf<unsigned>(
      {{7, rc::gen::inRange(0U, kinds)}, {1, rc::gen::inRange(kinds, kinds + rare_kinds)}}));
}

}  // namespace cairn::test
