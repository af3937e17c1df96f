/**
 * Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 * http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
#include "inc/json_reader.h"

#include <algorithm>
#include <cmath>

namespace yolo {
namespace {

using nlohmann::json;

// Enough of a wrong value to recognise it.
constexpr size_t kMostShown = 60;

std::string Shown(const json &value) {
  if (value.is_structured()) {
    return value.is_object() ? "an object" : "a list";
  }
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > kMostShown ? text.substr(0, kMostShown) + "..." : text;
}

std::string AsText(double number) {
  const json value = number;
  return value.dump();
}

}  // namespace

json ParseJson(const std::string &text, const std::string &path, ExitCode code, const std::string &skipped_key) {
  const auto keeps = [&skipped_key](int depth, json::parse_event_t event, json &parsed) {
    return depth != 1 || event != json::parse_event_t::key || parsed != skipped_key;
  };
  try {
    return skipped_key.empty() ? json::parse(text) : json::parse(text, keeps);
  } catch (const json::parse_error &error) {
    const size_t end = std::min(error.byte, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    throw Error(code, path + ": broken json in line " + std::to_string(line) + " (byte " + std::to_string(error.byte) +
                          "): " + error.what() + "; make or copy the file again");
  } catch (const json::exception &error) {
    throw Error(code, path + ": cannot read this json (" + error.what() + "); make or copy the file again");
  }
}

JsonNode JsonNode::operator[](const std::string &key) const {
  if (!value_->is_object()) {
    Fail("an object");
  }
  const auto found = value_->find(key);
  if (found == value_->end()) {
    throw Error(code_, path_ + ": " + (where_.empty() ? "it" : '"' + where_ + '"') + " has no \"" + key +
                           "\"; the file is incomplete or of another kind");
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

int64_t JsonNode::Integer(int64_t least, int64_t most) const {
  const bool fits = value_->is_number_integer() &&
                    (!value_->is_number_unsigned() ||
                     value_->get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  const int64_t number = fits ? value_->get<int64_t>() : 0;
  if (!fits || number < least || number > most) {
    const bool limited = least != std::numeric_limits<int64_t>::min() || most != std::numeric_limits<int64_t>::max();
    Fail("a whole number" + (limited ? " of " + std::to_string(least) + " to " + std::to_string(most) : ""));
  }
  return number;
}

double JsonNode::Number(double least, double most) const {
  const double number = value_->is_number() ? value_->get<double>() : std::nan("");
  if (!(number >= least && number <= most)) {
    Fail("a number of " + AsText(least) + " to " + AsText(most));
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
