"""Teach it yours: what the page learns, against PyTorch, and what a visitor does with it."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch
from book_site import page_with
from torch.nn.functional import nll_loss

from benchmarks.teach import HANDS
from eventdesk.files.folders import load_folder
from pokersnn_helpers import SNN, decode, load_checkpoint, predict
from pokersnn_helpers.fast import LayerThenSNN

KIND = "teach"
EXAMPLES = ("tick", "tick, backwards", "zed", "zed, backwards", "circle", "circle, backwards")
TEACHING = """Object.defineProperty(window, "teaching", {
    get: () => document.querySelector("[data-kind=teach] .interactive-drawing").figure });"""
SETUP = (
    "const { teach, motionData, mulberry32 } = window.interactiveFigures;"
    "const strokesOf = (name, count, seed) => { const random = mulberry32(seed);"
    "  const corners = hands.sets['six strokes in pairs'][name];"
    "  return Array.from({ length: count }, () => ({ path: hands.draw(corners, random) })); };"
    "const { timeWindow, settle } = teach.NETWORK;"
    "const recorded = (stroke, seed) => teach.toRecording("
    "  teach.film(stroke, motionData.settings, mulberry32(seed)), timeWindow, settle / timeWindow);"
)
MATRICES = {  # by their names in the page: those in PyTorch, and which way round they are
    "layer": "inputs.weight",
    "bias": "inputs.bias",
    "input": "snn.lif0.input_weights",
    "recurrent": "snn.lif0.recurrent_weights",
    "readout": "snn.linear.weight",
}


@pytest.fixture
def visit(visit):
    def start(**settings):
        reader = visit(**settings)
        reader.context.add_init_script(TEACHING)
        return reader

    return start


@pytest.fixture(scope="module")
def still(still):
    still.add_script_tag(path=HANDS)
    return still


def frames_of(recording):
    """Make frames (T, 1, 1, 35, 35) of a recording of the page: pairs of a pixel and its count."""
    frames = torch.zeros(len(recording), 35**2, dtype=torch.float64)
    for frame, pairs in zip(frames, recording, strict=True):
        for pixel, count in pairs:
            frame[pixel] = count
    # With a gradient the layer multiplies as PyTorch does, and nothing has to be compiled.
    return frames.reshape(-1, 1, 1, 35, 35).requires_grad_()


def in_pytorch(weights, outputs):
    """Make the page's network, with the SNN that autograd goes through."""
    sizes = {"features": len(weights["bias"]), "hidden_size": len(weights["readout"]) // outputs}
    network = LayerThenSNN((35, 35, 1), outputs, delays=(0, 0.004, 0.008), **sizes)
    network.snn = SNN(**network.snn.arguments)
    network = network.double().eval()
    with torch.no_grad():
        for name, found in as_pytorch(weights, network).items():
            network.get_parameter(name).copy_(found)
    return network


def as_pytorch(weights, network):
    """Bring rows per input into the shape that PyTorch has, a row per output."""
    found = {}
    for name, path in MATRICES.items():
        shape = network.get_parameter(path).shape
        found[path] = torch.tensor(weights[name]).reshape(*shape[1:], shape[0]).t().reshape(shape)
    return found


PLAIN = (
    "const whole = { ...teach.NETWORK }, options = { ...teach.TRAINING };"
    "Object.assign(teach.NETWORK, { features: 12, hidden: 16 });"  # as much is sent to Python
    "const { spiking } = teach.networks(3, 5);"
    "Object.assign(teach.NETWORK, whole);"
    "const adam = new teach.Adam(spiking.weights, options);"
    "const plain = (matrices) => Object.fromEntries("
    "  Object.keys(spiking.weights.shapes).map((name) => [name, [...matrices[name]]]));"
)


def test_gradients_of_every_weight_are_those_of_autograd(still):
    found = still.evaluate(
        "() => {" + SETUP + PLAIN + "return ['tick', 'zed', 'circle'].map((name, target) => {"
        "  const recording = recorded(strokesOf(name, 1, 3)[0], 4); adam.gradients.all.fill(0);"
        "  const loss = spiking.learn(recording, target, adam.gradients);"
        "  return { recording, target, loss,"
        "    weights: plain(spiking.weights), gradients: plain(adam.gradients) }; }); }"
    )
    network = in_pytorch(found[0]["weights"], 3)
    network.snn.record = True
    for learnt in found:
        network.zero_grad()
        target = torch.tensor([learnt["target"]])
        loss = nll_loss(decode(network(frames_of(learnt["recording"]))), target)
        loss.backward()
        assert network.snn.recording.lif0.z.sum() > 15  # a silent network would agree, too
        assert loss.item() == pytest.approx(learnt["loss"], abs=1e-6)
        for name, gradient in as_pytorch(learnt["gradients"], network).items():
            expected = network.get_parameter(name).grad
            assert expected.norm() > 0
            assert (gradient - expected).norm() <= 1e-4 * expected.norm(), name


def test_twenty_steps_have_the_losses_of_pytorch(still):
    found = still.evaluate(
        "() => {" + SETUP + PLAIN + "const before = plain(spiking.weights);"
        "const shown = ['tick', 'zed', 'circle'].flatMap((name, target) =>"
        "  strokesOf(name, 1, 8).map((stroke) => [recorded(stroke, 9), target]));"
        "const losses = Array.from({ length: 20 }, () => {"
        "  const sum = shown.reduce((total, [recording, target]) =>"
        "    total + spiking.learn(recording, target, adam.gradients), 0);"
        "  adam.step(shown.length); return sum / shown.length; });"
        "return { before, losses, options, shown }; }"
    )
    network = in_pytorch(found["before"], 3)
    options = found["options"]
    optimizer = torch.optim.Adam(network.parameters(), options["learningRate"])
    shown = [(frames_of(recording), torch.tensor([target])) for recording, target in found["shown"]]
    for expected in found["losses"]:
        optimizer.zero_grad()
        losses = [nll_loss(decode(network(frames)), target) for frames, target in shown]
        loss = torch.stack(losses).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), options["clipNorm"])
        optimizer.step()
        assert abs(loss.item() - expected) < 1e-3
    assert found["losses"][-1] < 0.8 * found["losses"][0]


def test_left_out_strokes_are_never_learnt(still):
    """A stroke is either filmed as it is, to ask about it, or copied, to learn from the copies."""
    strokes = still.evaluate(
        "() => {" + SETUP + "const { settings } = motionData, { film, copyOf } = teach;"
        "const whole = { ...teach.TRAINING }, filmed = new Set(), copied = new Set();"
        "const strokes = ['tick', 'zed'].flatMap((name, target) =>"
        "  strokesOf(name, 3, 2).map((stroke) => ({ target, ...stroke })));"
        "Object.assign(teach.TRAINING, { copies: 4, steps: 4 });"
        "teach.film = (stroke, ...how) => { filmed.add(stroke); return film(stroke, ...how); };"
        "teach.copyOf = (stroke, random) => { copied.add(stroke); return copyOf(stroke, random); };"
        "const request = { strokes, outputs: 2, seed: 1, settings, without: [] };"
        "const { left } = [...teach.train(request)].at(-1);"
        "Object.assign(teach, { film, copyOf }); Object.assign(teach.TRAINING, whole);"
        "const numbers = (used) => [...strokes.keys()].filter((one) => used.has(strokes[one]));"
        "return { left, filmed: numbers(filmed), copied: numbers(copied) }; }"
    )
    assert strokes["left"] == len(strokes["filmed"]) == 2  # one of each gesture
    assert sorted(strokes["filmed"] + strokes["copied"]) == [*range(6)]


@pytest.mark.filterwarnings("ignore:.*are they the same")
def test_every_gesture_has_a_folder_of_its_own_that_is_read(still, tmp_path):
    names = ["wave 1", "wave-1", "WAVE 1", "wave 1 2", "→", "←", "up!", "up?", " up", "(left)", "_"]
    zipped = still.evaluate(
        "async (names) => { const { teach } = window.interactiveFigures;"
        "const strokesAt = (x) => [{ events: [[0, x, 0], [9, x, 1]] }];"
        "const gestures = names.map((name, x) => ({ name, strokes: strokesAt(x) }));"
        "return [...new Uint8Array(await teach.strokeFiles(gestures, {}).arrayBuffer())]; }",
        names,
    )
    with zipfile.ZipFile(BytesIO(bytes(zipped))) as archive:
        archive.extractall(tmp_path)
    recordings = load_folder(tmp_path / "gestures", sensor_size=(35, 35, 1)).recordings
    folders = {folder.name.lower() for folder in (tmp_path / "gestures").iterdir()}
    assert len(folders) == len(names)  # on a disk that knows no capitals, too
    assert {*recordings.classes} == {name.strip() for name in names}
    assert sorted(events["x"][0] for events in recordings.events) == [*range(len(names))]


# ---- What a visitor does ----


@pytest.fixture
def figure(visit):
    page = visit().page
    page.clock.install(time=0)  # what a hand does must not depend on how busy a computer is
    page.clock.pause_at(1)  # before the page waits for its store, which no jump may cut short
    page.goto(page.reader.address + page_with(KIND))
    page.locator("[data-kind=teach]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-kind=teach].is-interactive")
    page.clock.run_for(50)
    yield page
    assert page.reader.problems == []


def button(page, name):
    return page.locator("[data-kind=teach]").get_by_role("button", name=name, exact=True)


def press_now(page, name):
    button(page, name).click()


def press(page, name):
    press_now(page, name)
    page.clock.run_for(50)


@pytest.fixture
def taught(figure):
    press(figure, "see what it was taught")
    return figure


@pytest.fixture
def own(figure):
    press(figure, "teach it yours")
    return figure


def act_on_stroke(page, act, stroke):
    press(page, stroke)
    press(page, act)


def said(page):
    return page.locator("[data-kind=teach] [aria-live].interactive-said").text_content()


def draw(page, places, lasts=1000):
    """Press the mouse, draw a line through places of the pad in so many ms, and let go."""
    drag(page, places, lasts)
    page.mouse.up()
    page.clock.run_for(300)


def drag(page, places, lasts=1000, press=True):
    """Do the same without letting go, or go on while the mouse is pressed."""
    page.locator(".teach-pad").scroll_into_view_if_needed()
    box = page.locator(".teach-pad").bounding_box()
    share = np.linspace(0, len(places) - 1, 40)
    path = [np.interp(share, range(len(places)), axis) for axis in np.transpose(places)]
    start, *line = (np.transpose(path) + 17.5) / 35 * box["width"] + [box["x"], box["y"]]
    page.mouse.move(*start)
    if press:
        page.mouse.down()
    for place in line:
        page.clock.run_for(round(lasts / 40))
        page.mouse.move(*place)
    page.clock.run_for(round(lasts / 40))


def wobbly(rng, backwards=False):
    """Return a line across the pad, there or back, as a hand would draw it."""
    line = np.array([[-11, 0], [0, 3], [11, 0]]) + rng.normal(0, 1.2, (3, 2))
    return line[::-1] if backwards else line


def weights_of(page):
    """Return a hash of both networks' weights."""
    return page.evaluate(
        "() => teaching.lesson.trained.lesson.weights.map((some) =>"
        "  [...new Uint32Array(some.slice().buffer)]"
        "    .reduce((hash, word) => Math.imul(hash ^ word, 16777619), 7))"
    )


def strokes_of(page):
    """Return the names of the gestures, and what is kept of their strokes."""
    return page.evaluate(
        "() => teaching.gestures.all.map(({ name, strokes }) =>"
        "  [name, ...strokes.map(({ code, dropped }) => `${code} ${Boolean(dropped)}`)])"
    )


def wait_until_all_is_kept(page):
    page.wait_for_function("!teaching.keeping && teaching.edits === teaching.kept")


def hears(page, words):
    said = "document.querySelector('[data-kind=teach] .interactive-said').textContent"
    page.wait_for_function(f"{said}.includes('{words}')")


def show(page, address):
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("[data-kind=teach].is-interactive")


def open_again(page):
    show(page, page.reader.address + page_with(KIND))
    page.clock.run_for(50)


def hears_no_end(page):
    """Let the page never hear that it has learnt, so that a test that stops it may be slow."""
    page.evaluate(
        "() => { window.Worker = class extends Worker { set onmessage(hear) {"
        "  super.onmessage = (event) => event.data.done || hear(event); } }; }"
    )


def say_yes(page):
    """Agree to the next question of the page."""
    page.once("dialog", lambda dialog: dialog.accept())


def say_no(page):
    page.once("dialog", lambda dialog: dialog.dismiss())


def wait_until_it_learns(page):
    page.wait_for_function("teaching.lesson.training?.progress.length > 1")


def wait_for_weights(page):
    page.wait_for_function("teaching.lesson.training.progress.at(-1)?.weights", timeout=300_000)


def wait_until_it_is_trained(page):
    page.wait_for_function(
        "teaching.lesson.training && !teaching.lesson.training.stop", timeout=300_000
    )


def name_field(page, gesture):
    return page.get_by_role("textbox", name=f"Name of gesture {gesture}")


def downloaded_network(page):
    with page.expect_download() as download:
        press(page, "download network")
    return load_checkpoint(download.value.path(), "cpu", LayerThenSNN)


def teach_two_directions(page):
    """Show two gestures that differ in direction only, and train."""
    rng = np.random.default_rng(3)
    press(page, "teach it yours")
    for gesture in range(2):
        if gesture:
            page.get_by_role("radio", name="Show gesture 2").check()
        for _ in range(3):
            draw(page, wobbly(rng, backwards=gesture == 1))
    press(page, "train")
    wait_until_it_is_trained(page)
    page.clock.run_for(50)


def test_own_gestures_are_learnt_named_played_backwards_and_taken_along(figure, tmp_path):
    teach_two_directions(figure)
    assert said(figure).startswith("Trained in ") and "Of 2 left-out strokes" in said(figure)
    press(figure, "play it backwards (B)")  # of the last stroke that was shown
    figure.clock.run_for(3000)
    assert said(figure).startswith("Backwards, the network says gesture 1 (")
    stroke = wobbly(np.random.default_rng(8))
    draw(figure, stroke + np.array([12, 10]))
    assert said(figure).startswith("The network says gesture 1 (")
    press(figure, "right")
    assert figure.locator(".teach-scored").text_content() == "1 of 1 right"
    draw(figure, [[0, -10], [9, -4], [-9, 0], [9, 4], [0, 10], [-9, 4]])
    assert said(figure).startswith("The network says “I don’t know”")
    draw(figure, stroke)
    assert said(figure).startswith("The network says gesture 1 (")
    assert said(figure).endswith("Now play it backwards.")
    events = figure.evaluate("teaching.trials.trial.path.length")
    press(figure, "play it backwards (B)")
    figure.clock.run_for(3000)
    assert said(figure).startswith("Backwards, the network says gesture 2 (")
    assert figure.evaluate("teaching.trials.trial.path.length") == events

    with figure.expect_download() as download:
        press(figure, "download strokes")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = load_folder(tmp_path / "gestures", sensor_size=(35, 35, 1)).recordings
    assert folder.classes == ("gesture 1", "gesture 2")
    assert [*map(int, folder.targets)] == [0, 0, 0, 1, 1, 1]
    classifier = downloaded_network(figure)
    assert classifier.classes == ("gesture 1", "gesture 2")
    expected = figure.evaluate(
        "() => {" + SETUP + "const { all: gestures } = teaching.gestures;"
        "const { trained } = teaching.lesson;"
        "return gestures.flatMap(({ strokes }) => strokes.map(({ events }) => trained.spiking.run("
        "  teach.toRecording(events, timeWindow, settle / timeWindow)).values)); }"
    )
    for recorded, values in zip(folder.events, expected, strict=True):
        found = predict(classifier, recorded, "cpu").readout.max(dim=0).values
        assert torch.allclose(found, torch.tensor(values), atol=1e-3)

    press(figure, "train from another start")
    wait_for_weights(figure)
    press(figure, "stop")
    assert figure.evaluate("teaching.trials.answers") == {}  # they were of another network


def test_nothing_is_lost_until_one_starts_over(figure):
    """Names, strokes, those thrown away, and the trained network are there again."""
    asked = len(figure.reader.asked)
    teach_two_directions(figure)
    name_field(figure, 1).fill("→ there")
    act_on_stroke(figure, "throw away", "stroke 1 of gesture 2")
    wait_until_all_is_kept(figure)
    assert all(one.startswith("blob:") for one in figure.reader.asked[asked:])  # nothing leaves
    before = strokes_of(figure), weights_of(figure)
    open_again(figure)
    assert (strokes_of(figure), weights_of(figure)) == before
    draw(figure, wobbly(np.random.default_rng(8)))
    assert said(figure).startswith("The network says → there (")  # as it is called now
    say_yes(figure)
    press(figure, "start over")
    figure.wait_for_function("teaching.gestures.all.length === 6")
    wait_until_all_is_kept(figure)
    open_again(figure)
    assert [name for name, *_ in strokes_of(figure)] == [*EXAMPLES]
    assert figure.evaluate("teaching.lesson.trained.gestures.length") == 6


LINK = (
    "() => {" + SETUP + "const code = ([shown]) => teach.write(shown.path);"
    "const gestures = ['tick', 'zed, backwards'].map((name, number) => ({ name: `${name} ✓`,"
    "  strokes: [0, 1, 2].map((nth) => ({ code: code(strokesOf(name, 1, 9 * number + nth)) })) }));"
    "const settings = { seed: 7, without: ['delays'] };"
    "return teach.toHash(teach.packed(gestures, settings)); }"
)
LEARNT = (  # a hash of what a short lesson makes of the strokes that are shown
    "() => {" + SETUP + "const { all: gestures } = teaching.gestures;"
    "const strokes = gestures.flatMap(({ strokes }, target) =>"
    "  strokes.map(({ path }) => ({ target, path })));"
    "const whole = { ...teach.TRAINING };"
    "Object.assign(teach.TRAINING, { copies: 6, steps: 4 });"
    "const request = { strokes, outputs: 2, seed: 7, settings: motionData.settings, without: [] };"
    "const { weights } = [...teach.train(request)].at(-1); Object.assign(teach.TRAINING, whole);"
    "return weights.map((some) => [...new Uint32Array(some.slice().buffer)].reduce("
    "  (hash, word) => Math.imul(hash ^ word, 16777619), 7)); }"
)


def test_a_link_brings_the_same_strokes_and_network_and_leaves_own_ones(figure, visit, still):
    address = figure.reader.address + page_with(KIND) + still.evaluate(LINK)
    other = visit().page
    found = []
    for page in (figure, other):
        show(page, address)
        found.append((strokes_of(page), page.evaluate(LEARNT)))
    assert found[0] == found[1]
    assert [name for name, *_ in found[0][0]] == ["tick ✓", "zed, backwards ✓"]
    assert other.evaluate("document.querySelector('[name=delays]').checked")
    assert said(other).startswith("2 gestures were taught here.")
    open_again(figure)
    assert len(strokes_of(figure)) == 6  # the examples that this browser had


def test_a_link_with_six_gestures_of_five_strokes_is_short_enough(figure):
    figure.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => {"
        "  window.copied = text; } } })"
    )
    assert not figure.get_by_role("button", name="copy link").is_visible()  # nothing of one's own
    press(figure, "see what it was taught")
    figure.get_by_role("radio", name="Show zed", exact=True).check()
    draw(figure, [[-9, -9], [9, -9], [-9, 9], [9, 9]])
    press(figure, "copy link")
    assert figure.evaluate("copied.length") <= 8000
    assert "#strokes=" in figure.evaluate("copied") and said(figure).startswith("A link is copied")


@pytest.mark.parametrize("again", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_page_opens_its_own_zip_again(again, figure, tmp_path):
    """As it was, or packed once more by another program, in a folder."""
    before = strokes_of(figure)
    press(figure, "see what it was taught")
    with figure.expect_download() as download:
        press(figure, "download strokes")
    with (
        zipfile.ZipFile(download.value.path()) as archive,
        zipfile.ZipFile(tmp_path / "again.zip", "w", again) as repacked,
    ):
        for name in archive.namelist():
            repacked.writestr(f"folder/{name}", archive.read(name))
    press(figure, "teach it yours")
    draw(figure, [[-10, 0], [10, 0]])
    chooser = figure.locator("input[type=file]")
    (tmp_path / "no.zip").write_bytes(b"no zip file")
    chooser.set_input_files(tmp_path / "no.zip")
    hears(figure, "no whole zip")
    assert len(strokes_of(figure)) == 2
    say_no(figure)  # it asks before strokes go
    with figure.expect_event("dialog"):
        chooser.set_input_files(tmp_path / "again.zip")
    assert counts_of(figure) == [1, 0]
    say_yes(figure)
    chooser.set_input_files(tmp_path / "again.zip")
    hears(figure, "is open")
    assert strokes_of(figure) == before


def test_a_full_or_refused_store_is_said_and_strokes_go_on(visit):
    page = visit().page
    page.add_init_script(
        "indexedDB.open = () => { throw new DOMException('no', 'SecurityError'); };"
    )
    page.reader.show(KIND)
    note = page.locator(".teach-note")
    press_now(page, "teach it yours")
    page.wait_for_function("document.querySelector('.teach-note').textContent")
    assert note.text_content().startswith("This browser keeps nothing of this page (SecurityError)")
    add_stroke(page, 0)
    assert counts_of(page) == [1, 0]


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("window.Kept = Worker; delete window.Worker;", "window.Worker = Kept;"),
        ("URL.kept = URL.createObjectURL; URL.createObjectURL = undefined;",
         "URL.createObjectURL = URL.kept;"),
        ("window.Kept = Worker; window.Worker = class { postMessage() {} terminate() {} };",
         "window.Worker = Kept;"),
    ],
)  # fmt: skip
def test_without_a_worker_or_with_a_dead_one_a_sentence_says_so(broken, mended, taught):
    taught.evaluate(f"() => {{ {broken} }}")
    press(taught, "train")
    taught.clock.run_for(30_000)
    assert said(taught).startswith("Training failed: ") and "“train” tries again" in said(taught)
    taught.evaluate(f"() => {{ {mended} }}")
    press(taught, "train")
    wait_until_it_learns(taught)


def test_the_first_stroke_is_named_while_it_is_drawn_and_nothing_grey_is_shown(figure):
    """By the network that the page arrives with."""
    for grey in (".teach-gestures", ".teach-train"):
        assert not figure.locator(grey).is_visible()
    drag(figure, [[-9, -9], [9, -9], [-9, 9], [9, 9]])
    assert figure.locator(".teach-name").text_content() == "zed"  # the mouse is still down
    figure.mouse.up()
    figure.clock.run_for(300)
    assert said(figure).startswith("The network says zed (")
    press(figure, "see what it was taught")
    assert figure.locator(".teach-gestures").is_visible()
    assert counts_of(figure) == [5] * 6


def test_what_the_page_arrives_with_is_what_it_learns(still):
    """The same bytes: the strokes of a script, and the network that they give."""
    same = still.evaluate(
        "() => { const { interactiveFigures: all } = window;"
        "return JSON.stringify(hands.arrival(all)) === JSON.stringify(all.teachData); }"
    )
    assert same


def test_strokes_wait_until_it_is_said_whose_they_are(figure):
    figure.evaluate("teaching.lesson.forget()")
    draw(figure, [[-10, 0], [10, 0]])
    draw(figure, [[-10, 0], [10, 2]])
    assert said(figure).startswith("Whose are these 2 strokes?")
    press(figure, "teach it yours")
    assert counts_of(figure) == [2, 0]


def test_whoever_chooses_a_gesture_is_told_that_strokes_had_waited_for_it(taught):
    taught.evaluate("teaching.lesson.forget()")
    draw(taught, [[-10, 0], [10, 0]])
    taught.get_by_role("radio", name="Show zed", exact=True).check()
    assert said(taught).startswith("zed has what you drew before.")
    assert counts_of(taught) == [5, 5, 6, 5, 5, 5]


def test_yes_to_a_gesture_that_was_deleted_teaches_nothing_out_of_sight(taught):
    say_yes(taught)
    button(taught, "delete tick").click()
    draw(taught, [[-10, 0], [10, 0]])
    assert said(taught).startswith("The network says “tick?”")
    press(taught, "yes")
    assert said(taught) == "1 of 1 answer right. Draw the next one."
    assert not taught.evaluate("teaching.lesson.goesOn")


def test_a_reverse_is_added_and_a_stroke_thrown_away_takes_back_what_was_said(own):
    draw(own, [[-10, 0], [10, 4]])
    draw(own, [[-10, 0], [10, 2]])
    for act, left in (("throw away", "1 stroke."), ("take back", "2"), ("throw away", "1 stroke.")):
        act_on_stroke(own, act, "stroke 1 of gesture 1")
        assert said(own).startswith(f"gesture 1: {left}"), act
    press_now(own, "add the reverse of gesture 1")
    assert said(own).startswith("gesture 1, backwards: 1 stroke of gesture 1")
    there, _, back = own.evaluate(
        "teaching.gestures.all.map(({ strokes }) => strokes.at(-1)?.path)"
    )
    assert np.allclose(there[::-1], back, atol=0.5)
    assert button(own, "add the reverse of gesture 1").is_disabled()


def test_ten_seconds_of_what_is_no_gesture_are_recorded(taught):
    press(taught, "record other movements (10 s)")
    assert said(taught).startswith("For ten seconds, scribble")
    for end in ([10, 4], [9, -6]):
        draw(taught, [[-10, 0], [10, 10], end])
    taught.clock.run_for(10_000)
    assert said(taught).startswith("The ten seconds are over: 2 pieces of other movements.")
    name, *strokes = strokes_of(taught)[-1]
    assert name == "no gesture" and len(strokes) == 2


def test_the_pad_is_near_and_as_wide_as_a_phone_and_messages_move_nothing(figure):
    for _ in range(2):
        figure.keyboard.press("Tab")
    assert figure.evaluate("document.activeElement.textContent") == "Skip to the pad"
    figure.keyboard.press("Enter")
    assert figure.evaluate("document.activeElement.className") == "motion-grip"
    figure.set_viewport_size({"width": 390, "height": 844})
    figure.clock.run_for(100)
    assert figure.locator(".teach-pad").bounding_box()["width"] >= 350
    press(figure, "see what it was taught")
    cut = "(names) => names.filter((name) => name.scrollWidth > name.clientWidth).length"
    assert figure.locator(".teach-gesture [type=text]").evaluate_all(cut) == 0
    places = "(all) => all.map((one) => one.getBoundingClientRect().y + scrollY)"
    before = figure.locator("[data-kind=teach] button").evaluate_all(places)
    figure.evaluate("teaching.say('A long sentence. '.repeat(30))")
    figure.clock.run_for(100)
    assert figure.locator("[data-kind=teach] button").evaluate_all(places) == before


def test_the_first_example_is_shown_by_itself_and_not_kept(figure):
    figure.wait_for_function("teaching.trials.trial")  # once the page is seen
    name = figure.locator(".teach-name")
    names = []
    for _ in range(40):
        names.append(name.text_content())
        figure.clock.run_for(40)
    assert {*names} == {"", "tick"}  # what plays is named right, or not yet
    assert counts_of(figure) == [5] * 6
    figure.clock.run_for(2000)
    assert figure.evaluate("teaching.trials.trial") is None  # the pad is free again


def test_typing_a_name_chooses_its_gesture_and_a_stroke_can_be_moved(own):
    name_field(own, 2).fill("seven")
    for end in (4, 2):
        draw(own, [[-10, -9], [10, -9], [0, 10 - end]])
    assert counts_of(own) == [0, 2]
    press(own, "stroke 1 of seven")
    own.get_by_role("combobox", name="Move the stroke").select_option("gesture 1")
    assert counts_of(own) == [1, 1] and said(own).startswith("gesture 1: 1 stroke.")


def test_the_tab_key_passes_names_chooses_none_and_goes_on_from_one_that_was_typed(own):
    name_field(own, 1).focus()
    for _ in range(2):
        own.keyboard.press("Tab")
    assert own.evaluate("document.activeElement.ariaLabel") == "Name of gesture 2"
    assert own.evaluate("teaching.gestures.chosen") == 0
    name_field(own, 1).press("End")
    own.keyboard.type("s")
    own.keyboard.press("Tab")
    own.clock.run_for(50)
    assert own.evaluate("document.activeElement.ariaLabel") == "delete gesture 1s"


def test_after_a_correction_nothing_asks_to_train_again(figure):
    draw(figure, [[-8, -9], [8, -7], [-8, 2], [9, 9], [2, 9]])
    figure.evaluate("teaching.trials.correcting = true")
    figure.evaluate("teaching.redraw()")
    figure.clock.run_for(50)
    figure.locator(".teach-choices").get_by_role("button", name="zed", exact=True).click()
    assert strokes_of(figure)[3][-1] != strokes_of(figure)[2][-1]
    assert counts_of(figure) == [5, 5, 6, 6, 5, 5]  # it teaches the reverse, too
    figure.wait_for_function("!teaching.lesson.goesOn", timeout=300_000)
    figure.clock.run_for(50)
    assert "train it again" not in figure.locator(".teach-scored").text_content()
    assert button(figure, "teach it yours").is_visible()


def test_an_answer_stays_with_its_name_when_the_network_learns_on_meanwhile(figure):
    draw(figure, [[-9, -9], [9, -9], [-9, 9], [9, 9]])
    figure.evaluate("teaching.lesson.adopt(teaching.lesson.trained)")
    figure.evaluate("teaching.redraw()")
    figure.clock.run_for(50)
    assert button(figure, "right").is_visible()
    assert figure.locator(".teach-name").text_content() == "zed"


def test_with_reduced_motion_nothing_is_drawn_by_itself(visit):
    page = visit(reduced_motion="reduce").show(KIND)
    page.wait_for_timeout(1500)
    assert page.evaluate("teaching.trials.trial") is None


def test_keys_draw_too(own):
    own.get_by_role("button", name="The pad").focus()
    own.keyboard.down("ArrowRight")
    own.clock.run_for(400)
    own.keyboard.up("ArrowRight")
    own.clock.run_for(1000)
    assert said(own).startswith("gesture 1: 1 stroke.")
    (start, _), (end, y) = own.evaluate(
        "[0, -1].map((n) => teaching.gestures.all[0].strokes[0].path.at(n))"
    )
    assert end - start == pytest.approx(21) and y == 0  # of one size


def test_a_click_is_no_stroke_and_what_cannot_be_learnt_is_said(own):
    draw(own, [[0, 0], [0.1, 0]], lasts=80)
    assert said(own).startswith("That was too short to be seen")
    for _ in range(2):  # without a stroke, and with those of one gesture
        press(own, "train")
        assert said(own) == "Show at least two gestures, a few times each."
        assert own.evaluate("teaching.lesson.training") is None
        draw(own, [[-10, 0], [10, 0]])


def test_a_name_that_cannot_be_is_refused_at_once(own):
    field = name_field(own, 2)
    twice = "Another gesture is called gesture 1: give this one its own name."
    for name, sentence in (
        ("gesture 1", twice),
        (" gesture 1 ", twice),
        (" ", "A gesture needs a name."),
    ):
        field.fill(name)
        assert said(own) == sentence
        field.blur()
        assert [name for name, *_ in strokes_of(own)] == ["gesture 1", "gesture 2"]
        assert field.input_value() == "gesture 2"


def test_a_tab_in_a_name_and_a_reverse_at_eight_can_be_read_again(taught):
    for _ in range(2):
        press(taught, "add a gesture")
    for name in EXAMPLES[1::2]:
        name_field(taught, EXAMPLES.index(name) + 1).evaluate(
            "(field, name) => { field.value = name; field.oninput(); field.onchange(); }",
            f"a\t{name[:4]}",
        )
    reverses = taught.get_by_role("button", name="add the reverse of")
    assert reverses.evaluate_all("(all) => all.every(({ disabled }) => disabled)")
    press(taught, "record other movements (10 s)")
    assert reverses.evaluate_all("(all) => all.every(({ disabled }) => disabled)")
    wait_until_all_is_kept(taught)
    before = strokes_of(taught)
    open_again(taught)
    assert strokes_of(taught) == before and len(before) == 9


def test_a_gesture_is_deleted_and_the_network_is_older(taught):
    say_yes(taught)
    press(taught, "delete tick")
    assert [name for name, *_ in strokes_of(taught)] == [*EXAMPLES[1:]]
    assert taught.locator(".teach-scored").text_content().startswith("The network is older than")
    draw(taught, [[-9, 0], [-3, 8], [10, -9]])
    assert "tick" in said(taught)  # what the network has learnt has its name still
    name_field(taught, 2).fill("tick")
    classes = downloaded_network(taught).classes
    assert len({*classes}) == 6 and {"tick", "tick 2"} < {*classes}


def test_a_stroke_of_more_than_fifteen_seconds_says_so(own):
    draw(own, [[-10, 0], [10, 0], [-10, 4], [10, 4]], lasts=17_000)
    assert said(own).endswith("A stroke lasts 15 s: what came later is cut.")
    wait_until_all_is_kept(own)
    before = strokes_of(own)
    open_again(own)
    assert strokes_of(own) == before


def test_an_answer_that_is_wrong_is_learnt_and_nothing_else_forgotten(figure):
    teach_two_directions(figure)
    before = weights_of(figure)
    zigzag = [[0, -10], [9, -4], [-9, 0], [9, 4], [0, 10], [-9, 4]]
    draw(figure, zigzag)
    assert "“I don’t know”" in said(figure) and "the nearest example gesture" in said(figure)
    figure.locator(".teach-choices").get_by_role("button", name="gesture 2", exact=True).click()
    wait_until_it_is_trained(figure)
    assert counts_of(figure) == [3, 4]
    assert "a little better, and has 6 of the 6 others right" in said(figure)
    assert weights_of(figure) != before
    draw(figure, zigzag)
    assert said(figure).startswith("The network says gesture 2 (")
    press(figure, "wrong")
    assert said(figure) == "What was it?"
    assert figure.locator(".teach-choices button").count() == 2


def turn(page):
    page.set_viewport_size({"width": 844, "height": 390})


def read_another_tab(page):
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { get: () => true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


@pytest.mark.parametrize("meanwhile", [turn, read_another_tab])
def test_training_goes_on_meanwhile_and_strokes_stay(meanwhile, figure):
    figure.set_viewport_size({"width": 390, "height": 844})  # a phone
    press(figure, "see what it was taught")
    hears_no_end(figure)
    press(figure, "train")
    wait_until_it_learns(figure)
    meanwhile(figure)
    wait_for_weights(figure)
    figure.clock.run_for(100)
    assert counts_of(figure) == [5] * 6
    assert figure.locator(".teach-summary").text_content().startswith("Learning, ")
    assert figure.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wrong = (  # canvases that aren't as large as they are seen
        "[...document.querySelectorAll('[data-kind=teach] canvas')].filter((one) =>"
        "  one.clientWidth && Math.abs(one.width - one.clientWidth * devicePixelRatio) > 1)"
        "  .map((one) => one.className)"
    )
    assert figure.evaluate(wrong) == []


def test_a_stroke_that_began_before_a_network_was_trained_is_answered_by_it_as_a_whole(taught):
    hears_no_end(taught)
    press(taught, "train")
    wait_for_weights(taught)
    drag(taught, [[-10, -5], [-8, -5]], 100)
    taught.evaluate("document.querySelector('.teach-train').click()")  # it stops, and is trained
    drag(taught, [[-8, -5], [10, -5]], 500, press=False)
    taught.mouse.up()
    taught.clock.run_for(300)
    assert said(taught).startswith("The network says ")
    assert taught.evaluate("teaching.trials.trial.by === teaching.lesson.trained")


def test_without_a_camera_a_sentence_says_so_and_strokes_go_on(taught):
    press(taught, "webcam")
    hears(taught, "strokes")  # and not only that the camera is asked for
    assert "camera" in said(taught)
    assert taught.evaluate("teaching.recorder.webcam") is None


CAMERA = """  // which sees a dark hand that goes right in 24 pictures, rests for 45, and comes back
window.streams = [];
navigator.mediaDevices.getUserMedia = async () => {
  await new Promise((done) => setTimeout(done, 100));
  const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
  const pen = canvas.getContext("2d");
  let picture = 0;
  setInterval(() => {
    for (let block = 0; block < 300; block++) {
      pen.fillStyle = `hsl(0 0% ${45 + (7 * block ** 2) % 20}%)`;
      pen.fillRect(8 * (block % 20), 8 * Math.floor(block / 20), 8, 8);
    }
    const at = picture++ % 138;
    const way = Math.min(Math.max(at - 45, 0), 24) - Math.max(at - 114, 0);
    pen.fillStyle = "black";
    pen.beginPath();
    pen.arc(45 + 3 * way, 60, 20, 0, 7);
    pen.fill();
  }, 33);
  streams.push(canvas.captureStream(30));
  return streams.at(-1);
};
"""


def test_a_webcam_shows_gestures_and_is_closed_or_unplugged(visit):
    page = visit().page
    page.add_init_script(CAMERA)
    page.reader.show(KIND)
    for name in ("teach it yours", "webcam"):
        press_now(page, name)
    page.wait_for_function("teaching.gestures.all[0].strokes.length > 1")
    press_now(page, "webcam off")
    assert page.evaluate("teaching.recorder.webcam") is None

    press_now(page, "webcam")
    page.wait_for_function("teaching.recorder.webcam?.picture")
    before, _ = counts_of(page)
    page.evaluate("streams.at(-1).getTracks()[0].dispatchEvent(new Event('ended'))")
    assert said(page).startswith("The camera can't be used (it stopped)")
    assert page.evaluate("teaching.recorder.webcam") is None
    page.get_by_role("button", name="The pad").focus()  # strokes go on
    page.keyboard.down("ArrowRight")
    page.wait_for_function("teaching.trials.path?.at(-1)[0] > 8")  # however slow the computer is
    page.keyboard.up("ArrowRight")
    page.wait_for_function(f"teaching.gestures.all[0].strokes.length === {before + 1}")


def test_the_page_works_from_a_copy_on_a_disk(built, browser):
    context = browser.new_context()
    context.set_default_timeout(90_000)
    context.add_init_script(TEACHING)
    page = context.new_page()
    page.goto((built / page_with(KIND)).as_uri())
    page.wait_for_selector("[data-kind=teach].is-interactive")
    press_now(page, "see what it was taught")
    press_now(page, "train")
    wait_until_it_learns(page)
    context.close()


# ---- Tabs, links and what was kept ----

SLOW_STORE = """  // whose every answer takes so many ms
let store;
const late = (act) => (...all) => new Promise((go) => setTimeout(go, MS)).then(() => act(...all));
Object.defineProperty(window, "idbKeyval", {
  get: () => store && new Proxy(store, { get: (real, name) =>
    ["get", "update"].includes(name) ? late(real[name]) : real[name] }),
  set: (real) => { store = real; },
});
"""


def test_nothing_is_clicked_or_kept_before_the_page_has_opened(visit):
    page = with_a_stroke_more(visit)
    page.add_init_script(SLOW_STORE.replace("setTimeout(go, MS)", "window.answer = go"))
    page.goto(page.url)
    page.wait_for_function("document.querySelector('.teach-own')?.closest('[inert]')")
    page.locator(".teach-own").click(force=True)  # while the store hasn't answered
    page.evaluate("answer()")
    page.wait_for_selector("[data-kind=teach].is-interactive")
    assert counts_of(page) == [6, 5, 5, 5, 5, 5]
    assert page.evaluate("teaching.edits") == 0


def test_a_store_that_is_slow_keeps_all_the_same_and_asks_about_no_other_tab(visit):
    page = visit().page
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.add_init_script(SLOW_STORE.replace("MS", "4000"))
    page.reader.show(KIND)
    press_now(page, "see what it was taught")
    for _ in range(2):
        add_stroke(page, 0)
        page.wait_for_timeout(300)
    wait_until_all_is_kept(page)
    assert page.locator(".teach-note").text_content().startswith("Strokes and network are kept")
    assert asked == []


def test_another_tab_ends_no_training_and_takes_no_stroke_that_waits(visit):
    one = visit().show(KIND)
    two = one.context.new_page()
    show(two, one.url)
    press_now(one, "see what it was taught")
    press_now(two, "see what it was taught")
    hears_no_end(two)
    press_now(two, "train")
    wait_until_it_learns(two)
    add_stroke(one, 0)
    wait_until_all_is_kept(one)
    two.wait_for_timeout(300)
    assert two.evaluate("teaching.lesson.goesOn") and counts_of(two) == [5] * 6
    say_no(two)  # take what the other tab has
    press_now(two, "stop")
    two.wait_for_function("teaching.gestures.all[0].strokes.length === 6")
    two.evaluate("teaching.lesson.forget()")
    add_stroke(two, None)
    add_stroke(one, 0)
    wait_until_all_is_kept(one)
    two.wait_for_timeout(300)
    assert two.evaluate("teaching.trials.waiting.length") == 1


def test_strokes_still_wait_when_something_else_is_shown_and_one_that_is_drawn_is_set_aside(visit):
    page = visit().show(KIND)
    press_now(page, "see what it was taught")
    add_stroke(page, 0)
    wait_until_all_is_kept(page)
    page.evaluate("teaching.lesson.forget()")
    add_stroke(page, None)
    kept = "await window.interactiveFigures.teach.kept('')"
    page.evaluate(f"async () => teaching.take({kept})")
    assert page.evaluate("teaching.trials.waiting.length") == 1
    page.once("dialog", lambda dialog: dialog.dismiss())  # take what the other tab has
    aside = page.evaluate(
        "async () => { const { teach } = window.interactiveFigures;"
        "  teaching.gestures.chosen = 1; teaching.trials.begin([0, 0]);"
        "  for (let step = 1; step <= 60; step++) teaching.trials.advance([step / 4, step / 9]);"
        "  teaching.pad.next = () => null;"  # it is still being drawn
        f"  await teaching.settle({kept}); const [[, {{ packed }}]] = await teach.allAside();"
        "  return packed.gestures.map(({ strokes }) => strokes.length); }"
    )
    assert aside[1] > 5 and counts_of(page) == [6, 5, 5, 5, 5, 5]


@pytest.mark.parametrize("fails", [False, True])
def test_until_the_scripts_are_there_a_pad_stands_there_and_no_form(fails, visit):
    """If they never come, the picture does."""
    page = visit().page
    page.route("**/teach/figure.js", lambda route: route.abort() if fails else None)
    page.goto(page.reader.address + page_with(KIND), wait_until="commit")
    page.wait_for_selector("[data-kind=teach]")
    pad = "getComputedStyle(document.querySelector('[data-kind=teach]'), '::before').content"
    if fails:
        page.wait_for_selector("[data-kind=teach].is-image figure")
    else:
        page.wait_for_function(f"{pad} === '\"press and draw\"'")
    assert page.locator("[data-kind=teach] figure").is_visible() == fails
    assert (page.evaluate(pad) == "none") == fails


@pytest.mark.parametrize("pending", ["getUserMedia", "play"])
def test_the_webcam_can_be_switched_off_while_the_browser_still_asks(pending, visit):
    page = visit().page
    page.add_init_script(CAMERA)
    never = {
        "getUserMedia": "navigator.mediaDevices.getUserMedia = () => new Promise(() => {});",
        "play": "HTMLMediaElement.prototype.play = () => new Promise(() => {});",
    }
    page.add_init_script(never[pending])
    page.reader.show(KIND)
    press_now(page, "see what it was taught")
    press_now(page, "webcam")
    if pending == "play":
        page.wait_for_function("streams.length")
    press_now(page, "webcam off")
    assert said(page) == "The webcam is off." and page.evaluate("teaching.recorder.webcam") is None
    page.wait_for_function("streams.every((one) => one.getTracks()[0].readyState === 'ended')")


def add_stroke(page, gesture):
    """Draw one for a gesture at once, to its end: what the page has left to do isn't waited for."""
    page.evaluate(
        "(gesture) => { teaching.pad.complete();"
        "  teaching.gestures.choose(gesture);"
        "  teaching.trials.begin([0, 0]);"
        "  for (let step = 1; step <= 60; step++) teaching.trials.advance([step / 4, step / 9]);"
        "  teaching.trials.end();"
        "  teaching.trials.complete(); }",
        gesture,
    )


def with_a_stroke_more(visit):
    """Return a page that keeps a stroke more than it arrives with."""
    page = visit().show(KIND)
    press_now(page, "see what it was taught")
    add_stroke(page, 0)
    wait_until_all_is_kept(page)
    return page


def counts_of(page):
    return [len(strokes) for _, *strokes in strokes_of(page)]


def test_two_tabs_show_the_same_and_a_late_one_asks(visit):
    one = visit().show(KIND)
    press_now(one, "teach it yours")
    add_stroke(one, 0)
    wait_until_all_is_kept(one)
    two = one.context.new_page()
    show(two, one.url)
    assert counts_of(two) == [1, 0]
    add_stroke(one, 1)
    two.wait_for_function("teaching.gestures.all[1].strokes.length === 1")
    two.evaluate("teaching.follow = () => {}")  # as in a tab that the browser has frozen
    add_stroke(one, 1)
    wait_until_all_is_kept(one)
    say_no(two)
    add_stroke(two, 0)
    two.wait_for_function("teaching.gestures.all[1].strokes.length === 2")
    assert counts_of(two) == counts_of(one) == [1, 2]
    say_yes(two)  # it is on the disk
    with two.expect_download() as download:
        two.get_by_role("button", name="download what was set aside").click()
    two.get_by_role("button", name="download what was set aside").wait_for(state="hidden")
    say_yes(two)
    two.locator("input[type=file]").set_input_files(download.value.path())
    two.wait_for_function("teaching.gestures.all[0].strokes.length === 2")  # what this tab had
    assert counts_of(two) == [2, 1]


def test_strokes_drawn_on_the_page_of_a_link_are_there_again(visit, still):
    links = [still.evaluate(LINK.replace("seed: 7", f"seed: {seed}")) for seed in (7, 8)]
    page = visit().show(KIND)
    plain = page.url
    for link in (links[0], links[1], links[0]):
        show(page, plain + link)
        before = counts_of(page)
        add_stroke(page, 0)
        wait_until_all_is_kept(page)
    assert before == [4, 3] and counts_of(page) == [5, 3]
    page.evaluate("location.hash = '#four-steps'")  # a click on a section
    add_stroke(page, 1)
    wait_until_all_is_kept(page)
    page.reload()
    page.wait_for_selector("[data-kind=teach].is-interactive")
    assert counts_of(page) == [5, 4]
    say_yes(page)
    press_now(page, "start over")
    page.wait_for_function("teaching.gestures.all[0].strokes.length === 3")
    assert said(page) == "These are the strokes of the link again."
    wait_until_all_is_kept(page)
    show(page, plain)
    assert counts_of(page) == [5] * 6


def test_without_a_clipboard_the_link_is_shown_and_the_address_stays(visit):
    page = visit().show(KIND)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    address = page.url
    press_now(page, "see what it was taught")
    add_stroke(page, 0)
    press_now(page, "copy link")
    hears(page, "copy it there")
    assert page.url == address
    field = page.get_by_role("textbox", name="The link, to be copied")
    assert field.input_value().startswith(f"{address}#strokes=")


def test_of_what_was_kept_a_damaged_network_is_left_out_with_a_word(visit):
    page = with_a_stroke_more(visit)
    page.evaluate(
        "() => { const store = idbKeyval.createStore('teach it yours', 'teach it yours');"
        "  return idbKeyval.update('own', (content) => {"
        "    content.lesson.weights = [[1], [2]]; return content; }, store); }"
    )
    show(page, page.url)
    assert counts_of(page) == [6, 5, 5, 5, 5, 5]
    assert "The network can’t be read" in said(page)
    assert page.evaluate("teaching.lesson.trained") is None


def test_many_strokes_are_opened_in_pieces(visit):
    page = visit().show(KIND)
    pauses, strokes = page.evaluate(
        "async () => { const { shared, teachData } = window.interactiveFigures;"
        "  const [record] = teachData.gestures[0].strokes, { pause } = shared;"
        "  let pauses = 0; shared.pause = () => { pauses += 1; return pause(); };"
        "  const gestures = Array(6).fill({ name: 'a', strokes: Array(60).fill(record) });"
        "  const all = await teaching.filmed(gestures);"
        "  return [pauses, all.flatMap(({ strokes }) => strokes).length]; }"
    )
    assert strokes == pauses == 360


def test_a_link_is_a_challenge(visit, still):
    page = visit().show(KIND)
    link = still.evaluate(LINK.replace("seed: 7", "seed: 7, score: 8"))
    show(page, page.url + link)
    assert "2 gestures were taught here. Whoever sent you this had 8 of 10" in said(page)
    wait_until_it_learns(page)
    # Is in sight while it trains by itself.
    invitation = page.locator(".teach-invitation", has_text="2 gestures were taught here.")
    for shown in (invitation, page.locator("[data-kind=teach] progress"), button(page, "stop")):
        shown.wait_for()
    page.wait_for_function("teaching.challenge", timeout=300_000)
    assert "1 of 10: draw " in said(page)
    right = page.evaluate(
        "() => { const { challenge, lesson } = teaching;"
        "  for (let stroke = 0; stroke < 10; stroke++) challenge.judge("
        "    stroke % 3 ? lesson.trained.gestures.indexOf(challenge.gesture) : null);"
        "  return challenge.right; }"
    )
    assert right == 6 and said(page).endswith("6 of 10. Send a link with your score.")
    score = page.evaluate(
        "() => { const { teach } = window.interactiveFigures;"
        "  return teach.fromHash(teach.toHash(teaching.content().packed)).score; }"
    )
    assert score == 6
    page.wait_for_function(
        "[...document.querySelectorAll('button')].some((one) =>"
        "  one.textContent === 'copy link with your score')"
    )
    wait_until_all_is_kept(page)
    show(page, page.url)  # by then it has learnt them
    assert "1 of 10" in said(page)
    invitation.wait_for()


@pytest.mark.parametrize("refused", [False, True])
def test_one_stream_of_the_camera_at_a_time_and_every_path_stops_it(refused, visit):
    page = visit().page
    page.add_init_script(CAMERA)
    if refused:
        page.add_init_script(
            "HTMLMediaElement.prototype.play = async () => {"
            "  throw new DOMException('no', 'NotAllowedError'); };"
        )
    page.reader.show(KIND)
    press_now(page, "see what it was taught")
    button(page, "webcam").dblclick()
    page.wait_for_function("streams.length")
    if not refused:
        assert page.evaluate("teaching.recorder.webcam") is None  # the second click took it back
    page.wait_for_function("streams.every((one) => one.getTracks()[0].readyState === 'ended')")
    assert page.evaluate("streams.length") == 1


# ---- Within reach ----


def test_on_a_phone_pad_training_and_answer_are_on_one_screen(visit):
    page = visit(width=390).page
    page.set_viewport_size({"width": 390, "height": 664})  # below the browser's bars
    page.reader.show(KIND)
    press_now(page, "see what it was taught")
    press_now(page, "train")
    page.locator(".teach-pad").evaluate("(pad) => pad.scrollIntoView({ block: 'start' })")
    page.locator("[data-kind=teach] progress").wait_for()  # until the next image is drawn
    for part in (".teach-train", "[data-kind=teach] progress", ".teach-summary"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 664, part


def test_strokes_are_one_stop_of_the_tab_key_and_every_control_has_a_name(visit):
    page = visit().show(KIND)
    press_now(page, "see what it was taught")
    stops = page.locator(".teach-strokes button").evaluate_all(
        "(all) => all.filter(({ tabIndex }) => tabIndex >= 0).length"
    )
    assert stops == 6
    first = button(page, "stroke 1 of zed")
    first.focus()
    first.press("ArrowRight")
    focused = page.evaluate("document.activeElement.ariaLabel")
    assert focused == "stroke 2 of zed"
    nameless = page.locator("[data-kind=teach] :is(button, input, progress)").evaluate_all(
        "(all) => all.filter((one) => !one.ariaLabel && !one.textContent.trim()"
        "  && !one.labels?.length && one.type !== 'file').map((one) => one.outerHTML)"
    )
    assert nameless == []
