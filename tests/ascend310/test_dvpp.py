# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""--preprocess dvpp on a stand-in for ACL: pixels, boxes, the fallback to OpenCV, and failures.

FakeModel gets pixels of the host. An .om file that takes NV12 gets them where DVPP has written them.
"""
import json
import shutil

import cv2
import numpy as np
import pytest

import mindspore as ms

from src.config import detection_scales
from src.data.image_files import decode_image
from src.data.placement import Placement, fit_placement
from src.evaluation.detections import coco_results, detect, in_image
from src.evaluation.nms import detections_from_heads
from src.transforms import place
from src.yolo import ScaleDecoder
from tests.support.ascend310 import same_detections
from tests.support.ascend310.fake_model import FakeModel
from tests.support.ascend310.golden_files import export_config
from tests.support.ascend310.infer_app import CATEGORIES, infer
from tests.support.ascend310.offline_model import offline_model, work_of
from tests.support.ascend310.same_detections import compare
from tests.support.helpers import real_data

pytestmark = pytest.mark.slow

OK, USAGE, INPUT, RUNTIME = 0, 2, 4, 5
NOTE = "not decoded by DVPP"
# The chips that the stand-in plays; the last two round odd sides of 4:4:4 down.
CHIPS = ("Ascend310", "Ascend310P3", "Ascend310B4")
SAMPLINGS = {"420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
             "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}
# Little-endian TIFF with one entry: orientation 6, rotate by 90 degrees.
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def smooth_image(size, seed):
    """Soft blobs of colour uint8 BGR [H, W, 3]: halving the resolution of colour hardly changes it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def write_jpeg(path, size, seed, *parameters, sampling="420"):
    factor = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling])
    assert cv2.imwrite(str(path), smooth_image(size, seed), [cv2.IMWRITE_JPEG_QUALITY, 95, *factor, *parameters])
    return path


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    folder = tmp_path / "my images"
    folder.mkdir()
    return folder


def canvases(model, *options, **environment):
    """Run the app; returns the input of the network, [N, H, W, 3] or as the model takes it, and standard error."""
    dump = model.folder / "dump.bin"
    dump.unlink(missing_ok=True)
    model.record["dump"] = dump.name
    done = model.infer("--decode_threads", 1, *options, **environment)
    assert done.returncode == OK and "were not freed" not in done.stderr, done.stderr
    return np.fromfile(dump, model.inputs.dtype).reshape(-1, *model.inputs.shape[1:]), done.stderr


def both(model, chip=CHIPS[0]):
    """Return the network's inputs by OpenCV and by DVPP, as float64, and the standard error of the latter."""
    reference, _ = canvases(model)
    by_dvpp, stderr = canvases(model, "--preprocess", "dvpp", FAKE_ACL_CHIP=chip)
    return reference.astype(np.float64), by_dvpp.astype(np.float64), stderr


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_smooth_images_are_nearly_the_same(folder, mode, tmp_path):
    """Enlarged and reduced, grey, each chroma sampling, and odd sides, which DVPP makes even."""
    images = [write_jpeg(folder / "1.jpg", (200, 150), 1), write_jpeg(folder / "2.jpg", (33, 40), 2),
              write_jpeg(folder / "3.jpg", (101, 75), 3, sampling="444"),
              write_jpeg(folder / "4.jpg", (128, 97), 4, sampling="422")]
    grey = folder / "5.jpg"
    assert cv2.imwrite(str(grey), cv2.cvtColor(smooth_image((90, 64), 5), cv2.COLOR_BGR2GRAY))
    reference, by_dvpp, stderr = both(FakeModel(tmp_path, [*images, grey], resize_mode=mode))
    assert NOTE not in stderr
    difference = np.abs(reference - by_dvpp)
    # A row or column at the edge of a letterboxed image may be pad on one side only.
    assert difference.mean() < 2.5 and np.median(difference) <= 1
    assert (difference > 24).mean() < 0.02
    # Channels in their order: colours differ by 70 levels on average.
    assert np.abs(reference - by_dvpp[..., ::-1]).mean() > 20


def test_float_input_is_normalised(folder, tmp_path):
    images = [write_jpeg(folder / "1.jpg", (200, 150), 1)]
    reference, by_dvpp, _ = both(FakeModel(tmp_path, images, export_input="float", resize_mode="stretch"))
    assert by_dvpp.shape == (1, 3, 64, 96) and reference.std() > 0.5
    assert np.abs(reference - by_dvpp).mean() < 0.03


def test_a_photo_that_exif_turns_is_read_on_the_host(folder, tmp_path):
    path = write_jpeg(folder / "1.jpg", (100, 76), 1)
    data = path.read_bytes()
    segment = b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF
    path.write_bytes(data[:2] + segment + data[2:])
    assert cv2.imread(str(path)).shape == (100, 76, 3), "a decoder that follows EXIF rotates it"
    model = FakeModel(tmp_path, [path], resize_mode="stretch")
    reference, by_dvpp, stderr = both(model)
    assert NOTE in stderr and (reference == by_dvpp).all()
    stored, _ = canvases(model, "--exif", "ignore")
    by_dvpp, stderr = canvases(model, "--exif", "ignore", "--preprocess", "dvpp")
    assert NOTE not in stderr and np.abs(stored.astype(int) - by_dvpp).mean() < 2 < np.abs(stored - reference).mean()


@pytest.mark.parametrize("chip", CHIPS)
def test_widths_and_samplings_on_each_chip(folder, chip, tmp_path):
    """The decoder's buffer beyond the image holds noise, and the stand-in takes the chip's own stride only."""
    sizes = [(320, 241), (500, 375), (576, 433), (641, 481)]
    images = [write_jpeg(folder / f"{sampling}_{width}.jpg", (width, height), number, sampling=sampling)
              for number, (width, height) in enumerate(sizes) for sampling in SAMPLINGS]
    reference, by_dvpp, stderr = both(FakeModel(tmp_path, images, testing_shape="320", resize_mode="stretch"), chip)
    assert NOTE not in stderr
    difference = np.abs(reference - by_dvpp).max(axis=-1)
    assert difference.mean() < 2.5
    # Where the image ends: noise differs by 85 levels on average.
    assert difference[:, :, -2:].mean() < 6 and difference[:, -2:].mean() < 6


@pytest.mark.parametrize("chip", CHIPS)
def test_boxes_are_mapped_by_the_rectangle_that_was_drawn(folder, chip, tmp_path):
    """On 96 x 64, OpenCV draws 101 x 75 as 86 x 64. Of odd sides, DVPP decodes a line more or one less."""
    sizes, grown = {"420": (101, 75), "444": (67, 97)}, {"420": 1, "444": 1 if chip == CHIPS[0] else -1}
    images = [write_jpeg(folder / f"{number}.jpg", size, number, sampling=sampling)
              for number, (sampling, size) in enumerate(sizes.items(), start=1)]
    model = FakeModel(tmp_path, images)
    done = model.infer("--preprocess", "dvpp", FAKE_ACL_CHIP=chip)
    assert done.returncode == OK and NOTE not in done.stderr, done.stderr
    config, results, targets = model.config, [], [(5, 0, 91, 64), (26, 0, 70, 64)]
    for number, (sampling, target, *heads) in enumerate(zip(sizes, targets, *model.heads, strict=True), start=1):
        width, height = sizes[sampling]
        placement = Placement((0, 0, width + grown[sampling], height + grown[sampling]), target)
        found = detections_from_heads(*heads, config.eval_ignore_threshold, config.nms_thresh, config.max_detections)
        results += coco_results(number, *in_image(found, (64, 96), placement, (height, width)), CATEGORIES.ids)
    agreement = compare(model.results(), results)
    assert agreement.counts[0] == agreement.counts[1] > 50 and agreement.unmatched == (0, 0)
    assert agreement.worst_iou > 0.999


def test_another_chip_is_refused(folder, tmp_path):
    model = FakeModel(tmp_path, [write_jpeg(folder / "1.jpg", (100, 76), 1)])
    done = model.infer("--preprocess", "dvpp", FAKE_ACL_CHIP="Ascend310X")
    assert done.returncode == USAGE and "the device is an Ascend310X" in done.stderr, done.stderr


@pytest.mark.parametrize("kind", ["png", "progressive", "cmyk", "small", "large"])
def test_what_dvpp_does_not_decode_is_read_by_opencv(folder, kind, tmp_path):
    path = folder / ("1.png" if kind == "png" else "1.jpg")
    size = {"small": (40, 31), "large": (4098, 40)}.get(kind, (100, 76))
    if kind == "progressive":
        write_jpeg(path, size, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    else:
        assert cv2.imwrite(str(path), smooth_image(size, 1))
    if kind == "cmyk":
        # Adobe's segment with transform 0: the three channels are not YCbCr.
        data = path.read_bytes()
        adobe = b"Adobe\0\x64\0\0\0\0\0"
        path.write_bytes(data[:2] + b"\xff\xee" + (len(adobe) + 2).to_bytes(2, "big") + adobe + data[2:])
    shutil.copy(path, path.with_stem("2"))
    reference, by_dvpp, stderr = both(FakeModel(tmp_path, [path, path.with_stem("2")]))
    assert (reference == by_dvpp).all()
    assert stderr.count(NOTE) == 1 and str(path) in stderr


def test_an_image_that_the_decoder_refuses_is_read_by_opencv(folder, tmp_path):
    model = FakeModel(tmp_path, [write_jpeg(folder / "1.jpg", (100, 76), 1)])
    reference, _ = canvases(model)
    by_dvpp, stderr = canvases(model, "--preprocess", "dvpp", FAKE_ACL_FAIL="acldvppJpegDecodeAsync")
    assert (reference == by_dvpp).all() and NOTE in stderr and "DVPP decoded none of the images" in stderr
    assert json.loads((tmp_path / "out" / "run.json").read_text())["counts"]["not_decoded_by_dvpp"] == 1


def test_a_file_that_is_no_image_is_skipped(folder, tmp_path):
    images = [write_jpeg(folder / "1.jpg", (100, 76), 1), write_jpeg(folder / "2.jpg", (100, 76), 2)]
    model = FakeModel(tmp_path, images)
    images[0].write_bytes(images[0].read_bytes()[:200])
    done = model.infer("--preprocess", "dvpp", "--strict")
    assert done.returncode == INPUT and "1.jpg: this image file is cut short" in done.stderr
    assert {entry["image_id"] for entry in model.results()} == {2}


@pytest.mark.parametrize("call", [
    "aclInit", "aclrtSetDevice", "aclrtCreateContext", "aclrtCreateStream", "aclrtGetRunMode", "aclrtGetSocName",
    "aclrtMemcpy",
    "acldvppCreateChannelDesc", "acldvppCreateChannel", "acldvppCreateResizeConfig", "acldvppMalloc",
    "acldvppCreatePicDesc", "acldvppVpcResizeAsync"])
def test_a_failing_device_ends_the_run(folder, call, tmp_path):
    model = FakeModel(tmp_path, [write_jpeg(folder / "1.jpg", (100, 76), 1)])
    done = model.infer("--preprocess", "dvpp", FAKE_ACL_FAIL=call)
    assert done.returncode == RUNTIME and f"ACL: {call}" in done.stderr, done.stderr
    assert "were not freed" not in done.stderr
    assert not (tmp_path / "out" / "results.json").exists()


def test_another_device(folder, tmp_path):
    model = FakeModel(tmp_path, [write_jpeg(folder / "1.jpg", (100, 76), 1)])
    done = model.infer("--preprocess", "dvpp", "--device_id", 2)
    assert done.returncode == RUNTIME and "aclrtSetDevice(2)" in done.stderr
    assert "EZ9999: aclrtSetDevice: there is no such device)" in done.stderr


@pytest.mark.parametrize("name, split, max_mean", [("bccd", "val2017", 1.0), ("coco128", "train2017", 4.5)])
def test_the_difference_on_photographs(name, split, max_mean, tmp_path, capsys):
    """The figures of inc/image/dvpp.h, on a stand-in that resizes by interpolation."""
    images = sorted((real_data(name) / split).glob("*.jpg"))[:40]
    folder = tmp_path / "some"
    folder.mkdir()
    images = [shutil.copy(path, folder / path.name) for path in images]
    reference, by_dvpp, stderr = both(FakeModel(tmp_path, images, testing_shape="416", resize_mode="stretch"))
    difference = np.abs(reference - by_dvpp)
    with capsys.disabled():
        print(f"\n{name}: {difference.mean():.2f} levels on average, {(difference > 32).mean():.2%} above 32")
    assert NOTE not in stderr and difference.mean() < max_mean


# What export.py is asked for before convert_om.sh --aipp=nv12. All images of a test are in one batch.
AIPP = {"export_input": "float", "export_normalise": "aipp", "resize_mode": "letterbox", "batch_size": 4}


def on_device(folder, output, preprocess="dvpp", chip=CHIPS[0], pixels="NV12"):
    """Run the small .om file on images; returns the pixels that the network got, float64 [N, 64, 96, 3], and the log.

    The pixels are those after AIPP, before the normalisation.
    """
    output.mkdir()
    model, dump, log = offline_model(output, chip, pixels, **AIPP), output / "dump.bin", output / "log.txt"
    done = infer(model, folder, output / "out", "--preprocess", preprocess, "--decode_threads", 1,
                 FAKE_ACL_CHIP=chip, FAKE_ACL_DUMP=str(dump), FAKE_ACL_LOG=str(log))
    assert done.returncode == OK and "were not freed" not in done.stderr, done.stderr
    config = export_config(**AIPP)
    seen = np.fromfile(dump, np.float32).reshape(-1, 3, 64, 96).transpose(0, 2, 3, 1).astype(np.float64)
    return (seen * config.std + config.mean) * 255, log


def grey(pixels):
    """The brightness of pixels RGB, float64: AIPP has the colour at half the resolution."""
    return pixels @ (0.299, 0.587, 0.114)


def drawn(image, target, pad):
    """An image on the network input as VPC draws it: interpolated, onto the rectangle `target`."""
    canvas = np.full((64, 96, 3), pad, np.uint8)
    x1, y1, x2, y2 = target
    canvas[y1:y2, x1:x2] = cv2.resize(image, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    return canvas


@pytest.mark.parametrize("chip", CHIPS)
def test_images_of_a_model_that_takes_nv12_stay_on_the_device(folder, chip, tmp_path):
    """OpenCV draws the second on columns 24 to 72, and the third from row 9 on, on 47 rows."""
    sizes, targets = [(150, 75), (75, 101), (152, 75)], [(0, 8, 96, 56), (16, 0, 64, 64), (0, 8, 96, 54)]
    images = [write_jpeg(folder / f"{number}.jpg", size, number) for number, size in enumerate(sizes, start=1)]
    seen, log = on_device(folder, tmp_path / "device", chip=chip)
    config, expected = export_config(**AIPP), []
    for number, (path, target, pixels) in enumerate(zip(images, targets, seen, strict=False), start=1):
        image, (x1, y1, x2, y2) = decode_image(path), target
        canvas = drawn(image, target, config.pad_value)
        difference = np.abs(grey(pixels) - grey(canvas))
        assert difference.mean() < 1.5 and np.percentile(difference, 99) < 8 and np.abs(pixels - canvas).mean() < 4
        outside = np.ones((64, 96), bool)
        outside[y1:y2, x1:x2] = False
        assert outside.sum() >= 96 * 16 and np.abs(pixels[outside] - config.pad_value).max() < 0.01
        width, height = sizes[number - 1]
        placement = Placement((0, 0, width + width % 2, height + height % 2), target)
        expected += coco_results(number, *detect(*heads_of(tmp_path / "device", pixels), placement, (height, width),
                                                 config), CATEGORIES.ids)
    found = json.loads((tmp_path / "device" / "out" / "results.json").read_text())
    agreement = compare(found, expected)
    assert agreement.counts[0] == agreement.counts[1] > 50 and agreement.unmatched == (0, 0)
    assert agreement.worst_iou > 0.995 and agreement.worst_score <= 2e-5
    # No pixels are copied: the files go to the device, and the heads come back.
    copies = [int(line.split()[1]) for line in work_of(log, "copy")]
    assert copies == [path.stat().st_size for path in images] + [4 * 24 * cells * 4 for cells in (6, 24)]


def heads_of(folder, pixels):
    """Decoded heads [gh, gw, A, 5 + C], big and small, of the small model for pixels [64, 96, 3]."""
    config = export_config(**AIPP)
    net = cv2.dnn.readNetFromONNX(str(folder / "small.onnx"))
    images = ((pixels / 255 - config.mean) / config.std).transpose(2, 0, 1)[None].astype(np.float32)
    net.setInput(images.repeat(4, 0))
    heads = net.forward(["output_big", "output_small"])
    return [ScaleDecoder(scale, len(CATEGORIES), (64, 96))(ms.Tensor(head)).asnumpy()[0]
            for scale, head in zip(detection_scales(config)[::-1], heads, strict=True)]


def converted(canvas):
    """RGB [H, W, 3] to NV12 and back by the integers of AIPP, as float64."""
    y, v, u = np.moveaxis(cv2.cvtColor(canvas, cv2.COLOR_RGB2YCrCb).astype(int), -1, 0)
    u, v = (cv2.resize(plane.astype(np.uint8), (48, 32), interpolation=cv2.INTER_AREA).repeat(2, 0).repeat(2, 1) - 128.0
            for plane in (u, v))
    rgb = (256 * y + 359 * v, 256 * y - 88 * u - 183 * v, 256 * y + 454 * u)
    return np.stack([np.floor(plane / 256).clip(0, 255) for plane in rgb], -1)


@pytest.mark.parametrize("preprocess", ["dvpp", "opencv"])
def test_what_the_host_prepares_becomes_nv12(folder, preprocess, tmp_path):
    images = [folder / "1.png", folder / "2.png", folder / "3.png"]
    for number, path in enumerate(images):
        assert cv2.imwrite(str(path), smooth_image((101, 75), number))
    seen, log = on_device(folder, tmp_path / "device", preprocess)
    config = export_config(**AIPP)
    for path, pixels in zip(images, seen, strict=False):
        image = decode_image(path)
        canvas = place(image, fit_placement("letterbox", image.shape[:2], (64, 96)), (64, 96), config.pad_value)
        assert np.abs(pixels - converted(canvas)).max() < 0.01
        assert np.abs(grey(pixels) - grey(canvas)).mean() < 1 and np.abs(pixels - canvas).mean() < 5
    # Each image on its own to where DVPP would have drawn it, or the batch as a whole.
    sizes = [64 * 96 * 3 // 2 * count for count in ([1, 1, 1] if preprocess == "dvpp" else [4])]
    assert [int(line.split()[1]) for line in work_of(log, "copy") if line.endswith("up")] == sizes


def test_the_detections_are_those_of_the_path_through_the_host(folder, tmp_path, monkeypatch):
    """Sizes that both draw on the same rectangle. Half the colour moves the scores of this network by up to 0.05.

    It has random weights and hundreds of boxes on four images, of which one in five loses to another in NMS.
    """
    monkeypatch.setattr(same_detections, "MIN_IOU", 0.9)
    monkeypatch.setattr(same_detections, "MAX_SCORE_DIFFERENCE", 0.05)
    for number, size in enumerate([(150, 100), (300, 200), (96, 64), (192, 96)], start=1):
        write_jpeg(folder / f"{number}.jpg", size, number)
    seen, _ = on_device(folder, tmp_path / "device")
    by_host, _ = on_device(folder, tmp_path / "host", pixels="RGB")
    assert np.abs(grey(seen) - grey(by_host)).mean() < 1 and np.abs(seen - by_host).mean() < 5
    agreement = compare(*(json.loads((tmp_path / name / "out" / "results.json").read_text())
                          for name in ("device", "host")))
    assert agreement.clear_counts[0] > 100 and agreement.unmatched_share < 0.25, agreement


def test_images_stay_on_one_device(folder, tmp_path):
    write_jpeg(folder / "1.jpg", (100, 76), 1)
    model = offline_model(tmp_path, CHIPS[0], "NV12", **AIPP)
    done = infer(model, folder, tmp_path / "out", "--preprocess", "dvpp", "--device_id", "0,1")
    assert done.returncode == USAGE and "--device_id names 2 devices" in done.stderr, done.stderr
    done = infer(model, folder, tmp_path / "out", "--device_id", "0,1")
    assert done.returncode == OK, done.stderr


@pytest.mark.parametrize("call", ["acldvppMalloc", "aclrtMemsetAsync", "acldvppCreateRoiConfig",
                                  "acldvppVpcCropAndPasteAsync", "aclrtMemcpyAsync", "aclmdlExecuteAsync"])
def test_a_device_that_fails_with_images_in_its_memory(folder, call, tmp_path):
    write_jpeg(folder / "1.jpg", (100, 76), 1)
    done = infer(offline_model(tmp_path, CHIPS[0], "NV12", **AIPP), folder, tmp_path / "out", "--preprocess", "dvpp",
                 FAKE_ACL_FAIL=call)
    assert done.returncode == RUNTIME and f"ACL: {call}" in done.stderr, done.stderr
    assert "were not freed" not in done.stderr
