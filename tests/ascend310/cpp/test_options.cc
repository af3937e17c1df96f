// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "inc/options.h"
#include "inc/pipeline/progress.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::ExitCode;

namespace {

/// The options of a command line with a model of ONNX; those that are given come after the required ones.
yolo::Options ParseArguments(std::vector<const char *> more, const char *model = "m.onnx") {
  std::vector<const char *> arguments = {"yolo_infer", "--model", model, "--images", "i", "--output", "o"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return *yolo::ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("the runtime follows from the model") {
  CHECK(ParseArguments({}).runtime == "opencv");
  CHECK(ParseArguments({}, "m.mindir").runtime == "lite");
  CHECK(ParseArguments({"--runtime", "lite"}).runtime == "lite");
  const int threads = ParseArguments({}).decode_threads;
  CHECK(threads >= 1);
  CHECK(threads <= 4);
}

TEST_CASE("thresholds of the command line come before those of the description") {
  const yolo::Thresholds described{0.1, 0.5, 300, true};
  const yolo::Thresholds kept = yolo::ChosenThresholds(ParseArguments({}), described);
  CHECK(kept.score == 0.1);
  CHECK(kept.max_detections == 300);
  const yolo::Thresholds chosen = yolo::ChosenThresholds(
      ParseArguments({"--score_threshold", "0", "--nms_threshold", "1", "--max_detections", "7"}), described);
  CHECK(chosen.score == 0);
  CHECK(chosen.nms_iou == 1);
  CHECK(chosen.max_detections == 7);
  CHECK(chosen.multi_label);
}

TEST_CASE("numbers out of range are refused, NaN among them") {
  for (const char *option : {"--score_threshold", "--nms_threshold", "--draw_threshold"}) {
    for (const char *value : {"nan", "-nan", "inf", "-0.1", "1.1", "x", ""}) {
      CheckError([&] { ParseArguments({"--draw", option, value}); }, ExitCode::kUsage, {option});
    }
  }
  CheckError([] { ParseArguments({"--benchmark", "0"}); }, ExitCode::kUsage, {"--benchmark"});
  CheckError([] { ParseArguments({"--max_pixels", "1073741825"}); }, ExitCode::kUsage, {"--max_pixels"});
  CHECK(ParseArguments({}).max_pixels == 64000000);
  CheckError([] { ParseArguments({"--exif", "turn"}); }, ExitCode::kUsage, {"--exif", "auto", "ignore"});
  CHECK(ParseArguments({"--exif", "ignore"}).exif == "ignore");
  CheckError([] { ParseArguments({"--decode_threads", "257"}); }, ExitCode::kUsage, {"--decode_threads"});
}

TEST_CASE("options that the run has no use for are refused") {
  CheckError(
      [] {
        ParseArguments({"--precision", "enforce_fp32"});
      },
      ExitCode::kUsage, {"--precision", "--runtime opencv"});
  CheckError([] { ParseArguments({"--provider", "cpu"}); }, ExitCode::kUsage, {"--provider"});
  CheckError([] { ParseArguments({"--aipp_config", "a.cfg"}); }, ExitCode::kUsage, {"--aipp_config"});
  CheckError([] { ParseArguments({"--device_id", "0"}); }, ExitCode::kUsage, {"--device_id"});
  CheckError(
      [] {
        ParseArguments({"--device_id", "1", "--provider", "cpu"}, "m.mindir");
      },
      ExitCode::kUsage, {"--device_id"});
  CheckError([] { ParseArguments({"--draw_threshold", "0.5"}); }, ExitCode::kUsage, {"--draw_threshold"});
  CHECK(ParseArguments({"--device_id", "1", "--preprocess", "dvpp"}).runtime_options.device_ids == std::vector<int>{1});
  CHECK(ParseArguments({"--device_id", "3,1"}, "m.om").runtime_options.device_ids == std::vector<int>{3, 1});
  CHECK(ParseArguments({}, "m.om").runtime == "acl");
  CheckError([] { ParseArguments({"--device_id", "1,1"}, "m.om"); }, ExitCode::kUsage, {"--device_id", "twice"});
  CheckError(
      [] {
        ParseArguments({"--runtime_threads", "2"}, "m.om");
      },
      ExitCode::kUsage, {"--runtime_threads", "acl"});
  CHECK(ParseArguments({"--device_id", "1", "--precision", "x"}, "m.mindir").runtime_options.precision == "x");
}

TEST_CASE("a run is on images or on a video") {
  const auto parse = [](std::vector<const char *> more) {
    std::vector<const char *> arguments = {"yolo_infer", "--model", "m.onnx", "--output", "o"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return *yolo::ParseOptions(static_cast<int>(arguments.size()), arguments.data());
  };
  const yolo::Options options = parse({"--video", "rtsp://me:secret@camera", "--draw"});
  CHECK(options.video == "rtsp://me:secret@camera");
  CHECK(yolo::OptionsJson(options)["video"] == "rtsp://***@camera");
  CheckError([&] { parse({}); }, ExitCode::kUsage, {"neither", "--images", "--video"});
  CheckError([&] { parse({"--video", "0", "--images", "i"}); }, ExitCode::kUsage, {"both", "--images", "--video"});
  CheckError([&] { parse({"--video", "0", "--annotations", "a"}); }, ExitCode::kUsage, {"--annotations", "--video"});
  CheckError([&] { parse({"--video", "0", "--benchmark", "9"}); }, ExitCode::kUsage, {"--benchmark", "--video"});
  CheckError([&] { parse({"--video", "0", "--preprocess", "dvpp"}); }, ExitCode::kUsage, {"--preprocess", "--video"});
}

TEST_CASE("a path is not empty") {
  CheckError([] { ParseArguments({"--annotations", ""}); }, ExitCode::kUsage, {"--annotations", "empty"});
  CheckError([] { ParseArguments({}, ""); }, ExitCode::kUsage, {"--model", "empty"});
}

TEST_CASE("progress is reported after a while, not at every image") {
  std::ostringstream quiet, loud;
  std::ostringstream endless;
  yolo::Progress seldom(3, &quiet), always(3, &loud, 0), unknown(0, &endless, 0);
  unknown.Add();
  CHECK(endless.str() == "1 images\n");
  for (int number = 0; number < 3; ++number) {
    seldom.Add();
    always.Add();
  }
  CHECK(quiet.str().empty());
  CHECK(loud.str() == "1 of 3 images\n2 of 3 images\n3 of 3 images\n");
}
