// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "inc/image/image_reader.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::ExitCode;

TEST_CASE("files that are not images are refused, each for its reason") {
  const TemporaryFolder folder;
  const cv::Mat pixels(20, 30, CV_8UC3, cv::Scalar(10, 20, 30));
  CheckError([&] { yolo::ReadImageFile(folder.path() / "absent.jpg"); }, ExitCode::kInput, {"absent.jpg", "No such"});
  CheckError([&] { yolo::ReadImageFile(folder.path()); }, ExitCode::kInput, {"directory"});
  CheckError([&] { yolo::ReadImageFile(folder.Write("0.jpg", "")); }, ExitCode::kInput, {"0.jpg", "empty"});
  for (const char *suffix : {".jpg", ".png"}) {
    std::string data = Encoded(suffix, pixels);
    CHECK(yolo::ReadImageFile(folder.Write("whole", data)) == data);
    data.resize(data.size() / 2);
    CheckError([&] { yolo::ReadImageFile(folder.Write("half", data)); }, ExitCode::kInput, {"half", "cut short"});
  }
  cv::Mat image;
  CheckError([&] { yolo::DecodeImage("no image", "x.jpg", &image); }, ExitCode::kInput,
             {"x.jpg", "8 bytes", "decoded"});
}

TEST_CASE("channels come as red, green, blue") {
  const cv::Mat pixels(4, 6, CV_8UC3, cv::Scalar(10, 20, 30));
  cv::Mat image;
  yolo::DecodeImage(Encoded(".png", pixels), "p.png", &image);
  CHECK(image.at<cv::Vec3b>(1, 1) == cv::Vec3b(30, 20, 10));
  CHECK(image.cols == 6);
}

TEST_CASE("a file that is far too large is refused by its size, not read") {
  const TemporaryFolder folder;
  const std::string path = folder.Write("huge.jpg", "\xff\xd8");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  CheckError([&] { yolo::ReadImageFile(path); }, ExitCode::kInput,
             {"huge.jpg", "1099511627776 bytes", "at most 2147483647"});
  // It has no size that could be seen beforehand.
  CheckError([&] { yolo::ReadFile("/dev/zero", "image", ExitCode::kInput, 5000000); }, ExitCode::kInput,
             {"/dev/zero", "more than 5000000 bytes"});
  CHECK(yolo::ReadFile(folder.Write("five", "12345"), "image", ExitCode::kInput, 5) == "12345");
  CheckError([&] { yolo::ReadFile(folder.Write("six", "123456"), "image", ExitCode::kInput, 5); }, ExitCode::kInput,
             {"6 bytes; expected at most 5"});
}

TEST_CASE("a pipe is refused, not waited for") {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "pipe.jpg";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CheckError([&] { yolo::ReadImageFile(path); }, ExitCode::kInput, {"pipe.jpg", "a pipe or a device"});
}

TEST_CASE("what OpenCV or the memory throws is an error of the image") {
  CheckError([] { yolo::WorkOnImage("a.jpg", "resized", [] { CV_Error(cv::Error::StsNoMem, "no room"); }); },
             ExitCode::kInput, {"a.jpg", "cannot be resized", "no room"});
  CheckError([] { yolo::WorkOnImage("a.jpg", "decoded", [] { throw std::bad_alloc(); }); }, ExitCode::kInput,
             {"a.jpg", "cannot be decoded", "not enough memory"});
  CheckError([] { yolo::WorkOnImage("a.jpg", "drawn", [] { throw yolo::Error(ExitCode::kOutput, "full"); }); },
             ExitCode::kOutput, {"full"});
}
