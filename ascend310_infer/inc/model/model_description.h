// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The description that export.py writes beside a model: everything that the model file itself does not say.
#ifndef ASCEND310_INFER_INC_MODEL_MODEL_DESCRIPTION_H_
#define ASCEND310_INFER_INC_MODEL_MODEL_DESCRIPTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace yolo {

/// Channels of an image: red, green, blue.
constexpr int kChannels = 3;

/// The highest `max_detections` that a description or an option may set.
constexpr int kMaxDetections = 1000000;

enum class Layout { kNhwc, kNchw };
enum class ElementType { kUint8, kFloat32 };
/// What the program hands over. NV12 is the plane of Y, then that of U and V in pairs at half the resolution, all of
/// them 0..255 as in a JPEG: AIPP makes RGB of them.
enum class Channels { kRgb, kNv12 };
/// What normalises the pixels 0..255: the graph, this program, or the device's AIPP unit.
enum class Normalise { kGraph, kHost, kAipp };
enum class ResizeMode { kStretch, kLetterbox };
/// Whether photos are turned upright by their EXIF orientation.
enum class Exif { kAuto, kIgnore };

struct InputDescription {
  std::string name;
  Layout layout = Layout::kNhwc;
  ElementType type = ElementType::kUint8;
  Channels channels = Channels::kRgb;
  Normalise normalise = Normalise::kGraph;
  std::vector<int64_t> shape;  // four numbers in the order of `layout`

  int Batch() const;
  int Height() const;
  int Width() const;

  /// Whether the program hands over pixels uint8, NHWC RGB or NV12 (the graph or AIPP normalises), rather than float32.
  bool TakesPixels() const { return normalise != Normalise::kHost; }
  bool IsNv12() const { return channels == Channels::kNv12; }
  /// Bytes of one image as the program hands it over: see `TakesPixels`. With AIPP this is not the size by `shape`.
  size_t ItemByteSize() const;
  /// Bytes of one batch as the program hands it over.
  size_t ByteSize() const { return ItemByteSize() * static_cast<size_t>(Batch()); }
};

struct OutputDescription {
  std::string name;
  std::vector<int64_t> shape;  // decoded [B, gh, gw, A, 5 + C]; raw [B, A * (5 + C), gh, gw]
  int stride = 0;
  std::vector<std::array<double, 2>> anchors;  // width and height in pixels of the network input
  double scale_x_y = 1.0;

  /// Numbers in the output of one batch.
  size_t ElementCount() const;
};

struct ClassDescription {
  std::string name;
  nlohmann::json id;  // the category id of the data that the network was trained on: a whole number or a text
};

struct Thresholds {
  double score = 0;    // detections score strictly above it
  double nms_iou = 0;  // boxes with exactly this IoU are both kept
  int max_detections = 0;
  bool multi_label = true;
};

struct ModelDescription {
  std::string path;         // of the description itself
  std::string text;         // its json as it was read
  std::string exported_as;  // the format that export.py wrote: MINDIR 1, MINDIR 3, ONNX or AIR
  uint64_t model_bytes = 0;
  std::string model_sha256;  // 64 lower-case hex digits
  InputDescription input;
  ResizeMode resize_mode = ResizeMode::kStretch;
  int pad_value = 0;
  Exif exif = Exif::kAuto;
  std::array<double, 3> mean{};  // fractions of 255
  std::array<double, 3> std{};
  bool decoded = true;
  std::vector<OutputDescription> outputs;
  std::vector<ClassDescription> classes;
  Thresholds thresholds;
};

/// A shape as messages have it, such as [1, 3, 416, 416].
std::string ShapeText(const std::vector<int64_t> &shape);

/// Reads a description from json text and checks it: every key there, no other, each of its type and range, the shapes
/// in agreement with each other. Throws Error(kModel); `path` is only named in messages.
ModelDescription ParseModelDescription(const std::string &text, const std::string &path);

/// Reads `<model_path>.json` and checks that the model file is the one that it describes (size and SHA-256).
/// Throws Error(kModel).
ModelDescription ReadModelDescription(const std::string &model_path);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_MODEL_DESCRIPTION_H_
