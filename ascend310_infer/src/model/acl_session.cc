// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/acl_session.h"

#include <algorithm>

#include "inc/errors.h"

namespace yolo {
namespace {

/// The vendor's message in one line; empty where there is none.
std::string RecentMessage() {
  const char *message = aclGetRecentErrMsg();
  std::string text = message == nullptr ? "" : message;
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

[[noreturn]] void Fail(const std::string &failure) {
  throw Error(ExitCode::kRuntime, "ACL: " + failure +
                                      "; the device's log (~/ascend/log) says more; check the device (npu-smi info) "
                                      "and that CANN's set_env.sh was sourced");
}

void *NewContext(int device_id) {
  // Another session, or MindSpore Lite, may have initialised ACL.
  const aclError error = aclInit(nullptr);
  CheckAcl(error == ACL_ERROR_REPEAT_INITIALIZE ? ACL_SUCCESS : error, "aclInit");
  CheckAcl(aclrtSetDevice(device_id), ("aclrtSetDevice(" + std::to_string(device_id) + ")").c_str());
  aclrtContext context = nullptr;
  CheckAcl(aclrtCreateContext(&context, device_id), "aclrtCreateContext");
  return context;
}

void *NewStream() {
  aclrtStream stream = nullptr;
  CheckAcl(aclrtCreateStream(&stream), "aclrtCreateStream");
  return stream;
}

bool RunsOnDevice() {
  aclrtRunMode mode = ACL_HOST;
  CheckAcl(aclrtGetRunMode(&mode), "aclrtGetRunMode");
  return mode == ACL_DEVICE;
}

}  // namespace

std::string AclFailure(const char *call, aclError error) {
  const std::string message = RecentMessage();
  return std::string(call) + " failed with ACL's error " + std::to_string(error) +
         (message.empty() ? "" : " (" + message + ")");
}

void CheckAcl(aclError error, const char *call) {
  if (error != ACL_SUCCESS) {
    Fail(AclFailure(call, error));
  }
}

void CheckAclObject(const void *object, const char *call) {
  if (object == nullptr) {
    const std::string message = RecentMessage();
    Fail(std::string(call) + " returned nothing" + (message.empty() ? "" : " (" + message + ")"));
  }
}

AclSession::AclSession(int device_id)
    : context_(NewContext(device_id)), stream_(NewStream()), runs_on_device_(RunsOnDevice()) {}

}  // namespace yolo
