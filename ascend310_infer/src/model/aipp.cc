// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/aipp.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <locale>
#include <sstream>

#include "inc/errors.h"
#include "inc/utils.h"

namespace yolo {
namespace {

constexpr double kMaxLevel = 255.0;
// More than float16 holds.
constexpr int kDecimals = 10;

}  // namespace

std::string AippConfig(const ModelDescription &description) {
  std::ostringstream text;
  // A comma for the decimal point, as some locales have it, is no number here.
  text.imbue(std::locale::classic());
  text << std::fixed << std::setprecision(kDecimals);
  text << "aipp_op {\n"
          "  aipp_mode: static\n"
          "  related_input_rank: 0\n"
          "  input_format: RGB888_U8\n"
          "  csc_switch: false\n"
          "  rbuv_swap_switch: false\n";
  for (size_t channel = 0; channel < description.mean.size(); ++channel) {
    const double mean = description.mean[channel] * kMaxLevel;
    const double whole = std::floor(mean);
    text << "  mean_chn_" << channel << ": " << static_cast<int>(whole) << "\n"
         << "  min_chn_" << channel << ": " << mean - whole << "\n"
         << "  var_reci_chn_" << channel << ": " << 1.0 / (kMaxLevel * description.std[channel]) << "\n";
  }
  text << "}\n";
  return text.str();
}

AippFile::AippFile(const ModelDescription &description) {
  std::error_code error;
  folder_ = (std::filesystem::temp_directory_path(error) / "yolo_infer_XXXXXX").string();
  if (error || mkdtemp(folder_.data()) == nullptr) {
    throw Error(ExitCode::kOutput, "cannot make a temporary folder (" +
                                       (error ? error.message() : folder_ + ": " + std::strerror(errno)) +
                                       "); set TMPDIR to a folder that can be written");
  }
  path_ = folder_ + "/aipp.cfg";
  try {
    WriteFile(path_, AippConfig(description));
  } catch (...) {
    rmdir(folder_.c_str());
    throw;
  }
}

AippFile::~AippFile() {
  unlink(path_.c_str());
  rmdir(folder_.c_str());
}

}  // namespace yolo
