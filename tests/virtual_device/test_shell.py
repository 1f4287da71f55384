"""The device's shell: the forms that adb clients send."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.virtual_device.commands_shell import SHELL_COMMANDS
from jamel.virtual_device.commands_text import TEXT_COMMANDS
from jamel.virtual_device.commands_unix import UNIX_COMMANDS
from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.shell import Shell
from jamel.virtual_device.shell_input import Stdin


def run(script: str, stdin: bytes = b"", files: DeviceFiles | None = None) -> tuple[int, str, str]:
    out, err = bytearray(), bytearray()
    commands = SHELL_COMMANDS | TEXT_COMMANDS | UNIX_COMMANDS
    commands.pop("sleep")
    shell = Shell(None, files or DeviceFiles(), commands)
    code = shell.run(script, out.extend, err.extend, Stdin.of(stdin))
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
        ("case abc in x|a*) echo yes;; *) echo no;; esac; case b in a) echo a;; esac", "yes\n"),
        ("for f in a.txt b.png c; do case $f in *.txt) echo t;;\n(*.png|*.gif)\n echo p\n;; *) "
         "echo -; esac; done", "t\np\n-\n"),
        ("( case a in a) echo in;; esac ) | cat; { case '*' in \"*\") echo q;; esac; }", "in\nq\n"),
        ("if true; then case 1 in 1) if true; then echo deep; fi;; esac; fi", "deep\n"),
        ("f() { echo $1-$#; return 3; echo never; }; f a b; echo $?", "a-2\n3\n"),
        ("g()\n{\n  local X=$1\n  h $X\n}\nh() { echo h$1; }\ng 1; unset h; g 2 2>/dev/null || "
         "echo gone", "h1\ngone\n"),
        ("cat <<EOF\na $X b\nEOF\necho c", "a  b\nc\n"),
        ("X=1; cat <<-'E' | tr a-z A-Z\n\ta $X\n\tE\ncat <<A; cat <<B\n$X\nA\ntwo\nB\n",
         "A $X\n1\ntwo\n"),
        ("X=a.tar.gz; echo ${X%.*} ${X%%.*} ${X#*.} ${X##*.} ${#X} ${X:2:3} ${X/a/b} ${X//a/b}",
         "a.tar a tar.gz gz 8 tar b.tar.gz b.tbr.gz\n"),
        ("Y=; echo ${Y:-d} ${Y-d} ${Z-$HOME} ${Y:+no} ${HOME:+yes}; echo ${Z:=set} $Z",
         "d / yes\nset set\n"),
        ("echo ${N:-a  b} \"${N:-a  b}\" ${N:-${M:-$HOME}}", "a b a  b /\n"),
        ("set -- a 'b c' d; echo $# $2; shift 2; echo $1$#; echo $10", "3 b c\nd1\nd0\n"),
        ("X=1; (X=2; cd /sdcard; exit 3); echo $? $X $PWD; pwd", "3 1 /\n/\n"),
        ("X=$(Y=2; echo $Y)$Y; echo $X", "2\n"),
        ("false &&\n echo no ||\n echo yes |\n cat", "yes\n"),
        ("[ 5 -gt 10 ]; echo $?; [ 5 -lt 10 -a x = x ] && [ ! -e /none ] && echo both",
         "1\nboth\n"),
        ("echo a:b:c:d | cut -d : -f 1,3-; echo abcdef | cut -c 2-3,6; echo plain | cut -d: -f2",
         "a:c:d\nbcf\nplain\n"),
        ("echo Hello | tr a-z A-Z; echo abc | tr -d 'b\\n'; echo x1y22 | tr '[:digit:]' '#'",
         "HELLO\nacx#y##\n"),
        ("printf '10\\n9\\n-1\\n' | sort -rn | head -n 2", "10\n9\n"),
        ("[[ abc == a* ]] && echo glob; [ abc = 'a*' ] || echo plain", "glob\nplain\n"),
        ("echo 'a\\tb\\\\n'; echo -E 'a\\tb'; echo -n x", "a\tb\\n\na\\tb\nx"),
        ("printf '%s-%03d|' a 7 b 8; printf '%5s|%-3s|%x%%\\n' r l 255",
         "a-007|b-008|    r|l  |ff%\n"),
        ("printf '%%%\\n' a b; printf '%s,' 1 2 3; printf x 1 2; printf '%d\\n' none; echo $?",
         "%%\n1,2,3,x1\n"),
        ("type cd ls none; command -v cat; toybox echo t", "cd is a shell builtin\nls is "
         "/system/bin/ls\nnone not found\n/system/bin/cat\nt\n"),
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
        ("echo $((1 + 2 * (3 - 1))) $((7 / -2)) $((7 % 3)) $(( 2 > 1 && 0 ))", "5 -3 1 0\n"),
        ("X=4; echo \"$((X + 1))\" $((0x10))", "5 16\n"),
        ("sh -c 'echo $# $1 \"$2\" $@' name a 'b c'", "2 a b c a b c\n"),
        ("echo 'echo $0:$1' > /sdcard/s.sh; sh /sdcard/s.sh x; echo $1", "/sdcard/s.sh:x\n\n"),
        ("printf 'one two three\\nfour\\n' | { read A B; read C; echo $A/$B/$C; }",
         "one/two three/four\n"),
        ("mkdir -p /sdcard/d/e; touch /sdcard/d/e/f.txt; find /sdcard/d -name '*.txt'",
         "/sdcard/d/e/f.txt\n"),
        ("seq 3 | xargs echo; seq 2 2 6 | tail -n 1", "1 2 3\n6\n"),
        ("basename /a/b.c; dirname /a/b.c", "b.c\n/a\n"),
        ("echo x | tee /sdcard/t; stat -c '%s %n' /sdcard/t", "x\n2 /sdcard/t\n"),
        ("echo abc | base64 | base64 -d; printf 'a\\na\\nb\\n' | uniq -c",
         "abc\n      2 a\n      1 b\n"),
        ("date +%Y-%m-%d | grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'", "1\n"),
        ("mkdir /sdcard/x; rmdir /sdcard/x && ls /sdcard", "Download\n"),
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
    assert run("rmdir /sdcard")[0] == 1
    assert run("echo $((1 / 0))")[0] == 1
    assert run("read X < /dev/null")[0] == 1


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ("foo", 127, "/system/bin/sh: foo: inaccessible or not found"),
        ("/system/bin/foo", 127, "/system/bin/sh: /system/bin/foo: inaccessible or not found"),
        ("/data/cat /x", 127, "/system/bin/sh: /data/cat: inaccessible or not found"),
        ("/sdcard", 126, "/system/bin/sh: /sdcard: can't execute: Is a directory"),
        ("touch /sdcard/f; /sdcard/f", 126, "/system/bin/sh: /sdcard/f: can't execute: Permission"),
        ("sh /none", 127, "/system/bin/sh: /none: No such file or directory"),
        ("cat /none", 1, "cat: /none: No such file or directory"),
        ("cat /sdcard", 1, "cat: /sdcard: Is a directory"),
        ("ls /none", 1, "ls: /none: No such file or directory"),
        ("rm /none", 1, "rm: /none: No such file or directory"),
        ("rm /sdcard/Download", 1, "rm: /sdcard/Download: Is a directory"),
        ("mkdir /sdcard/Download", 1, "mkdir: '/sdcard/Download': File exists"),
        ("mkdir /a/b", 1, "mkdir: '/a/b': No such file or directory"),
        ("echo x > /none/f", 1, "/system/bin/sh: can't create /none/f: No such file or directory"),
        ("cat < /none", 1, "/system/bin/sh: can't open /none: No such file or directory"),
        ("rm", 1, "rm: Needs 1 argument"),
        ("mkdir -p", 1, "mkdir: Needs 1 argument"),
        ("[ a -lt 2 ]", 2, "/system/bin/sh: [: a: unexpected operator/operand"),
        ("[ a = a", 2, "/system/bin/sh: [: missing ]"),
        ("echo ${X!}", 1, "/system/bin/sh: ${X!}: bad substitution"),
        ("echo ${X:?unset}; echo no", 1, "/system/bin/sh: X: unset"),
        ("f() { f; }; f", 1, "/system/bin/sh: f: functions nested too deeply"),
        ("shift", 1, "/system/bin/sh: shift: nothing to shift"),
        ("toybox nonsense", 127, "toybox: Unknown command nonsense"),
    ],
)
def test_failures_are_worded_as_the_devices(script: str, code: int, message: str) -> None:
    found, _, err = run(script)
    assert found == code and err.startswith(message)


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


@settings(max_examples=150)
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
        ("case a in a) echo b", "'case' needs 'esac'"),
        ("case a; esac", "'case' needs a word and 'in'"),
        ("case a in a echo; esac", "a pattern needs ')'"),
        ("f() echo a", "a function needs '{'"),
        ("cat <<EOF\na", "here document 'EOF' unclosed"),
        ("true &&", "unexpected 'end'"),
    ],
)
def test_statements_that_make_no_sense_or_no_end(script: str, problem: str) -> None:
    code, _, err = run(script)
    assert code == 1 and problem in err
