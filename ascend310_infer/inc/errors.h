// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Errors and the exit codes of the program.
#ifndef ASCEND310_INFER_INC_ERRORS_H_
#define ASCEND310_INFER_INC_ERRORS_H_

#include <stdexcept>
#include <string>

namespace yolo {

/// Exit codes of the program; 1 is left to the shell and to crashes.
enum class ExitCode : int { kOk = 0, kUsage = 2, kModel = 3, kInput = 4, kRuntime = 5, kOutput = 6 };

/// An error that the user can do something about: the text names the file or the option, what was found and what was
/// expected.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string &text) : std::runtime_error(text), code_(code) {}

  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_ERRORS_H_
