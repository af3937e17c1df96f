// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// DVPP of the stand-in: it decodes and resizes by OpenCV, in YUV 4:2:0, under the played chip's rules of alignment and
// rounding. Like the device it rotates an image as its EXIF says.
#define ENABLE_DVPP_INTERFACE
#include <acl/ops/acl_dvpp.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "device.h"

using namespace fake_acl;

struct acldvppPicDesc {
  unsigned char *data = nullptr;
  uint32_t size = 0;
  acldvppPixelFormat format = PIXEL_FORMAT_YUV_400;
  uint32_t width = 0, height = 0, width_stride = 0, height_stride = 0;
  uint32_t failure = 0;
};
struct acldvppResizeConfig {};
struct acldvppRoiConfig {
  uint32_t left = 0, right = 0, top = 0, bottom = 0;  // these lines belong to it
};
struct acldvppChannelDesc {
  bool is_open = false;
};

namespace {

uint32_t RoundUp(uint32_t value, uint32_t step) { return (value + step - 1) / step * step; }

/// What is wrong with an image in YUV 4:2:0 on the device, or nothing.
std::string Fault(const acldvppPicDesc &picture, uint32_t width_step, uint32_t height_step) {
  if (picture.format != PIXEL_FORMAT_YUV_SEMIPLANAR_420 || picture.width % 2 != 0 || picture.height % 2 != 0) {
    return "the format or an odd side";
  }
  if (picture.width_stride < std::max(picture.width, 32U) || picture.height_stride < picture.height ||
      picture.width_stride % width_step != 0 || picture.height_stride % height_step != 0) {
    return "strides " + std::to_string(picture.width_stride) + " and " + std::to_string(picture.height_stride);
  }
  if (reinterpret_cast<uintptr_t>(picture.data) % 16 != 0) {
    return "an address that is no multiple of 16";
  }
  const uint32_t bytes = picture.width_stride * picture.height_stride * 3 / 2;
  return picture.size >= bytes && IsOnDevice(picture.data, bytes) ? "" : "too little memory";
}

cv::Mat Luma(const acldvppPicDesc &picture) {
  return {static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC1, picture.data,
          picture.width_stride};
}

cv::Mat Chroma(const acldvppPicDesc &picture) {
  return {static_cast<int>(picture.height / 2), static_cast<int>(picture.width / 2), CV_8UC2,
          picture.data + static_cast<size_t>(picture.width_stride) * picture.height_stride, picture.width_stride};
}

/// What is wrong with an area of an image, or nothing: it begins at even lines and ends at odd ones, and on the canvas
/// its left edge is a multiple of 16.
std::string AreaFault(const acldvppRoiConfig &area, const acldvppPicDesc &picture, uint32_t left_step) {
  const bool fits = area.left % left_step == 0 && area.top % 2 == 0 && area.right % 2 == 1 && area.bottom % 2 == 1 &&
                    area.left + 10 <= area.right + 1 && area.top + 6 <= area.bottom + 1 && area.right < picture.width &&
                    area.bottom < picture.height;
  return fits ? ""
              : "the area " + std::to_string(area.left) + " to " + std::to_string(area.right) + ", " +
                    std::to_string(area.top) + " to " + std::to_string(area.bottom);
}

/// An area in a plane of half or full resolution, `scale` 2 or 1.
cv::Rect RectOf(const acldvppRoiConfig &area, int scale) {
  return cv::Rect(cv::Point(static_cast<int>(area.left), static_cast<int>(area.top)) / scale,
                  cv::Point(static_cast<int>(area.right) + 1, static_cast<int>(area.bottom) + 1) / scale);
}

/// Draws a part of a plane onto an area of another. To the right it is made up to 16 pixels with what is not valid.
void Paste(const cv::Mat &source, cv::Mat target, cv::Rect area, uint32_t step) {
  cv::Mat drawn = target(area);
  cv::resize(source, drawn, drawn.size(), 0, 0, cv::INTER_LINEAR);
  const auto right = static_cast<uint32_t>(area.br().x);
  const auto end = std::min(RoundUp(right, step), static_cast<uint32_t>(target.cols));
  for (int row = area.y; row < area.br().y && end > right; ++row) {
    FillWithNoise(target.ptr(row, area.br().x), (end - right) * target.elemSize());
  }
}

/// Whether a JPEG keeps colour at the resolution of brightness: the sampling factors of its first component are 1.
bool HasFullColour(const unsigned char *data, size_t size) {
  for (size_t at = 2; at + 12 < size; at += 2 + data[at + 2] * 256U + data[at + 3]) {
    if (data[at + 1] == 0xC0) {
      return data[at + 9] == 3 && data[at + 11] == 0x11;
    }
  }
  return false;
}

/// Decodes a JPEG, with even sides as the chip makes them; an empty image where that is not possible.
cv::Mat DecodeEven(const unsigned char *data, uint32_t size) {
  const cv::Mat bytes(1, static_cast<int>(size), CV_8UC1, const_cast<unsigned char *>(data));
  cv::Mat image = cv::imdecode(bytes, cv::IMREAD_COLOR);
  if (image.empty()) {
    return image;
  }
  if (PlayedChip().rounds_down && HasFullColour(data, size)) {
    return image(cv::Rect(0, 0, image.cols / 2 * 2, image.rows / 2 * 2)).clone();
  }
  // An odd side is padded, as a JPEG's blocks are.
  cv::copyMakeBorder(image, image, 0, image.rows % 2, 0, image.cols % 2, cv::BORDER_REPLICATE);
  return image;
}

/// Writes an image and its size to a place on the device; what it does not cover is noise.
void Write(cv::Mat image, acldvppPicDesc *output) {
  FillWithNoise(output->data, output->size);
  output->width = static_cast<uint32_t>(image.cols);
  output->height = static_cast<uint32_t>(image.rows);
  cv::cvtColor(image, image, cv::COLOR_BGR2YCrCb);
  cv::extractChannel(image, Luma(*output), 0);
  cv::Mat half, chroma = Chroma(*output);
  cv::resize(image, half, {image.cols / 2, image.rows / 2}, 0, 0, cv::INTER_AREA);
  const int order[] = {2, 0, 1, 1};
  cv::mixChannels(&half, 1, &chroma, 1, order, 2);
}

}  // namespace

aclError acldvppMalloc(void **memory, size_t size) {
  const aclError result = Enter("acldvppMalloc");
  *memory = result == ACL_SUCCESS ? AllocateOnDevice(size) : nullptr;
  return result;
}

aclError acldvppFree(void *memory) {
  FreeOnDevice(memory);
  return ACL_SUCCESS;
}

acldvppChannelDesc *acldvppCreateChannelDesc() { return Make<acldvppChannelDesc>("acldvppCreateChannelDesc"); }

aclError acldvppDestroyChannelDesc(acldvppChannelDesc *channel) { return Destroy(channel); }

aclError acldvppCreateChannel(acldvppChannelDesc *channel) {
  const aclError result = Enter("acldvppCreateChannel");
  channel->is_open = result == ACL_SUCCESS;
  return result;
}

aclError acldvppDestroyChannel(acldvppChannelDesc *channel) {
  channel->is_open = false;
  return ACL_SUCCESS;
}

acldvppPicDesc *acldvppCreatePicDesc() { return Make<acldvppPicDesc>("acldvppCreatePicDesc"); }
aclError acldvppDestroyPicDesc(acldvppPicDesc *picture) { return Destroy(picture); }

aclError acldvppSetPicDescData(acldvppPicDesc *picture, void *data) {
  picture->data = static_cast<unsigned char *>(data);
  return ACL_SUCCESS;
}

aclError acldvppSetPicDescSize(acldvppPicDesc *picture, uint32_t size) {
  picture->size = size;
  return ACL_SUCCESS;
}

aclError acldvppSetPicDescFormat(acldvppPicDesc *picture, acldvppPixelFormat format) {
  picture->format = format;
  return ACL_SUCCESS;
}

aclError acldvppSetPicDescWidth(acldvppPicDesc *picture, uint32_t width) {
  picture->width = width;
  return ACL_SUCCESS;
}

aclError acldvppSetPicDescHeight(acldvppPicDesc *picture, uint32_t height) {
  picture->height = height;
  return ACL_SUCCESS;
}

aclError acldvppSetPicDescWidthStride(acldvppPicDesc *picture, uint32_t stride) {
  picture->width_stride = stride;
  return ACL_SUCCESS;
}

aclError acldvppSetPicDescHeightStride(acldvppPicDesc *picture, uint32_t stride) {
  picture->height_stride = stride;
  return ACL_SUCCESS;
}

uint32_t acldvppGetPicDescWidth(const acldvppPicDesc *picture) { return picture->width; }
uint32_t acldvppGetPicDescHeight(const acldvppPicDesc *picture) { return picture->height; }
uint32_t acldvppGetPicDescRetCode(const acldvppPicDesc *picture) { return picture->failure; }

acldvppResizeConfig *acldvppCreateResizeConfig() { return Make<acldvppResizeConfig>("acldvppCreateResizeConfig"); }
aclError acldvppDestroyResizeConfig(acldvppResizeConfig *config) { return Destroy(config); }

aclError acldvppJpegDecodeAsync(acldvppChannelDesc *channel, const void *data, uint32_t size, acldvppPicDesc *output,
                                aclrtStream stream) {
  const char *const name = "acldvppJpegDecodeAsync";
  const aclError result = Enter(name);
  if (result != ACL_SUCCESS) {
    return result;
  }
  // The stride is the width's, exactly: the decoder has no other.
  const uint32_t step = PlayedChip().width_step;
  std::string fault = Fault(*output, step, 16);
  if (output->width_stride != RoundUp(output->width, step) || output->height_stride != RoundUp(output->height, 16)) {
    fault = "strides " + std::to_string(output->width_stride) + " and " + std::to_string(output->height_stride) +
            " of " + std::to_string(output->width) + " x " + std::to_string(output->height);
  }
  if (!channel->is_open || !fault.empty() || !IsOnDevice(data, size)) {
    return Refuse(name, fault);
  }
  return Enqueue(name, stream, [=] {
    const cv::Mat image = DecodeEven(static_cast<const unsigned char *>(data), size);
    const bool fits = !image.empty() && image.cols <= static_cast<int>(output->width_stride) &&
                      image.rows <= static_cast<int>(output->height_stride);
    output->failure = fits ? 0 : 1;
    if (fits) {
      Write(image, output);
    }
    return ACL_SUCCESS;
  });
}

aclError acldvppVpcResizeAsync(acldvppChannelDesc *channel, acldvppPicDesc *input, acldvppPicDesc *output,
                               acldvppResizeConfig *, aclrtStream stream) {
  const char *const name = "acldvppVpcResizeAsync";
  const aclError result = Enter(name);
  if (result != ACL_SUCCESS) {
    return result;
  }
  const std::string fault = Fault(*input, 16, 2) + Fault(*output, 16, 2);
  if (!channel->is_open || !fault.empty()) {
    return Refuse(name, fault);
  }
  return Enqueue(name, stream, [=] {
    FillWithNoise(output->data, output->size);
    cv::Mat luma = Luma(*output), chroma = Chroma(*output);
    cv::resize(Luma(*input), luma, luma.size(), 0, 0, cv::INTER_LINEAR);
    cv::resize(Chroma(*input), chroma, chroma.size(), 0, 0, cv::INTER_LINEAR);
    return ACL_SUCCESS;
  });
}

acldvppRoiConfig *acldvppCreateRoiConfig(uint32_t left, uint32_t right, uint32_t top, uint32_t bottom) {
  auto *area = Make<acldvppRoiConfig>("acldvppCreateRoiConfig");
  if (area != nullptr) {
    *area = {left, right, top, bottom};
  }
  return area;
}

aclError acldvppDestroyRoiConfig(acldvppRoiConfig *area) { return Destroy(area); }

aclError acldvppVpcCropAndPasteAsync(acldvppChannelDesc *channel, acldvppPicDesc *input, acldvppPicDesc *output,
                                     acldvppRoiConfig *cut, acldvppRoiConfig *drawn, aclrtStream stream) {
  const char *const name = "acldvppVpcCropAndPasteAsync";
  const aclError result = Enter(name);
  if (result != ACL_SUCCESS) {
    return result;
  }
  const std::string fault =
      Fault(*input, 16, 2) + Fault(*output, 16, 2) + AreaFault(*cut, *input, 2) + AreaFault(*drawn, *output, 16);
  const cv::Size from = RectOf(*cut, 1).size(), to = RectOf(*drawn, 1).size();
  if (!channel->is_open || !fault.empty() || to.width * 32 < from.width || to.height * 32 < from.height ||
      to.width > from.width * 16 || to.height > from.height * 16) {
    return Refuse(name, fault.empty() ? "the factor of the resize" : fault);
  }
  return Enqueue(name, stream, [source = *input, target = *output, cut = *cut, drawn = *drawn] {
    Paste(Luma(source)(RectOf(cut, 1)), Luma(target), RectOf(drawn, 1), 16);
    Paste(Chroma(source)(RectOf(cut, 2)), Chroma(target), RectOf(drawn, 2), 8);
    return ACL_SUCCESS;
  });
}
