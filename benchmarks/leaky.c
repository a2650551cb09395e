/* A logistic regression over a sum that decays from step to step; above stand the numbers. Without
 * events its voltages fall, so steps without them are passed over. */
typedef struct {
  int64_t step; /* that events are added to */
  float sums[NETWORK_CLASSES];
  float v_out[NETWORK_CLASSES];
} network;

static void advance(network *n, int64_t step) {
  int64_t steps = step - n->step;
  float keep = steps < TABLE ? KEPT[steps] : 0;
  if (steps == 0)
    return;
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->v_out[o] = n->sums[o] + B_OUT[o];
  NETWORK_ON_STEP(n);
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->sums[o] *= keep;
  n->step = step;
}

void network_reset(network *n) { memset(n, 0, sizeof *n); }

int network_push(network *n, int64_t t, int32_t x, int32_t y, int32_t p) {
  const float *weights = W_INPUTS[(p * HEIGHT + y) * WIDTH + x];
  advance(n, t / TIME_WINDOW);
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->sums[o] += weights[o];
  return 0;
}
