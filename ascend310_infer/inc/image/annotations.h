// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// What the program needs of an annotation file in COCO layout: images and categories.
#ifndef ASCEND310_INFER_INC_IMAGE_ANNOTATIONS_H_
#define ASCEND310_INFER_INC_IMAGE_ANNOTATIONS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inc/image/placement.h"
#include "inc/model/model_description.h"

namespace yolo {

struct AnnotatedImage {
  nlohmann::json id;      // as the file has it, a whole number or a text
  std::string file_name;  // as the file has it
  Size size;
};

struct Annotations {
  std::string path;
  std::vector<AnnotatedImage> images;  // sorted by id
  std::vector<ClassDescription> categories;
};

/// Reads a COCO json; its annotations themselves are not kept. Values whose meaning is certain are read however a tool
/// wrote them, see src/data/fields.py. Throws Error(kInput).
Annotations ReadAnnotations(const std::string &path);

/// The same from json text, UTF-8 or else Latin-1; `path` is only named in messages.
Annotations ParseAnnotations(const std::string &text, const std::string &path);

/// The annotation file's category id of each class of a model, by name.
///
/// Where the names are the same in the same order they may occur several times. Throws Error(kInput) for a class that
/// only one of the two knows, or that the file has more than once.
std::vector<nlohmann::json> CategoryIds(const Annotations &annotations, const std::vector<ClassDescription> &classes);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_ANNOTATIONS_H_
