// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// A stand-in for ACL that decodes and resizes by OpenCV, in YUV 4:2:0 and under DVPP's rules of alignment.
//
// Like the device it rotates an image as its EXIF says. The environment variable FAKE_ACL_FAIL names one function,
// which then returns an error. Objects that were not freed are counted at the end of the process, on standard error.
#define ENABLE_DVPP_INTERFACE
#include <acl/acl.h>
#include <acl/ops/acl_dvpp.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>

struct acldvppPicDesc {
  unsigned char *data = nullptr;
  uint32_t size = 0;
  acldvppPixelFormat format = PIXEL_FORMAT_YUV_400;
  uint32_t width = 0, height = 0, width_stride = 0, height_stride = 0;
};
struct acldvppResizeConfig {};
struct acldvppChannelDesc {
  bool is_open = false;
};

namespace {

constexpr aclError kBroken = 500000, kRefused = 100000;

std::atomic<int> alive{0};

/// Reports what was not freed when the process ends.
struct Counter {
  ~Counter() {
    if (alive != 0) {
      std::cerr << "fake_acl: " << alive << " objects were not freed\n";
    }
  }
} counter;

aclError Result(const char *function) {
  const char *broken = std::getenv("FAKE_ACL_FAIL");
  return broken != nullptr && std::string(broken) == function ? kBroken : ACL_SUCCESS;
}

template <typename Type>
Type *Make(const char *function) {
  if (Result(function) != ACL_SUCCESS) {
    return nullptr;
  }
  ++alive;
  return new Type();
}

template <typename Type>
aclError Destroy(Type *object) {
  --alive;
  delete object;
  return ACL_SUCCESS;
}

bool IsValid(const acldvppPicDesc &picture, uint32_t width_step, uint32_t height_step) {
  return picture.data != nullptr && picture.format == PIXEL_FORMAT_YUV_SEMIPLANAR_420 && picture.width % 2 == 0 &&
         picture.height % 2 == 0 && picture.width_stride >= picture.width && picture.width_stride >= 32 &&
         picture.height_stride >= picture.height && picture.width_stride % width_step == 0 &&
         picture.height_stride % height_step == 0 &&
         picture.size >= picture.width_stride * picture.height_stride * 3 / 2;
}

cv::Mat Luma(const acldvppPicDesc &picture) {
  return {static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC1, picture.data,
          picture.width_stride};
}

cv::Mat Chroma(const acldvppPicDesc &picture) {
  return {static_cast<int>(picture.height / 2), static_cast<int>(picture.width / 2), CV_8UC2,
          picture.data + static_cast<size_t>(picture.width_stride) * picture.height_stride, picture.width_stride};
}

}  // namespace

aclError aclInit(const char *) {
  static std::atomic<bool> is_initialised{false};
  return is_initialised.exchange(true) ? ACL_ERROR_REPEAT_INITIALIZE : Result("aclInit");
}

aclError aclrtSetDevice(int32_t device_id) { return device_id == 0 ? Result("aclrtSetDevice") : kRefused; }

aclError aclrtGetRunMode(aclrtRunMode *mode) {
  *mode = ACL_HOST;
  return Result("aclrtGetRunMode");
}

aclError aclrtCreateContext(aclrtContext *context, int32_t) {
  *context = Make<int>("aclrtCreateContext");
  return Result("aclrtCreateContext");
}

aclError aclrtDestroyContext(aclrtContext context) { return Destroy(static_cast<int *>(context)); }

aclError aclrtCreateStream(aclrtStream *stream) {
  *stream = Make<int>("aclrtCreateStream");
  return Result("aclrtCreateStream");
}

aclError aclrtDestroyStream(aclrtStream stream) { return Destroy(static_cast<int *>(stream)); }
aclError aclrtSynchronizeStream(aclrtStream) { return Result("aclrtSynchronizeStream"); }

aclError aclrtMemcpy(void *target, size_t most, const void *source, size_t count, aclrtMemcpyKind kind) {
  if (count > most || (kind != ACL_MEMCPY_HOST_TO_DEVICE && kind != ACL_MEMCPY_DEVICE_TO_HOST)) {
    return kRefused;
  }
  std::memcpy(target, source, count);
  return Result("aclrtMemcpy");
}

aclError acldvppMalloc(void **memory, size_t size) {
  if (Result("acldvppMalloc") == ACL_SUCCESS) {
    *memory = std::malloc(size);
    ++alive;
  }
  return Result("acldvppMalloc");
}

aclError acldvppFree(void *memory) {
  --alive;
  std::free(memory);
  return ACL_SUCCESS;
}

acldvppChannelDesc *acldvppCreateChannelDesc() { return Make<acldvppChannelDesc>("acldvppCreateChannelDesc"); }

aclError acldvppDestroyChannelDesc(acldvppChannelDesc *channel) { return Destroy(channel); }

aclError acldvppCreateChannel(acldvppChannelDesc *channel) {
  channel->is_open = Result("acldvppCreateChannel") == ACL_SUCCESS;
  return Result("acldvppCreateChannel");
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

uint32_t acldvppGetPicDescRetCode(const acldvppPicDesc *) { return 0; }

acldvppResizeConfig *acldvppCreateResizeConfig() { return Make<acldvppResizeConfig>("acldvppCreateResizeConfig"); }
aclError acldvppDestroyResizeConfig(acldvppResizeConfig *config) { return Destroy(config); }

aclError acldvppJpegDecodeAsync(acldvppChannelDesc *channel, const void *data, uint32_t size, acldvppPicDesc *output,
                                aclrtStream) {
  const cv::Mat bytes(1, static_cast<int>(size), CV_8UC1, const_cast<void *>(data));
  cv::Mat image = cv::imdecode(bytes, cv::IMREAD_COLOR);
  if (!channel->is_open || image.empty() || !IsValid(*output, 128, 16)) {
    return kRefused;
  }
  // An odd side is padded, as a JPEG's blocks are.
  cv::copyMakeBorder(image, image, 0, image.rows % 2, 0, image.cols % 2, cv::BORDER_REPLICATE);
  if (image.rows != static_cast<int>(output->height) || image.cols != static_cast<int>(output->width)) {
    return kRefused;
  }
  cv::cvtColor(image, image, cv::COLOR_BGR2YCrCb);
  cv::extractChannel(image, Luma(*output), 0);
  cv::Mat half;
  cv::resize(image, half, {image.cols / 2, image.rows / 2}, 0, 0, cv::INTER_AREA);
  cv::Mat chroma = Chroma(*output);
  const int order[] = {2, 0, 1, 1};
  cv::mixChannels(&half, 1, &chroma, 1, order, 2);
  return Result("acldvppJpegDecodeAsync");
}

aclError acldvppVpcResizeAsync(acldvppChannelDesc *channel, acldvppPicDesc *input, acldvppPicDesc *output,
                               acldvppResizeConfig *, aclrtStream) {
  if (!channel->is_open || !IsValid(*input, 16, 2) || !IsValid(*output, 16, 2)) {
    return kRefused;
  }
  cv::Mat luma = Luma(*output), chroma = Chroma(*output);
  cv::resize(Luma(*input), luma, luma.size(), 0, 0, cv::INTER_LINEAR);
  cv::resize(Chroma(*input), chroma, chroma.size(), 0, 0, cv::INTER_LINEAR);
  return Result("acldvppVpcResizeAsync");
}
