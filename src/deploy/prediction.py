# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A run of predict.py: the frames of all sources through a detector, and what is found into files, window and log."""
import contextlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from model_utils.errors import UserError, counted
from model_utils.signals import StopRequest, name_of
from src.deploy.detector import read_image
from src.evaluation.detections import as_text
from src.evaluation.frames import Frame, image_frames, open_video
from src.yolo_dataset import workers_of

STOP_TEXT = "ends after this batch and writes what was found"


class Prediction:
    """One run, see `run`.

    Args:
        detector (Detector): the model; its config has the options.
        sources (list): of `find_sources`.
        files (PredictionFiles): receives the detections.
        window (Window): shows them; None: none.
        logger (Logger): one line for each image and video, and the totals.
    """

    def __init__(self, detector, sources, files, window, logger):
        self.detector, self.sources, self.files, self.window, self.logger = detector, sources, files, window, logger
        self.config, self.errors, self.num_faults = detector.config, [], 0
        self.num_frames, self.num_detections, self.rates = 0, 0, {}

    def run(self):
        """Predict on all frames; return the exit code.

        Raises:
            UserError: none can be read, or one cannot with strict_images.
        """
        started, number = time.perf_counter(), 0
        bar = tqdm(total=sum(not source.is_video for source in self.sources), desc="prediction", unit="image",
                   leave=False, disable=None)
        # One thread, which `with` waits for: it draws and writes a batch while the network computes the next.
        with bar, self.files, ThreadPoolExecutor(1) as writer, StopRequest(STOP_TEXT) as stop, \
                contextlib.closing(self.frames(bar)) as frames:
            pending, wants_more = None, True
            while wants_more and not (number := stop.number()):
                batch = list(itertools.islice(frames, self.detector.batch_size))
                if not batch:
                    break
                found = self.detector.detect([frame.pixels for frame in batch], [frame.fault for frame in batch])
                # No more than two batches are in memory, and a failure is raised at the next one.
                wants_more = self.finish(pending)
                pending = writer.submit(self.write, batch, found)
                bar.update(len(batch))
            if wants_more:
                self.finish(pending)
            else:
                pending.result()
        if not self.num_frames and not number:
            raise self.errors[-1] if self.errors else UserError(f"{self.config.image}: no frame could be read")
        if self.num_frames:
            self.log_totals(time.perf_counter() - started)
        if number:
            self.logger.warning("stopped by %s: the files hold what was found until then", name_of(number))
        return 128 + number if number else 0

    def frames(self, bar):
        """Yield the `Frame` of each image and of each video in the order of the sources; skip what cannot be read."""
        for is_video, sources in itertools.groupby(self.sources, lambda source: source.is_video):
            for source in sources if is_video else ():
                yield from self.video_frames(source, bar)
            if not is_video:
                yield from self.readable_images(sources, bar)

    def readable_images(self, sources, bar):
        """Yield the frames of images; an error ends the run with strict_images, else it is logged."""
        config = self.config
        frames = image_frames(sources, lambda path: read_image(path, config), workers_of(config),
                              config.read_wait_seconds)
        with contextlib.closing(frames):
            for frame in frames:
                if isinstance(frame, Frame):
                    yield frame
                else:
                    self.skip(frame)
                    bar.update()

    def video_frames(self, source, bar):
        """Yield the frames of a video, and log what was lost of it."""
        try:
            video = open_video(source, self.config.read_wait_seconds)
        except UserError as error:
            self.skip(error)
            return
        bar.total += -(-video.count // self.config.frame_step)
        self.rates[source] = video.rate / self.config.frame_step
        with contextlib.closing(video.frames(self.config.frame_step)) as frames:
            yield from frames
        if video.dropped:
            self.logger.warning("%s: %d of %s came faster than used, and were dropped", source.label, video.dropped,
                                counted(video.read, "frames"))
        if video.ended_early:
            text = (f"{source.label}: ended early, after {counted(video.read, 'frames')} of {video.count}; the file "
                    "is cut short")
            if self.config.strict_images:
                raise UserError(f"{text}; leave --strict_images out to use what can be read")
            self.logger.warning("%s", text)
        self.logger.info("%s: %s", source.label, counted(video.read, "frames"))

    def skip(self, error):
        """Note what cannot be read; raise it with strict_images, or where there is nothing else."""
        if self.config.strict_images or len(self.sources) == 1:
            raise error
        self.errors.append(error)
        self.logger.warning("skipped: %s", error)

    def write(self, batch, found):
        """Write and log the detections of a batch; return the (frame, drawn image) pairs."""
        shown = []
        for frame, detections in zip(batch, found, strict=True):
            if detections.fault:
                self.num_faults += 1
                self.logger.warning("%s: %s, %s", frame.source.label, *detections.fault)
            drawn = detections.draw(frame.pixels) if self.config.draw or self.window else None
            self.files.write(frame, detections, drawn if self.config.draw else None, self.rates.get(frame.source))
            shown.append((frame, drawn))
            if not frame.source.is_video:
                self.logger.info("%s: %s", self.files.folder / frame.source.drawing, as_text(detections.records()))
            self.num_frames += 1
            self.num_detections += len(detections)
        return shown

    def finish(self, pending):
        """Wait for a batch that is written (None: there is none), show it, and return whether to continue."""
        shown = pending.result() if pending else []
        return not self.window or all(self.window.show(image, waits=not frame.source.is_video)
                                      for frame, image in shown)

    def log_totals(self, seconds):
        """Log how many images, detections and faults there were, and the speed."""
        if self.num_faults:
            self.logger.warning("not sound, see above, but used as far as possible: %d of %s", self.num_faults,
                                counted(self.num_frames, "images"))
        if self.errors:
            self.logger.warning("%d of %s cannot be read, see above (--strict_images True stops at one)",
                                len(self.errors), counted(len(self.errors) + self.num_frames, "images"))
        self.logger.info("%s: %s on %s", ", ".join(map(str, self.files.paths)) or self.files.folder,
                         counted(self.num_detections, "detections"), counted(self.num_frames, "images"))
        self.logger.info("%.1f s, %.1f images a second", seconds, self.num_frames / max(seconds, 1e-9))
