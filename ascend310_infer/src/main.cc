// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// yolo_infer: runs an exported model on images or a video and writes its detections; --help lists the options.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inc/errors.h"
#include "inc/image/image_check.h"
#include "inc/image/image_list.h"
#include "inc/image/preprocess.h"
#include "inc/model/model_description.h"
#include "inc/model/runtime.h"
#include "inc/options.h"
#include "inc/pipeline/interrupt.h"
#include "inc/pipeline/pipeline.h"
#include "inc/pipeline/progress.h"
#include "inc/results/benchmark.h"
#include "inc/results/draw.h"
#include "inc/results/results.h"
#include "inc/utils.h"
#include "inc/video/frame_source.h"
#include "inc/video/video.h"

namespace yolo {
namespace {

namespace fs = std::filesystem;

const char *const kResults = "results.json";
const char *const kFrameResults = "results.jsonl";
const char *const kRecord = "run.json";
const char *const kDrawn = "drawn.avi";
// Written by src/postprocess.py, from the results.
const char *const kMetrics = "metrics.json";

/// Removes the results of an earlier run, which must not pass for those of a run that fails, and reports a folder that
/// cannot be written before the work starts.
void PrepareOutput(const fs::path &output, const std::string &video) {
  MakeFolders(output);
  CheckWritable(output);
  RemoveDrawn(output / kDrawn, video);
  // Without results beside them they are the figures of another program, eval.py for one.
  if (fs::exists(output / kRecord) || fs::exists(output / kResults)) {
    RemoveFile(output / kMetrics);
  }
  RemoveFile(output / kRecord);
  RemoveFile(output / kResults);
  RemoveFile(output / kFrameResults);
  RemoveBenchmark(output);
}

/// Measures the stages, up to the text of the results, on the images that could be read, repeated as needed.
void Benchmark(const Options &options, Pipeline pipeline, const ImageList &list, const PipelineResult &result) {
  std::vector<ImageEntry> readable;
  for (size_t index = 0; index < result.outcomes.size(); ++index) {
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
  pipeline.warn = [](const std::string &) {};
  PipelineResult run = RunPipeline(pipeline, measured);
  if (CaughtSignal() != 0) {
    return;
  }
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

/// Reports the counts of the run on images or frames, `unit`, and returns the exit code.
ExitCode Report(const Options &options, const RunSummary &summary, const std::string &unit, const char *results) {
  const Counts &counts = summary.counts;
  const size_t read = counts.images - counts.skipped;
  if (counts.not_finite > 0) {
    std::cerr << "warning: the network returned NaN or infinity on " << counts.not_finite << " of " << read << ' '
              << unit << "; export the model again from a checkpoint without NaN, or choose another --precision\n";
  }
  if (counts.fell_back > 0 && counts.fell_back == read) {
    std::cerr << "warning: DVPP decoded none of the images; check the device's log (~/ascend/log), or leave "
                 "--preprocess dvpp out\n";
  }
  std::cout << read << " of " << counts.images << ' ' << unit << ", " << counts.detections << " detections, "
            << counts.skipped << ' ' << unit << " skipped, "
            << (counts.dropped > 0 ? std::to_string(counts.dropped) + " dropped, " : "")
            << (counts.warned > 0 ? std::to_string(counts.warned) + " cut short or damaged, " : "")
            << (counts.not_drawn > 0 ? std::to_string(counts.not_drawn) + " not drawn, " : "")
            << (counts.fell_back > 0 ? std::to_string(counts.fell_back) + " not decoded by DVPP, " : "")
            << summary.seconds << " s\n"
            << "results: " << (fs::path(options.output) / results).string() << '\n';
  if (counts.unconfirmed > 0) {
    std::cerr << "warning: " << counts.unconfirmed << " images turned upright by an EXIF orientation that their size "
              << "cannot confirm (--exif ignore: not)\n";
  }
  if (!summary.interrupted.empty()) {
    std::cerr << "warning: interrupted by " << summary.interrupted << ": " << counts.left_out << " of "
              << counts.images + counts.left_out << ' ' << unit << " were left out\n";
  }
  // A few are reported; the run fails where all are affected.
  const auto fails = [&](size_t count, size_t all) { return count > 0 && (options.strict || count == all); };
  if (fails(counts.skipped, counts.images)) {
    return ExitCode::kInput;
  }
  if (fails(counts.not_finite, read)) {
    return ExitCode::kRuntime;
  }
  return fails(counts.not_drawn, read) ? ExitCode::kOutput : ExitCode::kOk;
}

ImageRules Rules(const Options &options, const ModelDescription &description) {
  return {description.exif, options.max_pixels, options.strict};
}

/// Refuses an evaluation before the model is loaded where an image cannot be used: its figures would be too low.
void CheckAnnotatedImages(const Options &options, const ModelDescription &description, const ImageList &list) {
  Progress progress(list.images.size(), &std::cerr);
  CheckImages(list.images, Rules(options, description), options.decode_threads, [&] {
    progress.Add();
    return CaughtSignal() == 0;
  });
}

Pipeline NewPipeline(const Options &options, const ModelDescription &description,
                     const std::vector<std::unique_ptr<Runtime>> &runtimes) {
  Pipeline pipeline;
  pipeline.description = &description;
  for (const std::unique_ptr<Runtime> &runtime : runtimes) {
    pipeline.runtimes.push_back(runtime.get());
  }
  pipeline.new_preprocessor = FindPreprocessor(options.preprocess, description, options.runtime_options.device_ids,
                                               Rules(options, description));
  pipeline.new_batch = FindBatchMemory(options.preprocess, description, options.runtime_options.device_ids);
  pipeline.stops = [] { return CaughtSignal() != 0; };
  pipeline.decode_threads = options.decode_threads;
  pipeline.postprocess_threads = options.postprocess_threads;
  return pipeline;
}

ExitCode InferImages(const Options &options, const ModelDescription &description) {
  const fs::path output(options.output);
  const ImageList list = ListImages(options.images, options.image_root, options.annotations, description.classes);
  if (!list.remark.empty()) {
    std::cerr << "warning: " << list.remark << '\n';
  }
  if (list.is_annotated) {
    CheckAnnotatedImages(options, description, list);
  }
  const std::vector<std::unique_ptr<Runtime>> runtimes =
      CreateRuntimes(options.runtime, options.model, description, options.runtime_options);

  std::vector<std::string> records(list.images.size());
  std::optional<Drawings> drawings;
  if (options.draw) {
    drawings.emplace(list.images, description.classes, options.draw_threshold, description.exif, output / "drawn");
  }
  Progress progress(list.images.size(), &std::cerr);
  Pipeline pipeline = NewPipeline(options, description, runtimes);
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
  pipeline.warn = [](const std::string &text) { std::cerr << "warning: " + text + "\n"; };
  const PipelineResult result = RunPipeline(pipeline, list.images);
  const std::string results_text = ResultsText(records);
  RunSummary summary{list.category_ids, CountOutcomes(result.outcomes), result.seconds, Sha256(results_text),
                     CaughtSignalName()};
  summary.counts.not_drawn = drawings ? drawings->failed() : 0;
  summary.counts.left_out = list.images.size() - result.outcomes.size();
  WriteFile(output / kResults, results_text);
  // The record comes last: where it is, the results are those of its run.
  nlohmann::ordered_json run = RunJson(options, description, summary);
  AddImages(list.images, result.outcomes, &run);
  WriteFile(output / kRecord, RunText(run));
  const ExitCode code = Report(options, summary, "images", kResults);
  if (options.benchmark > 0 && CaughtSignal() == 0) {
    Benchmark(options, pipeline, list, result);
  }
  return code;
}

ExitCode InferVideo(const Options &options, const ModelDescription &description) {
  const fs::path output(options.output);
  const std::unique_ptr<Video> video = OpenVideo(options.video, options.max_pixels);
  const VideoInfo &info = video->info();
  const auto stops = [] { return CaughtSignal() != 0; };
  // From here on, so that no frame is old when the model has been loaded.
  std::optional<NewestFrames> newest;
  if (info.is_live) {
    newest.emplace(video.get(), static_cast<size_t>(description.input.Batch()) + 1, stops);
  }
  const std::vector<std::unique_ptr<Runtime>> runtimes =
      CreateRuntimes(options.runtime, options.model, description, options.runtime_options);
  FrameRecords records(output / kFrameResults, description.classes);
  std::optional<DrawnVideo> drawn;
  if (options.draw) {
    drawn.emplace(output / kDrawn, info.frames_per_second, description.classes, options.draw_threshold);
  }
  Progress progress(static_cast<size_t>(info.frames), &std::cerr);
  RunSummary summary;
  const auto handle = [&](FrameResult &&result) {
    if (!result.outcome.error.empty()) {
      std::cerr << "warning: skipped: " + result.outcome.error + "\n";
    }
    summary.counts.Add(result.outcome);
    records.Add(result);
    if (drawn) {
      drawn->Write(std::move(result.frame.pixels), result.detections, result.frame.seconds);
    }
    progress.Add();
  };
  FrameSource *const frames = newest ? static_cast<FrameSource *>(&*newest) : video.get();
  summary.seconds = RunPipeline(NewPipeline(options, description, runtimes), frames, handle);
  if (drawn) {
    drawn->Finish();
  }
  for (const ClassDescription &one : description.classes) {
    summary.category_ids.push_back(one.id);
  }
  summary.results_sha256 = records.Finish();
  summary.interrupted = CaughtSignalName();
  summary.counts.dropped = newest ? newest->dropped() : 0;
  const auto read = static_cast<int64_t>(summary.counts.images + summary.counts.dropped);
  if (CaughtSignal() != 0) {
    summary.counts.left_out = static_cast<size_t>(std::max(info.frames - read, int64_t{0}));
  }
  nlohmann::ordered_json run = RunJson(options, description, summary);
  run["video"] = {{"frames_per_second", info.frames_per_second}, {"frames", info.frames}, {"is_live", info.is_live}};
  WriteFile(output / kRecord, RunText(run));
  const ExitCode code = Report(options, summary, "frames", kFrameResults);
  const VideoEnd end = CaughtSignal() == 0 ? JudgeEnd(info, read) : VideoEnd();
  if (!end.text.empty()) {
    std::cerr << "error: " << end.text << '\n';
  }
  return code == ExitCode::kOk ? end.code : code;
}

ExitCode Infer(const Options &options) {
  CheckPreprocessor(options.preprocess);
  CheckRuntime(options.runtime);
  CatchSignals();
  PrepareOutput(options.output, options.video);
  ModelDescription description = ReadModelDescription(options.model);
  description.thresholds = ChosenThresholds(options, description.thresholds);
  if (!options.exif.empty()) {
    description.exif = options.exif == "auto" ? Exif::kAuto : Exif::kIgnore;
  }
  return options.video.empty() ? InferImages(options, description) : InferVideo(options, description);
}

}  // namespace
}  // namespace yolo

int main(int argc, char **argv) {
  // A file beyond the size limit is then reported as an error.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const auto options = yolo::ParseOptions(argc, argv);
    const yolo::ExitCode code = options ? yolo::Infer(*options) : yolo::ExitCode::kOk;
    // As the shell reports a program that a signal ended.
    return yolo::CaughtSignal() == 0 ? static_cast<int>(code) : 128 + yolo::CaughtSignal();
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
