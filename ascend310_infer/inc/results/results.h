// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// What the program writes: COCO results and the record of the run.
#ifndef ASCEND310_INFER_INC_RESULTS_RESULTS_H_
#define ASCEND310_INFER_INC_RESULTS_RESULTS_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inc/image/image_list.h"
#include "inc/model/model_description.h"
#include "inc/options.h"
#include "inc/pipeline/pipeline.h"
#include "inc/utils.h"

namespace yolo {

/// The detections of one image as COCO results, objects separated by commas: bbox is [x, y, width, height] in pixels
/// with 2 decimals, the score has 5. Corners are rounded rather than sides, as `coco_results` of
/// src/evaluation/detections.py does.
std::string CocoRecords(const nlohmann::json &image_id, const std::vector<Detection> &detections,
                        const std::vector<nlohmann::json> &category_ids);

/// The records of all images as a json list.
std::string ResultsText(const std::vector<std::string> &records);

/// A frame as one line of json: its number, its time in seconds, and its detections as `as_records` of
/// src/evaluation/detections.py gives them: sides are rounded rather than corners.
std::string FrameRecord(const FrameResult &result, const std::vector<ClassDescription> &classes);

/// Appends the records of frames to a file, each when it comes.
class FrameRecords {
 public:
  /// The classes must outlive the object. Throws Error(kOutput).
  FrameRecords(std::filesystem::path path, const std::vector<ClassDescription> &classes);

  /// Throws Error(kOutput).
  void Add(const FrameResult &result);
  /// SHA-256 of the file; nothing can be added after it.
  std::string Finish() { return hasher_.Finish(); }

 private:
  void Check() const;

  std::filesystem::path path_;
  const std::vector<ClassDescription> &classes_;
  std::ofstream file_;
  Hasher hasher_;
};

/// Numbers of images or frames by outcome, and of detections.
struct Counts {
  void Add(const Outcome &outcome);

  size_t images = 0;
  size_t skipped = 0;
  size_t not_finite = 0;   // images for which the network returned NaN or infinity
  size_t fell_back = 0;    // images that DVPP left to OpenCV
  size_t warned = 0;       // images that were cut short, damaged or nearly black
  size_t unconfirmed = 0;  // images turned by an EXIF orientation that their listed size cannot confirm
  size_t not_drawn = 0;
  size_t left_out = 0;  // images that an interrupted run did not begin
  size_t dropped = 0;   // frames of a live source for which the network had no time
  size_t detections = 0;
};

Counts CountOutcomes(const std::vector<Outcome> &outcomes);

struct RunSummary {
  std::vector<nlohmann::json> category_ids;
  Counts counts;
  double seconds = 0;
  std::string results_sha256;
  std::string interrupted;  // the name of the signal; empty: the run came to its end
};

/// The record of a run: model and description, options, thresholds, ids, counts, and the SHA-256 of the results, which
/// ties the two files together.
nlohmann::ordered_json RunJson(const Options &options, const ModelDescription &description, const RunSummary &summary);

/// What the record of a run on images has besides: each image, and those that were skipped. The outcomes may be fewer
/// than the images: the others were left out.
void AddImages(const std::vector<ImageEntry> &images, const std::vector<Outcome> &outcomes,
               nlohmann::ordered_json *run);

/// A record as text. Names of files are any bytes; what is no UTF-8 is replaced.
std::string RunText(const nlohmann::ordered_json &run);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_RESULTS_RESULTS_H_
