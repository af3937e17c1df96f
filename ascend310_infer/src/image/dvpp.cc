// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/dvpp.h"

// ACL's header asks for it.
#define ENABLE_DVPP_INTERFACE
#include <acl/acl.h>
#include <acl/ops/acl_dvpp.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "inc/errors.h"
#include "inc/image/image_reader.h"
#include "inc/image/jpeg.h"

namespace yolo {
namespace {

// Limits of JPEGD and VPC, and what their strides are multiples of; the largest that any chip asks for.
constexpr int kMinSide = 32;
constexpr int kMaxSide = 4096;
constexpr int kMinTargetWidth = 10;
constexpr int kMinTargetHeight = 6;
constexpr int kMaxShrink = 32;
constexpr int kMaxGrowth = 16;
constexpr uint32_t kDecodedWidthStep = 128;
constexpr uint32_t kDecodedHeightStep = 16;
constexpr uint32_t kResizedWidthStep = 16;
constexpr acldvppPixelFormat kPixelFormat = PIXEL_FORMAT_YUV_SEMIPLANAR_420;

uint32_t RoundUp(uint32_t value, uint32_t step) { return (value + step - 1) / step * step; }
int EvenUp(int value) { return value + value % 2; }
int EvenDown(int value) { return value - value % 2; }

void Check(aclError error, const char *call) {
  if (error != ACL_SUCCESS) {
    throw Error(ExitCode::kRuntime, std::string("DVPP: ") + call + " failed with ACL's error " + std::to_string(error) +
                                        "; the device's log (~/ascend/log) says more, or leave "
                                        "--preprocess dvpp out");
  }
}

template <typename Pointer>
Pointer *CheckMade(Pointer *pointer, const char *call) {
  if (pointer == nullptr) {
    throw Error(ExitCode::kRuntime, std::string("DVPP: ") + call +
                                        " returned nothing; the device's log (~/ascend/log) "
                                        "says more, or leave --preprocess dvpp out");
  }
  return pointer;
}

/// Frees what ACL made, by its own function.
template <auto kFree>
struct Free {
  template <typename Pointer>
  void operator()(Pointer *pointer) const {
    static_cast<void>(kFree(pointer));
  }
};

template <typename Type, auto kFree>
using Owned = std::unique_ptr<Type, Free<kFree>>;

/// Memory of the device that DVPP may use; it grows, and is kept from image to image.
class Buffer {
 public:
  void *Reserve(size_t bytes) {
    if (bytes > bytes_) {
      memory_.reset();
      bytes_ = 0;
      void *memory = nullptr;
      Check(acldvppMalloc(&memory, bytes), "acldvppMalloc");
      memory_.reset(memory);
      bytes_ = bytes;
    }
    return memory_.get();
  }

 private:
  Owned<void, acldvppFree> memory_;
  size_t bytes_ = 0;
};

/// An image in YUV 4:2:0 in the device's memory.
struct YuvImage {
  Size size;
  uint32_t width_stride = 0;
  uint32_t height_stride = 0;

  uint32_t Bytes() const { return width_stride * height_stride * 3 / 2; }

  Owned<acldvppPicDesc, acldvppDestroyPicDesc> Describe(void *data) const {
    Owned<acldvppPicDesc, acldvppDestroyPicDesc> picture(CheckMade(acldvppCreatePicDesc(), "acldvppCreatePicDesc"));
    acldvppPicDesc *description = picture.get();
    Check(acldvppSetPicDescData(description, data), "acldvppSetPicDescData");
    Check(acldvppSetPicDescSize(description, Bytes()), "acldvppSetPicDescSize");
    Check(acldvppSetPicDescFormat(description, kPixelFormat), "acldvppSetPicDescFormat");
    Check(acldvppSetPicDescWidth(description, static_cast<uint32_t>(size.width)), "acldvppSetPicDescWidth");
    Check(acldvppSetPicDescHeight(description, static_cast<uint32_t>(size.height)), "acldvppSetPicDescHeight");
    Check(acldvppSetPicDescWidthStride(description, width_stride), "acldvppSetPicDescWidthStride");
    Check(acldvppSetPicDescHeightStride(description, height_stride), "acldvppSetPicDescHeightStride");
    return picture;
  }
};

void *NewContext(int device_id) {
  // MindSpore Lite may have initialised ACL.
  const aclError error = aclInit(nullptr);
  Check(error == ACL_ERROR_REPEAT_INITIALIZE ? ACL_SUCCESS : error, "aclInit");
  Check(aclrtSetDevice(device_id), "aclrtSetDevice");
  aclrtContext context = nullptr;
  Check(aclrtCreateContext(&context, device_id), "aclrtCreateContext");
  return context;
}

void *NewStream() {
  aclrtStream stream = nullptr;
  Check(aclrtCreateStream(&stream), "aclrtCreateStream");
  return stream;
}

acldvppChannelDesc *OpenChannel(acldvppChannelDesc *channel) {
  Check(acldvppCreateChannel(channel), "acldvppCreateChannel");
  return channel;
}

bool RunsOnDevice() {
  aclrtRunMode mode = ACL_HOST;
  Check(aclrtGetRunMode(&mode), "aclrtGetRunMode");
  return mode == ACL_DEVICE;
}

/// Converts an image in the host's memory, rows of Y, then of U and V interleaved, to RGB. JPEG's Y, U and V fill
/// 0..255.
void ToRgb(const uint8_t *data, const YuvImage &image, cv::Mat *target) {
  auto *bytes = const_cast<uint8_t *>(data);
  const cv::Mat luma(image.size.height, image.size.width, CV_8UC1, bytes, image.width_stride);
  const cv::Mat half(image.size.height / 2, image.size.width / 2, CV_8UC2,
                     bytes + size_t{image.width_stride} * image.height_stride, image.width_stride);
  cv::Mat colour;
  cv::resize(half, colour, luma.size(), 0, 0, cv::INTER_LINEAR);
  cv::Mat all(luma.size(), CV_8UC3);
  const cv::Mat planes[] = {luma, colour};
  // OpenCV wants V before U.
  const int order[] = {0, 0, 2, 1, 1, 2};
  cv::mixChannels(planes, 2, &all, 1, order, 3);
  cv::cvtColor(all, *target, cv::COLOR_YCrCb2RGB);
}

class DvppPreprocessor : public Preprocessor {
 public:
  DvppPreprocessor(const ModelDescription &description, int device_id, int64_t max_pixels)
      : description_(description),
        max_pixels_(max_pixels),
        reference_(CreateOpenCvPreprocessor(description, max_pixels)),
        context_(NewContext(device_id)),
        stream_(NewStream()),
        channel_description_(CheckMade(acldvppCreateChannelDesc(), "acldvppCreateChannelDesc")),
        channel_(OpenChannel(channel_description_.get())),
        resize_(CheckMade(acldvppCreateResizeConfig(), "acldvppCreateResizeConfig")),
        shares_memory_(RunsOnDevice()) {}

  PreparedImage Prepare(const std::string &image_path, uint8_t *item) override {
    const std::optional<BaselineJpeg> jpeg = ReadBaselineJpeg(ReadImageFile(image_path, max_pixels_));
    const InputDescription &input = description_.input;
    const Size canvas{input.Width(), input.Height()};
    if (jpeg && IsWithinLimits(jpeg->size)) {
      const Placement placement = EvenPlacement(jpeg->size, canvas);
      if (CanResize(placement) && Decode(*jpeg)) {
        Resize(placement);
        Draw(placement, item);
        return {jpeg->size, placement};
      }
    }
    ReportOnce(image_path);
    PreparedImage image = reference_->Prepare(image_path, item);
    image.fell_back = true;
    return image;
  }

  PreparedImage PrepareFrame(const cv::Mat &pixels, const std::string &name, uint8_t *item) override {
    return reference_->PrepareFrame(pixels, name, item);
  }

 private:
  static bool IsWithinLimits(const Size &size) {
    return std::min(size.width, size.height) >= kMinSide && std::max(size.width, size.height) <= kMaxSide;
  }

  static bool CanResize(const Placement &placement) {
    const PixelRect &source = placement.source, &target = placement.target;
    return target.Width() >= kMinTargetWidth && target.Height() >= kMinTargetHeight &&
           target.Width() * kMaxShrink >= source.Width() && target.Height() * kMaxShrink >= source.Height() &&
           target.Width() <= source.Width() * kMaxGrowth && target.Height() <= source.Height() * kMaxGrowth;
  }

  static void ReportOnce(const std::string &image_path) {
    static std::atomic<bool> is_reported{false};
    if (!is_reported.exchange(true)) {
      std::cerr << "note: " << image_path << ": not decoded by DVPP, read by OpenCV, like others of its kind\n";
    }
  }

  /// Where the image lies: as with OpenCV, but with even sides. Of an odd image, the decoder's padding is the last
  /// line.
  Placement EvenPlacement(const Size &image, const Size &canvas) const {
    Placement placement = FitPlacement(description_.resize_mode, image, canvas);
    placement.source = {0, 0, EvenUp(image.width), EvenUp(image.height)};
    PixelRect &target = placement.target;
    target.x2 = target.x1 + EvenDown(target.Width());
    target.y2 = target.y1 + EvenDown(target.Height());
    return placement;
  }

  /// Returns false where the decoder refuses the image.
  bool Decode(const BaselineJpeg &jpeg) {
    const auto bytes = static_cast<uint32_t>(jpeg.data.size());
    void *data = file_.Reserve(bytes);
    Check(aclrtMemcpy(data, bytes, jpeg.data.data(), bytes,
                      shares_memory_ ? ACL_MEMCPY_DEVICE_TO_DEVICE : ACL_MEMCPY_HOST_TO_DEVICE),
          "aclrtMemcpy");
    decoded_.size = {EvenUp(jpeg.size.width), EvenUp(jpeg.size.height)};
    decoded_.width_stride = RoundUp(static_cast<uint32_t>(decoded_.size.width), kDecodedWidthStep);
    decoded_.height_stride = RoundUp(static_cast<uint32_t>(decoded_.size.height), kDecodedHeightStep);
    const auto picture = decoded_.Describe(decoded_memory_.Reserve(decoded_.Bytes()));
    return acldvppJpegDecodeAsync(channel_.get(), data, bytes, picture.get(), stream_.get()) == ACL_SUCCESS &&
           aclrtSynchronizeStream(stream_.get()) == ACL_SUCCESS && acldvppGetPicDescRetCode(picture.get()) == 0;
  }

  void Resize(const Placement &placement) {
    resized_.size = {placement.target.Width(), placement.target.Height()};
    resized_.width_stride =
        std::max(RoundUp(static_cast<uint32_t>(resized_.size.width), kResizedWidthStep), uint32_t{kMinSide});
    resized_.height_stride = static_cast<uint32_t>(resized_.size.height);
    const auto source = decoded_.Describe(decoded_memory_.Reserve(decoded_.Bytes()));
    void *memory = resized_memory_.Reserve(resized_.Bytes());
    const auto target = resized_.Describe(memory);
    Check(acldvppVpcResizeAsync(channel_.get(), source.get(), target.get(), resize_.get(), stream_.get()),
          "acldvppVpcResizeAsync");
    Check(aclrtSynchronizeStream(stream_.get()), "aclrtSynchronizeStream");
    pixels_.resize(resized_.Bytes());
    Check(aclrtMemcpy(pixels_.data(), pixels_.size(), memory, pixels_.size(),
                      shares_memory_ ? ACL_MEMCPY_DEVICE_TO_DEVICE : ACL_MEMCPY_DEVICE_TO_HOST),
          "aclrtMemcpy");
  }

  void Draw(const Placement &placement, uint8_t *item) {
    const InputDescription &input = description_.input;
    cv::Mat canvas = input.TakesPixels() ? cv::Mat(input.Height(), input.Width(), CV_8UC3, item)
                                         : cv::Mat(input.Height(), input.Width(), CV_8UC3);
    canvas.setTo(cv::Scalar::all(description_.pad_value));
    const PixelRect &rect = placement.target;
    cv::Mat target = canvas(cv::Rect(rect.x1, rect.y1, rect.Width(), rect.Height()));
    ToRgb(pixels_.data(), resized_, &target);
    if (!input.TakesPixels()) {
      NormalisePixels(canvas, description_, reinterpret_cast<float *>(item));
    }
  }

  const ModelDescription &description_;
  const int64_t max_pixels_;
  std::unique_ptr<Preprocessor> reference_;
  // In the order in which they are made; the last is freed first. aclFinalize is left to the end of the process, since
  // MindSpore Lite may use ACL still.
  Owned<void, aclrtDestroyContext> context_;
  Owned<void, aclrtDestroyStream> stream_;
  Owned<acldvppChannelDesc, acldvppDestroyChannelDesc> channel_description_;
  Owned<acldvppChannelDesc, acldvppDestroyChannel> channel_;
  Owned<acldvppResizeConfig, acldvppDestroyResizeConfig> resize_;
  bool shares_memory_;
  Buffer file_, decoded_memory_, resized_memory_;
  YuvImage decoded_, resized_;
  std::vector<uint8_t> pixels_;
};

}  // namespace

std::unique_ptr<Preprocessor> CreateDvppPreprocessor(const ModelDescription &description, int device_id,
                                                     int64_t max_pixels) {
  return std::make_unique<DvppPreprocessor>(description, device_id, max_pixels);
}

}  // namespace yolo
