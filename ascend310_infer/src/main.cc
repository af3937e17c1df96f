// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// yolo_infer: runs an exported model on images and writes COCO results; --help lists the options.
#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "inc/errors.h"
#include "inc/image/image_list.h"
#include "inc/image/preprocess.h"
#include "inc/model/model_description.h"
#include "inc/model/runtime.h"
#include "inc/options.h"
#include "inc/pipeline/pipeline.h"
#include "inc/pipeline/progress.h"
#include "inc/results/benchmark.h"
#include "inc/results/draw.h"
#include "inc/results/results.h"
#include "inc/utils.h"

namespace yolo {
namespace {

namespace fs = std::filesystem;

const char *const kResults = "results.json";
const char *const kRecord = "run.json";
// Written by src/postprocess.py, from the results.
const char *const kMetrics = "metrics.json";

/// Removes the results of an earlier run, which must not pass for those of a run that fails, and reports a folder that
/// cannot be written before the work starts.
void PrepareOutput(const fs::path &output) {
  MakeFolders(output);
  CheckWritable(output);
  // Without results beside them they are the figures of another program, eval.py for one.
  if (fs::exists(output / kRecord) || fs::exists(output / kResults)) {
    RemoveFile(output / kMetrics);
  }
  RemoveFile(output / kRecord);
  RemoveFile(output / kResults);
  RemoveBenchmark(output);
}

/// Measures the stages, up to the text of the results, on the images that could be read, repeated as needed.
void Benchmark(const Options &options, Pipeline pipeline, const ImageList &list, const PipelineResult &result) {
  std::vector<ImageEntry> readable;
  for (size_t index = 0; index < list.images.size(); ++index) {
    if (result.outcomes[index].error.empty()) {
      readable.push_back(list.images[index]);
    }
  }
  if (readable.empty()) {
    return;
  }
  std::vector<ImageEntry> measured;
  for (size_t number = 0; number < static_cast<size_t>(options.benchmark); ++number) {
    measured.push_back(readable[number % readable.size()]);
  }
  Progress progress(measured.size(), &std::cerr);
  std::vector<std::string> records(measured.size());
  pipeline.handle = [&](size_t index, const std::vector<Detection> &detections) {
    records[index] = CocoRecords(measured[index].id, detections, list.category_ids);
    progress.Add();
  };
  pipeline.skip = [](size_t, const std::string &) {};
  PipelineResult run = RunPipeline(pipeline, measured);
  const Counts counts = CountOutcomes(run.outcomes);
  const BenchmarkResult benchmark{std::move(run.times),
                                  run.seconds,
                                  counts.images - counts.skipped,
                                  pipeline.description->input.Batch(),
                                  options.runtime,
                                  options.decode_threads,
                                  options.postprocess_threads};
  std::cout << BenchmarkText(benchmark);
  WriteBenchmark(options.output, benchmark);
}

/// Reports the counts of the run and returns the exit code.
ExitCode Report(const Options &options, const PipelineResult &result, size_t not_drawn) {
  const Counts counts = CountOutcomes(result.outcomes);
  const size_t read = counts.images - counts.skipped;
  if (counts.not_finite > 0) {
    std::cerr << "warning: the network returned NaN or infinity on " << counts.not_finite << " of " << read
              << " images; export the model again from a checkpoint without NaN, or choose another --precision\n";
  }
  if (counts.fell_back > 0 && counts.fell_back == read) {
    std::cerr << "warning: DVPP decoded none of the images; check the device's log (~/ascend/log), or leave "
                 "--preprocess dvpp out\n";
  }
  std::cout << read << " of " << counts.images << " images, " << counts.detections << " detections, " << counts.skipped
            << " images skipped, " << (not_drawn > 0 ? std::to_string(not_drawn) + " not drawn, " : "")
            << (counts.fell_back > 0 ? std::to_string(counts.fell_back) + " not decoded by DVPP, " : "")
            << result.seconds << " s\n"
            << "results: " << (fs::path(options.output) / kResults).string() << '\n';
  // A few are reported; the run fails where all are affected.
  const auto fails = [&](size_t count, size_t all) { return count > 0 && (options.strict || count == all); };
  if (fails(counts.skipped, counts.images)) {
    return ExitCode::kInput;
  }
  if (fails(counts.not_finite, read)) {
    return ExitCode::kRuntime;
  }
  return fails(not_drawn, read) ? ExitCode::kOutput : ExitCode::kOk;
}

ExitCode Infer(const Options &options) {
  const fs::path output(options.output);
  CheckPreprocessor(options.preprocess);
  CheckRuntime(options.runtime);
  PrepareOutput(output);
  ModelDescription description = ReadModelDescription(options.model);
  description.thresholds = ChosenThresholds(options, description.thresholds);
  const ImageList list = ListImages(options.images, options.image_root, options.annotations, description.classes);
  const std::vector<std::unique_ptr<Runtime>> runtimes =
      CreateRuntimes(options.runtime, options.model, description, options.runtime_options);

  std::vector<std::string> records(list.images.size());
  std::optional<Drawings> drawings;
  if (options.draw) {
    drawings.emplace(list.images, description.classes, options.draw_threshold, output / "drawn");
  }
  Progress progress(list.images.size(), &std::cerr);
  Pipeline pipeline;
  pipeline.description = &description;
  for (const std::unique_ptr<Runtime> &runtime : runtimes) {
    pipeline.runtimes.push_back(runtime.get());
  }
  pipeline.new_preprocessor = FindPreprocessor(options.preprocess, description, options.runtime_options.device_ids);
  pipeline.decode_threads = options.decode_threads;
  pipeline.postprocess_threads = options.postprocess_threads;
  pipeline.handle = [&](size_t index, const std::vector<Detection> &detections) {
    records[index] = CocoRecords(list.images[index].id, detections, list.category_ids);
    if (drawings) {
      drawings->Draw(index, detections);
    }
    progress.Add();
  };
  pipeline.skip = [&](size_t, const std::string &why) {
    std::cerr << "warning: skipped: " + why + "\n";
    progress.Add();
  };
  const PipelineResult result = RunPipeline(pipeline, list.images);
  const std::string results_text = ResultsText(records);
  WriteFile(output / kResults, results_text);
  // The record comes last: where it is, the results are those of its run.
  const size_t not_drawn = drawings ? drawings->failed() : 0;
  WriteFile(output / kRecord, RunJson(options, description, list, result, not_drawn, results_text).dump(1) + "\n");
  const ExitCode code = Report(options, result, not_drawn);
  if (options.benchmark > 0) {
    Benchmark(options, pipeline, list, result);
  }
  return code;
}

}  // namespace
}  // namespace yolo

int main(int argc, char **argv) {
  // A file beyond the size limit is then reported as an error.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const auto options = yolo::ParseOptions(argc, argv);
    return static_cast<int>(options ? yolo::Infer(*options) : yolo::ExitCode::kOk);
  } catch (const yolo::Error &error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc &) {
    std::cerr << "error: there is not enough memory; use fewer threads or a model with a smaller batch\n";
    return static_cast<int>(yolo::ExitCode::kRuntime);
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(yolo::ExitCode::kRuntime);
  }
}
