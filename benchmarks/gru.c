/* Gated recurrent units behind a layer with ReLU; above stand the numbers. Where KEEP is defined, a
 * step without events only shrinks the units by this factor, as the network has learned. */
typedef struct {
  int64_t step;          /* that events are added to */
  int has_input;         /* whether one has come in this step */
  float inputs[UNITS];   /* what the events of this step send */
  float gates[3 * UNITS]; /* what the layer sends: reset, update, candidate */
  float h[UNITS];
  float v_out[NETWORK_CLASSES];
} network;

static float dot(const float *a, const float *b) {
  float sum = 0;
  for (int k = 0; k < UNITS; k++)
    sum += a[k] * b[k];
  return sum;
}

/* 1 / (1 + exp(-x)), between two entries of a table from -8 to 8. */
static float sigmoid(float x) {
  float place = (x + 8) * (TABLE / 16);
  int entry = (int)place;
  if (place <= 0)
    return SIGMOID[0];
  if (place >= TABLE)
    return SIGMOID[TABLE];
  return SIGMOID[entry] + (place - entry) * (SIGMOID[entry + 1] - SIGMOID[entry]);
}

static void receive(network *n) {
  for (int k = 0; k < UNITS; k++) {
    float x = n->inputs[k] + B_INPUTS[k];
    n->inputs[k] = x > 0 ? x : 0;
  }
  for (int gate = 0; gate < 3 * UNITS; gate++)
    n->gates[gate] = B_IN[gate] + dot(W_IN[gate], n->inputs);
  memset(n->inputs, 0, sizeof n->inputs);
}

static void compute_step(network *n, int had_input) {
  float h[UNITS];
  if (n->has_input || had_input) /* else the gates are what they were */
    receive(n);
  for (int k = 0; k < UNITS; k++) {
    float reset = sigmoid(n->gates[k] + B_REC[k] + dot(W_REC[k], n->h));
    float update = sigmoid(n->gates[UNITS + k] + B_REC[UNITS + k] + dot(W_REC[UNITS + k], n->h));
    float past = B_REC[2 * UNITS + k] + dot(W_REC[2 * UNITS + k], n->h);
    float candidate = 2 * sigmoid(2 * (n->gates[2 * UNITS + k] + reset * past)) - 1;
    h[k] = candidate + update * (n->h[k] - candidate);
  }
  memcpy(n->h, h, sizeof h);
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->v_out[o] = B_OUT[o] + dot(W_OUT[o], n->h);
  n->has_input = 0;
  NETWORK_ON_STEP(n);
}

static void advance(network *n, int64_t step) {
  int had_input = 1;
#ifdef KEEP
  float kept = 1, keep = KEEP;
  if (n->step == step)
    return;
  compute_step(n, had_input);
  for (int64_t steps = step - n->step - 1; steps > 0; steps >>= 1) {
    if (steps & 1)
      kept *= keep;
    keep *= keep;
  }
  for (int k = 0; k < UNITS; k++)
    n->h[k] *= kept;
  n->step = step;
#else
  for (; n->step < step; n->step++) {
    int has_input = n->has_input;
    compute_step(n, had_input);
    had_input = has_input;
  }
#endif
}

void network_reset(network *n) { memset(n, 0, sizeof *n); }

int network_push(network *n, int64_t t, int32_t x, int32_t y, int32_t p) {
  const float *weights = W_INPUTS[(p * HEIGHT + y) * WIDTH + x];
  advance(n, t / TIME_WINDOW);
  for (int k = 0; k < UNITS; k++)
    n->inputs[k] += weights[k];
  n->has_input = 1;
  return 0;
}
