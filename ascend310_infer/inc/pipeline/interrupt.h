// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM end a run early and cleanly.
#ifndef ASCEND310_INFER_INC_PIPELINE_INTERRUPT_H_
#define ASCEND310_INFER_INC_PIPELINE_INTERRUPT_H_

#include <string>

namespace yolo {

/// Makes the first SIGINT or SIGTERM a request to stop. A second one, of either, ends the program at once.
void CatchSignals();

/// The number of the signal that was caught; 0: none. Thread-safe.
int CaughtSignal();

/// The name of the signal that was caught; empty: none.
std::string CaughtSignalName();

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_PIPELINE_INTERRUPT_H_
