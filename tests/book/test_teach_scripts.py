"""The scripts of Teach it yours, run by Node.js: what is kept, sent, opened and answered."""

import pytest
from in_node import needs_node
from teach_scripts import run

pytestmark = needs_node

# ---- What is kept ----


def test_each_link_has_a_place_of_its_own():
    found = run(
        "const links = [1, 2].map((seed) => teach.toHash({ ...packed, seed }));"
        "const places = [links[0], links[1], ''];"
        "for (const [number, place] of places.entries()) await teach.keep({ number }, place, 0);"
        "return Promise.all(places.map(async (place) => (await teach.kept(place)).number));"
    )
    assert found == [0, 1, 2]


def test_what_another_tab_has_kept_since_is_not_overwritten():
    found = run(
        "const first = await teach.keep({ by: 'one' }, '', 0);"
        "const other = await teach.keep({ by: 'two' }, '', 0);"  # has seen nothing of it
        "const now = (await teach.kept('')).by;"
        "const later = await teach.keep({ by: 'two' }, '', 1);"
        "return [first, other.by, now, later, (await teach.kept('')).by];"
    )
    assert found == [None, "one", "one", None, "two"]


@pytest.mark.parametrize(
    "kept",
    [
        {"packed": {"version": 2, "all": "new"}},
        {"packed": None},
        {"no": "packed"},
    ],
)
def test_what_cannot_be_read_is_set_aside_and_offered(kept):
    begin, aside, left = run(
        "stored.set('own', kept); const begin = await teach.opening('');"
        "const aside = await teach.allAside(); await teach.forget(aside[0][0]);"
        "return [begin, aside.map(([, content]) => content), await teach.allAside()];",
        kept=kept,
    )
    assert "set aside" in begin["message"] and "gestures" not in begin
    assert aside == [kept] and left == []


def test_a_store_that_never_answers_leaves_the_page_to_begin():
    begin = run(
        "idbKeyval.get = () => new Promise(() => {});"
        "const wait = setTimeout; globalThis.setTimeout = (act) => wait(act, 1);"
        "return teach.opening(teach.toHash(packed));"
    )
    assert len(begin["gestures"]) == 2 and "doesn’t let the page see" in begin["message"]
    assert begin["closed"] == "TimeoutError"  # what isn't known isn't overwritten


def test_a_damaged_lesson_is_noticed():
    refused = run(
        "const weights = weightsOf(2).map((some) => [...some]);"
        "const courses = gestures().flatMap(({ strokes }, target) =>"
        "  strokes.map((record) => compared(record, target)));"
        "const lesson = { classes: ['a', 'b'], unwanted: -1, courses, weights, seed: 0,"
        "  without: [] };"
        "const damaged = [lesson, { ...lesson, weights: undefined }, { ...lesson, courses: 3 },"
        "  { ...lesson, classes: undefined }, { ...lesson, weights: [[1], [2]] }];"
        "return damaged.map((each) => refuses(() => teach.trainedBy(each)));"
    )
    assert refused == [False] + [True] * 4


def test_a_network_of_another_version_of_the_page_is_not_used():
    """One of version 3 had another shape, and once other time constants."""
    resumed = run(
        "const shown = gestures().map(({ name, strokes }) =>"
        "  ({ name, strokes: strokes.map(seen) }));"
        "const weights = weightsOf(2);"
        "const courses = shown.flatMap(({ strokes }, target) => strokes.map((stroke) =>"
        "  teach.toCompare({ ...stroke, target })));"
        "const kept = { places: [0, 1], classes: ['tick', 'zed'], unwanted: -1, courses, weights,"
        "  seed: 0, without: [] };"
        "const lesson = new teach.Lesson({ gestures: { all: shown } });"
        "return [3, 4].map((version) => !refuses(() => lesson.resume({ ...kept, version })));"
    )
    assert resumed == [False, True]


# ---- What is opened ----


SPOILT = {
    "version": "content.version = 2",
    "seed": "content.seed = 1e12",
    "without": "content.without = ['constructor']",
    "no gestures": "content.gestures = []",
    "nine gestures": "content.gestures = Array(9).fill(content.gestures[0])",
    "a control character": "content.gestures[0].name = 'a\\tb'",
    "a long name": "content.gestures[0].name = 'a'.repeat(25)",
    "61 strokes": "content.gestures[0].strokes = Array(61).fill(content.gestures[0].strokes[0])",
    "a code of other letters": "content.gestures[0].strokes[0].code = '<b>!'",
    "a code too long": "content.gestures[0].strokes[0].code = 'A'.repeat(602)",
    "an interval out of range": "content.gestures[0].strokes[0] = film([0, 1e12])",
    "an interval that is no number": "content.gestures[0].strokes[0] = film([0, 'a'])",
    "an interval below 0": "content.gestures[0].strokes[0] = film([0, -1])",
    "251 pictures": "content.gestures[0].strokes[0] = film(Array(251).fill(1))",
    "pictures that are missing": "content.gestures[0].strokes[0] = { ...film([0, 1]), light: '' }",
    "a score of eleven": "content.score = 11",
}


@pytest.mark.parametrize("what", SPOILT)
def test_numbers_and_texts_have_ranges(what):
    read, refused = run(
        "const film = (intervals) => ({ intervals,"
        "  light: teach.writeLight(intervals.map(() => new Float32Array(35 ** 2))) });"
        "const content = structuredClone(packed);"
        "const read = !refuses(() => teach.unpacked(content));"
        f"{SPOILT[what]};"
        "return [read, refuses(() => teach.unpacked(content))];"
    )
    assert read and refused


def test_of_a_link_that_is_cut_or_altered_nothing_is_opened():
    """Numbers and texts out of their range are refused in a sealed one, too."""
    begun = run(
        "const hash = teach.toHash(packed);"
        "const letters = (text) => btoa(text).replaceAll('=', '');"
        "const sealed = (more, codes) => {"
        "  const content = { ...packed, gestures: [['a', false]], ...more };"
        "  const whole = `${letters(JSON.stringify(content))}.${codes}`;"
        "  const sum = teach.crcOf(new TextEncoder().encode(whole)).toString(16);"
        "  return `#strokes=${sum.padStart(8, '0')}.${whole}`; };"
        "return Promise.all([hash.slice(0, -20), hash.replace('~', '~A'), hash.replace(/~./, '~B'),"
        "  hash + 'A'.repeat(100_000), '#strokes=', '#strokes=00000000.AAAA',"
        "  sealed({ gestures: [] }, ''), sealed({ seed: 1e12 }, 'AAAA'),"
        "  sealed({}, '<b>!'), sealed({}, 'A'.repeat(9000)),"
        "  sealed({}, packed.gestures[0].strokes[0].code)].map(teach.opening));"
    )
    *altered, whole = begun
    assert len(altered) == 10 and len(whole["gestures"]) == 1
    for begin in altered:
        assert begin["message"] == "This link is cut or altered, so nothing of it was opened."
        assert begin["hash"] == "" and "gestures" not in begin


def test_films_in_the_range_are_read():
    found = run(
        "const film = { intervals: [0, 900], "
        "  light: teach.writeLight([new Float32Array(35 ** 2), new Float32Array(35 ** 2)]) };"
        "packed.gestures[0].strokes = [film];"
        "return teach.unpacked(packed).gestures[0].strokes[0].intervals;"
    )
    assert found == [0, 900]


def test_what_does_not_belong_there_is_left_out():
    """Knobs that the page once had, or an interval beside a path, which cost minutes to film."""
    stroke, settings = run(
        "packed.knobs = { hidden: 8 };"
        "Object.assign(packed.gestures[0].strokes[0], { interval: 1e12 });"
        "const { gestures, ...settings } = teach.unpacked(packed);"
        "return [gestures[0].strokes[0], settings];"
    )
    assert stroke.keys() == {"code", "dropped"}
    assert settings.keys() == {"seed", "without", "score"}


def test_two_gestures_of_one_name_are_told_apart():
    names = run(
        "packed.gestures = ['up', 'up ', 'up 2', '', ' '].map((name) =>"
        "  ({ ...packed.gestures[0], name }));"
        "return teach.unpacked(packed).gestures.map(({ name }) => name);"
    )
    assert len({*names}) == 5 and all(name.strip() == name and name for name in names)


def test_an_entry_of_a_zip_is_read_once():
    reads, refused = run(
        "const text = 'x'.repeat(1000); const { Inflate, zipSync } = fflate;"
        "const one = (name) => ({ [name]: new TextEncoder().encode(text) });"
        "const zip = (...folders) => zipSync(Object.assign({}, ...folders.map((folder) =>"
        "  one(`${folder}/${teach.KEPT}`)))).buffer;"
        "return [teach.unzip(zip('a'), teach.KEPT) === text,"
        "  refuses(() => teach.unzip(zip('a', 'b', 'c'), teach.KEPT))];"
    )
    assert reads and refused


def test_a_film_of_more_events_than_there_is_room_for_is_not_kept():
    counts, put, said = run(
        "const wild = { intervals: Array(100).fill(1000), pictures: Array.from({ length: 100 },"
        "  (_, at) => new Float32Array(35 ** 2).fill(at % 2 ? 0 : -4)) };"
        "const events = teach.eventsOf(wild, motionData.settings);"
        "const figure = { say: (text) => figure.said = text };"
        "const list = Object.assign(Object.create(teach.Gestures.prototype), { figure, all: [] });"
        "const put = list.put({ name: 'wild', strokes: [] }, [{ ...wild, events }]);"
        "return [[events.length, teach.MOST_EVENTS], put, figure.said];"
    )
    assert counts[1] < counts[0] < 2 * counts[1]  # it was filmed no further
    assert not put and "too many" in said


def test_of_a_zip_with_a_bit_that_flipped_nothing_else_is_opened():
    same, other, refused = run(
        "const strokes = packed.gestures.map(({ name, strokes }) =>"
        "  ({ name, strokes: strokes.map((record) => ({ ...record, events: [[0, 1, 1]] })) }));"
        "const archive = await teach.strokeFiles(strokes, packed).arrayBuffer();"
        "const whole = teach.unzip(archive, teach.KEPT);"
        "const at = new TextDecoder('latin1').decode(archive).indexOf('\"version\"');"
        "const counts = [whole === JSON.stringify(packed), 0, 0];"
        "for (let bit = 0; bit < 8 * whole.length; bit += 7) {"
        "  const bytes = new Uint8Array(archive.slice(0));"
        "  bytes[at - 1 + (bit >> 3)] ^= 1 << (bit & 7);"
        "  if (refuses(() => teach.unzip(bytes.buffer, teach.KEPT))) counts[2] += 1;"
        "  else counts[1] += 1; }"
        "return counts;"
    )
    assert same and other == 0 and refused > 500


# ---- What is sent ----


def test_strokes_that_were_thrown_away_are_not_sent():
    found = run(
        "packed.gestures[0].strokes[1].dropped = true;"
        "const kept = packed.gestures[0].strokes.filter(({ dropped }) => !dropped);"
        "const { gestures } = teach.fromHash(teach.toHash(packed));"
        "return [kept.map(({ code }) => code), gestures[0].strokes.map(({ code }) => code)];"
    )
    assert found[0] == found[1] and len(found[0]) == 2


def test_a_link_carries_the_score_and_asks_in_words():
    found = run(
        "const { gestures, score } = teach.fromHash(teach.toHash({ ...packed, score: 8 }));"
        "return [score, teach.invitation(gestures, score), teach.invitation(gestures, null)];"
    )
    assert found[0] == 8
    assert found[1].startswith("2 gestures were taught here.") and "8 of 10" in found[1]
    assert found[2] == "2 gestures were taught here. Can you draw them?"


# ---- While drawing ----


def test_drawing_keeps_to_what_can_be_read_again():
    found = run(
        "const said = []; const figure = { say: (text) => said.push(text) };"
        "const list = Object.assign(Object.create(teach.Gestures.prototype),"
        "  { figure, all: [] });"
        "const gesture = { name: 'up', strokes: [] };"
        "const put = Array.from({ length: 62 }, () => list.put(gesture, [draw('tick')]));"
        "const pictures = { intervals: Array(250).fill(1) };"
        "const film = { name: 'film', strokes: Array(24).fill(pictures) }; list.all = [film];"
        "const more = list.put(film, [pictures]);"
        "gesture.strokes.length = 60; packed.gestures[0].strokes = gesture.strokes;"
        "return [put.filter(Boolean).length, said, more, film.strokes.length,"
        "  teach.unpacked(packed).gestures[0].strokes.length];"
    )
    assert found[0] == 60 and found[4] == 60
    assert found[1][0] == "up has as many strokes as there is room for, 60."
    assert not found[2] and found[3] == 24 and "no room for more films" in found[1][-1]


def test_size_and_place_of_a_stroke_make_no_difference():
    found = run(
        "const path = hands.draw(hands.sets.letters.M, hand);"
        "const changed = (size, x, y) => teach.read(teach.write("
        "  path.map((place) => [size * place[0] + x, size * place[1] + y])));"
        "const as_it_is = changed(1, 0, 0);"
        "return [[0.5, 3, 4], [2, -8, 6]].map((change) => Math.max(...changed(...change).map("
        "  (place, at) => Math.hypot(place[0] - as_it_is[at][0], place[1] - as_it_is[at][1]))));"
    )
    assert max(found) < 1  # pixel; steps are written in quarters of one, and then doubled


# ---- What is answered ----

KNOWS = (
    "const names = ['circle', 'zed'];"
    "const courses = names.flatMap((name, target) =>"
    "  drawn(name, 4).map((record) => compared(record, target))); const weights = weightsOf(2);"
    "const lesson = { version: 2, classes: names, courses, weights, seed: 0, without: [] };"
)


def test_what_is_no_gesture_is_refused():
    known = run(
        KNOWS + "const trained = teach.trainedBy({ ...lesson, unwanted: 1 });"
        "const asked = names.map((name) => teach.courseOf(seen(draw(name))));"
        "return asked.map((course, output) => trained.judge(sure(output), course).known);"
    )
    assert known == [True, False]


def test_a_course_turned_and_slanted_is_near_and_another_one_is_not():
    turned, mirrored, other = run(
        "const course = (name) => teach.courseOf(seen(draw(name)));"
        "const zed = course('zed'); const [sine, cosine] = [Math.sin(0.3), Math.cos(0.3)];"
        "const turned = zed.map(([x, y]) => [cosine * x - sine * y, sine * x + cosine * y]);"
        "const mirrored = zed.map(([x, y]) => [-x, y]);"
        "return [turned, mirrored, course('circle')].map((one) => teach.apart(one, zed));"
    )
    assert turned < 1.5 and min(mirrored, other) > 3 * turned


def test_a_line_is_not_near_a_tick():
    """Although a tick can be pressed flat until it lies on a line."""
    same, line = run(
        "const course = (record) => teach.courseOf(seen(record));"
        "const [tick, other] = drawn('tick', 2).map(course);"
        "const path = Array.from({ length: 100 }, (_, step) => [step / 5 - 10, 0]);"
        "const line = course(teach.toKeep({ path }));"
        "return [other, line].map((course) => teach.apart(course, tick));"
    )
    assert line > 1.3 * same


def test_the_limit_of_a_gesture_does_not_shrink_as_examples_are_added():
    few, many = run(
        "const shown = (count) => drawn('zed', count).map((record) => compared(record, 0));"
        "const weights = weightsOf(1);"
        "const lesson = { classes: ['zed'], weights, seed: 0, without: [], unwanted: -1 };"
        "const all = shown(60); const limit = (courses) =>"
        "  teach.trainedBy({ ...lesson, courses }).limits[0];"
        "const mean = (values) => values.reduce((sum, value) => sum + value) / values.length;"
        "const fives = Array.from({ length: 12 }, (_, five) => all.slice(5 * five, 5 * five + 5));"
        "return [mean(fives.map(limit)), limit(all)];"
    )
    assert many > 0.85 * few


STILL = (  # a zed, and the same with rests, which a hand never holds quite still
    "const zed = hands.draw(hands.sets['six strokes in pairs'].zed, hand);"
    "const rest = ([x, y], count = 80) => Array.from({ length: count }, () =>"
    "  [x + 0.1 * hand(), y + 0.1 * hand()]);"
    "const middle = zed.length >> 1;"
    "const rested = [...rest(zed[0]), ...zed.slice(0, middle), ...rest(zed[middle]),"
    "  ...zed.slice(middle), ...rest(zed.at(-1))];"
    "const kept = (path) => teach.toStroke(teach.toKeep({ path })).path;"
)


def test_a_hand_that_rests_or_hurries_draws_the_same_stroke():
    apart, lengths = run(
        STILL + "const hasty = zed.filter((_, place) => place % 5 === 0);"
        "const all = [zed, rested, hasty].map(kept);"
        "const courses = all.map((path) => teach.courseOf({ path }));"
        "return [courses.map((course) => teach.apart(course, courses[0])),"
        "  all.map(({ length }) => length)];"
    )
    assert max(apart) < 1  # pixel
    assert max(lengths) < 1.1 * min(lengths)


def test_while_a_hand_rests_nothing_is_filmed():
    before, after = run(
        TRIALS + STILL + "trials.begin(zed[0]); for (const place of zed.slice(1))"
        "  trials.advance(place); const before = trials.trial.steps.length;"
        "for (const place of rest(zed.at(-1))) trials.advance(place);"
        "return [before, trials.trial.steps.length];"
    )
    assert before > 10 and after <= before + 1


def test_a_small_stroke_is_kept_as_exactly_as_a_large_one():
    small = run(
        STILL + "const course = (size) => teach.courseOf({ path: kept("
        "  zed.map((place) => place.map((value) => size * value))) });"
        "return teach.apart(course(0.25), course(1));"
    )
    assert small < 0.3  # pixels


@pytest.mark.parametrize("way", ["circle", "circle, backwards"])
def test_a_circle_may_begin_anywhere(way):
    judged = run(
        "const names = ['circle', 'circle, backwards'];"
        "const courses = names.flatMap((name, target) =>"
        "  drawn(name, 5).map((record) => compared(record, target))); const weights = weightsOf(2);"
        "const trained = teach.trainedBy({ classes: names, courses, weights, seed: 0,"
        "  unwanted: -1, without: [] });"
        "return Array.from({ length: 12 }, () => { const { path } = seen(draw(way));"
        "  const first = Math.floor(hand() * path.length);"
        "  const begun = seen(teach.toKeep({ path: [...path.slice(first),"
        "    ...path.slice(0, first)] }));"
        "  const { nearest, known } = trained.judge(sure(names.indexOf(way)),"
        "    teach.courseOf(begun)); return [names[nearest], known]; });",
        way=way,
    )
    assert judged == [[way, True]] * 12


def test_copies_of_a_loop_begin_anywhere_and_those_of_a_zed_where_it_begins():
    loop, zed = run(
        "const spread = (name) => { const { path } = seen(draw(name));"
        "  const angles = Array.from({ length: 40 }, () => {"
        "    const [[x, y]] = teach.copyOf({ path }, hand).path; return Math.atan2(y, -x); });"
        "  return Math.max(...angles) - Math.min(...angles); };"
        "return [spread('circle'), spread('zed')];"
    )
    assert loop > 5 and zed < 3  # rad


def test_what_is_almost_near_is_asked_if_the_network_names_it():
    found = run(
        KNOWS + "const trained = teach.trainedBy({ ...lesson, unwanted: -1 });"
        "const zed = teach.courseOf(seen(draw('zed')));"
        "const far = (pixels) => zed.map(([x, y], at) =>"
        "  [x + (at % 8 < 4 ? pixels : -pixels), y]);"
        "return [[1, 0], [1, 3], [1, 12], [0, 3]].map(([output, pixels]) => {"
        "  const { known, almost, nearest } = trained.judge(sure(output), far(pixels));"
        "  return [known, almost, names[nearest]]; });"
    )
    assert found[0] == [True, False, "zed"]
    assert found[1] == [False, True, "zed"]
    assert found[2][:2] == found[3][:2] == [False, False]


def test_a_name_that_is_shown_is_the_network_s_own():
    """Where another gesture is nearer, the page asks, or knows nothing."""
    judged = run(
        KNOWS + "const both = [...courses, ...courses.map(({ target, course, ...one }) =>"
        "  ({ ...one, target: 1 - target, course: course.map(([x, y], at) =>"
        "    [x + (at % 8 < 4 ? 1.5 : -1.5), y]) }))];"
        "return [courses, both].map((known) => { const trained = teach.trainedBy("
        "    { ...lesson, courses: known, unwanted: -1 });"
        "  const { output, known: shown, almost } = trained.judge("
        "    { output: 0, shares: [0.7, 0.3] }, teach.courseOf(seen(draw('zed'))));"
        "  return [names[output], shown, almost]; });"
    )
    assert judged == [["circle", False, False], ["circle", False, True]]


def test_between_two_examples_that_are_equally_near_the_network_decides_if_it_is_sure():
    unsure, sure = run(
        KNOWS + "const both = [...courses,"
        "  ...courses.map(({ target, course, ...one }) => ({ ...one, target: 1 - target,"
        "    course: course.map(([x, y]) => [1.001 * x, y]) }))];"
        "const trained = teach.trainedBy({ ...lesson, courses: both, unwanted: -1 });"
        "return [[0.4, 0.6], [0.05, 0.95]].map((shares) => {"
        "  const { known, almost } = trained.judge("
        "    { output: 1, shares }, teach.courseOf(seen(draw('zed'))));"
        "  return [known, almost]; });"
    )
    assert unsure == [False, True]
    assert sure == [True, False]


def test_what_a_network_has_not_learnt_with_stays_off():
    found = run(
        KNOWS + "const figure = { say() {}, gestures: { all: [] } };"
        "return [[], ['recurrence']].map((without) => {"
        "  const own = new teach.Lesson(figure);"
        "  own.adopt({ lesson: { ...lesson, unwanted: -1, without }, gestures: [] });"
        "  return [false, true, false].map((off) => { own.doWithout('recurrence', off);"
        "    return own.trained.spiking.recurrence; }); });"
    )
    assert found == [[True, False, True], [False, False, False]]


def test_shuffled_time_bins_are_the_same_ones_in_another_order():
    same, moved = run(
        "const { events } = seen(draw('zed'));"
        "const bins = (random) => teach.toRecording(events, 1000, 10, random).slice(0, -10)"
        "  .map((frame) => frame.filter((_, at) => at % 2 === 0).sort().join());"
        "const [plain, shuffled] = [bins(), bins(mulberry32(1))];"
        "return [`${[...plain].sort()}` === `${[...shuffled].sort()}`,"
        "  plain.filter((bin, place) => bin !== shuffled[place]).length / plain.length];"
    )
    assert same and moved > 0.5


TRIALS = (
    "const said = []; const timers = []; globalThis.setTimeout = (act) => timers.push(act);"
    "let ms = 0; performance.now = () => (ms += 4);"
    "const gestures = { chosen: null };"
    "const trials = new teach.Trials({ gestures, redraw() {},"
    "  lesson: { trained: null, without: new Set() }, say: (text) => said.push(text) });"
    "const path = hands.draw(hands.sets['six strokes in pairs'].zed, hand);"
    "const stroke = () => { trials.begin(path[0]);"
    "  for (const place of path.slice(1)) trials.advance(place); trials.end(); };"
)


def test_a_stroke_that_is_over_is_seen_again_in_portions():
    at_once, turns, waiting = run(
        TRIALS + "stroke(); const at_once = trials.waiting.length; let turns = 0;"
        "while (timers.length) { turns += 1; timers.shift()(); }"
        "return [at_once, turns, trials.waiting.length, said];"
    )[:3]
    assert at_once == 0 and turns > 20 and waiting == 1


def test_the_next_stroke_does_not_lose_one_that_is_still_seen_again():
    waiting, lengths = run(
        TRIALS + "stroke(); stroke(); trials.complete();"
        "return [trials.waiting.length, trials.waiting.map(({ events }) => events.length)];"
    )
    assert waiting == 2 and lengths[0] == lengths[1] > 100


# ---- Before a webcam ----

WATCH = (
    "const gestures_seen = []; const random = mulberry32(6);"
    "const normal = shared.normalFrom(random);"
    "const wall = Float32Array.from({ length: 35 ** 2 }, () => -0.8 + 0.2 * normal());"
    "const watch = new teach.MotionWatch({ slow: 30, began() {}, moved() {}, seen() {},"
    "  ended: (gesture, arm) => gestures_seen.push(arm ? 'arm' : gesture?.pictures.length) });"
    "let time = 0; let step = 33;"
    "const picture = (x, y) => watch.watch(wall.map((light, place) =>"
    "  (Math.hypot(place % 35 - x, Math.floor(place / 35) - y) < 6 ? -2 : light)"
    "  + 0.02 * normal() + 0.05 * Math.sin(time / 23)), time += step);"  # a lamp flickers
    "const rest = (x, y, count = 45) => { for (let n = 0; n < count; n++) picture(x, y); };"
    "const go = (from, to) => { for (let n = 0; n <= 24; n++) picture("
    "  from[0] + n / 24 * (to[0] - from[0]), from[1] + n / 24 * (to[1] - from[1])); };"
)


def test_gestures_go_the_way_that_was_shown_and_nothing_is_seen_while_a_hand_rests():
    most, ways = run(
        WATCH + "let most = 0; const ways = [];"
        "watch.seen = (events) => { most = Math.max(most, events.length); };"
        "const mean = (values) => values.reduce((sum, value) => sum + value) / values.length;"
        "watch.ended = (gesture) => {"
        "  const x = teach.film(gesture, motionData.settings, random).map((event) => event[1]);"
        "  const half = x.length >> 1;"
        "  ways.push(mean(x.slice(half)) - mean(x.slice(0, half))); };"
        "rest(5, 17); most = 0; rest(5, 17); const still = most;"
        "go([5, 17], [29, 17]); rest(29, 17); go([29, 17], [5, 17]); rest(5, 17);"
        "return [still, ways];"
    )
    assert most < 10  # of 1225 pixels
    assert len(ways) == 2 and ways[0] > 5 and ways[1] < -5


def test_the_first_movement_is_not_recorded_and_an_arm_that_comes_or_goes_does_not_count():
    found = run(
        WATCH + "go([5, 17], [29, 17]); rest(29, 17); go([29, 17], [5, 17]); rest(5, 17);"
        "go([5, 17], [5, 44]); rest(5, 44); go([5, 44], [17, 17]); rest(17, 17);"
        "go([17, 17], [29, 10]); rest(29, 10); return gestures_seen;"
    )
    assert [isinstance(each, int) for each in found] == [True, False, False, True]
    assert found[1:3] == ["arm", "arm"]


def test_a_film_is_no_longer_than_what_can_be_read_again():
    found = run(
        WATCH + "rest(17, 17); watch.all = true; step = 4; for (let n = 0; n < 300; n++)"
        "  picture(17 + 10 * Math.sin(n / 4), 17); return gestures_seen;"
    )
    assert found[0] == 250
