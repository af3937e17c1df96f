// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Compares preprocessing, decode and post-processing with files that Python wrote
// (tests/support/ascend310/golden_files.py), in the folder that the environment variable YOLO_GOLDEN names.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>

#include "inc/detection/decode.h"
#include "inc/detection/postprocess.h"
#include "inc/image/image_reader.h"
#include "inc/image/preprocess.h"
#include "inc/results/results.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::ExitCode;

namespace {

std::filesystem::path Folder() {
  const char *folder = std::getenv("YOLO_GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "YOLO_GOLDEN must name a folder of tests/support/ascend310/golden_files.py");
  return folder;
}

std::string Read(const json &name) {
  return yolo::ReadFile(Folder() / name.get<std::string>(), "golden", ExitCode::kInput);
}

template <typename T>
std::vector<T> ReadArray(const json &name) {
  const std::string bytes = Read(name);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

json Cases(const char *name) {
  json cases = json::parse(Read("golden.json")).at(name);
  REQUIRE_FALSE(cases.empty());
  return cases;
}

yolo::Size AsSize(const json &height_width) { return {height_width[1], height_width[0]}; }

yolo::ResizeMode AsMode(const json &mode) {
  return mode == "letterbox" ? yolo::ResizeMode::kLetterbox : yolo::ResizeMode::kStretch;
}

std::vector<int> AsList(const yolo::PixelRect &rect) { return {rect.x1, rect.y1, rect.x2, rect.y2}; }

yolo::Cells ReadCells(const json &name, size_t fields) {
  yolo::Cells cells;
  cells.fields = fields;
  cells.values = ReadArray<float>(name);
  return cells;
}

// Another decoder than OpenCV's reads most JPEG files, where it is installed.
void CheckBothDecodersAgree(const std::string &path) {
  const std::string data = yolo::ReadImageFile(path);
  cv::Mat image, by_opencv;
  yolo::DecodeImage(data, path, &image);
  yolo::DecodeByOpenCv(data, path, &by_opencv);
  REQUIRE(image.size() == by_opencv.size());
  CHECK(cv::norm(image, by_opencv, cv::NORM_INF) <= 1);
}

}  // namespace

TEST_CASE("golden: placements") {
  for (const json &one : Cases("placements")) {
    INFO(one.dump());
    const yolo::Placement placement =
        yolo::FitPlacement(AsMode(one["mode"]), AsSize(one["image"]), AsSize(one["canvas"]));
    CHECK(AsList(placement.source) == one["source"].get<std::vector<int>>());
    CHECK(AsList(placement.target) == one["target"].get<std::vector<int>>());
  }
}

TEST_CASE("golden: what is read of an image, and what is wrong with it") {
  int only_here = 0;
  for (const json &one : Cases("readings")) {
    INFO(one.dump());
    const auto path = (Folder() / one["file"].get<std::string>()).string();
    const yolo::ImageEntry entry{path, "", 1, AsSize(one["listed_hw"])};
    const yolo::ImageRules rules{one["exif"] == "auto" ? yolo::Exif::kAuto : yolo::Exif::kIgnore};
    cv::Mat image;
    try {
      const std::string fault = yolo::ReadImage(entry, rules, &image).fault;
      CHECK(one["error"] == false);
      // simplejpeg leaves a file whose header has a warning to OpenCV, which reports none.
      const bool is_only_here = one["fault"] == "" && fault.find("damaged, ") == 0;
      only_here += is_only_here ? 1 : 0;
      CHECK((is_only_here || fault == one["fault"]));
      REQUIRE(image.rows == one["size"][0]);
      REQUIRE(image.cols == one["size"][1]);
      const std::vector<uint8_t> expected = ReadArray<uint8_t>(one["pixels"]);
      const cv::Mat pixels(image.size(), CV_8UC3, const_cast<uint8_t *>(expected.data()));
      CHECK(cv::norm(image, pixels, cv::NORM_INF) <= 1);
    } catch (const yolo::Error &error) {
      INFO(std::string(error.what()));
      CHECK(one["error"] == true);
    }
  }
  CHECK(only_here <= 3);
}

TEST_CASE("golden: EXIF orientations, of sound and of broken data") {
  std::array<int, 9> counts{};
  for (const json &one : Cases("orientations")) {
    INFO(one.dump());
    const int found = yolo::ExifOrientation(Read(one["file"]));
    CHECK(found == one["orientation"]);
    ++counts.at(static_cast<size_t>(found));
  }
  CHECK(*std::min_element(counts.begin() + 1, counts.end()) > 0);
}

TEST_CASE("golden: pixels") {
  size_t total = 0, different = 0;
  for (const json &one : Cases("images")) {
    INFO(one.dump());
    json text = json::parse(Read(one["description"]));
    const yolo::ModelDescription description = yolo::ParseModelDescription(text.dump(), "golden");
    std::vector<uint8_t> item(description.input.ItemByteSize());
    const auto path = (Folder() / one["file"].get<std::string>()).string();
    const yolo::PreparedImage image =
        yolo::CreateOpenCvPreprocessor(description, {})->Prepare({path, "", 1, {}}, item.data());
    CHECK(image.size.height == one["size"][0]);
    CHECK(image.size.width == one["size"][1]);
    CheckBothDecodersAgree(path);
    if (description.input.TakesPixels()) {
      const std::vector<uint8_t> expected = ReadArray<uint8_t>(one["pixels"]);
      REQUIRE(expected.size() == item.size());
      int largest = 0;
      for (size_t place = 0; place < item.size(); ++place) {
        const int difference = std::abs(int{item[place]} - int{expected[place]});
        largest = std::max(largest, difference);
        different += difference != 0 ? 1 : 0;
      }
      total += item.size();
      CHECK(largest <= 1);
    } else {
      const std::vector<float> expected = ReadArray<float>(one["pixels"]);
      REQUIRE(expected.size() * sizeof(float) == item.size());
      double largest = 0;
      for (size_t place = 0; place < expected.size(); ++place) {
        float value = 0;
        std::memcpy(&value, item.data() + place * sizeof(float), sizeof(float));
        largest = std::max(largest, std::abs(static_cast<double>(value) - expected[place]));
      }
      // One level of 255, divided by the smallest std of the case.
      CHECK(largest <= one["level"].get<double>() * 1.001);
    }
  }
  MESSAGE("pixels that differ by one level: " << different << " of " << total);
}

TEST_CASE("golden: decoded heads") {
  for (const json &one : Cases("heads")) {
    INFO(one.dump());
    const yolo::ModelDescription description = yolo::ParseModelDescription(Read(one["description"]), "golden");
    const double pixels = std::max(description.input.Width(), description.input.Height());
    std::vector<std::vector<float>> outputs;
    for (const json &name : one["outputs"]) {
      outputs.push_back(ReadArray<float>(name));
    }
    for (size_t item = 0; item < one["cells"].size(); ++item) {
      const yolo::Cells expected = ReadCells(one["cells"][item], yolo::kFirstClass + description.classes.size());
      const yolo::Cells cells = yolo::ReadCells(outputs, item, description, -1.0F);
      REQUIRE(cells.values.size() == expected.values.size());
      double box = 0, probability = 0;
      for (size_t place = 0; place < cells.values.size(); ++place) {
        const double difference = std::abs(static_cast<double>(cells.values[place]) - expected.values[place]);
        double &largest = place % cells.fields < yolo::kBoxFields ? box : probability;
        // Sides of thousands of pixels are compared by their share.
        largest = std::max(largest, difference / std::max(1.0, std::abs(double{expected.values[place]})));
      }
      CHECK(box * pixels <= 1e-3);
      CHECK(probability <= 1e-6);
      // What lies below a threshold is left out, nothing else.
      const yolo::Cells above = yolo::ReadCells(outputs, item, description, 0.5F);
      for (size_t cell = 0; cell < cells.Count(); ++cell) {
        const bool kept = description.decoded || cells.Row(cell)[yolo::kObjectness] > 0.5F;
        CHECK(above.Row(cell)[yolo::kObjectness] == cells.Row(cell)[yolo::kObjectness]);
        CHECK(above.Row(cell)[2] == (kept ? cells.Row(cell)[2] : 0.0F));
      }
    }
  }
}

TEST_CASE("golden: detections") {
  for (const json &one : Cases("detections")) {
    INFO(one["name"].dump());
    const json &limits = one["thresholds"];
    const yolo::Thresholds thresholds{limits["score"], limits["nms_iou"], limits["max_detections"],
                                      limits["multi_label"]};
    const yolo::Size canvas = AsSize(one["canvas"]), size = AsSize(one["image"]);
    const yolo::PreparedImage image{size, yolo::FitPlacement(AsMode(one["mode"]), size, canvas)};
    const yolo::Cells cells = ReadCells(one["cells"], one["fields"]);
    const std::vector<yolo::Detection> found =
        yolo::ToImage(yolo::DetectOnInput(cells, canvas, thresholds), canvas, image);
    REQUIRE(found.size() == one["scores"].size());
    for (size_t number = 0; number < found.size(); ++number) {
      const json &box = one["boxes"][number];
      CHECK(found[number].class_number == one["classes"][number]);
      CHECK(found[number].score == one["scores"][number].get<float>());
      CHECK(std::abs(found[number].box.x1 - box[0].get<double>()) <= 1e-3);
      CHECK(std::abs(found[number].box.y1 - box[1].get<double>()) <= 1e-3);
      CHECK(std::abs(found[number].box.x2 - box[2].get<double>()) <= 1e-3);
      CHECK(std::abs(found[number].box.y2 - box[3].get<double>()) <= 1e-3);
    }
    const std::vector<json> ids = one["category_ids"];
    CHECK(json::parse("[" + yolo::CocoRecords(one["image_id"], found, ids) + "]") == one["records"]);
  }
}
