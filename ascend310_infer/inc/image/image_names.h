// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The image files that an annotation file names, also where a tool wrote the names in its own way; the rules are those
// of src/data/image_names.py.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_NAMES_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_NAMES_H_

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace yolo {

/// A name without what tools change: separators, percent codes, blanks around it, the case of ASCII letters. Python
/// also finds other letter cases and Unicode forms, which takes tables that this program does not have.
std::string NameKey(const std::string &name);

/// The files of an image folder, listed folder by folder as names ask for them.
class ImageFolder {
 public:
  /// Names do not lead out of the folder; `source` is the annotation file, for messages.
  ImageFolder(std::filesystem::path folder, std::string source)
      : folder_(std::move(folder)), source_(std::move(source)) {}

  /// The file of each name, relative to the folder. Where there is no such file, the name may differ from the file's by
  /// the folders before it and by what NameKey leaves out, provided that exactly one file matches.
  /// Throws Error(kInput) where files are missing, with the first and the nearest file, where a name fits several, or
  /// two names one.
  std::vector<std::string> Find(const std::vector<std::string> &names);

 private:
  using Listing = std::unordered_set<std::string>;

  std::optional<std::string> FindExact(const std::string &name);
  std::optional<std::string> FindNear(const std::string &name);
  std::string NearestText(const std::string &name);
  const std::map<std::string, std::vector<std::string>> &Keys();

  std::filesystem::path folder_;
  std::string source_;
  std::map<std::string, Listing> listings_;
  std::map<std::string, std::vector<std::string>> by_key_;  // all files; filled when it is first asked for
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_NAMES_H_
