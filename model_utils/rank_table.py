# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Rank tables of Ascend, version 1.0 or 1.2: which devices of which servers train together, and in which order."""
import re
from dataclasses import dataclass
from pathlib import Path

from model_utils.errors import UserError, quoted
from model_utils.json_file import read_own_json

# 1.2, for Atlas A3, has the fields of 1.0 and more.
VERSIONS = ("1.0", "1.2")
# Characters of a server_id or host_ip, as many as host names have, and of the servers that a message lists.
MAX_TEXT, MAX_LISTED = 253, 500
NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class Server:
    """One server of a rank table, its device ids in the order of their ranks; host_ip is "" where there is none."""

    server_id: str
    host_ip: str
    device_ids: tuple[int, ...]


def read_rank_table(path):
    """Return the servers of a rank table as a list of `Server`, in the order of their ranks.

    msrun numbers the ranks node by node, so each server must hold as many ranks as the others, in one piece.

    Raises:
        UserError: the file cannot be read, or a field is missing or wrong; it names the file and the field.
    """
    table = _load(path)
    status = table.get("status", "completed")
    if status != "completed":
        raise UserError(f"{path}: status is {quoted(status)}; expected 'completed', so wait until the table is "
                        "finished")
    if "group_list" in table and "server_list" not in table:
        raise UserError(f"{path}: has a group_list, as the jobstart_hccl.json of ModelArts; expected a table with a "
                        "server_list, as hccl_tools.py of MindSpore's model zoo writes; or do without: start "
                        "DEVICE_TARGET=Ascend scripts/run_distribute_train_gpu.sh with the number of devices")
    version = table.get("version")
    if version not in VERSIONS:
        found = "is missing" if version is None else f"is {quoted(version)}"
        raise UserError(f"{path}: version {found}; expected {' or '.join(map(repr, VERSIONS))}, the versions of tables "
                        "with a server_list")
    entries = _list_of(table, "server_list", path)
    count = table.get("server_count")
    if count not in (None, len(entries), str(len(entries))):
        raise UserError(f"{path}: server_count is {quoted(count)}, but server_list has {len(entries)} servers; correct "
                        "one of the two")
    servers = [_read_server(entry, f"server_list[{number}]", path) for number, entry in enumerate(entries)]
    _refuse_repeats([(name, f"server_list[{number}].server_id") for number, (name, _, _) in enumerate(servers)], path,
                    "each server is listed once")
    ranks = [(rank, f"{place}.rank_id") for _, _, devices in servers for rank, _, place in devices]
    _refuse_repeats(ranks, path, "each device has a rank of its own")
    for rank, place in ranks:
        if rank >= len(ranks):
            raise UserError(f"{path}: {place} is {rank}; expected 0 to {len(ranks) - 1}, each once, for the "
                            f"{len(ranks)} devices of the table")
    return _in_order(servers, path)


def choose_server(servers, server_id, path):
    """Return the position in `servers` of the server with the id `server_id`; "" means the only one.

    Raises:
        UserError: there is no such server, or several and no id.
    """
    names = [server.server_id for server in servers]
    if server_id in names:
        return names.index(server_id)
    listed = f"{', '.join(names):.{MAX_LISTED}}"
    if server_id:
        raise UserError(f"{path}: no server_id is {quoted(server_id)}; SERVER_ID must be one of {listed}")
    if len(servers) > 1:
        raise UserError(f"{path}: there are {len(servers)} servers; say which of them this machine is: SERVER_ID must "
                        f"be one of {listed}")
    return 0


def _load(path):
    content = read_own_json(Path(path), "rank table")
    if not isinstance(content, dict):
        raise UserError(f"{path}: a json {type(content).__name__}; expected an object with version and server_list")
    return content


def _list_of(entry, key, path, place=""):
    """Return entry[key], a list of objects that is not empty; `place` is where `entry` stands in the table."""
    where = f"{place}.{key}" if place else key
    items = entry.get(key)
    if not isinstance(items, list):
        found = "is missing" if items is None else f"is {quoted(items)}"
        raise UserError(f"{path}: {where} {found}; expected a list")
    if not items:
        raise UserError(f"{path}: {where} is empty; expected at least one {'device' if place else 'server'}")
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise UserError(f"{path}: {where}[{number}] is {quoted(item)}; expected an object")
    return items


def _read_server(entry, place, path):
    """Return (server_id, host_ip, [(rank, device id, place)])."""
    server_id = entry.get("server_id")
    if not isinstance(server_id, str) or not 0 < len(server_id) <= MAX_TEXT:
        found = "is missing" if server_id is None else f"is {quoted(server_id)}"
        raise UserError(f"{path}: {place}.server_id {found}; expected a text such as the server's address")
    host_ip = entry.get("host_ip", "")
    if not isinstance(host_ip, str) or len(host_ip) > MAX_TEXT:
        raise UserError(f"{path}: {place}.host_ip is {quoted(host_ip)}; expected an address as text, or none")
    devices = []
    for number, device in enumerate(_list_of(entry, "device", path, place)):
        where = f"{place}.device[{number}]"
        devices.append((_number(device, "rank_id", where, path), _number(device, "device_id", where, path), where))
    _refuse_repeats([(device_id, f"{where}.device_id") for _, device_id, where in devices], path,
                    "each device of a server is listed once")
    return server_id, host_ip, devices


def _number(entry, key, place, path):
    """Return a whole number that the table holds as text or as a number."""
    value = entry.get(key)
    if not isinstance(value, int | str) or isinstance(value, bool) or not NUMBER.fullmatch(str(value)):
        found = "is missing" if value is None else f"is {quoted(value)}"
        raise UserError(f"{path}: {place}.{key} {found}; expected a whole number of 0 or more, such as \"0\"")
    return int(value)


def _refuse_repeats(values, path, rule):
    """Raise a UserError where a value of [(value, place)] stands twice."""
    first_places = {}
    for value, place in values:
        if value in first_places:
            raise UserError(f"{path}: {place} is {value}, as {first_places[value]} is; {rule}")
        first_places[value] = place


def _in_order(servers, path):
    """Return the checked servers, [(server_id, host_ip, devices)], as `Server` objects in the order of their ranks."""
    ordered = []
    for name, host_ip, devices in sorted(servers, key=lambda server: min(server[2])):
        devices = sorted(devices)
        first, size = devices[0][0], len(servers[0][2])
        if len(devices) != size:
            raise UserError(f"{path}: server {name} has {len(devices)} devices and server {servers[0][0]} has {size}; "
                            "msrun needs the same number on each server")
        if devices[-1][0] - first + 1 != size:
            ranks = ", ".join(str(rank) for rank, _, _ in devices)
            raise UserError(f"{path}: the rank_id of the devices of server {name} are {ranks}; msrun needs the ranks "
                            "of a server in one piece, without a gap")
        ordered.append(Server(name, host_ip, tuple(device_id for _, device_id, _ in devices)))
    return ordered
