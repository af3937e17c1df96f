// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <new>
#include <optional>

#include "inc/utils.h"

namespace yolo {
namespace {

using nlohmann::json;

// Enough to recognise a wrong value.
constexpr size_t kMaxShown = 60;

std::string Shown(const json &value) {
  if (value.is_structured()) {
    return value.is_object() ? "an object" : "a list";
  }
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > kMaxShown ? text.substr(0, kMaxShown) + "..." : text;
}

std::string AsText(double number) {
  const json value = number;
  return value.dump();
}

std::string Stripped(const std::string &text) {
  constexpr const char *kBlanks = " \t\n\r\f\v";
  const size_t start = text.find_first_not_of(kBlanks);
  return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(kBlanks) + 1 - start);
}

/// A whole number of 64 bits in any form whose meaning is certain.
std::optional<int64_t> WholeNumber(const json &value) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    return number <= static_cast<uint64_t>(kMax) ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
  }
  if (value.is_number_integer()) {
    return value.get<int64_t>();
  }
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    // The nearest double of the largest number is one more.
    const bool is_whole = std::trunc(number) == number && std::abs(number) < static_cast<double>(kMax);
    return is_whole ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
  }
  if (!value.is_string()) {
    return std::nullopt;
  }
  std::string text = Stripped(value.get_ref<const std::string &>());
  text.erase(0, text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  rest.remove_prefix(!rest.empty() && rest[0] == '.' ? 1 : 0);
  const bool is_number = error == std::errc() && rest.find_first_not_of('0') == std::string_view::npos;
  return is_number ? std::optional(number) : std::nullopt;
}

/// Builds a value from the parser's events. json::parse with a callback could skip a member too, but walks over all
/// elements of a list at the end of each element: minutes for a large annotation file.
class Builder : public json::json_sax_t {
 public:
  explicit Builder(const std::string &skipped_key) : skipped_key_(skipped_key) {}

  json &root() { return root_; }
  /// What is wrong with the text; empty: nothing.
  const std::string &failure() const { return failure_; }
  size_t failed_at() const { return failed_at_; }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t & /*text*/) override { return Add(value); }
  bool string(string_t &value) override { return Add(std::move(value)); }
  bool binary(binary_t &value) override { return Add(json::binary(std::move(value))); }
  bool start_object(size_t /*count*/) override { return Open(json::object()); }
  bool start_array(size_t /*count*/) override { return Open(json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t &name) override {
    if (skipped_depth_ == 0) {
      skips_next_ = open_.size() == 1 && !skipped_key_.empty() && name == skipped_key_;
      key_ = std::move(name);
    }
    return true;
  }

  bool parse_error(size_t position, const std::string & /*token*/, const nlohmann::detail::exception &error) override {
    failed_at_ = position;
    failure_ = error.what();
    return false;
  }

 private:
  /// Adds a value to its parent and returns it; nothing where it is skipped.
  json *Place(json &&value) {
    if (skipped_depth_ > 0 || skips_next_) {
      skips_next_ = false;
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json &parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json &member = parent[key_];
    member = std::move(value);
    return &member;
  }

  bool Add(json &&value) {
    Place(std::move(value));
    return true;
  }

  bool Open(json &&value) {
    // Pointers into a list stay valid: nothing is added to it while one of its elements is open.
    if (json *placed = Place(std::move(value))) {
      open_.push_back(placed);
    } else {
      ++skipped_depth_;
    }
    return true;
  }

  bool Close() {
    if (skipped_depth_ > 0) {
      --skipped_depth_;
    } else {
      open_.pop_back();
    }
    return true;
  }

  const std::string &skipped_key_;
  json root_;
  std::vector<json *> open_;  // lists and objects that are not closed yet, the outermost first
  std::string key_;
  bool skips_next_ = false;
  size_t skipped_depth_ = 0;  // how many are open inside the skipped member
  std::string failure_;
  size_t failed_at_ = 0;
};

}  // namespace

json ParseJson(const std::string &text, const std::string &path, ExitCode code, const std::string &skipped_key) {
  auto builder = std::make_unique<Builder>(skipped_key);
  bool is_sound = false;
  try {
    is_sound = json::sax_parse(text, builder.get());
  } catch (const std::bad_alloc &) {
    // The value is leaked: its destructor needs memory too, and the program ends now.
    static_cast<void>(builder.release());
    throw Error(code, path + ": this json is larger than there is memory for (" + std::to_string(text.size()) +
                          " bytes of text); split it, or use a machine with more");
  }
  if (!is_sound) {
    const size_t end = std::min(builder->failed_at(), text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    throw Error(code, path + ": broken json in line " + std::to_string(line) + " (byte " +
                          std::to_string(builder->failed_at()) + "): " + builder->failure() +
                          "; make or copy the file again");
  }
  return std::move(builder->root());
}

JsonNode JsonNode::operator[](const std::string &key) const {
  if (!value_->is_object()) {
    Fail("an object");
  }
  const auto found = value_->find(key);
  if (found == value_->end()) {
    std::vector<std::string> members;
    for (const auto &member : value_->items()) {
      members.push_back(member.key());
    }
    const std::string near = Nearest(key, members);
    throw Error(code_, path_ + ": " + (where_.empty() ? "it" : '"' + where_ + '"') + " has no \"" + key + "\"; " +
                           (near.empty() ? "the file is incomplete or of another kind"
                                         : "it has \"" + near + "\": rename that, if it is meant"));
  }
  return {*found, *this, where_.empty() ? key : where_ + "." + key};
}

std::vector<JsonNode> JsonNode::Items() const {
  if (!value_->is_array()) {
    Fail("a list");
  }
  std::vector<JsonNode> items;
  items.reserve(value_->size());
  for (const json &element : *value_) {
    items.push_back({element, *this, where_ + "[" + std::to_string(items.size()) + "]"});
  }
  return items;
}

void JsonNode::ExpectOnly(std::initializer_list<const char *> keys) const {
  if (!value_->is_object()) {
    Fail("an object");
  }
  for (const auto &member : value_->items()) {
    if (std::find(keys.begin(), keys.end(), member.key()) == keys.end()) {
      throw Error(code_, path_ + ": " + (where_.empty() ? "it" : '"' + where_ + '"') + " has an unknown key \"" +
                             member.key() + "\"; it was made for another version of this program");
    }
  }
}

std::string JsonNode::Text() const {
  if (!value_->is_string()) {
    Fail("a text");
  }
  return value_->get<std::string>();
}

size_t JsonNode::Choice(const std::vector<std::string> &allowed) const {
  const auto found =
      value_->is_string() ? std::find(allowed.begin(), allowed.end(), value_->get<std::string>()) : allowed.end();
  if (found == allowed.end()) {
    std::string expected;
    for (const std::string &choice : allowed) {
      expected += (expected.empty() ? "\"" : " or \"") + choice + '"';
    }
    Fail(expected);
  }
  return static_cast<size_t>(found - allowed.begin());
}

int64_t JsonNode::Integer(int64_t min, int64_t max) const {
  const bool fits = value_->is_number_integer() &&
                    (!value_->is_number_unsigned() ||
                     value_->get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  const int64_t number = fits ? value_->get<int64_t>() : 0;
  if (!fits || number < min || number > max) {
    const bool limited = min != std::numeric_limits<int64_t>::min() || max != std::numeric_limits<int64_t>::max();
    Fail("a whole number" + (limited ? " of " + std::to_string(min) + " to " + std::to_string(max) : ""));
  }
  return number;
}

int64_t JsonNode::LooseInteger(int64_t min, int64_t max) const {
  const std::optional<int64_t> number = WholeNumber(*value_);
  if (!number || *number < min || *number > max) {
    Fail("a whole number of " + std::to_string(min) + " to " + std::to_string(max));
  }
  return *number;
}

JsonId JsonNode::Id() const {
  const std::optional<int64_t> number = WholeNumber(*value_);
  const std::string text = value_->is_string() ? Stripped(value_->get_ref<const std::string &>()) : "";
  if (!number && text.empty()) {
    Fail("a whole number of 64 bits at most, or a text");
  }
  return {value_->is_string() ? *value_ : json(*number), number ? json(*number) : json(text)};
}

double JsonNode::Number(double min, double max) const {
  const double number = value_->is_number() ? value_->get<double>() : std::nan("");
  if (!(number >= min && number <= max)) {
    Fail("a number of " + AsText(min) + " to " + AsText(max));
  }
  return number;
}

bool JsonNode::Flag() const {
  if (!value_->is_boolean()) {
    Fail("true or false");
  }
  return value_->get<bool>();
}

void JsonNode::Fail(const std::string &expected) const {
  throw Error(code_, path_ + ": " + (where_.empty() ? "the file" : '"' + where_ + '"') + " is " + Shown(*value_) +
                         "; expected " + expected);
}

}  // namespace yolo
