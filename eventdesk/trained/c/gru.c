
/* A layer with ReLU, and gated recurrent units behind it. */
typedef struct {
  stream s;
  float gates[3 * UNITS]; /* what the layer sends: reset, update, candidate */
  int is_silent;          /* whether it has sent this without events */
  int has_settled;        /* whether the last step changed nothing but by rounding, without events */
  float h[UNITS];
} network;

/* 1 / (1 + exp(-x)), by the nearest entry of a table for 0 to 16, and two derivatives there. */
static float sigmoid(float x) {
  float size = x < 0 ? -x : x;
  int entry = size < 16 ? (int)(16 * size + 0.5f) : 256;
  float y = SIGMOID[entry], away = size < 16 ? size - entry / 16.0f : 0;
  y += y * (1 - y) * away * (1 + (0.5f - y) * away);
  return x < 0 ? 1 - y : y;
}

static void receive(network *n) {
  memcpy(n->gates, B_IN, sizeof n->gates);
  for (int f = 0; f < RECEIVERS; f++) {
    float x = n->s.inputs[f] + B_INPUTS[f];
    if (x > 0)
      SEND(W_IN, f, x, n->gates, 3 * UNITS);
  }
  n->is_silent = !n->s.has_input;
}

static void read_out(network *n) {
  memcpy(n->s.v_out, B_OUT, sizeof n->s.v_out);
  for (int k = 0; k < UNITS; k++)
    SEND(W_OUT, k, n->h[k], n->s.v_out, NETWORK_CLASSES);
}

static void compute_step(network *n) {
  float sent[3 * UNITS];
  const float *gates = n->gates;
  if (n->s.has_input || !n->is_silent)
    receive(n);
  memcpy(sent, B_REC, sizeof sent);
  for (int k = 0; k < UNITS; k++)
    SEND(W_REC, k, n->h[k], sent, 3 * UNITS);
  n->has_settled = n->is_silent;
  for (int k = 0; k < UNITS; k++) {
    float reset = sigmoid(gates[k] + sent[k]);
    float update = sigmoid(gates[UNITS + k] + sent[UNITS + k]);
    float candidate = 2 * sigmoid(2 * (gates[2 * UNITS + k] + reset * sent[2 * UNITS + k])) - 1;
    float h = candidate + update * (n->h[k] - candidate);
    if (h - n->h[k] > 2e-7f || n->h[k] - h > 2e-7f)
      n->has_settled = 0;
    n->h[k] = h;
  }
  read_out(n);
}

#ifdef KEEP /* a step without events only shrinks the units by this factor, as they have learned */
static int is_quiet(const network *n) {
  (void)n;
  return 1;
}

static void pass_over(network *n, int64_t steps) {
  float kept = power(KEEP, steps);
  for (int k = 0; k < UNITS; k++)
    n->h[k] *= kept;
  read_out(n);
}
#else
static int is_quiet(const network *n) { return n->has_settled; }

static void pass_over(network *n, int64_t steps) { (void)n, (void)steps; }
#endif
