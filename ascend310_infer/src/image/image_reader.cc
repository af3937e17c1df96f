// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_reader.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string_view>
#include <vector>

#ifdef YOLO_WITH_TURBOJPEG
#include <turbojpeg.h>
#endif

#include "inc/errors.h"
#include "inc/image/image_size.h"
#include "inc/image/jpeg.h"
#include "inc/utils.h"

namespace yolo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPngStart = "\x89PNG\r\n\x1a\n"sv, kPngEnd = "\x00\x00\x00\x00IEND"sv;

// OpenCV takes a file as a matrix, whose sides are int.
constexpr size_t kMaxImageBytes = std::numeric_limits<int>::max();

void CheckPixels(const std::string &data, const std::string &path, int64_t max_pixels) {
  const std::optional<HeaderSize> size = ReadImageSize(data);
  if (!size) {
    throw Error(ExitCode::kInput, path + ": this file (" + std::to_string(data.size()) +
                                      " bytes) cannot be decoded, its header has no size; expected JPEG, PNG, BMP, "
                                      "WebP, TIFF or PPM; convert it, or leave it out");
  }
  if (size->width > 0 && size->height > max_pixels / size->width) {
    throw Error(ExitCode::kInput, path + ": the image is " + std::to_string(size->width) + "x" +
                                      std::to_string(size->height) + " by its header, more than " +
                                      std::to_string(max_pixels) + " pixels; scale it down, or raise --max_pixels");
  }
}

#ifdef YOLO_WITH_TURBOJPEG
/// The last row before decoding: where it is still there, libjpeg gave up before it.
std::vector<uint8_t> UnreadRow(size_t bytes) {
  std::vector<uint8_t> row(bytes);
  for (size_t place = 0; place < bytes; ++place) {
    row[place] = static_cast<uint8_t>(place * 91 + 37);
  }
  return row;
}

/// Decodes a JPEG and returns libjpeg's warning, if there was one. Returns nothing for any other file, and for one that
/// libjpeg did not decode to its end: these are OpenCV's to judge.
std::optional<std::string> DecodeJpeg(const std::string &data, cv::Mat *image) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto *bytes = reinterpret_cast<const unsigned char *>(data.data());
  int width = 0, height = 0, sampling = 0, colours = 0;
  // A header with a warning is read again below, with the same warning.
  const auto failed = [&](int code) { return code != 0 && tjGetErrorCode(decoder.get()) != TJERR_WARNING; };
  if (decoder == nullptr || !IsJpeg(data) ||
      failed(tjDecompressHeader3(decoder.get(), bytes, data.size(), &width, &height, &sampling, &colours)) ||
      width < 1 || height < 1) {
    return std::nullopt;
  }
  image->create(height, width, CV_8UC3);
  const std::vector<uint8_t> unread = UnreadRow(image->elemSize() * static_cast<size_t>(width));
  uint8_t *last = image->ptr(height - 1);
  std::copy(unread.begin(), unread.end(), last);
  const int code = tjDecompress2(decoder.get(), bytes, data.size(), image->data, width, static_cast<int>(image->step),
                                 height, TJPF_RGB, 0);
  if (failed(code) || std::equal(unread.begin(), unread.end(), last)) {
    return std::nullopt;
  }
  return code == 0 ? "" : tjGetErrorStr2(decoder.get());
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
  if (IsJpeg(data)) {
    return !IsWholeJpeg(data);
  }
  return data.compare(0, kPngStart.size(), kPngStart) == 0 && data.find(kPngEnd) == std::string::npos;
}

std::string ReadImageFile(const std::string &path, int64_t max_pixels) {
  std::error_code ignored;
  if (std::filesystem::is_other(path, ignored)) {
    throw Error(ExitCode::kInput, path + ": this is a pipe or a device, which may never end; expected an image file");
  }
  std::string data = ReadFile(path, "image", ExitCode::kInput, kMaxImageBytes);
  if (data.empty()) {
    throw Error(ExitCode::kInput, path + ": this image file is empty (0 bytes); restore it or leave it out");
  }
  if (IsCutShort(data)) {
    throw Error(ExitCode::kInput, path + ": this image file is cut short (" + std::to_string(data.size()) +
                                      " bytes, the end mark is missing); copy or download it again");
  }
  CheckPixels(data, path, max_pixels);
  return data;
}

std::string DecodeImage(const std::string &data, const std::string &path, cv::Mat *image) {
#ifdef YOLO_WITH_TURBOJPEG
  std::optional<std::string> warning;
  WorkOnImage(path, "decoded", [&] { warning = DecodeJpeg(data, image); });
  if (warning) {
    return *warning;
  }
#endif
  DecodeByOpenCv(data, path, image);
  return "";
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
