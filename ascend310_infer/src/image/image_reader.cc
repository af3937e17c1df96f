// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_reader.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
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

// Smallest share of its rows by which a JPEG that is cut short is of use.
constexpr double kMinRows = 0.5;
// Complaints of libjpeg about other segments than those of the pixels.
constexpr std::string_view kHarmless[] = {"Unknown Adobe", "Warning: unknown JFIF", "Corrupt JPEG data: bad ICC"};
// No value of 12 bits is so high.
constexpr double kDarkBelow = 4096;
constexpr const char *kDepthNames[] = {"uint8", "int8", "uint16", "int16", "int32", "float32", "float64", "float16"};

[[noreturn]] void RefuseCutShort(const std::string &data, const std::string &path) {
  throw Error(ExitCode::kInput, path + ": this image file is cut short (" + std::to_string(data.size()) +
                                    " bytes, the end mark is missing); copy or download it again");
}

bool LacksEndMark(const std::string &data) {
  if (IsJpeg(data)) {
    return !EndsAfterScans(data);
  }
  return data.compare(0, kPngStart.size(), kPngStart) == 0 && data.find(kPngEnd) == std::string::npos;
}

void CheckPixels(const std::string &data, const std::string &path, int64_t max_pixels) {
  const std::optional<HeaderSize> size = ReadImageSize(data);
  if (!size && LacksEndMark(data)) {
    RefuseCutShort(data, path);
  }
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

/// What libjpeg did.
struct LibjpegResult {
  bool is_decoded = false;
  std::string complaint;  // its first warning or error; empty: none
};

LibjpegResult RunLibjpeg(const std::string &data, cv::Mat *image) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto *bytes = reinterpret_cast<const unsigned char *>(data.data());
  int width = 0, height = 0, sampling = 0, colours = 0;
  // A header with a warning is read again below, with the same warning.
  const auto failed = [&](int code) { return code != 0 && tjGetErrorCode(decoder.get()) != TJERR_WARNING; };
  if (decoder == nullptr ||
      failed(tjDecompressHeader3(decoder.get(), bytes, data.size(), &width, &height, &sampling, &colours)) ||
      width < 1 || height < 1) {
    return {false, tjGetErrorStr2(decoder.get())};
  }
  image->create(height, width, CV_8UC3);
  const std::vector<uint8_t> unread = UnreadRow(image->elemSize() * static_cast<size_t>(width));
  uint8_t *last = image->ptr(height - 1);
  std::copy(unread.begin(), unread.end(), last);
  const int code = tjDecompress2(decoder.get(), bytes, data.size(), image->data, width, static_cast<int>(image->step),
                                 height, TJPF_RGB, 0);
  const bool is_decoded = !failed(code) && !std::equal(unread.begin(), unread.end(), last);
  return {is_decoded, code == 0 ? "" : tjGetErrorStr2(decoder.get())};
}

/// How many rows come before those at the end that are all alike, as decoders fill up what is missing.
int RowsBeforeFilling(const cv::Mat &image) {
  const auto bytes = image.elemSize() * static_cast<size_t>(image.cols);
  int rows = image.rows;
  while (rows > 0 && std::memcmp(image.ptr(rows - 1), image.ptr(image.rows - 1), bytes) == 0) {
    --rows;
  }
  return rows;
}

/// Whether a complaint of libjpeg is about the pixels, not about the padding of cameras or other segments.
bool IsDamage(const std::string &complaint, const std::string &data) {
  size_t count = 0;
  int is_at_end = 0;
  std::sscanf(complaint.c_str(), "Corrupt JPEG data: %zu extraneous bytes before marker 0xd9%n", &count, &is_at_end);
  if (is_at_end != 0) {
    const size_t end = std::min(data.rfind("\xff\xd9"), data.size()), start = end - std::min(count, end);
    return data.find_first_not_of(data[start], start) < end;
  }
  return std::none_of(std::begin(kHarmless), std::end(kHarmless),
                      [&](std::string_view start) { return complaint.compare(0, start.size(), start) == 0; });
}

/// Decodes a JPEG and returns its fault. Returns nothing where libjpeg did not come to its end: the file is then
/// OpenCV's to judge.
std::optional<std::string> DecodeJpeg(const std::string &data, const std::string &path, cv::Mat *image) {
  auto [is_decoded, complaint] = RunLibjpeg(data, image);
  if (is_decoded && complaint.empty()) {
    return "";
  }
  const bool is_cut = complaint.find("Premature end") != std::string::npos || LacksEndMark(data);
  if (is_cut && data.back() == 0) {
    // A download that stopped may have its whole length, filled up with zeros, which would be decoded.
    is_decoded = RunLibjpeg(data.substr(0, data.find_last_not_of('\0') + 1), image).is_decoded;
  }
  if (!is_decoded && !is_cut) {
    return std::nullopt;
  }
  if (is_cut) {
    const double share = is_decoded ? static_cast<double>(RowsBeforeFilling(*image)) / image->rows : 0;
    if (share < kMinRows) {
      RefuseCutShort(data, path);
    }
    // Halves to even, as in Python.
    return "cut short, " + std::to_string(static_cast<int>(std::nearbyint(100 * share))) + "% of its rows are there";
  }
  return IsDamage(complaint, data) ? "damaged, libjpeg reports: " + complaint : "";
}
#else
std::optional<std::string> DecodeJpeg(const std::string &data, const std::string &path, cv::Mat * /*image*/) {
  if (LacksEndMark(data)) {
    RefuseCutShort(data, path);
  }
  return std::nullopt;
}
#endif

/// From how it is stored to how people see it.
void Turn(int orientation, cv::Mat *image) {
  cv::Mat turned;
  if (orientation == 2 || orientation == 4) {
    cv::flip(*image, turned, orientation == 2 ? 1 : 0);
  } else if (orientation == 3 || orientation == 6 || orientation == 8) {
    cv::rotate(*image, turned,
               orientation == 3   ? cv::ROTATE_180
               : orientation == 6 ? cv::ROTATE_90_CLOCKWISE
                                  : cv::ROTATE_90_COUNTERCLOCKWISE);
  } else if (orientation == 5 || orientation == 7) {
    cv::transpose(*image, turned);
    if (orientation == 7) {
      cv::rotate(turned, turned, cv::ROTATE_180);
    }
  } else {
    return;
  }
  *image = turned;
}

std::string SizeText(const Size &size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

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

std::string ReadImageFile(const std::string &path, int64_t max_pixels) {
  std::error_code ignored;
  if (std::filesystem::is_other(path, ignored)) {
    throw Error(ExitCode::kInput, path + ": this is a pipe or a device, which may never end; expected an image file");
  }
  std::string data = ReadFile(path, "image", ExitCode::kInput, kMaxImageBytes);
  if (data.empty()) {
    throw Error(ExitCode::kInput, path + ": this image file is empty (0 bytes); restore it or leave it out");
  }
  CheckPixels(data, path, max_pixels);
  return data;
}

std::string DecodeImage(const std::string &data, const std::string &path, cv::Mat *image) {
  std::optional<std::string> fault;
  if (IsJpeg(data)) {
    WorkOnImage(path, "decoded", [&] { fault = DecodeJpeg(data, path, image); });
  } else if (LacksEndMark(data)) {
    RefuseCutShort(data, path);
  }
  return fault ? *fault : DecodeByOpenCv(data, path, image);
}

std::string DecodeByOpenCv(const std::string &data, const std::string &path, cv::Mat *image) {
  std::string fault;
  WorkOnImage(path, "decoded", [&] {
    // OpenCV takes a matrix of bytes that it does not change.
    const cv::Mat bytes(1, static_cast<int>(data.size()), CV_8UC1, const_cast<char *>(data.data()));
    const int as_stored = cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION;
    cv::Mat decoded = cv::imdecode(bytes, as_stored | cv::IMREAD_ANYDEPTH);
    if (decoded.empty()) {
      throw Error(ExitCode::kInput, path + ": this file (" + std::to_string(data.size()) +
                                        " bytes) cannot be decoded as an image; expected JPEG, PNG or another format "
                                        "that OpenCV reads");
    }
    if (decoded.depth() != CV_8U) {
      double min = 0, max = 0;
      cv::minMaxLoc(decoded.reshape(1), &min, &max);
      if (decoded.depth() != CV_16U) {
        throw Error(ExitCode::kInput, path + ": the pixels of this image are " + kDepthNames[decoded.depth()] +
                                          ", from " + std::to_string(min) + " to " + std::to_string(max) +
                                          "; expected 8 or 16 bits: convert it, so that its range fills 0 to 255");
      }
      if (max < kDarkBelow) {
        fault = "nearly black, 16 bits a channel, but no value above " + std::to_string(std::lround(max)) +
                ": scale it to 0 to 65535";
      }
      decoded = cv::imdecode(bytes, as_stored);
    }
    cv::cvtColor(decoded, *image, cv::COLOR_BGR2RGB);
  });
  return fault;
}

MeantOrientation OrientationOf(const std::string &data, const Size &stored, const ImageEntry &entry,
                               const ImageRules &rules) {
  return FindMeantOrientation(rules.exif == Exif::kAuto ? ExifOrientation(data) : kUpright, stored, entry.size);
}

void CheckListedSize(const ImageEntry &entry, const Size &size, const ImageRules &rules) {
  if (entry.size.width != 0 && (size.width != entry.size.width || size.height != entry.size.height)) {
    throw Error(ExitCode::kInput, entry.path + ": the image is " + SizeText(size) + ", its annotation file says " +
                                      SizeText(entry.size) + " (width x height, exif is " +
                                      (rules.exif == Exif::kAuto ? "auto" : "ignore") +
                                      "); use the annotation file that belongs to the images");
  }
}

ImageFindings ReadImage(const ImageEntry &entry, const ImageRules &rules, cv::Mat *image) {
  const std::string data = ReadImageFile(entry.path, rules.max_pixels);
  ImageFindings findings;
  findings.fault = DecodeImage(data, entry.path, image);
  if (rules.strict && !findings.fault.empty()) {
    throw Error(ExitCode::kInput,
                entry.path + ": " + findings.fault + "; leave --strict out to use what can be read of it");
  }
  const MeantOrientation meant = OrientationOf(data, {image->cols, image->rows}, entry, rules);
  findings.is_unconfirmed = !meant.is_confirmed;
  WorkOnImage(entry.path, "turned", [&] { Turn(meant.orientation, image); });
  CheckListedSize(entry, {image->cols, image->rows}, rules);
  return findings;
}

}  // namespace yolo
