// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/jpeg.h"

#include <algorithm>
#include <utility>

namespace yolo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kStartMark = "\xff\xd8", kScanMark = "\xff\xda", kEndMark = "\xff\xd9";
constexpr unsigned kStartOfFrame = 0xC0, kLastFrame = 0xCF, kHuffmanTables = 0xC4, kArithmeticTables = 0xCC;
constexpr unsigned kTemporary = 0x01, kFirstRestart = 0xD0, kLastRestart = 0xD7;
constexpr unsigned kEnd = 0xD9, kScan = 0xDA, kExif = 0xE1, kAdobe = 0xEE;
// A marker and the length after it.
constexpr size_t kMarkerBytes = 4;

unsigned ByteAt(std::string_view data, size_t position) { return static_cast<unsigned char>(data[position]); }

unsigned WordAt(std::string_view data, size_t position) {
  return ByteAt(data, position) << 8 | ByteAt(data, position + 1);
}

struct Segment {
  unsigned marker = 0;
  size_t length = 0;  // of the two bytes of the length itself and what follows them
};

/// Reads the marker at `position`, which moves over fill bytes; nothing where there is none.
std::optional<Segment> SegmentAt(std::string_view data, size_t *position) {
  for (; *position + kMarkerBytes <= data.size() && ByteAt(data, *position) == 0xFF; ++*position) {
    if (const unsigned marker = ByteAt(data, *position + 1); marker != 0xFF) {
      return Segment{marker, WordAt(data, *position + 2)};
    }
  }
  return std::nullopt;
}

bool IsRestart(unsigned marker) { return marker >= kFirstRestart && marker <= kLastRestart; }

/// Other frames are progressive, lossless, hierarchical or arithmetic.
bool IsOtherFrame(unsigned marker) {
  return marker > kStartOfFrame && marker <= kLastFrame && marker != kHuffmanTables && marker != kArithmeticTables;
}

/// Whether Adobe's segment says that three channels are YCbCr: its last byte is 1.
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

bool IsJpeg(std::string_view data) { return data.substr(0, kStartMark.size()) == kStartMark; }

bool EndsAfterScans(std::string_view data) {
  // A thumbnail has markers of its own.
  const size_t end = data.rfind(kEndMark), scan = data.rfind(kScanMark);
  return end != std::string_view::npos && (scan == std::string_view::npos || end > scan);
}

std::string JpegExif(std::string_view data) {
  constexpr std::string_view kName = "Exif\0\0"sv;
  std::string exif;
  size_t position = kStartMark.size();
  while (const std::optional<Segment> segment = SegmentAt(data, &position)) {
    const auto [marker, length] = *segment;
    if (marker == kScan || marker == kEnd || length < 2) {
      break;
    }
    const std::string_view body = data.substr(position + kMarkerBytes, length - 2);
    // What is longer than a segment continues in the next one.
    if (marker == kExif && body.substr(0, kName.size()) == kName) {
      exif += body.substr(kName.size());
    }
    position += 2 + length;
  }
  return exif;
}

std::optional<Size> ReadJpegSize(std::string_view data) {
  for (size_t position = kStartMark.size(); (position = data.find('\xff', position)) != std::string_view::npos;) {
    position = data.find_first_not_of('\xff', position);
    if (position == std::string_view::npos) {
      break;
    }
    const unsigned marker = ByteAt(data, position++);
    if (marker == 0 || marker == kTemporary || IsRestart(marker)) {
      continue;
    }
    if (marker == kScan || marker == kEnd || position + 7 > data.size()) {
      break;
    }
    if (marker == kStartOfFrame || IsOtherFrame(marker)) {
      return Size{static_cast<int>(WordAt(data, position + 5)), static_cast<int>(WordAt(data, position + 3))};
    }
    position += std::max<size_t>(WordAt(data, position), 2);
  }
  return std::nullopt;
}

std::optional<BaselineJpeg> ReadBaselineJpeg(std::string_view data) {
  if (!IsJpeg(data)) {
    return std::nullopt;
  }
  BaselineJpeg jpeg{{}, std::string(kStartMark)};
  size_t position = kStartMark.size();
  while (const std::optional<Segment> segment = SegmentAt(data, &position)) {
    const auto [marker, length] = *segment;
    if (marker == kScan) {
      jpeg.data += data.substr(position);
      return jpeg.size.width > 0 && jpeg.size.height > 0 ? std::optional(std::move(jpeg)) : std::nullopt;
    }
    const std::string_view body = length < 2 ? std::string_view() : data.substr(position + kMarkerBytes, length - 2);
    if (length < 2 || IsOtherFrame(marker) || (marker == kStartOfFrame && !ReadFrame(body, &jpeg.size)) ||
        (marker == kAdobe && !IsYCbCr(body))) {
      return std::nullopt;
    }
    if (marker != kExif) {
      jpeg.data += data.substr(position, 2 + length);
    }
    position += 2 + length;
  }
  return std::nullopt;
}

}  // namespace yolo
