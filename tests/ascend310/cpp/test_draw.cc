// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/results/draw.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::ExitCode;

namespace {

const std::vector<yolo::ClassDescription> kDrawnClasses = {{"a", 1}, {"b\xc3\xa4", 2}};

}  // namespace

TEST_CASE("a drawing shows the boxes that score enough") {
  const TemporaryFolder folder;
  const cv::Mat black(100, 150, CV_8UC3, cv::Scalar::all(0));
  const std::string path = folder.Write("in/a.png", Encoded(".png", black));
  const std::vector<yolo::Detection> found = {{{20, 40, 120, 90}, 0.9F, 1}, {{0, 0, 10, 10}, 0.1F, 0}};
  const std::filesystem::path drawing = folder.path() / "drawn" / "a.jpg";
  yolo::WriteDrawing({path, "a.png", 1, {}}, found, 0.25, kDrawnClasses, yolo::Exif::kAuto, drawing);
  const cv::Mat drawn = cv::imread(drawing.string());
  REQUIRE(drawn.size() == black.size());
  CHECK(cv::norm(drawn.at<cv::Vec3b>(65, 20)) > 150);
  CHECK(cv::norm(drawn.at<cv::Vec3b>(65, 70)) < 20);
  // The other scores too little to be drawn.
  CHECK(cv::norm(drawn.at<cv::Vec3b>(5, 0)) < 20);
}

TEST_CASE("each drawing has a name of its own inside its folder") {
  std::vector<yolo::ImageEntry> images;
  for (const char *name : {"a.png", "a.png.jpg", "../in/a.png", "/abs/b.jpg", "a.png", "a.png"}) {
    images.push_back({name, name, 0, {}});
  }
  const std::vector<std::filesystem::path> expected = {"a.png.jpg", "a.png.2.jpg", "up/in/a.png.jpg",
                                                       "abs/b.jpg", "a.png.3.jpg", "a.png.4.jpg"};
  // The second image takes a.png.2.jpg because the first has its name, so the fifth is the third.
  CHECK(yolo::DrawingNames(images) == expected);
  const std::vector<yolo::ImageEntry> equal(20000, images[0]);
  CHECK(yolo::DrawingNames(equal).back() == "a.png.20000.jpg");
}

TEST_CASE("an image that cannot be drawn is counted, the others are drawn") {
  const TemporaryFolder folder;
  const std::string name = std::string(252, 'n') + "png";
  const std::string wide = folder.Write("wide.png", Encoded(".png", cv::Mat(1, 66000, CV_8UC3, cv::Scalar::all(0))));
  const std::string good = folder.Write("good.png", Encoded(".png", cv::Mat(9, 9, CV_8UC3, cv::Scalar::all(0))));
  const std::vector<yolo::ImageEntry> images = {
      {wide, "wide.png", 1, {}}, {"absent.png", "absent.png", 2, {}}, {good, name, 3, {}}, {good, "good.png", 4, {}}};
  yolo::Drawings drawings(images, kDrawnClasses, 0.25, yolo::Exif::kAuto, folder.path() / "drawn");
  for (size_t index = 0; index < images.size(); ++index) {
    drawings.Draw(index, {});
  }
  CHECK(drawings.failed() == 3);
  CHECK(cv::imread((folder.path() / "drawn" / "good.png.jpg").string()).cols == 9);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path() / "drawn"), {}) == 1);
  CheckError(
      [&] { yolo::WriteDrawing(images[0], {}, 0.25, kDrawnClasses, yolo::Exif::kAuto, folder.path() / "w.jpg"); },
      ExitCode::kInput, {"wide.png", "66000x1", "65500"});
}

TEST_CASE("a drawing does not replace an image") {
  const TemporaryFolder folder;
  const std::string pixels = Encoded(".png", cv::Mat(9, 9, CV_8UC3, cv::Scalar::all(0)));
  std::filesystem::create_directory_symlink("drawn", folder.path() / "link");
  std::vector<yolo::ImageEntry> images = {{folder.Write("drawn/a.png", pixels), "a.png", 1, {}}};
  yolo::Drawings(images, kDrawnClasses, 0.25, yolo::Exif::kAuto, folder.path() / "drawn");
  folder.Write("drawn/a.png.jpg", pixels);
  images.push_back({(folder.path() / "link" / "a.png.jpg").string(), "a.png.jpg", 2, {}});
  CheckError([&] { yolo::Drawings(images, kDrawnClasses, 0.25, yolo::Exif::kAuto, folder.path() / "drawn"); },
             ExitCode::kOutput, {"a.png.jpg", "one of the images"});
}
