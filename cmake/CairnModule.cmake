# SPDX-License-Identifier: BSL-1.0
# cairn_module() declares one module; cairn_library() makes one library of all of them.

find_package(Boost 1.81 REQUIRED)
find_package(Threads REQUIRED)
find_package(tsl-robin-map REQUIRED)
find_path(CAIRN_XXHASH_INCLUDE_DIR xxhash.h REQUIRED)

# Warnings for the project's own code: link PRIVATE, so that no user of the library inherits them.
add_library(cairn_warnings INTERFACE)
target_compile_options(cairn_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wsuggest-override
  # clang 14 takes the comparison that it makes of a defaulted <=> for one.
  $<$<CXX_COMPILER_ID:GNU>:-Wzero-as-null-pointer-constant>
  $<$<BOOL:${CAIRN_WARNINGS_AS_ERRORS}>:-Werror>
  # gcc 12 at -O3 takes its own std::string for overlapping memory (gcc bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
)

# Header-only libraries that sources use and public headers do not: nobody needs them to use cairn.
add_library(cairn_private_headers INTERFACE)
target_include_directories(cairn_private_headers SYSTEM INTERFACE "${CAIRN_XXHASH_INCLUDE_DIR}")
target_link_libraries(cairn_private_headers INTERFACE tsl::robin_map)

define_property(GLOBAL PROPERTY CAIRN_MODULES BRIEF_DOCS "Names of the modules, lowest first")

# One object library of a module. Its users see its headers and those of the modules below.
function(cairn_object_library target depends_suffix)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;DEPENDS")
  list(TRANSFORM arg_DEPENDS PREPEND cairn_)
  list(TRANSFORM arg_DEPENDS APPEND "${depends_suffix}")
  add_library(${target} OBJECT ${arg_SOURCES})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/include")
  target_link_libraries(${target}
    PUBLIC ${arg_DEPENDS} Boost::headers Threads::Threads
    PRIVATE cairn_warnings cairn_private_headers
  )
  if(BUILD_SHARED_LIBS)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
endfunction()

# cairn_module(<name> SOURCES <file>... [DEPENDS <module>...])
#
# Defines cairn_<name> and, for drills, its twin cairn_<name>_drill, whose crash points are compiled
# in (CAIRN_DRILLS=1); or only the one, with them (CAIRN_DRILLS_IN_PLACE). Call it from the module's own directory, after the modules that it depends on.
function(cairn_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "cairn_module(${name}): SOURCES and DEPENDS, nothing else, are expected")
  endif()
  cairn_object_library(cairn_${name} "" SOURCES ${arg_SOURCES} DEPENDS ${arg_DEPENDS})
  if(CAIRN_DRILLS_IN_PLACE)
    target_compile_definitions(cairn_${name} PUBLIC CAIRN_DRILLS=1)
  elseif(CAIRN_DRILLS)
    cairn_object_library(cairn_${name}_drill _drill SOURCES ${arg_SOURCES} DEPENDS ${arg_DEPENDS})
    target_compile_definitions(cairn_${name}_drill PUBLIC CAIRN_DRILLS=1)
  endif()
  set_property(GLOBAL APPEND PROPERTY CAIRN_MODULES ${name})
endfunction()

# cairn_library(<target> [DRILL]): every module declared so far, or every module's twin.
function(cairn_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "DRILL" "" "")
  get_property(modules GLOBAL PROPERTY CAIRN_MODULES)
  add_library(${target})
  foreach(module IN LISTS modules)
    set(objects cairn_${module})
    if(arg_DRILL)
      string(APPEND objects _drill)
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
    target_include_directories(${target} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/${module}/include>)
  endforeach()
  if(arg_DRILL OR CAIRN_DRILLS_IN_PLACE)
    target_compile_definitions(${target} PUBLIC CAIRN_DRILLS=1)
  endif()
  target_include_directories(${target} PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC Boost::headers Threads::Threads)
  set_target_properties(${target} PROPERTIES
    LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION}
    # While the version begins with 0, a minor release may change the binary interface.
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  )
endfunction()
