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
// yolo_infer: runs an exported model on images and writes COCO results; --help lists the options.
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "inc/benchmark.h"
#include "inc/draw.h"
#include "inc/errors.h"
#include "inc/image_list.h"
#include "inc/model_description.h"
#include "inc/options.h"
#include "inc/pipeline.h"
#include "inc/preprocess.h"
#include "inc/results.h"
#include "inc/runtime.h"
#include "inc/utils.h"

namespace yolo {
namespace {

namespace fs = std::filesystem;

/// Runs over the list, repeated as often as needed, and leaves the detections alone.
void Benchmark(const Options &options, Pipeline pipeline, const std::vector<ImageEntry> &images) {
  std::vector<ImageEntry> measured;
  for (size_t number = 0; number < static_cast<size_t>(options.benchmark); ++number) {
    measured.push_back(images[number % images.size()]);
  }
  pipeline.handle = [](size_t, const std::vector<Detection> &) {};
  PipelineResult run = RunPipeline(pipeline, measured);
  const BenchmarkResult result{std::move(run.times),
                               run.seconds,
                               measured.size(),
                               pipeline.description->input.Batch(),
                               options.runtime,
                               options.decode_threads,
                               options.postprocess_threads};
  std::cout << BenchmarkText(result);
  WriteBenchmark(options.output, result);
}

ExitCode Report(const Options &options, const ImageList &list, const PipelineResult &result) {
  for (const Outcome &outcome : result.outcomes) {
    if (!outcome.error.empty()) {
      std::cerr << "warning: skipped: " << outcome.error << '\n';
    }
  }
  const Counts counts = CountOutcomes(result.outcomes);
  if (counts.not_finite > 0) {
    std::cerr << "warning: the network gave NaN or infinity on " << counts.not_finite << " of " << counts.images
              << " images\n";
  }
  std::cout << counts.images - counts.skipped << " of " << counts.images << " images, " << counts.detections
            << " detections, " << counts.skipped << " images skipped, " << result.seconds << " s\n"
            << "results: " << (fs::path(options.output) / "results.json").string() << '\n';
  const bool nothing_read = counts.skipped == list.images.size();
  return counts.skipped > 0 && (options.strict || nothing_read) ? ExitCode::kInput : ExitCode::kOk;
}

ExitCode Infer(const Options &options) {
  const fs::path output(options.output);
  ModelDescription description = ReadModelDescription(options.model);
  description.thresholds = ChosenThresholds(options, description.thresholds);
  const ImageList list = ListImages(options.images, options.image_root, options.annotations, description.classes);
  // A folder that cannot be written is told before the work, not after it.
  MakeFolders(output);
  const std::unique_ptr<Runtime> runtime =
      CreateRuntime(options.runtime, options.model, description, options.runtime_options);

  std::vector<std::string> records(list.images.size());
  Pipeline pipeline;
  pipeline.description = &description;
  pipeline.runtime = runtime.get();
  pipeline.new_preprocessor = FindPreprocessor(options.preprocess, description, options.runtime_options.device_id);
  pipeline.decode_threads = options.decode_threads;
  pipeline.postprocess_threads = options.postprocess_threads;
  pipeline.handle = [&](size_t index, const std::vector<Detection> &detections) {
    const ImageEntry &entry = list.images[index];
    records[index] = CocoRecords(entry.id, detections, list.category_ids);
    if (options.draw) {
      WriteDrawing(entry, detections, options.draw_threshold, description.classes, output / "drawn");
    }
  };
  // The record goes first and comes last: where it is, the results are those of its run.
  const fs::path results_path = output / "results.json", record_path = output / "run.json";
  RemoveFile(record_path);
  RemoveFile(results_path);
  const PipelineResult result = RunPipeline(pipeline, list.images);
  const std::string results_text = ResultsText(records);
  WriteFile(results_path, results_text);
  WriteFile(record_path, RunJson(options, description, list, result, results_text).dump(1) + "\n");
  if (options.benchmark > 0) {
    Benchmark(options, pipeline, list.images);
  }
  return Report(options, list, result);
}

}  // namespace
}  // namespace yolo

int main(int argc, char **argv) {
  try {
    const auto options = yolo::ParseOptions(argc, argv);
    return static_cast<int>(options ? yolo::Infer(*options) : yolo::ExitCode::kOk);
  } catch (const yolo::Error &error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(yolo::ExitCode::kRuntime);
  }
}
