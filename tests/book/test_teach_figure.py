"""What Teach it yours keeps, opens, sends and asks, as its scripts do it in Node.js."""

import zipfile
from base64 import b64decode, b64encode
from io import BytesIO

import numpy as np
import pytest
import torch
from in_node import needs_node
from teach_scripts import run_figure

from eventdesk.files.folders import load_folder
from eventdesk.models.layered import LayerThenSNN
from pokersnn_helpers import load_checkpoint, predict

pytestmark = needs_node


# ---- Drawn and named ----


def test_strokes_wait_until_it_is_said_whose_they_are():
    asks, told, counts = run_figure(
        "const one = await tab(); one.lesson.forget();"
        "for (let turn = 0; turn < 2; turn++) stroke(one, line); const asks = one.said;"
        "one.gestures.choose(2); return [asks, one.said, counts(one)];"
    )
    assert asks.startswith("Whose are these 2 strokes?")
    assert told.startswith("zed has what you drew before.")
    assert counts == [5, 5, 7, 5, 5, 5]


def test_yes_to_a_gesture_that_was_deleted_teaches_nothing_out_of_sight():
    doubts, told, learns = run_figure(
        "const one = await tab(); one.gestures.remove(one.gestures.all[0]);"
        "stroke(one, [[-10, 0], [10, 0]]); const doubts = one.said; one.trials.confirm();"
        "return [doubts, one.said, one.lesson.goesOn];"
    )
    assert doubts.startswith("The network says “tick?”")
    assert told == "1 of 1 answer right. Draw the next one." and not learns


def test_a_button_that_outlives_its_answer_does_nothing():
    asks, scores, kept, correcting = run_figure(
        "const one = await tab(); const { trials, controls } = one; const scores = [];"
        "stroke(one, zed); const asks = Boolean(trials.asked);"
        "trials.forget();"  # as another network does; buttons go with the next image
        "for (const press of [() => trials.confirm(), () => trials.doubtIt(),"
        "    () => trials.correct(one.gestures.all[0])]) {"
        "  press(); one.draw(); scores.push(trials.score.asked); }"
        "return [asks, scores, counts(one), trials.correcting];"
    )
    assert asks and scores == [0, 0, 0] and kept == [5] * 6 and not correcting


def test_once_a_network_is_there_no_stroke_is_kept_as_an_example():
    said, counted, asks = run_figure(
        "const one = await tab(); one.gestures.choose(1); one.lesson.train();"
        "await until(() => one.lesson.training.progress.at(-1)?.weights);"
        "shared.pause = () => new Promise(() => {});"  # the page has no moment to spare
        "await until(() => !one.lesson.goesOn);"
        "stroke(one, zed); return [one.said, counts(one), Boolean(one.trials.asked)];"
    )
    assert said.startswith("The network says ") and asks and counted == [5] * 6


def test_ten_seconds_of_what_is_no_gesture_are_recorded():
    begins, ends, last = run_figure(
        "const one = await tab(); const wait = setTimeout; let over;"
        "globalThis.setTimeout = (act, ms) => ms === 10_000 ? (over = act) : wait(act, ms);"
        "one.recorder.recordNothing(); const begins = one.said;"
        "for (const end of [[10, 4], [9, -6]]) stroke(one, [[-10, 0], [10, 10], end]);"
        "over(); return [begins, one.said, kept(one).at(-1)];"
    )
    assert begins.startswith("For ten seconds, scribble")
    assert ends.startswith("The ten seconds are over: 2 pieces of other movements.")
    name, *strokes = last
    assert name == "no gesture" and len(strokes) == 2


def test_what_cannot_be_learnt_is_said():
    short, said, training = run_figure(
        "const one = await tab(); one.beginOwn(); stroke(one, [[0, 0], [0.1, 0]]);"
        "const short = one.said; const said = [];"
        "for (let turn = 0; turn < 2; turn++) {"  # without a stroke, and with those of one gesture
        "  one.lesson.train(); said.push(one.said); add(one, 0); }"
        "return [short, said, one.lesson.training];"
    )
    assert short.startswith("That was too short to be seen")
    assert said == ["Show at least two gestures, a few times each."] * 2 and training is None


def test_a_stroke_of_more_than_fifteen_seconds_says_so():
    said, before, after = run_figure(
        "const one = await tab(); one.beginOwn(); const { pad } = one;"
        "pad.draw(0, [-10, 0], 80); pad.pressed = true;"
        "for (let ms = 0; ms < 17_000; ms += 100)"
        "  pad.report(ms, [-10 + (ms % 4000) / 200, ms / 4000], false);"
        "while (pad.busy) pad.step(); one.complete(); await allKept(one);"
        "return [one.said, kept(one), kept(await tab())];"
    )
    assert said.endswith("A stroke lasts 15 s: what came later is cut.")
    assert before == after and len(before[0]) == 2


def test_a_reverse_is_added_and_a_stroke_thrown_away_takes_back_what_was_said():
    said, tells, path, reverse = run_figure(
        "const one = await tab(); one.beginOwn(); add(one, 0); add(one, 0);"
        "const { gestures } = one; const [gesture] = gestures.all;"
        "const said = [0, 1, 2].map(() => {"
        "  gestures.turnOver(gesture, gesture.strokes[0]); return one.said; });"
        "gestures.addReverse(gesture);"
        "const paths = [0, 2].map((place) => gestures.all[place].strokes.at(-1).path);"
        "return [said, one.said, ...paths];"
    )
    for told, left in zip(said, ("1 stroke.", "2", "1 stroke."), strict=True):
        assert told.startswith(f"gesture 1: {left}")
    assert tells.startswith("gesture 1, backwards: 1 stroke of gesture 1")
    for there, back in zip(path[::-1], reverse, strict=True):
        assert there == pytest.approx(back, abs=0.5)


def test_a_gesture_is_deleted_and_the_network_is_older(tmp_path):
    names, older, said, network = run_figure(
        "const one = await tab(); one.gestures.remove(one.gestures.all[0]); one.draw();"
        "const found = [kept(one).map(([name]) => name), one.controls.scored.textContent];"
        "stroke(one, [[-9, 0], [-3, 8], [10, -9]]); found.push(one.said);"
        "one.gestures.all[1].name = 'tick'; one.saveNetwork();"
        "return [...found, await base64(saved['gestures.pt'])];"
    )
    assert len(names) == 5 and "tick" not in names
    assert older.startswith("The network is older than")
    assert "tick" in said  # what the network has learnt has its name still
    (tmp_path / "gestures.pt").write_bytes(b64decode(network))
    classes = load_checkpoint(tmp_path / "gestures.pt", "cpu", LayerThenSNN).classes
    assert len({*classes}) == 6 and {"tick", "tick 2"} < {*classes}


def test_a_stroke_that_began_before_a_network_was_trained_is_answered_by_it_as_a_whole():
    said, by_it = run_figure(
        "const one = await tab(); ends = false; one.lesson.train();"
        "await until(() => one.lesson.training.progress.at(-1)?.weights);"
        "const { trials } = one; const before = one.lesson.trained; trials.begin([-10, -5]);"
        "for (let x = -9; x < 11; x++) {"
        "  if (x === 0) one.lesson.train();"  # it stops, and is trained
        "  trials.advance([x, -5]); }"
        "trials.end(); trials.complete(); const { trained } = one.lesson;"
        "return [one.said, trained !== before && trials.trial.by === trained];"
    )
    assert said.startswith("The network says ") and by_it


# ---- Kept in this browser ----


def test_a_store_that_is_slow_keeps_all_the_same_and_asks_about_no_other_tab():
    said, asked, counts = run_figure(
        "for (const name of ['get', 'update']) { const act = idbKeyval[name];"
        "  idbKeyval[name] = (...all) => new Promise((goOn) => setTimeout(goOn, 60))"
        "    .then(() => act(...all)); }"
        "const one = await tab();"
        "for (let turn = 0; turn < 2; turn++) {"
        "  add(one, 0); await new Promise((goOn) => setTimeout(goOn, 10)); }"
        "await allKept(one);"
        "return [one.controls.note.textContent, asked, counts(await tab())];"
    )
    assert said.startswith("Strokes and network are kept")
    assert asked == [] and counts == [7, 5, 5, 5, 5, 5]


def test_another_tab_ends_no_training_and_takes_no_stroke_that_waits():
    learning, taken, waiting = run_figure(
        "const [one, two] = [await tab(), await tab()]; ends = false; agrees = false;"
        "two.lesson.train(); await until(() => two.lesson.training.progress.length > 1);"
        "add(one, 0); await allKept(one); await two.follow();"
        "const learning = [two.lesson.goesOn, counts(two)];"
        "two.lesson.train();"  # it stops, and takes what the other tab has
        "await until(() => two.phase === 'ready' && counts(two)[0] === 6); await allKept(two);"
        "two.lesson.forget(); add(two, null);"
        "add(one, 0); await allKept(one); await two.follow();"
        "return [learning, counts(two), two.trials.waiting.length];"
    )
    assert learning == [True, [5] * 6]
    assert taken[0] == 6 and waiting == 1


def test_strokes_still_wait_for_what_is_shown_and_one_that_is_drawn_is_set_aside():
    waiting, aside, counts = run_figure(
        "const one = await tab(); add(one, 0); await allKept(one);"
        "one.lesson.forget(); add(one, null);"
        "await one.take(await teach.kept('')); const waiting = one.trials.waiting.length;"
        "agrees = false;"  # take what the other tab has
        "one.gestures.chosen = 1; one.trials.begin(line[0]);"
        "for (const place of line.slice(1)) one.trials.advance(place);"
        "one.pad.next = () => null;"  # it is still being drawn
        "await one.settle(await teach.kept('')); const [[, { packed }]] = await teach.allAside();"
        "const aside = packed.gestures.map(({ strokes }) => strokes.length);"
        "return [waiting, aside, counts(one)];"
    )
    assert waiting == 1 and aside[1] > 5 and counts == [6, 5, 5, 5, 5, 5]


def test_of_what_was_kept_a_damaged_network_is_left_out_with_a_word():
    counts, said, trained = run_figure(
        "const one = await tab(); add(one, 0); await allKept(one);"
        "stored.get('own').lesson.weights = [[1], [2]]; const again = await tab();"
        "return [counts(again), again.said, again.lesson.trained];"
    )
    assert counts == [6, 5, 5, 5, 5, 5]
    assert "The network can’t be read" in said and trained is None


def test_names_and_strokes_that_were_thrown_away_are_there_again_until_one_starts_over():
    before, after, anew = run_figure(
        "const one = await tab(); add(one, 0); const [tick, other] = one.gestures.all;"
        "tick.name = '→ there'; one.gestures.turnOver(other, other.strokes[0]);"
        "await allKept(one); const again = await tab(); const after = kept(again);"
        "again.startOver(); await until(() => counts(again)[0] === 5); await allKept(again);"
        "return [kept(one), after, kept(await tab())];"
    )
    assert before == after and before[0][0] == "→ there" and before[1][1].endswith("true")
    assert [len(strokes) for _, *strokes in anew] == [5] * 6 and anew[0][0] == "tick"


def test_a_name_with_a_tab_can_be_read_again():
    before, after = run_figure(
        "const one = await tab(); const [gesture] = one.gestures.all; const field = new Unseen();"
        "one.gestures.listen(field, new Unseen(), gesture, 0);"
        "field.value = 'a\\ttick'; field.oninput(); field.onchange(); await allKept(one);"
        "return [kept(one), kept(await tab())];"
    )
    assert before == after and before[0][0] == "a tick"


# ---- Opened in pieces, from a zip, from a link ----


def test_many_strokes_are_opened_in_pieces():
    pauses, strokes = run_figure(
        "const [record] = packed.gestures[0].strokes, { pause } = shared; const one = await tab();"
        "let pauses = 0; shared.pause = () => { pauses += 1; return pause(); };"
        "const gestures = Array(6).fill({ name: 'a', strokes: Array(60).fill(record) });"
        "const all = await one.filmed(gestures);"
        "return [pauses, all.flatMap(({ strokes }) => strokes).length];"
    )
    assert strokes == pauses == 360


@pytest.mark.filterwarnings("ignore:.*are they the same")
def test_every_gesture_has_a_folder_of_its_own_that_is_read(tmp_path):
    names = ["wave 1", "wave-1", "WAVE 1", "wave 1 2", "→", "←", "up!", "up?", " up", "(left)", "_"]
    zipped = run_figure(
        "const strokesAt = (x) => [{ events: [[0, x, 0], [9, x, 1]] }];"
        "const gestures = names.map((name, x) => ({ name, strokes: strokesAt(x) }));"
        "return base64(teach.strokeFiles(gestures, {}));",
        names=names,
    )
    with zipfile.ZipFile(BytesIO(b64decode(zipped))) as archive:
        archive.extractall(tmp_path)
    recordings = load_folder(tmp_path / "gestures", sensor_size=(35, 35, 1)).recordings
    folders = {folder.name.lower() for folder in (tmp_path / "gestures").iterdir()}
    assert len(folders) == len(names)  # on a disk that knows no capitals, too
    assert {*recordings.classes} == {name.strip() for name in names}
    assert sorted(events["x"][0] for events in recordings.events) == [*range(len(names))]


def zip_of_examples():
    """Return the zip of what the page arrives with, and its strokes."""
    zipped, strokes = run_figure(
        "const one = await tab(); one.saveStrokes();"
        "return [await base64(saved['gestures.zip']), kept(one)];"
    )
    return b64decode(zipped), strokes


@pytest.mark.parametrize("again", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_page_opens_its_own_zip_again(again):
    """As it was, or packed once more by another program, in a folder."""
    zipped, before = zip_of_examples()
    repacked = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(zipped)) as archive,
        zipfile.ZipFile(repacked, "w", again) as writing,
    ):
        for name in archive.namelist():
            writing.writestr(f"folder/{name}", archive.read(name))
    refused, kept, asked, opened, strokes = run_figure(
        "const file = (name, bytes) => Object.assign(new Blob([bytes]), { name });"
        "const one = await tab(); one.beginOwn(); add(one, 0);"
        "await one.openFile(file('no.zip', 'no zip file')); const refused = one.said;"
        "agrees = false;"  # it asks before strokes go
        "const whole = file('again.zip', Buffer.from(again, 'base64'));"
        "await one.openFile(whole); const found = [refused, counts(one), asked.length];"
        "agrees = true; await one.openFile(whole); return [...found, one.said, kept(one)];",
        again=b64encode(repacked.getvalue()).decode(),
    )
    assert "no whole zip" in refused and kept == [1, 0] and asked == 1
    assert "is open" in opened and strokes == before


LINK = (
    "const names = ['tick', 'zed, backwards'];"
    "const linked = (more) => teach.toHash({ ...teach.packed(names.map((name) =>"
    "  ({ name: `${name} ✓`, strokes: drawn(name, 3) })), settings), ...more });"
)


def test_a_link_brings_the_same_strokes_and_network_and_leaves_own_ones():
    found, own = run_figure(
        LINK + "const hash = linked({}); const mine = await tab(); add(mine, 0);"
        "await allKept(mine); const before = [...stored]; const found = [];"
        "for (const browser of ['mine', 'another']) {"
        "  if (browser === 'another') stored.clear();"
        "  const one = await tab(hash); const said = aloud(one);"
        "  await until(() => one.lesson.trained);"
        "  const { weights } = one.lesson.trained.lesson; const { without } = one.lesson;"
        "  found.push([kept(one), said, weights.map((some) => [...some]), [...without]]); }"
        "stored.clear(); for (const entry of before) stored.set(...entry);"
        "return [found, counts(await tab())];"
    )
    mine, other = found
    assert mine == other
    strokes, said, _, without = other
    assert [name for name, *_ in strokes] == ["tick ✓", "zed, backwards ✓"]
    assert without == ["delays"] and said.startswith("2 gestures were taught here.")
    assert own == [6, 5, 5, 5, 5, 5]


def test_strokes_drawn_on_the_page_of_a_link_are_there_again():
    again, linked, said, own = run_figure(
        LINK + "const hashes = [7, 8].map((seed) => linked({ seed })); let one;"
        "for (const hash of [...hashes, hashes[0]]) {"
        "  one = await tab(hash); add(one, 0); await allKept(one); }"
        "const again = counts(one); one.startOver();"
        "await until(() => counts(one)[0] === 3); await allKept(one);"
        "return [again, counts(await tab(hashes[1])), one.said, counts(await tab())];"
    )
    assert again == [5, 3] and linked == [4, 3] and own == [5] * 6
    assert said == "These are the strokes of the link again."


CLIPBOARDS = {  # and what is said of the link then
    "{ writeText: async (text) => { copied = text; } }": "A link is copied",
    "undefined": "The link stands below the buttons: copy it there",
}


@pytest.mark.parametrize("clipboard", CLIPBOARDS)
def test_a_link_with_six_gestures_is_short_copied_or_shown(clipboard):
    hidden, said, link, copied, shown = run_figure(
        f"let copied = null; const clipboard = {clipboard};"
        "Object.defineProperty(globalThis, 'navigator', { value: { clipboard } });"
        "const one = await tab(); one.draw(); const { address, link } = one.controls;"
        "const before = link.hidden;"  # nothing of one's own
        "add(one, 0); one.draw(); address.hidden = true; await one.copyLink();"
        "return [[before, link.hidden], one.said, address.value, copied, !address.hidden];"
    )
    assert hidden == [True, False]
    assert said.startswith(CLIPBOARDS[clipboard])
    assert link.startswith("http://localhost/teach.html#strokes=") and len(link) <= 8000
    assert (copied == link) != shown


def test_a_link_is_a_challenge():
    said, draws, right, over, button, score, again = run_figure(
        LINK + "const hash = linked({ score: 8 }); const one = await tab(hash);"
        "const said = aloud(one); await until(() => one.challenge); const draws = one.said;"
        "const { challenge, lesson } = one;"
        "for (let stroke = 0; stroke < 10; stroke++) challenge.judge("
        "  stroke % 3 ? lesson.trained.gestures.indexOf(challenge.gesture) : null);"
        "const over = one.said; one.draw();"
        "const { score } = teach.fromHash(teach.toHash(one.content().packed));"
        "await allKept(one); const again = await tab(hash);"  # by then it has learnt them
        "return [said, draws, challenge.right, over, one.controls.link.textContent, score,"
        "  again.said];"
    )
    assert "2 gestures were taught here. Whoever sent you this had 8 of 10" in said
    assert "1 of 10: draw " in draws and "1 of 10" in again
    assert right == score == 6
    assert over.endswith("6 of 10. Send a link with your score.")
    assert button == "copy link with your score"


# ---- Learnt ----

FAILURES = {
    "no worker": "teach.trainInWorker = inWorker;",  # Node.js has none of the browser's
    "one that says nothing": "teach.trainInWorker = () => () => {};",
}


@pytest.mark.parametrize("why", FAILURES)
def test_without_a_worker_or_with_a_dead_one_a_sentence_says_so(why):
    said, learns = run_figure(
        f"const mended = teach.trainInWorker; {FAILURES[why]} const one = await tab();"
        "const wait = setTimeout; globalThis.setTimeout = (act, ms) => wait(act, ms / 1000);"
        "one.lesson.train(); await until(() => one.said.startsWith('Training failed'));"
        "const { said } = one; teach.trainInWorker = mended; globalThis.setTimeout = wait;"
        "one.lesson.train(); await until(() => one.lesson.training.progress.length > 1);"
        "return [said, one.lesson.goesOn];"
    )
    assert said.startswith("Training failed: ") and "“train” tries again" in said
    assert learns


TAUGHT = (  # two gestures that differ in direction only
    "Object.assign(teach.TRAINING, whole); const one = await tab(); one.beginOwn();"
    "const wobbly = () => [[-11, 0], [0, 3], [11, 0]].map((place) =>"
    "  place.map((value) => value + 1.2 * normal()));"
    "const normal = shared.normalFrom(mulberry32(3));"
    "for (const way of ['there', 'back']) for (let turn = 0; turn < 3; turn++) {"
    "  one.gestures.choose(way === 'back' ? 1 : 0);"
    "  stroke(one, way === 'back' ? wobbly().reverse() : wobbly()); }"
    "one.lesson.train(); await until(() => !one.lesson.goesOn);"
)


@pytest.mark.slow
def test_own_gestures_are_learnt_named_played_backwards_and_taken_along(tmp_path):
    said, events, tally, strokes, network, voltages = run_figure(
        TAUGHT + "const said = [one.said]; const { trials, pad } = one;"
        "const tell = () => { one.complete(); said.push(one.said); };"
        "trials.playBackwards(pad); tell();"  # the last stroke that was shown
        "const mine = wobbly(); stroke(one, mine.map(([x, y]) => [x + 12, y + 10])); tell();"
        "trials.confirm(); one.draw(); const tally = one.controls.scored.textContent;"
        "stroke(one, zigzag); tell(); stroke(one, mine); tell();"
        "const events = [trials.trial.path.length];"
        "trials.playBackwards(pad); tell(); events.push(trials.trial.path.length);"
        "one.saveStrokes(); one.saveNetwork(); const { timeWindow, settle } = teach.NETWORK;"
        "const voltages = one.gestures.all.flatMap(({ strokes }) => strokes.map(({ events }) =>"
        "  one.lesson.trained.spiking.run("
        "    teach.toRecording(events, timeWindow, settle / timeWindow)).values));"
        "return [said, events, tally, await base64(saved['gestures.zip']),"
        "  await base64(saved['gestures.pt']), voltages];"
    )
    trained, shown, named, unknown, again, backwards = said
    assert trained.startswith("Trained in ") and "Of 2 left-out strokes" in trained
    assert shown.startswith("Backwards, the network says gesture 1 (")
    assert named.startswith("The network says gesture 1 (") and tally == "1 of 1 right"
    assert unknown.startswith("The network says “I don’t know”")
    assert again.startswith("The network says gesture 1 (")
    assert again.endswith("Now play it backwards.")
    assert backwards.startswith("Backwards, the network says gesture 2 (")
    assert events[0] == events[1]

    with zipfile.ZipFile(BytesIO(b64decode(strokes))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = load_folder(tmp_path / "gestures", sensor_size=(35, 35, 1)).recordings
    assert folder.classes == ("gesture 1", "gesture 2")
    assert [*map(int, folder.targets)] == [0, 0, 0, 1, 1, 1]
    (tmp_path / "gestures.pt").write_bytes(b64decode(network))
    classifier = load_checkpoint(tmp_path / "gestures.pt", "cpu", LayerThenSNN)
    assert classifier.classes == ("gesture 1", "gesture 2")
    for recorded, values in zip(folder.events, voltages, strict=True):
        found = predict(classifier, recorded, "cpu").readout.max(dim=0).values
        assert torch.allclose(found, torch.tensor(values), atol=1e-3)


@pytest.mark.slow
def test_an_answer_that_is_wrong_is_learnt_and_nothing_else_forgotten():
    doubts, asks, better, counts, moved, named, what, answers = run_figure(
        TAUGHT + "const weights = () => one.lesson.trained.lesson.weights;"
        "const before = weights(); stroke(one, zigzag); one.draw(); const doubts = one.said;"
        "const asks = one.trials.correcting; one.trials.correct(one.gestures.all[1]);"
        "await until(() => !one.lesson.goesOn); const better = one.said;"
        "const moved = weights().some((some, which) =>"
        "  some.some((value, place) => value !== before[which][place]));"
        "stroke(one, zigzag); const named = one.said; one.trials.doubtIt();"
        "const what = one.said; one.lesson.withAnotherSeed();"
        "await until(() => one.lesson.training.progress.at(-1)?.weights); one.lesson.train();"
        "return [doubts, asks, better, counts(one), moved, named, what, one.trials.answers];"
    )
    assert "“I don’t know”" in doubts and asks
    assert counts == [3, 4] and moved
    assert "a little better, and has 6 of the 6 others right" in better
    assert named.startswith("The network says gesture 2 (") and what == "What was it?"
    assert answers == {}  # they were of another network


# ---- Watched ----

WATCHED = (  # a lesson of three gestures, with three strokes of each to hold one of them out
    "const one = await tab(); one.beginOwn(); const { watching } = one;"
    "one.gestures.add({ name: 'gesture 3', strokes: [] });"
    "const shapes = [line, zigzag, zed];"
    "for (const [gesture, places] of shapes.entries()) for (let turn = 0; turn < 3; turn++) {"
    "  one.gestures.choose(gesture); stroke(one, places); }"
    "const learn = async () => { one.lesson.train();"
    "  await until(() => !one.lesson.goesOn && !watching.left.length); one.draw(); };"
)


def test_a_network_is_watched_while_it_learns_from_its_first_weights_to_its_last():
    updates, outputs, follows, same, disabled = run_figure(
        WATCHED + "one.lesson.train(); await until(() => watching.runs.length === 3);"
        "const first = JSON.stringify(watching.runs);"
        "one.draw(); const disabled = [watching.slider.disabled];"
        "await until(() => !one.lesson.goesOn && !watching.left.length); one.draw();"
        "disabled.push(watching.slider.disabled);"
        "const follows = watching.isSeen && first !== JSON.stringify(watching.runs);"
        "const [weights] = one.lesson.trained.lesson.weights;"
        "const same = watching.stages.at(-1).weights.every((value, place) =>"
        "  value === Math.fround(weights[place]));"
        "return [watching.stages.map(({ updates }) => updates),"
        "  watching.runs.map(({ steps }) => steps[0].voltages.length), follows, same, disabled];"
    )
    assert updates == [0, 16, 32]
    assert outputs == [3, 3, 3]
    assert follows and same and disabled == [True, False]


def test_the_slider_leads_back_to_an_earlier_network_until_a_stroke_is_drawn():
    first, last, again, written, seen, drawn = run_figure(
        WATCHED + "const voltages = () => watching.runs.map(({ steps }) => steps.at(-1).voltages);"
        "const move = async (to) => { watching.slider.value = to; watching.slider.oninput();"
        "  await until(() => !watching.left.length); one.draw(); return voltages(); };"
        "await learn(); const last = voltages(); const first = await move(0);"
        "const found = [watching.updates.textContent, watching.isSeen];"
        "const again = await move(2); stroke(one, line); one.draw();"
        "return [first, last, again, ...found, watching.isSeen];"
    )
    assert first != last and again == pytest.approx(np.array(last), abs=1e-9)
    assert written == "0" and seen and not drawn


def test_few_stages_are_kept_of_a_long_lesson_with_the_first_and_the_last():
    updates = run_figure(
        WATCHED + "await learn(); const [{ weights }] = watching.stages;"
        "Object.assign(teach.TRAINING, whole); watching.stages = [];"
        "for (let step = 0; step <= whole.steps; step += 2)"
        "  watching.take({ updates: step, weights });"
        "return [...watching.stages.map(({ updates }) => updates), whole.steps];"
    )
    *updates, steps = updates
    assert len(updates) <= 24 and updates[0] == 0 and updates[-1] == steps
    assert updates == sorted({*updates})


LEARNT = {  # since which update each of three strokes has been named rightly
    "(4, 12, 8)": "Learned last: gesture 2. Its held-out stroke is named right from 12 updates on.",
    "(4, 12, 12)": "",
    "(4, 12, null)": "",
}


@pytest.mark.parametrize("since", LEARNT)
def test_the_gesture_learned_last_is_named_where_the_held_out_strokes_tell(since):
    told = run_figure(
        WATCHED + "await learn();"
        f"watching.rightSince = [{since[1:-1]}]; return watching.lastLearnt;"
    )
    assert told == LEARNT[since]


def test_a_stroke_that_was_named_wrongly_again_counts_from_when_it_is_right_for_good():
    since = run_figure(
        WATCHED + "await learn(); watching.rightSince = [null];"
        "for (const [updates, right] of [[0, true], [4, false], [8, true], [12, true]]) {"
        "  Object.assign(watching, { stage: { updates, isNew: true }, runs: [{ right }] });"
        "  watching.judge(); }"
        "return watching.rightSince;"
    )
    assert since == [8]


# ---- Drawn against time ----


def test_the_moment_is_when_a_voltage_takes_the_lead_for_good():
    found = run_figure(
        "const steps = [[0, 0], [2, 1], [1, 3], [4, 3], [0, 5], [9, 0], [0, 9]]"
        "  .map((voltages) => ({ voltages }));"
        "return [0, 1].map((output) => [3, 5, 6].map((count) =>"
        "  teach.leadsFrom(steps.slice(0, count), output)));"
    )
    assert found == [[None, None, 5], [2, 4, None]]


def test_a_named_stroke_has_its_moment_on_the_line_and_its_reverse_beside_it():
    near, later, both, names, sums, after = run_figure(
        "const one = await tab(); const { trials, pad } = one;"
        "const [first, ...corners] = zed.map(([x, y]) => [x / 2 + 8, y / 2]);"  # small, aside
        "const path = [first]; for (const [x, y] of corners) { const [left, top] = path.at(-1);"
        "  for (let share = 0.1; share < 1.05; share += 0.1)"
        "    path.push([left + share * (x - left), top + share * (y - top)]); }"
        "stroke(one, path); const { place, ms } = trials.answers.forwards.moment;"
        "const near = Math.min(...path.map(([x, y]) => Math.hypot(x - place[0], y - place[1])));"
        "const before = one.showsBothWays; trials.playBackwards(pad); one.complete();"
        "const { forwards, backwards } = trials.answers;"
        "const ways = [one.wayOf('f', forwards), one.wayOf('b', backwards)];"
        "const both = [before, one.showsBothWays]; stroke(one, path);"
        "const named = (model) => ways.map((way) => way[model].name);"
        "return [near, [ms, trials.trial.steps.length], both, named('network'), named('sum'),"
        "  one.showsBothWays];"
    )
    assert near < 1.5  # pixels
    assert 0 < later[0] <= later[1]
    assert both == [False, True] and not after
    assert names == ["zed", "zed, backwards"] and sums[0] == sums[1]


def test_names_stand_beside_voltages_and_nowhere_before_there_is_one():
    before, after = run_figure(
        "const one = await tab(); const names = []; shared.write = (_, text) => names.push(text);"
        "one.draw(); const before = [...names]; stroke(one, zed); one.draw();"
        "return [before, names];"
    )
    assert "zed" not in before and "zed" in after


def test_after_wrong_the_rejected_name_is_no_choice_and_after_i_dont_know_all_are():
    rejected, open_to_all = run_figure(
        "const one = await tab(); const { trials, controls } = one;"
        "const choices = []; controls.choices.replaceChildren = (_, ...buttons) =>"
        "  choices.push(buttons.map(({ textContent }) => textContent));"
        "stroke(one, zed); trials.doubtIt(); one.draw(); trials.forget(); one.draw();"
        "stroke(one, zigzag); one.draw(); return [choices[0], choices.at(-1)];"
    )
    assert len(rejected) == 5 and "zed" not in rejected
    assert len(open_to_all) == 6


# ---- While nobody draws ----


def test_an_idle_hand_is_no_stroke_and_is_gone_for_good_once_the_figure_is_touched():
    moved, seen, events, counts, edits, touched, calm = run_figure(
        "const heard = {}; globalThis.Path2D = class {}; let now = 0;"
        "globalThis.requestAnimationFrame = (act) => setTimeout(() => act((now += 16)));"
        "document.addEventListener = (kind, act) => { heard[kind] = act; };"
        "let calm = false; globalThis.matchMedia = () => ({ matches: calm });"
        "const one = await tab(); const { ghost, trials } = one; const before = ghost.isThere;"
        "ghost.isSeen = true; one.draw(); const seen = [before, ghost.isThere];"
        "await until(() => ghost.time > 0 || trials.trial); const moved = ghost.time;"
        "calm = true; const still = ghost.isThere; calm = false;"
        "heard.pointerdown({ target: { closest: () => null } }); seen.push(ghost.isThere);"
        "heard.keydown({ target: { closest: () => one } });"
        "return [moved, seen, [trials.trial, trials.events.length], counts(one), one.edits,"
        "  ghost.isThere, still];"
    )
    assert moved > 0 and seen == [False, True, True]
    assert events == [None, 0] and counts == [5] * 6 and edits == 0
    assert not touched and not calm
