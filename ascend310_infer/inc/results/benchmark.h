// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Times of the stages: percentiles as text and json.
#ifndef ASCEND310_INFER_INC_RESULTS_BENCHMARK_H_
#define ASCEND310_INFER_INC_RESULTS_BENCHMARK_H_

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace yolo {

/// Seconds: of each image that was read, of each batch, of each image that was post-processed.
struct StageTimes {
  std::vector<double> preprocess;
  std::vector<double> inference;
  std::vector<double> postprocess;

  /// Appends the times of another thread.
  void Append(const StageTimes &other);
};

/// The q-quantile (0 to 1) of some values, interpolated linearly as NumPy does; 0 of no values.
double Percentile(std::vector<double> values, double q);

struct BenchmarkResult {
  StageTimes times;
  double seconds = 0;  // from the start of the threads to the last box
  size_t images = 0;   // that were read
  int batch_size = 1;
  std::string runtime;
  int decode_threads = 1;
  int postprocess_threads = 1;
};

/// Milliseconds of each stage (mean, p50, p90, p99), and images a second from end to end.
nlohmann::ordered_json BenchmarkJson(const BenchmarkResult &result);

/// The same as a table.
std::string BenchmarkText(const BenchmarkResult &result);

/// Removes what WriteBenchmark of an earlier run wrote. Throws Error(kOutput).
void RemoveBenchmark(const std::filesystem::path &folder);

/// Writes benchmark.json and time_Result/test_perform_static.txt into a folder. Throws Error(kOutput).
void WriteBenchmark(const std::filesystem::path &folder, const BenchmarkResult &result);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_RESULTS_BENCHMARK_H_
