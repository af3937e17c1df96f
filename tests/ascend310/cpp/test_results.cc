// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "inc/results/benchmark.h"
#include "inc/results/results.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::ExitCode;

TEST_CASE("records are rounded by corners, halves to even, and carry the data's ids") {
  const std::vector<yolo::Detection> detections = {{{0.125, 1.006, 10.126, 2.0}, 0.123456F, 1},
                                                   {{0, 0, 1, 1}, 1.0F, 0}};
  const json records = json::parse("[" + yolo::CocoRecords(42, detections, {7, 9}) + "]");
  REQUIRE(records.size() == 2);
  CHECK(records[0] ==
        json{{"image_id", 42}, {"category_id", 9}, {"bbox", {0.12, 1.01, 10.01, 0.99}}, {"score", 0.12346}});
  CHECK(records[1]["category_id"] == 7);
  CHECK(yolo::CocoRecords(42, {}, {7, 9}).empty());
  const json texts = json::parse("[" + yolo::CocoRecords("a \"1\"", detections, {"7", "b\u00e4r"}) + "]");
  CHECK(texts[0]["image_id"] == "a \"1\"");
  CHECK(texts[0]["category_id"].is_string());
}

TEST_CASE("the results of images without detections leave no gap") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "new folder" / "results.json";
  const auto written = [&](const std::vector<std::string> &records) {
    yolo::WriteFile(path, yolo::ResultsText(records));
    return json::parse(yolo::ReadFile(path, "results", ExitCode::kInput));
  };
  CHECK(written({"", "1,2", "", "3"}) == json{1, 2, 3});
  CHECK(written({"", ""}) == json::array());
  CHECK(written({}) == json::array());
  // Nothing but the file is left behind.
  CHECK(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}) == 1);
}

TEST_CASE("what cannot be written is an error of the output") {
  const TemporaryFolder folder;
  const std::string file = folder.Write("file", "x");
  CheckError([&] { yolo::WriteFile(file + "/results.json", "x"); }, ExitCode::kOutput, {"file"});
  CheckError([&] { yolo::WriteFile(folder.path(), "x"); }, ExitCode::kOutput, {folder.path().string()});
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a folder that cannot be written is reported beforehand") {
  const TemporaryFolder folder;
  yolo::CheckWritable(folder.path());
  CHECK(std::filesystem::is_empty(folder.path()));
  CheckError([] { yolo::CheckWritable("/proc"); }, ExitCode::kOutput, {"/proc", "cannot write into this folder"});
}

TEST_CASE("what an earlier run wrote is removed, a folder is not") {
  const TemporaryFolder folder;
  yolo::RemoveFile(folder.Write("run.json", "x"));
  yolo::RemoveFile(folder.path() / "absent");
  CHECK(std::filesystem::is_empty(folder.path()));
  folder.Write("time_Result", "a file where a folder is looked into");
  yolo::RemoveBenchmark(folder.path());
  yolo::RemoveFile(folder.path() / "time_Result");
  std::filesystem::create_directory(folder.path() / "run.json");
  CheckError([&] { yolo::RemoveFile(folder.path() / "run.json"); }, ExitCode::kOutput, {"run.json", "irectory"});
  yolo::WriteBenchmark(folder.path(), {});
  yolo::RemoveBenchmark(folder.path());
  CHECK_FALSE(std::filesystem::exists(folder.path() / "benchmark.json"));
  CHECK(std::filesystem::is_empty(folder.path() / "time_Result"));
}

TEST_CASE("a name as long as a name can be is written") {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  CHECK(yolo::ReadFile(folder.Write(name, "x"), "file", ExitCode::kInput) == "x");
}

TEST_CASE("SHA-256 of the standard's own example") {
  CHECK(yolo::Sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("percentiles are NumPy's") {
  CHECK(yolo::Percentile({}, 0.5) == 0);
  CHECK(yolo::Percentile({3}, 0.99) == 3);
  CHECK(yolo::Percentile({4, 1, 3, 2}, 0.5) == 2.5);
  CHECK(yolo::Percentile({4, 1, 3, 2}, 0.9) == doctest::Approx(3.7));
  CHECK(yolo::Percentile({4, 1, 3, 2}, 1.0) == 4);
}

TEST_CASE("a benchmark as json and as text") {
  const TemporaryFolder folder;
  yolo::BenchmarkResult result;
  result.times.preprocess = {0.001, 0.003};
  result.times.inference = {0.01};
  result.times.postprocess = {0.002, 0.002};
  result.seconds = 0.5;
  result.images = 2;
  result.runtime = "opencv";
  yolo::WriteBenchmark(folder.path(), result);
  const json report = json::parse(yolo::ReadFile(folder.path() / "benchmark.json", "report", ExitCode::kInput));
  CHECK(report["images_per_second"] == 4.0);
  CHECK(report["preprocess_ms"]["p50"] == doctest::Approx(2.0));
  CHECK(report["preprocess_ms"]["count"] == 2);
  CHECK(report["inference_ms"]["p99"] == doctest::Approx(10.0));
  const std::string text =
      yolo::ReadFile(folder.path() / "time_Result" / "test_perform_static.txt", "report", ExitCode::kInput);
  CHECK(text.find("NN inference cost average time: 10 ms of infer_count 1\n") == 0);
  CHECK(text.find("4.00 images/s end to end (2 images") != std::string::npos);
}

TEST_CASE("the record of a run names what was skipped, and counts what was left out") {
  yolo::ModelDescription model = yolo::ParseModelDescription(ValidDescription().dump(), "m.onnx.json");
  model.thresholds.score = 0.25;
  const std::vector<yolo::ImageEntry> images = {
      {"/r/a.jpg", "a.jpg", 5, {}}, {"/r/b\xff.jpg", "b\xff.jpg", 6, {}}, {"/r/c.jpg", "c.jpg", 7, {}}};
  std::vector<yolo::Outcome> outcomes(2);
  outcomes[0].detections = 3;
  outcomes[0].is_finite = false;
  outcomes[0].fell_back = true;
  outcomes[0].warned = true;
  outcomes[0].is_unconfirmed = true;
  outcomes[1].error = "/r/b\xff.jpg: broken";
  yolo::RunSummary summary{{3, 4}, yolo::CountOutcomes(outcomes), 0.5, yolo::Sha256("[]\n"), "SIGINT"};
  summary.counts.left_out = 1;
  nlohmann::ordered_json record = yolo::RunJson({}, model, summary);
  yolo::AddImages(images, outcomes, &record);
  const json run = json::parse(yolo::RunText(record));
  CHECK(run["counts"] == json{{"images", 2},
                              {"left_out", 1},
                              {"dropped", 0},
                              {"skipped", 1},
                              {"warned", 1},
                              {"turned_unconfirmed", 1},
                              {"not_finite", 1},
                              {"not_drawn", 0},
                              {"not_decoded_by_dvpp", 1},
                              {"detections", 3}});
  CHECK(run["interrupted"] == "SIGINT");
  CHECK(run["category_ids"] == json{3, 4});
  CHECK(run["exif"] == "auto");
  CHECK(run["model_sha256"] == yolo::Sha256("model"));
  CHECK(run["results_sha256"] == yolo::Sha256("[]\n"));
  CHECK(run["description"] == ValidDescription());
  CHECK(run["thresholds"]["score"] == 0.25);
  REQUIRE(run["skipped"].size() == 1);
  CHECK(run["skipped"][0]["image_id"] == 6);
  CHECK(run["skipped"][0]["file"] == "b\ufffd.jpg");
  REQUIRE(run["images"].size() == 2);
  CHECK(run["images"][0] == json{{"id", 5}, {"file_name", "a.jpg"}});
}
