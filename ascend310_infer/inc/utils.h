// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Files, texts, checksums and clocks.
#ifndef ASCEND310_INFER_INC_UTILS_H_
#define ASCEND310_INFER_INC_UTILS_H_

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "inc/errors.h"

struct evp_md_ctx_st;  // of OpenSSL

namespace yolo {

/// The default limit of `ReadFile`; no file of this program is larger.
constexpr size_t kMaxFileBytes = size_t{1} << 33;

/// Returns all bytes of a file, `max_bytes` of them at most.
/// Throws Error(code), which names the path and what it is ("model", "image", ...).
std::string ReadFile(const std::filesystem::path &path, const std::string &kind, ExitCode code,
                     size_t max_bytes = kMaxFileBytes);

/// Writes a file under a temporary name and renames it, so that no reader sees half of it; creates missing folders.
/// Throws Error(kOutput).
void WriteFile(const std::filesystem::path &path, const std::string &data);

/// Removes a file where there is one. Throws Error(kOutput).
void RemoveFile(const std::filesystem::path &path);

/// Makes a folder and those above it. Throws Error(kOutput).
void MakeFolders(const std::filesystem::path &folder);

/// Checks that files can be created in a folder. Throws Error(kOutput).
void CheckWritable(const std::filesystem::path &folder);

/// A text in UTF-8, without a byte order mark: UTF-16 and UTF-32 are converted, with or without their mark, as Python's
/// json reads them. Text of any other encoding comes back as it is.
std::string AsUtf8(const std::string &text);

/// The same of a text that is no UTF-8, from Latin-1, as old tools write it.
std::string Latin1AsUtf8(const std::string &text);

/// The candidate that a text was probably meant to be, by the letters that differ; empty where none is near.
std::string Nearest(const std::string &text, const std::vector<std::string> &candidates);

/// SHA-256 of some bytes as 64 lower-case hex digits.
std::string Sha256(const std::string &data);

/// An address (scheme://user:password@host/...) as logs may show it, with *** for what is before the @.
std::string WithoutPassword(const std::string &address);

/// SHA-256 of bytes that come piece by piece.
class Hasher {
 public:
  Hasher();
  void Add(const std::string &data);
  /// The digest as 64 lower-case hex digits; nothing can be added after it.
  std::string Finish();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st *)> context_;
};

/// Seconds since the construction.
class Stopwatch {
 public:
  Stopwatch() : start_(std::chrono::steady_clock::now()) {}

  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_UTILS_H_
