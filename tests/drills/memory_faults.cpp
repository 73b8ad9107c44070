// SPDX-License-Identifier: BSL-1.0
#include "memory_faults.hpp"

#include <cerrno>

namespace cairn::drills {
namespace {

constexpr CallFault refusals[] = {
    {Call::allocate_memory, ENOMEM}, {Call::map, ENOMEM},          {Call::protect, ENOMEM},
    {Call::advise, EINVAL},          {Call::start_thread, EAGAIN},
};

}  // namespace

CallFaultReport sweep_memory_faults(const Settings& settings) {
  return sweep_call_faults(settings, refusals, "memory_faults");
}

}  // namespace cairn::drills
