"""The manifest: what is accepted, and that every mistake is named with its row and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.weights.conversion import Matrices
from wordloop_ml.weights.manifest import (
    Calibration,
    ConvertedSource,
    HttpsSource,
    RepositorySource,
    WheelMember,
    WheelSource,
    load_manifest,
    parse_manifest,
)

HERE = Path("somewhere")
DIGEST = "ab" * 32

GOOD = f"""
format = 1

[profiles.embedded]
transcriber = "tiny"
voice_detector = "vad"

[weights.tiny]
file = "tiny.bin"
bytes = 12
sha256 = "{DIGEST}"
licence = "MIT"
engine = "whisper_cpp"
sources = [
  {{ url = "https://example.org/resolve/0123abc/tiny.bin" }},
  {{ repository = "tiny.bin" }},
]

[weights.vad]
file = "vad.onnx"
bytes = 34
sha256 = "{DIGEST}"
licence = "MIT"
engine = "silero_vad"
sources = [{{ wheel = {{ package = "vad-package", version = "1.2.3", member = "vad/data/vad.onnx" }} }}]

[weights.made]
file = "made.bin"
bytes = 56
sha256 = "{DIGEST}"
licence = "MIT"
engine = "whisper_cpp"
sources = [{{ converted = {{ from = "halves", matrices = "q8_0" }} }}]

[weights.halves]
file = "halves.bin"
bytes = 78
sha256 = "{DIGEST}"
licence = "MIT"
engine = "ctranslate2"
companions = {{ vocabulary = "vad" }}
sources = [{{ wheels = [{{ package = "one", version = "1", member = "a", bytes = 50 }}, {{ package = "two", version = "2", member = "b", bytes = 28 }}] }}]
"""


def refusal(text: str) -> str:
    """The message of the error that this manifest must cause."""
    with pytest.raises(StartupFailed) as caught:
        parse_manifest(text, HERE)
    assert caught.value.code is ErrorCode.BAD_MANIFEST
    message = str(caught.value)
    assert message.startswith("weights manifest: ")
    return message.removeprefix("weights manifest: ")


def changed(old: str, new: str) -> str:
    """The good manifest with its first ``old`` replaced."""
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_a_good_manifest_is_read_in_full() -> None:
    """Every kind of source, every key."""
    manifest = parse_manifest(GOOD, HERE)
    tiny, vad = manifest.entries["tiny"], manifest.entries["vad"]
    assert (tiny.name, tiny.file, tiny.bytes, tiny.sha256) == ("tiny", "tiny.bin", 12, DIGEST)
    assert (tiny.licence, tiny.engine) == ("MIT", "whisper_cpp")
    assert tiny.sources == (
        HttpsSource("https://example.org/resolve/0123abc/tiny.bin"),
        RepositorySource(HERE / "tiny.bin"),
    )
    assert vad.sources == (
        WheelSource((WheelMember("vad-package", "1.2.3", "vad/data/vad.onnx", 34),)),
    )
    halves, made = manifest.entries["halves"], manifest.entries["made"]
    parts = (WheelMember("one", "1", "a", 50), WheelMember("two", "2", "b", 28))
    assert halves.sources == (WheelSource(parts),)
    assert made.sources == (ConvertedSource(halves, vad, Matrices.Q8_0),)
    assert list(manifest.entries) == ["tiny", "vad", "made", "halves"]
    assert [one.host for one in (*tiny.sources, *vad.sources, *made.sources)] == [
        "example.org",
        "this repository",
        "package index",
        "package index, converted",
    ]


def with_companions(value: str) -> str:
    """A manifest whose transcriber has these companions."""
    key = 'engine = "whisper_cpp"'
    return changed(key, f"{key}\ncompanions = {value}")


def test_a_file_may_lie_in_a_folder() -> None:
    """As libraries want it that read several files by fixed names."""
    manifest = parse_manifest(changed('file = "tiny.bin"', 'file = "tiny/model.bin"'), HERE)
    assert manifest.entries["tiny"].file == "tiny/model.bin"


def test_an_engine_may_need_several_files() -> None:
    """Each is a row of its own, named by what it is needed for."""
    manifest = parse_manifest(with_companions('{ tokens = "vad" }'), HERE)
    tiny, vad = manifest.entries["tiny"], manifest.entries["vad"]
    assert manifest.companions(tiny) == {"tokens": vad}
    assert manifest.companions(vad) == {}
    assert hash(tiny) != hash(vad)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("3", "weights.tiny.companions: must be a table"),
        ("{ tokens = 3 }", "weights.tiny.companions: tokens must be"),
        ('{ tokens = "none" }', "weights.tiny.companions: tokens names 'none', which is no row"),
        ('{ "a b" = "vad" }', "weights.tiny.companions: 'a b' must be"),
        ('{ self = "tiny" }', "weights.tiny.companions: self names 'tiny', which has companions"),
    ],
)
def test_wrong_companions_are_named(value: str, where: str) -> None:
    """By row and key."""
    assert refusal(with_companions(value)).startswith(where)


def test_a_model_may_have_a_calibration() -> None:
    """Two numbers; without them its confidences stay as they are."""
    key = 'engine = "whisper_cpp"'
    manifest = parse_manifest(
        changed(key, f"{key}\ncalibration = {{ slope = 1, offset = -0.25 }}"), HERE
    )
    assert manifest.entries["tiny"].calibration == Calibration(1.0, -0.25)
    assert manifest.entries["vad"].calibration == Calibration()


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("1.5", "must be a table"),
        ("{ slope = 1.0 }", "offset is missing"),
        ("{ slope = 0.0, offset = 0.0 }", "slope must be a number between 0.01 and 100"),
        ("{ slope = true, offset = 0.0 }", "slope must be a number"),
        ("{ slope = nan, offset = 0.0 }", "slope must be a number"),
        ("{ slope = 1.0, offset = '0' }", "offset must be a number between -20 and 20"),
        ("{ slope = 1.0, offset = 0.0, knots = [] }", "'knots' is not a key here"),
    ],
)
def test_a_wrong_calibration_is_named(value: str, where: str) -> None:
    """A slope below 0 would turn the order of all words around."""
    key = 'engine = "whisper_cpp"'
    message = refusal(changed(key, f"{key}\ncalibration = {value}"))
    assert message.startswith("weights.tiny.calibration: ")
    assert where in message


def test_a_profile_gives_an_entry_for_each_role() -> None:
    """Looked up by name."""
    manifest = parse_manifest(GOOD, HERE)
    roles = manifest.profile("embedded")
    assert {role: entry.name for role, entry in roles.items()} == {
        "transcriber": "tiny",
        "voice_detector": "vad",
    }


def test_a_profile_may_fill_more_roles() -> None:
    """Those of the work on texts; a role that nobody knows is a misprint."""
    more = GOOD.replace('voice_detector = "vad"', 'voice_detector = "vad"\ngenerator = "tiny"')
    assert parse_manifest(more, HERE).profile("embedded")["generator"].name == "tiny"
    assert "'narrator' is not a key here" in refusal(more.replace("generator", "narrator"))


def test_an_unknown_profile_is_a_named_error() -> None:
    """It says which profiles there are."""
    with pytest.raises(StartupFailed, match="'huge': the manifest has embedded") as caught:
        parse_manifest(GOOD, HERE).profile("huge")
    assert caught.value.code is ErrorCode.UNKNOWN_PROFILE


@pytest.mark.parametrize("key", ["file", "bytes", "sha256", "licence", "engine", "sources"])
def test_a_missing_key_is_named_with_its_row(key: str) -> None:
    """Each of them."""
    kept = [line for line in GOOD.splitlines() if not line.startswith(f"{key} =")]
    text = "\n".join(kept)
    if key == "sources":
        text = text.replace('  { url = "https://example.org/resolve/0123abc/tiny.bin" },', "")
        text = text.replace('  { repository = "tiny.bin" },\n]', "")
    assert refusal(text) == f"weights.tiny: {key} is missing"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("format = 1", "format = 2", "top level: format must be 1"),
        ("format = 1", "format = true", "top level: format must be an integer"),
        ("format = 1", "format = 1\nextra = 1", "top level: 'extra' is not a key here"),
        ("engine =", "engin =", "weights.tiny: 'engin' is not a key here"),
        ("voice_detector =", "voice =", "profiles.embedded: 'voice' is not a key here"),
        ('transcriber = "tiny"\n', "", "profiles.embedded: transcriber is missing"),
        ('= "tiny"', '= "tny"', "profiles.embedded: transcriber names 'tny', which is no row"),
        ('= "tiny"', "= 3", "profiles.embedded: transcriber must be a printable string"),
        ("bytes = 12", "bytes = 0", "weights.tiny: bytes must be between"),
        ("bytes = 12", "bytes = -1", "weights.tiny: bytes must be between"),
        ("bytes = 12", "bytes = 9999999999999", "weights.tiny: bytes must be between"),
        ("bytes = 12", "bytes = 12.0", "weights.tiny: bytes must be an integer"),
        (DIGEST, "ab", "weights.tiny: sha256 must be 64 lower-case"),
        (DIGEST, DIGEST.upper(), "weights.tiny: sha256 must be 64 lower-case"),
        (DIGEST, "g" * 64, "weights.tiny: sha256 must be 64 lower-case"),
        ('licence = "MIT"', 'licence = " "', "weights.tiny: licence must be a printable string"),
        ('licence = "MIT"', 'licence = "a\\nb"', "weights.tiny: licence must be a printable"),
        ('"tiny.bin"', '"../tiny.bin"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"/etc/passwd"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"a/b/c.bin"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"a/../c.bin"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"../c.bin"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"a/"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"a.part/c.bin"', "weights.tiny: file must not end in .part"),
        ('"tiny.bin"', '"VAD.onnx/c.bin"', "weights.tiny: file lies below the file of weights.vad"),
        ('"tiny.bin"', '".."', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '".hidden"', "weights.tiny: file must be a plain file name"),
        ('"tiny.bin"', '"tiny.bin.part"', "weights.tiny: file must not end in .part"),
        ('"tiny.bin"', '"VAD.onnx"', "weights.vad: file is the same as that of weights.tiny"),
        ("[weights.tiny]", '[weights."../x"]', "weights.../x: name must be letters"),
        ("https://", "http://", "sources[0]: url must be https"),
        ("https://", "ftp://", "sources[0]: url must be https"),
        ("https://", "file://", "sources[0]: url must be https"),
        ("https://", "http://127.0.0.1@", "sources[0]: url must be https"),
        ("https://example", "https://user:x@example", "sources[0]: url must have a host, and no"),
        ("https://example.org", "https://", "sources[0]: url must have a host"),
        ("https://example.org", "https://[", "sources[0]: url is not a URL"),
        ("https://example.org", "https://example.org:x", "sources[0]: url is not a URL"),
        ("resolve/0123abc", "resolve/main", "sources[0]: url must pin a revision: 'main' moves"),
        ("{ repository =", "{ path =", "weights.tiny.sources[1]: 'path' is not a key here"),
        ('= "tiny.bin" }', '= "../x" }', "sources[1]: repository must be a plain file name"),
        ("{ repository =", '{ url = "x", repository =', "must have exactly one of url, wheel"),
        ('{ repository = "tiny.bin" }', "3", "weights.tiny.sources[1]: must be a table"),
        ('"vad/data/vad.onnx"', '"../vad.onnx"', "wheel: member must be a path inside the wheel"),
        ('"vad/data/vad.onnx"', '"/vad.onnx"', "wheel: member must be a path inside the wheel"),
        ('"1.2.3"', '">=1.2"', "weights.vad.sources[0].wheel: version must be one exact version"),
        ('"vad-package"', '"-r x"', "weights.vad.sources[0].wheel: package must be the name of"),
        ("member =", "file =", "weights.vad.sources[0].wheel: 'file' is not a key here"),
        ('"made.bin"', '"made.bin.inputs"', "weights.made: file must not end in .part"),
        ('"q8_0"', '"q4_0"', "made.sources[0].converted: matrices must be one of f16, q8_0"),
        ('from = "halves"', 'from = "none"', "from names 'none', which is no row with a wheel"),
        ('from = "halves"', 'from = "tiny"', "from names 'tiny', which is no row with a wheel"),
        ('from = "halves"', 'from = "vad"', "from names 'vad', which has no vocabulary from"),
        ('from = "halves"', 'from = "made"', "from names 'made', which is no row with a wheel"),
        ("from =", "model =", "made.sources[0].converted: 'model' is not a key here"),
        ("bytes = 28", "bytes = 29", "sources[0]: wheels have 79 bytes together, and the file 78"),
        ("bytes = 28", "bytes = 0", "sources[0].wheels[1]: bytes must be between 1 and 78"),
        (", bytes = 28", "", "weights.halves.sources[0].wheels[1]: bytes is missing"),
        ('"b", bytes = 28', '"../b", bytes = 28', "wheels[1]: member must be a path inside"),
    ],
)
def test_a_mistake_is_named_with_its_row_and_key(old: str, new: str, where: str) -> None:
    """One mistake at a time."""
    assert where in refusal(changed(old, new))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("format = ", "is not TOML"),
        ("format = 1", "top level: weights is missing"),
        ("format = 1\nweights = 3", "weights: must be a table"),
        ("format = 1\n[weights]\n[profiles]", "weights: must hold at least one row"),
        ("format = 1\n[weights]\nx = 3", "weights.x: must be a table"),
        ("x = " + "[" * 5_000, "is not TOML"),
        (GOOD[: GOOD.index("[profiles")] + GOOD[GOOD.index("[weights") :], "profiles is missing"),
        (
            GOOD[: GOOD.index("[profiles")] + "[profiles]\n" + GOOD[GOOD.index("[weights") :],
            "profiles: must hold at least one row",
        ),
        (
            changed("sources = [{ wheel =", "sources = { wheel =").replace("} }]", "} }", 1),
            "must be a list",
        ),
        (re.sub(r"wheels = \[.*\]", "wheels = [] }]", GOOD), "wheels must be a list that is not"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(text: str, where: str) -> None:
    """From nothing to too much."""
    assert where in refusal(text)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:80"])
def test_plain_http_is_for_loopback(host: str) -> None:
    """Where there is no network to be read or changed on."""
    manifest = parse_manifest(changed("https://example.org", f"http://{host}"), HERE)
    assert manifest.entries["tiny"].sources[0].host == host


def test_a_file_is_loaded_from_its_own_folder(tmp_path: Path) -> None:
    """What the repository ships lies beside the manifest."""
    path = tmp_path / "manifest.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_manifest(path).entries["tiny"].sources[1] == RepositorySource(tmp_path / "tiny.bin")


@pytest.mark.parametrize(
    ("content", "where"),
    [(b"\xff\xfe", "not UTF-8 at byte 0"), (b"#" * (1 << 20) + b"\n", "larger than 1048576")],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, where: str) -> None:
    """Neither bytes nor a huge file."""
    path = tmp_path / "manifest.toml"
    path.write_bytes(content)
    with pytest.raises(StartupFailed, match=where) as caught:
        load_manifest(path)
    assert caught.value.code is ErrorCode.BAD_MANIFEST


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, or a folder."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(StartupFailed, match="cannot be read") as caught:
            load_manifest(path)
        assert caught.value.code is ErrorCode.BAD_MANIFEST


LINES = GOOD.splitlines()
TOML_VALUES = st.one_of(
    st.integers().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.sampled_from(['""', "[]", "{}", "1.5", "nan", "1979-05-27", "[{}]", '["x"]', "{ url = 1 }"]),
    st.text(st.characters(codec="utf-8", exclude_characters="'\n\r"), max_size=20).map(
        lambda value: f"'{value}'"
    ),
)


@settings(max_examples=200)
@given(index=st.integers(0, len(LINES) - 1), value=TOML_VALUES, drop=st.booleans())
def test_whatever_a_line_becomes_the_outcome_is_a_manifest_or_a_named_error(
    index: int, value: str, drop: bool
) -> None:
    """A line loses its value, or itself; never anything but ``StartupFailed``."""
    lines = list(LINES)
    key, equals, _ = lines[index].partition("=")
    lines[index] = "" if drop else f"{key}{equals}{value}"
    refused: StartupFailed | None = None
    try:
        parse_manifest("\n".join(lines), HERE)
    except StartupFailed as error:
        refused = error
    if refused is not None:
        assert refused.code is ErrorCode.BAD_MANIFEST
        assert len(str(refused).splitlines()) == 1


@given(text=st.text(max_size=200))
def test_any_text_is_a_manifest_or_a_named_error(text: str) -> None:
    """Mostly the latter."""
    with pytest.raises(StartupFailed) as caught:
        parse_manifest(text, HERE)
    assert caught.value.code is ErrorCode.BAD_MANIFEST
