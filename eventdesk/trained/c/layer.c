
/* A layer with ReLU that sees the events of a step, and delayed copies of what it has found. */
#define LAYER

typedef struct {
  float found[ROWS][FEATURES]; /* in this step, in row number now, and in the steps before */
  int now;
  int silent;          /* steps without events, up to ROWS */
  float sends[HIDDEN]; /* what the copies send to the neurons */
} layer;

static void look(layer *l, const float *inputs, int has_input) {
  l->now = (l->now + 1) % ROWS;
  for (int f = 0; f < FEATURES; f++) {
    float x = inputs[f] + B_INPUTS[f];
    l->found[l->now][f] = x > 0 ? x : 0;
  }
  memset(l->sends, 0, sizeof l->sends);
  for (int k = 0; k < COPIES * FEATURES; k++) { /* each between two steps */
    int step = (l->now + ROWS - DELAYS[k]) % ROWS;
    float x = l->found[step][k % FEATURES];
    float earlier = l->found[(step + ROWS - 1) % ROWS][k % FEATURES];
    x += PARTS[k] * (earlier - x);
    if (x != 0)
      SEND(W_IN, k, x, l->sends, HIDDEN);
  }
  if (has_input)
    l->silent = 0;
  else if (l->silent < ROWS)
    l->silent++;
}
