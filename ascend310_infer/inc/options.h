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
// The command line.
#ifndef ASCEND310_INFER_INC_OPTIONS_H_
#define ASCEND310_INFER_INC_OPTIONS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "inc/model_description.h"
#include "inc/runtime.h"

namespace yolo {

struct Options {
  std::string model;
  std::string images;
  std::string image_root;
  std::string annotations;
  std::string output;
  std::string runtime;  // empty: by the suffix of the model
  RuntimeOptions runtime_options;
  std::string preprocess = "opencv";
  int decode_threads = 1;  // ParseOptions: by default one a core, 4 at most
  int postprocess_threads = 1;
  std::optional<double> score_threshold;  // nothing: the description's
  std::optional<double> nms_threshold;
  std::optional<int> max_detections;
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
