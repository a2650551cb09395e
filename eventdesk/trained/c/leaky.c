
/* A logistic regression over a sum that decays from step to step. */
typedef struct {
  stream s;
  float sums[NETWORK_CLASSES];
} network;

static void compute_step(network *n) {
  for (int o = 0; o < NETWORK_CLASSES; o++) {
    n->sums[o] = KEEP * n->sums[o] + n->s.inputs[o];
    n->s.v_out[o] = n->sums[o] + B_OUT[o];
  }
}

static int is_quiet(const network *n) {
  (void)n;
  return 1;
}

static void pass_over(network *n, int64_t steps) {
  float kept = power(KEEP, steps);
  for (int o = 0; o < NETWORK_CLASSES; o++) {
    n->sums[o] *= kept;
    n->s.v_out[o] = n->sums[o] + B_OUT[o];
  }
}
