// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/utils.h"

#include <fcntl.h>
#include <iconv.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace yolo {
namespace {

// Large enough for an image or a description in one call.
constexpr size_t kReadAtOnce = size_t{1} << 20;

class FileHandle {
 public:
  explicit FileHandle(int number) : number_(number) {}
  ~FileHandle() { Close(); }
  FileHandle(const FileHandle &) = delete;
  FileHandle &operator=(const FileHandle &) = delete;

  int number() const { return number_; }

  /// Returns false where the system reports a failed write only at the end.
  bool Close() {
    const bool closed = number_ < 0 || close(number_) == 0;
    number_ = -1;
    return closed;
  }

 private:
  int number_;
};

bool WriteAll(int file, const std::string &data) {
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t count = write(file, data.data() + done, data.size() - done);
    if (count < 0 && errno != EINTR) {
      return false;
    }
    done += count > 0 ? static_cast<size_t>(count) : 0;
  }
  return true;
}

[[noreturn]] void ThrowNotWritten(const std::filesystem::path &path, int error) {
  throw Error(ExitCode::kOutput, path.string() + ": cannot write this file (" + std::strerror(error) +
                                     "); check the path, its permissions and the space on the disk");
}

/// A name beside a file that no other thread or process takes. It does not hold the file's own name, which may be as
/// long as a name can be.
std::filesystem::path DraftPath(const std::filesystem::path &folder) {
  static std::atomic<uint64_t> count{0};
  return folder / (".yolo_infer." + std::to_string(getpid()) + "." + std::to_string(++count) + ".tmp");
}

void CheckHash(int code) {
  if (code != 1) {
    throw Error(ExitCode::kRuntime, "OpenSSL cannot compute SHA-256; check its installation");
  }
}

/// Reads to the end. Returns false and leaves errno where the system fails; EFBIG: there are more than `max_bytes`.
bool ReadAll(int file, size_t expected_bytes, size_t max_bytes, std::string *data) {
  size_t done = 0;
  // The size is a guess only: the file may grow, and a pipe has none.
  data->resize(expected_bytes + 1);
  while (true) {
    if (done == data->size()) {
      data->resize(data->size() + kReadAtOnce);
    }
    const ssize_t count = read(file, data->data() + done, data->size() - done);
    if (count == 0) {
      break;
    }
    if (count < 0 && errno != EINTR) {
      return false;
    }
    done += count > 0 ? static_cast<size_t>(count) : 0;
    if (done > max_bytes) {
      errno = EFBIG;
      return false;
    }
  }
  data->resize(done);
  return true;
}

/// A text of an encoding that iconv knows as UTF-8; nothing where it is not of that encoding.
std::optional<std::string> Converted(const std::string &text, const char *encoding) {
  iconv_t opened = iconv_open("UTF-8", encoding);
  if (reinterpret_cast<intptr_t>(opened) == -1) {
    return std::nullopt;
  }
  const std::unique_ptr<void, int (*)(iconv_t)> converter(opened, iconv_close);
  // Four bytes at most for two of UTF-16, two for one of Latin-1.
  std::string converted(2 * text.size(), '\0');
  // iconv does not change its input.
  char *from = const_cast<char *>(text.data()), *to = converted.data();
  size_t left = text.size(), room = converted.size();
  if (iconv(converter.get(), &from, &left, &to, &room) == static_cast<size_t>(-1)) {
    return std::nullopt;
  }
  converted.resize(converted.size() - room);
  return converted;
}

/// The number of letters that have to be changed, added or left out to make one text of another.
size_t Changes(const std::string &left, const std::string &right) {
  std::vector<size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < left.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < right.size(); ++j) {
      const size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::string ReadFile(const std::filesystem::path &path, const std::string &kind, ExitCode code, size_t max_bytes) {
  const auto fail = [&](int error) {
    throw Error(code, path.string() + ": cannot read this " + kind + " file (" + std::strerror(error) +
                          "); check the path and its permissions");
  };
  const auto fail_by_size = [&](const std::string &found) {
    throw Error(code, path.string() + ": this " + kind + " file has " + found + "; restore it or leave it out");
  };
  FileHandle file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.number() < 0 || fstat(file.number(), &status) != 0) {
    fail(errno);
  }
  const size_t expected_bytes = static_cast<size_t>(std::max(status.st_size, off_t{0}));
  std::string data;
  try {
    if (expected_bytes > max_bytes) {
      fail_by_size(std::to_string(expected_bytes) + " bytes; expected at most " + std::to_string(max_bytes));
    }
    if (!ReadAll(file.number(), expected_bytes, max_bytes, &data)) {
      if (errno == EFBIG) {
        fail_by_size("more than " + std::to_string(max_bytes) + " bytes");
      }
      fail(errno);
    }
  } catch (const std::bad_alloc &) {
    fail_by_size(std::to_string(expected_bytes) + " bytes, more than there is memory for");
  }
  return data;
}

void MakeFolders(const std::filesystem::path &folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::error_code ignored;
  if (error && !std::filesystem::is_directory(folder, ignored)) {
    throw Error(ExitCode::kOutput, folder.string() + ": cannot make this folder (" + error.message() +
                                       "); check the path and its permissions");
  }
}

void CheckWritable(const std::filesystem::path &folder) {
  const std::filesystem::path draft = DraftPath(folder);
  const FileHandle file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.number() < 0) {
    throw Error(ExitCode::kOutput, folder.string() + ": cannot write into this folder (" + std::strerror(errno) +
                                       "); check its permissions and the space on the disk");
  }
  unlink(draft.c_str());
}

void WriteFile(const std::filesystem::path &path, const std::string &data) {
  if (path.has_parent_path()) {
    MakeFolders(path.parent_path());
  }
  const std::filesystem::path draft = DraftPath(path.parent_path());
  FileHandle file(open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.number() < 0) {
    ThrowNotWritten(path, errno);
  }
  if (!WriteAll(file.number(), data) || !file.Close() || rename(draft.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(draft.c_str());
    ThrowNotWritten(path, error);
  }
}

void RemoveFile(const std::filesystem::path &path) {
  std::error_code error;
  // An empty folder would be removed as well, but it is the user's.
  if (std::filesystem::is_directory(path, error)) {
    error = std::make_error_code(std::errc::is_a_directory);
  } else {
    std::filesystem::remove(path, error);
  }
  if (error && error != std::errc::not_a_directory) {
    throw Error(ExitCode::kOutput, path.string() + ": cannot remove this file of an earlier run (" + error.message() +
                                       "); remove it, or choose another --output");
  }
}

std::string WithoutPassword(const std::string &address) {
  const size_t scheme = address.find("://"), start = scheme + 3;
  const size_t end = scheme == std::string::npos ? scheme : address.rfind('@', address.find('/', start));
  return end == std::string::npos || end < start ? address : address.substr(0, start) + "***" + address.substr(end);
}

std::string AsUtf8(const std::string &text) {
  using namespace std::string_view_literals;
  constexpr std::pair<std::string_view, const char *> kMarks[] = {// That of UTF-32 begins with that of UTF-16.
                                                                  {"\xef\xbb\xbf"sv, ""},
                                                                  {"\xff\xfe\0\0"sv, "UTF-32LE"},
                                                                  {"\0\0\xfe\xff"sv, "UTF-32BE"},
                                                                  {"\xff\xfe"sv, "UTF-16LE"},
                                                                  {"\xfe\xff"sv, "UTF-16BE"}};
  for (const auto &[mark, encoding] : kMarks) {
    if (text.compare(0, mark.size(), mark) == 0) {
      const std::string rest = text.substr(mark.size());
      return *encoding == '\0' ? rest : Converted(rest, encoding).value_or(text);
    }
  }
  // Json begins with an ASCII character: where its zeros are shows the encoding.
  const auto is_zero = [&](size_t place) { return place < text.size() && text[place] == '\0'; };
  if (is_zero(0) || is_zero(1)) {
    const char *encoding = is_zero(0) ? (is_zero(1) ? "UTF-32BE" : "UTF-16BE") : (is_zero(2) ? "UTF-32LE" : "UTF-16LE");
    return Converted(text, encoding).value_or(text);
  }
  return text;
}

std::string Latin1AsUtf8(const std::string &text) {
  return Converted(text, "UTF-8") ? text : Converted(text, "ISO-8859-1").value_or(text);
}

std::string Nearest(const std::string &text, const std::vector<std::string> &candidates) {
  const std::string *nearest = nullptr;
  // Two letters of five may differ.
  size_t fewest = text.size() * 2 / 5 + 1;
  for (const std::string &candidate : candidates) {
    if (const size_t changes = Changes(text, candidate); changes < fewest) {
      nearest = &candidate;
      fewest = changes;
    }
  }
  return nearest == nullptr ? "" : *nearest;
}

std::string Sha256(const std::string &data) {
  Hasher hasher;
  hasher.Add(data);
  return hasher.Finish();
}

Hasher::Hasher() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  CheckHash(context_ == nullptr ? 0 : EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Hasher::Add(const std::string &data) { CheckHash(EVP_DigestUpdate(context_.get(), data.data(), data.size())); }

std::string Hasher::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  CheckHash(EVP_DigestFinal_ex(context_.get(), digest.data(), &length));
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

}  // namespace yolo
