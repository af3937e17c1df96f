// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/annotations.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>

#include "inc/json_reader.h"
#include "inc/utils.h"

namespace yolo {
namespace {

std::string InsideName(const JsonNode &node) {
  const std::filesystem::path name = std::filesystem::path(node.Text()).lexically_normal();
  // Only the text is checked; links inside the folder are followed.
  const bool is_cut = name.native().find('\0') != std::string::npos;
  if (name.empty() || name == "." || name.is_absolute() || *name.begin() == ".." || is_cut) {
    node.Fail("a path inside the image folder");
  }
  return name.string();
}

std::vector<AnnotatedImage> ReadImages(const JsonNode &node) {
  std::vector<AnnotatedImage> images;
  std::set<int64_t> ids;
  for (const JsonNode &item : node.Items()) {
    const auto width = static_cast<int>(item["width"].Integer(1, std::numeric_limits<int>::max()));
    const auto height = static_cast<int>(item["height"].Integer(1, std::numeric_limits<int>::max()));
    images.push_back({item["id"].Integer(), InsideName(item["file_name"]), {width, height}});
    if (!ids.insert(images.back().id).second) {
      item["id"].Fail("an id that no other image has");
    }
  }
  if (images.empty()) {
    node.Fail("at least one image");
  }
  std::sort(images.begin(), images.end(),
            [](const AnnotatedImage &left, const AnnotatedImage &right) { return left.id < right.id; });
  return images;
}

std::vector<ClassDescription> ReadCategories(const JsonNode &node) {
  std::vector<ClassDescription> categories;
  std::set<int64_t> ids;
  for (const JsonNode &item : node.Items()) {
    categories.push_back({item["name"].Text(), item["id"].Integer()});
    if (!ids.insert(categories.back().id).second) {
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
  return ParseAnnotations(ReadFile(path, "annotation", ExitCode::kInput), path);
}

Annotations ParseAnnotations(const std::string &text, const std::string &path) {
  const nlohmann::json content = ParseJson(text, path, ExitCode::kInput, "annotations");
  const JsonNode root(content, path, ExitCode::kInput);
  return {path, ReadImages(root["images"]), ReadCategories(root["categories"])};
}

std::vector<int64_t> CategoryIds(const Annotations &annotations, const std::vector<ClassDescription> &classes) {
  std::vector<int64_t> ids;
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
