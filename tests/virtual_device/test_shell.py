"""The device's shell: the forms that adb clients send."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.virtual_device.commands_unix import UNIX_COMMANDS
from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.shell import Shell


def run(script: str, stdin: bytes = b"", files: DeviceFiles | None = None) -> tuple[int, str, str]:
    out, err = bytearray(), bytearray()
    commands = {name: c for name, c in UNIX_COMMANDS.items() if name != "sleep"}
    shell = Shell(None, files or DeviceFiles(), commands)
    code = shell.run(script, out.extend, err.extend, lambda: stdin)
    return code, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n"),
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("false; echo $?", "1\n"),
        ("X=1; echo $X ${X}2 ${Y:-none} '$X' \"$X\"", "1 12 none $X 1\n"),
        ("export A='b c'; echo \"$A\"", "b c\n"),
        ("echo $(echo a; echo b)", "a b\n"),
        ('echo "$(echo "a  b")"', "a  b\n"),
        ("echo `echo x`y", "xy\n"),
        ("echo one > /sdcard/f; echo two >> /sdcard/f; cat /sdcard/f", "one\ntwo\n"),
        ("cat < /sdcard/none 2>/dev/null; echo $?", "1\n"),
        ("nosuch 2>&1 | grep -c found", "1\n"),
        ("echo err 1>&2 2>/dev/null", ""),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ("(cd /sdcard; echo c) 2>&1", "c\n"),
        ("LC_ALL=C /system/bin/echo path", "path\n"),
        ("! false && echo negated", "negated\n"),
        ("echo a # comment\necho b", "a\nb\n"),
        ("printf 'a:b:c\\n' | cut -d: -f2,3", "b:c\n"),
        ("printf 'b\\na\\nb\\n' | sort -u | head -n 1", "a\n"),
        ("printf 'x1\\ny2\\n' | grep -E 'x|z'", "x1\n"),
        ("printf 'x1\\ny2\\n' | grep 'x\\|y2'", "x1\ny2\n"),
        ("printf 'x1\\ny2\\n' | grep -v x", "y2\n"),
        ("[ -f /sdcard/f ] && echo yes; [ a = a ] && echo same", "same\n"),
        ("mkdir -p /sdcard/a/b && touch /sdcard/a/b/c && ls /sdcard/a", "b\n"),
        ("cd /sdcard; echo x > f; cp f g; mv g h; ls", "Download\nf\nh\n"),
        ("sh -c 'exit 4'; echo $?", "4\n"),
        ("exec echo done; echo never", "done\n"),
        ("echo a;\n\n;echo b &", "a\nb\n"),
        ("echo a'b'\"c\"", "abc\n"),
        ("echo ''", "\n"),
        ("echo {a} }", "{a} }\n"),
        ("for i in 1 $(echo 2 3); do echo $i; done | wc -l", "3\n"),
        ("for i in; do echo never; done; echo $?", "0\n"),
        ("if [ -e /sdcard ]; then echo yes; else echo no; fi", "yes\n"),
        ("if false; then echo a\nelif true; then echo b\nelse echo c\nfi", "b\n"),
        ("if ! true; then echo a; fi; echo $?", "0\n"),
        ("while [[ -z $X ]]; do X=1; echo once; done;", "once\n"),
        ("until [ -n \"$X\" ]; do if true; then X=1; fi; done; echo if done", "if done\n"),
        ("for a in x y; do for b in 1 2; do echo $a$b; done; done > /sdcard/f; cat /sdcard/f",
         "x1\nx2\ny1\ny2\n"),
        ("false && if true; then echo never; fi; echo after", "after\n"),
        ("cd /sdcard; touch a.png b.png c.txt; echo /sdcard/*.png '/sdcard/*.png' /sdcard/*.no",
         "/sdcard/a.png /sdcard/b.png /sdcard/*.png /sdcard/*.no\n"),
    ],
)  # fmt: skip
def test_scripts(script: str, expected: str) -> None:
    assert run(script)[1] == expected


def test_exit_codes() -> None:
    assert run("true")[0] == 0
    assert run("exit 9; echo never")[:2] == (9, "")
    assert run("nosuch")[0] == 127
    assert run("rm /sdcard/none")[0] == 1
    assert run("rm -f /sdcard/none")[0] == 0
    assert run("head -n many /dev/null")[0] == 1


@pytest.mark.parametrize("script", ["echo 'open", 'echo "open', "echo $(open", "( echo", "a | | b"])
def test_syntax_errors_are_reported(script: str) -> None:
    code, _, err = run(script)
    assert code == 1 and "syntax error" in err


def test_endless_nesting_is_refused() -> None:
    assert "too deeply" in run("$(" * 40 + "echo a" + ")" * 40)[2]


def test_a_full_device_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jamel.virtual_device.files.MAX_TOTAL_BYTES", 10)
    code, _, err = run("echo 0123456789abc > /sdcard/f")
    assert code == 1 and "No space left" in err


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab '\"$(){}|&;<>\n\\`!=12/#", max_size=25))
def test_any_script_ends_with_an_exit_code(script: str) -> None:
    with contextlib.suppress(RecursionError):
        assert 0 <= run(script)[0] <= 255


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("if true; then echo a", "'if' needs 'fi'"),
        ("while true; echo a; done", "'while' needs 'do'"),
        ("for i; do echo a; done", "'for' needs a name and 'in'"),
        ("if true; echo a; fi", "'if' needs 'then'"),
        ("while true; do true; done", "turns of a loop"),
    ],
)
def test_statements_that_make_no_sense_or_no_end(script: str, problem: str) -> None:
    code, _, err = run(script)
    assert code == 1 and problem in err
