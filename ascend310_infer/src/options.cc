// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <set>
#include <thread>

#include "inc/errors.h"
#include "inc/utils.h"

namespace yolo {
namespace {

constexpr int kMaxThreads = 256;
constexpr int kMaxImages = 10000000;

int ProcessorCount() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

CLI::Validator NotEmpty() {
  return {[](const std::string &text) { return std::string(text.empty() ? "is empty; expected a path" : ""); }, ""};
}

void AddFiles(CLI::App *app, Options *options) {
  app->add_option("--model", options->model,
                  "Model of export.py, .mindir or .onnx, or .om of convert_om.sh; its description MODEL.json beside it")
      ->required()
      ->check(NotEmpty());
  app->add_option("--images", options->images,
                  "Folder of images (those below its folders are left out), one image, list file (a path a line), or "
                  "COCO json; this or --video is needed")
      ->check(NotEmpty());
  app->add_option("--video", options->video,
                  "Video file, address of a stream (rtsp://...) or number of a camera; writes results.jsonl, and with "
                  "--draw drawn.avi")
      ->check(NotEmpty());
  app->add_option("--image_root", options->image_root,
                  "Folder that the paths in the list file or json start from; by default that of the list file, or by "
                  "COCO's layout")
      ->check(NotEmpty());
  app->add_option("--annotations", options->annotations,
                  "COCO json that gives image and category ids to a folder, an image or a list file")
      ->check(NotEmpty());
  app->add_option("--output", options->output, "Folder for results.json, run.json and what else is asked for")
      ->required()
      ->check(NotEmpty());
}

void AddRuntime(CLI::App *app, Options *options) {
  RuntimeOptions &runtime = options->runtime_options;
  app->add_option("--runtime", options->runtime,
                  "lite, acl, opencv or openvino; by default acl for .om, opencv for .onnx, else lite")
      ->check(CLI::IsMember({"lite", "acl", "opencv", "openvino"}));
  app->add_option("--device_id", runtime.device_ids, "Ascend devices, as in 0,1: each runs the model on some batches")
      ->delimiter(',')
      ->check(CLI::Range(0, 4095))
      ->capture_default_str();
  app->add_option("--provider", runtime.provider, "Where MindSpore Lite runs the model")
      ->check(CLI::IsMember({"ascend", "cpu"}))
      ->capture_default_str();
  app->add_option("--precision", runtime.precision, "Precision mode of MindSpore Lite, e.g. enforce_fp32");
  app->add_option("--aipp_config", runtime.aipp_config, "AIPP file, for a model exported with normalise: aipp")
      ->check(NotEmpty());
  app->add_option("--runtime_threads", runtime.threads, "Threads of the runtime on the host; 0: its own choice")
      ->check(CLI::Range(0, kMaxThreads));
}

void AddWork(CLI::App *app, Options *options) {
  app->add_option("--preprocess", options->preprocess, "Who decodes and resizes: opencv (the reference) or dvpp")
      ->check(CLI::IsMember({"opencv", "dvpp"}))
      ->capture_default_str();
  app->add_option("--max_pixels", options->max_pixels, "An image that has more by its header is skipped, not decoded")
      ->check(CLI::Range(int64_t{1}, kMaxPixelsOfOpenCv))
      ->capture_default_str();
  app->add_option("--exif", options->exif,
                  "auto: photos are turned as people see them, where an annotation file has that size; ignore: as they "
                  "are stored; default: the model's")
      ->check(CLI::IsMember({"auto", "ignore"}));
  app->add_option("--decode_threads", options->decode_threads, "Threads that read images")
      ->check(CLI::Range(1, kMaxThreads))
      ->capture_default_str();
  app->add_option("--postprocess_threads", options->postprocess_threads, "Threads that make detections")
      ->check(CLI::Range(1, kMaxThreads))
      ->capture_default_str();
  app->add_option("--score_threshold", options->score_threshold, "Detections score above it; default: the model's")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--nms_threshold", options->nms_threshold,
                  "Largest IoU of two boxes of a class; default: the model's")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--max_detections", options->max_detections,
                  "Highest number of detections of an image; default: the model's")
      ->check(CLI::Range(1, kMaxDetections));
  app->add_flag("--draw", options->draw, "Write the images with their boxes to OUTPUT/drawn, a video to drawn.avi");
  app->add_option("--draw_threshold", options->draw_threshold, "Lowest score that is drawn")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_flag("--strict", options->strict,
                "Fail where an image was skipped, cut short, damaged, gave NaN, or could not be drawn");
  app->add_option("--benchmark", options->benchmark,
                  "After the run, measure the stages on this many images; the list is repeated as needed")
      ->check(CLI::Range(1, kMaxImages));
}

/// CLI::Range lets NaN pass, which no comparison refuses.
void RefuseNan(const Options &options) {
  const std::pair<const char *, double> fractions[] = {{"--score_threshold", options.score_threshold.value_or(0)},
                                                       {"--nms_threshold", options.nms_threshold.value_or(0)},
                                                       {"--draw_threshold", options.draw_threshold}};
  for (const auto &[name, value] : fractions) {
    if (std::isnan(value)) {
      throw Error(ExitCode::kUsage, std::string(name) + " is not a number; expected one of 0 to 1");
    }
  }
}

/// An option that has no effect on this run is a mistake.
void RefuseUnused(const CLI::App &app, const Options &options) {
  const auto refuse = [&](const std::string &name, const std::string &why) {
    if (app.count(name) > 0) {
      throw Error(ExitCode::kUsage, name + " is for " + why + "; leave it out");
    }
  };
  const bool is_lite = options.runtime == "lite";
  if (!is_lite) {
    for (const char *name : {"--provider", "--precision", "--aipp_config"}) {
      refuse(name, "--runtime lite, and this run is by --runtime " + options.runtime);
    }
  }
  const bool is_acl = options.runtime == "acl";
  if (is_acl) {
    refuse("--runtime_threads", "runtimes that compute on the host, and this run is by --runtime acl");
  }
  if (options.preprocess != "dvpp" && !is_acl && !(is_lite && options.runtime_options.provider == "ascend")) {
    refuse("--device_id", "Ascend devices, and this run uses none");
  }
  if (options.video.empty() == options.images.empty()) {
    throw Error(ExitCode::kUsage, std::string(options.video.empty() ? "neither" : "both") +
                                      " of --images and --video are given; expected one of the two");
  }
  if (!options.video.empty()) {
    for (const char *name : {"--annotations", "--image_root", "--benchmark", "--exif"}) {
      refuse(name, "--images, and this run is on --video");
    }
    if (options.preprocess != "opencv") {
      refuse("--preprocess", "image files, and this run is on --video, whose frames OpenCV decodes");
    }
  }
  if (!options.draw) {
    refuse("--draw_threshold", "--draw, which is not given");
  }
}

}  // namespace

std::optional<Options> ParseOptions(int argc, const char *const *argv) {
  Options options;
  options.decode_threads = std::min(ProcessorCount(), 4);
  CLI::App app("Finds objects in images with a YOLOv3-Tiny model, and writes COCO results.", "yolo_infer");
  app.footer("Exit codes: 0 ok, 2 usage, 3 model, 4 input, 5 runtime, 6 output.");
  AddFiles(&app, &options);
  AddRuntime(&app, &options);
  AddWork(&app, &options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    std::cout << app.help();
    return std::nullopt;
  } catch (const CLI::ParseError &error) {
    throw Error(ExitCode::kUsage, std::string(error.what()) + "; --help lists the options");
  }
  if (options.runtime.empty()) {
    const std::string suffix = std::filesystem::path(options.model).extension();
    options.runtime = suffix == ".onnx" ? "opencv" : suffix == ".om" ? "acl" : "lite";
  }
  RefuseNan(options);
  const std::vector<int> &devices = options.runtime_options.device_ids;
  if (std::set<int>(devices.begin(), devices.end()).size() < devices.size()) {
    throw Error(ExitCode::kUsage, "--device_id names a device twice; expected each once");
  }
  RefuseUnused(app, options);
  options.runtime_options.by_dvpp = options.preprocess == "dvpp";
  return options;
}

Thresholds ChosenThresholds(const Options &options, const Thresholds &described) {
  return {options.score_threshold.value_or(described.score), options.nms_threshold.value_or(described.nms_iou),
          options.max_detections.value_or(described.max_detections), described.multi_label};
}

nlohmann::ordered_json OptionsJson(const Options &options) {
  const RuntimeOptions &runtime = options.runtime_options;
  return {{"model", options.model},
          {"images", options.images},
          {"video", WithoutPassword(options.video)},
          {"image_root", options.image_root},
          {"annotations", options.annotations},
          {"runtime", options.runtime},
          {"device_id", runtime.device_ids},
          {"provider", runtime.provider},
          {"precision", runtime.precision},
          {"aipp_config", runtime.aipp_config},
          {"runtime_threads", runtime.threads},
          {"preprocess", options.preprocess},
          {"max_pixels", options.max_pixels},
          {"decode_threads", options.decode_threads},
          {"postprocess_threads", options.postprocess_threads}};
}

}  // namespace yolo
