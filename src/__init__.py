"""Data, network, loss, training and evaluation of YOLOv3-Tiny."""
