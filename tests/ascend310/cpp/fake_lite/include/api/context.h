// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Our own declaration of what the app uses of MindSpore Lite's contexts.
#ifndef TESTS_CPP_FAKE_LITE_INCLUDE_API_CONTEXT_H_
#define TESTS_CPP_FAKE_LITE_INCLUDE_API_CONTEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mindspore {

class DeviceInfoContext {
 public:
  virtual ~DeviceInfoContext() = default;
};

class CPUDeviceInfo : public DeviceInfoContext {};

class AscendDeviceInfo : public DeviceInfoContext {
 public:
  void SetDeviceID(uint32_t device_id);
  void SetPrecisionMode(const std::string &precision_mode);
  void SetInsertOpConfigPath(const std::string &cfg_path);

 private:
  friend class Model;
  uint32_t device_id_ = 0;
  std::string precision_mode_;
  std::string cfg_path_;
};

class Context {
 public:
  Context() = default;

  void SetThreadNum(int32_t thread_num);
  std::vector<std::shared_ptr<DeviceInfoContext>> &MutableDeviceInfo();

 private:
  friend class Model;
  int32_t thread_num_ = 0;
  std::vector<std::shared_ptr<DeviceInfoContext>> device_info_;
};

}  // namespace mindspore

#endif  // TESTS_CPP_FAKE_LITE_INCLUDE_API_CONTEXT_H_
