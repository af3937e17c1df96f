// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "inc/image/image_list.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::ExitCode;
using yolo::ImageList;
using yolo::ListImages;

namespace {

const std::vector<yolo::ClassDescription> kListedClasses = {{"cup", 3}, {"ball", -1}};

json ValidAnnotations() {
  return {{"images",
           {{{"id", 9}, {"file_name", "b.png"}, {"width", 40}, {"height", 30}},
            {{"id", 4}, {"file_name", "sub/../sub/a.jpg"}, {"width", 20}, {"height", 10}}}},
          {"annotations", json::array({{{"id", 1}, {"bbox", {1, 2, 3, 4}}}})},
          {"categories", {{{"id", 70}, {"name", "ball"}}, {{"id", 80}, {"name", "cup"}}}}};
}

/// A folder with the images of ValidAnnotations.
std::string ImageRoot(const TemporaryFolder &folder) {
  folder.Write("root/b.png", "x");
  folder.Write("root/sub/a.jpg", "x");
  return (folder.path() / "root").string();
}

}  // namespace

TEST_CASE("a folder: images only, by name, ids by number or by place") {
  const TemporaryFolder folder;
  for (const char *name : {"000000000139.jpg", "12.JPEG", "notes.txt", "7.png", "._7.png"}) {
    folder.Write(name, "x");
  }
  folder.Write("sub.jpg/1.jpg", "x");
  ImageList list = ListImages(folder.path(), "", "", kListedClasses);
  REQUIRE(list.images.size() == 3);
  CHECK(list.remark == folder.path().string() +
                           ": 3 files and folders are left out, which are hidden or no images by their " +
                           "names (first: ._7.png)");
  CHECK(list.images[0].id == 139);
  CHECK(list.images[1].id == 12);
  CHECK(list.images[2].id == 7);
  CHECK(list.images[0].path == (folder.path() / "000000000139.jpg").string());
  CHECK(json(list.category_ids) == json{3, -1});
  // One name that is no number, or a number twice: the place counts for all.
  folder.Write("7.bmp", "x");
  list = ListImages(folder.path(), "", "", kListedClasses);
  REQUIRE(list.images.size() == 4);
  CHECK(list.images[0].id == 1);
  CHECK(list.images[3].id == 4);
  CheckError([&] { ListImages(folder.path() / "sub.jpg" / "..", "x", "", kListedClasses); }, ExitCode::kUsage,
             {"image_root"});
}

TEST_CASE("a list file: paths relative to its folder or to the root, empty lines and ends of lines of Windows") {
  const TemporaryFolder folder;
  const std::string path = folder.Write("list.txt", "b.png\r\n\n/abs/a.jpg\nsub/c.jpg");
  ImageList list = ListImages(path, "", "", kListedClasses);
  REQUIRE(list.images.size() == 3);
  CHECK(list.images[0].path == (folder.path() / "b.png").string());
  CHECK(list.images[1].path == "/abs/a.jpg");
  CHECK(list.images[2].id == 3);
  list = ListImages(folder.Write("links.txt", "link/../c.jpg"), "/root", "", kListedClasses);
  CHECK(list.images[0].path == "/root/link/../c.jpg");
  CHECK(list.images[0].name == "c.jpg");
  list = ListImages(path, "/root", "", kListedClasses);
  CHECK(list.images[2].path == "/root/sub/c.jpg");
  CheckError([&] { ListImages(folder.Write("empty.txt", "\n\n"), "", "", kListedClasses); }, ExitCode::kInput,
             {"no lines"});
  CheckError([&] { ListImages(folder.Write("bin", std::string(9, '\0')), "", "", kListedClasses); }, ExitCode::kInput,
             {"no list of images"});
  CheckError([&] { ListImages(folder.path() / "absent", "", "", kListedClasses); }, ExitCode::kInput, {"absent"});
}

TEST_CASE("a COCO json: sorted by id, its ids and sizes, categories by name") {
  const TemporaryFolder folder;
  const std::string path = folder.Write("annotations/instances_val2017.json", ValidAnnotations().dump());
  CheckError([&] { ListImages(path, "", "", kListedClasses); }, ExitCode::kInput, {"--image_root"});
  folder.Write("val2017/b.png", "x");
  folder.Write("val2017/sub/a.jpg", "x");
  const ImageList list = ListImages(path, "", path, kListedClasses);
  REQUIRE(list.images.size() == 2);
  CHECK(list.images[0].id == 4);
  CHECK(std::filesystem::path(list.images[0].path) == std::filesystem::absolute(folder.path()) / "val2017/sub/a.jpg");
  CHECK(list.images[1].size.width == 40);
  CHECK(list.images[1].size.height == 30);
  CHECK(json(list.category_ids) == json{80, 70});
  const std::string root = ImageRoot(folder);
  CHECK(ListImages(path, root, "", kListedClasses).images[1].path == root + "/b.png");
  CheckError([&] { ListImages(path, folder.path() / "absent", "", kListedClasses); }, ExitCode::kInput,
             {"absent: the image folder does not exist", "--image_root"});
  const std::string other = folder.Write("other.json", ValidAnnotations().dump());
  CheckError([&] { ListImages(path, "", other, kListedClasses); }, ExitCode::kUsage, {"--annotations"});
}

TEST_CASE("annotations give ids to a folder or a list") {
  const TemporaryFolder folder;
  const std::string truth = folder.Write("truth.json", ValidAnnotations().dump());
  folder.Write("images/a.jpg", "x");
  folder.Write("images/b.png", "x");
  const ImageList list = ListImages(folder.path() / "images", "", truth, kListedClasses);
  CHECK(list.images[0].id == 4);
  CHECK(list.images[0].size.width == 20);
  CHECK(list.images[1].id == 9);
  CHECK(json(list.category_ids) == json{80, 70});
  folder.Write("images/c.jpg", "x");
  CheckError([&] { ListImages(folder.path() / "images", "", truth, kListedClasses); }, ExitCode::kInput,
             {"no image c.jpg"});
  const std::string twice = folder.Write("list.txt", "b.png\nsub/b.png\n");
  CheckError([&] { ListImages(twice, "", truth, kListedClasses); }, ExitCode::kInput,
             {"sub/b.png are both the image b.png (id 9) of", "truth.json"});
  json two = ValidAnnotations();
  two["images"][0]["file_name"] = "other/a.jpg";
  const std::string ambiguous = folder.Write("two.json", two.dump());
  const std::string one = folder.Write("one.txt", "a.jpg\n");
  CheckError([&] { ListImages(one, "", ambiguous, kListedClasses); }, ExitCode::kInput,
             {"two.json", "several images a.jpg", "ids 4 and 9"});
  const std::string near = folder.Write("near.txt", "./SUB/%61.jpg\n");
  CHECK(ListImages(near, "", truth, kListedClasses).images[0].id == 4);
  const std::string exact = folder.Write("exact.txt", "other/a.jpg\n");
  CHECK(ListImages(exact, "", ambiguous, kListedClasses).images[0].id == 9);
}

TEST_CASE("an image is found by whole components of its path, never by its name in other folders") {
  const TemporaryFolder folder;
  const auto id_of = [&](const std::string &listed, const std::vector<std::string> &annotated) {
    json annotations = ValidAnnotations();
    annotations["images"] = json::array();
    for (const std::string &name : annotated) {
      const size_t id = annotations["images"].size();
      annotations["images"].push_back({{"id", id}, {"file_name", name}, {"width", 4}, {"height", 3}});
    }
    return ListImages(folder.Write("list.txt", listed), "", folder.Write("truth.json", annotations.dump()),
                      kListedClasses)
        .images[0]
        .id;
  };
  CHECK(id_of("/data/val/a.jpg", {"b.jpg", "val/a.jpg"}) == 1);
  CHECK(id_of("a.jpg", {"b.jpg", "val/a.jpg"}) == 1);
  // The more components match the better.
  CHECK(id_of("/data/val/a.jpg", {"a.jpg", "val/a.jpg", "train/a.jpg"}) == 1);
  CHECK(id_of("/data/val/a.jpg", {"a.jpg", "train/a.jpg"}) == 0);
  CheckError([&] { id_of("train/a.jpg", {"b.jpg", "val/a.jpg"}); }, ExitCode::kInput, {"no image train/a.jpg"});
  CheckError(
      [&] {
        id_of("l/a.jpg", {"val/a.jpg", "val/l/a.jpg", "x/l/a.jpg"});
      },
      ExitCode::kInput, {"several images l/a.jpg", "ids 1 and 2"});
  CheckError([&] { id_of("a.jpg", {"b.jpg", "xa.jpg"}); }, ExitCode::kInput, {"no image a.jpg"});
}

TEST_CASE("one image, and files whose names do not say what they are") {
  const TemporaryFolder folder;
  const std::string image = folder.Write("sub/000000000042.JPG", "x");
  const ImageList one = ListImages(image, "", "", kListedClasses);
  REQUIRE(one.images.size() == 1);
  CHECK(one.images[0].path == image);
  CHECK(one.images[0].id == 42);
  CheckError([&] { ListImages(image, "/root", "", kListedClasses); }, ExitCode::kUsage, {"is an image"});
  const std::string mark = "\xef\xbb\xbf";
  CHECK(ListImages(folder.Write("list.txt", mark + "a.jpg\r\n"), "/root", "", kListedClasses).images[0].path ==
        "/root/a.jpg");
  const std::string truth = folder.Write("truth.txt", mark + "\n " + ValidAnnotations().dump());
  CHECK(ListImages(truth, ImageRoot(folder), "", kListedClasses).images[0].id == 4);
  CHECK(ListImages(folder.Write("braces.txt", "{1}.jpg\n"), "/root", "", kListedClasses).images[0].path ==
        "/root/{1}.jpg");
  CheckError([&] { ListImages(folder.path() / "absent.json", "", "", kListedClasses); }, ExitCode::kInput,
             {"absent.json", "annotation file"});
  REQUIRE(mkfifo((folder.path() / "sub" / "pipe.jpg").c_str(), 0600) == 0);
  std::filesystem::create_symlink("nowhere", folder.path() / "sub" / "link.jpg");
  CHECK(ListImages(folder.path() / "sub", "", "", kListedClasses).images.size() == 2);
}

TEST_CASE("one image is the image of an annotation file that has one, whatever its name is") {
  const TemporaryFolder folder;
  json annotations = ValidAnnotations();
  const std::string image = folder.Write("my copy.jpg", "x"), both = folder.Write("both.json", annotations.dump());
  CheckError([&] { ListImages(image, "", both, kListedClasses); }, ExitCode::kInput, {"has no image my copy.jpg"});
  annotations["images"].erase(0);
  const std::string truth = folder.Write("one.json", annotations.dump());
  const ImageList one = ListImages(image, "", truth, kListedClasses);
  REQUIRE(one.images.size() == 1);
  CHECK(one.images[0].path == image);
  CHECK(one.images[0].name == "sub/a.jpg");
  CHECK(one.images[0].id == annotations["images"][0]["id"]);
  CHECK(one.images[0].size.width == annotations["images"][0]["width"]);
  CheckError([&] { ListImages(folder.Write("two.txt", "a.jpg\nb.jpg\n"), "", truth, kListedClasses); },
             ExitCode::kInput, {"has no image b.jpg"});
}

TEST_CASE("annotation files that cannot be used are refused by the entry") {
  const TemporaryFolder folder;
  const std::string root = ImageRoot(folder);
  const auto refused = [&](const json::json_pointer &place, const json &value, const std::vector<std::string> &parts) {
    json annotations = ValidAnnotations();
    annotations[place] = value;
    const std::string path = folder.Write("bad.json", annotations.dump());
    CheckError([&] { ListImages(path, root, "", kListedClasses); }, ExitCode::kInput, parts);
  };
  refused("/images"_json_pointer, 3, {"bad.json", "\"images\" is 3"});
  refused("/images"_json_pointer, json::array(), {"at least one image"});
  refused("/images/0/id"_json_pointer, 4, {"images[1].id", "no other image"});
  for (const json &same : {json(4.0), json("4"), json(" 04 ")}) {
    refused("/images/0/id"_json_pointer, same, {"images[1].id", "no other image"});
  }
  for (const json &none :
       {json(18446744073709551615U), json(4.5), json(""), json(nullptr), json(true), json::array({4})}) {
    refused("/images/0/id"_json_pointer, none, {"images[0].id", "whole number of 64 bits at most, or a text"});
  }
  for (const json &none :
       {json(0), json("1_0"), json("1e2"), json(2.5), json("x"), json(nullptr), json("99999999999")}) {
    refused("/images/0/width"_json_pointer, none, {"images[0].width", "a whole number of 1 to"});
  }
  refused("/images/1/file_name"_json_pointer, "", {"images[1].file_name", "inside"});
  refused("/images/1/file_name"_json_pointer, "../x.jpg", {"1 of the 2 images", "the first is ../x.jpg"});
  json no_name = ValidAnnotations();
  no_name["images"][1] = {{"id", 1}, {"filename", "a.jpg"}, {"width", 4}, {"height", 3}};
  CheckError([&] { ListImages(folder.Write("bad.json", no_name.dump()), root, "", kListedClasses); }, ExitCode::kInput,
             {"\"images[1]\" has no \"file_name\"; it has \"filename\": rename that, if it is meant"});
  refused("/categories/0/name"_json_pointer, "bottle", {"no category \"ball\""});
  refused("/categories/0/name"_json_pointer, "cup", {"several categories named \"cup\""});
  refused("/categories/2"_json_pointer, {{"id", 5}, {"name", "key"}}, {"category \"key\"", "does not know"});
  refused("/categories/1/id"_json_pointer, 70, {"categories[1].id"});
  CheckError([&] { ListImages(folder.Write("x.json", "{\"images\": ["), "/r", "", kListedClasses); }, ExitCode::kInput,
             {"x.json", "line 1"});
}

TEST_CASE("classes of one name are matched by order") {
  const TemporaryFolder folder;
  json annotations = ValidAnnotations();
  annotations["categories"] = {{{"id", 5}, {"name", "cup"}}, {{"id", 6}, {"name", "cup"}}};
  const std::string path = folder.Write("same.json", annotations.dump());
  const std::string root = ImageRoot(folder);
  CHECK(json(ListImages(path, root, "", {{"cup", 1}, {"cup", 2}}).category_ids) == json{5, 6});
}
