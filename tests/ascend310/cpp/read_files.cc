// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Runs the program's readers on many files in one process, where a sanitizer stops invalid reads.
//     yolo_read_files FOLDER
// *.json are read as model description and as annotations, *.om as models with their description beside them, *.txt as
// image lists, all others as images. Prints how many were accepted and how many were refused; anything but an Error of
// the program ends it, as does an image that two decoders do not read alike.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <vector>

#include "inc/errors.h"
#include "inc/image/annotations.h"
#include "inc/image/image_list.h"
#include "inc/image/image_reader.h"
#include "inc/image/image_size.h"
#include "inc/image/preprocess.h"
#include "inc/model/model_description.h"
#include "inc/utils.h"

namespace {

struct Verdicts {
  int accepted = 0;
  int refused = 0;

  void Count(const std::function<void()> &read) {
    try {
      read();
      ++accepted;
    } catch (const yolo::Error &) {
      ++refused;
    }
  }
};

/// A damaged file may be refused by OpenCV, and of one that is cut short it leaves rows as they were.
void CompareWithOpenCv(const std::string &data, const std::string &path, const std::string &fault,
                       const cv::Mat &image) {
  cv::Mat by_opencv;
  if (fault.find("cut short") == 0) {
    return;
  }
  try {
    yolo::DecodeByOpenCv(data, path, &by_opencv);
  } catch (const yolo::Error &error) {
    if (fault.empty()) {
      throw std::logic_error(std::string("read by one decoder, but ") + error.what());
    }
    return;
  }
  if (image.size() != by_opencv.size() || cv::norm(image, by_opencv, cv::NORM_INF) > 0) {
    throw std::logic_error(path + ": two decoders give different pixels");
  }
}

void ReadImage(const std::string &path) {
  cv::Mat image, upright;
  const std::string data = yolo::ReadImageFile(path);
  const std::string fault = yolo::DecodeImage(data, path, &image);
  const std::optional<yolo::HeaderSize> size = yolo::ReadImageSize(data);
  // OpenCV turns a TIFF file by its orientation.
  const bool is_turned = (data[0] == 'I' || data[0] == 'M') && image.rows == size->width && image.cols == size->height;
  if (!is_turned && (image.cols != size->width || image.rows != size->height)) {
    throw std::logic_error(path + ": the decoder and the header have not one size");
  }
  yolo::ReadImage({path, path, 1, {}}, {}, &upright);
  if (upright.total() != image.total()) {
    throw std::logic_error(path + ": the image that was turned has another number of pixels");
  }
  CompareWithOpenCv(data, path, fault, image);
  const yolo::Size canvas{96, 64};
  for (const yolo::ResizeMode mode : {yolo::ResizeMode::kStretch, yolo::ResizeMode::kLetterbox}) {
    cv::Mat pixels(canvas.height, canvas.width, CV_8UC3, cv::Scalar::all(114));
    yolo::Place(image, yolo::FitPlacement(mode, {image.cols, image.rows}, canvas), &pixels);
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: yolo_read_files FOLDER\n";
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto &entry : std::filesystem::directory_iterator(argv[1])) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  Verdicts descriptions, annotations, models, lists, images;
  for (const std::filesystem::path &path : paths) {
    if (path.extension() == ".json") {
      const std::string text = yolo::ReadFile(path, "json", yolo::ExitCode::kInput);
      descriptions.Count([&] { yolo::ParseModelDescription(text, path); });
      annotations.Count([&] { yolo::CategoryIds(yolo::ReadAnnotations(path), {{"cup", 1}, {"ball", 2}, {"key", 3}}); });
    } else if (path.extension() == ".om") {
      models.Count([&] { yolo::ReadModelDescription(path); });
    } else if (path.extension() == ".txt") {
      lists.Count([&] { yolo::ListImages(path, "", "", {{"cup", 1}}); });
    } else {
      images.Count([&] { ReadImage(path); });
    }
  }
  for (const auto &[name, verdicts] :
       {std::pair{"descriptions", descriptions}, std::pair{"annotations", annotations}, std::pair{"models", models},
        std::pair{"lists", lists}, std::pair{"images", images}}) {
    std::cout << name << ' ' << verdicts.accepted << " accepted " << verdicts.refused << " refused\n";
  }
  return 0;
}
