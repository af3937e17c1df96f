// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// What the model and DVPP share of ACL: a device's context and stream, errors, and what frees ACL's objects.
#ifndef ASCEND310_INFER_INC_MODEL_ACL_SESSION_H_
#define ASCEND310_INFER_INC_MODEL_ACL_SESSION_H_

#include <acl/acl.h>

#include <memory>
#include <string>

namespace yolo {

/// "aclInit failed with ACL's error 500000 (the vendor's message)". Call it before any other call of ACL: the message
/// is that of the thread's last failure.
std::string AclFailure(const char *call, aclError error);

/// Throws Error(kRuntime) with the call, its code and the vendor's message, unless a call succeeded.
void CheckAcl(aclError error, const char *call);

/// The same for functions that return an object: nothing is a failure.
void CheckAclObject(const void *object, const char *call);

template <typename Type>
Type *CheckMade(Type *object, const char *call) {
  CheckAclObject(object, call);
  return object;
}

/// Frees what ACL made, by its own function.
template <auto kFree>
struct AclFree {
  template <typename Pointer>
  void operator()(Pointer *pointer) const {
    static_cast<void>(kFree(pointer));
  }
};

template <typename Type, auto kFree>
using AclOwned = std::unique_ptr<Type, AclFree<kFree>>;

/// A context and a stream on a device. The thread that makes it can use ACL at once, any other one after `Use`.
///
/// aclrtResetDevice and aclFinalize are left to the end of the process, which does both: MindSpore Lite or another
/// session may still use the device.
class AclSession {
 public:
  /// Throws Error(kRuntime) where ACL reports a failure.
  explicit AclSession(int device_id);

  /// Makes this session's context the calling thread's.
  void Use() const { CheckAcl(aclrtSetCurrentContext(context_.get()), "aclrtSetCurrentContext"); }

  /// Waits for all that was started on the stream, and throws where some of it failed.
  void Synchronize() const { CheckAcl(aclrtSynchronizeStream(stream_.get()), "aclrtSynchronizeStream"); }

  /// Prepares for the end of what was made with this session: in any thread, and after a failure.
  void Finish() const noexcept {
    static_cast<void>(aclrtSetCurrentContext(context_.get()));
    static_cast<void>(aclrtSynchronizeStream(stream_.get()));
  }

  aclrtStream stream() const { return stream_.get(); }
  /// The kinds of a copy. A program that runs on the device itself (an Atlas 200, an Orange Pi) shares its memory.
  aclrtMemcpyKind to_device() const {
    return runs_on_device_ ? ACL_MEMCPY_DEVICE_TO_DEVICE : ACL_MEMCPY_HOST_TO_DEVICE;
  }
  aclrtMemcpyKind to_host() const { return runs_on_device_ ? ACL_MEMCPY_DEVICE_TO_DEVICE : ACL_MEMCPY_DEVICE_TO_HOST; }

 private:
  AclOwned<void, aclrtDestroyContext> context_;
  AclOwned<void, aclrtDestroyStream> stream_;
  bool runs_on_device_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_ACL_SESSION_H_
