// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/json_reader.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::ExitCode;

namespace {

json ParseText(const std::string &text, const std::string &skipped_key = "") {
  return yolo::ParseJson(text, "f.json", ExitCode::kInput, skipped_key);
}

}  // namespace

TEST_CASE("values are those of the library's own parser") {
  for (const char *text :
       {R"({"a": [1, -2, 3.5, 1e300, true, false, null, "t\u00e4\n"], "b": {"c": {}, "d": [[], [[0]]]}})", "[]", "{}",
        "3", "\"x\"", "null", "18446744073709551615", R"({"a": 1, "a": [2]})",
        R"([{"a": 1}, {"a": {"a": 2}, "b": 3}, []])"}) {
    CHECK(ParseText(text) == json::parse(text));
    CHECK(ParseText(text, "none") == json::parse(text));
  }
}

TEST_CASE("a member of the outermost object is skipped, whatever is in it, and no other of its name") {
  for (const char *value : {"1", "[]", "{}", "[[1], {\"images\": 2}]", "{\"x\": {\"skip\": []}}", "null"}) {
    const std::string text =
        std::string(R"({"first": {"skip": 1}, "skip": )") + value + R"(, "last": [{"skip": [2]}]})";
    CHECK(ParseText(text, "skip") == json::parse(R"({"first": {"skip": 1}, "last": [{"skip": [2]}]})"));
  }
  CHECK(ParseText(R"([{"skip": 1}])", "skip") == json::parse(R"([{"skip": 1}])"));
}

TEST_CASE("broken texts are refused by line and byte, also inside what is skipped") {
  CheckError([] { ParseText("{\n\"a\": [1,\n}"); }, ExitCode::kInput, {"f.json", "line 3", "byte 12"});
  CheckError([] { ParseText("{\n\"skip\": [1,\n}", "skip"); }, ExitCode::kInput, {"f.json", "line 3"});
  CheckError([] { ParseText(""); }, ExitCode::kInput, {"f.json", "line 1"});
  CheckError([] { ParseText("{} {}"); }, ExitCode::kInput, {"f.json", "line 1"});
  CheckError([] { ParseText("[1e999]"); }, ExitCode::kInput, {"f.json", "1e999"});
  CheckError([] { ParseText("{\"a\": \"\xff\"}"); }, ExitCode::kInput, {"f.json", "UTF-8"});
}

TEST_CASE("nesting of any depth is read or refused") {
  const std::string open(100000, '['), close(100000, ']');
  CHECK(ParseText(open + close).is_array());
  CHECK(ParseText("{\"skip\": " + open + close + "}", "skip") == json::object());
  CheckError([&] { ParseText(open); }, ExitCode::kInput, {"line 1"});
}
