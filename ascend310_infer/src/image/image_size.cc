// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_size.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "inc/image/jpeg.h"

namespace yolo {
namespace {

using namespace std::string_view_literals;

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
  if (starts("\x89PNG\r\n\x1a\n"sv)) {
    constexpr size_t kFirstChunkBody = 16;
    return PairAt(data, kFirstChunkBody, 4, Order::kBig);
  }
  if (starts("II*\0"sv) || starts("MM\0*"sv)) {
    return TiffSize(data, data[0] == 'I' ? Order::kLittle : Order::kBig);
  }
  if (starts("RIFF"sv) && data.size() > 12 && data.substr(8, 4) == "WEBP"sv) {
    return WebpSize(data);
  }
  if (starts("BM"sv)) {
    return BmpSize(data);
  }
  return starts("P"sv) && data.size() > 2 && data[1] >= '1' && data[1] <= '6' ? PnmSize(data) : std::nullopt;
}

}  // namespace yolo
