// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/results/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <set>
#include <string>
#include <utility>

#include "inc/errors.h"
#include "inc/image/image_reader.h"
#include "inc/utils.h"

namespace yolo {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr int kJpegQuality = 92;
// libjpeg's limit.
constexpr int kMaxJpegSide = 65500;
constexpr double kGoldenRatio = 1.618033988749895;
// Above this brightness a text is black.
constexpr double kBright = 140;

/// The colour of a class, the one of src/evaluation/visualize.py: steps of the golden ratio never come back to a hue.
cv::Scalar ClassColour(int class_number) {
  constexpr std::array<std::array<float, 2>, 3> kShades = {{{0.95F, 1.0F}, {0.75F, 0.85F}, {1.0F, 0.65F}}};
  const std::array<float, 2> &shade = kShades[static_cast<size_t>(class_number / 12 % 3)];
  const auto hue = static_cast<float>(std::fmod(class_number / kGoldenRatio, 1.0) * 360.0);
  const cv::Mat pixel(1, 1, CV_32FC3, cv::Scalar(hue, shade[0], shade[1]));
  cv::Mat colour;
  cv::cvtColor(pixel, colour, cv::COLOR_HSV2RGB);
  const auto &channels = colour.at<cv::Vec3f>(0, 0);
  return {std::round(channels[0] * 255.0), std::round(channels[1] * 255.0), std::round(channels[2] * 255.0)};
}

/// The name and the score; the font knows ASCII only.
std::string LabelText(const std::string &name, float score) {
  std::string text;
  for (const char letter : name) {
    const auto code = static_cast<unsigned char>(letter);
    // Of the bytes of one letter outside ASCII the first only is shown.
    if (code < 0x80) {
      text += letter;
    } else if (code >= 0xC0) {
      text += '?';
    }
  }
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), " %.2f", static_cast<double>(score));
  return text + number.data();
}

void DrawLabel(const std::string &text, const cv::Point &corner, const cv::Scalar &colour, cv::Mat *image) {
  const double scale = std::clamp(std::max(image->cols, image->rows) / 1100.0, 0.4, 2.0);
  const int stroke = std::max(1, static_cast<int>(std::lround(scale * 1.6)));
  const int margin = std::max(2, static_cast<int>(std::lround(4 * scale)));
  int baseline = 0;
  const cv::Size size = cv::getTextSize(text, kFont, scale, stroke, &baseline);
  const int width = size.width + 2 * margin, height = size.height + baseline / 2 + 2 * margin;
  // Above the box, or inside it where there is no room above.
  const int left = std::clamp(corner.x, 0, std::max(0, image->cols - width));
  const int top = corner.y >= height ? corner.y - height : corner.y;
  cv::rectangle(*image, cv::Rect(left, top, width, height), colour, cv::FILLED);
  const bool is_bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > kBright;
  cv::putText(*image, text, {left + margin, top + margin + size.height}, kFont, scale,
              is_bright ? cv::Scalar::all(0) : cv::Scalar::all(255), stroke, cv::LINE_AA);
}

/// A path without links, as far as it exists.
std::filesystem::path Canonical(const std::filesystem::path &path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::weakly_canonical(path, error);
  return error ? path : found;
}

/// Where a drawing goes, relative to its folder: names of a list file may leave theirs, a drawing must not.
std::filesystem::path DrawingName(const std::string &image_name) {
  std::filesystem::path name;
  for (const std::filesystem::path &part : std::filesystem::path(image_name).relative_path()) {
    name /= part == ".." ? std::filesystem::path("up") : part;
  }
  if (name.extension() != ".jpg") {
    name += ".jpg";
  }
  return name;
}

void RefuseImages(const std::vector<ImageEntry> &images, const std::filesystem::path &folder,
                  const std::vector<std::filesystem::path> &names) {
  if (std::error_code ignored; !std::filesystem::exists(folder, ignored)) {
    return;
  }
  std::set<std::filesystem::path> paths;
  for (const ImageEntry &image : images) {
    paths.insert(Canonical(image.path));
  }
  for (const std::filesystem::path &name : names) {
    if (paths.count(Canonical(folder / name)) > 0) {
      throw Error(ExitCode::kOutput, (folder / name).string() +
                                         ": this is one of the images, which a drawing would replace; choose another "
                                         "--output");
    }
  }
}

}  // namespace

std::vector<std::filesystem::path> DrawingNames(const std::vector<ImageEntry> &images) {
  std::vector<std::filesystem::path> names;
  std::set<std::filesystem::path> taken;
  // Where the search for a free number continues: equal names must not take quadratic time.
  std::map<std::filesystem::path, int> next_number;
  for (const ImageEntry &image : images) {
    const std::filesystem::path wanted = DrawingName(image.name);
    int &number = next_number.emplace(wanted, 2).first->second;
    std::filesystem::path name = wanted;
    for (; !taken.insert(name).second; ++number) {
      name = wanted;
      name.replace_extension("." + std::to_string(number) + ".jpg");
    }
    names.push_back(name);
  }
  return names;
}

void DrawDetections(const std::vector<Detection> &detections, double threshold,
                    const std::vector<ClassDescription> &classes, cv::Mat *image) {
  const int thickness = std::max(1, static_cast<int>(std::lround(std::max(image->cols, image->rows) / 320.0)));
  for (auto detection = detections.rbegin(); detection != detections.rend(); ++detection) {
    if (detection->score < threshold) {
      continue;
    }
    const Box &box = detection->box;
    const cv::Point from(static_cast<int>(std::lround(box.x1)), static_cast<int>(std::lround(box.y1)));
    const cv::Point to(static_cast<int>(std::lround(box.x2)), static_cast<int>(std::lround(box.y2)));
    const cv::Scalar colour = ClassColour(detection->class_number);
    // A dark line around the coloured one keeps it visible on a background of its own colour.
    cv::rectangle(*image, from, to, cv::Scalar::all(0), thickness + 2);
    cv::rectangle(*image, from, to, colour, thickness);
    const std::string &name = classes.at(static_cast<size_t>(detection->class_number)).name;
    DrawLabel(LabelText(name, detection->score), from, colour, image);
  }
}

void WriteDrawing(const ImageEntry &entry, const std::vector<Detection> &detections, double threshold,
                  const std::vector<ClassDescription> &classes, Exif exif, const std::filesystem::path &path) {
  cv::Mat image;
  ReadImage(entry, {exif, kMaxPixelsOfOpenCv}, &image);
  if (std::max(image.cols, image.rows) > kMaxJpegSide) {
    throw Error(ExitCode::kInput, entry.path + ": the image is " + std::to_string(image.cols) + "x" +
                                      std::to_string(image.rows) + "; a drawing as JPEG has at most " +
                                      std::to_string(kMaxJpegSide) + " pixels a side; scale it down");
  }
  std::vector<uchar> bytes;
  WorkOnImage(entry.path, "drawn", [&] {
    DrawDetections(detections, threshold, classes, &image);
    cv::cvtColor(image, image, cv::COLOR_RGB2BGR);
    cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_QUALITY, kJpegQuality});
  });
  WriteFile(path, std::string(bytes.begin(), bytes.end()));
}

Drawings::Drawings(const std::vector<ImageEntry> &images, const std::vector<ClassDescription> &classes,
                   double threshold, Exif exif, std::filesystem::path folder)
    : images_(images),
      classes_(classes),
      threshold_(threshold),
      exif_(exif),
      folder_(std::move(folder)),
      names_(DrawingNames(images)) {
  RefuseImages(images_, folder_, names_);
}

void Drawings::Draw(size_t index, const std::vector<Detection> &detections) {
  try {
    WriteDrawing(images_[index], detections, threshold_, classes_, exif_, folder_ / names_[index]);
  } catch (const Error &error) {
    ++failed_;
    std::cerr << std::string("warning: not drawn: ") + error.what() + "\n";
  }
}

}  // namespace yolo
