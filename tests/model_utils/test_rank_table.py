# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Rank tables: the order of servers and devices, which server is chosen, and every mistake named with its field."""
import copy
import json
import re

import pytest

from model_utils.errors import UserError, run_cli
from model_utils.rank_table import Server, choose_server, read_rank_table


def device(device_id, rank_id):
    return {"device_id": device_id, "device_ip": "192.98.92.1", "rank_id": rank_id}


# As tools write it: numbers as text.
TWO_SERVERS = {
    "version": "1.0", "server_count": "2", "status": "completed", "server_list": [
        {"server_id": "10.0.0.2", "device": [device("1", "3"), device("0", "2")], "host_nic_ip": "reserve"},
        {"server_id": "10.0.0.1", "device": [device("5", "0"), device("4", "1")], "host_ip": "172.16.0.1"}]}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "my table.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_one_server_with_8_devices(write):
    table = {"version": "1.0", "server_count": 1, "server_list": [
        {"server_id": "node", "device": [device(number, number) for number in range(8)]}]}
    assert read_rank_table(write(table)) == [Server("node", "", (0, 1, 2, 3, 4, 5, 6, 7))]


def test_version_1_2_and_a_byte_order_mark_are_read(tmp_path):
    table = {"status": "completed", "version": "1.2", "server_count": "1", "server_list": [
        {"server_id": "node_0", "host_ip": "172.16.0.110", "device": [
            {**device(str(number), str(number)), "super_device_id": str(number)} for number in range(2)]}],
        "super_pod_list": [{"super_pod_id": "0", "server_list": [{"server_id": "node_0"}]}]}
    path = tmp_path / "table.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(table).encode())
    assert read_rank_table(path) == [Server("node_0", "172.16.0.110", (0, 1))]


def test_servers_and_devices_come_in_the_order_of_the_ranks(write):
    assert read_rank_table(write(TWO_SERVERS)) == [
        Server("10.0.0.1", "172.16.0.1", (5, 4)), Server("10.0.0.2", "", (0, 1))]


def test_the_chosen_server(write):
    path = write(TWO_SERVERS)
    servers = read_rank_table(path)
    assert choose_server(servers, "10.0.0.1", path) == 0
    assert choose_server(servers, "10.0.0.2", path) == 1
    assert choose_server(servers[:1], "", path) == 0
    with pytest.raises(UserError, match=re.escape("there are 2 servers; say which of them this machine is: SERVER_ID "
                                                  "must be one of 10.0.0.1, 10.0.0.2")):
        choose_server(servers, "", path)
    with pytest.raises(UserError, match="no server_id is '10.0.0.3'; SERVER_ID must be one of 10.0.0.1, 10.0.0.2"):
        choose_server(servers, "10.0.0.3", path)


def changed(*keys, to):
    """Return the table with one field set, or taken away where `to` is None."""
    table = copy.deepcopy(TWO_SERVERS)
    place = table
    for key in keys[:-1]:
        place = place[key]
    if to is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = to
    return table


FIRST = ("server_list", 0, "device")


@pytest.mark.parametrize("table, message", [
    ("{\n\"version\": }", "broken json in line 2, column 12"),
    ("", "broken json in line 1"),
    ("[1]", "a json list; expected an object with version and server_list"),
    (changed("version", to=None), "version is missing; expected '1.0'"),
    (changed("version", to="0.1"), "version is '0.1'; expected '1.0'"),
    ({"status": "initializing"}, "status is 'initializing'; expected 'completed', so wait"),
    ({"status": "completed", "group_count": "1", "group_list": [{}]}, "has a group_list, as the jobstart_hccl.json"),
    (changed("status", to="initializing"), "status is 'initializing'; expected 'completed'"),
    (changed("server_list", to=None), "server_list is missing; expected a list"),
    (changed("server_list", to={}), "server_list is {}; expected a list"),
    (changed("server_list", to=[]), "server_list is empty; expected at least one server"),
    (changed("server_list", 1, to="10.0.0.1"), "server_list[1] is '10.0.0.1'; expected an object"),
    (changed("server_count", to="3"), "server_count is '3', but server_list has 2 servers"),
    (changed("server_list", 0, "server_id", to=None), "server_list[0].server_id is missing"),
    (changed("server_list", 0, "server_id", to=7), "server_list[0].server_id is 7; expected a text"),
    (changed("server_list", 1, "server_id", to="10.0.0.2"),
     "server_list[1].server_id is 10.0.0.2, as server_list[0].server_id is"),
    (changed("server_list", 0, "host_ip", to=1), "server_list[0].host_ip is 1; expected an address"),
    (changed(*FIRST, to=None), "server_list[0].device is missing; expected a list"),
    (changed(*FIRST, to=[]), "server_list[0].device is empty; expected at least one device"),
    (changed(*FIRST, 1, to=None), "server 10.0.0.1 has 2 devices and server 10.0.0.2 has 1"),
    (changed(*FIRST, 0, "rank_id", to=None), "server_list[0].device[0].rank_id is missing"),
    (changed(*FIRST, 0, "rank_id", to="-1"), "server_list[0].device[0].rank_id is '-1'; expected a whole number"),
    (changed(*FIRST, 0, "rank_id", to=True), "server_list[0].device[0].rank_id is True"),
    (changed(*FIRST, 0, "device_id", to=1.5), "server_list[0].device[0].device_id is 1.5"),
    (changed(*FIRST, 0, "device_id", to=""), "server_list[0].device[0].device_id is ''"),
    (changed(*FIRST, 0, "rank_id", to="2"),
     "server_list[0].device[1].rank_id is 2, as server_list[0].device[0].rank_id is; each device has a rank"),
    (changed(*FIRST, 0, "rank_id", to="1"),
     "server_list[1].device[1].rank_id is 1, as server_list[0].device[0].rank_id is"),
    (changed(*FIRST, 0, "device_id", to="0"),
     "server_list[0].device[1].device_id is 0, as server_list[0].device[0].device_id is; each device of a server"),
    (changed(*FIRST, 0, "rank_id", to="4"),
     "server_list[0].device[0].rank_id is 4; expected 0 to 3, each once, for the 4 devices"),
])
def test_a_mistake_names_the_file_and_the_field(write, table, message):
    if table == changed(*FIRST, 1, to=None):
        # Without rank 2 the others move up.
        table["server_list"][0]["device"][0]["rank_id"] = "2"
    path = write(table)
    with pytest.raises(UserError) as caught:
        read_rank_table(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_ranks_of_a_server_in_two_pieces(write):
    table = changed(*FIRST, 0, "rank_id", to="1")
    table["server_list"][1]["device"][1]["rank_id"] = "3"
    path = write(table)
    with pytest.raises(UserError, match="the rank_id of the devices of server 10.0.0.1 are 0, 3; msrun needs"):
        read_rank_table(path)


def test_files_that_cannot_be_read(tmp_path, capsys):
    with pytest.raises(UserError, match="no.json: cannot read this rank table: No such file or directory"):
        read_rank_table(tmp_path / "no.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="binary.json: broken json in line 1"):
        read_rank_table(tmp_path / "binary.json")
    assert run_cli(lambda _: read_rank_table(tmp_path), []) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: cannot read this rank table: it is a folder")
