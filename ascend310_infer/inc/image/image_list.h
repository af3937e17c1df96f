// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Which images to run on, and the ids that their results carry.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_LIST_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_LIST_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inc/image/placement.h"
#include "inc/model/model_description.h"

namespace yolo {

struct ImageEntry {
  std::string path;
  std::string name;   // relative to the image root
  nlohmann::json id;  // a whole number or a text
  Size size;          // as the annotation file says; 0: it does not, or there is none
};

struct ImageList {
  std::vector<ImageEntry> images;
  std::vector<nlohmann::json> category_ids;  // for each class of the model
  bool is_annotated = false;                 // ids and sizes are those of an annotation file
  std::string remark;                        // what the user should know of how they were found; empty: nothing
};

/// Lists the images of a folder (sorted by name; those below its folders are left out), of a list file (one path a
/// line) or of a COCO json (sorted by id), or one image.
///
/// Image and category ids come from the annotation file: `annotations`, or `images` itself if it is a COCO json.
/// Without one, an image's id is its file name where that is a number for all of them (COCO's own naming), else its
/// place in the list from 1, and category ids are those of the description.
///
/// Args:
///   images: folder; image, by the suffix of its name; COCO json, by its suffix or because it holds an object; else a
///     list file.
///   image_root: what paths in a list file or in a json are relative to; empty: the folder of the list file, or of a
///     json in COCO's layout (annotations/instances_NAME.json) the folder NAME.
///   annotations: COCO json, for all but a COCO json; empty: none. It may name an image by more or by fewer folders
///     than the list does, as long as only one of its images is meant. Where both have one image only, their names
///     need not match.
///
/// Throws Error(kInput) where a file cannot be used, an image is not in the annotation file or one of a COCO json not
/// in its folder, or the classes are not the model's.
ImageList ListImages(const std::string &images, const std::string &image_root, const std::string &annotations,
                     const std::vector<ClassDescription> &classes);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_LIST_H_
