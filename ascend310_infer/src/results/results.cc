// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/results/results.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "inc/utils.h"

namespace yolo {
namespace {

using nlohmann::ordered_json;

constexpr double kPixelSteps = 100.0;
constexpr double kScoreSteps = 1e5;

/// The nearest multiple of 1 / steps, halves to even, as NumPy rounds.
double Rounded(double value, double steps) { return std::nearbyint(value * steps) / steps; }

/// Text of any origin, such as the name of a file, as json can hold it.
std::string Dump(const ordered_json &value, int indent) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json SkippedJson(const std::vector<ImageEntry> &images, const std::vector<Outcome> &outcomes) {
  ordered_json skipped = ordered_json::array();
  for (size_t index = 0; index < images.size(); ++index) {
    if (!outcomes[index].error.empty()) {
      skipped.push_back({{"image_id", images[index].id}, {"file", images[index].name}, {"why", outcomes[index].error}});
    }
  }
  return skipped;
}

ordered_json ImagesJson(const std::vector<ImageEntry> &images) {
  ordered_json entries = ordered_json::array();
  for (const ImageEntry &image : images) {
    entries.push_back({{"id", image.id}, {"file_name", image.name}});
  }
  return entries;
}

}  // namespace

std::string CocoRecords(int64_t image_id, const std::vector<Detection> &detections,
                        const std::vector<int64_t> &category_ids) {
  // By printf, because a json object for each box takes five times as long.
  std::array<char, 256> record{};
  std::string text;
  for (const Detection &detection : detections) {
    const double x1 = Rounded(detection.box.x1, kPixelSteps), y1 = Rounded(detection.box.y1, kPixelSteps);
    std::snprintf(record.data(), record.size(),
                  R"({"image_id":%lld,"category_id":%lld,"bbox":[%.2f,%.2f,%.2f,%.2f],"score":%.5f})",
                  static_cast<long long>(image_id),
                  static_cast<long long>(category_ids.at(static_cast<size_t>(detection.class_number))), x1, y1,
                  Rounded(detection.box.x2, kPixelSteps) - x1, Rounded(detection.box.y2, kPixelSteps) - y1,
                  Rounded(detection.score, kScoreSteps));
    text.append(text.empty() ? "" : ",\n").append(record.data());
  }
  return text;
}

std::string ResultsText(const std::vector<std::string> &records) {
  std::string text = "[";
  for (const std::string &record : records) {
    if (!record.empty()) {
      text += (text.size() == 1 ? "" : ",\n") + record;
    }
  }
  return text + "]\n";
}

Counts CountOutcomes(const std::vector<Outcome> &outcomes) {
  Counts counts;
  counts.images = outcomes.size();
  for (const Outcome &outcome : outcomes) {
    counts.skipped += outcome.error.empty() ? 0 : 1;
    counts.not_finite += outcome.is_finite ? 0 : 1;
    counts.fell_back += outcome.fell_back ? 1 : 0;
    counts.detections += outcome.detections;
  }
  return counts;
}

ordered_json RunJson(const Options &options, const ModelDescription &description, const ImageList &list,
                     const PipelineResult &result, size_t not_drawn, const std::string &results_text) {
  const Counts counts = CountOutcomes(result.outcomes);
  const Thresholds &thresholds = description.thresholds;
  const ordered_json run = {{"format", 1},
                            {"model_sha256", description.model_sha256},
                            {"results_sha256", Sha256(results_text)},
                            {"description", ordered_json::parse(description.text)},
                            {"options", OptionsJson(options)},
                            {"thresholds",
                             {{"score", thresholds.score},
                              {"nms_iou", thresholds.nms_iou},
                              {"max_detections", thresholds.max_detections},
                              {"multi_label", thresholds.multi_label}}},
                            {"category_ids", list.category_ids},
                            {"counts",
                             {{"images", counts.images},
                              {"skipped", counts.skipped},
                              {"not_finite", counts.not_finite},
                              {"not_drawn", not_drawn},
                              {"not_decoded_by_dvpp", counts.fell_back},
                              {"detections", counts.detections}}},
                            {"seconds", result.seconds},
                            {"skipped", SkippedJson(list.images, result.outcomes)},
                            {"images", ImagesJson(list.images)}};
  // Names of files are any bytes; what is no UTF-8 is replaced.
  return ordered_json::parse(Dump(run, -1));
}

}  // namespace yolo
