# SPDX-License-Identifier: BSL-1.0
# What holds for a build of cairn itself but is none of cairn's business inside another project.

get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CAIRN_CCACHE ccache)
if(CAIRN_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CAIRN_CCACHE}")
endif()

# Some two hundred programs are linked; this linker takes a third of the time of the usual one.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=gold CAIRN_HAS_GOLD)
if(CAIRN_HAS_GOLD)
  add_link_options(-fuse-ld=gold)
endif()
