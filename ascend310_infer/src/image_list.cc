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
#include "inc/image_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>
#include <unordered_map>

#include "inc/annotations.h"
#include "inc/errors.h"
#include "inc/utils.h"

namespace yolo {
namespace {

namespace fs = std::filesystem;

// What a folder is searched for; a list file or an annotation file may name any kind.
constexpr std::array<const char *, 8> kSuffixes = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"};
// Digits that fit a number of 64 bits.
constexpr size_t kMostDigits = 18;

std::string LowerSuffix(const fs::path &path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  return suffix;
}

bool IsImage(const fs::directory_entry &entry) {
  const std::string suffix = LowerSuffix(entry.path());
  std::error_code ignored;
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end() && !entry.is_directory(ignored);
}

std::vector<ImageEntry> FromFolder(const std::string &folder) {
  std::vector<ImageEntry> images;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (IsImage(*entry)) {
      images.push_back({entry->path().string(), entry->path().filename().string(), 0, {}});
    }
  }
  if (error) {
    throw Error(ExitCode::kInput, folder + ": cannot list this folder (" + error.message() + ")");
  }
  if (images.empty()) {
    throw Error(ExitCode::kInput, folder + ": there are no images in this folder; expected .jpg, .png or the like");
  }
  std::sort(images.begin(), images.end(),
            [](const ImageEntry &left, const ImageEntry &right) { return left.name < right.name; });
  return images;
}

std::vector<ImageEntry> FromListFile(const std::string &path, const std::string &image_root) {
  const fs::path root = image_root.empty() ? fs::path(path).parent_path() : fs::path(image_root);
  std::istringstream lines(ReadFile(path, "image list", ExitCode::kInput));
  std::vector<ImageEntry> images;
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) {
      line.pop_back();
    }
    if (line.find('\0') != std::string::npos) {
      throw Error(ExitCode::kInput, path + ": this is no list of images; expected a path a line");
    }
    if (!line.empty()) {
      const fs::path name = fs::path(line).lexically_normal();
      images.push_back({(root / name).string(), name.string(), 0, {}});
    }
  }
  if (images.empty()) {
    throw Error(ExitCode::kInput, path + ": this list has no lines; expected the path of an image a line");
  }
  return images;
}

/// The image folder that belongs to an annotation file in COCO's layout, ROOT/annotations/instances_NAME.json.
fs::path CocoFolder(const fs::path &json) {
  const std::string prefix = "instances_", stem = json.stem().string();
  const fs::path root = fs::absolute(json).parent_path().parent_path();
  if (stem.rfind(prefix, 0) == 0 && fs::is_directory(root / stem.substr(prefix.size()))) {
    return root / stem.substr(prefix.size());
  }
  throw Error(ExitCode::kInput, json.string() + ": cannot tell the folder of its images; name it by --image_root");
}

std::vector<ImageEntry> FromAnnotations(const Annotations &annotations, const std::string &image_root) {
  const fs::path root = image_root.empty() ? CocoFolder(annotations.path) : fs::path(image_root);
  std::vector<ImageEntry> images;
  images.reserve(annotations.images.size());
  for (const AnnotatedImage &image : annotations.images) {
    images.push_back({(root / image.file_name).string(), image.file_name, image.id, image.size});
  }
  return images;
}

/// Takes ids and sizes from the annotation file, by name relative to the root, else by the name of the file alone.
void Annotate(const Annotations &annotations, std::vector<ImageEntry> *images) {
  std::unordered_map<std::string, const AnnotatedImage *> by_name;
  for (const AnnotatedImage &image : annotations.images) {
    const auto [place, is_new] = by_name.emplace(fs::path(image.file_name).filename().string(), &image);
    if (!is_new) {
      // Files of this name lie in several folders, so that the name alone tells nothing.
      place->second = nullptr;
    }
  }
  for (const AnnotatedImage &image : annotations.images) {
    by_name[image.file_name] = &image;
  }
  std::set<int64_t> used;
  for (ImageEntry &entry : *images) {
    auto found = by_name.find(entry.name);
    if (found == by_name.end()) {
      found = by_name.find(fs::path(entry.name).filename().string());
    }
    if (found == by_name.end() || found->second == nullptr) {
      throw Error(ExitCode::kInput, annotations.path + ": has no image " + entry.name +
                                        "; use the annotation file that belongs to the images");
    }
    if (!used.insert(found->second->id).second) {
      throw Error(ExitCode::kInput, entry.path + ": stands in the list a second time, by the image id " +
                                        std::to_string(found->second->id) + "; take it out");
    }
    entry.id = found->second->id;
    entry.size = found->second->size;
  }
}

/// Ids where there is no annotation file.
void Number(std::vector<ImageEntry> *images) {
  std::set<int64_t> ids;
  for (ImageEntry &entry : *images) {
    const std::string stem = fs::path(entry.name).stem().string();
    const bool is_number =
        !stem.empty() && stem.size() <= kMostDigits &&
        std::all_of(stem.begin(), stem.end(), [](unsigned char letter) { return std::isdigit(letter); });
    if (!is_number || !ids.insert(entry.id = std::stoll(stem)).second) {
      break;
    }
  }
  if (ids.size() < images->size()) {
    for (size_t place = 0; place < images->size(); ++place) {
      (*images)[place].id = static_cast<int64_t>(place) + 1;
    }
  }
}

}  // namespace

ImageList ListImages(const std::string &images, const std::string &image_root, const std::string &annotations,
                     const std::vector<ClassDescription> &classes) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(images, ignored);
  ImageList list;
  if (is_folder && !image_root.empty()) {
    throw Error(ExitCode::kUsage,
                "--image_root is for a list file or a COCO json; --images " + images + " is a folder; leave it out");
  }
  if (!is_folder && LowerSuffix(images) == ".json") {
    if (!annotations.empty() && !fs::equivalent(images, annotations, ignored)) {
      throw Error(ExitCode::kUsage, "--annotations is for a folder or a list file; --images " + images +
                                        " is an annotation file already; leave it out");
    }
    const Annotations own = ReadAnnotations(images);
    list.images = FromAnnotations(own, image_root);
    list.category_ids = CategoryIds(own, classes);
    return list;
  }
  list.images = is_folder ? FromFolder(images) : FromListFile(images, image_root);
  if (!annotations.empty()) {
    const Annotations truth = ReadAnnotations(annotations);
    Annotate(truth, &list.images);
    list.category_ids = CategoryIds(truth, classes);
    return list;
  }
  Number(&list.images);
  for (const ClassDescription &one : classes) {
    list.category_ids.push_back(one.id);
  }
  return list;
}

}  // namespace yolo
