"""The C file of a network, compiled by the machine's compiler."""

import shutil
import subprocess
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from readers_networks import scatter_taus

from eventdesk.models.layered import LayerThenSNN
from eventdesk.models.ordinary import CNN, GRU, EventGRU, LeakySum
from eventdesk.trained.c_files import save_c
from pokersnn_helpers import SNN, Classifier, FastSNN, save_checkpoint, to_frames
from pokersnn_helpers.networks.rounding import to_int8

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(not CC, reason="there is no C compiler, cc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-ffp-contract=off"]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# Each line of input is an event, "a" asks, "r" begins anew; each step's spikes and voltages are
# printed.
DRIVER = """
#include <stdio.h>
#define NETWORK_NO_MAIN
static int is_asking;
#define NETWORK_ON_STEP(n) tell(n)
static void tell(const void *n);
#include "network.c"
static void tell(const void *given) {
  const network *n = given;
  if (is_asking) return;
#ifdef HIDDEN
  for (int h = 0; h < HIDDEN; h++)
    if (n->z[h]) printf("z %lld %d\\n", (long long)n->s.step, h);
#endif
  printf("v %lld", (long long)n->s.step);
  for (int o = 0; o < NETWORK_CLASSES; o++) printf(" %.9g", n->s.v_out[o]);
  printf("\\n");
}
int main(void) {
  static network n;
  char line[100];
  network_reset(&n);
  while (fgets(line, sizeof line, stdin)) {
    long long t; int x, y, p; float maxima[NETWORK_CLASSES];
    if (line[0] == 'r') { network_reset(&n); continue; }
    if (line[0] == 'a' || line[0] == 'e') {
      is_asking = line[0] == 'a';
      int answer = network_answer(&n, maxima);
      is_asking = 0;
      printf("%c %d", line[0], answer);
      for (int o = 0; o < NETWORK_CLASSES; o++) printf(" %.9g", maxima[o]);
      printf("\\n");
      continue;
    }
    sscanf(line, "%lld %d %d %d", &t, &x, &y, &p);
    int code = network_push(&n, t, x, y, p);
    if (code) printf("refused %d\\n", code);
  }
  return 0;
}
"""


def compiled(classifier, folder, *options, bits=32):
    """Return a function that shows a classifier's C lines of input, and returns its lines."""
    save_c(classifier, folder / "network.c", bits=bits)
    (folder / "driver.c").write_text(DRIVER, encoding="utf-8")
    words = [CC, *STRICT, *options, "driver.c", "-o", "driver"]
    subprocess.run(words, cwd=folder, check=True)

    def show(lines):
        done = subprocess.run(
            [folder / "driver"], input="\n".join(lines), capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    return show


def as_lines(events):
    return [f"{e['t']} {e['x']} {e['y']} {int(e['p'])}" for e in events]


def trained_like(kind=FastSNN, **options):
    """Return a network that spikes about as a trained one does."""
    torch.manual_seed(1)
    snn = kind(hidden_size=30, v_th=0.17, **options)
    scatter_taus(snn)
    return Classifier(snn).eval()


def drawn(kind, **options):
    """Return a network without spikes, whose weights are random."""
    torch.manual_seed(1)
    network = kind(**options)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.requires_grad:
                weights += 0.1 * torch.randn_like(weights)
    return Classifier(network).eval()


def layered(**options):
    """Return a network behind a layer, which spikes about as a trained one does."""
    torch.manual_seed(1)
    network = LayerThenSNN(features=30, hidden_size=30, delays=(0, 0.002, 0.005), **options)
    with torch.no_grad():
        for weights in (network.inputs.weight, network.snn.lif0.input_weights):
            weights *= 2
        if network.late is not None:
            network.late += 0.3 * torch.randn_like(network.late)
    return Classifier(network).eval()


@torch.no_grad()
def rounded(classifier):
    """Return a classifier with the weights that its C file of 8 bits computes with."""
    copy = deepcopy(classifier)
    for weights in copy.parameters():
        if weights.ndim > 1:
            steps, scales = to_int8(weights)
            weights.copy_(steps * scales[:, None])
    return copy


@torch.no_grad()
def expected(classifier, events):
    """Return the spikes that events cause, as [step, neuron], and the voltages of all steps."""
    snn = getattr(classifier.snn, "snn", classifier.snn)
    snn.record = True
    voltages, _, _ = classifier.run(to_frames(events, classifier.time_window)[:, None])
    recording = getattr(snn, "recording", None)
    spikes = recording.lif0.z[:, 0].nonzero().tolist() if recording else []
    return spikes, voltages[:, 0].numpy()


def answers_of(printed):
    """Return of each answer the spikes, the steps, their voltages, the class and the maxima."""
    spikes, steps, voltages = [], [], []
    for line in printed:
        kind, *words = line.split()
        numbers = [float(word) for word in words]
        if kind == "z":
            spikes.append(numbers)
        elif kind == "v":
            steps.append(int(numbers[0]))
            voltages.append(numbers[1:])
        else:
            yield spikes, steps, voltages, int(numbers[0]), numbers[1:]
            spikes, steps, voltages = [], [], []


@needs_cc
@pytest.mark.parametrize(
    ("make", "bits"),
    [
        (partial(trained_like, SNN), 32),
        (partial(trained_like, learn_taus=True, dt=0.0005), 32),
        (trained_like, 8),
        (layered, 32),
        (layered, 8),
        (partial(layered, learn_delays=True), 32),
        (partial(drawn, GRU, hidden_size=20, features=30), 32),
        (partial(drawn, GRU, hidden_size=20), 8),
        (partial(drawn, EventGRU), 32),
        (partial(drawn, LeakySum), 32),
        (partial(drawn, LeakySum, dt=0.002), 8),
    ],
)
def test_c_computes_each_step_and_answer_as_pytorch_for_all_test_recordings(
    make, bits, data, tmp_path
):
    classifier = make()
    show = compiled(classifier, tmp_path, bits=bits)
    if bits == 8:
        classifier = rounded(classifier)
    lines = [line for events, _ in data.test for line in ["r", *as_lines(events), "e"]]
    answers = answers_of(show(lines))
    n_steps, n_spikes = 0, 0
    for (events, _), answer in zip(data.test, answers, strict=True):
        found, steps, voltages, best, maxima = answer
        spikes, every = expected(classifier, events)
        assert found == spikes
        assert np.allclose(voltages, every[steps], 1e-4, 1e-5)
        assert np.allclose(maxima, every.max(0), 1e-4, 1e-5)
        assert best == every.max(0).argmax()
        n_steps += len(steps)
        n_spikes += len(spikes)
    assert n_steps > 150
    assert n_spikes > 1000 or make.func is drawn


@needs_cc
@pytest.mark.parametrize("bits", [32, 8])
def test_an_answer_in_between_changes_nothing(bits, data, tmp_path):
    show = compiled(trained_like(), tmp_path, bits=bits)
    events = as_lines(data.test.events[0])
    asked = [word for line in events for word in (line, "a")]
    in_portions = [line for line in show([*asked, "e"]) if line[0] != "a"]
    assert in_portions == show([*events, "e"])
    assert len(in_portions) > 10


@needs_cc
@pytest.mark.parametrize(
    "make",
    [trained_like, layered, *(partial(drawn, kind) for kind in (GRU, EventGRU, LeakySum))],
)
def test_idle_time_is_passed_over_and_gives_the_same_voltages(make, simulated, tmp_path):
    classifier = make()
    snn = getattr(classifier.snn, "snn", classifier.snn)
    if hasattr(snn, "lif0"):  # else spikes would go on for ever
        with torch.no_grad():
            snn.lif0.recurrent_weights *= 0.1
            if snn is not classifier.snn:
                classifier.snn.inputs.bias *= 0.2
    events = simulated.test.events[0]
    late = events.copy()
    late["t"] += events["t"][-1] + 370_000
    both = np.concatenate([events, late])
    show = compiled(classifier, tmp_path)
    ((_, steps, voltages, _, maxima),) = answers_of(show([*as_lines(both), "e"]))
    _, every = expected(classifier, both)
    assert len(steps) < len(every) - 100
    assert np.allclose(voltages, every[steps], 1e-4, 1e-5)
    assert np.allclose(maxima, every.max(0), 1e-4, 1e-5)
    # A hundred years between two events would take hours, step by step.
    far = [*as_lines(events[:5]), "3000000000000000 1 1 1", "e"]
    assert show(far)[-1].startswith("e ")


@needs_cc
def test_bad_streams_are_refused_and_change_nothing(tmp_path):
    show = compiled(trained_like(), tmp_path)
    good = [f"{1000 * step} {step % 35} 9 1" for step in range(5, 60)]
    places = ["60000 35 0 0", "60000 -1 0 0", "60000 0 35 0", "60000 0 0 2", "60000 0 0 -1"]
    times = ["58999 0 0 0", "-5 0 0 0", f"{2**62} 0 0 0"]
    printed = show([*good, *places, *times, "e"])
    refused = [line for line in printed if line.startswith("refused")]
    assert refused == ["refused -2"] * len(places) + ["refused -1"] * len(times)
    assert [line for line in printed if line not in refused] == show([*good, "e"])


@needs_cc
@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [trained_like, layered, *(partial(drawn, kind) for kind in (GRU, EventGRU, LeakySum))],
)
def test_random_events_break_nothing(make, tmp_path):
    rng = np.random.default_rng(0)
    show = compiled(make(), tmp_path, *SANITIZED)
    t = rng.integers(-20, 200, 100_000).cumsum()
    places = rng.integers(-3, 40, (len(t), 2))
    p = rng.integers(-1, 3, len(t))
    lines = [f"{t} {x} {y} {p}" for t, (x, y), p in zip(t, places, p, strict=True)]
    printed = show([*lines, "e"])
    assert {"refused -1", "refused -2"} < {*printed}
    assert np.isfinite([float(word) for word in printed[-1].split()[2:]]).all()


def test_weights_of_8_bits_are_the_nearest_multiples_of_a_scale_per_neuron(tmp_path):
    steps, scales = to_int8(torch.tensor([[-63.5, 0.7, 0.8], [0.0, 0.0, 0.0], [0.0, 254.0, 3.1]]))
    assert steps.tolist() == [[-127, 1, 2], [0, 0, 0], [0, 127, 2]]
    assert scales[[0, 2]].tolist() == [0.5, 2]
    classifier = trained_like()
    sizes = []
    for bits in (32, 8):
        save_c(classifier, tmp_path / "network.c", bits=bits)
        sizes.append((tmp_path / "network.c").stat().st_size)
    assert sizes[1] < sizes[0] / 3


@needs_cc
def test_main_reads_lines_and_says_the_class(data, tmp_path):
    classifier = trained_like()
    classifier.classes = ('a "b"??/', "\\", "é%d", "*/")
    path = tmp_path / "network.c"
    save_c(classifier, path)
    program = tmp_path / "network"
    subprocess.run([CC, *STRICT, path, "-o", program], check=True)
    _, voltages = expected(classifier, data.test.events[0])
    text = "\n".join(as_lines(data.test.events[0]))
    done = subprocess.run([program], input=text, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[0] == classifier.classes[voltages.max(0).argmax()]
    for wrong, words in (("1 2 3", "t x y p"), ("9 0 0 0\n8 0 0 0", "event 2 is refused")):
        done = subprocess.run([program], input=wrong, capture_output=True, text=True)
        assert done.returncode == 1
        assert words in done.stderr


def changed(change):
    classifier = trained_like()
    with torch.no_grad():
        change(classifier)
    return classifier


def with_bias(module):
    if isinstance(module, torch.nn.Linear):
        module.bias.data.fill_(1)


@pytest.mark.parametrize(
    ("classifier", "words"),
    [
        (lambda: Classifier(CNN()), "no C for what CNN computes"),
        (lambda: SNN(), "no C for what SNN computes; give a Classifier"),
        (lambda: Classifier(SNN(), decode=torch.sum), "decode of your own"),
        (lambda: Classifier(SNN()).double(), "float64"),
        (lambda: Classifier(SNN(dt=0.0000015)), "1.5 µs"),
        (lambda: Classifier(SNN(dt=0.006)), "time constant"),
        (lambda: changed(lambda c: c.snn.linear.weight.fill_(torch.nan)), "W_OUT"),
        (lambda: Classifier(GRU(output_size=5)), "5 outputs for .* and 4 classes"),
        (lambda: Classifier(GRU(sensor_size=(9, 9, 2))), "162 inputs .* a sensor of 35x35 pixels"),
        (lambda: Classifier(LeakySum().apply(with_bias)), "sum of biases"),
    ],
)
@pytest.mark.filterwarnings("ignore:dt is")
def test_what_c_cannot_say_is_refused_with_the_reason(classifier, words, tmp_path):
    path = tmp_path / "network.c"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        save_c(classifier(), path)
    assert f"{path} isn't written" in str(error.value)
    assert path.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_writes_the_file_and_says_what_events_have_to_be(run, tmp_path):
    save_checkpoint(trained_like(), tmp_path / "run.pt", further={"options": {"share": 0.5}})
    words = "export", "--checkpoint", tmp_path / "run.pt", "--network", "fast"
    first, second = run(*words, "--c", tmp_path / "network.c")
    assert "35x35 pixels" in first
    assert "50% of the events" in second
    save_c(trained_like(), tmp_path / "same.c")
    assert (tmp_path / "network.c").read_bytes() == (tmp_path / "same.c").read_bytes()
    run(*words, "--c", tmp_path / "network.c", "--bits", "8")
    save_c(trained_like(), tmp_path / "same.c", bits=8)
    assert (tmp_path / "network.c").read_bytes() == (tmp_path / "same.c").read_bytes()


@pytest.mark.parametrize("kind", [LayerThenSNN, GRU, EventGRU, LeakySum])
def test_the_command_writes_what_a_checkpoint_holds(kind, run, tmp_path):
    save_checkpoint(drawn(kind), tmp_path / "run.pt")
    run("export", "--checkpoint", tmp_path / "run.pt", "--c", tmp_path / "network.c")
    save_c(drawn(kind), tmp_path / "same.c")
    assert (tmp_path / "network.c").read_bytes() == (tmp_path / "same.c").read_bytes()


def test_bits_that_c_files_dont_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="bits is 16; give 8 or 32"):
        save_c(trained_like(), tmp_path / "network.c", bits=16)
    assert not [*tmp_path.iterdir()]
