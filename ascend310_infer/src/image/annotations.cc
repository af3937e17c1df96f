// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/annotations.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "inc/json_reader.h"
#include "inc/utils.h"

namespace yolo {
namespace {

/// Python writes NaN and Infinity, which json does not know; null takes their place.
std::string WithoutNan(const std::string &text) {
  std::string sound;
  bool is_quoted = false;
  for (size_t place = 0; place < text.size(); ++place) {
    size_t length = 0;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      length = !is_quoted && text.compare(place, word.size(), word) == 0 ? word.size() : length;
    }
    if (length > 0) {
      sound += "null";
      place += length - 1;
      continue;
    }
    sound += text[place];
    if (is_quoted && text[place] == '\\' && place + 1 < text.size()) {
      sound += text[++place];
    } else if (text[place] == '"') {
      is_quoted = !is_quoted;
    }
  }
  return sound;
}

nlohmann::json ParseAnyJson(const std::string &text, const std::string &path) {
  const auto parse = [&](const std::string &json) { return ParseJson(json, path, ExitCode::kInput, "annotations"); };
  try {
    return parse(text);
  } catch (const Error &) {
    // Only a file that needs it takes the time.
    const std::string sound = WithoutNan(Latin1AsUtf8(text));
    if (sound == text) {
      throw;
    }
    return parse(sound);
  }
}

std::string NotEmpty(const JsonNode &node, const char *expected) {
  std::string text = node.Text();
  if (text.empty()) {
    node.Fail(expected);
  }
  return text;
}

std::vector<AnnotatedImage> ReadImages(const JsonNode &node) {
  // Sorted by what ids have in common that mean the same.
  std::map<nlohmann::json, AnnotatedImage> by_id;
  for (const JsonNode &item : node.Items()) {
    const auto width = static_cast<int>(item["width"].LooseInteger(1, std::numeric_limits<int>::max()));
    const auto height = static_cast<int>(item["height"].LooseInteger(1, std::numeric_limits<int>::max()));
    const JsonId id = item["id"].Id();
    std::string name = NotEmpty(item["file_name"], "a path inside the image folder");
    if (!by_id.emplace(id.key, AnnotatedImage{id.value, std::move(name), {width, height}}).second) {
      item["id"].Fail("an id that no other image has");
    }
  }
  std::vector<AnnotatedImage> images;
  images.reserve(by_id.size());
  for (auto &[key, image] : by_id) {
    images.push_back(std::move(image));
  }
  if (images.empty()) {
    node.Fail("at least one image");
  }
  return images;
}

std::vector<ClassDescription> ReadCategories(const JsonNode &node) {
  std::vector<ClassDescription> categories;
  std::set<nlohmann::json> ids;
  for (const JsonNode &item : node.Items()) {
    const JsonId id = item["id"].Id();
    categories.push_back({NotEmpty(item["name"], "a name"), id.value});
    if (!ids.insert(id.key).second) {
      item["id"].Fail("an id that no other category has");
    }
  }
  if (categories.empty()) {
    node.Fail("an entry for each class");
  }
  return categories;
}

bool SameNames(const std::vector<ClassDescription> &left, const std::vector<ClassDescription> &right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const ClassDescription &one, const ClassDescription &other) { return one.name == other.name; });
}

const ClassDescription &OnlyNamesake(const std::string &name, const Annotations &annotations) {
  const ClassDescription *found = nullptr;
  for (const ClassDescription &category : annotations.categories) {
    if (category.name == name) {
      if (found != nullptr) {
        throw Error(ExitCode::kInput, annotations.path + ": has several categories named \"" + name +
                                          "\"; expected distinct names, or the model's classes in the model's order");
      }
      found = &category;
    }
  }
  if (found == nullptr) {
    throw Error(ExitCode::kInput, annotations.path + ": has no category \"" + name +
                                      "\", which the model knows; use the annotation file of the model's data");
  }
  return *found;
}

}  // namespace

Annotations ReadAnnotations(const std::string &path) {
  return ParseAnnotations(AsUtf8(ReadFile(path, "annotation", ExitCode::kInput)), path);
}

Annotations ParseAnnotations(const std::string &text, const std::string &path) {
  const nlohmann::json content = ParseAnyJson(text, path);
  const JsonNode root(content, path, ExitCode::kInput);
  return {path, ReadImages(root["images"]), ReadCategories(root["categories"])};
}

std::vector<nlohmann::json> CategoryIds(const Annotations &annotations, const std::vector<ClassDescription> &classes) {
  std::vector<nlohmann::json> ids;
  if (SameNames(annotations.categories, classes)) {
    for (const ClassDescription &category : annotations.categories) {
      ids.push_back(category.id);
    }
    return ids;
  }
  for (const ClassDescription &wanted : classes) {
    ids.push_back(OnlyNamesake(wanted.name, annotations).id);
  }
  for (const ClassDescription &category : annotations.categories) {
    if (std::find(ids.begin(), ids.end(), category.id) == ids.end()) {
      throw Error(ExitCode::kInput,
                  annotations.path + ": has a category \"" + category.name +
                      "\", which the model does not know; use the annotation file of the model's data");
    }
  }
  return ids;
}

}  // namespace yolo
