
/* Leaky integrate-and-fire neurons, and leaky integrators that read them out. */
typedef struct {
  stream s;
#ifdef LAYER
  layer before;
#endif
  float sent[HIDDEN]; /* what the last spikes send */
  float i[HIDDEN];    /* currents */
  float v[HIDDEN];    /* voltages after the reset */
  uint8_t z[HIDDEN];  /* spikes */
  int has_spiked;
  float i_out[NETWORK_CLASSES];
} network;

static void compute_step(network *n) {
  float sent_out[NETWORK_CLASSES] = {0};
#ifdef LAYER
  const float *inputs = n->before.sends;
  look(&n->before, n->s.inputs, n->s.has_input);
#else
  const float *inputs = n->s.inputs;
#endif
  n->has_spiked = 0;
  for (int h = 0; h < HIDDEN; h++) {
    n->i[h] = (n->i[h] + inputs[h]) + n->sent[h];
    n->v[h] += A[h] * (n->i[h] - n->v[h]);
    n->i[h] -= S[h] * n->i[h];
    n->z[h] = n->v[h] > V_TH;
    if (n->z[h]) {
      n->v[h] = 0;
      n->has_spiked = 1;
    }
  }
  memset(n->sent, 0, sizeof n->sent);
  for (int h = 0; n->has_spiked && h < HIDDEN; h++) {
    if (!n->z[h])
      continue;
    SEND(W_REC, h, 1, n->sent, HIDDEN);
    SEND(W_OUT, h, 1, sent_out, NETWORK_CLASSES);
  }
  for (int o = 0; o < NETWORK_CLASSES; o++) {
    n->i_out[o] += sent_out[o];
    n->s.v_out[o] += A_OUT * (n->i_out[o] - n->s.v_out[o]);
    n->i_out[o] -= S_OUT * n->i_out[o];
  }
}

/* A voltage moves towards its current, which gets smaller, or with what a layer sends in silence
 * moves towards what that adds up to: the voltage can't become larger than all of these. */
static int is_quiet(const network *n) {
  if (n->has_spiked)
    return 0;
#ifdef LAYER
  if (n->before.silent < ROWS)
    return 0;
  for (int h = 0; h < HIDDEN; h++)
    if (n->i[h] + n->before.sends[h] >= V_TH || n->before.sends[h] / S[h] >= V_TH)
      return 0;
#else
  for (int h = 0; h < HIDDEN; h++)
    if (n->i[h] >= V_TH)
      return 0;
#endif
  for (int o = 0; o < NETWORK_CLASSES; o++)
    if (n->i_out[o] > 0 && n->i_out[o] > n->s.maxima[o])
      return 0;
  return 1;
}

/* Decay for so many steps at once: v = keep * v + take * i, and i = rest * i, by squaring. */
static void decay(float *v, float *i, float a, float s, int64_t steps) {
  float keep = 1 - a, take = a, rest = 1 - s;
  for (; steps > 0; steps >>= 1) {
    if (steps & 1) {
      *v = keep * *v + take * *i;
      *i = rest * *i;
    }
    take = (keep + rest) * take;
    keep = keep * keep;
    rest = rest * rest;
  }
}

static void pass_over(network *n, int64_t steps) {
  for (int h = 0; h < HIDDEN; h++) {
#ifdef LAYER
    float rest = n->before.sends[h] / S[h], current = rest - n->before.sends[h];
#else
    float rest = 0, current = 0;
#endif
    n->v[h] -= rest;
    n->i[h] -= current;
    decay(&n->v[h], &n->i[h], A[h], S[h], steps);
    n->v[h] += rest;
    n->i[h] += current;
  }
  for (int o = 0; o < NETWORK_CLASSES; o++)
    decay(&n->s.v_out[o], &n->i_out[o], A_OUT, S_OUT, steps);
}
