// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_size.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>

#include "inc/image/jpeg.h"

namespace yolo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPngMark = "\x89PNG\r\n\x1a\n"sv, kWebpMark = "RIFF"sv;
constexpr std::string_view kLittleTiff = "II*\0"sv, kBigTiff = "MM\0*"sv;
// From here on an orientation swaps width and height.
constexpr int kFirstSideways = 5, kLastOrientation = 8;

enum class Order { kLittle, kBig };

/// An unsigned number of some bytes; nothing beyond the end.
std::optional<uint64_t> NumberAt(std::string_view data, uint64_t position, size_t bytes, Order order) {
  if (position > data.size() || data.size() - position < bytes) {
    return std::nullopt;
  }
  uint64_t number = 0;
  for (size_t place = 0; place < bytes; ++place) {
    const size_t next = order == Order::kBig ? place : bytes - 1 - place;
    number = number << 8 | static_cast<unsigned char>(data[position + next]);
  }
  return number;
}

/// Two numbers of the same length, one after the other, of which `mask` counts and to which `added` is added.
std::optional<HeaderSize> PairAt(std::string_view data, size_t position, size_t bytes, Order order,
                                 uint64_t mask = 0xFFFFFFFF, int64_t added = 0) {
  const auto width = NumberAt(data, position, bytes, order), height = NumberAt(data, position + bytes, bytes, order);
  if (!width || !height) {
    return std::nullopt;
  }
  return HeaderSize{static_cast<int64_t>(*width & mask) + added, static_cast<int64_t>(*height & mask) + added};
}

std::optional<HeaderSize> BmpSize(std::string_view data) {
  constexpr size_t kHeaderBytes = 14, kOldHeaderBytes = 12;
  if (NumberAt(data, kHeaderBytes, 4, Order::kLittle) == kOldHeaderBytes) {
    return PairAt(data, kHeaderBytes + 4, 2, Order::kLittle);
  }
  std::optional<HeaderSize> size = PairAt(data, kHeaderBytes + 4, 4, Order::kLittle);
  // A negative height: the first row is the upper one.
  if (size && size->height > INT32_MAX) {
    size->height = (int64_t{1} << 32) - size->height;
  }
  return size;
}

std::optional<HeaderSize> WebpSize(std::string_view data) {
  constexpr size_t kChunk = 12, kBody = 20;
  const std::string_view kind = data.substr(std::min(kChunk, data.size()), 4);
  if (kind == "VP8X") {
    return PairAt(data, kBody + 4, 3, Order::kLittle, 0xFFFFFF, 1);
  }
  if (kind == "VP8L") {
    const auto bits = NumberAt(data, kBody + 1, 4, Order::kLittle);
    return bits ? std::optional(HeaderSize{static_cast<int64_t>(*bits & 0x3FFF) + 1,
                                           static_cast<int64_t>(*bits >> 14 & 0x3FFF) + 1})
                : std::nullopt;
  }
  return kind == "VP8 " ? PairAt(data, kBody + 6, 2, Order::kLittle, 0x3FFF) : std::nullopt;
}

/// Of a tag that occurs twice the largest value counts: which one a decoder takes is its own choice.
std::optional<HeaderSize> TiffSize(std::string_view data, Order order) {
  constexpr size_t kEntryBytes = 12;
  constexpr uint64_t kWidth = 256, kHeight = 257, kShort = 3, kLong = 4;
  const auto folder = NumberAt(data, 4, 4, order);
  const auto count = folder ? NumberAt(data, *folder, 2, order) : std::nullopt;
  HeaderSize size;
  for (uint64_t entry = 0; count && entry < *count; ++entry) {
    const uint64_t position = *folder + 2 + entry * kEntryBytes;
    const auto tag = NumberAt(data, position, 2, order);
    if (tag == kWidth || tag == kHeight) {
      const auto type = NumberAt(data, position + 2, 2, order);
      const auto value = NumberAt(data, position + 8, type == kShort ? 2 : 4, order);
      if (!value || (type != kShort && type != kLong)) {
        return std::nullopt;
      }
      int64_t &side = tag == kWidth ? size.width : size.height;
      side = std::max(side, static_cast<int64_t>(*value));
    }
  }
  return size.width > 0 && size.height > 0 ? std::optional(size) : std::nullopt;
}

/// The orientation in EXIF data. What cannot be read ends the list of tags, as in Pillow.
int TiffOrientation(std::string_view tiff) {
  constexpr size_t kEntryBytes = 12, kOwnBytes = 4;
  constexpr uint64_t kOrientation = 274;
  // Bytes of a value of each type; those that are whole numbers.
  constexpr std::array<uint64_t, 14> kBytes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
  constexpr std::array<uint64_t, 6> kWhole = {3, 4, 6, 8, 9, 13};
  const std::string_view mark = tiff.substr(0, kBigTiff.size());
  if (mark != kLittleTiff && mark != kBigTiff) {
    return kUpright;
  }
  const Order order = mark == kBigTiff ? Order::kBig : Order::kLittle;
  const auto folder = NumberAt(tiff, 4, 4, order);
  const auto count = folder ? NumberAt(tiff, *folder, 2, order) : std::nullopt;
  uint64_t found = kUpright;
  for (uint64_t entry = 0; count && entry < *count; ++entry) {
    const uint64_t position = *folder + 2 + entry * kEntryBytes;
    const auto tag = NumberAt(tiff, position, 2, order), type = NumberAt(tiff, position + 2, 2, order);
    const auto values = NumberAt(tiff, position + 4, 4, order), own = NumberAt(tiff, position + 8, kOwnBytes, order);
    if (!own) {
      break;
    }
    const uint64_t bytes = *type < kBytes.size() ? *values * kBytes[*type] : 0;
    const uint64_t place = bytes > kOwnBytes ? *own : position + 8;
    if (place > tiff.size() || tiff.size() - place < bytes) {
      break;
    }
    if (*tag == kOrientation && bytes > 0) {
      const bool is_whole = std::find(kWhole.begin(), kWhole.end(), *type) != kWhole.end();
      found = is_whole ? *NumberAt(tiff, place, kBytes[*type], order) : kUpright;
    }
  }
  return found >= kUpright && found <= kLastOrientation ? static_cast<int>(found) : kUpright;
}

/// The body of the first chunk of a name, from a position on. A PNG's length comes before the name, and a checksum
/// after the body; in a WebP file the length comes after the name, and bodies have an even length.
std::string_view FindChunk(std::string_view data, uint64_t position, std::string_view name, bool is_png) {
  const Order order = is_png ? Order::kBig : Order::kLittle;
  while (const auto length = NumberAt(data, position + (is_png ? 0 : 4), 4, order)) {
    const uint64_t body = position + 8;
    if (body > data.size()) {
      break;
    }
    if (data.substr(position + (is_png ? 4 : 0), name.size()) == name) {
      return data.substr(body, *length);
    }
    position = body + *length + (is_png ? 4 : *length % 2);
  }
  return {};
}

/// A number of a text header, after blanks and comments; the letter after it is read too.
std::optional<int64_t> TextNumber(std::string_view data, size_t *position) {
  const auto at = [&] { return *position < data.size() ? static_cast<unsigned char>(data[*position]) : 0; };
  while (std::isspace(at()) != 0 || at() == '#') {
    if (at() == '#') {
      *position = std::min(data.find_first_of("\r\n", *position), data.size());
    }
    *position += *position < data.size() ? 1 : 0;
  }
  constexpr int64_t kMaxSide = INT32_MAX;
  int64_t number = -1;
  for (; std::isdigit(at()) != 0; ++*position) {
    number = std::min(std::max(number, int64_t{0}) * 10 + at() - '0', kMaxSide);
  }
  ++*position;
  return number < 0 ? std::nullopt : std::optional(number);
}

std::optional<HeaderSize> PnmSize(std::string_view data) {
  size_t position = 2;
  const auto width = TextNumber(data, &position), height = TextNumber(data, &position);
  return width && height ? std::optional(HeaderSize{*width, *height}) : std::nullopt;
}

}  // namespace

std::optional<HeaderSize> ReadImageSize(std::string_view data) {
  const auto starts = [data](std::string_view mark) { return data.substr(0, mark.size()) == mark; };
  if (IsJpeg(data)) {
    const std::optional<Size> size = ReadJpegSize(data);
    return size ? std::optional(HeaderSize{size->width, size->height}) : std::nullopt;
  }
  if (starts(kPngMark)) {
    constexpr size_t kFirstChunkBody = 16;
    return PairAt(data, kFirstChunkBody, 4, Order::kBig);
  }
  if (starts(kLittleTiff) || starts(kBigTiff)) {
    return TiffSize(data, data[0] == 'I' ? Order::kLittle : Order::kBig);
  }
  if (starts(kWebpMark) && data.size() > 12 && data.substr(8, 4) == "WEBP"sv) {
    return WebpSize(data);
  }
  if (starts("BM"sv)) {
    return BmpSize(data);
  }
  return starts("P"sv) && data.size() > 2 && data[1] >= '1' && data[1] <= '6' ? PnmSize(data) : std::nullopt;
}

int ExifOrientation(std::string_view data) {
  if (IsJpeg(data)) {
    return TiffOrientation(JpegExif(data));
  }
  const bool is_png = data.substr(0, kPngMark.size()) == kPngMark;
  if (!is_png && data.substr(0, kWebpMark.size()) != kWebpMark) {
    return kUpright;
  }
  std::string_view exif = is_png ? FindChunk(data, kPngMark.size(), "eXIf", true) : FindChunk(data, 12, "EXIF", false);
  // Some tools write JPEG's name of the data into the chunk, too.
  constexpr std::string_view kName = "Exif\0\0"sv;
  return TiffOrientation(exif.substr(0, kName.size()) == kName ? exif.substr(kName.size()) : exif);
}

MeantOrientation FindMeantOrientation(int orientation, const Size &stored, const Size &listed) {
  if (orientation == kUpright || listed.width == 0) {
    return {orientation, true};
  }
  if (orientation >= kFirstSideways && stored.width != stored.height) {
    const bool is_stored = listed.width == stored.width && listed.height == stored.height;
    return {is_stored ? kUpright : orientation, true};
  }
  // The turned image has the size of the stored one: the file may mean either, and tools mean the upright one.
  return {orientation, false};
}

}  // namespace yolo
