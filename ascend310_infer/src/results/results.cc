// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/results/results.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace yolo {
namespace {

using nlohmann::ordered_json;

constexpr double kPixelSteps = 100.0;
constexpr double kScoreSteps = 1e5;

/// The nearest multiple of 1 / steps, halves to even, as NumPy rounds.
double Rounded(double value, double steps) { return std::nearbyint(value * steps) / steps; }

}  // namespace

std::string CocoRecords(const nlohmann::json &image_id, const std::vector<Detection> &detections,
                        const std::vector<nlohmann::json> &category_ids) {
  // By printf, because a json object for each box takes five times as long.
  std::array<char, 256> numbers{};
  std::string text;
  const std::string start = R"({"image_id":)" + image_id.dump() + R"(,"category_id":)";
  for (const Detection &detection : detections) {
    const double x1 = Rounded(detection.box.x1, kPixelSteps), y1 = Rounded(detection.box.y1, kPixelSteps);
    std::snprintf(numbers.data(), numbers.size(), R"(,"bbox":[%.2f,%.2f,%.2f,%.2f],"score":%.5f})", x1, y1,
                  Rounded(detection.box.x2, kPixelSteps) - x1, Rounded(detection.box.y2, kPixelSteps) - y1,
                  Rounded(detection.score, kScoreSteps));
    text.append(text.empty() ? "" : ",\n").append(start);
    text.append(category_ids.at(static_cast<size_t>(detection.class_number)).dump()).append(numbers.data());
  }
  return text;
}

std::string FrameRecord(const FrameResult &result, const std::vector<ClassDescription> &classes) {
  std::array<char, 256> numbers{};
  std::snprintf(numbers.data(), numbers.size(), R"({"frame":%lld,"time":%.3f,"detections":[)",
                static_cast<long long>(result.frame.number), result.frame.seconds);
  std::string text = numbers.data();
  for (const Detection &detection : result.detections) {
    const ClassDescription &one = classes.at(static_cast<size_t>(detection.class_number));
    const Box &box = detection.box;
    std::snprintf(numbers.data(), numbers.size(), R"(,"score":%.5f,"bbox":[%.2f,%.2f,%.2f,%.2f]})",
                  Rounded(detection.score, kScoreSteps), Rounded(box.x1, kPixelSteps), Rounded(box.y1, kPixelSteps),
                  Rounded(box.x2 - box.x1, kPixelSteps), Rounded(box.y2 - box.y1, kPixelSteps));
    text.append(&detection == result.detections.data() ? "" : ",").append(R"({"class_name":)");
    text.append(ordered_json(one.name).dump()).append(R"(,"category_id":)").append(one.id.dump());
    text.append(numbers.data());
  }
  return text + "]}\n";
}

FrameRecords::FrameRecords(std::filesystem::path path, const std::vector<ClassDescription> &classes)
    : path_(std::move(path)), classes_(classes), file_(path_, std::ios::binary | std::ios::trunc) {
  Check();
}

void FrameRecords::Check() const {
  if (!file_) {
    throw Error(ExitCode::kOutput, path_.string() +
                                       ": cannot write this file; check the path, its permissions and the "
                                       "space on the disk");
  }
}

void FrameRecords::Add(const FrameResult &result) {
  const std::string line = FrameRecord(result, classes_);
  // Whoever follows the file sees whole lines.
  file_ << line << std::flush;
  Check();
  hasher_.Add(line);
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

void Counts::Add(const Outcome &outcome) {
  ++images;
  skipped += outcome.error.empty() ? 0 : 1;
  not_finite += outcome.is_finite ? 0 : 1;
  fell_back += outcome.fell_back ? 1 : 0;
  warned += outcome.warned ? 1 : 0;
  unconfirmed += outcome.is_unconfirmed ? 1 : 0;
  detections += outcome.detections;
}

Counts CountOutcomes(const std::vector<Outcome> &outcomes) {
  Counts counts;
  for (const Outcome &outcome : outcomes) {
    counts.Add(outcome);
  }
  return counts;
}

ordered_json RunJson(const Options &options, const ModelDescription &description, const RunSummary &summary) {
  const Counts &counts = summary.counts;
  const Thresholds &thresholds = description.thresholds;
  return {{"format", 1},
          {"model_sha256", description.model_sha256},
          {"results_sha256", summary.results_sha256},
          {"description", ordered_json::parse(description.text)},
          {"options", OptionsJson(options)},
          {"thresholds",
           {{"score", thresholds.score},
            {"nms_iou", thresholds.nms_iou},
            {"max_detections", thresholds.max_detections},
            {"multi_label", thresholds.multi_label}}},
          {"exif", description.exif == Exif::kAuto ? "auto" : "ignore"},
          {"category_ids", summary.category_ids},
          {"interrupted", summary.interrupted},
          {"counts",
           {{"images", counts.images},
            {"left_out", counts.left_out},
            {"dropped", counts.dropped},
            {"skipped", counts.skipped},
            {"warned", counts.warned},
            {"turned_unconfirmed", counts.unconfirmed},
            {"not_finite", counts.not_finite},
            {"not_drawn", counts.not_drawn},
            {"not_decoded_by_dvpp", counts.fell_back},
            {"detections", counts.detections}}},
          {"seconds", summary.seconds}};
}

void AddImages(const std::vector<ImageEntry> &images, const std::vector<Outcome> &outcomes, ordered_json *run) {
  ordered_json &skipped = (*run)["skipped"] = ordered_json::array();
  ordered_json &entries = (*run)["images"] = ordered_json::array();
  for (size_t index = 0; index < outcomes.size(); ++index) {
    const ImageEntry &image = images[index];
    entries.push_back({{"id", image.id}, {"file_name", image.name}});
    if (!outcomes[index].error.empty()) {
      skipped.push_back({{"image_id", image.id}, {"file", image.name}, {"why", outcomes[index].error}});
    }
  }
}

std::string RunText(const ordered_json &run) {
  return run.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace yolo
