// SPDX-License-Identifier: BSL-1.0
// String beside std::string.
#include <algorithm>
#include <iterator>
#include <list>
#include <sstream>

#include "model_test.hpp"

namespace cairn::test {
namespace {

class StringModel : public ModelTest {
 protected:
  static void append(String& stored, std::string& model, const Step& step) {
    if (model.size() > 500) stored.clear(), model.clear();
    stored.append(step.text());
    model.append(step.text());
  }
};

RC_GTEST_FIXTURE_PROP(StringModel, grows_at_its_end_as_the_standard, ()) {
  follow<String>({append,
                  [](auto& stored, auto& model, const Step& step) {
                    stored.push_back(static_cast<char>(step.a));
                    model.push_back(static_cast<char>(step.a));
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    stored.append(step.b % 40, 'q');
                    model.append(step.b % 40, 'q');
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    stored.append(step.text(), step.a % 2, step.b % 9);
                    model.append(step.text(), step.a % 2, step.b % 9);
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    (stored += "abc") += {'x', static_cast<char>(step.a)};
                    (model += "abc") += {'x', static_cast<char>(step.a)};
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const std::string text = step.text();
                    stored.append_range(std::list<char>(text.rbegin(), text.rend()));
                    model.append(text.rbegin(), text.rend());
                  }});
}

RC_GTEST_FIXTURE_PROP(StringModel, shrinks_as_the_standard, ()) {
  follow<String>({append,
                  [](auto& stored, auto& model, const Step& step) {
                    stored.resize(step.b % 99, 'r');
                    model.resize(step.b % 99, 'r');
                  },
                  [](auto& stored, auto& model, const Step&) {
                    if (model.empty()) return;
                    stored.pop_back();
                    model.pop_back();
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    stored.reserve(step.b);
                    RC_ASSERT(stored.capacity() >= std::max<std::size_t>(step.b, model.size()));
                  },
                  [](auto& stored, auto& model, const Step&) {
                    stored.shrink_to_fit();
                    RC_ASSERT(stored.capacity() <= 32 + model.size() * 3 / 2);
                  },
                  [](auto& stored, auto& model, const Step&) { stored.clear(), model.clear(); }});
}

RC_GTEST_FIXTURE_PROP(StringModel, inserts_at_any_place_as_the_standard, ()) {
  follow<String>({append,
                  [](auto& stored, auto& model, const Step& step) {
                    const std::size_t at = step.a % (model.size() + 1);
                    stored.insert(at, step.text());
                    model.insert(at, step.text());
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const std::size_t at = step.a % (model.size() + 1);
                    stored.insert(at, step.b % 30, 'i');
                    model.insert(at, step.b % 30, 'i');
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const auto at = step.place(model.size());
                    const auto made = stored.insert(stored.cbegin() + at, '!');
                    RC_ASSERT(made - stored.begin() == at);
                    model.insert(model.begin() + at, '!');
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const auto at = step.place(model.size());
                    const std::string text = step.text();
                    stored.insert(stored.begin() + at, text.rbegin(), text.rend());
                    model.insert(model.begin() + at, text.rbegin(), text.rend());
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const std::size_t at = step.a % (model.size() + 1);
                    stored.insert(at, "inserted", step.b % 9);
                    model.insert(at, "inserted", step.b % 9);
                  }});
}

RC_GTEST_FIXTURE_PROP(StringModel, replaces_any_part_as_the_standard, ()) {
  follow<String>(
      {append,
       [](auto& stored, auto& model, const Step& step) {
         const std::size_t at = step.a % (model.size() + 1);
         stored.replace(at, step.b % 50, step.text());
         model.replace(at, step.b % 50, step.text());
       },
       [](auto& stored, auto& model, const Step& step) {
         const std::size_t at = step.a % (model.size() + 1);
         stored.replace(at, step.b % 50, step.a % 40, '*');
         model.replace(at, step.b % 50, step.a % 40, '*');
       },
       [](auto& stored, auto& model, const Step& step) {
         const auto from = step.place(model.size());
         const auto to = step.place_from(from, model.size());
         stored.replace(stored.cbegin() + from, stored.begin() + to, "xyz");
         model.replace(model.begin() + from, model.begin() + to, "xyz");
       },
       [](auto& stored, auto& model, const Step& step) {
         const auto from = step.place(model.size());
         const auto to = step.place_from(from, model.size());
         const std::string text = step.text();
         stored.replace(stored.begin() + from, stored.begin() + to, text.begin(), text.end());
         model.replace(model.begin() + from, model.begin() + to, text.begin(), text.end());
       },
       [](auto& stored, auto& model, const Step& step) {
         const std::size_t at = step.a % (model.size() + 1);
         stored.replace(at, step.b % 20, step.text(), 1, step.b % 7);
         model.replace(at, step.b % 20, step.text(), 1, step.b % 7);
       }});
}

RC_GTEST_FIXTURE_PROP(StringModel, erases_as_the_standard, ()) {
  follow<String>({append,
                  [](auto& stored, auto& model, const Step& step) {
                    const std::size_t at = step.a % (model.size() + 1);
                    stored.erase(at, step.b % 30);
                    model.erase(at, step.b % 30);
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    if (model.empty()) return;
                    const auto at = static_cast<std::ptrdiff_t>(step.index(model.size()));
                    stored.erase(stored.cbegin() + at);
                    model.erase(model.begin() + at);
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const auto from = step.place(model.size());
                    const auto to = step.place_from(from, model.size());
                    stored.erase(stored.begin() + from, stored.begin() + to);
                    model.erase(model.begin() + from, model.begin() + to);
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    const char c = static_cast<char>('a' + step.b % 26);
                    RC_ASSERT(erase(stored, c) == std::erase(model, c));
                  },
                  [](auto& stored, auto& model, const Step&) {
                    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
                    RC_ASSERT(erase_if(stored, digit) == std::erase_if(model, digit));
                  }});
}

RC_GTEST_FIXTURE_PROP(StringModel, is_assigned_as_the_standard, ()) {
  follow<String>({append,
                  [](auto& stored, auto& model, const Step& step) { stored = model = step.text(); },
                  [](auto& stored, auto& model, const Step& step) {
                    stored.assign(step.b % 60, 'c');
                    model.assign(step.b % 60, 'c');
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    stored.assign(step.text(), step.a % 2, step.b % 40);
                    model.assign(step.text(), step.a % 2, step.b % 40);
                  },
                  [](auto& stored, auto& model, const Step&) {
                    stored = {'a', 'b'};
                    model = {'a', 'b'};
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    std::istringstream in(step.text());
                    stored.assign(std::istreambuf_iterator<char>(in), {});
                    model = step.text();
                  }});
}

RC_GTEST_FIXTURE_PROP(StringModel, what_a_filler_writes_is_what_it_holds, ()) {
  follow<String>({append, [](auto& stored, auto& model, const Step& step) {
                    const std::string text = step.text();
                    const std::size_t kept = step.a % (text.size() + 1);
                    stored.resize_and_overwrite(text.size(), [&](char* at, std::size_t count) {
                      std::copy_n(text.data(), count, at);
                      return kept;
                    });
                    model = text.substr(0, kept);
                    RC_ASSERT(stored.c_str()[kept] == '\0');
                  }});
}

RC_GTEST_FIXTURE_PROP(StringModel, parts_of_itself_may_be_its_arguments, ()) {
  const auto with_part = [](auto edit) {
    return [=](String& stored, std::string& model, const Step& step) {
      if (model.size() > 300) stored.resize(20), model.resize(20);
      const std::size_t from = step.a % (model.size() + 1);
      const std::size_t count = step.b % 40;
      edit(stored, stored.view().substr(from, count), model, model.substr(from, count), step);
    };
  };
  follow<String>(
      {append, with_part([](auto& stored, auto part, auto& model, const auto& copy, const Step&) {
         stored.append(part);
         model.append(copy);
       }),
       with_part([](auto& stored, auto part, auto& model, const auto& copy, const Step& step) {
         stored.insert(step.b % (model.size() + 1), part);
         model.insert(step.b % (model.size() + 1), copy);
       }),
       with_part([](auto& stored, auto part, auto& model, const auto& copy, const Step& step) {
         stored.replace(step.b % (model.size() + 1), step.a % 10, part);
         model.replace(step.b % (model.size() + 1), step.a % 10, copy);
       }),
       with_part([](auto& stored, auto part, auto& model, const auto& copy, const Step&) {
         stored.assign(part);
         model = copy;
       })});
}

RC_GTEST_FIXTURE_PROP(StringModel, every_way_to_a_character_marks_it, ()) {
  const auto with_character = [](auto edit) {
    return [=](String& stored, std::string& model, const Step& step) {
      if (!model.empty()) edit(stored, model, static_cast<char>(step.b), step.index(model.size()));
    };
  };
  follow<String>({append, with_character([](auto& stored, auto& model, char c, auto i) {
                    stored[i] = model[i] = c;
                  }),
                  with_character([](auto& stored, auto& model, char c, auto i) {
                    stored.at(i) = model.at(i) = c;
                  }),
                  with_character([](auto& stored, auto& model, char c, auto) {
                    stored.front() = model.front() = c;
                    stored.back() = model.back() = c;
                  }),
                  with_character([](auto& stored, auto& model, char c, auto i) {
                    stored.data()[i] = model.data()[i] = c;
                  }),
                  [](auto& stored, auto& model, const Step&) {
                    std::ranges::sort(stored);
                    std::ranges::sort(model);
                  },
                  [](auto& stored, auto& model, const Step&) {
                    std::ranges::reverse(stored);
                    std::ranges::reverse(model);
                  }});
}

RC_GTEST_FIXTURE_PROP(StringModel, several_of_one_store_trade_their_content, ()) {
  trade<String>(append);
}

// What needs no store.

class StringAnswers : public ::testing::Test {
 protected:
  void TestBody() override {}
  TestHeap heap_;
};

/// Texts of few different characters, so that parts are found in each other.
std::string short_text() {
  return *rc::gen::container<std::string>(rc::gen::elementOf(std::string("aab")));
}

RC_GTEST_FIXTURE_PROP(StringAnswers, finds_what_std_string_finds, ()) {
  const std::string model = short_text();
  const std::string part = short_text().substr(0, 3);
  const auto from = *rc::gen::inRange<std::size_t>(0, 20);
  const String sut(model);
  RC_ASSERT(sut.find(part, from) == model.find(part, from));
  RC_ASSERT(sut.rfind(part, from) == model.rfind(part, from));
  RC_ASSERT(sut.find('b', from) == model.find('b', from));
  RC_ASSERT(sut.rfind('b', from) == model.rfind('b', from));
  RC_ASSERT(sut.find(part.c_str(), from, part.size()) ==
            model.find(part.c_str(), from, part.size()));
  RC_ASSERT(sut.contains(part) == (model.find(part) != std::string::npos));
  RC_ASSERT(sut.starts_with(part) == model.starts_with(part));
  RC_ASSERT(sut.ends_with(part) == model.ends_with(part));
}

RC_GTEST_FIXTURE_PROP(StringAnswers, finds_the_characters_that_std_string_finds, ()) {
  const std::string model = short_text();
  const std::string set = short_text().substr(0, 2);
  const auto from = *rc::gen::inRange<std::size_t>(0, 20);
  const String sut(model);
  RC_ASSERT(sut.find_first_of(set, from) == model.find_first_of(set, from));
  RC_ASSERT(sut.find_last_of(set, from) == model.find_last_of(set, from));
  RC_ASSERT(sut.find_first_not_of(set, from) == model.find_first_not_of(set, from));
  RC_ASSERT(sut.find_last_not_of(set, from) == model.find_last_not_of(set, from));
  RC_ASSERT(sut.find_first_of('b', from) == model.find_first_of('b', from));
  RC_ASSERT(sut.find_last_of('b', from) == model.find_last_of('b', from));
  RC_ASSERT(sut.find_first_not_of('a', from) == model.find_first_not_of('a', from));
  RC_ASSERT(sut.find_last_not_of('a', from) == model.find_last_not_of('a', from));
}

RC_GTEST_FIXTURE_PROP(StringAnswers, compares_and_orders_as_std_string,
                      (const std::string& a, const std::string& b)) {
  const auto sign = [](int n) { return (n > 0) - (n < 0); };
  const String x(a);
  const String y(b);
  RC_ASSERT((x <=> y) == (a <=> b));
  RC_ASSERT((x == y) == (a == b));
  RC_ASSERT((x <=> b) == (a <=> b));
  RC_ASSERT((a == y) == (a == b));
  RC_ASSERT(sign(x.compare(y)) == sign(a.compare(b)));
  const std::size_t half = a.size() / 2;
  RC_ASSERT(sign(x.compare(half, 3, y)) == sign(a.compare(half, 3, b)));
  RC_ASSERT(sign(x.compare(half, 3, b.c_str(), b.size())) ==
            sign(a.compare(half, 3, b.c_str(), b.size())));
}

RC_GTEST_FIXTURE_PROP(StringAnswers, gives_the_parts_that_std_string_gives,
                      (const std::string& model)) {
  const auto at = *rc::gen::inRange<std::size_t>(0, model.size() + 1);
  const auto count = *rc::gen::inRange<std::size_t>(0, 40);
  const String sut(model);
  RC_ASSERT(sut.substr(at, count) == model.substr(at, count));
  RC_ASSERT(String(sut, at) == model.substr(at));
  RC_ASSERT(String(sut, at, count) == model.substr(at, count));
  std::string out(40, '-');
  std::string model_out(40, '-');
  RC_ASSERT(sut.copy(out.data(), count, at) == model.copy(model_out.data(), count, at));
  RC_ASSERT(out == model_out);
  RC_ASSERT(sut + sut == model + model);
  RC_ASSERT('x' + sut + "y" == 'x' + model + "y");
  RC_ASSERT_THROWS_AS(sut.substr(model.size() + 1), std::out_of_range);
}

RC_GTEST_FIXTURE_PROP(StringAnswers, hashes_as_every_text_of_the_same_characters,
                      (const std::string& model)) {
  const String sut(model);
  RC_ASSERT(Hash<String>{}(sut) == Hash<std::string_view>{}(model));
  RC_ASSERT(Hash<String>{}(sut) == Hash<String>{}(model.c_str()) ||
            model.find('\0') != std::string::npos);
  RC_ASSERT(std::hash<String>{}(sut) == std::hash<String>{}(model));
}

RC_GTEST_FIXTURE_PROP(StringAnswers, goes_through_streams_as_std_string,
                      (const std::vector<std::string>& lines)) {
  std::ostringstream out;
  std::ostringstream model_out;
  for (const std::string& line : lines) {
    out << String(line) << '\n';
    model_out << line << '\n';
  }
  RC_ASSERT(out.str() == model_out.str());
  std::istringstream in(out.str());
  std::istringstream model_in(out.str());
  String sut;
  std::string model;
  while (std::getline(model_in, model)) {
    RC_ASSERT(bool(getline(in, sut)));
    RC_ASSERT(sut == model);
  }
  RC_ASSERT(!getline(in, sut));
  in = std::istringstream(out.str());
  model_in = std::istringstream(out.str());
  while (model_in >> model) {
    RC_ASSERT(bool(in >> sut));
    RC_ASSERT(sut == model);
  }
}

}  // namespace
}  // namespace cairn::test
