// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include "inc/errors.h"
#include "inc/image/annotations.h"
#include "inc/image/image_names.h"
#include "inc/utils.h"

namespace yolo {
namespace {

namespace fs = std::filesystem;

// Suffixes of images in a folder; a list file or an annotation file may name any file.
constexpr std::array<const char *, 13> kSuffixes = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp",
                                                    ".tif", ".tiff", ".pbm", ".pgm",  ".ppm", ".pnm"};
// Digits that fit a number of 64 bits.
constexpr size_t kMaxDigits = 18;

std::string LowerSuffix(const fs::path &path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  return suffix;
}

bool HasImageSuffix(const fs::path &path) {
  return std::find(kSuffixes.begin(), kSuffixes.end(), LowerSuffix(path)) != kSuffixes.end();
}

/// A link that leads nowhere counts, so that it is reported as an image that cannot be read; a pipe could block
/// forever. A hidden file does not: systems put such ones beside images.
bool IsImage(const fs::directory_entry &entry) {
  std::error_code ignored;
  return entry.path().filename().string().front() != '.' && HasImageSuffix(entry.path()) &&
         !entry.is_directory(ignored) && !entry.is_other(ignored);
}

/// Whether a file holds a json object, whatever its name is: a brace and the first key, which no path begins with.
bool IsJson(const std::string &text) {
  constexpr const char *kBlanks = " \t\r\n";
  const size_t brace = text.find_first_not_of(kBlanks);
  if (brace == std::string::npos || text[brace] != '{') {
    return false;
  }
  const size_t next = text.find_first_not_of(kBlanks, brace + 1);
  return next != std::string::npos && (text[next] == '"' || text[next] == '}');
}

std::vector<ImageEntry> FromFolder(const std::string &folder, std::string *remark) {
  std::vector<ImageEntry> images;
  std::vector<std::string> others;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (IsImage(*entry)) {
      images.push_back({entry->path().string(), entry->path().filename().string(), 0, {}});
    } else {
      others.push_back(entry->path().filename().string());
    }
  }
  if (!others.empty()) {
    *remark = folder + ": " + std::to_string(others.size()) + " files and folders are left out, which are hidden or " +
              "no images by their names (first: " + *std::min_element(others.begin(), others.end()) + ")";
  }
  if (error) {
    throw Error(ExitCode::kInput,
                folder + ": cannot list this folder (" + error.message() + "); check the path and its permissions");
  }
  if (images.empty()) {
    throw Error(ExitCode::kInput, folder + ": there are no images in this folder; expected .jpg, .png or the like");
  }
  std::sort(images.begin(), images.end(),
            [](const ImageEntry &left, const ImageEntry &right) { return left.name < right.name; });
  return images;
}

std::vector<ImageEntry> FromListFile(const std::string &path, const std::string &text, const std::string &image_root) {
  const fs::path root = image_root.empty() ? fs::path(path).parent_path() : fs::path(image_root);
  std::istringstream lines(text);
  std::vector<ImageEntry> images;
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) {
      line.pop_back();
    }
    if (line.find('\0') != std::string::npos) {
      throw Error(ExitCode::kInput, path + ": this is no list of images; expected a path a line");
    }
    if (!line.empty()) {
      // Not normalised: only the system knows where ".." leads after a link.
      images.push_back({(root / line).string(), fs::path(line).lexically_normal().string(), 0, {}});
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
  // Two levels up, also from a path that has only one.
  const fs::path root = (json.parent_path() / "..").lexically_normal();
  std::error_code ignored;
  if (stem.rfind(prefix, 0) == 0 && fs::is_directory(root / stem.substr(prefix.size()), ignored)) {
    return root / stem.substr(prefix.size());
  }
  throw Error(ExitCode::kInput, json.string() + ": the folder of its images is unknown; set it by --image_root");
}

void FromAnnotations(const Annotations &annotations, const std::string &image_root, ImageList *list) {
  const fs::path root = image_root.empty() ? CocoFolder(annotations.path) : fs::path(image_root);
  if (std::error_code ignored; !fs::is_directory(root, ignored)) {
    throw Error(ExitCode::kInput, root.string() + ": the image folder does not exist; check --image_root");
  }
  std::vector<std::string> names;
  names.reserve(annotations.images.size());
  for (const AnnotatedImage &image : annotations.images) {
    names.push_back(image.file_name);
  }
  const std::vector<std::string> files = ImageFolder(root, annotations.path).Find(names);
  size_t renamed = 0;
  for (size_t place = 0; place < files.size(); ++place) {
    const AnnotatedImage &image = annotations.images[place];
    list->images.push_back({(root / files[place]).string(), files[place], image.id, image.size});
    if (files[place] != fs::path(names[place]).lexically_normal() && renamed++ == 0) {
      list->remark = names[place] + ", found as " + files[place];
    }
  }
  if (renamed > 0) {
    list->remark = std::to_string(renamed) + " images found under another name than the file's, which differs in " +
                   "folders, case or coding (first: " + list->remark + ")";
  }
}

/// Finds the entry of an image in an annotation file where the two name it by different numbers of folders.
class NameIndex {
 public:
  /// Names are compared by what `key` makes of them.
  NameIndex(const Annotations &annotations, std::string (*key)(const std::string &))
      : path_(annotations.path), key_(key) {
    for (const AnnotatedImage &image : annotations.images) {
      const std::string name = key_(image.file_name);
      by_name_[name].push_back(&image);
      by_last_part_[fs::path(name).filename().string()].push_back(&image);
    }
  }

  /// One of the names is the other, or ends in it at a folder boundary; null where there is no such image. Throws
  /// Error(kInput) where there are several.
  const AnnotatedImage *Find(const std::string &image_name) const {
    const std::string name = key_(image_name);
    std::vector<const AnnotatedImage *> found;
    // The annotation file names the image by fewer folders, the more of them agree the better.
    for (std::string_view rest = name; found.empty() && !rest.empty();) {
      if (const auto place = by_name_.find(std::string(rest)); place != by_name_.end()) {
        found = place->second;
      }
      const size_t slash = rest.find('/');
      rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    }
    const auto place = by_last_part_.find(fs::path(name).filename().string());
    if (found.empty() && place != by_last_part_.end()) {
      std::copy_if(place->second.begin(), place->second.end(), std::back_inserter(found),
                   [this, ending = "/" + name](const AnnotatedImage *image) {
                     const std::string full = key_(image->file_name);
                     return full.size() > ending.size() &&
                            full.compare(full.size() - ending.size(), ending.size(), ending) == 0;
                   });
    }
    if (found.size() > 1) {
      throw Error(ExitCode::kInput, path_ + ": has several images " + image_name + ", by the ids " +
                                        found[0]->id.dump() + " and " + found[1]->id.dump() +
                                        "; name the image by all its folders in a list file, or correct the file");
    }
    return found.empty() ? nullptr : found[0];
  }

 private:
  using Named = std::unordered_map<std::string, std::vector<const AnnotatedImage *>>;

  std::string path_;
  std::string (*key_)(const std::string &);
  Named by_name_;
  Named by_last_part_;
};

/// Takes ids and sizes from the annotation file.
void Annotate(const Annotations &annotations, std::vector<ImageEntry> *images) {
  if (images->size() == 1 && annotations.images.size() == 1) {
    // Nothing else can be meant. The record of the run has the name by which the annotation file knows the image.
    const AnnotatedImage &only = annotations.images.front();
    images->front() = {images->front().path, fs::path(only.file_name).lexically_normal().string(), only.id, only.size};
    return;
  }
  const NameIndex exact(annotations,
                        [](const std::string &name) { return fs::path(name).lexically_normal().string(); });
  const NameIndex near(annotations, NameKey);
  std::unordered_map<const AnnotatedImage *, std::string> used;
  for (ImageEntry &entry : *images) {
    const AnnotatedImage *image = exact.Find(entry.name);
    image = image != nullptr ? image : near.Find(entry.name);
    if (image == nullptr) {
      throw Error(ExitCode::kInput, annotations.path + ": has no image " + entry.name +
                                        "; use the annotation file that belongs to the images");
    }
    const auto [earlier, is_new] = used.emplace(image, entry.path);
    if (!is_new) {
      throw Error(ExitCode::kInput, earlier->second + " and " + entry.path + " are both the image " + image->file_name +
                                        " (id " + image->id.dump() + ") of " + annotations.path +
                                        "; take one of them out");
    }
    entry.id = image->id;
    entry.size = image->size;
  }
}

/// Ids where there is no annotation file.
void Number(std::vector<ImageEntry> *images) {
  std::set<nlohmann::json> ids;
  for (ImageEntry &entry : *images) {
    const std::string stem = fs::path(entry.name).stem().string();
    const bool is_number =
        !stem.empty() && stem.size() <= kMaxDigits &&
        std::all_of(stem.begin(), stem.end(), [](unsigned char letter) { return std::isdigit(letter); });
    if (!is_number || !ids.insert(entry.id = std::stoll(stem)).second) {
      break;
    }
  }
  if (ids.size() < images->size()) {
    for (size_t place = 0; place < images->size(); ++place) {
      (*images)[place].id = place + 1;
    }
  }
}

}  // namespace

ImageList ListImages(const std::string &images, const std::string &image_root, const std::string &annotations,
                     const std::vector<ClassDescription> &classes) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(images, ignored), is_image = !is_folder && HasImageSuffix(images);
  ImageList list;
  if ((is_folder || is_image) && !image_root.empty()) {
    throw Error(ExitCode::kUsage, "--image_root is for a list file or a COCO json; --images " + images + " is " +
                                      (is_folder ? "a folder" : "an image") + "; leave it out");
  }
  if (is_folder) {
    list.images = FromFolder(images, &list.remark);
  } else if (is_image) {
    list.images = {{images, fs::path(images).filename().string(), 0, {}}};
  } else {
    const bool is_named_json = LowerSuffix(images) == ".json";
    const std::string text = AsUtf8(ReadFile(images, is_named_json ? "annotation" : "image list", ExitCode::kInput));
    if (is_named_json || IsJson(text)) {
      if (!annotations.empty() && !fs::equivalent(images, annotations, ignored)) {
        throw Error(ExitCode::kUsage, "--annotations is for a folder, an image or a list file; --images " + images +
                                          " is an annotation file already; leave it out");
      }
      const Annotations own = ParseAnnotations(text, images);
      list.category_ids = CategoryIds(own, classes);
      FromAnnotations(own, image_root, &list);
      list.is_annotated = true;
      return list;
    }
    list.images = FromListFile(images, text, image_root);
  }
  if (!annotations.empty()) {
    const Annotations truth = ReadAnnotations(annotations);
    Annotate(truth, &list.images);
    list.category_ids = CategoryIds(truth, classes);
    list.is_annotated = true;
    return list;
  }
  Number(&list.images);
  for (const ClassDescription &one : classes) {
    list.category_ids.push_back(one.id);
  }
  return list;
}

}  // namespace yolo
