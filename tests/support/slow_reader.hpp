// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cairn/cairn.hpp>

#include <functional>
#include <future>
#include <thread>
#include <utility>

namespace cairn::test {

/// A thread that keeps a read section open until it is told to leave.
class SlowReader {
 public:
  using Look = std::function<void(const ReadTransaction&)>;

  /// `last_look` is called in the section, right before that ends.
  explicit SlowReader(const Store& store, Look last_look = {})
      : thread_([this, &store, look = std::move(last_look)] {
          const ReadTransaction section = store.begin_read();
          inside_.set_value();
          leave_.get_future().wait();
          if (look) look(section);
        }) {
    inside_.get_future().wait();
  }
  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;
  ~SlowReader() { leave(); }

  void leave() {
    if (!thread_.joinable()) return;
    leave_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> inside_;
  std::promise<void> leave_;
  std::thread thread_;
};

}  // namespace cairn::test
