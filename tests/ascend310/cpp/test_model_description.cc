// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "inc/model/model_description.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::ExitCode;

namespace {

yolo::ModelDescription ParseDescription(const json &description) {
  return yolo::ParseModelDescription(description.dump(), "m.onnx.json");
}

void CheckRefused(const std::function<void(json *)> &change, const std::vector<std::string> &parts) {
  json description = ValidDescription();
  change(&description);
  std::vector<std::string> all = parts;
  all.insert(all.begin(), "m.onnx.json");
  CheckError([&] { ParseDescription(description); }, ExitCode::kModel, all);
}

}  // namespace

TEST_CASE("a valid description is read completely") {
  const yolo::ModelDescription model = ParseDescription(ValidDescription());
  CHECK(model.exported_as == "ONNX");
  CHECK(model.model_bytes == 5);
  CHECK(model.input.name == "images");
  CHECK(model.input.Batch() == 2);
  CHECK(model.input.Height() == 64);
  CHECK(model.input.Width() == 96);
  CHECK(model.input.ByteSize() == 2 * 64 * 96 * 3);
  CHECK(model.resize_mode == yolo::ResizeMode::kLetterbox);
  CHECK(model.pad_value == 114);
  // Descriptions of earlier versions do not say.
  CHECK(model.exif == yolo::Exif::kAuto);
  CHECK(model.mean == std::array<double, 3>{0.485, 0.456, 0});
  CHECK(model.std == std::array<double, 3>{0.229, 0.224, 1});
  CHECK(model.decoded);
  REQUIRE(model.outputs.size() == 2);
  CHECK(model.outputs[0].name == "big");
  CHECK(model.outputs[0].stride == 32);
  CHECK(model.outputs[0].shape == std::vector<int64_t>{2, 2, 3, 1, 7});
  CHECK(model.outputs[0].ElementCount() == 84);
  CHECK(model.outputs[1].anchors == std::vector<std::array<double, 2>>{{20, 30.5}});
  CHECK(model.outputs[1].scale_x_y == 1.1);
  REQUIRE(model.classes.size() == 2);
  CHECK(model.classes[1].name == "ball");
  CHECK(model.classes[1].id == -1);
  CHECK(model.thresholds.score == 0.001);
  CHECK(model.thresholds.nms_iou == 0.5);
  CHECK(model.thresholds.max_detections == 300);
  CHECK(model.thresholds.multi_label);
}

TEST_CASE("the use of EXIF, and ids that are texts") {
  json description = ValidDescription();
  description["exif"] = "ignore";
  description["classes"][1]["id"] = "b7";
  const yolo::ModelDescription model = ParseDescription(description);
  CHECK(model.exif == yolo::Exif::kIgnore);
  CHECK(model.classes[1].id == "b7");
  CheckRefused([](json *d) { (*d)["exif"] = "turn"; }, {"\"exif\" is \"turn\"", "\"auto\" or \"ignore\""});
}

TEST_CASE("float inputs: the host hands over float32, AIPP takes pixels") {
  json description = ValidDescription();
  description["input"].update({{"layout", "NCHW"}, {"type", "float32"}, {"shape", {2, 3, 64, 96}}});
  description["input"]["normalise"] = "host";
  yolo::ModelDescription model = ParseDescription(description);
  CHECK(model.input.Width() == 96);
  CHECK_FALSE(model.input.TakesPixels());
  CHECK(model.input.ByteSize() == 2 * 64 * 96 * 3 * 4);
  description["input"]["normalise"] = "aipp";
  model = ParseDescription(description);
  CHECK(model.input.TakesPixels());
  CHECK(model.input.ByteSize() == 2 * 64 * 96 * 3);
  description["input"]["channels"] = "NV12";
  CHECK(ParseDescription(description).input.ByteSize() == 2 * 64 * 96 * 3 / 2);
}

TEST_CASE("raw heads have the anchors in front") {
  const yolo::ModelDescription model = ParseDescription(ValidDescription(3, false));
  CHECK(model.outputs[1].shape == std::vector<int64_t>{3, 7, 4, 6});
}

TEST_CASE("what is missing, unknown or of another kind is refused by its name") {
  const json valid = ValidDescription();
  for (const auto &member : valid.items()) {
    CheckRefused([&](json *d) { d->erase(member.key()); }, {'"' + member.key() + '"'});
    CheckRefused([&](json *d) { (*d)[member.key()] = nullptr; }, {'"' + member.key(), "null", "expected"});
  }
  CheckRefused([](json *d) { (*d)["format"] = 1; }, {"\"format\" is 1"});
  CheckRefused([](json *d) { (*d)["model"].erase("exported_as"); }, {"model", "exported_as"});
  CheckRefused([](json *d) { (*d)["model"]["exported_as"] = "MINDIR 2"; },
               {"model.exported_as", "\"MINDIR 2\"", "\"MINDIR 1\" or \"MINDIR 3\""});
  CheckRefused([](json *d) { (*d)["more"] = 1; }, {"unknown key \"more\""});
  CheckRefused([](json *d) { (*d)["input"]["colour"] = 1; }, {"\"input\" has an unknown key \"colour\""});
  CheckRefused([](json *d) { (*d)["input"]["layout"] = "HWC"; }, {"input.layout", "\"HWC\"", "\"NHWC\" or \"NCHW\""});
  CheckRefused([](json *d) { (*d)["input"]["normalise"] = "host"; }, {"\"input\"", "float32 with NCHW"});
  CheckRefused([](json *d) { (*d)["input"]["shape"] = {2, 3, 64, 96}; }, {"input.shape", "3 channels"});
  CheckRefused([](json *d) { (*d)["input"]["shape"] = {2, 64, 96}; }, {"input.shape", "4 numbers"});
  CheckRefused([](json *d) { (*d)["input"]["shape"][0] = 1e30; }, {"input.shape[0]", "whole number"});
  CheckRefused([](json *d) { (*d)["input"]["channels"] = "BGR"; }, {"input.channels", "\"RGB\""});
  CheckRefused([](json *d) { (*d)["input"]["channels"] = "NV12"; }, {"\"input\"", "NV12 with aipp only"});
  CheckRefused([](json *d) { (*d)["pad_value"] = 256; }, {"pad_value", "256"});
  CheckRefused([](json *d) { (*d)["pad_value"] = true; }, {"pad_value", "true"});
  CheckRefused([](json *d) { (*d)["mean"] = {0.1, 0.2}; }, {"mean", "three numbers"});
  CheckRefused([](json *d) { (*d)["std"][2] = 0; }, {"\"std[2]\" is 0", "expected"});
}

TEST_CASE("shapes that contradict each other are refused") {
  CheckRefused([](json *d) { (*d)["outputs"][1]["shape"][4] = 8; }, {"outputs[1].shape", "[2, 4, 6, 1, 7]"});
  CheckRefused([](json *d) { (*d)["outputs"][0]["stride"] = 5; }, {"outputs[0].stride", "divisor"});
  CheckRefused([](json *d) { (*d)["outputs"][0]["anchor_mask"] = {1, 2}; }, {"outputs[0].anchor_mask"});
  CheckRefused([](json *d) { (*d)["outputs"][0]["anchors"] = json::array(); }, {"outputs[0].anchors"});
  CheckRefused([](json *d) { (*d)["decoded"] = false; }, {"outputs[0].shape"});
  CheckRefused([](json *d) { (*d)["classes"].erase(0); }, {"outputs[0].shape", "1, 6]"});
  CheckRefused([](json *d) { (*d)["classes"][1]["id"] = 3; }, {"classes[1].id", "no other class"});
  CheckRefused([](json *d) { (*d)["outputs"] = json::array(); }, {"outputs"});
  CheckRefused([](json *d) { (*d)["thresholds"]["score"] = 1.5; }, {"thresholds.score", "1.5"});
  CheckRefused([](json *d) { (*d)["thresholds"]["max_detections"] = 0; }, {"thresholds.max_detections"});
}

TEST_CASE("broken json is refused with its line") {
  CheckError([] { yolo::ParseModelDescription("{\n\"format\": 1,\n oops}", "d.json"); }, ExitCode::kModel,
             {"d.json", "line 3"});
  CheckError([] { yolo::ParseModelDescription("{\"format\": 1e999}", "d.json"); }, ExitCode::kModel, {"d.json"});
  CheckError([] { yolo::ParseModelDescription("", "d.json"); }, ExitCode::kModel, {"line 1"});
  CheckError([] { yolo::ParseModelDescription("[]", "d.json"); }, ExitCode::kModel, {"the file is a list"});
}

TEST_CASE("the model file must be the one described") {
  const TemporaryFolder folder;
  const std::string model = folder.Write("m.onnx", "model");
  CheckError([&] { yolo::ReadModelDescription(model); }, ExitCode::kModel, {"m.onnx.json", "cannot read"});
  folder.Write("m.onnx.json", ValidDescription().dump());
  CHECK(yolo::ReadModelDescription(model).model_sha256 == yolo::Sha256("model"));
  folder.Write("m.onnx", "modem");
  CheckError([&] { yolo::ReadModelDescription(model); }, ExitCode::kModel, {"m.onnx", "not the model"});
  CheckError([&] { yolo::ReadModelDescription(model + "x"); }, ExitCode::kModel, {"m.onnxx", "No such file"});
}
