// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/jpeg_header.h"

#include <string_view>

namespace yolo {
namespace {

constexpr unsigned kStartOfFrame = 0xC0, kLastFrame = 0xCF, kHuffmanTables = 0xC4, kArithmeticTables = 0xCC;
constexpr unsigned kExif = 0xE1, kAdobe = 0xEE, kScan = 0xDA;
// A marker and the length behind it.
constexpr size_t kMarkerBytes = 4;

unsigned ByteAt(std::string_view data, size_t position) { return static_cast<unsigned char>(data[position]); }

unsigned WordAt(std::string_view data, size_t position) {
  return ByteAt(data, position) << 8 | ByteAt(data, position + 1);
}

/// Other frames are progressive, lossless, hierarchical or arithmetic.
bool IsOtherFrame(unsigned marker) {
  return marker > kStartOfFrame && marker <= kLastFrame && marker != kHuffmanTables && marker != kArithmeticTables;
}

/// Adobe's segment says with a last byte of 1 that three channels are YCbCr.
bool IsYCbCr(std::string_view adobe) {
  constexpr size_t kTransform = 11;
  return adobe.size() > kTransform && ByteAt(adobe, kTransform) == 1;
}

/// Reads a frame's segment: precision, height, width, channels, and for each channel its number, its sampling and its
/// table.
bool ReadFrame(std::string_view frame, Size *size) {
  if (frame.size() < 6 || ByteAt(frame, 0) != 8) {
    return false;
  }
  const unsigned channels = ByteAt(frame, 5);
  if ((channels != 1 && channels != 3) || frame.size() < 6 + 3 * channels) {
    return false;
  }
  *size = {static_cast<int>(WordAt(frame, 3)), static_cast<int>(WordAt(frame, 1))};
  if (channels == 1) {
    return true;
  }
  const unsigned luma = ByteAt(frame, 7);
  const bool is_known_sampling = luma == 0x11 || luma == 0x21 || luma == 0x22;
  const bool is_rgb = ByteAt(frame, 6) == 'R' && ByteAt(frame, 9) == 'G' && ByteAt(frame, 12) == 'B';
  return is_known_sampling && !is_rgb && ByteAt(frame, 10) == 0x11 && ByteAt(frame, 13) == 0x11;
}

}  // namespace

std::optional<BaselineJpeg> ReadBaselineJpeg(const std::string &data) {
  constexpr std::string_view kStart = "\xff\xd8";
  const std::string_view view(data);
  if (view.substr(0, kStart.size()) != kStart) {
    return std::nullopt;
  }
  BaselineJpeg jpeg{{}, std::string(kStart)};
  size_t position = kStart.size();
  while (position + kMarkerBytes <= view.size() && ByteAt(view, position) == 0xFF) {
    const unsigned marker = ByteAt(view, position + 1);
    if (marker == kScan) {
      jpeg.data += view.substr(position);
      return jpeg.size.width > 0 && jpeg.size.height > 0 ? std::optional(std::move(jpeg)) : std::nullopt;
    }
    if (marker == 0xFF) {
      ++position;
      continue;
    }
    const size_t length = WordAt(view, position + 2);
    const std::string_view segment = length < 2 ? std::string_view() : view.substr(position + kMarkerBytes, length - 2);
    if (length < 2 || IsOtherFrame(marker) || (marker == kStartOfFrame && !ReadFrame(segment, &jpeg.size)) ||
        (marker == kAdobe && !IsYCbCr(segment))) {
      return std::nullopt;
    }
    if (marker != kExif) {
      jpeg.data += view.substr(position, 2 + length);
    }
    position += 2 + length;
  }
  return std::nullopt;
}

}  // namespace yolo
