"""The dump parser: what real dumps do wrong is accepted, what attackers do is not."""

import contextlib
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.envs import ui_tree
from jamel.envs.ui_tree import parse_hierarchy, without_passwords
from jamel.errors import UiTreeError

NODE = (
    '<node index="3" text="Größe 👍" resource-id="p:id/a" class="android.widget.Button" '
    'package="p" content-desc="x" checkable="false" checked="false" clickable="true" '
    'enabled="true" focusable="true" focused="false" scrollable="false" long-clickable="true" '
    'password="false" selected="false" bounds="[0,10][200,300]"/>'
)
DECLARATION = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
DUMP = f'{DECLARATION}<hierarchy rotation="1">{NODE}</hierarchy>'


def test_a_plain_dump() -> None:
    elements, rotation = parse_hierarchy(DUMP.encode())
    (element,) = elements
    assert rotation == 1
    assert element.cls == "android.widget.Button"
    assert (element.text, element.resource_id, element.content_desc) == ("Größe 👍", "p:id/a", "x")
    assert element.bounds_px == (0, 10, 200, 300)
    assert element.clickable and element.long_clickable and element.enabled
    assert not element.checked and element.parent == -1


@pytest.mark.parametrize(
    "mangled",
    [
        DUMP.encode() + b"UI hierchary dumped to: /dev/tty\n",
        b"\xef\xbb\xbf" + DUMP.encode(),
        DUMP.encode("utf-16"),
        DUMP.encode("utf-16-le"),
        DUMP.encode("utf-16-be"),
        DUMP.replace("><", ">\r\n<").encode(),
        b"WARNING: linker: \x07 <unused>\r\n" + DUMP.encode(),
        b"\x00\x01" + DUMP.encode(),
        DUMP.replace(DECLARATION, "").encode(),
        DUMP.replace("👍", "&#55357;&#56397;").encode(),
        DUMP.replace("<node", "<android.widget.Button").encode(),
        DUMP.replace("UTF-8", "ISO-8859-1").encode(),
        DUMP.encode() + DUMP.encode(),
    ],
)
def test_mangled_dumps_read_the_same(mangled: bytes) -> None:
    assert parse_hierarchy(mangled) == parse_hierarchy(DUMP.encode())


@pytest.mark.parametrize("text", ["hunter2", "Größe 👍", "x" * 5000, "•••"])
def test_what_stands_in_a_password_field_is_not_kept(text: str) -> None:
    field = NODE.replace('password="false"', 'password="true"').replace("Größe 👍", text)
    elements, _ = parse_hierarchy(f"<hierarchy>{field}{NODE}</hierarchy>".encode())
    assert [element.text for element in elements] == [text, "Größe 👍"]
    hidden, plain = without_passwords(elements)
    assert hidden == elements[0]._replace(text="•" * min(len(text), 20))
    assert plain == elements[1]


def test_missing_and_impossible_attributes() -> None:
    data = b'<hierarchy rotation="7"><a bounds="[9,9][1,1]"><b/></a><c bounds="[1"/></hierarchy>'
    elements, rotation = parse_hierarchy(data)
    assert rotation == 0
    assert [(e.cls, e.parent, e.bounds_px) for e in elements] == [
        ("a", -1, (9, 9, 1, 1)),
        ("b", 0, (0, 0, 0, 0)),
        ("c", -1, (0, 0, 0, 0)),
    ]
    assert elements[0].text == "" and elements[0].enabled


@pytest.mark.parametrize("seed", range(6))
def test_attributes_come_in_any_order_and_number(seed: int) -> None:
    attributes = re.findall(r'[\w-]+="[^"]*"', NODE)
    random.Random(seed).shuffle(attributes)
    node = f"<node {' '.join(attributes)} hint='' NAF='true' />"
    shuffled = f'<hierarchy rotation="1">{node}</hierarchy>'
    assert parse_hierarchy(shuffled.encode()) == parse_hierarchy(DUMP.encode())
    bare = [a for a in attributes if not a.startswith(("content-desc", "long-", "selected"))]
    (element,), _ = parse_hierarchy(f"<hierarchy><node {' '.join(bare)}/></hierarchy>".encode())
    assert element.content_desc == "" and not element.long_clickable and element.clickable


def test_trees_as_large_and_odd_as_real_ones() -> None:
    chain = "".join(f'<node index="7" class="c{i}" bounds="[0,0][{i},{i}]">' for i in range(32))
    wide = '<node class="x" bounds="[5,5][5,5]"/>' * 600
    data = f'<hierarchy rotation="0">{chain}{wide}{"</node>" * 32}</hierarchy>'
    elements, _ = parse_hierarchy(data.encode())
    assert len(elements) == 632 and elements[31].parent == 30
    # A child larger than its parent keeps its bounds, whatever the index attributes say.
    assert elements[2].bounds_px == (0, 0, 2, 2) and elements[-1].parent == 31


def test_forbidden_characters_are_replaced() -> None:
    data = b'<hierarchy><n text="a&#0;b&#xD83D;c\x08d&#10;e"/></hierarchy>'
    (element,), _ = parse_hierarchy(data)
    assert element.text == "a\ufffdb\ufffdc\ufffdd\ne"


def test_an_empty_hierarchy_is_a_screen_without_elements() -> None:
    assert parse_hierarchy(b'<hierarchy rotation="0"/>') == ((), 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"ERROR: could not get idle state.\n",
        b"ERROR: null root node returned by UiTestAutomationBridge.\n",
        b"<html><body>502</body></html>",
        DUMP.encode()[:-5],
        DUMP.encode()[:200],
        b"<hierarchy><node></hierarchy>",
        b"<hierarchyx></hierarchyx>",
    ],
)
def test_what_is_no_dump_is_an_error(data: bytes) -> None:
    with pytest.raises(UiTreeError):
        parse_hierarchy(data)


BOMB = '<!DOCTYPE h [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        f'{BOMB}<hierarchy><node text="&b;"/></hierarchy>'.encode(),
        f'<hierarchy>{BOMB}<node text="&b;"/></hierarchy>'.encode(),
        b'<!doctype x SYSTEM "file:///etc/passwd"><hierarchy/>',
        b'<hierarchy><node text="&undefined;"/></hierarchy>',
        b"<hierarchy>" + b"<n>" * 300 + b"</n>" * 300 + b"</hierarchy>",
        b"<hierarchy>" + b"<n/>" * 20_001 + b"</hierarchy>",
    ],
)
def test_hostile_dumps_are_refused(data: bytes) -> None:
    with pytest.raises(UiTreeError):
        parse_hierarchy(data)


def test_the_byte_limit_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui_tree, "MAX_BYTES", 100)
    with pytest.raises(UiTreeError, match="at most 100 bytes"):
        parse_hierarchy(DUMP.encode())


@settings(max_examples=200)
@given(st.binary(max_size=80), st.integers(0, len(DUMP.encode())))
def test_damage_anywhere_raises_nothing_else(noise: bytes, at: int) -> None:
    data = DUMP.encode()
    for damaged in (data[:at] + noise + data[at:], data[:at] + noise, b"<hierarchy " + noise):
        with contextlib.suppress(UiTreeError):
            parse_hierarchy(damaged)
