// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The cases of tests/data/test_image_names.py, but for Unicode, and names in annotation files.
#include "inc/image/image_list.h"
#include "inc/image/image_names.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::ExitCode;

namespace {

/// An image folder with some files.
struct Images {
  Images() {
    for (const char *name : {"a_1.jpg", "night/b.png", "Gro\u00dfes Bild.jpeg", "50%25.jpg"}) {
      folder.Write(name, "x");
    }
  }

  std::string Find(const std::string &name) const { return FindAll({name})[0]; }
  std::vector<std::string> FindAll(const std::vector<std::string> &names) const {
    return yolo::ImageFolder(folder.path(), "train.json").Find(names);
  }

  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("names of tools are found") {
  const Images images;
  const std::pair<const char *, const char *> cases[] = {{"images/a_1.jpg", "a_1.jpg"},
                                                         {"train2017/a_1.jpg", "a_1.jpg"},
                                                         {"images\\a_1.jpg", "a_1.jpg"},
                                                         {"C:\\data\\images\\a_1.jpg", "a_1.jpg"},
                                                         {"/home/me/images/a_1.jpg", "a_1.jpg"},
                                                         {"../a_1.jpg", "a_1.jpg"},
                                                         {"A_1.JPG", "a_1.jpg"},
                                                         {"a%5F1.jpg", "a_1.jpg"},
                                                         {".\\night\\B.png", "night/b.png"},
                                                         {"x/night/b.png", "night/b.png"},
                                                         {"Gro%C3%9Fes%20Bild.JPEG", "Gro\u00dfes Bild.jpeg"},
                                                         {"a_1.jpg", "a_1.jpg"},
                                                         {"./night/b.png", "night/b.png"},
                                                         {"night/../a_1.jpg", "a_1.jpg"},
                                                         {"50%25.jpg", "50%25.jpg"},
                                                         {" x/a_1.jpg \n", "a_1.jpg"}};
  for (const auto &[name, file] : cases) {
    INFO(name);
    CHECK(images.Find(name) == file);
  }
  CHECK(yolo::NameKey("100%.jpg%4") == "100%.jpg%4");
  CHECK(yolo::NameKey("%zz%4A") == "%zzj");
  CHECK(yolo::NameKey(" \n").empty());
}

TEST_CASE("a name that fits two files, and two names that fit one, are refused") {
  const Images images;
  for (const std::vector<std::string> &names : std::vector<std::vector<std::string>>{
           {"x/a_1.jpg", "y/a_1.jpg"}, {"x/a_1.jpg", "a_1.jpg"}, {"a_1.jpg", "A_1.jpg"}}) {
    CheckError(
        [&] { images.FindAll(names); }, ExitCode::kInput,
        {"train.json: the images " + names[0] + " and " + names[1] + " would both be the file", "a_1.jpg; copy"});
  }
  CHECK(images.FindAll({"x/a_1.jpg", "x/a_1.jpg"})[1] == "a_1.jpg");
  images.folder.Write("A_1.jpg", "x");
  CheckError([&] { images.Find("images/a_1.JPG"); }, ExitCode::kInput,
             {"train.json: the image images/a_1.JPG may be A_1.jpg or a_1.jpg of "});
  CHECK(images.Find("a_1.jpg") == "a_1.jpg");
}

TEST_CASE("a missing file is named with the nearest") {
  const Images images;
  const std::pair<std::string, std::string> cases[] = {{"a_2.jpg", " (the nearest file there is a_1.jpg)"},
                                                       {"b.png", " (the nearest file there is night/b.png)"},
                                                       {"something else.tif", ""}};
  for (const auto &[name, nearest] : cases) {
    CheckError(
        [&, name = name] {
          images.FindAll({"a_1.jpg", name});
        },
        ExitCode::kInput,
        {images.folder.path().string() + ": 1 of the 2 images named in train.json are missing, the first is " + name +
         nearest + "; copy them there or take them out of the file"});
  }
  CheckError([&] { images.Find(std::string("a_1.jpg\0b", 9)); }, ExitCode::kInput,
             {"1 of the 1 images", "are missing"});
}

TEST_CASE("an annotation file as tools write it: numbers and ids of any type, any encoding") {
  const TemporaryFolder folder;
  for (const char *name : {"b.png", "sub/a.jpg", "c.jpg"}) {
    folder.Write(std::string("images/") + name, "x");
  }
  const json content = {
      {"images",
       {{{"id", "x1"}, {"file_name", "images\\B.PNG"}, {"width", 40.0}, {"height", "30"}},
        {{"id", 7.0}, {"file_name", "./sub/a.jpg"}, {"width", "20.0"}, {"height", 10}, {"license", nullptr}},
        {{"id", " 12 "}, {"file_name", "train2017/c.jpg"}, {"width", 1}, {"height", " 2 "}}}},
      // The boxes are not read.
      {"annotations", {{{"bbox", "none"}}, 5}},
      {"categories", {{{"id", "b\u00e4r"}, {"name", "ball"}}, {{"id", "3"}, {"name", "cup"}}}}};
  const auto listed = [&](const std::string &text) {
    return yolo::ListImages(folder.Write("truth.json", text), folder.path() / "images", "", {{"cup", 1}, {"ball", 2}});
  };
  const auto check = [](const yolo::ImageList &list) {
    REQUIRE(list.images.size() == 3);
    CHECK(list.images[0].id == 7);
    CHECK(list.images[0].name == "sub/a.jpg");
    CHECK(list.images[0].size.width == 20);
    CHECK(list.images[1].id == " 12 ");
    CHECK(list.images[1].size.height == 2);
    CHECK(list.images[2].id == "x1");
    CHECK(list.images[2].name == "b.png");
    CHECK(list.images[2].size.height == 30);
    CHECK(json(list.category_ids) == json{"3", "b\u00e4r"});
    CHECK(list.remark ==
          "2 images found under another name than the file's, which differs in folders, case or coding "
          "(first: train2017/c.jpg, found as c.jpg)");
  };
  const std::string text = content.dump();
  check(listed(text));
  check(listed("\xef\xbb\xbf" + text));
  // Python's json has numbers that others have not.
  check(listed(R"({"info": {"a \"NaN": [NaN, -Infinity, Infinity, 1]},)" + text.substr(1)));
  CheckError([&] { listed(R"({"info": Nan,)" + text.substr(1)); }, ExitCode::kInput,
             {"truth.json: broken json in line 1"});
  std::u32string letters;
  for (size_t place = 0; place < text.size(); ++place) {
    // The only letter beyond ASCII is two bytes in UTF-8.
    const bool is_first = text[place] == '\xc3';
    letters += is_first ? U'\u00e4' : static_cast<char32_t>(text[place]);
    place += is_first ? 1 : 0;
  }
  const auto encoded = [&](std::u32string points, int bytes, bool is_big) {
    std::string result;
    for (const char32_t point : points) {
      for (int number = 0; number < bytes; ++number) {
        result += static_cast<char>(point >> 8 * (is_big ? bytes - 1 - number : number) & 0xFF);
      }
    }
    return result;
  };
  check(listed(encoded(letters, 1, false)));
  for (const int bytes : {2, 4}) {
    for (const bool is_big : {false, true}) {
      check(listed(encoded(letters, bytes, is_big)));
      check(listed(encoded(U'\ufeff' + letters, bytes, is_big)));
    }
  }
}
