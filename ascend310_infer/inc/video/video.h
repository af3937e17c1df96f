// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Video files, streams and cameras by OpenCV's videoio, and drawn videos.
#ifndef ASCEND310_INFER_INC_VIDEO_VIDEO_H_
#define ASCEND310_INFER_INC_VIDEO_VIDEO_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "inc/detection/postprocess.h"
#include "inc/errors.h"
#include "inc/image/placement.h"
#include "inc/model/model_description.h"
#include "inc/video/frame_source.h"

namespace yolo {

struct VideoInfo {
  std::string name;  // as the user gave it, without its password
  double frames_per_second = 0;
  int64_t frames = 0;    // as the source itself says; 0: it does not
  bool is_live = false;  // it does not wait for its reader
};

/// How a video ended, after `read` frames.
struct VideoEnd {
  ExitCode code = ExitCode::kOk;
  std::string text;  // empty: as expected
};

/// A file has an end. It ended early where it gave less than it said, by more than a second and more than a hundredth:
/// many containers know the number of their frames only by duration. A live source has no end of its own: whatever ends
/// it is an error, so that a supervisor starts the program again.
VideoEnd JudgeEnd(const VideoInfo &info, int64_t read);

class Video : public FrameSource {
 public:
  virtual const VideoInfo &info() const = 0;
};

/// Opens a video file, the address of a stream ("rtsp://...") or a camera (its number).
/// Throws Error(kInput) where it cannot be opened or has frames of more than `max_pixels`, Error(kUsage) where the
/// program was built without videoio.
std::unique_ptr<Video> OpenVideo(const std::string &name, int64_t max_pixels);

/// The path of the drawn video of a number from 1, by that of the first.
std::filesystem::path DrawnPath(const std::filesystem::path &first, int number);

/// Removes the drawn videos of an earlier run. Throws Error(kOutput) where one of them is the input of this run.
void RemoveDrawn(const std::filesystem::path &first, const std::string &input);

/// Frames with their boxes, as files of Motion JPEG in AVI, which OpenCV itself writes wherever it has videoio; other
/// codecs are those of the machine. An AVI of OpenCV holds less than 4 GiB and frames of one size: after 1 GiB, or
/// where the size changes, another file follows, with a number before its suffix.
class DrawnVideo {
 public:
  /// The classes must outlive the object.
  DrawnVideo(std::filesystem::path path, double frames_per_second, const std::vector<ClassDescription> &classes,
             double threshold, uintmax_t max_bytes = uintmax_t{1} << 30);
  ~DrawnVideo();

  /// Draws the detections that score at least the threshold on pixels uint8 RGB, which it takes, of a time in the
  /// video. The frame before is repeated until then, so that a video of which frames were dropped is as long as what it
  /// shows, for at most half of the time between them. Throws Error(kOutput).
  void Write(cv::Mat pixels, const std::vector<Detection> &detections, double seconds);

  /// Completes the file. Throws Error(kOutput) where it is not whole.
  void Finish();

 private:
  struct Writer;  // with what OpenCV needs

  void Append(const cv::Mat &image);

  std::filesystem::path path_;
  double frames_per_second_;
  const std::vector<ClassDescription> &classes_;
  double threshold_;
  uintmax_t max_bytes_;
  std::unique_ptr<Writer> writer_;
  int files_ = 0;
  int64_t frames_ = 0;
  double began_ = 0, newest_seconds_ = 0;
  cv::Mat newest_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_VIDEO_VIDEO_H_
