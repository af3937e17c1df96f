// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <opencv2/imgproc.hpp>
#include <thread>

#include "inc/video/video.h"
#ifdef YOLO_WITH_VIDEO
#include <opencv2/videoio.hpp>
#endif

#include "inc/pipeline/pipeline.h"
#include "inc/results/results.h"
#include "tests/ascend310/cpp/helpers.h"

using nlohmann::json;
using yolo::Error;
using yolo::ExitCode;
using yolo::Frame;

namespace {

constexpr int kFramesAtOnce = 3;

/// Frames whose first pixel is their number, as fast as they are taken.
class CountingSource : public yolo::FrameSource {
 public:
  explicit CountingSource(int64_t count) : count_(count) {}

  std::optional<Frame> Read() override {
    if (next_ == fail_at) {
      throw Error(ExitCode::kInput, "cable pulled");
    }
    if (next_ == count_) {
      return std::nullopt;
    }
    const auto number = next_++;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    return Frame{number, static_cast<double>(number) / 10,
                 cv::Mat(2, 2, CV_8UC3, cv::Scalar::all(static_cast<double>(number % 256)))};
  }

  int64_t next() const { return next_; }

  int64_t fail_at = -1;
  int pause_ms = 0;

 private:
  const int64_t count_;
  int64_t next_ = 0;
};

/// The first pixel becomes the first byte; a pixel of 13 cannot be prepared.
class FirstPixelReader : public yolo::Preprocessor {
 public:
  yolo::PreparedImage Prepare(const yolo::ImageEntry & /*entry*/, uint8_t * /*item*/) override {
    throw std::logic_error("a frame is no file");
  }

  yolo::PreparedImage PrepareFrame(const cv::Mat &pixels, const std::string &name, uint8_t *item) override {
    *item = pixels.at<cv::Vec3b>(0, 0)[0];
    if (*item == 13) {
      throw Error(ExitCode::kInput, name + ": unlucky");
    }
    // Later frames are ready earlier.
    std::this_thread::sleep_for(std::chrono::microseconds(500 - *item));
    return {{96, 64}, yolo::StretchPlacement({96, 64}, {96, 64})};
  }
};

/// One box for each place in a batch, whose objectness is the first byte in parts of 256.
class SlowRuntime : public yolo::Runtime {
 public:
  explicit SlowRuntime(int pause_ms) : pause_ms_(pause_ms) {}

  std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
    std::vector<float> big(size_t{kFramesAtOnce} * 2 * 3 * 7), small(size_t{kFramesAtOnce} * 4 * 6 * 7);
    for (size_t item = 0; item < kFramesAtOnce; ++item) {
      const auto pixel = static_cast<const uint8_t *>(input)[item * bytes / kFramesAtOnce];
      const float cell[] = {.5F, .5F, .25F, .25F, static_cast<float>(pixel) / 256.F, 1.F, 0.F};
      std::copy(std::begin(cell), std::end(cell), big.begin() + static_cast<std::ptrdiff_t>(item * 2 * 3 * 7));
    }
    return {big, small};
  }

 private:
  const int pause_ms_;
};

struct VideoFixture {
  explicit VideoFixture(int threads, int pause_ms = 0)
      : description(yolo::ParseModelDescription(ValidDescription(kFramesAtOnce).dump(), "d.json")), runtime(pause_ms) {
    pipeline.description = &description;
    pipeline.runtimes = {&runtime};
    pipeline.new_preprocessor = [] { return std::make_unique<FirstPixelReader>(); };
    pipeline.decode_threads = threads;
    pipeline.postprocess_threads = threads;
  }

  void Run(yolo::FrameSource *source) {
    yolo::RunPipeline(pipeline, source, [&](yolo::FrameResult &&result) { results.push_back(std::move(result)); });
  }

  yolo::ModelDescription description;
  SlowRuntime runtime;
  yolo::Pipeline pipeline;
  std::vector<yolo::FrameResult> results;
};

}  // namespace

TEST_CASE("every frame of a file comes in its order with its own detections, for any number of threads and frames") {
  for (const int threads : {1, 3}) {
    for (const int64_t count : {1, 3, 7, 100}) {
      VideoFixture fixture(threads);
      CountingSource source(count);
      fixture.Run(&source);
      REQUIRE(fixture.results.size() == static_cast<size_t>(count));
      for (int64_t number = 0; number < count; ++number) {
        const yolo::FrameResult &result = fixture.results[static_cast<size_t>(number)];
        CHECK(result.frame.number == number);
        CHECK(result.frame.pixels.at<cv::Vec3b>(1, 1)[2] == number);
        CHECK((result.outcome.error == "frame 13: unlucky") == (number == 13));
        REQUIRE(result.detections.size() == (number == 0 || number == 13 ? 0 : 1));
        if (!result.detections.empty()) {
          CHECK(result.detections[0].score == static_cast<float>(number) / 256.F);
        }
      }
    }
  }
}

TEST_CASE("a live source faster than the network loses its oldest frames, which are counted") {
  VideoFixture fixture(2, 10);
  CountingSource source(250);
  source.pause_ms = 1;
  yolo::NewestFrames newest(&source, 4, fixture.pipeline.stops);
  fixture.Run(&newest);
  CHECK(newest.dropped() > 0);
  CHECK(fixture.results.size() + newest.dropped() == 250);
  for (size_t place = 1; place < fixture.results.size(); ++place) {
    CHECK(fixture.results[place - 1].frame.number < fixture.results[place].frame.number);
  }
  // What is kept is the newest.
  REQUIRE(fixture.results.size() >= 4);
  CHECK(fixture.results[fixture.results.size() - 4].frame.number == 246);
}

TEST_CASE("a queue that is full drops the oldest for the newest") {
  yolo::BoundedQueue<int> queue(2);
  CHECK(queue.PushNewest(1) == size_t{0});
  CHECK(queue.PushNewest(2) == size_t{0});
  CHECK(queue.PushNewest(3) == size_t{1});
  queue.Close();
  CHECK_FALSE(queue.PushNewest(4));
  CHECK(queue.Pop() == 2);
  CHECK(queue.Pop() == 3);
  CHECK_FALSE(queue.Pop());
}

TEST_CASE("a video that is to stop finishes the frames that it has") {
  VideoFixture fixture(2);
  std::atomic<int> calls{0};
  fixture.pipeline.stops = [&] { return ++calls > 50; };
  CountingSource source(1000000);
  fixture.Run(&source);
  CHECK(fixture.results.size() > 1);
  CHECK(fixture.results.size() == static_cast<size_t>(source.next()));
}

TEST_CASE("what a source throws ends the run, after the frames before it") {
  VideoFixture fixture(1);
  CountingSource source(100);
  source.fail_at = 20;
  SUBCASE("a file") {
    CheckError([&] { fixture.Run(&source); }, ExitCode::kInput, {"cable pulled"});
  }
  SUBCASE("a live one") {
    yolo::NewestFrames newest(&source, 100, fixture.pipeline.stops);
    CheckError([&] { fixture.Run(&newest); }, ExitCode::kInput, {"cable pulled"});
  }
}

TEST_CASE("how a video ends decides on its exit code") {
  const yolo::VideoInfo file{"a.mp4", 10, 1000, false}, stream{"rtsp://x", 10, 0, true},
      unknown{"a.h264", 25, 0, false};
  CHECK(yolo::JudgeEnd(file, 1000).code == ExitCode::kOk);
  // The number was an estimate by duration.
  CHECK(yolo::JudgeEnd(file, 990).text.empty());
  CHECK(yolo::JudgeEnd(file, 1003).text.empty());
  CHECK(yolo::JudgeEnd(file, 989).code == ExitCode::kInput);
  CHECK(yolo::JudgeEnd(file, 500).text.find("a.mp4: ended early, after 500 frames of 1000") == 0);
  CHECK(yolo::JudgeEnd(unknown, 3).code == ExitCode::kOk);
  CHECK(yolo::JudgeEnd(unknown, 0).code == ExitCode::kInput);
  CHECK(yolo::JudgeEnd(stream, 77).code == ExitCode::kInput);
  CHECK(yolo::JudgeEnd(stream, 77).text.find("the stream ended after 77 frames") != std::string::npos);
}

TEST_CASE("the record of a frame") {
  const std::vector<yolo::ClassDescription> classes = {{"cup", 3}, {"a \"ball\"", -1}};
  const yolo::FrameResult result{
      {12, 0.48, {}}, {}, {{{0.124, 1, 10.131, 2.5}, 0.123456F, 1}, {{0, 0, 1, 1}, 1.0F, 0}}};
  const std::string line = yolo::FrameRecord(result, classes);
  CHECK(line.back() == '\n');
  CHECK(json::parse(line) ==
        json{{"frame", 12},
             {"time", 0.48},
             {"detections",
              {{{"class_name", "a \"ball\""}, {"category_id", -1}, {"score", 0.12346}, {"bbox", {0.12, 1, 10.01, 1.5}}},
               {{"class_name", "cup"}, {"category_id", 3}, {"score", 1.0}, {"bbox", {0, 0, 1, 1}}}}}});
  CHECK(yolo::FrameRecord({}, classes) == "{\"frame\":0,\"time\":0.000,\"detections\":[]}\n");
  const TemporaryFolder folder;
  yolo::FrameRecords records(folder.path() / "results.jsonl", classes);
  records.Add(result);
  CHECK(yolo::ReadFile(folder.path() / "results.jsonl", "results", ExitCode::kInput) == line);
  records.Add({});
  CHECK(records.Finish() == yolo::Sha256(yolo::ReadFile(folder.path() / "results.jsonl", "results", ExitCode::kInput)));
  CheckError([&] { yolo::FrameRecords(folder.path() / "absent" / "x", classes); }, ExitCode::kOutput, {"absent/x"});
}

TEST_CASE("an address is shown without its password") {
  CHECK(yolo::WithoutPassword("rtsp://me:secret@camera/1@2") == "rtsp://***@camera/1@2");
  CHECK(yolo::WithoutPassword("rtsp://me:secret@camera") == "rtsp://***@camera");
  CHECK(yolo::WithoutPassword("rtsp://camera/1@2") == "rtsp://camera/1@2");
  CHECK(yolo::WithoutPassword("my@video.mp4") == "my@video.mp4");
}

#ifdef YOLO_WITH_VIDEO
TEST_CASE("a video that was written is read with its frames, times and colours") {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "drawn.avi";
  const std::vector<yolo::ClassDescription> classes = {{"cup", 3}};
  {
    yolo::DrawnVideo video(path, 5, classes, 0.5);
    // Frame 3 was dropped: the one before is repeated.
    for (int number = 0; number < 20; number += number == 2 ? 2 : 1) {
      video.Write(cv::Mat(48, 64, CV_8UC3, cv::Scalar(200, 100, 0)), {{{30, 20, 60, 40}, 0.4F, 0}}, 7 + number / 5.0);
    }
    // Another size, another file.
    video.Write(cv::Mat(32, 32, CV_8UC3, cv::Scalar::all(0)), {{{4, 14, 28, 28}, 0.9F, 0}}, 11);
    video.Finish();
  }
  const auto video = yolo::OpenVideo(path, yolo::kMaxPixels);
  CHECK(video->info().frames == 20);
  CHECK(video->info().frames_per_second == doctest::Approx(5));
  CHECK_FALSE(video->info().is_live);
  for (int number = 0; number < 20; ++number) {
    const std::optional<Frame> frame = video->Read();
    REQUIRE(frame);
    CHECK(frame->number == number);
    CHECK(frame->seconds == doctest::Approx(number / 5.0));
    CHECK(cv::norm(frame->pixels, cv::Mat(48, 64, CV_8UC3, cv::Scalar(200, 100, 0)), cv::NORM_INF) < 12);
  }
  CHECK_FALSE(video->Read());
  const std::optional<Frame> boxes = yolo::OpenVideo(folder.path() / "drawn.2.avi", 1024)->Read();
  REQUIRE(boxes);
  CHECK(cv::mean(boxes->pixels)[0] > 10);
  CheckError([&] { yolo::OpenVideo(path, 3071); }, ExitCode::kInput, {"64x48", "more than 3071", "--max_pixels"});
}

TEST_CASE("drawn videos of an earlier run go, but never the input") {
  const TemporaryFolder folder;
  const std::filesystem::path first = folder.path() / "drawn.avi";
  for (const char *name : {"drawn.avi", "drawn.2.avi", "drawn.4.avi", "other.avi"}) {
    folder.Write(name, "video");
  }
  std::filesystem::create_symlink(folder.path() / "drawn.2.avi", folder.path() / "link.avi");
  CheckError([&] { yolo::RemoveDrawn(first, folder.path() / "link.avi"); }, ExitCode::kOutput,
             {"drawn.2.avi: this is"});
  CHECK(std::filesystem::exists(first));
  yolo::RemoveDrawn(first, "rtsp://camera/1");
  for (const char *name : {"drawn.avi", "drawn.2.avi"}) {
    CHECK_FALSE(std::filesystem::exists(folder.path() / name));
  }
  CHECK(std::filesystem::exists(folder.path() / "drawn.4.avi"));
}

TEST_CASE("a drawn video that is not whole is reported") {
  const TemporaryFolder folder;
  const std::vector<yolo::ClassDescription> classes = {{"cup", 3}};
  cv::Mat noise(240, 320, CV_8UC3);
  cv::randu(noise, 0, 255);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto heeded = std::signal(SIGXFSZ, SIG_IGN);
  yolo::DrawnVideo video(folder.path() / "d.avi", 5, classes, 0.5);
  const rlimit small{50000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  CheckError(
      [&] {
        for (int number = 0; number < 30; ++number) {
          video.Write(noise.clone(), {}, number / 5.0);
        }
        video.Finish();
      },
      ExitCode::kOutput, {"d.avi: cannot write this video"});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, heeded);
}

TEST_CASE("a drawn video that grows too large continues in another file") {
  const TemporaryFolder folder;
  const std::vector<yolo::ClassDescription> classes = {{"cup", 3}};
  cv::Mat noise(240, 320, CV_8UC3);
  cv::randu(noise, 0, 255);
  {
    yolo::DrawnVideo video(folder.path() / "d.avi", 5, classes, 0.5, 200000);
    for (int number = 0; number < 30; ++number) {
      video.Write(noise.clone(), {}, number / 5.0);
    }
  }
  int64_t frames = 0;
  int files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder.path())) {
    CHECK(entry.file_size() < 500000);
    frames += yolo::OpenVideo(entry.path(), yolo::kMaxPixels)->info().frames;
    ++files;
  }
  CHECK(frames == 30);
  CHECK(files > 2);
  CheckError([&] { yolo::DrawnVideo(folder.path() / "absent" / "d.avi", 5, classes, 0.5).Write(noise, {}, 0); },
             ExitCode::kOutput, {"absent/d.avi"});
}

TEST_CASE("what is no video is refused") {
  const TemporaryFolder folder;
  CheckError([&] { yolo::OpenVideo(folder.path() / "absent.mp4", 1); }, ExitCode::kInput, {"absent.mp4", "no such"});
  CheckError([&] { yolo::OpenVideo(folder.Write("text.avi", "no video"), 1); }, ExitCode::kInput,
             {"text.avi", "cannot open this video"});
}
#else
TEST_CASE("without videoio a video is refused") {
  CheckError([] { yolo::OpenVideo("a.avi", 1); }, ExitCode::kUsage, {"--video", "built without it"});
}
#endif
