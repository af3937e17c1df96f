// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_reader.h"

#include <filesystem>
#include <limits>
#include <new>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string_view>

#ifdef YOLO_WITH_TURBOJPEG
#include <turbojpeg.h>
#endif

#include "inc/errors.h"
#include "inc/utils.h"

namespace yolo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kJpegStart = "\xff\xd8"sv, kScan = "\xff\xda"sv, kJpegEnd = "\xff\xd9"sv;
constexpr std::string_view kPngStart = "\x89PNG\r\n\x1a\n"sv, kPngEnd = "\x00\x00\x00\x00IEND"sv;

// What OpenCV takes in one piece.
constexpr size_t kMostBytes = std::numeric_limits<int>::max();

unsigned char ByteAt(std::string_view data, size_t position) { return static_cast<unsigned char>(data[position]); }

bool StartsWith(std::string_view data, std::string_view start) { return data.substr(0, start.size()) == start; }

/// The position of the marker that ends a scan, or npos. Inside the compressed data 0xFF is followed by 0, by another
/// 0xFF or by a restart mark (0xD0 to 0xD7).
size_t ScanStop(std::string_view data, size_t position) {
  while (true) {
    position = data.find('\xff', position);
    if (position == std::string_view::npos || position + 1 >= data.size()) {
      return std::string_view::npos;
    }
    const unsigned char next = ByteAt(data, position + 1);
    if (next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) {
      return position;
    }
    ++position;
  }
}

/// Walks from marker to marker to the image's own end mark; a thumbnail's lies inside a segment that is passed over.
bool ReachesJpegEnd(std::string_view data) {
  size_t position = kJpegStart.size();
  while (position + 4 <= data.size()) {
    if (ByteAt(data, position) != 0xFF) {
      return false;
    }
    if (ByteAt(data, position + 1) == 0xFF) {
      ++position;
      continue;
    }
    const std::string_view marker = data.substr(position, 2);
    if (marker == kJpegEnd) {
      return true;
    }
    position += 2 + ByteAt(data, position + 2) * size_t{256} + ByteAt(data, position + 3);
    if (marker == kScan) {
      position = ScanStop(data, position);
      if (position == std::string_view::npos) {
        return false;
      }
      if (data.substr(position, 2) == kJpegEnd) {
        return true;
      }
    }
  }
  return false;
}

bool IsWholeJpeg(std::string_view data) {
  if (data.size() >= kJpegEnd.size() && data.substr(data.size() - kJpegEnd.size()) == kJpegEnd) {
    return true;
  }
  // A thumbnail has marks of its own, so an end mark inside the file counts only behind the last scan.
  const size_t end = data.rfind(kJpegEnd), scan = data.rfind(kScan);
  const bool ends_behind_scan = end != std::string_view::npos && (scan == std::string_view::npos || end > scan);
  return ends_behind_scan || ReachesJpegEnd(data);
}

#ifdef YOLO_WITH_TURBOJPEG
// OpenCV's own limits on what a file may ask for.
constexpr int kMostSide = 1 << 20;
constexpr int64_t kMostPixels = int64_t{1} << 30;

/// Decodes a flawless JPEG. Returns false for any other file, which is OpenCV's to judge.
bool DecodeFlawlessJpeg(const std::string &data, cv::Mat *image) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto *bytes = reinterpret_cast<const unsigned char *>(data.data());
  int width = 0, height = 0, sampling = 0, colours = 0;
  if (decoder == nullptr || !StartsWith(data, kJpegStart) ||
      tjDecompressHeader3(decoder.get(), bytes, data.size(), &width, &height, &sampling, &colours) != 0 || width < 1 ||
      height < 1 || width > kMostSide || height > kMostSide || int64_t{width} * height > kMostPixels) {
    return false;
  }
  image->create(height, width, CV_8UC3);
  return tjDecompress2(decoder.get(), bytes, data.size(), image->data, width, static_cast<int>(image->step), height,
                       TJPF_RGB, 0) == 0;
}
#endif

}  // namespace

void WorkOnImage(const std::string &path, const char *what, const std::function<void()> &work) {
  try {
    work();
  } catch (const cv::Exception &error) {
    throw Error(ExitCode::kInput, path + ": this image cannot be " + what + " (" + error.err +
                                      "); convert it to JPEG or PNG of a usual size, or leave it out");
  } catch (const std::bad_alloc &) {
    throw Error(ExitCode::kInput,
                path + ": this image cannot be " + what + " (not enough memory); scale it down, or leave it out");
  }
}

bool IsCutShort(const std::string &data) {
  if (StartsWith(data, kJpegStart)) {
    return !IsWholeJpeg(data);
  }
  return StartsWith(data, kPngStart) && data.find(kPngEnd) == std::string::npos;
}

std::string ReadImageFile(const std::string &path) {
  std::error_code ignored;
  if (std::filesystem::is_other(path, ignored)) {
    throw Error(ExitCode::kInput, path + ": this is a pipe or a device, which may never end; expected an image file");
  }
  std::string data = ReadFile(path, "image", ExitCode::kInput, kMostBytes);
  if (data.empty()) {
    throw Error(ExitCode::kInput, path + ": this image file is empty (0 bytes); restore it or leave it out");
  }
  if (IsCutShort(data)) {
    throw Error(ExitCode::kInput, path + ": this image file is cut short (" + std::to_string(data.size()) +
                                      " bytes, the end mark is missing); copy or download it again");
  }
  return data;
}

void DecodeImage(const std::string &data, const std::string &path, cv::Mat *image) {
#ifdef YOLO_WITH_TURBOJPEG
  bool is_decoded = false;
  WorkOnImage(path, "decoded", [&] { is_decoded = DecodeFlawlessJpeg(data, image); });
  if (is_decoded) {
    return;
  }
#endif
  DecodeByOpenCv(data, path, image);
}

void DecodeByOpenCv(const std::string &data, const std::string &path, cv::Mat *image) {
  WorkOnImage(path, "decoded", [&] {
    // OpenCV takes a matrix of bytes that it does not change.
    const cv::Mat bytes(1, static_cast<int>(data.size()), CV_8UC1, const_cast<char *>(data.data()));
    const cv::Mat decoded = cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    if (decoded.empty()) {
      throw Error(ExitCode::kInput, path + ": this file (" + std::to_string(data.size()) +
                                        " bytes) cannot be decoded as an image; expected JPEG, PNG or another format "
                                        "that OpenCV reads");
    }
    cv::cvtColor(decoded, *image, cv::COLOR_BGR2RGB);
  });
}

}  // namespace yolo
