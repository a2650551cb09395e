
void network_reset(network *n) {
  memset(n, 0, sizeof *n);
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->s.maxima[o] = -3.4e38f;
}

/* A step is passed over if without events nothing can spike, and each voltage only falls or comes
 * nearer to where it stays: its largest is the first, which is known, or the last. */
static void advance(network *n, int64_t step) {
  while (n->s.step < step) {
    int is_idle = !n->s.has_input && is_quiet(n);
    if (is_idle)
      pass_over(n, step - n->s.step);
    else
      compute_step(n);
    for (int o = 0; o < NETWORK_CLASSES; o++)
      if (n->s.v_out[o] > n->s.maxima[o])
        n->s.maxima[o] = n->s.v_out[o];
    if (is_idle) {
      n->s.step = step;
      return;
    }
    memset(n->s.inputs, 0, sizeof n->s.inputs);
    n->s.has_input = 0;
    NETWORK_ON_STEP(n);
    n->s.step++;
  }
}

/* Add an event: its time in microseconds, which never goes back, its pixel and polarity.
 * Whatever is refused changes nothing. */
int network_push(network *n, int64_t t, int32_t x, int32_t y, int32_t p) {
  if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT || p < 0 || p >= POLARITIES)
    return NETWORK_BAD_PLACE;
  if (t < 0 || t >= NETWORK_MAX_TIME || (n->s.has_begun && t < n->s.last))
    return NETWORK_BAD_TIME;
  if (!n->s.has_begun)
    n->s.start = t;
  n->s.has_begun = 1;
  n->s.last = t;
  if (t >= n->s.end) { /* a division takes long on a small processor */
    advance(n, (t - n->s.start) / TIME_WINDOW);
    n->s.end = n->s.start + (n->s.step + 1) * TIME_WINDOW;
  }
  SEND(W_INPUTS, (p * HEIGHT + y) * WIDTH + x, 1, n->s.inputs, RECEIVERS);
  n->s.has_input = 1;
  return NETWORK_OK;
}

/* Return the number of the class if no more events come, or NETWORK_NO_ANSWER where two are as
 * likely, and write the maxima of the voltages, whose softmax are the probabilities. More events
 * may follow. */
int network_answer(const network *n, float maxima[NETWORK_CLASSES]) {
  network end = *n;
  int best = 0, is_tie = 0;
  if (!n->s.has_begun) {
    memset(maxima, 0, sizeof end.s.maxima);
    return NETWORK_NO_ANSWER;
  }
  advance(&end, n->s.step + 1 + SETTLE_STEPS);
  memcpy(maxima, end.s.maxima, sizeof end.s.maxima);
  for (int o = 1; o < NETWORK_CLASSES; o++) {
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
  int fields, answer;
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
  for (int o = 0; o < NETWORK_CLASSES; o++)
    printf("%s %.6g\n", NETWORK_NAMES[o], maxima[o]);
  return 0;
}
#endif
