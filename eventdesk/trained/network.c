/* Above stand the network's numbers; this is what computes with them.
 *
 * Include this file, or compile it with NETWORK_NO_MAIN and declare what you use:
 *
 *     static network n;
 *     network_reset(&n);
 *     network_push(&n, t, x, y, p);         for each event, in order of time
 *     class = network_answer(&n, maxima);   whenever you like
 *
 * A time step is computed when an event of a later one comes. Compile without -ffast-math, and for
 * the spikes of PyTorch with -ffp-contract=off.
 */

enum { NETWORK_OK = 0, NETWORK_BAD_TIME = -1, NETWORK_BAD_PLACE = -2 };

#define NETWORK_NO_ANSWER (-1)
#define NETWORK_MAX_TIME (INT64_C(1) << 53) /* microseconds */

#if BITS == 8
#define WEIGHT(name, sender, receiver) (name##_SCALES[receiver] * name[sender][receiver])
#else
#define WEIGHT(name, sender, receiver) (name[sender][receiver])
#endif

#ifndef NETWORK_ON_STEP /* is called with the network after each step that is computed */
#define NETWORK_ON_STEP(n) ((void)0)
#endif

typedef struct {
  int64_t start, last;       /* times of the first and of the last event, in microseconds */
  int64_t step;              /* the step that events are added to */
  int has_begun;             /* whether an event has come */
  int has_input;             /* whether one has come in this step */
  int is_quiet;              /* without events, nothing can spike, and no maximum grow within */
  float inputs[HIDDEN];      /* what the events of this step send */
  float sent[HIDDEN];        /* what the last spikes send */
  float i[HIDDEN];           /* currents */
  float v[HIDDEN];           /* voltages after the reset */
  uint8_t z[HIDDEN];         /* spikes */
  float i_out[NETWORK_CLASSES];
  float v_out[NETWORK_CLASSES];
  float maxima[NETWORK_CLASSES]; /* of v_out, by which the answer is chosen */
} network;

void network_reset(network *n) {
  int o;
  memset(n, 0, sizeof *n);
  for (o = 0; o < NETWORK_CLASSES; o++)
    n->maxima[o] = -3.4e38f;
}

static void keep_maximum(network *n, int o) {
  if (n->v_out[o] > n->maxima[o])
    n->maxima[o] = n->v_out[o];
}

static void compute_step(network *n) {
  float sent_out[NETWORK_CLASSES] = {0};
  int h, k, o, has_spiked = 0;
  n->is_quiet = 1;
  for (h = 0; h < HIDDEN; h++) {
    n->i[h] = (n->i[h] + n->inputs[h]) + n->sent[h];
    n->v[h] += A[h] * (n->i[h] - n->v[h]);
    n->i[h] -= S[h] * n->i[h];
    n->z[h] = n->v[h] > V_TH;
    if (n->z[h]) {
      n->v[h] = 0;
      has_spiked = 1;
    }
    /* A voltage moves towards its current, which gets smaller: it can't become larger than both. */
    if (n->i[h] >= V_TH)
      n->is_quiet = 0;
  }
  memset(n->inputs, 0, sizeof n->inputs);
  memset(n->sent, 0, sizeof n->sent);
  for (h = 0; has_spiked && h < HIDDEN; h++) {
    if (!n->z[h])
      continue;
    n->is_quiet = 0;
    for (k = 0; k < HIDDEN; k++)
      n->sent[k] += WEIGHT(W_REC, h, k);
    for (o = 0; o < NETWORK_CLASSES; o++)
      sent_out[o] += WEIGHT(W_OUT, h, o);
  }
  for (o = 0; o < NETWORK_CLASSES; o++) {
    n->i_out[o] += sent_out[o];
    n->v_out[o] += A_OUT * (n->i_out[o] - n->v_out[o]);
    n->i_out[o] -= S_OUT * n->i_out[o];
    keep_maximum(n, o);
    if (n->i_out[o] > 0 && n->i_out[o] > n->maxima[o])
      n->is_quiet = 0;
  }
  n->has_input = 0;
  NETWORK_ON_STEP(n);
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
  int h, o;
  for (h = 0; h < HIDDEN; h++)
    decay(&n->v[h], &n->i[h], A[h], S[h], steps);
  memset(n->z, 0, sizeof n->z);
  for (o = 0; o < NETWORK_CLASSES; o++) {
    decay(&n->v_out[o], &n->i_out[o], A_OUT, S_OUT, steps);
    keep_maximum(n, o); /* a voltage below 0 rises to it; any other is largest at the beginning */
  }
}

static void advance(network *n, int64_t step) {
  while (n->step < step) {
    if (n->is_quiet && !n->has_input) {
      pass_over(n, step - n->step);
      n->step = step;
    } else {
      compute_step(n);
      n->step++;
    }
  }
}

/* Add an event: its time in microseconds, which never goes back, its pixel and polarity.
 * Whatever is refused changes nothing. */
int network_push(network *n, int64_t t, int32_t x, int32_t y, int32_t p) {
  int32_t input;
  int h;
  if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT || p < 0 || p >= POLARITIES)
    return NETWORK_BAD_PLACE;
  if (t < 0 || t >= NETWORK_MAX_TIME || (n->has_begun && t < n->last))
    return NETWORK_BAD_TIME;
  if (!n->has_begun)
    n->start = t;
  n->has_begun = 1;
  n->last = t;
  advance(n, (t - n->start) / TIME_WINDOW);
  input = (p * HEIGHT + y) * WIDTH + x;
  for (h = 0; h < HIDDEN; h++)
    n->inputs[h] += WEIGHT(W_IN, input, h);
  n->has_input = 1;
  return NETWORK_OK;
}

/* Return the number of the class if no more events come, or NETWORK_NO_ANSWER where two are as
 * likely, and write the maxima of the voltages, whose softmax are the probabilities. More events
 * may follow. */
int network_answer(const network *n, float maxima[NETWORK_CLASSES]) {
  network end = *n;
  int o, best = 0, is_tie = 0;
  if (!n->has_begun) {
    memset(maxima, 0, sizeof end.maxima);
    return NETWORK_NO_ANSWER;
  }
  advance(&end, n->step + 1 + SETTLE_STEPS);
  memcpy(maxima, end.maxima, sizeof end.maxima);
  for (o = 1; o < NETWORK_CLASSES; o++) {
    if (maxima[o] > maxima[best]) {
      best = o;
      is_tie = 0;
    } else if (maxima[o] == maxima[best]) {
      is_tie = 1;
    }
  }
  return is_tie ? NETWORK_NO_ANSWER : best;
}

#ifndef NETWORK_NO_MAIN
/* An example: read lines "t x y p" from standard input, and print the answer. */
#include <inttypes.h>
#include <stdio.h>

int main(void) {
  static network n;
  float maxima[NETWORK_CLASSES];
  int64_t t;
  int32_t x, y, p;
  long line = 1;
  int fields, answer, o;
  network_reset(&n);
  while ((fields = scanf("%" SCNd64 "%" SCNd32 "%" SCNd32 "%" SCNd32, &t, &x, &y, &p)) == 4) {
    int code = network_push(&n, t, x, y, p);
    if (code != NETWORK_OK) {
      const char *reason = code == NETWORK_BAD_TIME ? "its time goes back" : "it is outside";
      fprintf(stderr, "event %ld is refused: %s\n", line, reason);
      return 1;
    }
    line++;
  }
  if (fields != EOF) {
    fprintf(stderr, "event %ld isn't written as t x y p\n", line);
    return 1;
  }
  answer = network_answer(&n, maxima);
  puts(answer == NETWORK_NO_ANSWER ? "no answer" : NETWORK_NAMES[answer]);
  for (o = 0; o < NETWORK_CLASSES; o++)
    printf("%s %.6g\n", NETWORK_NAMES[o], maxima[o]);
  return 0;
}
#endif
