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
#include "inc/model/acl_session.h"

namespace yolo {
namespace {

// Limits of JPEGD and VPC, and what their strides are multiples of, on every chip: the largest that any asks for.
constexpr int kMinSide = 32;
constexpr int kMaxSide = 4096;
constexpr int kMinTargetWidth = 10;
constexpr int kMinTargetHeight = 6;
constexpr int kMaxShrink = 32;
constexpr int kMaxGrowth = 16;
constexpr uint32_t kDecodedHeightStep = 16;
constexpr uint32_t kResizedWidthStep = 16;
// Of the left edge of what VPC draws on a canvas; its width is made up to a multiple, by pixels that are not valid.
constexpr int kDrawnStep = 16;
// U and V of what has no colour.
constexpr int kGrey = 128;
constexpr acldvppPixelFormat kPixelFormat = PIXEL_FORMAT_YUV_SEMIPLANAR_420;

uint32_t RoundUp(uint32_t value, uint32_t step) { return (value + step - 1) / step * step; }
int EvenUp(int value) { return value + value % 2; }
int EvenDown(int value) { return value - value % 2; }

/// Chips by their name, or how the names of a family begin, and what the decoder makes the width stride a multiple of.
struct Chip {
  const char *name;
  bool is_family;
  uint32_t width_step;
};
constexpr Chip kChips[] = {{"Ascend310", false, 128}, {"Ascend310P", true, 64}, {"Ascend310B", true, 64}};

/// Returns the step of the width stride of decoded images on this chip. Another chip is refused: with a wrong stride
/// its decoder would refuse every image, or lay out lines in another way than they are read, and without DVPP nothing
/// is lost but time.
uint32_t DecodedWidthStep() {
  const std::string name = CheckMade(aclrtGetSocName(), "aclrtGetSocName");
  for (const Chip &chip : kChips) {
    if (chip.is_family ? name.rfind(chip.name, 0) == 0 : name == chip.name) {
      return chip.width_step;
    }
  }
  throw Error(ExitCode::kUsage, "--preprocess dvpp: the device is an " + name +
                                    ", and the memory layout of its decoder is not known here; expected Ascend310, "
                                    "Ascend310P or Ascend310B; leave the option out");
}

/// Memory of the device that DVPP may use; it grows, and is kept from image to image.
class Buffer {
 public:
  void *Reserve(size_t bytes) {
    if (bytes > bytes_) {
      memory_.reset();
      bytes_ = 0;
      void *memory = nullptr;
      CheckAcl(acldvppMalloc(&memory, bytes), "acldvppMalloc");
      memory_.reset(memory);
      bytes_ = bytes;
    }
    return memory_.get();
  }

 private:
  AclOwned<void, acldvppFree> memory_;
  size_t bytes_ = 0;
};

/// An image in YUV 4:2:0 in the device's memory.
struct YuvImage {
  Size size;
  uint32_t width_stride = 0;
  uint32_t height_stride = 0;

  uint32_t Bytes() const { return width_stride * height_stride * 3 / 2; }

  AclOwned<acldvppPicDesc, acldvppDestroyPicDesc> Describe(void *data) const {
    AclOwned<acldvppPicDesc, acldvppDestroyPicDesc> picture(CheckMade(acldvppCreatePicDesc(), "acldvppCreatePicDesc"));
    acldvppPicDesc *description = picture.get();
    CheckAcl(acldvppSetPicDescData(description, data), "acldvppSetPicDescData");
    CheckAcl(acldvppSetPicDescSize(description, Bytes()), "acldvppSetPicDescSize");
    CheckAcl(acldvppSetPicDescFormat(description, kPixelFormat), "acldvppSetPicDescFormat");
    CheckAcl(acldvppSetPicDescWidth(description, static_cast<uint32_t>(size.width)), "acldvppSetPicDescWidth");
    CheckAcl(acldvppSetPicDescHeight(description, static_cast<uint32_t>(size.height)), "acldvppSetPicDescHeight");
    CheckAcl(acldvppSetPicDescWidthStride(description, width_stride), "acldvppSetPicDescWidthStride");
    CheckAcl(acldvppSetPicDescHeightStride(description, height_stride), "acldvppSetPicDescHeightStride");
    return picture;
  }
};

AclOwned<acldvppRoiConfig, acldvppDestroyRoiConfig> RoiOf(const PixelRect &rect) {
  const auto at = [](int pixel) { return static_cast<uint32_t>(pixel); };
  // Its right and bottom lines belong to it.
  return AclOwned<acldvppRoiConfig, acldvppDestroyRoiConfig>(CheckMade(
      acldvppCreateRoiConfig(at(rect.x1), at(rect.x2 - 1), at(rect.y1), at(rect.y2 - 1)), "acldvppCreateRoiConfig"));
}

acldvppChannelDesc *OpenChannel(acldvppChannelDesc *channel) {
  CheckAcl(acldvppCreateChannel(channel), "acldvppCreateChannel");
  return channel;
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
  DvppPreprocessor(const ModelDescription &description, int device_id, const ImageRules &rules)
      : description_(description),
        rules_(rules),
        reference_(CreateOpenCvPreprocessor(description, rules)),
        session_(device_id),
        width_step_(DecodedWidthStep()),
        channel_description_(CheckMade(acldvppCreateChannelDesc(), "acldvppCreateChannelDesc")),
        channel_(OpenChannel(channel_description_.get())),
        resize_(CheckMade(acldvppCreateResizeConfig(), "acldvppCreateResizeConfig")) {}

  ~DvppPreprocessor() override {
    // After a failure some of the work may still run, on memory that is freed here and on batches that are freed later.
    session_.Finish();
  }

  PreparedImage Prepare(const ImageEntry &entry, uint8_t *item) override {
    const std::string data = ReadImageFile(entry.path, rules_.max_pixels);
    const std::optional<BaselineJpeg> jpeg = EndsAfterScans(data) ? ReadBaselineJpeg(data) : std::nullopt;
    const InputDescription &input = description_.input;
    const Size canvas{input.Width(), input.Height()};
    if (jpeg && IsWithinLimits(jpeg->size) && OrientationOf(data, jpeg->size, entry, rules_).orientation == kUpright &&
        Decode(*jpeg)) {
      const Placement placement = PlacementOf(jpeg->size, canvas);
      if (CanResize(placement)) {
        if (input.IsNv12()) {
          DrawOnDevice(placement, item);
        } else {
          Resize(placement);
          Draw(placement, item);
        }
        CheckListedSize(entry, jpeg->size, rules_);
        return {jpeg->size, placement};
      }
    }
    ReportOnce(entry.path);
    PreparedImage image = ByReference(item, [&](uint8_t *target) { return reference_->Prepare(entry, target); });
    image.fell_back = true;
    return image;
  }

  PreparedImage PrepareFrame(const cv::Mat &pixels, const std::string &name, uint8_t *item) override {
    return ByReference(item, [&](uint8_t *target) { return reference_->PrepareFrame(pixels, name, target); });
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

  /// Where the image lies: as with OpenCV, but with even sides, and from what was decoded of it. What is drawn on the
  /// device also begins and ends where VPC can.
  Placement PlacementOf(const Size &image, const Size &canvas) const {
    Placement placement = FitPlacement(description_.resize_mode, image, canvas);
    placement.source = {0, 0, decoded_.size.width, decoded_.size.height};
    PixelRect &target = placement.target;
    int width = EvenDown(target.Width());
    const int height = EvenDown(target.Height());
    if (description_.input.IsNv12()) {
      width = std::max((target.Width() + kDrawnStep / 2) / kDrawnStep, 1) * kDrawnStep;
      target.x1 = (canvas.width - width) / 2 / kDrawnStep * kDrawnStep;
      target.y1 = EvenDown(target.y1);
    }
    target.x2 = target.x1 + width;
    target.y2 = target.y1 + height;
    return placement;
  }

  /// Lets the reference prepare an image, which works in the host's memory.
  template <typename Prepare>
  PreparedImage ByReference(uint8_t *item, const Prepare &prepare) {
    if (!description_.input.IsNv12()) {
      return prepare(item);
    }
    pixels_.resize(description_.input.ItemByteSize());
    PreparedImage image = prepare(pixels_.data());
    CheckAcl(aclrtMemcpy(item, pixels_.size(), pixels_.data(), pixels_.size(), session_.to_device()), "aclrtMemcpy");
    return image;
  }

  /// Returns false where the decoder refuses the image.
  ///
  /// Of an odd side it decodes one line more, which is padding, or one less: that depends on the chip and the sampling
  /// of colour, so the size is what the decoder says. A size that could not have been decoded is a refusal, too.
  bool Decode(const BaselineJpeg &jpeg) {
    const auto bytes = static_cast<uint32_t>(jpeg.data.size());
    void *data = file_.Reserve(bytes);
    CheckAcl(aclrtMemcpy(data, bytes, jpeg.data.data(), bytes, session_.to_device()), "aclrtMemcpy");
    decoded_.size = {EvenUp(jpeg.size.width), EvenUp(jpeg.size.height)};
    decoded_.width_stride = RoundUp(static_cast<uint32_t>(decoded_.size.width), width_step_);
    decoded_.height_stride = RoundUp(static_cast<uint32_t>(decoded_.size.height), kDecodedHeightStep);
    const auto picture = decoded_.Describe(decoded_memory_.Reserve(decoded_.Bytes()));
    if (acldvppJpegDecodeAsync(channel_.get(), data, bytes, picture.get(), session_.stream()) != ACL_SUCCESS ||
        aclrtSynchronizeStream(session_.stream()) != ACL_SUCCESS || acldvppGetPicDescRetCode(picture.get()) != 0) {
      return false;
    }
    decoded_.size = {EvenDown(static_cast<int>(acldvppGetPicDescWidth(picture.get()))),
                     EvenDown(static_cast<int>(acldvppGetPicDescHeight(picture.get())))};
    const auto fits = [](int decoded, int side) { return decoded == EvenUp(side) || decoded == EvenDown(side); };
    return fits(decoded_.size.width, jpeg.size.width) && fits(decoded_.size.height, jpeg.size.height);
  }

  void Resize(const Placement &placement) {
    resized_.size = {placement.target.Width(), placement.target.Height()};
    resized_.width_stride =
        std::max(RoundUp(static_cast<uint32_t>(resized_.size.width), kResizedWidthStep), uint32_t{kMinSide});
    resized_.height_stride = static_cast<uint32_t>(resized_.size.height);
    const auto source = decoded_.Describe(decoded_memory_.Reserve(decoded_.Bytes()));
    void *memory = resized_memory_.Reserve(resized_.Bytes());
    const auto target = resized_.Describe(memory);
    CheckAcl(acldvppVpcResizeAsync(channel_.get(), source.get(), target.get(), resize_.get(), session_.stream()),
             "acldvppVpcResizeAsync");
    session_.Synchronize();
    pixels_.resize(resized_.Bytes());
    CheckAcl(aclrtMemcpy(pixels_.data(), pixels_.size(), memory, pixels_.size(), session_.to_host()), "aclrtMemcpy");
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

  /// Draws what was decoded onto a canvas in the device's memory.
  void DrawOnDevice(const Placement &placement, uint8_t *item) {
    const auto width = static_cast<uint32_t>(description_.input.Width());
    const auto height = static_cast<uint32_t>(description_.input.Height());
    const size_t luma = size_t{width} * height, colour = luma / 2;
    CheckAcl(aclrtMemsetAsync(item, luma, description_.pad_value, luma, session_.stream()), "aclrtMemsetAsync");
    CheckAcl(aclrtMemsetAsync(item + luma, colour, kGrey, colour, session_.stream()), "aclrtMemsetAsync");
    const auto source = decoded_.Describe(decoded_memory_.Reserve(decoded_.Bytes()));
    const auto target =
        YuvImage{{description_.input.Width(), description_.input.Height()}, width, height}.Describe(item);
    const auto cut = RoiOf(placement.source), drawn = RoiOf(placement.target);
    CheckAcl(acldvppVpcCropAndPasteAsync(channel_.get(), source.get(), target.get(), cut.get(), drawn.get(),
                                         session_.stream()),
             "acldvppVpcCropAndPasteAsync");
    session_.Synchronize();
  }

  const ModelDescription &description_;
  const ImageRules rules_;
  std::unique_ptr<Preprocessor> reference_;
  // In the order in which they are made; the last is freed first.
  AclSession session_;
  uint32_t width_step_;
  AclOwned<acldvppChannelDesc, acldvppDestroyChannelDesc> channel_description_;
  AclOwned<acldvppChannelDesc, acldvppDestroyChannel> channel_;
  AclOwned<acldvppResizeConfig, acldvppDestroyResizeConfig> resize_;
  Buffer file_, decoded_memory_, resized_memory_;
  YuvImage decoded_, resized_;
  std::vector<uint8_t> pixels_;
};

}  // namespace

std::unique_ptr<Preprocessor> CreateDvppPreprocessor(const ModelDescription &description, int device_id,
                                                     const ImageRules &rules) {
  return std::make_unique<DvppPreprocessor>(description, device_id, rules);
}

BatchFactory DeviceBatches(int device_id) {
  return [session = std::make_shared<AclSession>(device_id)](size_t bytes) {
    session->Use();
    void *memory = nullptr;
    CheckAcl(acldvppMalloc(&memory, bytes), "acldvppMalloc");
    return std::shared_ptr<uint8_t>(static_cast<uint8_t *>(memory), [session](uint8_t *freed) {
      session->Finish();
      acldvppFree(freed);
    });
  };
}

}  // namespace yolo
