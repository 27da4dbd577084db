"""Sets by name: fetched from a server on this machine, in the forms of the published ones."""

import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_args

import numpy as np
import pytest

from wordlab import published
from wordlab.artifacts import write_json
from wordlab.errors import Notice, Unreachable, UserError
from wordlab.evaluation.vectors import by_name, listed
from wordlab.evaluation.vectors.sets import digests, read_sets
from wordlab.params import sets
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.text import Language

PAIRS = "tiger\tcat\t7.35\nplane\tcar\t5.77\n"
NUMBERED = ",word1,word2,similarity\n0,gem,jewel,3.94\n1,noon,string,0.08\n2,,\n"
RATINGS = '#\n#   Score  = Most - Least\n#\n 50.0 "hour:seconds"\n-12.5 "cell:body"\n'
EXAMPLES = "Question 2(c)\n\nConsider these:\n\nwater:drop\nmile:yard\n\nX is a Y\n"


def packed(form, members):
    """Return a zip, or a tar as gzip packs it, of members by name."""
    found = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(found, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
        return found.getvalue()
    with tarfile.open(fileobj=found, mode="w:gz") as archive:
        for name, text in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return found.getvalue()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of `pages`, by path, which counts what it was asked for; an empty checkout."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            content = self.server.pages.get(self.path)
            if content is None:
                self.send_error(404)
                return
            content = content if isinstance(content, bytes) else content.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.pages, running.asked = {}, []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.url = f"http://127.0.0.1:{running.server_address[1]}"
        yield running
        running.shutdown()


def a_set(url, form="pairs", member="", checksum="", name="made_up", task="similarity"):
    return sets.PublicSet(
        name, "Made up", task, "en", "2", form, "none", "nobody", checksum, member, url
    )


def read(server, content, form, member="", path="/set.txt"):
    """Return a set that the server has at `path`."""
    server.pages[path] = content
    return by_name.read(a_set(server.url + path, form, member))


def test_a_set_is_fetched_once_and_its_checksum_noted(server):
    found = read(server, PAIRS, "pairs")
    assert found.words == (("tiger", "cat"), ("plane", "car"))
    item = a_set(f"{server.url}/set.txt")
    assert published.LOCK.read_text().splitlines()[1].endswith(f" {server.url}/set.txt")
    assert by_name.read(item).words == found.words
    assert server.asked == ["/set.txt"]


def test_a_file_that_is_another_than_was_locked_is_refused(server):
    read(server, PAIRS, "pairs")
    published.place(f"{server.url}/set.txt").unlink()
    with pytest.raises(UserError, match="expected the sha256 [0-9a-f]{64}, got"):
        read(server, PAIRS + "a\tb\t1\n", "pairs")


def test_a_checksum_of_the_catalogue_needs_no_lock(server):
    server.pages["/x"] = PAIRS
    sha1 = "sha1:2b3f2a3f0c8c3a7dd4d0d2b6b2a9b7c2fd0c1a11"
    with pytest.raises(UserError, match="expected the sha1 2b3f"):
        by_name.read(a_set(f"{server.url}/x", checksum=sha1))
    assert not published.LOCK.exists()


def test_a_page_that_is_no_set_is_not_noted(server):
    with pytest.raises(UserError):
        read(server, "<html><p>Access denied</p></html>", "pairs")
    assert not published.LOCK.exists()
    assert read(server, PAIRS, "pairs").words[0] == ("tiger", "cat")


def test_a_damaged_lock_is_named_with_its_line(server):
    published.LOCK.write_text("# a comment\nnonsense\n")
    with pytest.raises(UserError, match=r"sets.lock, line 2: expected `sha256:… URL`"):
        read(server, PAIRS, "pairs")


def test_without_a_network_the_run_goes_on_with_what_is_there(server, monkeypatch):
    server.pages["/set.txt"] = PAIRS
    here, gone = a_set(f"{server.url}/set.txt"), a_set("http://127.0.0.1:9/x", name="gone")
    known = {"gone": gone, "made_up": here}
    monkeypatch.setattr(by_name, "catalogue", lambda: known)
    with pytest.warns(Notice, match="these evaluation sets are left out: gone$"):
        assert list(by_name.all_there(["gone", "made_up"])) == ["made_up"]
    with pytest.raises(Unreachable):
        by_name.read(gone)
    assert by_name.read(gone, fetch=False) is None


def test_a_server_that_cannot_be_reached_is_asked_once(server, monkeypatch):
    server.pages["/set.txt"] = PAIRS
    tried = []
    fetch = published.downloads.fetch
    monkeypatch.setattr(
        published.downloads, "fetch", lambda url, *rest: tried.append(url) or fetch(url, *rest)
    )
    gone = [a_set(f"http://127.0.0.1:9/{name}", name=name) for name in "ab"]
    refused = a_set(f"{server.url}/none", name="c")
    (first, second) = by_name.fetch_all([*gone, refused, a_set(f"{server.url}/set.txt")])
    assert first.startswith("a: http://127.0.0.1:9/a: cannot be fetched")
    assert second.startswith("c: ") and "404" in second
    assert [url.rpartition("/")[2] for url in tried] == ["a", "none", "set.txt"]


def test_pairs_whose_rows_are_numbered_may_end_in_an_empty_row(server):
    assert read(server, NUMBERED, "pairs").words == (("gem", "jewel"), ("noon", "string"))


def test_questions_may_have_blanks_before_their_sections(server):
    found = read(server, " : family\nking queen man woman\n", "questions")
    assert found.sections == ("family",) and len(found) == 1


def test_a_table_of_questions_has_their_sections(server):
    text = ",type,word1,word2,word3,target\n0,JJ_JJR,good,better,rough,rougher\n"
    found = read(server, text, "question_table")
    assert found.words == (("good", "better", "rough", "rougher"),)
    assert found.sections == ("JJ_JJR",)


def test_lists_of_answers_make_questions_of_each_two_lines(server):
    for name, text in {"E1": "rome\titaly\nlondon\tengland/uk\n", "I1": "a\tas\nb\tbs\n"}.items():
        server.pages[f"/{name}.txt"] = text
    found = by_name.read(a_set(f"{server.url}/{{E,I}}1.txt", "answer_lists"))
    assert found.words[:2] == (
        ("rome", "italy", "london", "england"),
        ("london", "england", "rome", "italy"),
    )
    assert found.right(0) == ("england", "uk") and found.right(2) == ("bs",)
    assert found.section.tolist() == [0, 0, 1, 1]


def test_degrees_come_with_the_examples_of_their_relation(server):
    server.pages |= {"/GoldRatings-2c.txt": RATINGS, "/Phase1Questions-2c.txt": EXAMPLES}
    url = f"{server.url}/{{GoldRatings,Phase1Questions}}-2c.txt"
    found = by_name.read(a_set(url, "degrees"))
    assert found.words == (("hour", "seconds"), ("cell", "body"))
    assert found.gold.tolist() == [50, -12.5]
    assert found.examples == ((("water", "drop"), ("mile", "yard")),)


def test_categories_may_have_rows_without_a_word(server):
    text = ",category,word\n0,illness,flu\n1,illness,\n2,tree,oak\n"
    found = read(server, text, "category_table")
    assert (found.word, found.categories) == (("flu", "oak"), ("illness", "tree"))


def test_odd_ones_come_in_three_forms(server):
    row = "fruit\tgrass\tapple\tgrape vine\n"
    found = read(server, packed("tar", {"data/a.tsv": row, "data/b": row}), "puzzles", "a.tsv")
    assert found.words == (("apple", "grape_vine", "grass"),)
    groups = {"w/es/Q1.txt": "uno\ndos\n\nrey\nmar\n", "w/en/Q1.txt": "one\ntwo\n\nsea\n"}
    found = read(server, packed("zip", groups), "outlier_groups", "/es/", "/zip")
    assert found.words == (("uno", "dos", "rey"), ("uno", "dos", "mar"))
    assert found.group.tolist() == [0, 0]
    text = ",category,outliers,words\n0,Cats,\"['dog', '']\",\"['lion', 'lynx']\"\n"
    assert read(server, text, "outlier_table", path="/csv").words == (("lion", "lynx", "dog"),)


def test_relations_come_in_three_forms(server):
    texts = {
        "relation_table": ",a,b,c\n0,goat,animal,hyper\n",
        "relation_between": "goat\thyper\tanimal\tTAG_1/5\t1.0\n",
        "relation_first": "# ours\nhyper\tgoat\tanimal\n",
    }
    for form, text in texts.items():
        found = read(server, text, form, path=f"/{form}")
        assert found.by_relation() == {"hyper": [("goat", "animal")]}


def test_an_archive_without_the_member_is_refused(server):
    with pytest.raises(UserError, match="expected a member ES_RG-65.txt"):
        read(server, packed("zip", {"x.txt": PAIRS}), "pairs", "ES_RG-65.txt")
    with pytest.raises(UserError, match="cannot be read"):
        read(server, "no archive", "pairs", "x", "/y")


def test_the_catalogue_has_what_is_asked_of_it():
    known = sets.catalogue()
    assert len(known) > 40
    assert {item.form for item in known.values()} <= by_name.FORMS.keys()
    assert len({item.title for item in known.values()}) == len(known)
    assert {item.task for item in known.values()} == set(sets.TASKS)
    assert {item.language for item in known.values()} == {*get_args(Language)} - {"other"}
    for item in known.values():
        assert item.title and item.licence and item.citation, item.name
        schemes = ("https://", "gensim:", "wordlab:")
        assert all(url.startswith(schemes) and "{" not in url for url in item.urls), item.name
    assert len(known["bats"].urls) == 40 and len(known["semeval2012"].urls) == 158


@pytest.mark.parametrize("name", ["wordsim353", "simlex999", "google", "wordlab_en", "wordlab_es"])
def test_packaged_sets_are_as_large_as_the_catalogue_says(name):
    item = sets.catalogue()[name]
    assert len(by_name.read(item, fetch=False)) == int(item.size)
    path = published.files(item)[0]
    algorithm, _, checksum = item.checksum.partition(":")
    assert not checksum or published.downloads.digest(path, algorithm) == checksum


def test_the_spanish_relations_are_in_one_relation_each():
    found = by_name.read(sets.catalogue()["wordlab_es"])
    pairs = [frozenset(word.casefold() for word in pair) for pair in found.words]
    assert len(set(pairs)) == len(pairs) and all(len(pair) == 2 for pair in pairs)
    counts = np.bincount(found.relation)
    assert set(found.relations) == {
        "synonyms", "antonyms", "hypernyms", "co-hyponyms", "related"
    }  # fmt: skip
    assert counts.min() >= 90


def asking_for(name):
    """Return params that ask for one set of the catalogue."""
    return EvaluationParams.model_validate(
        {
            "similarity": [name],
            "analogies": {"path": "none", "methods": ["3cosadd"], "restrict_vocabulary": None},
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )


def test_sets_are_named_without_more(server, monkeypatch):
    server.pages["/set.txt"] = PAIRS
    known = {**sets.catalogue(), "men": a_set(f"{server.url}/set.txt", name="men")}
    monkeypatch.setattr(by_name, "catalogue", lambda: known)
    found = read_sets(asking_for("men"))
    assert found.pairs[0].words == (("tiger", "cat"), ("plane", "car"))
    assert len(found.questions) == 0


def test_a_stage_leaves_out_what_was_not_listed_offline_and_fetches_nothing_online(
    server, monkeypatch, tmp_path
):
    server.pages["/set.txt"] = PAIRS
    params, path = asking_for("men"), tmp_path / "sets.json"
    online = {**sets.catalogue(), "men": a_set(f"{server.url}/set.txt", name="men")}
    offline = {**online, "men": a_set("http://127.0.0.1:9/set.txt", name="men")}

    def catalogue(known):
        for module in (by_name, listed):
            monkeypatch.setattr(module, "catalogue", lambda: known)

    catalogue(offline)
    with pytest.warns(Notice, match="no network: these evaluation sets are left out: men"):
        assert read_sets(params).pairs == ()
    write_json(path, digests(params))
    catalogue(online)
    for fetched in (False, True):
        with (
            listed.held_to(path),
            pytest.warns(Notice, match=r"sets\.json: men is not in it and left out; `dvc repro"),
        ):
            assert read_sets(params).pairs == ()
        assert len(server.asked) == int(fetched)
        assert len(read_sets(params).pairs) == 1  # as fetch_sets does
    write_json(path, digests(params))
    with listed.held_to(path):
        assert len(read_sets(params).pairs[0]) == 2
    published.place(f"{server.url}/set.txt").unlink()
    with listed.held_to(path), pytest.raises(UserError, match="men: no longer here, but in"):
        read_sets(params)
    assert server.asked == ["/set.txt"]
