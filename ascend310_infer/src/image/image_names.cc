// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_names.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "inc/errors.h"
#include "inc/utils.h"

namespace yolo {
namespace {

namespace fs = std::filesystem;

// The first ones of a large folder will do: comparing all takes minutes.
constexpr size_t kMaxCompared = 10000;

std::string LastPart(const std::string &key) { return key.substr(key.rfind('/') + 1); }

std::unordered_set<std::string> FileNames(const fs::path &folder) {
  std::unordered_set<std::string> names;
  std::error_code error, ignored;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_directory(ignored)) {
      names.insert(entry->path().filename().string());
    }
  }
  return names;
}

}  // namespace

std::string NameKey(const std::string &name) {
  std::string key;
  for (size_t place = 0; place < name.size(); ++place) {
    unsigned char letter = static_cast<unsigned char>(name[place]);
    if (letter == '%' && place + 2 < name.size()) {
      const char *digits = name.data() + place + 1;
      if (const auto [end, error] = std::from_chars(digits, digits + 2, letter, 16); end == digits + 2) {
        place += 2;
      } else {
        letter = '%';
      }
    } else if (letter == '\\') {
      letter = '/';
    }
    key += static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
  }
  constexpr const char *kBlanks = " \t\r\n";
  const size_t start = key.find_first_not_of(kBlanks);
  return start == std::string::npos ? "" : key.substr(start, key.find_last_not_of(kBlanks) + 1 - start);
}

std::optional<std::string> ImageFolder::FindExact(const std::string &name) {
  // Only the text is checked; links inside the folder are followed.
  const fs::path inside = fs::path(name).lexically_normal();
  if (inside.empty() || inside.is_absolute() || *inside.begin() == ".." || name.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  const auto [listing, is_new] = listings_.try_emplace(inside.parent_path().string());
  if (is_new) {
    // One listing per folder shows which files exist, instead of one query for each image.
    listing->second = FileNames(folder_ / inside.parent_path());
  }
  return listing->second.count(inside.filename().string()) > 0 ? std::optional(inside.string()) : std::nullopt;
}

std::optional<std::string> ImageFolder::FindNear(const std::string &name) {
  std::string key;
  for (const fs::path &part : fs::path(NameKey(name)).relative_path()) {
    if (part != "." && part != ".." && !part.empty()) {
      key += (key.empty() ? "" : "/") + part.string();
    }
  }
  while (!key.empty()) {
    if (const auto found = Keys().find(key); found != Keys().end()) {
      const std::vector<std::string> &files = found->second;
      if (files.size() > 1) {
        throw Error(ExitCode::kInput, source_ + ": the image " + name + " may be " + files[0] + " or " + files[1] +
                                          " of " + folder_.string() + "; correct the name, or leave one of the files");
      }
      return files[0];
    }
    const size_t slash = key.find('/');
    key = slash == std::string::npos ? "" : key.substr(slash + 1);
  }
  return std::nullopt;
}

const std::map<std::string, std::vector<std::string>> &ImageFolder::Keys() {
  std::error_code error, ignored;
  if (by_key_.empty()) {
    constexpr auto kSkip = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator entry(folder_, kSkip, error), end; !error && entry != end;
         entry.increment(error)) {
      if (!entry->is_directory(ignored)) {
        const std::string path = entry->path().lexically_relative(folder_).string();
        by_key_[NameKey(path)].push_back(path);
      }
    }
    for (auto &[key, files] : by_key_) {
      std::sort(files.begin(), files.end());
    }
  }
  return by_key_;
}

std::string ImageFolder::NearestText(const std::string &name) {
  const std::string wanted = NameKey(name);
  std::vector<std::string> keys;
  std::string nearest;
  for (const auto &[key, files] : Keys()) {
    if (nearest.empty() && LastPart(key) == LastPart(wanted)) {
      nearest = key;
    }
    if (keys.size() < kMaxCompared) {
      keys.push_back(key);
    }
  }
  nearest = nearest.empty() ? Nearest(wanted, keys) : nearest;
  return nearest.empty() ? "" : " (the nearest file there is " + Keys().at(nearest)[0] + ")";
}

std::vector<std::string> ImageFolder::Find(const std::vector<std::string> &names) {
  std::vector<std::string> files;
  std::set<std::string> near;
  const std::string *missing = nullptr;
  size_t count = 0;
  for (const std::string &name : names) {
    std::optional<std::string> file = FindExact(name);
    if (!file && (file = FindNear(name))) {
      near.insert(*file);
    }
    if (!file) {
      missing = missing == nullptr ? &name : missing;
      ++count;
    }
    files.push_back(file.value_or(""));
  }
  if (missing != nullptr) {
    throw Error(ExitCode::kInput, folder_.string() + ": " + std::to_string(count) + " of the " +
                                      std::to_string(names.size()) + " images named in " + source_ +
                                      " are missing, the first is " + *missing + NearestText(*missing) +
                                      "; copy them there or take them out of the file");
  }
  // Two names that only lead to one file because one of them was not found as it is.
  std::map<std::string, std::string> name_of;
  for (size_t place = 0; place < names.size(); ++place) {
    if (near.count(files[place]) > 0) {
      const std::string &earlier = name_of.emplace(files[place], names[place]).first->second;
      if (earlier != names[place]) {
        throw Error(ExitCode::kInput, source_ + ": the images " + earlier + " and " + names[place] +
                                          " would both be the file " + (folder_ / files[place]).string() +
                                          "; copy the missing one into the image folder, or correct the names");
      }
    }
  }
  return files;
}

}  // namespace yolo
