// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Helpers of the unit tests.
#ifndef TESTS_CPP_HELPERS_H_
#define TESTS_CPP_HELPERS_H_

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "inc/errors.h"
#include "inc/utils.h"

/// A folder that is removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "yolo test XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  /// Writes a file into the folder and returns its path.
  std::string Write(const std::string &name, const std::string &data) const {
    yolo::WriteFile(path_ / name, data);
    return (path_ / name).string();
  }

  const std::filesystem::path &path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The bytes of an image file.
inline std::string Encoded(const std::string &suffix, const cv::Mat &image, const std::vector<int> &parameters = {}) {
  std::vector<uchar> bytes;
  cv::imencode(suffix, image, bytes, parameters);
  return {bytes.begin(), bytes.end()};
}

/// A valid description of a model with two classes, one anchor a scale and inputs of `batch` x 64 x 96.
inline nlohmann::json ValidDescription(int batch = 2, bool decoded = true) {
  const auto output = [&](const char *name, int stride, int mask) {
    const int rows = 64 / stride, columns = 96 / stride;
    return nlohmann::json{
        {"name", name},
        {"stride", stride},
        {"anchors", nlohmann::json::array({nlohmann::json::array({20, 30.5})})},
        {"anchor_mask", nlohmann::json::array({mask})},
        {"scale_x_y", 1.1},
        {"shape", decoded ? nlohmann::json{batch, rows, columns, 1, 7} : nlohmann::json{batch, 7, rows, columns}}};
  };
  return {{"format", 2},
          {"model", {{"file", "m.onnx"}, {"exported_as", "ONNX"}, {"bytes", 5}, {"sha256", yolo::Sha256("model")}}},
          {"input",
           {{"name", "images"},
            {"layout", "NHWC"},
            {"type", "uint8"},
            {"shape", {batch, 64, 96, 3}},
            {"channels", "RGB"},
            {"normalise", "graph"}}},
          {"resize_mode", "letterbox"},
          {"pad_value", 114},
          {"mean", {0.485, 0.456, 0}},
          {"std", {0.229, 0.224, 1}},
          {"decoded", decoded},
          {"outputs", nlohmann::json::array({output("big", 32, 1), output("small", 16, 0)})},
          {"classes", nlohmann::json::array({{{"name", "cup"}, {"id", 3}}, {{"name", "ball"}, {"id", -1}}})},
          {"thresholds", {{"score", 0.001}, {"nms_iou", 0.5}, {"max_detections", 300}, {"multi_label", true}}}};
}

/// Checks that a call throws an Error of this code whose text contains all of these.
template <typename Call>
void CheckError(const Call &call, yolo::ExitCode code, const std::vector<std::string> &parts) {
  try {
    call();
    FAIL("expected an error with: " << parts.front());
  } catch (const yolo::Error &error) {
    const std::string text = error.what();
    INFO(text);
    CHECK(error.code() == code);
    for (const std::string &part : parts) {
      INFO(part);
      CHECK(text.find(part) != std::string::npos);
    }
  }
}

#endif  // TESTS_CPP_HELPERS_H_
