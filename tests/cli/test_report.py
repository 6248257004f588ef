"""`reslim report`: one page that opens offline, from one or several runs, whatever their folders hold."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resnet_limits.runs.folder import Run
from resnet_limits.settings.keys import flat
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.runs.conftest import replan

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "img", "image", "base", "form", "video", "audio", "source"}


class Page(HTMLParser):
    """What a page consists of: tags, attributes, text, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.text = ""
        self.style = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def read(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def assert_self_contained(page: Page) -> None:
    assert page.open == []
    assert not FORBIDDEN & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "action")]
    links = set(page.values("href"))
    assert all(link.startswith(("#", "https://arxiv.org/abs/")) for link in links)
    outside = [value for _, name, value in page.attributes if "//" in value and name not in ("href", "title")]
    assert not [value for value in outside if re.search(r"\w+://", value)]
    styles = page.style + " ".join(page.values("style"))
    assert "@import" not in styles
    assert "url(" not in styles.replace("url(#", "")
    assert any("default-src 'none'" in value for value in page.values("content"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert {name for value in page.values("clip-path") for name in re.findall(r"url\(#(.*?)\)", value)} <= set(ids)


def test_train_leaves_a_page_that_needs_nothing_from_outside(sweep):
    assert_self_contained(read(sweep.path))


def test_the_page_says_what_was_asked_what_came_out_and_where_it_ran(sweep):
    page, run = read(sweep.path), Run.open(sweep.path)
    summary = sweep.answer.json
    (claim,) = summary["claims"]
    source = studies.get("ode").claims
    for word in (
        *(line for sweep_ in run.sweeps() for line in sweep_),
        *flat(run.jobs()[0].settings),
        *summary["jobs"],
        *(claim["id"], claim["source"], claim["verdict"], claim["why"].replace(" ± ", "\xa0±\xa0")),
        *("theorem", "L=2048"),
        *(run.id, str(run.path), "torch", "reslim train", next(c.source.title for c in source if c.id == claim["id"])),
    ):
        assert word in page.text, word
    assert page.tags["figure"] == len(summary["claims"]) + 1  # and the overview
    assert "supported" in [word for value in page.values("class") for word in value.split()]


def test_questions_fold_their_claims_figures_and_values_and_the_headline_stands_first(sweep):
    text = (sweep.path / "report.html").read_text()
    head, questions = text.split('<section id="questions">')
    assert "1 of 1 claim supported" in head
    groups = re.findall(r'<details class="group"[^>]*>\n<summary>', questions)
    assert len(groups) == 1
    inside = questions.split('<details class="group"')[1].split("</section>")[0]
    for part in ("Loss: ", '<article class="claim">', '<div class="figures">', "Values by depth", "</details>"):
        assert part in inside


def test_report_draws_only_what_changed(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")

    def written() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (run / "figures").glob("*.*g")}

    before = written()
    reslim("report", "latest", "--json").done()
    assert written() == before
    (run / "figures" / "overview.svg").write_text("<svg/>")
    reslim("report", "latest", "--json").done()
    assert {name for name, time in written().items() if time != before[name]} == {"overview.svg", "overview.png"}


@pytest.mark.slow
def test_report_of_one_run_writes_into_its_folder_and_lists_what_it_wrote(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    for name in ("report.html", "tables.tex", "papers.bib", "summary.json", "records.csv"):
        (run / name).unlink()
    shutil.rmtree(run / "figures")
    document = reslim("report", "latest", "--json").done().json
    assert document["report"] == str(run / "report.html")
    assert {"report.html", "tables.tex", "papers.bib", "figures/overview.svg"} <= set(document["files"])
    assert all((run / name).is_file() for name in document["files"])
    assert document["summary"]["claims"] == sweep.answer.json["claims"]
    assert (document["repeated"], document["left_out"]) == ({}, {})


@pytest.fixture
def parts(sweep, tmp_path):
    """The sweep as two runs of three and two depths, which share one job."""
    first, reslim = sweep.copy(tmp_path / "outputs")
    second = first.with_name(first.name[:-8] + "00000000")
    shutil.copytree(first, second)
    for run, depths in ((first, ("2048",)), (second, ("4", "8"))):
        for depth in depths:
            (job,) = (run / "jobs").glob(f"{depth}-*")
            shutil.rmtree(job)
    return first, second, reslim


@pytest.mark.slow
def test_merged_runs_equal_one_run_of_all_their_jobs(sweep, parts, tmp_path):
    first, second, reslim = parts
    out = tmp_path / "paper"
    before = {path: path.stat().st_mtime_ns for run in (first, second) for path in run.rglob("*")}
    document = reslim("report", str(first), second.name, "--out", str(out), "--json").done().json
    expected = sweep.answer.json
    assert document["summary"]["claims"] == expected["claims"]
    assert document["summary"]["table"] == expected["table"]
    assert document["jobs"] == expected["jobs"]
    assert list(document["repeated"].values()) == [2]
    assert next(iter(document["repeated"])).startswith("16-")
    assert {path: path.stat().st_mtime_ns for run in (first, second) for path in run.rglob("*")} == before
    page = read(out)
    assert_self_contained(page)
    assert "in 2 runs, counted once" in page.text
    assert all(run.name in page.text for run in (first, second))


@pytest.mark.slow
def test_files_of_others_in_the_folder_are_left_alone(parts, tmp_path):
    first, _, reslim = parts
    out = tmp_path / "paper"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "mine.png").write_bytes(b"mine")
    reslim("report", str(first), "--out", str(out)).done()
    assert (out / "figures" / "mine.png").read_bytes() == b"mine"
    assert (out / "report.html").exists()


@pytest.mark.slow
def test_the_same_run_twice_is_one_run(parts):
    first, _, reslim = parts
    document = reslim("report", str(first), first.name, "--json").done().json
    assert document["runs"] == [str(first)]
    assert document["repeated"] == {}


@pytest.mark.slow
def test_damaged_and_unfinished_jobs_are_named_and_not_counted(parts, tmp_path):
    first, second, reslim = parts
    (damaged,) = (first / "jobs").glob("8-*")
    (damaged / "records.parquet").write_bytes(b"no parquet")
    (unread,) = (first / "jobs").glob("4-*")
    (unread / "config.yaml").write_text("study: ode\ndepth: [")
    answer = reslim("report", str(first), str(second), "--out", str(tmp_path / "out"), "--json").done()
    left_out = answer.json["left_out"]
    assert set(left_out) == {f"{first.name}/{damaged.name}", f"{first.name}/{unread.name}"}
    assert "records.parquet is missing or damaged" in left_out[f"{first.name}/{damaged.name}"]
    assert "config.yaml" in left_out[f"{first.name}/{unread.name}"]
    for name in left_out:
        assert name in answer.err
        assert name in read(tmp_path / "out").text
    assert {row["depth"] for row in answer.json["summary"]["table"]} == {16, 2048}


@pytest.mark.slow
def test_a_job_that_one_run_lost_is_taken_from_the_other(parts, tmp_path):
    first, second, reslim = parts
    (lost,) = (first / "jobs").glob("16-*")
    (lost / "records.parquet").unlink()
    document = reslim("report", str(first), str(second), "--out", str(tmp_path / "out"), "--json").done().json
    assert document["left_out"] == {}
    assert document["jobs"][lost.name] == "finished"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("latest", "nothing"), "no run 'nothing'"),
        (("RUN", "OTHER"), "--out FOLDER"),
        (("RUN", "ELSEWHERE", "--out", "OUT"), "one study"),
        (("RUN", "--out", "FILE"), "cannot write to"),
        ((), "Missing argument"),
    ],
    ids=["no such run", "two runs and no folder", "two studies", "a file in the way", "no run"],
)
def test_a_wrong_request_is_said_in_a_line(parts, tmp_path, arguments, words):
    first, second, reslim = parts
    name, another = next(item for item in STUDIES.items() if item[0] != "ode")
    elsewhere = Run.create(tmp_path, [another(study=name, depth=4)], [], ["reslim", "train"]).path
    (tmp_path / "file").write_text("")
    places = {"RUN": first, "OTHER": second, "ELSEWHERE": elsewhere, "OUT": tmp_path / "o", "FILE": tmp_path / "file"}
    answer = reslim("report", *(str(places.get(word, word)) for word in arguments))
    assert answer.code == 2
    assert words in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "o").exists()


HOSTILE = "</style></svg></title><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>"


@pytest.mark.slow
def test_what_a_run_folder_holds_is_text_to_the_page(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    provenance = json.loads((run / "provenance.json").read_text())
    provenance["invocations"][0] |= {"command": ["reslim", HOSTILE], "host": HOSTILE, "packages": {HOSTILE: HOSTILE}}
    provenance["invocations"][0]["git"] = {"revision": HOSTILE, "dirty": HOSTILE}
    (run / "provenance.json").write_text(json.dumps(provenance))
    (planned_sweep,) = Run.open(run).planned.sweeps
    replan(run, sweeps=[{"overrides": [HOSTILE], "jobs": list(planned_sweep.jobs)}])
    (job,) = (run / "jobs").glob("4-*")
    status = json.loads((job / "status.json").read_text())
    (job / "status.json").write_text(json.dumps({**status, "state": "failed", "message": HOSTILE}))
    (job,) = (run / "jobs").glob("8-*")
    status = json.loads((job / "status.json").read_text())
    (job / "status.json").write_text(json.dumps({**status, "device": HOSTILE}))
    (run / "jobs" / "<script>").mkdir()
    reslim("report", str(run)).done()
    page = read(run)
    assert_self_contained(page)
    assert page.text.count("<script>alert('x')</script>") >= 6
    assert "script" not in page.tags


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"packages": ["x"], "git": 3, "command": "rm"}, {"time": {"a": 1}, "host": None}])
def test_a_provenance_of_another_shape_is_left_out_where_it_has_none(sweep, tmp_path, change):
    run, reslim = sweep.copy(tmp_path / "outputs")
    provenance = json.loads((run / "provenance.json").read_text())
    provenance["invocations"][0] |= change
    (run / "provenance.json").write_text(json.dumps({**provenance, "seeds": "x", "devices": None}))
    reslim("report", str(run)).done()
    assert_self_contained(read(run))


@pytest.mark.slow
def test_a_run_without_a_finished_job_has_a_page_that_says_so(sweep, tmp_path):
    run, reslim = sweep.copy(tmp_path / "outputs")
    for job in (run / "jobs").iterdir():
        (job / "records.parquet").unlink()
    reslim("report", str(run)).done()
    page = read(run)
    assert_self_contained(page)
    assert "no claim was judged" in page.text
    assert "No job has finished" in page.text
    assert page.tags["figure"] == 0


def test_every_setting_has_its_own_verdicts_figures_and_table(settings_sweep):
    page = read(settings_sweep.path)
    assert_self_contained(page)
    assert page.text.count("activation=tanh") >= 3
    assert page.tags["figure"] == 4  # a claim and an overview at each setting
    assert "tanh, swish" in page.text


def pixels(png: Path) -> tuple[int, int, set[bytes]]:
    """Width, height and the distinct lines of a PNG: enough to tell a page from a blank sheet."""
    data = png.read_bytes()
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    parts, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            parts += data[at + 8 : at + 8 + length]
        at += 12 + length
    raw, row = zlib.decompress(parts), 1 + width * (4 if colour == 6 else 3)
    return width, height, {raw[i : i + row] for i in range(0, len(raw), row)}


def shown(page: Path, shot: Path, width: int) -> str:
    """Take a picture of a page in a browser window; what the browser had to say."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    options += [f"--user-data-dir={shot.parent / 'browser'}", f"--window-size={width},2400", f"--screenshot={shot}"]
    done = subprocess.run([CHROMIUM, *options, f"file://{page}"], capture_output=True, text=True, timeout=120)
    assert shot.exists(), done.stderr[-2000:]
    return "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.skipif(not CHROMIUM, reason="no headless Chromium on this machine")
@pytest.mark.parametrize("width", [1180, 390])
def test_a_browser_shows_the_page_without_a_complaint(sweep, tmp_path, width):
    assert shown(sweep.path / "report.html", tmp_path / "page.png", width) == ""
    seen_width, _, lines = pixels(tmp_path / "page.png")
    assert seen_width == width
    assert len(lines) > 300


@pytest.mark.skipif(not CHROMIUM, reason="no headless Chromium on this machine")
def test_a_browser_refuses_what_a_page_would_load_from_outside(sweep, tmp_path):
    page = tmp_path / "report.html"
    planted = '<img src="http://127.0.0.1:9/x.png"><script>console.log("ran")</script></main>'
    page.write_text((sweep.path / "report.html").read_text().replace("</main>", planted))
    said = shown(page, tmp_path / "page.png", 800)
    assert said.count("Content Security Policy") == 2
    assert "ran" not in said
