// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/results/benchmark.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <numeric>
#include <sstream>
#include <utility>

#include "inc/utils.h"

namespace yolo {
namespace {

constexpr double kMilliseconds = 1000.0;
const char *const kReport = "benchmark.json";
// By this name the 2021 version wrote its time.
const char *const kTextReport = "time_Result/test_perform_static.txt";

struct Stage {
  const char *name;
  const char *unit;
  const std::vector<double> *seconds;
};

std::array<Stage, 3> Stages(const StageTimes &times) {
  return {{{"preprocess", "image", &times.preprocess},
           {"inference", "batch", &times.inference},
           {"postprocess", "image", &times.postprocess}}};
}

double Mean(const std::vector<double> &values) {
  return values.empty() ? 0.0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Rate(const BenchmarkResult &result) {
  return result.seconds > 0 ? static_cast<double>(result.images) / result.seconds : 0.0;
}

/// Milliseconds of a stage by the name of the figure.
std::vector<std::pair<const char *, double>> Figures(const std::vector<double> &seconds) {
  return {{"mean", Mean(seconds) * kMilliseconds},
          {"p50", Percentile(seconds, 0.50) * kMilliseconds},
          {"p90", Percentile(seconds, 0.90) * kMilliseconds},
          {"p99", Percentile(seconds, 0.99) * kMilliseconds}};
}

}  // namespace

void StageTimes::Append(const StageTimes &other) {
  preprocess.insert(preprocess.end(), other.preprocess.begin(), other.preprocess.end());
  inference.insert(inference.end(), other.inference.begin(), other.inference.end());
  postprocess.insert(postprocess.end(), other.postprocess.begin(), other.postprocess.end());
}

double Percentile(std::vector<double> values, double q) {
  if (values.empty()) {
    return 0.0;
  }
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}

nlohmann::ordered_json BenchmarkJson(const BenchmarkResult &result) {
  nlohmann::ordered_json report = {{"runtime", result.runtime},
                                   {"batch_size", result.batch_size},
                                   {"decode_threads", result.decode_threads},
                                   {"postprocess_threads", result.postprocess_threads},
                                   {"images", result.images},
                                   {"seconds", result.seconds},
                                   {"images_per_second", Rate(result)}};
  for (const Stage &stage : Stages(result.times)) {
    nlohmann::ordered_json &entry = report[std::string(stage.name) + "_ms"];
    entry["per"] = stage.unit;
    entry["count"] = stage.seconds->size();
    for (const auto &[name, milliseconds] : Figures(*stage.seconds)) {
      entry[name] = milliseconds;
    }
  }
  return report;
}

std::string BenchmarkText(const BenchmarkResult &result) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << std::left << std::setw(24) << "milliseconds" << std::right;
  for (const auto &[name, unused] : Figures({})) {
    text << std::setw(10) << name;
  }
  text << '\n';
  for (const Stage &stage : Stages(result.times)) {
    text << std::left << std::setw(24) << std::string(stage.name) + " (per " + stage.unit + ")" << std::right;
    for (const auto &[unused, milliseconds] : Figures(*stage.seconds)) {
      text << std::setw(10) << milliseconds;
    }
    text << '\n';
  }
  text << Rate(result) << " images/s end to end (" << result.images << " images, batch " << result.batch_size << ", "
       << result.decode_threads << " decode threads, " << result.postprocess_threads << " post-processing threads, "
       << result.runtime << ")\n";
  return text.str();
}

void RemoveBenchmark(const std::filesystem::path &folder) {
  RemoveFile(folder / kReport);
  RemoveFile(folder / kTextReport);
}

void WriteBenchmark(const std::filesystem::path &folder, const BenchmarkResult &result) {
  WriteFile(folder / kReport, BenchmarkJson(result).dump(2) + "\n");
  // The first line is the one of the 2021 version.
  std::ostringstream text;
  text << "NN inference cost average time: " << Mean(result.times.inference) * kMilliseconds << " ms of infer_count "
       << result.times.inference.size() << "\n"
       << BenchmarkText(result);
  WriteFile(folder / kTextReport, text.str());
}

}  // namespace yolo
