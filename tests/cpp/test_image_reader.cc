/**
 * Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 * http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
#include <opencv2/imgcodecs.hpp>

#include "inc/draw.h"
#include "inc/image_reader.h"
#include "tests/cpp/helpers.h"

using yolo::ExitCode;

namespace {

std::string Encoded(const std::string &suffix, const cv::Mat &image) {
  std::vector<uchar> bytes;
  cv::imencode(suffix, image, bytes);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("files that are not images are refused, each for its reason") {
  const TemporaryFolder folder;
  const cv::Mat picture(20, 30, CV_8UC3, cv::Scalar(10, 20, 30));
  CheckError([&] { yolo::ReadImageFile(folder.path() / "absent.jpg"); }, ExitCode::kInput, {"absent.jpg", "No such"});
  CheckError([&] { yolo::ReadImageFile(folder.path()); }, ExitCode::kInput, {"directory"});
  CheckError([&] { yolo::ReadImageFile(folder.Write("0.jpg", "")); }, ExitCode::kInput, {"0.jpg", "empty"});
  for (const char *suffix : {".jpg", ".png"}) {
    std::string data = Encoded(suffix, picture);
    CHECK(yolo::ReadImageFile(folder.Write("whole", data)) == data);
    data.resize(data.size() / 2);
    CheckError([&] { yolo::ReadImageFile(folder.Write("half", data)); }, ExitCode::kInput, {"half", "cut short"});
  }
  cv::Mat image;
  CheckError([&] { yolo::DecodeImage("no image", "x.jpg", &image); }, ExitCode::kInput,
             {"x.jpg", "8 bytes", "decoded"});
}

TEST_CASE("channels come as red, green, blue") {
  const cv::Mat picture(4, 6, CV_8UC3, cv::Scalar(10, 20, 30));
  cv::Mat image;
  yolo::DecodeImage(Encoded(".png", picture), "p.png", &image);
  CHECK(image.at<cv::Vec3b>(1, 1) == cv::Vec3b(30, 20, 10));
  CHECK(image.cols == 6);
}

TEST_CASE("a drawing lies in its folder, whatever the name, and shows its box") {
  const TemporaryFolder folder;
  const cv::Mat black(100, 150, CV_8UC3, cv::Scalar::all(0));
  const std::string path = folder.Write("in/a.png", Encoded(".png", black));
  const std::vector<yolo::Detection> found = {{{20, 40, 120, 90}, 0.9F, 1}, {{0, 0, 10, 10}, 0.1F, 0}};
  yolo::WriteDrawing({path, "../in/a.png", 1, {}}, found, 0.25, {{"a", 1}, {"b\xc3\xa4", 2}}, folder.path() / "drawn");
  const cv::Mat drawn = cv::imread((folder.path() / "drawn" / "up" / "in" / "a.png.jpg").string());
  REQUIRE(drawn.size() == black.size());
  CHECK(cv::norm(drawn.at<cv::Vec3b>(65, 20)) > 150);
  CHECK(cv::norm(drawn.at<cv::Vec3b>(65, 70)) < 20);
  // The other scores too little to be drawn.
  CHECK(cv::norm(drawn.at<cv::Vec3b>(5, 0)) < 20);
}
