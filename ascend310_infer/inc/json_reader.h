// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Checked access to a json file: each error names the file, the key, the value and what was expected.
#ifndef ASCEND310_INFER_INC_JSON_READER_H_
#define ASCEND310_INFER_INC_JSON_READER_H_

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "inc/errors.h"

namespace yolo {

/// Parses a json text. A member of the outermost object that is called `skipped_key` is checked, but not kept.
/// Throws Error(code), which names the file, the line and the column.
nlohmann::json ParseJson(const std::string &text, const std::string &path, ExitCode code,
                         const std::string &skipped_key = "");

/// An id as results hold it, a whole number or a text, and what ids have in common that mean the same, such as 7, 7.0,
/// "7" and "007". Numbers are less than texts.
struct JsonId {
  nlohmann::json value;
  nlohmann::json key;
};

/// One value of a json file. All methods throw Error(code) where the value is not what the method expects.
class JsonNode {
 public:
  /// The outermost value of a file; `value` must outlive the node.
  JsonNode(const nlohmann::json &value, std::string path, ExitCode code)
      : value_(&value), path_(std::move(path)), code_(code) {}

  /// Whether an object has a member.
  bool Has(const std::string &key) const { return value_->is_object() && value_->contains(key); }
  /// A member of an object.
  JsonNode operator[](const std::string &key) const;
  /// The elements of an array.
  std::vector<JsonNode> Items() const;
  /// Refuses an object that has other keys than these.
  void ExpectOnly(std::initializer_list<const char *> keys) const;

  std::string Text() const;
  /// The index of the text in a list of allowed ones.
  size_t Choice(const std::vector<std::string> &allowed) const;
  int64_t Integer(int64_t min = std::numeric_limits<int64_t>::min(),
                  int64_t max = std::numeric_limits<int64_t>::max()) const;
  /// The same, as tools write it: 96, 96.0, "96" or "96.0", see src/data/fields.py.
  int64_t LooseInteger(int64_t min, int64_t max) const;
  JsonId Id() const;
  double Number(double min, double max) const;
  bool Flag() const;

  /// Throws the Error that this value is not what was expected.
  [[noreturn]] void Fail(const std::string &expected) const;

 private:
  JsonNode(const nlohmann::json &value, const JsonNode &parent, std::string where)
      : value_(&value), path_(parent.path_), where_(std::move(where)), code_(parent.code_) {}

  const nlohmann::json *value_;
  std::string path_;
  std::string where_;  // for example outputs[0].shape
  ExitCode code_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_JSON_READER_H_
