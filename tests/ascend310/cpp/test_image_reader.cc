// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cmath>

#include "inc/image/image_check.h"
#include "inc/image/image_reader.h"
#include "inc/image/image_size.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::ExitCode;

TEST_CASE("files that are not images are refused, each for its reason") {
  const TemporaryFolder folder;
  cv::Mat pixels(60, 90, CV_8UC3), image;
  cv::randu(pixels, 0, 255);
  CheckError([&] { yolo::ReadImageFile(folder.path() / "absent.jpg"); }, ExitCode::kInput, {"absent.jpg", "No such"});
  CheckError([&] { yolo::ReadImageFile(folder.path()); }, ExitCode::kInput, {"directory"});
  CheckError([&] { yolo::ReadImageFile(folder.Write("0.jpg", "")); }, ExitCode::kInput, {"0.jpg", "empty"});
  for (const char *suffix : {".jpg", ".png"}) {
    std::string data = Encoded(suffix, pixels);
    CHECK(yolo::ReadImageFile(folder.Write("whole", data)) == data);
    data.resize(data.size() / 4);
    CheckError([&] { yolo::DecodeImage(data, "quarter", &image); }, ExitCode::kInput,
               {"quarter: this image file is cut short (" + std::to_string(data.size()) + " bytes"});
    // Before the size in its header.
    CheckError([&] { yolo::ReadImageFile(folder.Write("start", data.substr(0, 10))); }, ExitCode::kInput,
               {"start", "cut short (10 bytes"});
  }
  CheckError([&] { yolo::DecodeImage("no image", "x.jpg", &image); }, ExitCode::kInput,
             {"x.jpg", "8 bytes", "decoded"});
}

TEST_CASE("an image with more pixels than allowed is refused by its header") {
  const TemporaryFolder folder;
  const cv::Mat pixels(50, 70, CV_8UC3, cv::Scalar(10, 20, 30)), alpha(50, 70, CV_8UC4, cv::Scalar(10, 20, 30, 40));
  const std::pair<std::string, std::string> files[] = {
      {"a.jpg", Encoded(".jpg", pixels)},
      {"progressive.jpg", Encoded(".jpg", pixels, {cv::IMWRITE_JPEG_PROGRESSIVE, 1})},
      {"a.png", Encoded(".png", pixels)},
      {"a.bmp", Encoded(".bmp", pixels)},
      {"a.webp", Encoded(".webp", pixels, {cv::IMWRITE_WEBP_QUALITY, 80})},
      {"lossless.webp", Encoded(".webp", pixels, {cv::IMWRITE_WEBP_QUALITY, 101})},
      {"alpha.webp", Encoded(".webp", alpha, {cv::IMWRITE_WEBP_QUALITY, 80})},
      {"a.tiff", Encoded(".tiff", pixels)},
      {"a.ppm", Encoded(".ppm", pixels)},
      {"text.ppm", Encoded(".ppm", pixels, {cv::IMWRITE_PXM_BINARY, 0})},
      {"a.pgm", Encoded(".pgm", cv::Mat(50, 70, CV_8UC1, cv::Scalar(7)))}};
  for (const auto &[name, data] : files) {
    INFO(name);
    const std::string path = folder.Write(name, data);
    cv::Mat image;
    yolo::DecodeImage(yolo::ReadImageFile(path, 3500), path, &image);
    CHECK(image.size() == pixels.size());
    CheckError([&] { yolo::ReadImageFile(path, 3499); }, ExitCode::kInput,
               {name, "70x50 by its header", "more than 3499 pixels", "--max_pixels"});
    // No decoder sees a file that ends in its header.
    for (size_t bytes = 0; bytes < std::min<size_t>(data.size(), 40); ++bytes) {
      yolo::ReadImageSize(std::string_view(data).substr(0, bytes));
    }
  }
  // Sixty bytes that ask for twelve gigabytes.
  std::string huge = Encoded(".png", pixels);
  huge.replace(16, 8, std::string("\x00\x00\xff\xff\x00\x00\xff\xff", 8));
  CheckError([&] { yolo::ReadImageFile(folder.Write("huge.png", huge)); }, ExitCode::kInput,
             {"65535x65535", "more than 64000000"});
  CheckError([&] { yolo::ReadImageFile(folder.Write("a.gif", "GIF89a" + std::string(40, ' '))); }, ExitCode::kInput,
             {"a.gif", "its header has no size", "JPEG, PNG, BMP"});
}

TEST_CASE("headers that OpenCV does not write") {
  const auto size = [](std::string_view data) {
    const auto found = yolo::ReadImageSize(data);
    return found ? std::pair(found->width, found->height) : std::pair(int64_t{-1}, int64_t{-1});
  };
  using namespace std::string_view_literals;
  CHECK(size("P5 # made by hand\n# in two lines\r\t640\n480 255\n"sv) == std::pair(int64_t{640}, int64_t{480}));
  CHECK(size("P5 640"sv).first == -1);
  CHECK(size("P6 99999999999999999999 2 255"sv) == std::pair(int64_t{INT32_MAX}, int64_t{2}));
  CHECK(size("BM0123456789ab\x0c\0\0\0\x40\x01\xf0\0"sv) == std::pair(int64_t{320}, int64_t{240}));
  // From the upper row down.
  CHECK(size("BM0123456789ab\x28\0\0\0\x40\x01\0\0\x10\xff\xff\xff"sv) == std::pair(int64_t{320}, int64_t{240}));
  // The tag occurs twice.
  CHECK(size("MM\0*\0\0\0\x08\0\x03\x01\0\0\x03\0\0\0\x01\0\x07\0\0\x01\x01\0\x04\0\0\0\x01\0\x01\0\0"
             "\x01\0\0\x03\0\0\0\x01\0\x09\0\0"sv) == std::pair(int64_t{9}, int64_t{65536}));
  // Bytes between two segments, a frame without a size, a scan before the frame.
  CHECK(size("\xff\xd8?\xff\0\xff\xd0\xff\xff\xc2\0\x0b\x08\0\x10\0\x20"sv) == std::pair(int64_t{32}, int64_t{16}));
  CHECK(size("\xff\xd8\xff\xc0\0\x0b"sv).first == -1);
  CHECK(size("\xff\xd8\xff\xda\0\x02\xff\xc0\0\x0b\x08\0\x10\0\x20"sv).first == -1);
}

TEST_CASE("a damaged JPEG gives its pixels and libjpeg's warning") {
  cv::Mat pixels(64, 64, CV_8UC3), image, by_opencv;
  cv::randu(pixels, 0, 255);
  const std::string whole = Encoded(".jpg", pixels);
  const std::string damaged = whole.substr(0, whole.size() / 2) + "\xff\xd9";
  const std::string warning = yolo::DecodeImage(damaged, "damaged.jpg", &image);
#ifdef YOLO_WITH_TURBOJPEG
  CHECK(warning == "damaged, libjpeg reports: Corrupt JPEG data: premature end of data segment");
#else
  CHECK(warning.empty());
#endif
  yolo::DecodeByOpenCv(damaged, "damaged.jpg", &by_opencv);
  CHECK(cv::norm(image, by_opencv, cv::NORM_INF) == 0);
  CHECK(yolo::DecodeImage(whole, "whole.jpg", &image).empty());
  // The tables of the second scan are broken: after a warning, libjpeg gives up.
  std::string broken = Encoded(".jpg", pixels, {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  broken.insert(broken.find("\xff\xda", broken.find("\xff\xda") + 2), "junk\xff\xc0" + std::string("\0\x02", 2));
  CheckError([&] { yolo::DecodeImage(broken, "broken.jpg", &image); }, ExitCode::kInput, {"broken.jpg", "decoded"});
}

TEST_CASE("which images are turned: the cases of tests/data/test_orientation.py") {
  const auto meant = [](int orientation, yolo::Size stored, yolo::Size listed) {
    const yolo::MeantOrientation found = yolo::FindMeantOrientation(orientation, stored, listed);
    return std::pair(found.orientation, found.is_confirmed);
  };
  CHECK(meant(6, {96, 72}, {72, 96}) == std::pair(6, true));
  CHECK(meant(6, {96, 72}, {96, 72}) == std::pair(1, true));
  CHECK(meant(6, {96, 72}, {5, 5}) == std::pair(6, true));
  CHECK(meant(3, {96, 72}, {96, 72}) == std::pair(3, false));
  CHECK(meant(2, {96, 72}, {96, 72}) == std::pair(2, false));
  CHECK(meant(8, {72, 72}, {72, 72}) == std::pair(8, false));
  CHECK(meant(1, {96, 72}, {96, 72}) == std::pair(1, true));
  CHECK(meant(3, {96, 72}, {}) == std::pair(3, true));
}

TEST_CASE("what an image that is turned is read as, by its listed size and the rules") {
  const TemporaryFolder folder;
  cv::Mat pixels(40, 60, CV_8UC3), image;
  cv::randu(pixels, 0, 255);
  std::string data = Encoded(".jpg", pixels);
  // Segment, byte order, one entry: orientation 6.
  data.insert(2, std::string("\xff\xe1\0\x22"
                             "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
                             36));
  const std::string path = folder.Write("phone.jpg", data);
  const auto read = [&](yolo::Size listed, yolo::Exif exif) {
    return yolo::ReadImage({path, "phone.jpg", 1, listed}, {exif, yolo::kMaxPixels, true}, &image);
  };
  CHECK_FALSE(read({}, yolo::Exif::kAuto).is_unconfirmed);
  CHECK(image.size() == cv::Size(40, 60));
  read({40, 60}, yolo::Exif::kAuto);
  CHECK(image.size() == cv::Size(40, 60));
  read({60, 40}, yolo::Exif::kAuto);
  CHECK(image.size() == cv::Size(60, 40));
  read({}, yolo::Exif::kIgnore);
  CHECK(image.size() == cv::Size(60, 40));
  CheckError(
      [&] {
        read({40, 60}, yolo::Exif::kIgnore);
      },
      ExitCode::kInput, {"phone.jpg: the image is 60x40, its annotation file says 40x60", "exif is ignore"});
  CheckError([&] { read({40, 61}, yolo::Exif::kAuto); }, ExitCode::kInput, {"is 40x60", "says 40x61", "exif is auto"});
}

TEST_CASE("a set is checked as a whole: all that cannot be used are listed, and with strict rules what is damaged") {
  const TemporaryFolder folder;
  cv::Mat pixels(64, 64, CV_8UC3);
  cv::randu(pixels, 0, 255);
  const std::string whole = Encoded(".jpg", pixels);
  std::vector<yolo::ImageEntry> images;
  const auto add = [&](const std::string &name, const std::string &data, yolo::Size listed = {64, 64}) {
    images.push_back({folder.Write(name, data), name, 1, listed});
  };
  add("sound.jpg", whole);
  add("rows.jpg", whole.substr(0, whole.size() - 20));
  add("damaged.jpg", whole.substr(0, whole.size() / 2) + "\xff\xd9");
  const auto check = [&](bool strict) {
    yolo::CheckImages(images, {yolo::Exif::kAuto, 5000, strict}, 2, [] { return true; });
  };
#ifdef YOLO_WITH_TURBOJPEG
  check(false);
  CheckError([&] { check(true); }, ExitCode::kInput,
             {"2 of the 3 images cannot be used", "rows.jpg: cut short, ",
              "damaged.jpg: damaged, libjpeg reports: ", "leave --strict out"});
#endif
  add("empty.png", "");
  add("other.jpg", whole, {64, 65});
  CheckError([&] { check(false); }, ExitCode::kInput,
             {"of the 5 images cannot be used; restore them, or take them out of the annotation file:\n  ",
              "empty.png: this image file is empty", "other.jpg: the image is 64x64, its annotation file says 64x65"});
  // Who stops it gets no verdict.
  yolo::CheckImages({images[3]}, {}, 2, [] { return false; });
}

TEST_CASE("floating-point pixels are refused, 12 bits in 16 are reported") {
  cv::Mat pixels(8, 9, CV_32FC3), image;
  cv::randu(pixels, 0, 1);
  CheckError([&] { yolo::DecodeImage(Encoded(".tiff", pixels), "float.tiff", &image); }, ExitCode::kInput,
             {"float.tiff: the pixels of this image are float32, from 0.", "expected 8 or 16 bits"});
  const cv::Mat dark(8, 9, CV_16UC3, cv::Scalar::all(4095)), light(8, 9, CV_16UC3, cv::Scalar::all(4096));
  for (const char *suffix : {".png", ".tiff"}) {
    CHECK(yolo::DecodeImage(Encoded(suffix, dark), "dark", &image) ==
          "nearly black, 16 bits a channel, but no value above 4095: scale it to 0 to 65535");
    CHECK(std::abs(image.at<cv::Vec3b>(0, 0)[0] - 15.5) < 1);
    CHECK(yolo::DecodeImage(Encoded(suffix, light), "light", &image).empty());
  }
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
