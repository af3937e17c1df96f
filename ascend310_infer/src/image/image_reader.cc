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
#include "inc/image/jpeg.h"
#include "inc/utils.h"

namespace yolo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPngStart = "\x89PNG\r\n\x1a\n"sv, kPngEnd = "\x00\x00\x00\x00IEND"sv;

// OpenCV takes a file as a matrix, whose sides are int.
constexpr size_t kMaxImageBytes = std::numeric_limits<int>::max();

#ifdef YOLO_WITH_TURBOJPEG
// OpenCV's own limits on what a file may ask for.
constexpr int kMaxDecodedSide = 1 << 20;
constexpr int64_t kMaxDecodedPixels = int64_t{1} << 30;

/// Decodes a flawless JPEG. Returns false for any other file, which is OpenCV's to judge.
bool DecodeFlawlessJpeg(const std::string &data, cv::Mat *image) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto *bytes = reinterpret_cast<const unsigned char *>(data.data());
  int width = 0, height = 0, sampling = 0, colours = 0;
  if (decoder == nullptr || !IsJpeg(data) ||
      tjDecompressHeader3(decoder.get(), bytes, data.size(), &width, &height, &sampling, &colours) != 0 || width < 1 ||
      height < 1 || width > kMaxDecodedSide || height > kMaxDecodedSide ||
      int64_t{width} * height > kMaxDecodedPixels) {
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
  if (IsJpeg(data)) {
    return !IsWholeJpeg(data);
  }
  return data.compare(0, kPngStart.size(), kPngStart) == 0 && data.find(kPngEnd) == std::string::npos;
}

std::string ReadImageFile(const std::string &path) {
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
