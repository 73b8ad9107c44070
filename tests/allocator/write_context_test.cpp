// SPDX-License-Identifier: BSL-1.0
#include "cairn/allocator/write_context.hpp"

#include <gtest/gtest.h>

#include "test_heap.hpp"

namespace cairn {
namespace {

using test::TestHeap;

/// Puts back what tests install.
class CheckGuard {
 public:
  explicit CheckGuard(ForeignAddressCheck check) { set_foreign_address_check(check); }
  ~CheckGuard() { set_foreign_address_check(nullptr); }
};

TEST(WriteContext, a_mark_finds_the_store_that_holds_the_address) {
  TestHeap outer;
  TestHeap inner;
  outer.heap().allocate(64);
  inner.heap().allocate(64);
  outer.commit();
  inner.commit();
  ASSERT_EQ(current_write, &inner.context());
  mark(outer.base() + 100000, 8);
  mark(inner.base() + 65536, 8);
  EXPECT_EQ(outer.context().write_set().touched().size(), 1U);
  EXPECT_EQ(outer.context().write_set().touched()[0], 100000 / page_bytes);
  EXPECT_EQ(inner.context().write_set().touched().size(), 1U);
}

TEST(WriteContext, a_container_allocates_from_its_own_store_and_a_temporary_from_the_innermost) {
  TestHeap outer;
  TestHeap inner;
  EXPECT_EQ(&heap_for(outer.base() + 30000), &outer.heap());
  EXPECT_EQ(&heap_for(inner.base() + 30000), &inner.heap());
  const int temporary = 0;
  EXPECT_EQ(&heap_for(&temporary), &inner.heap());
  EXPECT_EQ(ActiveWrite::find(&temporary), nullptr);
}

TEST(WriteContext, contexts_may_end_in_any_order) {
  TestHeap a;
  TestHeap b;
  TestHeap c;
  ActiveWrite::pop(b.context());
  EXPECT_EQ(ActiveWrite::find(b.base()), nullptr);
  EXPECT_EQ(ActiveWrite::find(a.base()), &a.context());
  ActiveWrite::pop(c.context());
  EXPECT_EQ(current_write, &a.context());
  ActiveWrite::pop(c.context());
  EXPECT_EQ(current_write, &a.context()) << "ending one twice changes nothing";
}

TEST(WriteContext, outside_a_transaction_there_is_no_heap_to_allocate_from) {
  const int temporary = 0;
  try {
    heap_for(&temporary);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error, errc::no_transaction);
  }
}

TEST(WriteContext, an_address_in_no_active_store_is_put_to_the_foreign_check) {
  TestHeap sut;
  const CheckGuard guard(
      [](const void*) { throw Error(errc::write_inside_read, "", "from the check"); });
  int temporary = 0;
  EXPECT_THROW(mark(&temporary, sizeof temporary), Error);
  EXPECT_THROW(heap_for(&temporary), Error);
  EXPECT_NO_THROW(mark(sut.base() + heap_begin_bytes, 8));
}

TEST(WriteContext, a_mark_of_an_object_in_no_store_does_nothing) {
  int temporary = 0;
  EXPECT_NO_THROW(mark_object(temporary));
  TestHeap sut;
  EXPECT_NO_THROW(mark_object(temporary));
  EXPECT_TRUE(sut.context().write_set().touched().empty());
}

}  // namespace
}  // namespace cairn
