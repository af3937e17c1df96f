// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/model_description.h"

#include <set>

#include "inc/detection/decode.h"
#include "inc/json_reader.h"
#include "inc/utils.h"

namespace yolo {
namespace {

constexpr int64_t kFormat = 2;
// Far above what a network of this kind is used with; they keep products of sizes within 64 bits.
constexpr int64_t kMaxBatch = 1024;
constexpr int64_t kMaxInputSide = 8192;
constexpr int64_t kMaxClasses = 100000;
constexpr int64_t kMaxAnchors = 64;
constexpr double kMaxAnchorPixels = 1e6;
constexpr size_t kShaDigits = 64;
// Of NV12: DVPP writes lines of multiples of 16 pixels, 32 at least.
constexpr int kNv12Step = 32;

std::vector<int64_t> ReadShape(const JsonNode &node, size_t rank) {
  std::vector<int64_t> shape;
  for (const JsonNode &item : node.Items()) {
    shape.push_back(item.Integer(1, kMaxAnchors * kMaxClasses));
  }
  if (shape.size() != rank) {
    node.Fail(std::to_string(rank) + " numbers");
  }
  return shape;
}

std::array<double, 3> ReadChannels(const JsonNode &node, double min) {
  const std::vector<JsonNode> items = node.Items();
  if (items.size() != kChannels) {
    node.Fail("three numbers, for red, green and blue");
  }
  return {items[0].Number(min, 1), items[1].Number(min, 1), items[2].Number(min, 1)};
}

InputDescription ReadInput(const JsonNode &node) {
  node.ExpectOnly({"name", "layout", "type", "shape", "channels", "normalise"});
  InputDescription input;
  input.name = node["name"].Text();
  input.layout = static_cast<Layout>(node["layout"].Choice({"NHWC", "NCHW"}));
  input.type = static_cast<ElementType>(node["type"].Choice({"uint8", "float32"}));
  input.normalise = static_cast<Normalise>(node["normalise"].Choice({"graph", "host", "aipp"}));
  input.shape = ReadShape(node["shape"], 4);
  input.channels = static_cast<Channels>(node["channels"].Choice({"RGB", "NV12"}));
  const bool pixels = input.type == ElementType::kUint8;
  if (pixels != (input.layout == Layout::kNhwc) || pixels != (input.normalise == Normalise::kGraph)) {
    node.Fail("uint8 with NHWC and graph, or float32 with NCHW and host or aipp");
  }
  if (input.IsNv12() &&
      (input.normalise != Normalise::kAipp || input.Height() % kNv12Step != 0 || input.Width() % kNv12Step != 0)) {
    node.Fail("NV12 with aipp only, and sides that are multiples of " + std::to_string(kNv12Step));
  }
  const int64_t channels = input.shape[input.layout == Layout::kNhwc ? 3 : 1];
  if (channels != kChannels || input.Batch() > kMaxBatch || input.Height() > kMaxInputSide ||
      input.Width() > kMaxInputSide) {
    node["shape"].Fail("3 channels, at most " + std::to_string(kMaxBatch) + " images and " +
                       std::to_string(kMaxInputSide) + " pixels a side, in the order of the layout");
  }
  return input;
}

std::vector<std::array<double, 2>> ReadAnchors(const JsonNode &node) {
  std::vector<std::array<double, 2>> anchors;
  for (const JsonNode &item : node.Items()) {
    const std::vector<JsonNode> sides = item.Items();
    if (sides.size() != 2) {
      item.Fail("width and height");
    }
    anchors.push_back({sides[0].Number(1e-3, kMaxAnchorPixels), sides[1].Number(1e-3, kMaxAnchorPixels)});
  }
  if (anchors.empty() || anchors.size() > kMaxAnchors) {
    node.Fail("1 to " + std::to_string(kMaxAnchors) + " anchors");
  }
  return anchors;
}

OutputDescription ReadOutput(const JsonNode &node, const ModelDescription &model) {
  node.ExpectOnly({"name", "shape", "stride", "anchors", "anchor_mask", "scale_x_y"});
  OutputDescription output;
  output.name = node["name"].Text();
  output.stride = static_cast<int>(node["stride"].Integer(1, kMaxInputSide));
  output.anchors = ReadAnchors(node["anchors"]);
  const std::vector<JsonNode> mask = node["anchor_mask"].Items();
  for (const JsonNode &item : mask) {
    item.Integer(0, kMaxClasses);
  }
  if (mask.size() != output.anchors.size()) {
    node["anchor_mask"].Fail("a number for each of the anchors");
  }
  output.scale_x_y = node["scale_x_y"].Number(1, 10);
  const InputDescription &input = model.input;
  if (input.Height() % output.stride != 0 || input.Width() % output.stride != 0) {
    node["stride"].Fail("a divisor of the input's height and width");
  }
  const int64_t batch = input.Batch(), rows = input.Height() / output.stride, columns = input.Width() / output.stride;
  const auto anchors = static_cast<int64_t>(output.anchors.size());
  const int64_t fields = static_cast<int64_t>(kFirstClass) + static_cast<int64_t>(model.classes.size());
  const std::vector<int64_t> expected = model.decoded ? std::vector<int64_t>{batch, rows, columns, anchors, fields}
                                                      : std::vector<int64_t>{batch, anchors * fields, rows, columns};
  output.shape = ReadShape(node["shape"], expected.size());
  if (output.shape != expected) {
    node["shape"].Fail(ShapeText(expected) + " by the input's shape, the stride, the anchors and the classes");
  }
  return output;
}

std::vector<ClassDescription> ReadClasses(const JsonNode &node) {
  std::vector<ClassDescription> classes;
  std::set<nlohmann::json> ids;
  for (const JsonNode &item : node.Items()) {
    item.ExpectOnly({"name", "id"});
    const JsonId id = item["id"].Id();
    classes.push_back({item["name"].Text(), id.value});
    if (!ids.insert(id.key).second) {
      item["id"].Fail("an id that no other class has");
    }
  }
  if (classes.empty() || classes.size() > kMaxClasses) {
    node.Fail("1 to " + std::to_string(kMaxClasses) + " classes");
  }
  return classes;
}

Thresholds ReadThresholds(const JsonNode &node) {
  node.ExpectOnly({"score", "nms_iou", "max_detections", "multi_label"});
  return {node["score"].Number(0, 1), node["nms_iou"].Number(0, 1),
          static_cast<int>(node["max_detections"].Integer(1, kMaxDetections)), node["multi_label"].Flag()};
}

void ReadModel(const JsonNode &node, ModelDescription *description) {
  node.ExpectOnly({"file", "exported_as", "bytes", "sha256"});
  // Both files may be renamed together; what ties them is the checksum.
  node["file"].Text();
  node["exported_as"].Choice({"MINDIR 1", "MINDIR 3", "ONNX", "AIR"});
  description->exported_as = node["exported_as"].Text();
  description->model_bytes = static_cast<uint64_t>(node["bytes"].Integer(1));
  description->model_sha256 = node["sha256"].Text();
  const std::string &sha = description->model_sha256;
  if (sha.size() != kShaDigits || sha.find_first_not_of("0123456789abcdef") != std::string::npos) {
    node["sha256"].Fail("64 hex digits in lower case");
  }
}

}  // namespace

std::string ShapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (const int64_t side : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(side);
  }
  return "[" + text + "]";
}

int InputDescription::Batch() const { return static_cast<int>(shape[0]); }

int InputDescription::Height() const { return static_cast<int>(shape[layout == Layout::kNhwc ? 1 : 2]); }

int InputDescription::Width() const { return static_cast<int>(shape[layout == Layout::kNhwc ? 2 : 3]); }

size_t InputDescription::ItemByteSize() const {
  const size_t values = static_cast<size_t>(Height()) * static_cast<size_t>(Width()) * kChannels;
  if (IsNv12()) {
    return values / 2;
  }
  return TakesPixels() ? values : values * sizeof(float);
}

size_t OutputDescription::ElementCount() const {
  size_t count = 1;
  for (const int64_t side : shape) {
    count *= static_cast<size_t>(side);
  }
  return count;
}

ModelDescription ParseModelDescription(const std::string &text, const std::string &path) {
  const nlohmann::json content = ParseJson(text, path, ExitCode::kModel);
  const JsonNode root(content, path, ExitCode::kModel);
  root["format"].Integer(kFormat, kFormat);
  root.ExpectOnly({"format", "model", "input", "resize_mode", "pad_value", "exif", "mean", "std", "decoded", "outputs",
                   "classes", "thresholds"});
  ModelDescription description;
  description.path = path;
  description.text = text;
  ReadModel(root["model"], &description);
  description.input = ReadInput(root["input"]);
  description.resize_mode = static_cast<ResizeMode>(root["resize_mode"].Choice({"stretch", "letterbox"}));
  description.pad_value = static_cast<int>(root["pad_value"].Integer(0, 255));
  // Descriptions of earlier versions do not have it.
  if (root.Has("exif")) {
    description.exif = static_cast<Exif>(root["exif"].Choice({"auto", "ignore"}));
  }
  description.mean = ReadChannels(root["mean"], 0);
  // A spread of less than a hundredth of a level is a mistake (MIN_STD of src/config.py).
  description.std = ReadChannels(root["std"], 1e-5);
  description.decoded = root["decoded"].Flag();
  description.classes = ReadClasses(root["classes"]);
  for (const JsonNode &node : root["outputs"].Items()) {
    description.outputs.push_back(ReadOutput(node, description));
  }
  if (description.outputs.empty()) {
    root["outputs"].Fail("one entry for each output");
  }
  description.thresholds = ReadThresholds(root["thresholds"]);
  return description;
}

ModelDescription ReadModelDescription(const std::string &model_path) {
  const std::string model = ReadFile(model_path, "model", ExitCode::kModel);
  const std::string path = model_path + ".json";
  ModelDescription description =
      ParseModelDescription(ReadFile(path, "model description (export.py writes it)", ExitCode::kModel), path);
  if (model.size() != description.model_bytes || Sha256(model) != description.model_sha256) {
    throw Error(ExitCode::kModel, model_path + ": this is not the model that " + path +
                                      " describes (size or SHA-256 differ); copy both files of one export");
  }
  return description;
}

}  // namespace yolo
