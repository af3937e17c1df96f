// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The command line.
#ifndef ASCEND310_INFER_INC_OPTIONS_H_
#define ASCEND310_INFER_INC_OPTIONS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "inc/image/image_size.h"
#include "inc/model/model_description.h"
#include "inc/model/runtime.h"

namespace yolo {

struct Options {
  std::string model;
  std::string images;
  std::string video;  // given in the place of images
  std::string image_root;
  std::string annotations;
  std::string output;
  std::string runtime;  // empty: by the suffix of the model
  RuntimeOptions runtime_options;
  std::string preprocess = "opencv";
  int64_t max_pixels = kMaxPixels;
  int decode_threads = 1;  // ParseOptions: by default one a core, 4 at most
  int postprocess_threads = 1;
  std::optional<double> score_threshold;  // default: the description's
  std::optional<double> nms_threshold;
  std::optional<int> max_detections;
  std::string exif;  // auto or ignore; empty: the description's
  bool draw = false;
  double draw_threshold = 0.25;
  bool strict = false;
  int benchmark = 0;  // images to measure; 0: no measuring
};

/// Reads the command line. Returns nothing where only help was asked for, which is then printed.
/// Throws Error(kUsage).
std::optional<Options> ParseOptions(int argc, const char *const *argv);

/// Thresholds of the description, with those of the command line in their place.
Thresholds ChosenThresholds(const Options &options, const Thresholds &described);

/// The options as run.json records them.
nlohmann::ordered_json OptionsJson(const Options &options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_OPTIONS_H_
