// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/video/video.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fstream>
#include <opencv2/imgproc.hpp>
#include <utility>
#ifdef YOLO_WITH_VIDEO
#include <opencv2/videoio.hpp>
#include <opencv2/videoio/registry.hpp>
#endif

#include "inc/results/draw.h"
#include "inc/utils.h"

namespace yolo {

std::filesystem::path DrawnPath(const std::filesystem::path &first, int number) {
  std::filesystem::path path = first;
  if (number > 1) {
    path.replace_extension("." + std::to_string(number) + first.extension().string());
  }
  return path;
}

void RemoveDrawn(const std::filesystem::path &first, const std::string &input) {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  for (int number = 1; std::filesystem::exists(DrawnPath(first, number), ignored); ++number) {
    found.push_back(DrawnPath(first, number));
    if (std::filesystem::equivalent(input, found.back(), ignored)) {
      throw Error(ExitCode::kOutput, found.back().string() +
                                         ": this is the video, which a drawing would replace; choose another --output");
    }
  }
  for (const std::filesystem::path &path : found) {
    RemoveFile(path);
  }
}

VideoEnd JudgeEnd(const VideoInfo &info, int64_t read) {
  const std::string after = " after " + std::to_string(read) + " frames";
  if (read == 0) {
    return {ExitCode::kInput, info.name + ": ended before its first frame; check that it plays elsewhere"};
  }
  if (info.is_live) {
    return {ExitCode::kInput, info.name + ": the stream ended" + after + "; check the camera and the network"};
  }
  const double missing = static_cast<double>(info.frames - read);
  if (missing > std::max(info.frames_per_second, 0.01 * static_cast<double>(info.frames))) {
    return {ExitCode::kInput, info.name + ": ended early," + after + " of " + std::to_string(info.frames) +
                                  "; the file is cut short or damaged, copy or download it again"};
  }
  return {};
}

#ifdef YOLO_WITH_VIDEO
namespace {

// FFmpeg has a rate of 1000 for files that give a time in milliseconds for each frame, and no rate.
constexpr double kUsualRate = 25, kMaxRate = 1000;

bool IsCamera(const std::string &name) {
  return !name.empty() && name.size() <= 4 &&
         std::all_of(name.begin(), name.end(), [](unsigned char letter) { return std::isdigit(letter) != 0; });
}

/// FFmpeg alone where OpenCV has it: on a file that it refuses the other backends only add messages of their own.
int StreamBackend() {
  const std::vector<cv::VideoCaptureAPIs> backends = cv::videoio_registry::getStreamBackends();
  const bool has_ffmpeg = std::find(backends.begin(), backends.end(), cv::CAP_FFMPEG) != backends.end();
  return has_ffmpeg ? cv::CAP_FFMPEG : cv::CAP_ANY;
}

class OpenCvVideo : public Video {
 public:
  OpenCvVideo(const std::string &name, int64_t max_pixels) {
    const bool is_camera = IsCamera(name), is_address = name.find("://") != std::string::npos;
    std::error_code ignored;
    if (!is_camera && !is_address && !std::filesystem::exists(name, ignored)) {
      throw Error(ExitCode::kInput,
                  name + ": no such video file; expected one, a stream's address or a camera's number");
    }
    bool is_open = false;
    try {
      is_open = is_camera ? capture_.open(std::stoi(name)) : capture_.open(name, StreamBackend());
    } catch (const cv::Exception &error) {
      Fail(name, " (" + error.err + ")");
    }
    if (!is_open) {
      Fail(name, "");
    }
    const double rate = capture_.get(cv::CAP_PROP_FPS), frames = capture_.get(cv::CAP_PROP_FRAME_COUNT);
    info_.name = WithoutPassword(name);
    const bool has_rate = rate > 0 && rate < kMaxRate;
    const bool has_frames = frames > 0 && frames < 1e15;
    info_.frames_per_second = has_rate ? rate : kUsualRate;
    // By the duration and the rate.
    info_.frames = has_rate && has_frames ? std::llround(frames) : 0;
    // A file on a server has a number of frames; a camera or a broadcast has none.
    info_.is_live = is_camera || (!has_frames && !std::filesystem::is_regular_file(name, ignored));
    CheckPixels(max_pixels);
  }

  const VideoInfo &info() const override { return info_; }

  std::optional<Frame> Read() override {
    Frame frame;
    try {
      if (!capture_.read(decoded_) || decoded_.empty()) {
        return std::nullopt;
      }
      cv::cvtColor(decoded_, frame.pixels, cv::COLOR_BGR2RGB);
    } catch (const cv::Exception &) {
      // A frame that cannot be decoded ends the video; how far it came says whether that is an error.
      return std::nullopt;
    }
    if (read_ == 0) {
      // Not since the connection.
      watch_ = Stopwatch();
    }
    frame.number = read_++;
    // Videoio's own time is that of the frame or of the next one, by release and backend.
    frame.seconds = info_.is_live ? watch_.Seconds() : static_cast<double>(frame.number) / info_.frames_per_second;
    return frame;
  }

 private:
  [[noreturn]] static void Fail(const std::string &name, const std::string &why) {
    throw Error(ExitCode::kInput, WithoutPassword(name) + ": OpenCV cannot open this video" + why +
                                      "; expected a video file, a stream's address or a camera's number");
  }

  void CheckPixels(int64_t max_pixels) const {
    const double width = capture_.get(cv::CAP_PROP_FRAME_WIDTH), height = capture_.get(cv::CAP_PROP_FRAME_HEIGHT);
    if (width * height > static_cast<double>(max_pixels)) {
      throw Error(ExitCode::kInput, info_.name + ": its frames are " + std::to_string(std::llround(width)) + "x" +
                                        std::to_string(std::llround(height)) + ", more than " +
                                        std::to_string(max_pixels) + " pixels; scale it down, or raise --max_pixels");
    }
  }

  cv::VideoCapture capture_;
  VideoInfo info_;
  cv::Mat decoded_;
  int64_t read_ = 0;
  Stopwatch watch_;
};

}  // namespace

std::unique_ptr<Video> OpenVideo(const std::string &name, int64_t max_pixels) {
  return std::make_unique<OpenCvVideo>(name, max_pixels);
}

namespace {

[[noreturn]] void FailToWrite(const std::filesystem::path &path, const std::string &why) {
  throw Error(ExitCode::kOutput, path.string() + ": cannot write this video" + why +
                                     "; check the path, its permissions and the space on the disk");
}

}  // namespace

struct DrawnVideo::Writer {
  cv::VideoWriter file;
  std::filesystem::path path;
  cv::Size size;
};

void DrawnVideo::Write(cv::Mat pixels, const std::vector<Detection> &detections, double seconds) {
  if (frames_ == 0) {
    began_ = newest_seconds_ = seconds;
  }
  const Stopwatch watch;
  const int64_t due = std::llround((seconds - began_) * frames_per_second_);
  // Where encoding is slower than the video, repeating it all would leave ever more to repeat.
  for (const double budget = (seconds - newest_seconds_) / 2; frames_ < due && watch.Seconds() < budget;) {
    Append(newest_);
  }
  newest_seconds_ = seconds;
  DrawDetections(detections, threshold_, classes_, &pixels);
  cv::Mat image;
  cv::cvtColor(pixels, image, cv::COLOR_RGB2BGR);
  newest_ = image;
  Append(newest_);
}

void DrawnVideo::Append(const cv::Mat &image) {
  std::error_code ignored;
  const bool is_full = writer_ != nullptr && std::filesystem::file_size(writer_->path, ignored) > max_bytes_;
  try {
    if (writer_ == nullptr || is_full || writer_->size != image.size()) {
      Finish();
      const std::filesystem::path path = DrawnPath(path_, ++files_);
      writer_ = std::make_unique<Writer>(Writer{{}, path, image.size()});
      if (!writer_->file.open(path.string(), cv::CAP_OPENCV_MJPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'),
                              frames_per_second_, image.size())) {
        FailToWrite(path, "");
      }
    }
    writer_->file.write(image);
    ++frames_;
  } catch (const cv::Exception &error) {
    FailToWrite(path_, " (" + error.err + ")");
  }
}

void DrawnVideo::Finish() {
  if (writer_ == nullptr) {
    return;
  }
  writer_->file.release();
  const std::filesystem::path path = writer_->path;
  writer_.reset();
  // OpenCV reports no error of this file. The last that it writes is the length, behind the four letters of RIFF.
  std::array<unsigned char, 8> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char *>(head.data()), head.size());
  const uintmax_t length = head[4] | head[5] << 8 | head[6] << 16 | static_cast<uintmax_t>(head[7]) << 24;
  std::error_code ignored;
  if (!file || length + head.size() != std::filesystem::file_size(path, ignored)) {
    FailToWrite(path, "");
  }
}
#else
std::unique_ptr<Video> OpenVideo(const std::string & /*name*/, int64_t /*max_pixels*/) {
  throw Error(ExitCode::kUsage, "--video: this program was built without it; build it where OpenCV has videoio");
}

struct DrawnVideo::Writer {};

void DrawnVideo::Write(cv::Mat /*pixels*/, const std::vector<Detection> & /*detections*/, double /*seconds*/) {}

void DrawnVideo::Append(const cv::Mat & /*image*/) {}

void DrawnVideo::Finish() {}
#endif

DrawnVideo::DrawnVideo(std::filesystem::path path, double frames_per_second,
                       const std::vector<ClassDescription> &classes, double threshold, uintmax_t max_bytes)
    : path_(std::move(path)),
      frames_per_second_(frames_per_second),
      classes_(classes),
      threshold_(threshold),
      max_bytes_(max_bytes) {}

DrawnVideo::~DrawnVideo() = default;

}  // namespace yolo
